"""What cells hold while formulas are worked out, how one kind turns into another, and what functions make of them.

Functions are those that templates use, exactly as far as they use them.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any, NamedTuple

from cqs_sheets.patterns import regex

Value = float | str | bool | None
"""A number (a time is one, too), a text, a truth value, or a blank."""

_PLAIN_NUMBER = regex(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_LETTERS = regex("[a-z]+")
_DIGITS = 15


class Unknowable(Exception):
    """What a cell shows cannot be said for sure."""


class FormulaError(Exception):
    """A formula that shows an error, such as #DIV/0!."""


class Failed(NamedTuple):
    """The error that a cell shows."""

    code: str


class Unknown(NamedTuple):
    """A cell of which it is not known what it shows."""


UNKNOWN = Unknown()
Held = Value | Failed | Unknown


def plain(held: Held) -> Value:
    """The value of a cell; raises FormulaError or Unknowable if it has none."""
    if isinstance(held, Failed):
        raise FormulaError(held.code)
    if isinstance(held, Unknown):
        raise Unknowable
    return held


def number(value: Value) -> float:
    """As arithmetic takes it: a blank is 0, a text is the number that it spells."""
    if isinstance(value, float):
        return value
    if value is None:
        return 0.0
    if isinstance(value, bool):
        return float(value)
    if _PLAIN_NUMBER.fullmatch(value):
        return float(value)
    if any(map(str.isdigit, value)) and not _is_word(value):
        raise Unknowable(value)  # it may be a date, or a number in some language
    raise FormulaError("#VALUE!")


def _is_word(value: str) -> bool:
    """Whether a text with digits surely spells no number, date or time: an id such as a18x, 5#2, scalping:7."""
    words = _LETTERS.findall(value.lower())
    return "#" in value or any(
        word == "scalping" or (len(word) == 1 and word not in "adept") for word in words
    )


