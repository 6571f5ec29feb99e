"""The journal on its disk: can it be read, who writes it, is there room."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from cqs_sheets.api.client import utc_now
from cqs_sheets.core.text import ago, size_text
from cqs_sheets.doctor.finding import Finding, Severity, fail, ok, open_to_others, warn
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy
from cqs_sheets.journal import Journal, JournalPlace

_SCARCE, _NONE = 500 << 20, 20 << 20
_WAITS = "A sync cannot write there; its rows wait in the journal."
_LARGE = 1 << 30


def check_folder(folder: Path) -> Iterator[Finding]:
    """A folder, or the nearest one above it that exists, as it is made when it is needed."""
    found = next((each for each in (folder, *folder.parents) if each.exists()), None)
    if found is None:  # a drive of Windows
        hint = "Connect the drive, or name another folder."
        gone = AccessRefused(f"The drive of {folder} is not there.", meaning=_WAITS, hint=hint)
        yield fail("folder.writable", gone)
        return
    if not os.access(found, os.W_OK | os.X_OK):
        hint = "Allow writing to it (a new file takes the old one's place), or name another folder."
        closed = AccessRefused(f"The folder {found} is not writable.", meaning=_WAITS, hint=hint)
        yield fail("folder.writable", closed)
        return
    free = shutil.disk_usage(found).free
    text = f"{size_text(free)} free in {found}"
    if free < _NONE:
        hint = "Free some space, then run again."
        yield fail("folder.space", TargetBusy(f"The disk is full: {text}.", meaning=_WAITS, hint=hint))
    elif free < _SCARCE:
        mend = "Free some space soon: a workbook is written beside the old one before it takes its place."
        yield warn("folder.space", f"The disk is nearly full: {text}.", mend)
    else:
        yield ok("folder.space", f"writable, {text}")


def check_journal(place: JournalPlace) -> Iterator[Finding]:
    """A journal, which need not exist yet."""
    if isinstance(place, Path) and not place.exists():
        yield ok("journal.file", f"none yet: the first sync makes {place}")
        yield from check_folder(place.parent)
        return
    try:
        with Journal.open_readonly(place, clock=utc_now) as journal:
            problems, polls, cautions = journal.verify(), journal.polls(1), journal.cautions()
    except CqsError as error:
        yield fail("journal.file", error)
        return
    last = f"last poll {ago(polls[-1].at, utc_now())}" if polls else "no poll yet"
    size = f"{size_text(place.stat().st_size)}, " if isinstance(place, Path) else ""
    yield ok("journal.file", f"{place}: {size}{last}")
    yield _health(problems)
    for what, mend in cautions:
        yield warn("journal.rights", what, mend)
    if isinstance(place, Path):
        yield from _on_disk(place)


def _on_disk(path: Path) -> Iterator[Finding]:
    size = path.stat().st_size
    if size > _LARGE:
        mend = "`cqs-sheets journal prune` drops old raw answers, and no signal."
        yield warn("journal.size", f"The journal has grown to {size_text(size)}.", mend)
    yield from _lock(path)
    seen = "Other users of this computer can read the journal, and so premium signals."
    yield from open_to_others("journal.mode", path, seen)
    yield from check_folder(path.parent)


def _health(problems: list[str]) -> Finding:
    if not problems:
        return ok("journal.health", "it is whole")
    return Finding(
        check="journal.health",
        level=Severity.FAIL,
        what="The journal is damaged; spreadsheets are not affected.",
        mend="Put a backup of it there, or move it away: the next sync starts a new one.",
        exit_code=65,
        details=tuple(problems[:5]),
    )


def _lock(path: Path) -> Iterator[Finding]:
    """Who writes it now; with nobody there, a write-ahead log is what a killed run left."""
    holder = _holder(path)
    log = path.with_name(f"{path.name}-wal")
    if holder is not None:
        yield ok("journal.lock", f"in use{holder}: a sync or watch is running")
    elif log.exists() and log.stat().st_size:
        yield warn(
            "journal.log",
            f"A run was stopped in the middle: {size_text(log.stat().st_size)} are not folded in yet.",
            "Nothing is lost; the next sync folds them in, or `cqs-sheets doctor --fix`.",
            fix=lambda: _fold_in(path),
        )


def _holder(path: Path) -> str | None:
    """`" by process N since …"` while somebody writes; None if nobody does."""
    lock = path.with_name(f"{path.name}.lock")
    if not lock.exists():
        return None
    try:
        with FileLock(lock, timeout=0, mode=0o600):
            return None
    except OSError as refused:
        if not isinstance(refused, Timeout):
            return None
    try:
        signed = json.loads(path.with_name(f"{path.name}.owner").read_text(encoding="utf-8"))
        return f" by process {signed['process']} since {signed['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _fold_in(path: Path) -> None:
    with Journal.open(path, clock=utc_now, wait=0):
        """The last connection that closes folds the log in."""
