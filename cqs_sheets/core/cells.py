"""What a cell holds, and when two cells hold the same.

A value is text, an exact number, a wall-clock time in the target's zone, a truth value or nothing.
Times are naive on purpose: a spreadsheet has no zones, the zone is the target's (see plan/rows.py).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from cqs_sheets.patterns import regex

CellValue = str | Decimal | datetime | bool | None

_DIGITS = 15  # that a spreadsheet keeps of a number
_FIFTEEN = Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN)
_SAME_INSTANT = timedelta(milliseconds=500)  # serial date-times carry rounding noise below this


class CellType(StrEnum):
    """How a column's values are stored; `ID` is a number where that is lossless, else text."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    ID = "id"


def id_cell(text: str) -> Decimal | str:
    """An id as a spreadsheet should hold it: a number if a canonical integer of <= 15 digits."""
    canonical = (
        len(text) <= _DIGITS and text.isdecimal() and text.isascii() and (text[0] != "0" or text == "0")
    )
    return Decimal(text) if canonical else text


def key_text(value: CellValue) -> str | None:
    """The key a cell stands for, or None for a blank: `1847291`, `1847291.0` and `" 1847291 "` are one.

    A number of more than 15 digits is none that was written as an id: it is told as `1.23456789012345E+18`.
    """
    if isinstance(value, Decimal):
        text = str(value)
        if len(text) <= _DIGITS and text.isdecimal():
            return text
        if value != value.to_integral_value():
            return format(value, "f")
        whole = format(value.to_integral_value(), "f")
        return whole if len(whole) <= _DIGITS else _scientific(Decimal(repr(float(value))))
    if isinstance(value, str):
        return value.strip() or None
    return None if value is None else str(value)


def rounded(value: Decimal) -> Decimal:
    """The number that a spreadsheet holds of it: 15 significant digits, the half to even."""
    return _FIFTEEN.plus(value)


def number_text(value: Decimal) -> str | None:
    """The shortest decimal text of a number as a spreadsheet holds it, or None where it can hold none such.

    Spreadsheets hold binary doubles and show at most 15 significant digits: what is longer is rounded.
    """
    text = str(value)
    if len(text) <= _DIGITS and text.replace(".", "").isdecimal():  # so few digits come back the same
        if text[:5] != "0.000":  # which may need an exponent
            return text.rstrip("0").rstrip(".") if text[-1] == "0" and "." in text else text
        return repr(float(text)).removesuffix(".0")
    if not value.is_finite():
        return None
    number = float(rounded(value))
    if math.isinf(number) or (number == 0) != (value == 0):
        return None
    return repr(number).removesuffix(".0")


