"""A sync of a damaged workbook, held against what must be true of it afterwards."""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
import zipfile
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from xml.parsers import expat

from cqs_sheets.core.plan.plan import Update
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import CqsError
from cqs_sheets.run.looking import read_target
from tests.fuzz.books import books, row, stamp_update, template
from tests.fuzz.damage import damaged_workbook
from tests.make import plan_of

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - fsync takes no time there
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)
_NEW = "=cmd|' /C calc'!A0"


@cache
def _folder() -> Path:
    """A folder of this process, gone with it."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def check_workbook(random: Random) -> str:
    """Damage one, sync it; AssertionError or any exception but a CqsError is a finding. Says what came of it."""
    return check_book(damaged_workbook(random, random.choice(books())))


def check_book(before: bytes) -> str:
    """The same with this very archive."""
    path = _folder() / "book.xlsx"
    path.write_bytes(before)
    outcome = _outcome(path)
    after = path.read_bytes()
    assert [found.name for found in path.parent.iterdir()] == [path.name], "something was left behind"
    if isinstance(outcome, CqsError):
        assert outcome.exit_code in (65, 75, 77), outcome
        assert after == before, "a refused workbook was changed"
        return type(outcome).__name__
    _check_sound(before, after)
    _check_second_look(path, added=outcome)
    return "synced"


def _outcome(path: Path) -> CqsError | bool:
    try:
        return _sync(path)
    except CqsError as refused:
        return refused


def _sync(path: Path) -> bool:
    """One new row whose text looks like a formula, one changed cell, one setting; whether the row was new.

    The damage may have given an old row its id.
    """
    destination = ExcelDestination(path, backups=0, lock_wait=0, sleep=_at_once)
    keys = {"2", "4"}
    table = read_target(destination, template(), {"Signals": keys})
    state = table.tabs.get("Signals")
    held = state.rows.get("2") if state else None
    updates = [] if state is None or held is None or "coin" not in state.columns else [
        Update(tab="Signals", key="2", column="coin", old=held.values.get("coin"), new="+1")
    ]  # fmt: skip
    if "Settings" in table.tabs and "Last_sync" in table.tabs["Settings"].rows:
        updates.append(stamp_update())
    adds = () if state and "4" in state.rows else (row("4", _NEW),)
    sequence = (table.sequence or 0) + 1
    destination.apply(plan_of(table, adds, updates, sequence=sequence))
    return bool(adds)


def _at_once(_seconds: float) -> None:
    """Nobody else saves here, so that there is nothing to wait for."""


def _check_sound(before: bytes, after: bytes) -> None:
    """The archive is whole, and no part that was well-formed became broken."""
    old, new = _parts(before), _parts(after)
    assert old.keys() <= new.keys(), "a part was damaged or lost"
    for name, part in new.items():
        if (
            name.endswith((".xml", ".rels"))
            and part != old.get(name)
            and _well_formed(old.get(name, b"<a/>"))
        ):
            assert _well_formed(part), f"{name} was broken by the edit"
        assert _NEW.encode() not in part.replace(b"<t>" + _NEW.encode(), b""), f"{name} holds it as no text"


def _parts(content: bytes) -> dict[str, bytes]:
    """The parts that the standard library can read."""
    found = {}
    with suppress(*_UNREADABLE), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            with suppress(*_UNREADABLE):
                found[name] = archive.read(name)
    return found


def _well_formed(part: bytes) -> bool:
    try:
        expat.ParserCreate().Parse(part, True)
    except (expat.ExpatError, ValueError, LookupError):
        return False
    return True


def _check_second_look(path: Path, *, added: bool) -> None:
    """The workbook can be read again, and a new row is found where it was written, its text as text."""
    table = read_target(ExcelDestination(path, sleep=_at_once), template(), {"Signals": {"4"}})
    state = table.tabs["Signals"]
    if not added:
        return
    if "coin" in state.columns and "4" in state.rows:
        assert state.rows["4"].values["coin"] == _NEW or len(state.duplicates) > 0
    else:
        assert "id" not in state.columns or "4" in state.rows, "the new row cannot be found"
