"""Where in a spreadsheet: the shapes by which Google's requests name ranges, rows, columns and cells.

All count from 0, ends are exclusive, and an edge that is left out is that of the sheet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypedDict

Json = dict[str, Any]
"""A request or an answer of Google's, as JSON has it."""

Dimension = Literal["ROWS", "COLUMNS"]


class GridRange(TypedDict, total=False):
    """A rectangle of cells."""

    sheetId: int
    startRowIndex: int
    endRowIndex: int
    startColumnIndex: int
    endColumnIndex: int


class DimensionRange(TypedDict):
    """Whole rows or columns."""

    sheetId: int
    dimension: Dimension
    startIndex: int
    endIndex: int


class GridCoordinate(TypedDict):
    """One cell."""

    sheetId: int
    rowIndex: int
    columnIndex: int


def grid_range(sheet_id: int, rows: range | None = None, columns: range | None = None) -> GridRange:
    """The cells of these rows and columns; None for all."""
    found = GridRange(sheetId=sheet_id)
    if rows is not None:
        found |= {"startRowIndex": rows.start, "endRowIndex": rows.stop}
    if columns is not None:
        found |= {"startColumnIndex": columns.start, "endColumnIndex": columns.stop}
    return found


def dimension_range(sheet_id: int, dimension: Dimension, start: int, end: int) -> DimensionRange:
    """The rows or columns from `start` to before `end`."""
    return DimensionRange(sheetId=sheet_id, dimension=dimension, startIndex=start, endIndex=end)


def coordinate(sheet_id: int, row: int, column: int) -> GridCoordinate:
    """One cell."""
    return GridCoordinate(sheetId=sheet_id, rowIndex=row, columnIndex=column)


def filters_by(boxes: Iterable[GridRange]) -> Json:
    """The body of a question for the cells in these ranges."""
    return {"dataFilters": [{"gridRange": box} for box in boxes]}


def sheet_id_of(sheet: Json) -> int:
    """A tab's id: Google leaves out 0."""
    return int(sheet["properties"].get("sheetId", 0))
