"""A template's formulas with today's positions in them, as Google Sheets spells them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from cqs_sheets.core.formula import resolve
from cqs_sheets.destinations.google.layout import TabPlace

_TEXT_LITERAL = re.compile(r'("(?:[^"]|"")*")')


def column_letters(index: int) -> str:
    """0 -> A, 26 -> AA."""
    letters, number = "", index + 1
    while number:
        number, digit = divmod(number - 1, 26)
        letters = chr(65 + digit) + letters
    return letters


def quoted(title: str) -> str:
    """A tab's title in front of a `!`."""
    return "'" + title.replace("'", "''") + "'"


def row_formula(formula: str, row: int, place: TabPlace, tabs: Mapping[str, TabPlace]) -> str | None:
    """The formula for one row of a tab; None if it refers to a column that is gone."""

    def cell(name: str) -> str:
        return f"{column_letters(place.columns[name])}{row + 1}"

    def column(tab: str, name: str) -> str:
        other = tabs[tab]
        letters = column_letters(other.columns[name])
        return f"{quoted(other.title)}!${letters}${other.header_row + 2}:${letters}"

    try:
        return resolve(formula, cell=cell, column=column)
    except LookupError:
        return None


def rule_formula(formula: str, place: TabPlace, names: Collection[str]) -> str | None:
    """The formula of a conditional format that lies on the header and all below, and holds below only.

    Named cells are wrapped in INDIRECT: Google does not take another tab's names there otherwise.
    """
    header = place.header_row + 1

    def cell(name: str) -> str:
        return f"${column_letters(place.columns[name])}{header}"

    def column(tab: str, name: str) -> str:
        raise LookupError(f"{tab}.{name}")

    try:
        resolved = resolve(formula, cell=cell, column=column).removeprefix("=")
    except LookupError:
        return None
    if names:
        known = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b(?![(!])")
        parts = _TEXT_LITERAL.split(resolved)
        resolved = "".join(
            part if part.startswith('"') else known.sub(r'INDIRECT("\1")', part) for part in parts
        )
    return f"=AND(ROW()>ROW($A${header}),{resolved})"
