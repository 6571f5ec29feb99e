"""What an answer says about a signal we may already know: the life of a record.

open   → closed   missing from an answer that surely covered it
open   → aged     merely left the window: the API no longer speaks of it
aged   → closed   missing from a later, wider window that surely covers it
closed, aged → open   seen again

An id that had ended and comes back as another coin, side or exchange is another signal: a second life.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cqs_sheets.core.signals.coverage import REACH, Window
from cqs_sheets.core.signals.signal import Record, Signal, Status

_ARRIVALS_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


def next_arrival(last: int | None, at: datetime) -> int:
    """The arrival number of a signal first seen at `at`: milliseconds since 2020, made larger than `last`."""
    milliseconds = (at - _ARRIVALS_BEGIN) // timedelta(milliseconds=1)
    return milliseconds if last is None else max(last + 1, milliseconds)


def observe(known: Record | None, signal: Signal, at: datetime, arrival: int) -> Record:
    """The record after an answer of time `at` held `signal`; `arrival` counts only for a new one.

    The very same object comes back if nothing changed that a sheet could show.
    """
    if known is None:
        return Record(
            signal=signal, status=Status.OPEN, first_seen=at, last_seen=None, arrival=arrival, revision=1
        )
    if signal.leverage is None:  # only answers filtered by a futures exchange carry it
        signal = replace(signal, leverage=known.signal.leverage)
    if known.status is Status.OPEN and signal == known.signal:
        return known
    return replace(known, signal=signal, status=Status.OPEN, last_seen=None, revision=known.revision + 1)


def is_second_life(known: Record, seen_at: datetime, signal: Signal, at: datetime) -> bool:
    """Whether a signal of the same id, in an answer of time `at`, is another one than `known`, last seen at `seen_at`.

    What has left the API's reach has ended, whether or not an answer came in time to say so.
    """
    ended = known.status is not Status.OPEN or known.signal.timestamp < at - REACH
    return ended and signal.timestamp > seen_at and is_of_another_pair(known.signal, signal)


def is_of_another_pair(one: Signal, other: Signal) -> bool:
    """Whether exchange, coin, currency or side differ."""
    return _pair(one) != _pair(other)


def _pair(signal: Signal) -> list[str]:
    words = (signal.exchange, signal.coin, signal.currency, signal.direction)
    return [word.casefold() for word in words]


def missing(record: Record, window: Window, last_seen: datetime, *, sure: bool = True) -> Record:
    """The record after an answer for `window` did not hold it; `last_seen` is when one last did.

    Closed only if the answer was complete (`sure`) and the window surely covered the signal's time
    stamp; aged if the time stamp lies before the window; else the very same object.
    """
    status = record.status
    if status is not Status.CLOSED and sure and window.surely_covers(record.signal.timestamp):
        status = Status.CLOSED
    elif status is Status.OPEN and record.signal.timestamp < window.start:
        status = Status.AGED
    if status is record.status:
        return record
    return replace(record, status=status, last_seen=last_seen, revision=record.revision + 1)
