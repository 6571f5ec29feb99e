"""Several processes write one target at the same time: with one journal, and with a journal each.

Three that start together are among the ordinary tests; eight that go on for five minutes are a soak.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openpyxl
import pytest

from cqs_sheets import sandbox
from cqs_sheets.journal import Journal
from tests.cli.command import Shell
from tests.e2e.killing import utc_now
from tests.emulators.google_sheets import RunningSheets, start

PROCESSES = 8
SOAK = 300.0
HANGS = 600.0
TABS = ("Signals", "Scalping")


@pytest.fixture
def server() -> Iterator[sandbox.RunningSandbox]:
    """A market in a hurry, so that every sync has something to write."""
    with sandbox.start(seed=5, speed=120) as running:
        yield running


@pytest.fixture
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


def sync(shell: Shell, target: str, home: Path) -> subprocess.CompletedProcess[str]:
    """One sync, given as long as eight of them may take on a busy machine."""
    return subprocess.run(
        shell.command("sync", "-q", "--to", target, "--template", "raw"),
        env=shell.environ | {"CQS_HOME": str(home)}, cwd=shell.folder,
        capture_output=True, text=True, check=False, timeout=HANGS,
    )  # fmt: skip


def run_all(
    shell: Shell,
    target: str,
    *,
    go_on: Callable[[int], bool],
    shared_journal: bool,
    processes: int = PROCESSES,
) -> Counter[int]:
    """Loops of syncs side by side until each is told to end; how often each exit code came."""
    codes: Counter[int] = Counter()
    turn = threading.Lock()

    def loop(number: int) -> None:
        home = shell.home if shared_journal or number == 0 else shell.folder / f"home{number}"
        done = 0
        while go_on(done):
            ended = sync(shell, target, home)
            done += 1
            with turn:
                codes[ended.returncode] += 1
            assert ended.returncode in (0, 75), ended.stderr
            assert "Traceback" not in ended.stderr

    with ThreadPoolExecutor(processes) as pool:
        for future in [pool.submit(loop, number) for number in range(processes)]:
            future.result()
    return codes


def once(done: int) -> bool:
    return done < 1


def for_five_minutes() -> Callable[[int], bool]:
    until = time.monotonic() + SOAK
    return lambda _: time.monotonic() < until


def check(shell: Shell, target: str, ids: Callable[[], dict[str, list[str]]]) -> None:
    """After a last sync of each journal: no id twice, and every signal of the journals there."""
    homes = sorted(shell.folder.glob("home*"))
    for home in homes:
        assert sync(shell, target, home).returncode == 0
    known: dict[str, set[str]] = {tab: set() for tab in TABS}
    for home in homes:
        with Journal.open_readonly(home / "journal.sqlite3", clock=utc_now) as journal:
            assert journal.verify() == []
            for record in journal.records():
                known[TABS[record.signal.key.table == "scalping"]].add(record.signal.key.id)
    for tab, found in ids().items():
        assert len(found) == len(set(found)), f"a row of {tab} is doubled"
        assert set(found) >= known[tab], f"a row of {tab} is missing"


def ids_of(path: Path) -> dict[str, list[str]]:
    book = openpyxl.load_workbook(path)
    return {
        tab: [str(row[0]) for row in book[tab].iter_rows(min_row=2, max_col=1, values_only=True) if row[0]]
        for tab in TABS
        if tab in book.sheetnames
    }


def ids_on(sheets: RunningSheets, book: str) -> dict[str, list[str]]:
    return {
        tab: [str(row[0]).removesuffix(".0") for row in sheets.tab(book, tab).entered[1:] if row]
        for tab in TABS
        if tab in sheets.titles(book)
    }


def test_three_syncs_of_one_workbook(shell: Shell) -> None:
    codes = run_all(shell, "signals.xlsx", go_on=once, shared_journal=True, processes=3)
    assert codes[0] > 0
    check(shell, "signals.xlsx", lambda: ids_of(shell.folder / "signals.xlsx"))


def test_three_syncs_of_one_sheet(shell: Shell, sheets: RunningSheets) -> None:
    google, book = Shell(shell.folder, {**shell.variables, "CQS_SHEETS_URL": sheets.url}), sheets.create()
    codes = run_all(google, book, go_on=once, shared_journal=True, processes=3)
    assert codes[0] > 0
    check(google, book, lambda: ids_on(sheets, book))


@pytest.mark.soak
@pytest.mark.parametrize("shared_journal", [True, False], ids=["one journal", "a journal each"])
def test_five_minutes_of_one_workbook(shell: Shell, shared_journal: bool) -> None:
    codes = run_all(shell, "signals.xlsx", go_on=for_five_minutes(), shared_journal=shared_journal)
    print(dict(codes))  # noqa: T201 - the figure of docs/reliability.md
    assert codes[0] > PROCESSES
    check(shell, "signals.xlsx", lambda: ids_of(shell.folder / "signals.xlsx"))


@pytest.mark.soak
@pytest.mark.parametrize("shared_journal", [True, False], ids=["one journal", "a journal each"])
def test_five_minutes_of_one_sheet(shell: Shell, sheets: RunningSheets, shared_journal: bool) -> None:
    google, book = Shell(shell.folder, {**shell.variables, "CQS_SHEETS_URL": sheets.url}), sheets.create()
    codes = run_all(google, book, go_on=for_five_minutes(), shared_journal=shared_journal)
    print(dict(codes))  # noqa: T201 - the figure of docs/reliability.md
    assert codes[0] > PROCESSES
    check(google, book, lambda: ids_on(sheets, book))
