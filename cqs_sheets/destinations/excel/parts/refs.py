"""Cell addresses and ranges in A1 notation."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Self

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.grid import column_number as column_number  # noqa: PLC0414 - for those who read addresses
from cqs_sheets.destinations.excel.parts.malformed import Malformed

MAX_ROW = 1_048_576
MAX_COLUMN = 16_384

_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_PLAIN_NAME = re.compile(r"[^\W\d][\w.]*")
_LOOKS_LIKE_CELL = re.compile(r"(?i)[a-z]{1,3}[0-9]+|r[0-9]*c[0-9]*|[rc]")
_NEEDS_BRACKETS = re.compile(r"[^\w ?%]")


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
