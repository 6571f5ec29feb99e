"""What stands in a target, seen with other eyes than the program's: cells, rows by their ids, differences."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.formula.translate import Translator
from openpyxl.utils import get_column_letter

from tests.emulators.google_sheets import RunningSheets

Grid = dict[tuple[int, int], Any]
Book = dict[str, Grid]
"""The tabs in their order; each holds its cells that are not empty by row and column, from 1: constant or formula."""

_KEYS = ("UID", "ID", "id", "Nr")  # headers; where a tab has several, the first of these tells its rows apart
_HEADER_ROWS = 5


def of_workbook(path: Path) -> Book:
    return _read(path.read_bytes())


@cache
def _read(workbook: bytes) -> Book:
    return {
        sheet.title: {
            (cell.row, cell.column): getattr(cell.value, "text", cell.value)
            for row in sheet.iter_rows()
            for cell in row
            if cell.value is not None
        }
        for sheet in openpyxl.load_workbook(io.BytesIO(workbook)).worksheets
    }


def of_spreadsheet(sheets: RunningSheets, id_: str) -> Book:
    """Without the tab that the sync keeps for itself."""
    return {
        sheet.title: {
            (row + 1, column + 1): cell.value if cell.formula is None else cell.formula
            for row, column, cell in sheet.grid.occupied()
            if cell.has_content
        }
        for sheet in sheets.book(id_).sheets
        if not sheet.title.startswith("_cqs")
    }


def headers(grid: Grid) -> tuple[int, dict[int, str]]:
    """The row of the headers and their texts by column; (0, {}) for a tab that holds no signals."""
    for row in range(1, _HEADER_ROWS + 1):
        texts = {column: str(value) for (at, column), value in grid.items() if at == row}
        if set(_KEYS) & set(texts.values()):
            return row, texts
    return 0, {}


def rows(grid: Grid) -> list[tuple[str, int]]:
    """The ids under the header and their rows, from top to bottom."""
    top, texts = headers(grid)
    if not top:
        return []
    named = {text: column for column, text in texts.items()}
    key = next(named[text] for text in _KEYS if text in named)
    return sorted(
        ((str(value), at) for (at, column), value in grid.items() if column == key and at > top),
        key=lambda each: each[1],
    )


def ids(grid: Grid) -> list[str]:
    return [id_ for id_, _ in rows(grid)]


def cell(grid: Grid, id_: str, header: Collection[str]) -> Any:
    """What stands in the row of an id, under one of these headers."""
    (column,) = [column for column, text in headers(grid)[1].items() if text in header]
    return grid.get((dict(rows(grid))[id_], column))


def differences(before: Book, after: Book, may_change: Collection[tuple[str, str]]) -> list[str]:
    """Where a cell that was there is another now: rows of signals by their id, all others by their place.

    `may_change` are ids and headers of cells that are left out, and the settings that the sync writes are.
    A formula says the same when it does so after going with its row.
    """
    return [
        f"{title}: {where}: {old!r} -> {new!r}"
        for title, grid in before.items()
        for where, old, new in _compared(title, grid, after.get(title, {}))
        if old != new and where not in may_change
    ]


def _compared(title: str, before: Grid, after: Grid) -> Iterator[tuple[tuple[str, str], Any, Any]]:
    texts, now = headers(before)[1], dict(rows(after))
    moved = {row: (id_, now.get(id_, 0)) for id_, row in rows(before)}
    synced = _written_by_the_sync(before) if title == "Settings" else set()
    for (row, column), old in before.items():
        id_, new_row = moved.get(row, (f"row {row}", row))
        name = texts.get(column, get_column_letter(column))
        new = after.get((new_row, column))
        if (row, column) not in synced:
            yield (id_, name), _carried(old, column, row, new_row), new


def _carried(value: Any, column: int, row: int, new_row: int) -> Any:
    if row == new_row or not new_row or not str(value).startswith("="):
        return value
    letters = get_column_letter(column)
    return Translator(value, f"{letters}{row}").translate_formula(f"{letters}{new_row}")


def _written_by_the_sync(settings: Grid) -> set[tuple[int, int]]:
    title = next(row for (row, _), value in settings.items() if value == "WRITTEN BY THE SYNC")
    return {(row, column) for row, column in settings if row > title and column == 2}
