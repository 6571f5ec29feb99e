"""What cells hold while formulas are worked out, and how spreadsheets turn one kind into another."""

from __future__ import annotations

from typing import NamedTuple

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
