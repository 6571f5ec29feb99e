"""The `values` collection: get, update, append, clear, and their batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import structure
from .a1 import Bounds, Box, column_name, name_box
from .axis import Insert
from .cells import Cell, CellError, Result, Scalar, Stored, checked_text, number, pack, unpack
from .errors import Json, Refusal
from .evaluate import Evaluator, effective
from .model import Sheet, Spreadsheet
from .rendering import is_date, render
from .tables import find_table
from .typed import enter


@dataclass(frozen=True, slots=True)
class Look:
    """How values are asked for."""

    render: str = "FORMATTED_VALUE"
    dates: str = "SERIAL_NUMBER"
    dimension: str = "ROWS"

    @staticmethod
    def of(options: Json) -> Look:
        """From the query or body of a read."""
        return Look(
            options.get("valueRenderOption") or "FORMATTED_VALUE",
            options.get("dateTimeRenderOption") or "SERIAL_NUMBER",
            _dimension(options.get("majorDimension")),
        )

    @staticmethod
    def of_response(options: Json) -> Look:
        """From the response… options of a write."""
        return Look(
            options.get("responseValueRenderOption") or "FORMATTED_VALUE",
            options.get("responseDateTimeRenderOption") or "SERIAL_NUMBER",
        )


def _dimension(given: str | None) -> str:
    return given if given in ("ROWS", "COLUMNS") else "ROWS"


def read_range(book: Spreadsheet, sheet: Sheet, bounds: Bounds, look: Look, evaluator: Evaluator) -> Json:
    """A ValueRange: trailing empty cells and rows left out, an empty row inside is []."""
    box = sheet.box(bounds)
    rows = [
        [
            _shown(book, sheet, stored, look, evaluator)
            for stored in sheet.grid.row(index)[box.left : box.right]
        ]
        for index in range(box.top, min(box.bottom, len(sheet.grid.rows)))
    ]
    if look.dimension == "COLUMNS":
        width = max(map(len, rows), default=0)
        rows = [[row[column] if column < len(row) else "" for row in rows] for column in range(width)]
    trimmed = [_trim(row) for row in rows]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    result: Json = {"range": name_box(sheet.title, box), "majorDimension": look.dimension}
    return {**result, "values": trimmed} if trimmed else result


def _trim(row: list[Any]) -> list[Any]:
    while row and row[-1] == "":
        row.pop()
    return row


def _shown(book: Spreadsheet, sheet: Sheet, stored: Stored, look: Look, evaluator: Evaluator) -> Scalar:
    if stored is None or isinstance(stored, str):
        return stored or ""
    if type(stored) is int and look.render == "FORMATTED_VALUE" and abs(stored) < 10**15:
        return str(stored)
    cell = unpack(stored)
    if look.render == "FORMULA" and cell.formula is not None:
        return cell.formula
    return _rendered(effective(book, sheet, cell, evaluator), cell, look, book.properties["locale"])


def _rendered(value: Result, cell: Cell, look: Look, locale: str) -> Scalar:
    pattern = (cell.format or {}).get("numberFormat")
    as_text = look.render == "FORMATTED_VALUE" or (look.dates == "FORMATTED_STRING" and is_date(pattern))
    if value is None:
        return ""
    if isinstance(value, CellError) or (as_text and not isinstance(value, str)):
        return render(value, pattern, locale)
    return value


@dataclass(frozen=True, slots=True)
class Written:
    """What one ValueRange changed; rows and columns count where at least one cell was given."""

    sheet: Sheet
    box: Box
    rows: frozenset[int]
    columns: frozenset[int]
    cells: int

    def reply(self, book: Spreadsheet) -> Json:
        """An UpdateValuesResponse without updatedData; zero counts are left out."""
        counts = {
            "updatedRows": len(self.rows),
            "updatedColumns": len(self.columns),
            "updatedCells": self.cells,
        }
        shown = {key: count for key, count in counts.items() if count}
        return {"spreadsheetId": book.id, "updatedRange": name_box(self.sheet.title, self.box), **shown}


def write_range(
    book: Spreadsheet, sheet: Sheet, bounds: Bounds, given: Json, option: str, asked: str = ""
) -> Written:
    """Write a ValueRange at `bounds`; null leaves a cell alone, "" empties it; `asked` is for a refusal's text."""
    rows = _as_rows(given)
    box = _target(sheet, bounds, rows, asked)
    locale = book.properties["locale"]
    written_rows: set[int] = set()
    columns: set[int] = set()
    cells = 0
    for offset, row in enumerate(rows):
        given_cells = {box.left + column: item for column, item in enumerate(row) if item is not None}
        if not given_cells:
            continue
        for column, item in given_cells.items():
            given_cells[column] = pack(
                _entered(sheet.grid.cell(box.top + offset, column), item, option, locale)
            )
        sheet.grid.replace_cells(box.top + offset, given_cells)
        written_rows.add(box.top + offset)
        cells += len(given_cells)
        columns.update(given_cells)
    return Written(sheet, box, frozenset(written_rows), frozenset(columns), cells)


