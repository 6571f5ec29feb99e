"""Addresses of cells, and the references in formulas: found, and moved."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Self

from cqs_sheets.core.grid import Span, column_letters, column_number
from cqs_sheets.destinations.excel.parts.xmltext import Malformed
from cqs_sheets.patterns import regex
from cqs_sheets.values import replace

MAX_ROW = 1_048_576
MAX_COLUMN = 16_384

_CELL = regex(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_PLAIN_NAME = regex(r"[^\W\d][\w.]*")
_LOOKS_LIKE_CELL = regex(r"(?i)[a-z]{1,3}[0-9]+|r[0-9]*c[0-9]*|[rc]")
_NEEDS_BRACKETS = regex(r"[^\w ?%]")


def address(row: int, column: int) -> str:
    """The cell's relative address, e.g. `C5`."""
    return f"{column_letters(column)}{row}"


class Area(Span):
    """A rectangle of cells as a workbook's parts write it."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """`A1`, `A1:C9` or `$A$1:$C$9`; Malformed for anything else (whole rows or columns too)."""
        first, _, last = text.strip().partition(":")
        start, end = _CELL.fullmatch(first), _CELL.fullmatch(last or first)
        if start is None or end is None:
            raise Malformed("an address", text)
        rows = sorted((int(start[2]), int(end[2])))
        columns = sorted((column_number(start[1]), column_number(end[1])))
        return cls(rows[0], columns[0], rows[1], columns[1])

    def contains(self, row: int, column: int) -> bool:
        """Whether the cell lies inside."""
        return self.top <= row <= self.bottom and self.left <= column <= self.right

    @property
    def is_column(self) -> bool:
        """Whether it is (part of) one column."""
        return self.left == self.right

    def down_to(self, bottom: int) -> Area:
        """The same area ending at row `bottom`."""
        return replace(self, bottom=bottom)


def quoted_sheet(name: str) -> str:
    """A sheet's name as a formula spells it."""
    if _PLAIN_NAME.fullmatch(name) and not _LOOKS_LIKE_CELL.fullmatch(name) and name.isascii():
        return name
    return "'" + name.replace("'", "''") + "'"


def split_sheet(text: str) -> tuple[str, str]:
    """`'My sheet'!$A$1` -> ("My sheet", "$A$1"); Malformed without a sheet."""
    sheet, mark, rest = text.strip().rpartition("!")
    if not mark:
        raise Malformed("the address of a cell in a sheet", text)
    if sheet.startswith("'") and sheet.endswith("'"):
        sheet = sheet[1:-1].replace("''", "'")
    return sheet, rest


def table_column(table: str, header: str) -> str:
    """The data of a table's column as a structured reference: it grows with the table."""
    escaped = _escaped(header)
    return f"{table}[[{escaped}]]" if _NEEDS_BRACKETS.search(header) else f"{table}[{escaped}]"


def table_cell(table: str, header: str) -> str:
    """The cell of a table's column in the same row, as files spell it."""
    return f"{table}[[#This Row],[{_escaped(header)}]]"


def _escaped(header: str) -> str:
    return re.sub(r"(['\[\]#@])", r"'\1", header)


# The grid ends at XFD1048576: what looks like a cell beyond it (XRP1, XLM15) is a name.
_COLUMN = r"\$?(?:[A-Za-z]{1,2}|[A-Wa-w][A-Za-z]{2}|[Xx](?:[A-Ea-e][A-Za-z]|[Ff][A-Da-d]))"
_ROW = (
    r"\$?(?:104857[0-6]|10485[0-6][0-9]|1048[0-4][0-9]{2}|104[0-7][0-9]{3}|10[0-3][0-9]{4}|[1-9][0-9]{0,5})"
)
_NO_WORD = r"(?![\w.?\\(\[!])"
_AREA = rf"(?:{_COLUMN}{_ROW}(?::{_COLUMN}{_ROW})?|{_ROW}:{_ROW}|{_COLUMN}:{_COLUMN}){_NO_WORD}"
_SHEET = r"(?:'(?:[^']|'')+'|[^\W\d][\w.]*(?::[^\W\d][\w.]*)?)!"

# Matches a formula's texts, references and words, each whole, left to right; it may meet whatever people and
# programs write between them, which it skips. openpyxl's tokenizer parses the same ten times as slowly and
# does not give positions; the tests hold the two against each other.
_TOKEN = regex(
    rf"""
    (?P<text>"(?:[^"]|"")*")
  | (?P<external>\[(?:[^\[\]']|'[^']*')+\][\w.]*(?::[\w.]*)?!(?:{_AREA})?)
  | (?P<bracket>\[(?:[^\[\]']|'.|\[(?:[^\[\]']|'.)*\])*\])
  | (?P<sheet>{_SHEET})?(?P<area>{_COLUMN}{_ROW}:(?P=sheet){_COLUMN}{_ROW}{_NO_WORD}|{_AREA})
  | (?P<word>{_SHEET}|[\w.?\\]+)
    """,
    re.VERBOSE,
)
_END = regex(r"(?:(\$?)([A-Za-z]+))?(?:(\$?)([0-9]+))?")


