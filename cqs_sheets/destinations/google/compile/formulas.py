"""A template's formulas with today's positions in them, as Google Sheets spells them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal

from cqs_sheets.core.templates.formula import resolve
from cqs_sheets.destinations.google.read.addresses import column_letters, quoted
from cqs_sheets.destinations.google.read.layout import TabPlace

_TEXT_LITERAL = re.compile(r'("(?:[^"]|"")*")')
_AS_IT_IS = re.compile(r"""("(?:[^"]|"")*"|'(?:[^']|'')*'|\{[^{}]*\})""")
_DECIMAL = re.compile(r"(?<![\w.$])\d*\.\d+(?![\w.])")


def in_any_locale(formula: str) -> str:
    """The formula with `;` between arguments and without decimals, which means the same in every spreadsheet.

    Google reads a formula as if it were typed there, and in half of the locales the comma is the decimal
    mark. An array constant stays as it is: there is no spelling for all.
    """
    parts = _AS_IT_IS.split(formula)
    return "".join(
        part if at % 2 else _DECIMAL.sub(lambda found: f"({ratio(found[0])})", part.replace(",", ";"))
        for at, part in enumerate(parts)
    )


def ratio(number: str) -> str:
    """A decimal number as a whole one, or as the quotient of two."""
    over, under = Decimal(number).as_integer_ratio()
    return f"{over}" if under == 1 else f"{over}/{under}"


def column_reference(place: TabPlace, column: str) -> str:
    """A whole column of a table, however many rows it gets; KeyError if the column is gone.

    It begins with the header: a row that comes in right below it would push a range that begins there
    down, and be left out of it.
    """
    letters = column_letters(place.columns[column])
    return f"{quoted(place.title)}!${letters}${place.header_row + 1}:${letters}"


def row_formula(formula: str, row: int, place: TabPlace, tabs: Mapping[str, TabPlace]) -> str:
    """The formula for one row of a tab. Raises KeyError with the column or tab that is gone."""

    def cell(name: str) -> str:
        return f"{column_letters(place.columns[name])}{row + 1}"

    def column(tab: str, name: str) -> str:
        return column_reference(tabs[tab], name)

    return in_any_locale(resolve(formula, cell=cell, column=column))


def rule_formula(formula: str, place: TabPlace, names: Collection[str]) -> str:
    """The formula of a conditional format that lies on the header and all below, and holds below only.

    Raises LookupError for a column that is not there, or is in another tab.
    """
    header = place.header_row + 1

    def cell(name: str) -> str:
        return f"${column_letters(place.columns[name])}{header}"

    def column(tab: str, name: str) -> str:
        raise LookupError(f"{tab}.{name}")

    resolved = by_name(resolve(formula, cell=cell, column=column), names)
    return in_any_locale(f"=AND(ROW()>ROW($A${header}),{resolved.removeprefix('=')})")


def by_name(formula: str, names: Collection[str]) -> str:
    """The formula with named cells wrapped in INDIRECT: Google takes another tab's in no other way in rules."""
    if not names:
        return formula
    known = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b(?![(!])")
    parts = _TEXT_LITERAL.split(formula)
    return "".join(part if part.startswith('"') else known.sub(r'INDIRECT("\1")', part) for part in parts)
