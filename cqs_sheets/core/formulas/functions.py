"""The functions that templates use, exactly as far as they use them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

from cqs_sheets.core.formulas.values import FormulaError, Unknowable, Value, number, text
from cqs_sheets.patterns import regex

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
    result = {
        "+": lambda: left + right,
        "-": lambda: _near_zero(left - right, left),
        "*": lambda: left * right,
        "/": lambda: left / right,
        "^": lambda: math.pow(left, right),
    }[sign]()
    if not math.isfinite(result):
        raise FormulaError("#NUM!")
    return result


def _near_zero(result: float, size: float) -> float:
    """What is left of two numbers that are the same to 15 digits is nothing, to spreadsheets."""
    return 0.0 if result and abs(result) < abs(size) * 1e-15 else result


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


def _logarithm(arguments: Arguments) -> Value:
    value = number(arguments[0])
    if value <= 0:
        raise FormulaError("#NUM!")
    return math.log10(value)


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
    "LOG10": _logarithm,
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
_TESTS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda held, wanted: held < wanted,
    ">": lambda held, wanted: held > wanted,
    "<=": lambda held, wanted: held <= wanted,
    ">=": lambda held, wanted: held >= wanted,
    "=": lambda held, wanted: held == wanted,
}


def criterion(wanted: Value) -> Callable[[Value], bool]:
    """Whether a cell is one that COUNTIFS and its like mean. Raises Unknowable where apps may differ."""
    if isinstance(wanted, float):
        return partial(_is_number, _TESTS["="], wanted)
    match = _CRITERION.fullmatch(wanted) if isinstance(wanted, str) else None
    if match is None or not match[2]:
        raise Unknowable(wanted)
    try:
        meant = float(match[2])
    except ValueError:
        return _same_text(match[1] or "=", match[2])
    if match[1] == "<>":
        raise Unknowable(wanted)
    return partial(_is_number, _TESTS[match[1] or "="], meant)


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