def same(wanted: CellValue, held: CellValue) -> bool:
    """Whether a cell already holds what is wanted, compared as typed values.

    `Decimal("94400")`, `Decimal("94400.0")` and `"94400"` are the same; so are a blank and "", and numbers
    that are once they are rounded to the 15 digits that a cell holds.
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
    one, other = _number(wanted), _number(held)
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one == other or rounded(one) == rounded(other)
    return one == other


def _number(value: str | Decimal | None) -> Decimal | str | None:
    if not isinstance(value, str):
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    return number if number.is_finite() else value


_UNSEEN = regex("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DIGIT = regex(r"\d")
_QUOTED = regex(r"""(?:['`\u2018\u2019]|"(?=.+"$))(.+?)"?""", re.DOTALL)
_POINTLESS = regex(r"([0-9]+)(?:\.0+|,0{1,2})")
_GROUPED = regex(r"([1-9][0-9]{0,2}(?:[,'\u2019 \u00a0\u2007\u2009\u202f][0-9]{3})+)(?:\.0+)?")
_POINTED = regex(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
_EXPONENT = regex(r"[0-9](?:\.([0-9]+))?E\+([0-9]{1,3})")
_DRESSED = regex(r"[^\w\s]*0*([1-9][0-9]*)(?:\.0*)?[^\w\s]*", re.ASCII)


def loose_key(text: str) -> str:
    """What was surely meant by an id that a person or a program wrote anew: `5003` for `'5,003` or `5.003E+03`.

    Zeros in front, `1e5` and the like stay as they are: they tell ids apart. An exponent that lost digits does, too.
    """
    bare = _UNSEEN.sub("", text).strip()
    if match := _QUOTED.fullmatch(bare):
        bare = match[1].strip()
    if not bare.isascii():
        bare = _DIGIT.sub(lambda match: str(int(match[0])), bare)  # of any script
    if match := _POINTLESS.fullmatch(bare):
        return match[1]
    if match := _GROUPED.fullmatch(bare):
        return "".join(filter(str.isdigit, match[1]))
    if match := _EXPONENT.fullmatch(bare):
        number, shown = Decimal(bare), len(match[1] or "")
        kept = shown >= int(match[2]) and number == number.to_integral_value()
        return key_text(number) or bare if kept else _scientific(number)
    return bare


def is_changed(text: str) -> bool:
    """Whether a key is written as we never write one."""
    dressed = _DRESSED.fullmatch(text)
    return (
        loose_key(text) != text
        or (dressed is not None and dressed[1] != text)
        or bool(_EXPONENT.fullmatch(text) or _POINTED.fullmatch(text))
    )


def looks_like_id(text: str) -> bool:
    """Whether a text in the column of ids may be one, and not a total, a note or the header of another table."""
    bare = loose_key(text)
    return any(map(str.isdigit, bare)) and not any(map(str.isspace, bare))


class Alike(NamedTuple):
    """Rows (counted from 1) whose key may be another one's, written in another way; `sure` if it is that of one row."""

    text: str
    rows: tuple[int, ...]
    sure: bool


class Alikes:
    """What keys may have become in cells that a person or a program has changed."""

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = frozenset(keys)

    def of(self, text: str) -> tuple[Collection[str], bool]:
        """The keys that the text of a cell may stand for, and whether it surely stands for one; exact ones aside."""
        if text in self._keys:
            return (), False
        loose = loose_key(text)
        if loose in self._keys:
            return (loose,), True
        if _EXPONENT.fullmatch(loose):
            keys = self._as_numbers.get(loose, ())
            return (keys, len(keys) == 1) if keys else (self._rounded.get(loose, ()), False)
        plain = loose.replace(".", "") if _POINTED.fullmatch(loose) else ""
        if plain not in self._keys and (match := _DRESSED.fullmatch(loose)):
            plain = match[1]  # with zeros in front, a sign around
        return ((plain,) if plain in self._keys else ()), False

    def among(self, cells: Mapping[str, Sequence[int]]) -> dict[str, Alike]:
        """By key, the cells that may stand for it, of those that are given with their rows."""
        found: defaultdict[str, list[Alike]] = defaultdict(list)
        for text, rows in cells.items():
            keys, sure = self.of(text)
            for key in keys:
                found[key].append(Alike(text, tuple(rows), sure))
        return {
            key: Alike(each[0].text, tuple(row for one in each for row in one.rows), _is_one(each))
            for key, each in found.items()
        }

    @cached_property
    def _as_numbers(self) -> Mapping[str, Collection[str]]:
        """Keys too long for a number, by the numbers that programs make of them."""
        return self._by_form(lambda key: _cut(key) if len(key) > _DIGITS else ())

    @cached_property
    def _rounded(self) -> Mapping[str, Collection[str]]:
        return self._by_form(
            lambda key: (
                _scientific(Decimal(f"{Decimal(key):.{shown}E}"))
                for shown in range(min(len(key), _DIGITS) - 1)
            )
        )

    def _by_form(self, forms: Callable[[str], Iterable[str]]) -> Mapping[str, Collection[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for key in self._keys:
            for form in forms(key) if key.isdecimal() and key.isascii() else ():
                found[form].add(key)
        return found


def _cut(key: str) -> Iterator[str]:
    """Cut or rounded to 15 digits, rounded to 16, or as a binary double shows it."""
    yield _scientific(Decimal(key[:_DIGITS]).scaleb(len(key) - _DIGITS))
    yield from (_scientific(Decimal(f"{Decimal(key):.{shown}E}")) for shown in (_DIGITS - 1, _DIGITS))
    yield _scientific(Decimal(repr(float(key))))


def _is_one(found: Sequence[Alike]) -> bool:
    return len(found) == 1 and found[0].sure and len(found[0].rows) == 1


def _scientific(value: Decimal) -> str:
    return f"{value.normalize():E}"


def is_alike(text: str | None, key: str) -> bool:
    """Whether a cell of that text is surely one of that key."""
    return text == key or (text is not None and Alikes((key,)).of(text)[1])
