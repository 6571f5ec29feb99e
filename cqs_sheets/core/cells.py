"""What a cell holds, and when two cells hold the same.

A value is text, an exact number, a wall-clock time in the target's zone, a truth value or nothing.
Times are naive on purpose: a spreadsheet has no zones, the zone is the target's (see plan/rows.py).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

CellValue = str | Decimal | datetime | bool | None

_CANONICAL_INTEGER = re.compile(r"0|[1-9][0-9]{0,14}")
_SAME_INSTANT = timedelta(milliseconds=500)  # serial date-times carry rounding noise below this


class CellType(StrEnum):
    """How a column's values are stored; `ID` is a number where that is lossless, else text."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    ID = "id"


def id_cell(text: str) -> Decimal | str:
    """An id as a spreadsheet should hold it: a number if a canonical integer of <= 15 digits."""
    return Decimal(text) if _CANONICAL_INTEGER.fullmatch(text) else text


def key_text(value: CellValue) -> str | None:
    """The key a cell stands for, or None for a blank: `1847291`, `1847291.0` and `" 1847291 "` are one."""
    if isinstance(value, Decimal):
        return (
            format(value.to_integral_value(), "f")
            if value == value.to_integral_value()
            else format(value, "f")
        )
    if isinstance(value, str):
        return value.strip() or None
    return None if value is None else str(value)


def exact_number(value: Decimal) -> str | None:
    """The shortest decimal text a spreadsheet shows this number as, or None if it cannot.

    Spreadsheets hold binary doubles and show at most 15 significant digits: a number that does
    not come back the same through both is better kept as text.
    """
    if not value.is_finite():
        return None
    if len(value.normalize().as_tuple().digits) > 15:  # noqa: PLR2004 - the 15 of the docstring
        return None
    shortest = repr(float(value))
    return shortest.removesuffix(".0") if Decimal(shortest) == value else None


def same(wanted: CellValue, held: CellValue) -> bool:
    """Whether a cell already holds what is wanted, compared as typed values.

    `Decimal("94400")`, `Decimal("94400.0")` and `"94400"` are the same; so are a blank and "".
    """
    if isinstance(wanted, bool) or isinstance(held, bool):
        return wanted is held
    if wanted in (None, "") or held in (None, ""):
        return wanted in (None, "") and held in (None, "")
    if isinstance(wanted, datetime) or isinstance(held, datetime):
        return (
            isinstance(wanted, datetime) and isinstance(held, datetime) and abs(wanted - held) < _SAME_INSTANT
        )
    if isinstance(wanted, str) and isinstance(held, str):
        return wanted.strip() == held.strip()
    return _number(wanted) == _number(held)


def _number(value: str | Decimal | None) -> Decimal | str | None:
    if not isinstance(value, str):
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    return number if number.is_finite() else value
