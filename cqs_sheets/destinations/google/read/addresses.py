"""Addresses as a formula spells them; Google itself counts rows and columns from 0."""

from __future__ import annotations

from cqs_sheets.core import grid


def column_letters(index: int) -> str:
    """0 -> A, 26 -> AA."""
    return grid.column_letters(index + 1)


def quoted(title: str) -> str:
    """A tab's title in front of a `!`."""
    return "'" + title.replace("'", "''") + "'"