class Reference(NamedTuple):
    """A cell, an area, whole rows (`left` = `right` = 0) or columns (`top` = `bottom` = 0).

    It is on a named sheet or (None) the formula's own. `top_fixed` and `bottom_fixed` tell rows
    written with `$`, `ranged` whether it has two ends, be they one cell.
    """

    sheet: str | None
    top: int
    bottom: int
    left: int
    right: int
    top_fixed: bool
    bottom_fixed: bool
    ranged: bool = True

    @property
    def is_column(self) -> bool:
        """Whether it is a range in one column, be it of one cell, that does not run with the cell that holds it."""
        return self.ranged and self.left == self.right > 0 and self.top_fixed == self.bottom_fixed


RowChange = Callable[[Reference], tuple[int, int] | None]
"""From a reference to its new first and last row; None if it can no longer be expressed."""


class _End(NamedTuple):
    """One of the two cells that a reference is written with; row or column is 0 where it names none."""

    row: int
    column: int
    row_fixed: bool
    column_fixed: bool

    @classmethod
    def parse(cls, text: str) -> _End:
        match = _END.fullmatch(text)
        assert match is not None  # noqa: S101 - the token's own pattern is stricter
        return cls(int(match[4] or 0), column_number(match[2] or ""), match[3] == "$", match[1] == "$")

    def __str__(self) -> str:
        column = f"{'$' if self.column_fixed else ''}{column_letters(self.column)}" if self.column else ""
        return f"{column}{'$' if self.row_fixed else ''}{self.row}" if self.row else column

    def filled(self, down: int, right: int) -> _End | None:
        """Copied to another cell; None if it falls off the sheet."""
        row = self.row + down if self.row and not self.row_fixed else self.row
        column = self.column + right if self.column and not self.column_fixed else self.column
        if (self.row and not 1 <= row <= MAX_ROW) or (self.column and not 1 <= column <= MAX_COLUMN):
            return None
        return self._replace(row=row, column=column)


_Ends = tuple[_End, _End]


def map_references(formula: str, change: RowChange) -> str:
    """The formula with the rows of its references changed; references to other workbooks are left alone."""

    def changed(sheet: str | None, ends: _Ends) -> _Ends | None:
        ranged = ends[0] is not ends[1]
        upper, lower = ends if ends[0].row <= ends[1].row else (ends[1], ends[0])
        left, right = sorted((ends[0].column, ends[1].column))
        fixed = upper.row_fixed, lower.row_fixed
        rows = change(Reference(sheet, upper.row, lower.row, left, right, *fixed, ranged))
        if rows == (upper.row, lower.row):
            return ends
        if rows is None or not 1 <= min(rows) <= max(rows) <= MAX_ROW:
            return None
        moved = upper._replace(row=rows[0]), lower._replace(row=rows[1])
        return moved if upper is ends[0] else (moved[1], moved[0])

    return _map_ends(formula, changed)


def _map_ends(formula: str, change: Callable[[str | None, _Ends], _Ends | None]) -> str:
    def changed(match: re.Match[str]) -> str:
        area, sheet = match["area"], match["sheet"] or ""
        if area is None or "[" in sheet:
            return match[0]
        start, _, end = area.partition(":")
        again, mark, end = end.rpartition("!")  # some say the sheet for either corner
        first = _End.parse(start)
        ends = (first, _End.parse(end)) if end else (first, first)
        after = change(_sheet_name(sheet), ends)
        if after == ends:
            return match[0]
        if after is None:
            return f"{sheet}#REF!"
        if end or after[0] != after[1]:
            return f"{sheet}{after[0]}:{again}{mark}{after[1]}"
        return f"{sheet}{after[0]}"

    return _TOKEN.sub(changed, formula)


def _sheet_name(written: str) -> str | None:
    name = written[:-1]
    if name.startswith("'"):
        name = name[1:-1].replace("''", "'")
    return name or None


def filled(formula: str, down: int, right: int = 0) -> str:
    """The formula as copied that many rows down and columns to the right: what has a `$` stays."""

    def moved(_: str | None, ends: _Ends) -> _Ends | None:
        first, last = (end.filled(down, right) for end in ends)
        return None if first is None or last is None else _in_order(first, last)

    return _map_ends(formula, moved) if down or right else formula


def _in_order(first: _End, last: _End) -> _Ends:
    """Two corners as the upper left and the lower right one, each row and column with its `$`."""
    if first.row > last.row:
        first, last = (
            first._replace(row=last.row, row_fixed=last.row_fixed),
            last._replace(row=first.row, row_fixed=first.row_fixed),
        )
    if first.column > last.column:
        first, last = (
            first._replace(column=last.column, column_fixed=last.column_fixed),
            last._replace(column=first.column, column_fixed=first.column_fixed),
        )
    return first, last


def has_cell_references(formula: str) -> bool:
    """Whether a formula names cells by address (and not only table columns and names)."""
    return any(match["area"] is not None for match in _TOKEN.finditer(formula))
