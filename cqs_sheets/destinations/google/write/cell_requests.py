"""Requests for cells at known places, and the ranges they speak of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cqs_sheets.destinations.google.read.layout import Cell

Json = dict[str, Any]


def update_cells(cell: Cell, rows: Iterable[Iterable[Json]]) -> Json:
    """The request that writes rows of ExtendedValues, formats untouched."""
    start = {"sheetId": cell.sheet_id, "rowIndex": cell.row, "columnIndex": cell.column}
    lines = [
        {"values": [{"userEnteredValue": content} if content else {} for content in contents]}
        for contents in rows
    ]
    return {"updateCells": {"start": start, "rows": lines, "fields": "userEnteredValue"}}


def area(cell: Cell, height: int = 1, width: int = 1) -> Json:
    """A GridRange with its upper left corner at `cell`."""
    return {
        "sheetId": cell.sheet_id,
        "startRowIndex": cell.row,
        "endRowIndex": cell.row + height,
        "startColumnIndex": cell.column,
        "endColumnIndex": cell.column + width,
    }
