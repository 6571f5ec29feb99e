"""A market, a target and a folder that can be put back as they were, and run over again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import openpyxl

from cqs_sheets import sandbox
from cqs_sheets.journal import Journal
from cqs_sheets.sandbox.market import EPOCH
from tests.alerts.servers import http_service
from tests.emulators.google_sheets import RunningSheets
from tests.emulators.google_sheets import start as start_sheets
from tests.faults.traced import Tracer
from tests.faults.tracer import Deed, Order, Outcome

FIRST = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
LATER = timedelta(minutes=5)
_AGE = FIRST - EPOCH  # of the market, whatever the day
_TIMES_OF_DAY = ("Last_sync",)  # settings that say when the sync ran, on this computer's clock
_JOURNAL = (
    """SELECT s.feed_table, s.id, s.status, s.first_seen, s.last_seen, r.revision, r.status, r.content
        FROM signals s JOIN revisions r USING (arrival) ORDER BY s.feed_table, s.arrival, r.revision""",
    "SELECT f.name, c.start_at, c.end_at FROM coverage c JOIN feeds f ON f.id = c.feed ORDER BY 1, 2",
    """SELECT t.name, s.feed_table, s.id, d.revision FROM delivered d JOIN targets t ON t.id = d.target
        JOIN signals s USING (arrival) ORDER BY 1, 2, 3""",
)

_ARRIVAL = "Seq"  # the header of numbers that grow with each row: their order counts, which the rows have

Cells = dict[str, dict[tuple[int, int], object]]


class Kept(Protocol):
    """A target in one scene."""

    name: str

    def cells(self) -> Cells | None:
        """What every cell holds, by tab, row and column; None if there is no target."""
        ...

    @property
    def untouched(self) -> bool:
        """Whether nothing was written since the last `restore`."""
        ...

    def save(self) -> None:
        """Remember it as it is."""
        ...

    def restore(self) -> None:
        """Put it back as it was at the last `save`."""
        ...


class Scene:
    """`folder` holds what the user sees, `root` all else; the time stands still until it is moved.

    A `small` one has few signals and columns. One that `tells` runs on GitHub with a template, a key file and an
    alert of its own.
    """

    def __init__(
        self, root: Path, tracer: Tracer, *, google: bool, small: bool = False, tells: bool = False
    ) -> None:
        self.root = root
        self.now = datetime.now(UTC).replace(microsecond=0) if tells else FIRST  # old signals alert nobody
        self.folder = root / "folder"
        self.folder.mkdir(parents=True)
        (root / "tmp").mkdir()
        self._tracer = tracer
        self._open = ExitStack()
        self._market = self._open.enter_context(
            sandbox.start(seed=5, speed=2 if small else 10, clock=lambda: self.now, opened=self.now - _AGE)
        )
        self.sheets = self._open.enter_context(start_sheets()) if google else None
        self.target: Kept = SheetKept(self.sheets) if self.sheets else WorkbookKept(self.folder)
        self.tells = tells
        template = "./cqs-own.toml" if tells else "compact" if small else "signals"
        config = _CONFIG.format(self.target.name, template)
        if tells:
            service = self._open.enter_context(http_service())
            address = f"http://127.0.0.1:{service.port}/"
            config = config.replace("[api]", '[api]\nkey_file = "cqs-key"') + _ALERT
            for name, content in (("key", "FREE"), ("alert", address), ("own.toml", _TEMPLATE)):
                (self.folder / f"cqs-{name}").write_text(content, encoding="utf-8")
                (self.folder / f"cqs-{name}").chmod(0o600)
        (self.folder / "cqs-sheets.toml").write_text(config, encoding="utf-8")
        self._given = {path.name for path in self.folder.iterdir()}

    def close(self) -> None:
        self._open.close()

    def sync(self, *, deed: Deed = "watch", at: int = -1, **details: Any) -> Outcome:
        """One `cqs-sheets sync`, undisturbed unless told otherwise."""
        return self._tracer.run(
            Order(
                arguments=["sync"], folder=str(self.folder), environ=self._environ, output=str(self.root / "said"),
                deed=deed, at=at, **details,
            )
        )  # fmt: skip

    @property
    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "TMPDIR": str(self.root / "tmp"),
            "CQS_HOME": str(self.root / "home"),
            "CQS_API_URL": self._market.url,
            "PYTHONDONTWRITEBYTECODE": "1",
            **({"CQS_SHEETS_URL": self.sheets.url} if self.sheets else {}),
            **({"GITHUB_ACTIONS": "true"} if self.tells else {}),
            **({f"GITHUB_{name}": str(self.root / f"cqs-{name}") for name in _PAGES} if self.tells else {}),
        }

    @property
    def said(self) -> str:
        """All that the last run printed."""
        return "".join((self.root / f"said.{end}").read_text(encoding="utf-8") for end in ("out", "err"))

    @property
    def crash_files(self) -> list[str]:
        return [path.name for path in (self.root / "tmp").iterdir() if "crash" in path.name]

    @property
    def left_over(self) -> set[str]:
        """Files in the user's folder and the journal's that no user expects there."""
        expected = {*self._given, "signals.xlsx", "signals.bak.xlsx", "journal.sqlite3"}
        expected |= {"journal.sqlite3.lock", "journal.sqlite3.sender"}
        homes = [self.folder, *([self.root / "home"] if (self.root / "home").exists() else [])]
        return {path.name for home in homes for path in home.iterdir()} - expected

    def journal(self) -> list[list[Any]]:
        """Every signal and revision, what is covered and what was delivered; fails if it is not whole."""
        path = self.root / "home" / "journal.sqlite3"
        with Journal.open(path, clock=lambda: self.now) as journal:
            assert journal.verify() == []
            assert journal.undigested() == []
        with closing(sqlite3.connect(path)) as database:
            return [database.execute(sql).fetchall() for sql in _JOURNAL]

    @property
    def untouched(self) -> bool:
        """Whether all is, byte for byte, as it was at the last `save`: what the next run does is known then."""
        files = {path.name for path in self.folder.iterdir()}
        return (
            files == self._files
            and _contents(self.root / "home") == _contents(self.root / "kept")
            and not any((self.root / "tmp").iterdir())
            and self.target.untouched
        )

    def save(self) -> None:
        """Remember folder, journal and target as they are."""
        self.target.save()
        self._files = {path.name for path in self.folder.iterdir()}
        kept = self.root / "kept"
        if (self.root / "home").exists():
            shutil.copytree(self.root / "home", kept)

    def restore(self) -> None:
        """Put all back as it was at the last `save`; what was said stays."""
        for name in ("home", "tmp"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        (self.root / "tmp").mkdir()
        if (self.root / "kept").exists():
            shutil.copytree(self.root / "kept", self.root / "home")
        for path in self.folder.iterdir():
            if path.name not in self._given:
                path.unlink()
        self.target.restore()


class WorkbookKept:
    """An Excel workbook. It is put back as the very same file, as the journal knows it by its inode."""

    name = "signals.xlsx"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept = folder.parent / "kept.xlsx"

    @property
    def path(self) -> Path:
        return self._folder / self.name

    @property
    def backup(self) -> Path:
        return self._folder / "signals.bak.xlsx"

    def cells(self) -> Cells | None:
        return cells_of(self.path) if self.path.exists() else None

    @property
    def untouched(self) -> bool:
        return self._kept.exists() == self.path.exists() and (
            not self._kept.exists() or self._kept.samefile(self.path)
        )

    def save(self) -> None:
        if self.path.exists():
            os.link(self.path, self._kept)

    def restore(self) -> None:
        if self._kept.exists():
            os.link(self._kept, self.path)


class SheetKept:
    """A Google spreadsheet on the emulator."""

    def __init__(self, sheets: RunningSheets) -> None:
        self._sheets = sheets
        self.name = sheets.create()
        self._kept = sheets.book(self.name)

    def cells(self) -> Cells | None:
        book = self._sheets.book(self.name)
        times = [named["range"] for named in book.named_ranges if named["name"] in _TIMES_OF_DAY]
        unstable = {(at["sheetId"], at["startRowIndex"], at["startColumnIndex"]) for at in times}
        return {
            sheet.title: _comparable(
                {
                    (row, column): cell.formula if cell.formula is not None else cell.value
                    for row, column, cell in sheet.grid.occupied()
                    if (sheet.id, row, column) not in unstable
                }
            )
            for sheet in book.sheets
            if not sheet.title.startswith("_")
        }

    @property
    def untouched(self) -> bool:
        return self._sheets.book(self.name) == self._kept

    def save(self) -> None:
        self._kept = self._sheets.book(self.name)

    def restore(self) -> None:
        with self._sheets.desk.store.lock:
            self._sheets.desk.store.books[self.name] = self._kept.copy()


@contextmanager
def scene(root: Path, tracer: Tracer, *, google: bool, first: bool, **more: bool) -> Iterator[Scene]:
    """A scene before its `first` sync, or before the second, with news; saved. For `more` see Scene."""
    made = Scene(root, tracer, google=google, **more)
    try:
        if not first:
            assert made.sync().exit_code == 0, made.said
            made.now += LATER
        made.save()
        yield made
    finally:
        made.close()
    if made.sheets:
        assert made.sheets.desk.bugs == []


def _contents(folder: Path) -> dict[str, bytes] | None:
    if not folder.exists():
        return None
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.suffix not in (".lock", ".sender")
    }


def cells_of(workbook: Path) -> Cells:
    """Every cell of a workbook that is whole; see Kept.cells."""
    found = workbook.stat()
    return _cells_of(workbook, found.st_mtime_ns, found.st_ino)


@cache
def _cells_of(workbook: Path, *_version: int) -> Cells:
    with zipfile.ZipFile(workbook) as archive:
        assert archive.testzip() is None
    book = openpyxl.load_workbook(workbook)
    unstable = {_cell_of(book, name) for name in _TIMES_OF_DAY}
    return {
        sheet.title: _comparable(
            {
                (cell.row, cell.column): cell.value
                for row in sheet.iter_rows()
                for cell in row
                if cell.value is not None and (sheet.title, cell.coordinate) not in unstable
            }
        )
        for sheet in book.worksheets
    }


def _comparable(cells: dict[tuple[int, int], object]) -> dict[tuple[int, int], object]:
    arrivals = {column for (_, column), value in cells.items() if value == _ARRIVAL}
    return {
        (row, column): value
        for (row, column), value in cells.items()
        if column not in arrivals or not isinstance(value, int | float)
    }


def _cell_of(book: Any, name: str) -> tuple[str, str] | None:
    found = book.defined_names.get(name)
    if found is None:
        return None
    ((title, address),) = found.destinations
    return title, address.replace("$", "")


_CONFIG = """\
[api]
interval = 20
retry_for = "0s"

[[feed]]
name = "all"
leverage = false

[[target]]
to = "{}"
template = "{}"
lock_wait = "0s"
"""
_ALERT = """
[[alert]]
name = "phone"
to_file = "cqs-alert"
"""
_TEMPLATE = """\
format = 1
include = ["compact"]
"""
_PAGES = ("STEP_SUMMARY", "OUTPUT")
