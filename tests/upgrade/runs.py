"""One sync, driven as a user drives it, at a chosen time and with chosen news.

Whoever writes the fixtures and whoever upgrades them speaks to the program only through this: its command
line, its API and the files that it leaves.
"""

from __future__ import annotations

import json
import lzma
import os
import pkgutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from shutil import copyfile
from typing import Any
from unittest.mock import patch

import cqs_sheets
from tests.api.fakes import Canned, Seen, envelope, serving
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.emulators.google_sheets import RunningSheets
from tests.emulators.sheets import saving

WRITTEN = Path(__file__).parent / "written_by_0_1_0"
JOURNAL = Path("home", "journal.sqlite3")
_JOURNAL = "journal.sqlite3.xz"
_WRITTEN = "WRITTEN/"  # stands in a journal of the fixtures for the folder that it lies in
_NEVER_STARTED = ("cqs_sheets.__main__",)

News = Mapping[str, Sequence[Mapping[str, str]]]
"""What the API says is open: the objects of the tables `main` and `scalping`."""


def sync(
    folder: Path, news: News, at: datetime, *arguments: str, sheets: RunningSheets | None = None
) -> dict[str, Any]:
    """The report of `cqs-sheets sync` in a folder with a config, with this news at that time."""
    with _api(news, at) as url, _time_stands_at(at):
        variables = {"CQS_API_URL": url} | ({"CQS_SHEETS_URL": sheets.url} if sheets else {})
        done = run_inside(Shell(folder, variables), "sync", "--json", *arguments)
    assert done.returncode != 1, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    return report


@contextmanager
def _api(news: News, at: datetime) -> Iterator[str]:
    def answer(seen: Seen) -> Canned:
        asked = seen.query | seen.form
        table = "scalping" if asked.get("type") == "SCALPING" else "main"
        since = at - timedelta(minutes=int(asked["interval"]))
        signals = [
            {name: value for name, value in each.items() if name != "leverage" or "exchange" in asked}
            for each in news.get(table, ())
            if all(each[name] == asked.get(name, each[name]) for name in ("exchange", "currency", "type"))
            and datetime.fromisoformat(each["timestamp"]).replace(tzinfo=UTC) >= since
        ]
        return Canned(body=envelope(*signals), date=format_datetime(at, usegmt=True))

    with serving() as server:
        server.answers(answer)
        yield server.url


@contextmanager
def _time_stands_at(at: datetime) -> Iterator[None]:
    """Every module's clock says `at`, wherever it has it from."""
    _import_everything()
    clocks = [
        module
        for name, module in sys.modules.items()
        if name.startswith("cqs_sheets.") and hasattr(module, "utc_now")
    ]
    assert clocks, "the commands have another clock: say so here"
    with ExitStack() as stack:
        for module in clocks:
            stack.enter_context(patch.object(module, "utc_now", lambda: at))
        yield


@cache
def _import_everything() -> None:
    """What is imported while the time stands would keep that time."""
    for found in pkgutil.walk_packages(cqs_sheets.__path__, "cqs_sheets."):
        if found.name not in _NEVER_STARTED:
            import_module(found.name)


def pack(folder: Path, fixture: Path, sheets: RunningSheets | None = None) -> None:
    """Keep a folder that was synced: config, workbooks, journal, and the spreadsheets of the emulator."""
    fixture.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob("*.toml"), *folder.glob("*.xlsx")):
        if ".bak" not in path.name:
            copyfile(path, fixture / path.name)
    with closing(sqlite3.connect(folder / JOURNAL)) as journal:
        journal.execute("VACUUM INTO ?", (str(folder / JOURNAL.name),))
    _rename_targets(folder / JOURNAL.name, _here(folder), _WRITTEN)
    (fixture / _JOURNAL).write_bytes(lzma.compress((folder / JOURNAL.name).read_bytes()))
    for book in sheets.desk.store.books.values() if sheets else ():
        saved = json.dumps(saving.dump(book), separators=(",", ":")).encode()
        (fixture / f"{book.id}.json.xz").write_bytes(lzma.compress(saved))


def unpack(fixture: Path, folder: Path, sheets: RunningSheets | None = None, *, journal: bool = True) -> None:
    """Put what was kept into a new folder; without its `journal` it is a machine that knows nothing."""
    for path in (*fixture.glob("*.toml"), *fixture.glob("*.xlsx")):
        copyfile(path, folder / path.name)
    if journal:
        (folder / JOURNAL).parent.mkdir()
        (folder / JOURNAL).write_bytes(lzma.decompress((fixture / _JOURNAL).read_bytes()))
        _rename_targets(folder / JOURNAL, _WRITTEN, _here(folder))
    if sheets:
        for path in fixture.glob("*.json.xz"):
            saving.load(json.loads(lzma.decompress(path.read_bytes())), sheets.desk.store)


def _here(folder: Path) -> str:
    """How the journal's names of targets in this folder begin."""
    return os.path.normcase(os.path.realpath(folder) + os.sep)


def _rename_targets(path: Path, old: str, new: str) -> None:
    """The journal knows a workbook by its place, and the fixtures have another in every run."""
    with closing(sqlite3.connect(path)) as journal, journal:
        journal.execute("UPDATE targets SET name = replace(name, ?, ?)", (old, new))
