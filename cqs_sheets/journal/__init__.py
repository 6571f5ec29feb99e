"""The journal, which remembers what the API said and what every target was given: a SQLite file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from cqs_sheets.journal import opening
from cqs_sheets.journal.database import Database, address_of
from cqs_sheets.journal.deliveries import Deliveries
from cqs_sheets.journal.model import (
    Delivered,
    JournalPlace,
    KeptAnswer,
    Merged,
    PastPoll,
    PastReject,
    Poll,
    PollResult,
    Pruned,
    Revision,
    SharedJournal,
    TargetState,
    Wanted,
)
from cqs_sheets.journal.opening import is_journal, tenants_of
from cqs_sheets.journal.outbox import Alert, Outbox, OutboxEntry, Trouble
from cqs_sheets.journal.outcomes import Outcomes
from cqs_sheets.journal.polls import Polls
from cqs_sheets.journal.records import Clock, Recall
from cqs_sheets.journal.upkeep import Upkeep, sound

_LONGEST_WAIT = 120.0  # seconds for the step that has the journal open

JOURNAL_FILE = "journal.sqlite3"
"""The journal's name in the home folder."""

__all__ = [
    "JOURNAL_FILE",
    "Alert",
    "Delivered",
    "Journal",
    "JournalPlace",
    "KeptAnswer",
    "Merged",
    "OutboxEntry",
    "PastPoll",
    "PastReject",
    "Poll",
    "PollResult",
    "Pruned",
    "Revision",
    "SharedJournal",
    "TargetState",
    "Trouble",
    "Wanted",
    "copy_compact",
    "is_journal",
    "rest_on",
    "tenants_of",
]


class Journal(Polls, Recall, Deliveries, Outcomes, Outbox, Upkeep):
    """All methods raise errors.DataRefused, AccessRefused or TargetBusy as the file gives cause."""

    def __init__(self, database: Database, clock: Clock, *, readonly: bool = False) -> None:
        self._database = database
        self._clock = clock
        self._readonly = readonly
        self._latest = {}

    @property
    def shared(self) -> bool:
        """Whether several machines may write it at the same time."""
        return self._database.shared

    @classmethod
    @contextmanager
    def open(
        cls, path: JournalPlace, *, clock: Clock, wait: float = 10.0, rehearsal: bool = False
    ) -> Iterator[Journal]:
        """Open for writing, making file and folder, or tables, if need be; of a file, one writer at a time.

        Waits up to `wait` seconds for another writer, then raises TargetBusy. A `rehearsal` leaves
        no trace: all it wrote is undone at the end. `clock` tells the time now, aware (UTC).
        """
        with opening.for_writing(path, now=clock(), wait=wait, rehearsal=rehearsal) as database:
            yield cls(database, clock)

    @classmethod
    @contextmanager
    def open_readonly(cls, path: JournalPlace, *, clock: Clock) -> Iterator[Journal]:
        """Open for reading, also while another process writes; an absent file reads as an empty journal."""
        with opening.for_reading(path) as database:
            yield cls(database, clock, readonly=True)

    @classmethod
    @contextmanager
    def open_outbox(cls, path: JournalPlace, *, clock: Clock) -> Iterator[Journal]:
        """Open an existing journal to send its alerts, beside another writer; one sender at a time.

        Raises TargetBusy while another process sends.
        """
        with opening.for_sending(path) as database:
            yield cls(database, clock)


def copy_compact(path: Path, to: Path, *, clock: Clock, since: datetime) -> None:
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
    DataRefused if either is no sound journal, TargetBusy if `path` stays in use.
    """
    ours = theirs.with_name(f"{theirs.name}.ours")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with (
            # whoever sends alerts meanwhile would note in a file that is gone what was sent
            opening.sender_lock(path, wait=_LONGEST_WAIT),
            opening.writer_lock(path, wait=_LONGEST_WAIT, now=clock()),
        ):
            if path.exists():
                with opening.for_reading(path) as known, closing(_new(ours)) as copied:
                    known.copy_to(copied)
            with sound(theirs):
                pass
            with Journal.open(theirs, clock=clock) as base:
                if ours.exists():
                    base.take_in(ours, own=True)
            for leftover in ("-wal", "-shm"):
                path.with_name(path.name + leftover).unlink(missing_ok=True)
            theirs.replace(path)
    finally:
        for file in (ours, *(theirs.with_name(theirs.name + end) for end in (".lock", "-wal", "-shm"))):
            file.unlink(missing_ok=True)


def _new(file: Path) -> Database:
    file.unlink(missing_ok=True)
    return Database(address_of(file, "rwc"), name=str(file))
