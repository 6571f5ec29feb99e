"""A journal carried from machine to machine: copied while it is in use, and brought to one with another's."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

from cqs_sheets.journal import Journal, opening
from cqs_sheets.journal.database import Database, address_of
from cqs_sheets.journal.records import Clock

_LONGEST_WAIT = 120.0  # seconds for the step that has the journal open


def copy(path: Path, to: Path, *, clock: Clock, since: datetime) -> None:
    """A whole copy of the journal `path` as the new file `to`, also while another process writes.

    It holds the polls and superseded revisions `since` then, and of raw answers only those that nobody has read yet.
    Raises DataRefused.
    """
    to.unlink(missing_ok=True)
    with (
        opening.for_reading(path) as source,
        closing(Database(address_of(to, "rwc"), name=str(to))) as copied,
    ):
        source.copy_to(copied)
        copied.execute("PRAGMA journal_mode = DELETE")  # one file, whatever the original is kept in
        copied.execute("DELETE FROM answers WHERE poll IS NOT NULL")
        Journal(copied, clock).prune(since)
        copied.execute("VACUUM")


def rest_on(path: Path, theirs: Path, *, clock: Clock) -> None:
    """Put the journal `theirs` in the place of `path`, brought up to date by all that `path` knew beyond it.

    What was delivered counts as theirs tells. The file `theirs` is used up. All or nothing: raises
    DataRefused if either is no journal, TargetBusy if `path` stays in use.
    """
    ours = theirs.with_name(f"{theirs.name}.ours")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with opening.writer_lock(path, wait=_LONGEST_WAIT, now=clock()):
            if path.exists():
                with opening.for_reading(path) as known, closing(_new(ours)) as copied:
                    known.copy_to(copied)
            with Journal.open(theirs, clock=clock) as base:
                if ours.exists():
                    base.take_in(ours)
            for leftover in ("-wal", "-shm"):
                path.with_name(path.name + leftover).unlink(missing_ok=True)
            theirs.replace(path)
    finally:
        for file in (ours, *(theirs.with_name(theirs.name + end) for end in (".lock", "-wal", "-shm"))):
            file.unlink(missing_ok=True)


def _new(file: Path) -> Database:
    file.unlink(missing_ok=True)
    return Database(address_of(file, "rwc"), name=str(file))
