"""Which seconds the polls surely looked at, and which they may have missed.

A good poll with look-back `interval` at time `t` tells of every signal opened in `[t - interval, t]`:
that is its window. A second is a gap once no window of a feed holds it and none ever can, because
the API looks back `REACH` at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Literal, NamedTuple

from cqs_sheets.core.signals.query import MAX_INTERVAL
from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.values import dataclass, replace

REACH = timedelta(minutes=MAX_INTERVAL)
"""How far the API looks back at most."""

MARGIN = timedelta(seconds=60)
"""How far the API's clock and ours may be apart: nothing is concluded this near a window's ends."""

_OVERLAP_MINUTES = 2
_DAY = timedelta(days=1)


class Window(NamedTuple):
    """A stretch of time, aware (UTC), `start` <= moment < `end`."""

    start: datetime
    end: datetime

    def surely_covers(self, moment: datetime) -> bool:
        """Whether `moment` lies inside by at least MARGIN at both ends."""
        return self.start + MARGIN <= moment <= self.end - MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What one or several feeds covered together, as in the report.

    `since` is the first covered moment (None: nothing is covered yet). A second is a gap if any feed
    that had begun by then missed it, and covered if at least one looked at it and none missed it;
    the last minutes that a later poll can still look at are neither. `gap_seconds` is rounded up,
    `covered_seconds` down. `gap_minutes` counts the last 24 hours alone, rounded up.
    """

    since: datetime | None
    covered_seconds: int
    gap_seconds: int
    gaps: tuple[Window, ...]
    gap_minutes: int


def merge(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The same stretches, sorted and disjoint; empty ones are dropped, touching ones are one."""
    merged: list[Window] = []
    for window in sorted(windows):
        if window.start >= window.end:
            continue
        if merged and window.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return tuple(merged)


def gaps_of(windows: Iterable[Window], now: datetime) -> tuple[Window, ...]:
    """The gaps of one feed: between its windows, and after the last as far as no poll can reach back."""
    merged = merge(windows)
    between = [Window(left.end, right.start) for left, right in pairwise(merged)]
    lost = [Window(merged[-1].end, now - REACH)] if merged else []
    return merge([*between, *lost])


def coverage(feeds: Iterable[Sequence[Window]], now: datetime, since: datetime | None = None) -> Coverage:
    """The coverage of several feeds, each given as its windows; `since` leaves out what came before it."""
    each = list(feeds)
    looked_at = _clip(merge(window for windows in each for window in windows), since)
    gaps = _clip(merge(gap for windows in each for gap in gaps_of(windows, now)), since)
    begin = min((window.start for window in (*looked_at, *gaps)), default=None)
    return Coverage(
        since=begin,
        covered_seconds=math.floor((_total(looked_at) - _overlap(looked_at, gaps)).total_seconds()),
        gap_seconds=math.ceil(_total(gaps).total_seconds()),
        gaps=gaps,
        gap_minutes=math.ceil(_total(_clip(gaps, now - _DAY)) / timedelta(minutes=1)),
    )


def look_back(last_good: datetime | None, now: datetime, setting: int | Literal["auto"]) -> int:
    """The `interval` to ask for, in minutes within 1..20.

    "auto" is the time since the last good poll, rounded up, and two minutes more; all of REACH on
    the first poll, or when the clock was set back since the last.
    """
    if setting != "auto":
        return setting
    widest = REACH // timedelta(minutes=1)
    if last_good is None or last_good > now:
        return widest
    return min(math.ceil((now - last_good) / timedelta(minutes=1)) + _OVERLAP_MINUTES, widest)


def _clip(windows: Iterable[Window], since: datetime | None) -> tuple[Window, ...]:
    if since is None:
        return tuple(windows)
    return tuple(Window(max(window.start, since), window.end) for window in windows if window.end > since)


def _total(windows: Iterable[Window]) -> timedelta:
    return sum((window.end - window.start for window in windows), timedelta())


def _overlap(left: Sequence[Window], right: Sequence[Window]) -> timedelta:
    """The time two disjoint, sorted sequences share: what both together hold, less their union."""
    return _total(left) + _total(right) - _total(merge([*left, *right]))


_ARRIVALS_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


@lru_cache(16)
def _milliseconds(at: datetime) -> int:
    return (at - _ARRIVALS_BEGIN) // timedelta(milliseconds=1)


def next_arrival(last: int | None, at: datetime) -> int:
    """The arrival number of a signal first seen at `at`: milliseconds since 2020, made larger than `last`."""
    milliseconds = _milliseconds(at)
    return milliseconds if last is None else max(last + 1, milliseconds)


def observe(known: Record | None, signal: Signal, at: datetime, arrival: int) -> Record:
    """The record after an answer of time `at` held `signal`; `arrival` counts only for a new one.

    The very same object comes back if nothing changed that a sheet could show.
    """
    if known is None:
        return Record(
            signal=signal, status=Status.OPEN, first_seen=at, last_seen=None, arrival=arrival, revision=1
        )
    if (
        signal.leverage is None and known.signal.leverage is not None
    ):  # only answers filtered by a futures exchange carry it
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
    stamp; aged if it is older than the API looks back, however short the window was; else the very same object.
    """
    status = record.status
    if status is not Status.CLOSED and sure and window.surely_covers(record.signal.timestamp):
        status = Status.CLOSED
    elif status is Status.OPEN and record.signal.timestamp < window.end - REACH:
        status = Status.AGED
    if status is record.status:
        return record
    return replace(record, status=status, last_seen=last_seen, revision=record.revision + 1)
