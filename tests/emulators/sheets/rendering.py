"""FORMATTED_VALUE: a value as the cell shows it. Covers General and the common patterns, not every pattern."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from .cells import CellError, Result
from .errors import Json
from .locales import date_pattern, decimal_mark, group_mark

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - serial dates have no zone
_DATE_KINDS = {"DATE", "TIME", "DATE_TIME"}
_DATE_PART = re.compile(
    r'"[^"]*"|\\.|yyyy|yy|mmmm|mmm|mm|m|dddd|ddd|dd|d|hh|h|ss|s|\.0+|am/pm|a/p|.', re.IGNORECASE
)
_PLACES = re.compile(r"[#0,]*(?:\.[0#]+)?%?")


def render(value: Result, number_format: Json | None, locale: str) -> str:
    """The text of a cell; "" for an empty one."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, CellError):
        return value.shown
    if isinstance(value, bool):
        return str(value).upper()
    return _numeric(value, number_format or {}, locale)


def _numeric(value: float, number_format: Json, locale: str) -> str:
    kind, pattern = number_format.get("type", ""), number_format.get("pattern", "")
    if kind in _DATE_KINDS:
        return _moment(value, pattern or _default_pattern(kind, locale))
    if kind in ("PERCENT", "CURRENCY", "SCIENTIFIC") or (kind == "NUMBER" and pattern):
        return _patterned(value, pattern or _default_pattern(kind, locale), locale)
    return _general(value).replace(".", decimal_mark(locale))


def is_date(number_format: Json | None) -> bool:
    return (number_format or {}).get("type") in _DATE_KINDS


def _default_pattern(kind: str, locale: str) -> str:
    date = date_pattern(locale)
    return {
        "DATE": date,
        "TIME": "h:mm:ss",
        "DATE_TIME": f"{date} h:mm:ss",
        "PERCENT": "0.00%",
        "CURRENCY": "$#,##0.00",
        "SCIENTIFIC": "0.00E+00",
    }[kind]


def _general(value: float) -> str:
    if isinstance(value, int) and abs(value) < 10**15:
        return str(value)
    if abs(value) >= 1e15 or (value and abs(value) < 1e-9):
        return f"{value:.5E}"
    digits = Decimal(repr(value))
    shown = f"{digits:.10f}" if abs(digits.as_tuple().exponent) > 10 else f"{digits:f}"  # type: ignore[arg-type]
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _patterned(value: float, pattern: str, locale: str) -> str:
    sections = pattern.split(";")
    section = sections[1] if value < 0 and len(sections) > 1 else sections[0]
    signed = value if len(sections) == 1 else abs(value)
    if "E+" in section.upper():
        places = len(section.upper().split("E")[0].partition(".")[2])
        return f"{signed:.{places}E}".replace(".", decimal_mark(locale))
    found = next((match for match in _PLACES.finditer(section) if match[0]), None)
    if found is None:
        return section.replace('"', "")
    places_text = found[0]
    shown = _digits(Decimal(repr(signed)) * (100 if "%" in places_text else 1), places_text, locale)
    sign = "-" if shown.startswith("-") else ""
    before, after = section[: found.start()], section[found.end() :]
    return (sign + before + shown.removeprefix("-") + ("%" if "%" in places_text else "") + after).replace(
        '"', ""
    )


def _digits(value: Decimal, pattern: str, locale: str) -> str:
    fraction = pattern.rstrip("%").partition(".")[2]
    rounded = value.quantize(Decimal(1).scaleb(-len(fraction)), ROUND_HALF_UP)
    text = f"{rounded:,f}" if "," in pattern else f"{rounded:f}"
    whole, _, decimals = text.partition(".")
    while decimals and decimals[-1] == "0" and len(decimals) > len(fraction.rstrip("#")):
        decimals = decimals[:-1]
    if whole.lstrip("-") == "0" and "0" not in pattern.split(".", maxsplit=1)[0]:
        whole = whole.replace("0", "")
    return whole.replace(",", group_mark(locale)) + (decimal_mark(locale) + decimals if decimals else "")


def _moment(serial: float, pattern: str) -> str:
    moment = EPOCH + timedelta(milliseconds=round(serial * 86_400_000))
    half_day = "am/pm" in pattern.lower() or "a/p" in pattern.lower()
    shown, after_hour = "", False
    for part in _DATE_PART.findall(pattern):
        shown += _date_part(part, moment, minutes=after_hour, half_day=half_day)
        if part[0].isalpha():
            after_hour = part.lower() in ("h", "hh") or (after_hour and part.lower() not in ("m", "mm"))
    return shown


def _date_part(part: str, moment: datetime, *, minutes: bool, half_day: bool) -> str:
    low = part.lower()
    hour = (moment.hour % 12 or 12) if half_day else moment.hour
    month = moment.minute if minutes else moment.month
    table = {
        "yyyy": f"{moment:%Y}",
        "yy": f"{moment:%y}",
        "mmmm": f"{moment:%B}",
        "mmm": f"{moment:%b}",
        "mm": f"{month:02d}",
        "m": str(month),
        "dddd": f"{moment:%A}",
        "ddd": f"{moment:%a}",
        "dd": f"{moment:%d}",
        "d": str(moment.day),
        "hh": f"{hour:02d}",
        "h": str(hour),
        "ss": f"{moment:%S}",
        "s": str(moment.second),
        "am/pm": f"{moment:%p}",
    }
    if low.startswith(".0"):
        return f".{moment.microsecond // 1000:03d}"[: len(part)]
    return table.get(low, part.strip('"') if part[0] == '"' else part.removeprefix("\\"))
