"""What the API said and what every target was given, durable in one SQLite file."""

from cqs_sheets.journal.model import (
    Delivered,
    KeptAnswer,
    Merged,
    PastPoll,
    PastReject,
    Poll,
    PollResult,
    Pruned,
    Revision,
    TargetState,
    Wanted,
)
from cqs_sheets.journal.opening import is_journal
from cqs_sheets.journal.store import Journal

JOURNAL_FILE = "journal.sqlite3"
"""The journal's name in the home folder."""

__all__ = [
    "JOURNAL_FILE",
    "Delivered",
    "Journal",
    "KeptAnswer",
    "Merged",
    "PastPoll",
    "PastReject",
    "Poll",
    "PollResult",
    "Pruned",
    "Revision",
    "TargetState",
    "Wanted",
    "is_journal",
]
