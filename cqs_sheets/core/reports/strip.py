"""Coverage drawn as a line of text per day; less than 80 columns wide, readable without colour."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from cqs_sheets.core.reports.render import duration
from cqs_sheets.core.signals.coverage import Coverage, Window

CELLS = 48
"""Cells of a day, each half an hour (a little more or less where clocks are changed)."""

COVERED, PARTLY, MISSED, UNKNOWN = "#", "+", ".", " "
_LEGEND = f"{COVERED} covered   {PARTLY} missed in part   {MISSED} missed   blank: not watched yet"
_HOURS = "".join(f"{hour:02}    " for hour in range(0, 24, 3))
_INDENT = " " * 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day in the zone it was asked for; `cells` has CELLS characters, `gap_seconds` is rounded up."""

    day: date
    cells: str
    gap_seconds: int


def coverage_days(seen: Coverage, now: datetime, count: int, zone: tzinfo) -> list[Day]:
    """The last `count` days up to `now` (aware), oldest first, without those before the first poll."""
    today = now.astimezone(zone).date()
    dates = [today - timedelta(days=back) for back in reversed(range(count))]
    return [
        _day(day, seen, now, zone) for day in dates if seen.since and seen.since < _midnight(day, zone, 1)
    ]


def strip_lines(days: Sequence[Day]) -> Iterator[str]:
    """The days as lines of text, with the hours above and what the signs mean below."""
    yield f"{_INDENT}{_HOURS}  missed"
    for one in days:
        missed = f"  {duration(one.gap_seconds)}" if one.gap_seconds else ""
        yield f"{one.day.isoformat()}  {one.cells}{missed}".rstrip()
    yield f"{_INDENT}{_LEGEND}"


def _day(day: date, seen: Coverage, now: datetime, zone: tzinfo) -> Day:
    begin, end = _midnight(day, zone), _midnight(day, zone, 1)
    step = (end - begin) / CELLS
    cells = (Window(begin + step * number, begin + step * (number + 1)) for number in range(CELLS))
    return Day(
        day=day,
        cells="".join(_sign(cell, seen, now) for cell in cells),
        gap_seconds=math.ceil(_missed(Window(begin, end), seen.gaps).total_seconds()),
    )


def _sign(cell: Window, seen: Coverage, now: datetime) -> str:
    known = Window(max(cell.start, seen.since or now), min(cell.end, now))
    if known.start >= known.end:
        return UNKNOWN
    missed = _missed(cell, seen.gaps)
    if not missed:
        return COVERED
    return MISSED if missed >= known.end - known.start else PARTLY


def _missed(cell: Window, gaps: Iterable[Window]) -> timedelta:
    shared = (min(cell.end, gap.end) - max(cell.start, gap.start) for gap in gaps)
    return sum((length for length in shared if length > timedelta()), timedelta())


def _midnight(day: date, zone: tzinfo, later: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=later), time(), zone).astimezone(UTC)
