"""A watch over simulated days: nothing missed, nothing doubled, nothing grows."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from cqs_sheets.core.signals.signal import FeedTable, SignalKey
from cqs_sheets.journal import Journal
from cqs_sheets.run.sync import Beat, Step, watch
from tests.e2e.runs import World, world

KEPT = timedelta(hours=12)
BYTES_PER_SIGNAL = 1000
_PROCESS = Path("/proc/self")
_LEFT = 100  # rows that the user leaves in the sheet
FREE = {sandbox.Pool.FREE, sandbox.Pool.FREEMIUM}


@dataclass
class Month:
    """A watch in simulated time; sleeping moves the clock of client and market alike."""

    market: World
    begun: datetime
    days: int = 0
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    journal: list[int] = field(default_factory=list)
    signals: int = 0
    pruned: int = 0

    def elapsed(self) -> float:
        return (self.market.clock() - self.begun).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.market.clock.pass_(seconds=seconds)

    def step(self, _: float) -> Step:
        report = self.market.sync().report
        self.signals += report.api.new
        if self.elapsed() // 86_400 > self.days:
            self.days += 1
            self.end_of_day()
        return Step(exit_code=report.exit_code, good=not report.errors)

    def end_of_day(self) -> None:
        """Prune, move old rows out of the sheet as a user would, and take the measures."""
        with Journal.open(self.file, clock=self.market.clock) as journal:
            self.pruned += journal.prune(self.market.clock() - KEPT).answers
            assert journal.verify() == []
        rows = self.market.memory.tabs["Signals"]
        with self.archive.open("a") as archive:
            archive.writelines(f"{row['id']}\n" for row in rows[:-_LEFT])
        del rows[:-_LEFT]
        self.market.memory.touch()
        gc.collect()
        self.memory.append(resident())
        self.files.append(open_files())
        self.journal.append(self.file.stat().st_size)

    @property
    def archive(self) -> Path:
        return self.market.folder / "archive"

    @property
    def file(self) -> Path:
        return self.market.folder / "journal.sqlite3"


def resident() -> int:
    """Bytes of memory this process holds; 0 where there is no /proc."""
    return int((_PROCESS / "statm").read_text().split()[1]) * 4096 if _PROCESS.exists() else 0


def open_files() -> int:
    """How many files this process holds open; 0 where there is no /proc."""
    return len(list((_PROCESS / "fd").iterdir())) if _PROCESS.exists() else 0


@contextmanager
def month(folder: Path, *, days: int, every: float) -> Iterator[Month]:
    """That many days watched."""
    with world(folder, seed=3, requests_kept=10) as market:
        made = Month(market, market.clock())
        beat = Beat(every=every, lasting=days * 86_400.0 + every)
        assert watch(beat, made.step, elapsed=made.elapsed, sleep=made.sleep) == 0
        yield made


def published(made: Month, every: float) -> set[SignalKey]:
    """What the free key could see at two polls or more, by the market's own truth."""
    found, until = set(), made.market.clock() - timedelta(seconds=2 * every)
    since = made.begun
    while since < until:
        upto = min(since + timedelta(days=5), until)
        found |= {
            SignalKey(FeedTable(signal.table), str(signal.published_fields["id"]))
            for signal in made.market.server.market.history(since, upto)
            if signal.pool in FREE and signal.closed - signal.published > every * 1e6
        }
        since = upto
    return found


def check(made: Month, every: float) -> None:
    with Journal.open_readonly(made.file, clock=made.market.clock) as journal:
        held = {record.signal.key for record in journal.records()}
        seen = journal.coverage()
    assert published(made, every) <= held
    assert seen.gap_seconds == 0
    assert seen.covered_seconds >= made.days * 86_400
    ids = [str(row["id"]) for row in made.market.memory.tabs["Signals"]] + made.archive.read_text().split()
    assert len(ids) == len(set(ids))
    assert {key.id for key in held if key.table is FeedTable.MAIN} == set(ids)
    assert made.pruned > 50
    assert made.files[-1] <= made.files[0]
    assert made.journal[-1] - made.journal[0] < BYTES_PER_SIGNAL * made.signals


def test_days_of_watching_miss_and_double_nothing_and_pruning_forgets_nothing(tmp_path: Path) -> None:
    with month(tmp_path, days=1, every=1190) as made:
        check(made, 1080)


@pytest.mark.soak
@pytest.mark.skipif(not _PROCESS.exists(), reason="no /proc on this system")
def test_a_month_of_watching_grows_in_nothing_but_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with month(tmp_path, days=30, every=900) as made:
        check(made, 900)
    per_signal = made.journal[-1] / made.signals
    with capsys.disabled():
        print(f"\n{made.signals} signals, memory {made.memory[2] >> 20} -> {made.memory[-1] >> 20} MiB")  # noqa: T201
        print(f"open files {made.files[0]} -> {made.files[-1]}, {per_signal:.0f} bytes of journal per signal")  # noqa: T201
        print("journal by day, KiB:", *(size >> 10 for size in made.journal))  # noqa: T201
    assert made.memory[-1] < made.memory[2] * 1.1
