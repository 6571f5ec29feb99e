"""The cell references inside a formula, found and rewritten; everything else in it stays as written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from cqs_sheets.destinations.excel.parts.refs import MAX_ROW, column_number

_SHEET = r"(?:'(?:[^']|'')+'|[^\W\d][\w.]*(?::[^\W\d][\w.]*)?)!"
_CELL = r"\$?[A-Za-z]{1,3}\$?[1-9][0-9]{0,6}"
_TOKEN = re.compile(
    rf"""
    (?P<text>"(?:[^"]|"")*")
  | (?P<external>\[[0-9]+\][\w.]*!(?:{_CELL}(?::{_CELL})?)?)
  | (?P<bracket>\[(?:[^\[\]']|'.|\[(?:[^\[\]']|'.)*\])*\])
  | (?P<sheet>{_SHEET})?(?:(?P<first>{_CELL})(?::(?P<last>{_CELL}))?
                         |(?P<top>\$?[1-9][0-9]{{0,6}}):(?P<bottom>\$?[1-9][0-9]{{0,6}}))(?![\w.(\[!])
  | (?P<word>{_SHEET}|[\w.\\]+)
    """,
    re.VERBOSE,
)
_PARTS = re.compile(r"(\$?)([A-Za-z]*)(\$?)([0-9]+)")


class Reference(NamedTuple):
    """A cell, an area or whole rows (`left` = `right` = 0), on a named sheet or (None) the formula's own.

    `top_fixed` and `bottom_fixed` tell rows written with `$`.
    """

    sheet: str | None
    top: int
    bottom: int
    left: int
    right: int
    top_fixed: bool
    bottom_fixed: bool


RowChange = Callable[[Reference], tuple[int, int] | None]
"""From a reference to its new first and last row; None if it can no longer be expressed."""


def map_references(formula: str, change: RowChange) -> str:
    """The formula with the rows of its references changed; references to other workbooks are left alone."""

    def changed(match: re.Match[str]) -> str:
        start, end = match["first"] or match["top"], match["last"] or match["bottom"]
        if start is None or "[" in (match["sheet"] or ""):
            return match[0]
        return _changed(match[0], match["sheet"] or "", start, end, change)

    return _TOKEN.sub(changed, formula)


def _changed(written: str, sheet: str, start: str, end: str | None, change: RowChange) -> str:
    _, first_letters, first_fixed, first = _parts(start)
    _, last_letters, last_fixed, last = _parts(end or start)
    if max(first, last) > MAX_ROW:
        return written
    swapped = first > last
    left, right = sorted((column_number(first_letters), column_number(last_letters)))
    reference = Reference(
        sheet=_sheet_name(sheet),
        top=min(first, last),
        bottom=max(first, last),
        left=left,
        right=right,
        top_fixed=bool(last_fixed if swapped else first_fixed),
        bottom_fixed=bool(first_fixed if swapped else last_fixed),
    )
    rows = change(reference)
    if rows == (reference.top, reference.bottom):
        return written
    if rows is None or not 1 <= min(rows) <= max(rows) <= MAX_ROW:
        return f"{sheet}#REF!"
    top, bottom = reversed(rows) if swapped else rows
    opened = _with_row(start, top)
    return (
        sheet + opened
        if end is None and top == bottom
        else f"{sheet}{opened}:{_with_row(end or start, bottom)}"
    )


def _parts(cell: str) -> tuple[str, str, str, int]:
    match = _PARTS.fullmatch(cell)
    assert match is not None  # noqa: S101 - the token's own pattern is stricter
    if not match[2]:
        return "", "", match[1], int(match[4])
    return match[1], match[2], match[3], int(match[4])


def _with_row(cell: str, row: int) -> str:
    return re.sub(r"[0-9]+$", str(row), cell)


def _sheet_name(written: str) -> str | None:
    name = written[:-1]
    if name.startswith("'"):
        name = name[1:-1].replace("''", "'")
    return name or None


def filled_down(formula: str, by: int) -> str:
    """The formula as copied `by` rows further down: relative rows move, rows with `$` stay."""

    def moved(reference: Reference) -> tuple[int, int]:
        top = reference.top if reference.top_fixed else reference.top + by
        bottom = reference.bottom if reference.bottom_fixed else reference.bottom + by
        return min(top, bottom), max(top, bottom)

    return map_references(formula, moved)


def has_cell_references(formula: str) -> bool:
    """Whether a formula names cells by address (and not only table columns and names)."""
    found = False

    def seen(reference: Reference) -> tuple[int, int]:
        nonlocal found
        found = True
        return reference.top, reference.bottom

    map_references(formula, seen)
    return found