def text(value: Value) -> str:
    """As & and the functions of text take it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    shown = f"{value:.{_DIGITS}g}"
    if "e" in shown:
        raise Unknowable(shown)  # the apps differ
    return shown.removeprefix("-") if float(shown) == 0 else shown


def truth(value: Value) -> bool:
    """As a condition takes it."""
    if isinstance(value, str):
        raise Unknowable(value)
    return bool(value)


def ranked(value: Value, other: Value) -> tuple[int, float | str]:
    """To be compared with `other`: numbers come before texts, texts before truth values; case does not count."""
    if value is None:
        value = "" if isinstance(other, str) else False if isinstance(other, bool) else 0.0
    if isinstance(value, bool):
        return 2, float(value)
    if isinstance(value, str):
        if not value.isascii():
            value = value.casefold()
        return 1, value.lower()
    return 0, value


_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a cell's wall time
_FIRST_SURE_DAY = 61  # before it Excel counts a day that never was
_FIRST_SURE_YEAR, _LAST_YEAR = 1901, 9999
_PERCENT = regex(r"([+-]?)0%")
_LONGEST = 32_767
_HIGHEST_POWER = 64

Arguments = Sequence[Value]


def arithmetic(sign: str, left: float, right: float) -> float:
    """`+ - * / ^` of numbers."""
    if sign == "/" and right == 0:
        raise FormulaError("#DIV/0!")
    if sign == "^" and (left <= 0 or abs(right) > _HIGHEST_POWER):
        raise Unknowable(sign)
    result = _SIGNS[sign](left, right)
    if not math.isfinite(result):
        raise FormulaError("#NUM!")
    return result


def _difference(left: float, right: float) -> float:
    """What is left of two numbers that are the same to 15 digits is nothing, to spreadsheets."""
    return 0.0 if abs(left - right) < abs(left) * 1e-15 else left - right


_SIGNS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": _difference, "*": operator.mul, "/": operator.truediv, "^": math.pow,
}  # fmt: skip


def rounded(value: float, places: float) -> float:
    """The half away from zero, of the number as it is shown."""
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-int(places)), ROUND_HALF_UP)
    return float(exact) + 0.0


def _moment(serial: float) -> datetime:
    if not _FIRST_SURE_DAY <= serial < 2_000_000:  # noqa: PLR2004
        raise Unknowable
    return _DAY_ZERO + timedelta(days=math.floor(serial))


def _part(which: Callable[[datetime], int], arguments: Arguments) -> Value:
    return float(which(_moment(number(arguments[0]))))


def _find(arguments: Arguments) -> Value:
    wanted, within = map(text, arguments)
    at = within.find(wanted)
    if at < 0:
        raise FormulaError("#VALUE!")
    return float(at + 1)


def _ascii(value: Value) -> str:
    """A text whose characters every app counts and changes alike."""
    shown = text(value)
    if not shown.isascii():
        raise Unknowable(shown)
    return shown


def _mid(arguments: Arguments) -> Value:
    whole, start, count = _counted(arguments[0]), int(number(arguments[1])), int(number(arguments[2]))
    if start < 1 or count < 0:
        raise FormulaError("#VALUE!")
    return whole[start - 1 : start - 1 + count]


def _counted(value: Value) -> str:
    shown = text(value)
    if any(character > "\uffff" for character in shown):
        raise Unknowable(shown)  # counted once or twice
    return shown


def _repeated(arguments: Arguments) -> Value:
    shown, count = text(arguments[0]), int(number(arguments[1]))
    if count < 0 or len(shown) * count > _LONGEST:
        raise FormulaError("#VALUE!")
    return shown * count


def _formatted(arguments: Arguments) -> Value:
    """TEXT with whole per cents, and a sign of its own where it has sections."""
    value, sections = number(arguments[0]), text(arguments[1]).split(";")
    at = 0 if value > 0 or len(sections) == 1 else 1 if value < 0 else len(sections) - 1
    match = _PERCENT.fullmatch(sections[at])
    if match is None or (len(sections) == 1 and value < 0):
        raise Unknowable(text(arguments[1]))
    return f"{match[1]}{rounded(abs(value) * 100, 0):.0f}%"


def _chosen(arguments: Arguments) -> Value:
    at = int(number(arguments[0]))
    if not 1 <= at < len(arguments):
        raise FormulaError("#VALUE!")
    return arguments[at]


def _modulo(arguments: Arguments) -> Value:
    value, divisor = map(number, arguments)
    if divisor == 0:
        raise FormulaError("#DIV/0!")
    return value - divisor * math.floor(value / divisor)


def _date(arguments: Arguments) -> Value:
    """Months and days may lie beyond their year's and month's."""
    year, month, day = (int(number(each)) for each in arguments)
    months = year * 12 + month - 1
    if not _FIRST_SURE_YEAR <= months // 12 < _LAST_YEAR:
        raise Unknowable
    moment = datetime(months // 12, months % 12 + 1, 1) + timedelta(days=day - 1)  # noqa: DTZ001
    return float((moment - _DAY_ZERO).days)


def _root(arguments: Arguments) -> Value:
    value = number(arguments[0])
    if value < 0:
        raise FormulaError("#NUM!")
    return math.sqrt(value)


def _only_number(arguments: Arguments) -> Value:
    held = arguments[0]
    return float(held) if isinstance(held, float | bool) else 0.0


FUNCTIONS: Mapping[str, Callable[[Arguments], Value]] = {
    "ABS": lambda given: abs(number(given[0])),
    "CHOOSE": _chosen,
    "DATE": _date,
    "DAY": partial(_part, lambda moment: moment.day),
    "FIND": _find,
    "HYPERLINK": lambda given: given[-1],
    "INT": lambda given: float(math.floor(number(given[0]))),
    "ISNUMBER": lambda given: isinstance(given[0], float),
    "LEFT": lambda given: _counted(given[0])[: int(number(given[1]))],
    "LEN": lambda given: float(len(_counted(given[0]))),
    "MID": _mid,
    "MOD": _modulo,
    "MONTH": partial(_part, lambda moment: moment.month),
    "N": _only_number,
    "REPT": _repeated,
    "ROUND": lambda given: rounded(number(given[0]), number(given[1])),
    "SQRT": _root,
    "SUBSTITUTE": lambda given: text(given[0]).replace(text(given[1]), text(given[2])),
    "TEXT": _formatted,
    "TRIM": lambda given: " ".join(filter(None, text(given[0]).split(" "))),
    "UPPER": lambda given: _ascii(given[0]).upper(),
    "YEAR": partial(_part, lambda moment: moment.year),
}
"""What is worked out from the values of all arguments."""

_CRITERION = regex(r"(<>|<=|>=|=|<|>)?(.*)", re.DOTALL)
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


def criterion(wanted: Value) -> Callable[[Value], bool]:
    """Whether a cell is one that COUNTIFS and its like mean. Raises Unknowable where apps may differ."""
    if isinstance(wanted, float):
        return partial(_is_number, operator.eq, wanted)
    match = _CRITERION.fullmatch(wanted) if isinstance(wanted, str) else None
    if match is None or not match[2]:
        raise Unknowable(wanted)
    try:
        meant = float(match[2])
    except ValueError:
        return _same_text(match[1] or "=", match[2])
    if match[1] == "<>":
        raise Unknowable(wanted)
    return partial(_is_number, COMPARED[match[1] or "="], meant)


def _is_number(test: Callable[[float, float], bool], wanted: float, held: Value) -> bool:
    if isinstance(held, float):
        return test(held, wanted)
    if isinstance(held, str) and held.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise Unknowable(held)  # a text that spells a number is one to some
    return False


def _same_text(sign: str, wanted: str) -> Callable[[Value], bool]:
    if sign != "=" or any(character in "*?~" for character in wanted):
        raise Unknowable(wanted)
    lowered = wanted.lower()
    return lambda held: isinstance(held, str) and held.lower() == lowered