def _as_rows(given: Json) -> list[list[Any]]:
    rows: list[list[Any]] = given.get("values") or []
    for row, items in enumerate(rows):
        for column, item in enumerate(items):
            if isinstance(item, dict | list):
                kind = "struct_value" if isinstance(item, dict) else "list_value"
                raise Refusal(f"Invalid values[{row}][{column}]: {kind}")
    if _dimension(given.get("majorDimension")) == "ROWS":
        return rows
    height = max(map(len, rows), default=0)
    return [[column[index] if index < len(column) else None for column in rows] for index in range(height)]


def _target(sheet: Sheet, bounds: Bounds, rows: list[list[Any]], asked: str) -> Box:
    """Where the rows land. Raises Refusal when they do not fit the range, or the range the grid."""
    start = sheet.box(bounds)
    height, width = len(rows), max(map(len, rows), default=0)
    bottom = sheet.grid.row_count if bounds.is_one_cell else start.bottom
    right = sheet.grid.column_count if bounds.is_one_cell else start.right
    if start.top + height > bottom:
        raise Refusal(f"Requested writing within range [{asked}], but tried writing to row [{bottom + 1}]")
    if start.left + width > right:
        column = column_name(right)
        raise Refusal(f"Requested writing within range [{asked}], but tried writing to column [{column}]")
    return Box(start.top, start.top + max(height, 1), start.left, start.left + max(width, 1))


def _entered(old: Cell, given: Scalar, option: str, locale: str) -> Cell:
    if option != "USER_ENTERED":
        value = given if isinstance(given, str | bool) else number(given)
        return replace(
            old, value=checked_text(value) or None if isinstance(value, str) else value, formula=None
        )
    entry = enter(old, given, locale)
    style = old.format
    if entry.format and not (style or {}).get("numberFormat"):
        style = {**(style or {}), "numberFormat": entry.format}
    return replace(old, value=entry.value, formula=entry.formula, format=style)


def append_range(
    book: Spreadsheet, sheet: Sheet, bounds: Bounds, given: Json, options: Json
) -> tuple[Written, str | None]:
    """Write below the table that the range touches, growing the grid. Returns also that table's name."""
    sheet.box(bounds)
    table = find_table(sheet.grid, bounds)
    top, left = (table.bottom, table.left) if table else (bounds.top or 0, bounds.left or 0)
    rows = _as_rows(given)
    height, width = max(len(rows), 1), max(map(len, rows), default=1)
    if options.get("insertDataOption") == "INSERT_ROWS" and top < sheet.grid.row_count:
        structure.insert(book, sheet, "ROWS", Insert(top, height), like=top - 1 if top else None)
    _make_room(book, sheet, top + height, left + width)
    where = Bounds(top, top + height, left, left + width)
    given_rows = {"values": rows}
    name = name_box(sheet.title, table) if table else None
    return write_range(book, sheet, where, given_rows, options.get("valueInputOption", "RAW")), name


def _make_room(book: Spreadsheet, sheet: Sheet, rows: int, columns: int) -> None:
    for axis, needed in (("ROWS", rows), ("COLUMNS", columns)):
        if needed > sheet.count(axis):
            structure.append(book, sheet, axis, needed - sheet.count(axis))


def clear_range(sheet: Sheet, bounds: Bounds) -> str:
    """Take the values, leave formats, notes and validations. Returns the range's name."""
    box = sheet.box(bounds)
    for row in range(box.top, min(box.bottom, len(sheet.grid.rows))):
        right = min(box.right, len(sheet.grid.row(row)))
        if right > box.left:
            sheet.grid.change_row(row, box.left, right, lambda _column, old: old.bare())
    return name_box(sheet.title, box)


def totals(writes: Sequence[Written]) -> Json:
    """The totals of a batch: rows and columns of one tab count once."""
    total: Json = {
        "totalUpdatedRows": len({(write.sheet.id, row) for write in writes for row in write.rows}),
        "totalUpdatedColumns": len(
            {(write.sheet.id, column) for write in writes for column in write.columns}
        ),
        "totalUpdatedCells": sum(write.cells for write in writes),
        "totalUpdatedSheets": len({write.sheet.id for write in writes}),
    }
    return {key: count for key, count in total.items() if count}
