"""The journal, which remembers what the API said and what every target was given: a SQLite file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cqs_sheets.journal import opening
from cqs_sheets.journal.database import Database
from cqs_sheets.journal.deliveries import Deliveries
from cqs_sheets.journal.model import (
    Behind,
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
from cqs_sheets.journal.opening import is_journal
from cqs_sheets.journal.outbox import Alert, Entry, Outbox, Trouble
from cqs_sheets.journal.outcomes import Outcomes
from cqs_sheets.journal.polls import Polls
from cqs_sheets.journal.records import Clock, Recall
from cqs_sheets.journal.upkeep import Upkeep

JOURNAL_FILE = "journal.sqlite3"
"""The journal's name in the home folder."""

__all__ = [
    "JOURNAL_FILE",
    "Alert",
    "Behind",
    "Delivered",
    "Entry",
    "Journal",
    "JournalPlace",
    "KeptAnswer",
    "Merged",
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
    "is_journal",
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
