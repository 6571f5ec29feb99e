"""What the API said and what every target was given, durable in one SQLite file."""

from cqs_sheets.journal.model import (
    Delivered,
    KeptAnswer,
    PastPoll,
    PastReject,
    Poll,
    PollResult,
    Pruned,
    Revision,
    TargetState,
    Wanted,
)
from cqs_sheets.journal.store import Journal

__all__ = [
    "Delivered",
    "Journal",
    "KeptAnswer",
    "PastPoll",
    "PastReject",
    "Poll",
    "PollResult",
    "Pruned",
    "Revision",
    "TargetState",
    "Wanted",
]
