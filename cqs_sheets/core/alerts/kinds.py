"""What alerts tell of: a word each. Every run notes such things, most have nobody to tell."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What happened; the words of `on`, and a test."""

    NEW = "new"
    CHANGED = "changed"
    CLOSED = "closed"
    TARGET = "target"
    STOP = "stop"
    GAP = "gap"
    FAILING = "failing"
    RECOVERED = "recovered"
    TEST = "test"
