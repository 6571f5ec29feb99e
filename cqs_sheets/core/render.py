"""Reports as text for people; one line per thing worth knowing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Context, Decimal
from typing import NamedTuple

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.report import Report, TargetReport
from cqs_sheets.core.signals.coverage import Coverage, Window
from cqs_sheets.core.text import duration, plural

_UNANSWERED = ("api", "key", "request", "url")  # kinds of errors after which the feed is not known
_TINY = Decimal("0.0001")  # below it zeros hide what tells two prices apart
_DIGITS = 15  # of a number that we computed: more than that is noise in a spreadsheet, too


def cell_text(value: CellValue) -> str:
    """A cell's value as a person would type it."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)


def begun(report: Report) -> bool:
    """Whether there is more to tell than the error for which it could not begin."""
    return not report.errors or bool(report.targets or report.api.requests)


def report_lines(report: Report, zone: tzinfo = UTC) -> Iterator[str]:
    """A sync's outcome, targets first; times on the clocks of `zone`. Nothing of one that could not begin."""
    if not begun(report):
        return
    for target in report.targets:
        yield target_text(target, dry_run=report.dry_run)
    if text := feed_text(report):
        yield text
    yield coverage_text(report.coverage, zone)


def feed_text(report: Report) -> str:
    """What was open and what became of signals; blank where no answer told."""
    api = report.api
    if not api.signals and any(error.kind in _UNANSWERED for error in report.errors):
        return ""
    counts = [(api.new, "new"), (api.changed, "changed"), (api.closed, "closed"), (api.aged, "aged")]
    counts.append((len(api.rejects), "set aside as malformed"))
    parts = [f"{count:,} {what}" for count, what in counts if count]
    return f"{plural(api.signals, 'open signal')} in the feed: {', '.join(parts) or 'nothing new'}."


def coverage_text(coverage: Coverage, zone: tzinfo = UTC) -> str:
    """One sentence on what was covered and what was missed."""
    if coverage.since is None:
        return "Nothing covered yet: no poll has succeeded."
    since = moment_text(coverage.since, zone)
    if not coverage.gap_seconds:
        return f"Covered without a gap since {since}."
    gap = coverage.gaps[-1]
    return (
        f"Covered {duration(coverage.covered_seconds)} since {since};"
        f" {duration(coverage.gap_seconds)} missed in {plural(len(coverage.gaps), 'gap')},"
        f" the last from {moment_text(gap.start, zone)} to {moment_text(gap.end, zone)}."
    )


def moment_text(moment: datetime, zone: tzinfo = UTC) -> str:
    """An aware time for people: `2026-05-24 14:32:05 UTC`."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def has_work(target: TargetReport, *, news: bool) -> bool:
    """Whether anything was done in a target, kept out of it, or failed; without `news`, rows that aged are nothing."""
    done = target.added or target.closed or target.made or target.told or (news and target.updated)
    return bool(done or target.declined or target.outcome != "ok")


def target_text(target: TargetReport, *, dry_run: bool) -> str:
    """What became of one target."""
    if target.outcome != "ok":
        return f"{target.name}: not written; {plural(target.pending, 'row')} pending in the journal"
    would = "would be " if dry_run else ""
    counts = [
        (target.added, f"{would}added"),
        (target.updated, f"{would}updated"),
        (target.closed, f"{would}closed"),
    ]
    done = [f"{what} {would}made" for what in target.made]
    done += [f"{count:,} {what}" for count, what in counts if count]
    if target.made and not any(count for count, _ in counts):
        done.append("still empty: no signal for it yet")
    done += target.told
    if target.left_deleted:
        done.append(f"{target.left_deleted:,} left deleted")
    text = f"{target.name}: {', '.join(done) or 'nothing to write'}"
    if target.declined:
        text += f" ({target.offered:,} new, {target.declined:,} not for this target)"
    return text


CELLS = 48
"""Cells of a day, each half an hour (a little more or less where clocks are changed)."""

COVERED, PARTLY, MISSED, UNKNOWN = "#", "+", ".", " "
_LEGEND = f"{COVERED} covered   {PARTLY} missed in part   {MISSED} missed   blank: not watched yet"
_HOURS = "".join(f"{hour:02}    " for hour in range(0, 24, 3))
_INDENT = " " * 12


class Day(NamedTuple):
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


def plain_price(price: Decimal | None) -> str:
    """A price without exponent or trailing zeros, exact; blank where there is none."""
    if price is None:
        return ""
    text = format(price, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def computed(price: Decimal | None) -> Decimal | None:
    """A price that we worked out, to 15 digits."""
    return None if price is None else Context(prec=_DIGITS).plus(price)


def row_texts(prices: Sequence[Decimal | None], *, short: bool = False) -> list[str]:
    """The prices of one row, exact. `short`: tiny ones as `3.2406e-8`, all with the exponent of the largest."""
    largest = max((abs(price) for price in prices if price), default=None)
    if not short or largest is None or largest >= _TINY:
        return [plain_price(price) for price in prices]
    power = largest.adjusted()
    return ["" if price is None else f"{plain_price(price.scaleb(-power))}e{power}" for price in prices]


def aligned(texts: Sequence[str]) -> list[str]:
    """The texts of a column, padded to one width, with their decimal points below each other."""
    wholes = [
        text.partition(".")[0].partition("e")[0] for text in texts
    ]  # an exponent stands behind the point
    left = max(map(len, wholes), default=0)
    rests = [text.removeprefix(whole) for text, whole in zip(texts, wholes, strict=True)]
    right = max(map(len, rests), default=0)
    return [f"{whole:>{left}}{rest:<{right}}" for whole, rest in zip(wholes, rests, strict=True)]
