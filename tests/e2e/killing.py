"""Syncs that are killed at random moments, and the truth to hold the workbook against."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl

from cqs_sheets.journal import Journal, PastPoll
from cqs_sheets.sandbox import RunningSandbox
from tests.sandbox.truth import describe

TABS = {"main": "Signals", "scalping": "Scalping"}
FREE_POOLS = {"FREE", "FREEMIUM"}
PRICES = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask")
_NOISE = timedelta(seconds=2)  # Date headers are whole seconds


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A workbook, a journal and a market for one harness run."""

    folder: Path
    sandbox: RunningSandbox

    @property
    def workbook(self) -> Path:
        return self.folder / "signals.xlsx"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def command(self, *options: str) -> list[str]:
        config = self.folder / "cqs-sheets.toml"
        config.write_text('[api]\nretry_for = "1s"\n', encoding="utf-8")
        return [
            sys.executable, "-m", "cqs_sheets", "sync", "--to", str(self.workbook), "--template", "raw",
            *options,
        ]  # fmt: skip

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CQS_", "GITHUB_"))}
        return kept | {"CQS_API_URL": self.sandbox.url, "CQS_HOME": str(self.home)}

    def sync(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*options),
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*options), env=self.environ, cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def seconds_of_a_sync(self) -> float:
        begun = time.monotonic()
        self.sync("-q")
        return time.monotonic() - begun

    def sync_killed_after(self, seconds: float) -> bool:
        """Whether the sync was still running when it was killed."""
        with self.start("-q") as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                return True
        return False


def run_with_kills(scene: Scene, *, polls: int, kills: int, seed: int) -> int:
    """Sync `polls` times, `kills` of them killed at a random moment of their life; returns how many died."""
    chance = random.Random(seed)  # noqa: S311 - for a reproducible order, not for secrets
    usual = scene.seconds_of_a_sync()
    doomed = set(chance.sample(range(polls), kills))
    died = 0
    for number in range(polls):
        if number in doomed:
            died += scene.sync_killed_after(chance.uniform(0.0, usual * 1.1))
        else:
            usual = scene.seconds_of_a_sync()  # anew, as the machine's load comes and goes
    return died


def truth(scene: Scene, since: datetime) -> list[dict[str, Any]]:
    """Every signal of the free tier that the market published since, as the sandbox tells it."""
    signals = map(describe, scene.sandbox.market.history(since - timedelta(minutes=25), utc_now()))
    return [signal for signal in signals if signal["pool"] in FREE_POOLS]


def good_polls(scene: Scene) -> list[PastPoll]:
    with Journal.open_readonly(scene.home / "journal.sqlite3", clock=utc_now) as journal:
        return [poll for poll in journal.polls(100_000) if poll.sure and poll.window]


def rows(scene: Scene) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The workbook's rows by (table, id), read by a program that is not ours."""
    book = openpyxl.load_workbook(scene.workbook, read_only=False)
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for table, tab in TABS.items():
        if tab not in book.sheetnames:
            continue
        header, *lines = book[tab].iter_rows(values_only=True)
        for line in lines:
            row = dict(zip(map(str, header), line, strict=False))
            if row["id"] is not None:
                found.setdefault((table, str(row["id"])), []).append(row)
    return found


def violations(scene: Scene, since: datetime) -> list[str]:
    """What the workbook lacks, doubles or holds wrongly, by the market's own account."""
    held = rows(scene)
    problems = [f"{key} stands {len(lines)} times" for key, lines in held.items() if len(lines) > 1]
    polls = good_polls(scene)
    for signal in truth(scene, since):
        key = (signal["table"], signal["id"])
        seen = [poll for poll in polls if _surely_saw(poll, signal)]
        if not seen:
            continue
        if key not in held:
            problems.append(f"{key}, published {signal['published']}, is missing")
        elif not any(_matches(held[key][0], values) for values in _values_around(signal, seen[-1])):
            problems.append(f"{key} holds {held[key][0]}, not {signal['final']}")
    return problems


def _surely_saw(poll: PastPoll, signal: Mapping[str, Any]) -> bool:
    """Whether the signal was open inside the poll's window for certain, the whole seconds of Date considered."""
    assert poll.window
    published, closed = _time(signal["published"]), signal["closed"]
    in_window = poll.window.start + _NOISE <= published <= poll.window.end - _NOISE
    return in_window and (closed is None or _time(closed) > poll.window.end + _NOISE)


def _values_around(signal: Mapping[str, Any], last: PastPoll) -> list[dict[str, Any]]:
    """The values the market may have shown at that poll: an edit within the clock's noise counts both ways.

    Later, less certain polls may have seen later edits, so those are right as well.
    """
    values = dict(signal["first"])
    possible = [dict(values)]
    for edit in signal["edits"]:
        values |= edit["changes"]
        if _time(edit["at"]) <= last.at - _NOISE:
            possible = [dict(values)]
        else:
            possible.append(dict(values))
    return possible


def _matches(row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return all(_decimal(row[name]) == _decimal(values.get(name)) for name in PRICES)


def _decimal(value: object) -> Decimal | None:
    if value in (None, "", "0"):
        return None
    return Decimal(repr(value) if isinstance(value, float) else str(value))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
