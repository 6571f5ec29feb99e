"""USER_ENTERED: text read as if a person had typed it, in the spreadsheet's locale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from .cells import Cell, Scalar, checked_text, number
from .errors import Json
from .locales import decimal_mark, group_mark, month_first
from .rendering import EPOCH

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?$")
_LOCAL = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?$")
_MONTH_DAY = re.compile(r"(\d{1,2})[/-](\d{1,2})$")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a typed text becomes; `format` is the number format the cell takes with it."""

    value: Scalar | None = None
    formula: str | None = None
    format: Json | None = None


def enter(cell: Cell, given: Scalar, locale: str) -> Entry:
    """`cell` is what stands there: a cell formatted as text takes everything as text."""
    if not isinstance(given, str):
        return Entry(given if isinstance(given, bool) else number(given))
    text = checked_text(given)
    if text.startswith("=") and len(text) > 1:
        return Entry(formula=text)
    if (cell.format or {}).get("numberFormat", {}).get("type") == "TEXT":
        return Entry(text or None)
    return _typed_text(text, locale)


def _typed_text(text: str, locale: str) -> Entry:
    if text.startswith("'"):
        return Entry(text[1:] or None)
    read = _boolean(text) or _number(text, locale) or _moment(text.strip(), locale)
    if read:
        return read
    return Entry(formula="=" + text) if re.match(r"[+-].", text) else Entry(text or None)


def _boolean(text: str) -> Entry | None:
    word = text.strip().upper()
    return Entry(word == "TRUE") if word in ("TRUE", "FALSE") else None


def _number(text: str, locale: str) -> Entry | None:
    mark, group = re.escape(decimal_mark(locale)), re.escape(group_mark(locale))
    pattern = rf"([+-]?)([$€£]?)((?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)?(?:{mark}\d*)?)(?:[eE]([+-]?\d+))?(%?)$"
    found = re.match(pattern, text.strip())
    if not found or not re.search(r"\d", found[3]):
        return None
    plain = found[3].replace(group_mark(locale), "").replace(decimal_mark(locale), ".")
    value = float(f"{found[1]}{plain}e{found[4] or 0}")
    if found[5]:
        return Entry(
            number(value / 100), format={"type": "PERCENT", "pattern": "0.00%" if "." in plain else "0%"}
        )
    if found[2]:
        places = "#,##0.00" if "." in plain else "#,##0"
        return Entry(number(value), format={"type": "CURRENCY", "pattern": f'"{found[2]}"{places}'})
    if found[4]:
        return Entry(number(value), format={"type": "SCIENTIFIC", "pattern": "0.00E+00"})
    return Entry(number(value))


def _moment(text: str, locale: str) -> Entry | None:
    try:
        return _iso(text) or _local(text, locale) or _month_day(text, locale) or _time(text)
    except ValueError:
        return None


def _iso(text: str) -> Entry | None:
    found = _ISO.match(text)
    if not found:
        return None
    year, month, day = (int(part) for part in found.groups()[:3])
    moment = datetime(year, month, day) + _clock(found[4], found[5], found[6])  # noqa: DTZ001 - as on the screen
    return _entry(moment, "yyyy-mm-dd", timed=found[4] is not None)


def _local(text: str, locale: str) -> Entry | None:
    found = _LOCAL.match(text)
    if not found or (found[2] == "." and decimal_mark(locale) == "."):
        return None
    first, mark, second = int(found[1]), found[2], int(found[3])
    month, day = (first, second) if month_first(locale) else (second, first)
    year = int(found[4]) + (2000 if len(found[4]) == 2 else 0)
    moment = datetime(year, month, day) + _clock(found[5], found[6], found[7])  # noqa: DTZ001 - as on the screen
    pattern = f"m{mark}d{mark}yyyy" if month_first(locale) else f"dd{mark}mm{mark}yyyy"
    return _entry(moment, pattern, timed=found[5] is not None)


def _month_day(text: str, locale: str) -> Entry | None:
    found = _MONTH_DAY.match(text)
    if not found:
        return None
    first, second = int(found[1]), int(found[2])
    month, day = (first, second) if month_first(locale) else (second, first)
    mark = text[len(found[1])]
    pattern = f"m{mark}d" if month_first(locale) else f"d{mark}m"
    return _entry(datetime(2026, month, day), pattern, timed=False)  # noqa: DTZ001


def _time(text: str) -> Entry | None:
    found = _TIME.match(text)
    if not found or int(found[2]) > 59:
        return None
    clock = _clock(found[1], found[2], found[3])
    return Entry(
        number(clock / timedelta(days=1)),
        format={"type": "TIME", "pattern": "h:mm:ss" if found[3] else "h:mm"},
    )


def _clock(hours: str | None, minutes: str | None, seconds: str | None) -> timedelta:
    return timedelta(hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds or 0))


def _entry(moment: datetime, pattern: str, *, timed: bool) -> Entry:
    kind = (
        {"type": "DATE_TIME", "pattern": f"{pattern} h:mm:ss"}
        if timed
        else {"type": "DATE", "pattern": pattern}
    )
    return Entry(number((moment - EPOCH) / timedelta(days=1)), format=kind)
