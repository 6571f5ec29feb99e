"""A first sync with weeks of signals behind it is killed while it judges: nothing is lost, little is fetched twice."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import openpyxl
import pytest

from cqs_sheets import sandbox
from cqs_sheets.config import OutcomesSettings
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.journal import JOURNAL_FILE, Journal
from cqs_sheets.run.journals import give_past
from cqs_sheets.run.outcomes import Chosen, Judge, stories
from cqs_sheets.sandbox.answers import SeenRequest
from tests.cli.command import Shell
from tests.e2e.killing import utc_now

pytest.importorskip("ccxt")


@dataclass
class Asked:
    """The candles that were asked for, and the process that is killed when so many more were."""

    klines: Counter[tuple[str, ...]] = field(default_factory=Counter)
    doomed: subprocess.Popen[str] | None = None
    left: int = 0

    def __call__(self, request: SeenRequest) -> None:
        if "kline" not in request.path:
            return
        asked = request.params
        names = ("category", "symbol", "interval", "startTime", "start")
        self.klines[request.path, *(asked.get(name, "") for name in names)] += 1
        self.left -= 1
        if self.doomed and self.left == 0:
            self.doomed.kill()

    def again(self) -> int:
        """How often candles were asked for again that had ended long before: later ones grow meanwhile."""
        old = (utc_now() - timedelta(days=1)).timestamp() * 1000
        return sum(count - 1 for (*_, one, other), count in self.klines.items() if int(one or other) < old)


@dataclass
class Scene:
    """A home with a past, and a market."""

    shell: Shell
    server: sandbox.RunningSandbox
    asked: Asked

    @property
    def path(self) -> Path:
        return self.shell.home / JOURNAL_FILE

    def sync(self, killed_at: int | None = None) -> int:
        """The exit code of a sync; of one that is killed at a request for candles, the signal."""
        command = ("sync", "--template", "paper", "-q")
        urls = {"CQS_API_URL": self.server.url, "CQS_MARKETS_URL": self.server.url}
        if killed_at is None:
            return self.shell.run(*command, **urls).returncode
        with self.shell.start(*command, **urls) as process:
            self.asked.left, self.asked.doomed = killed_at, process
            process.communicate(timeout=600)
            self.asked.doomed = None
            return process.returncode

    def results(self) -> dict[int, tuple[object, ...]]:
        """What became of signals that are over, as the journal has it."""
        with Journal.open_readonly(self.path, clock=utc_now) as journal:
            assert journal.verify() == []
            return {
                arrival: (kept.shown["outcome"], kept.shown.get("r_net"), kept.shown.get("exit_at"))
                for arrival, kept in journal.outcomes(Rules()).items()
                if kept.state and kept.state.over
            }

    def from_scratch(self, folder: Path) -> dict[int, tuple[object, ...]]:
        """The same judged at one go, without any candle kept."""
        with Journal.open_readonly(self.path, clock=utc_now) as journal:
            records = list(journal.records())
            judge = Judge(
                journal=journal, home=folder, settings=OutcomesSettings(), markets_url=self.server.url,
                clock=utc_now,
            )  # fmt: skip
            [found] = judge.judge_all(list(stories(journal, Chosen())), [Rules()])
        return {
            record.arrival: (one.outcome, one.r_net, one.legs[-1].at if one.legs else None)
            for record, one in zip(records, found, strict=True)
        }

    def rows(self) -> int:
        sheet = openpyxl.load_workbook(self.shell.folder / "signals.xlsx")["Signals"]
        return sum(1 for row in sheet.iter_rows(min_row=4, max_col=1, values_only=True) if row[0] is not None)


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """A market, and a journal of the last days."""
    asked = Asked()
    with sandbox.start(seed=5, on_request=asked) as server:
        shell = Shell(folder)
        with Journal.open(shell.home / JOURNAL_FILE, clock=utc_now) as journal:
            give_past(journal, server.market, "default", utc_now())
        yield Scene(shell, server, asked)


def tried(folder: Path, kills: Sequence[int]) -> None:
    with scene(folder) as here:
        signals = 0
        for number in kills:
            assert here.sync(killed_at=number) < 0, "it was over before it was killed"
            here.results()
            assert here.rows() > signals  # they are written before a candle is fetched
            signals = here.rows() - 1
        assert here.sync() == 0
        found, again = here.results(), here.asked.again()
        assert found
        wanted = here.from_scratch(folder / "elsewhere")
        assert found == {arrival: wanted[arrival] for arrival in found}
        total = here.asked.klines.total()
        print(f"{len(kills)} kills, {len(found)} over, {total} requests for candles, {again} again")  # noqa: T201
        assert again <= 2 * len(kills)  # the answer on its way, and the one before it


def test_killed_once_and_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqs_sheets.run.journals._DAYS", 1)
    tried(tmp_path, [7])


@pytest.mark.soak
def test_killed_at_thirty_points_of_thirty_days(tmp_path: Path) -> None:
    dice = Random(4)  # noqa: S311 - no secret
    tried(tmp_path, [dice.randrange(1, 25) for _ in range(30)])
