"""Typed cells as Google Sheets stores them, whatever the spreadsheet's locale."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from cqs_sheets.core.cells import CellType, CellValue, exact_number

Json = dict[str, Any]

MOST_CHARACTERS = 50_000
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a wall time
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_ID_DIGITS = 15


def encode(value: CellValue) -> Json:
    """A value as ExtendedValue; {} for a blank.

    A number that a double cannot show exactly, and every text, is stored as text and never parsed.
    """
    if value is None or value == "":
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, datetime):
        return {"numberValue": serial(value)}
    if isinstance(value, Decimal):
        exact = exact_number(value)
        return {"stringValue": format(value, "f")} if exact is None else {"numberValue": _number(value)}
    return {"stringValue": value[:MOST_CHARACTERS]}


def is_inexact(value: CellValue) -> bool:
    """Whether a number must be kept as text."""
    return isinstance(value, Decimal) and exact_number(value) is None


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() and abs(value) < 10**_ID_DIGITS else float(value)


def serial(moment: datetime) -> float:
    """A wall time as days since 1899-12-30."""
    return (moment - _DAY_ZERO) / _DAY


def decode(value: object, kind: CellType = CellType.ID) -> CellValue:
    """What a cell holds, from the unformatted value of the API; a number is a time where `kind` is TIME."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return _moment(value) if kind is CellType.TIME else Decimal(str(value))
    return str(value)


def _moment(days: float | Decimal) -> CellValue:
    try:
        return _DAY_ZERO + round(Decimal(str(days)) * (_DAY // _MICROSECOND)) * _MICROSECOND
    except (OverflowError, InvalidOperation):
        return Decimal(str(days))


def decode_extended(cell: Json, kind: CellType = CellType.ID) -> CellValue:
    """The same from CellData with its effectiveValue."""
    held = cell.get("effectiveValue", {})
    error = held.get("errorValue")
    return decode(error.get("message", "error") if error else next(iter(held.values()), None), kind)
