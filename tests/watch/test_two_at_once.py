"""A laptop and CI, each with a journal of its own, write one workbook at the same time."""

from __future__ import annotations

from pathlib import Path

import openpyxl

from cqs_sheets import sandbox
from cqs_sheets.api.client import utc_now
from cqs_sheets.journal import Journal
from tests.cli.command import HANGS, Shell


def ids(path: Path) -> list[str]:
    rows = openpyxl.load_workbook(path)["Signals"].iter_rows(min_row=2, values_only=True)
    return [str(row[0]) for row in rows]


def test_no_row_is_doubled_and_none_is_lost(shell: Shell, server: sandbox.RunningSandbox) -> None:
    homes = [shell.folder / "laptop", shell.folder / "ci"]
    command = ("sync", "--template", "raw", "--type", "SHORT TERM", "--type", "MID TERM")
    for _ in range(2):
        running = [shell.start(*command, CQS_HOME=str(home)) for home in homes]
        assert {one.wait(HANGS) for one in running} <= {0, 75}
        for one in running:
            one.communicate()
    for home in homes:
        done = shell.run(*command, CQS_HOME=str(home))
        assert done.returncode == 0, done.stderr
    held: set[str] = set()
    for home in homes:
        with Journal.open_readonly(home / "journal.sqlite3", clock=utc_now) as journal:
            held |= {record.signal.key.id for record in journal.records()}
    written = ids(shell.folder / "signals.xlsx")
    assert len(written) == len(set(written))
    assert set(written) == held
    assert len(server.requests) >= 12
