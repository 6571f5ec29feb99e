"""Cells as Google tells them: decoded and encoded, and read by place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from cqs_sheets.core.cells import CellType, CellValue, number_text, rounded
from cqs_sheets.core.grid import runs
from cqs_sheets.core.templates.decimals import is_ours
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations.google.read.layout import Cell, TabPlace
from cqs_sheets.destinations.google.wire.shapes import GridRange, Json, filters_by, grid_range, sheet_id_of
from cqs_sheets.destinations.google.wire.sheets_http import Spreadsheet
from cqs_sheets.values import dataclass, field, replace

MOST_CHARACTERS = 50_000
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a wall time
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_ID_DIGITS = 15


def encode(value: CellValue) -> Json:
    """A value as ExtendedValue; {} for a blank.

    Numbers are rounded to the 15 digits that a cell holds; every text is stored as text and never parsed.
    """
    if value is None or value == "":
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, datetime):
        return {"numberValue": serial(value)}
    if isinstance(value, Decimal):
        return {"stringValue": format(value, "f")} if is_no_number(value) else {"numberValue": _number(value)}
    return {"stringValue": value[:MOST_CHARACTERS]}


def is_no_number(value: CellValue) -> bool:
    """Whether a number is one that no cell can hold, and must be kept as text."""
    return isinstance(value, Decimal) and number_text(value) is None


def _number(value: Decimal) -> int | float:
    value = rounded(value)
    return int(value) if value == value.to_integral_value() and abs(value) < 10**_ID_DIGITS else float(value)


def serial(moment: datetime) -> float:
    """A wall time as days since 1899-12-30."""
    return (moment - _DAY_ZERO) / _DAY


def decode(value: object, kind: CellType = CellType.ID) -> CellValue:
    """What a cell holds, from the unformatted value of the API; a number is a time where `kind` is TIME."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return _moment(value) if kind is CellType.TIME else Decimal(str(value))
    return str(value)


def _moment(days: float | Decimal) -> CellValue:
    try:
        return _DAY_ZERO + round(Decimal(str(days)) * (_DAY // _MICROSECOND)) * _MICROSECOND
    except (OverflowError, InvalidOperation):
        return Decimal(str(days))


def entered(content: Json) -> CellValue:
    """What an ExtendedValue says; a formula's is its text."""
    return decode(next(iter(content.values()), None))


def decode_extended(cell: Json, kind: CellType = CellType.ID) -> CellValue:
    """The same from CellData with its effectiveValue."""
    held = cell.get("effectiveValue", {})
    error = held.get("errorValue")
    return decode(error.get("message", "error") if error else next(iter(held.values()), None), kind)


Line = dict[int, Any]

_EDGES = ("sheetId", "startRowIndex", "startColumnIndex")
_WITH_MODELS = (
    "sheets(properties(sheetId),data(startRow,startColumn,"
    "rowData(values(effectiveValue,userEnteredValue(formulaValue),userEnteredFormat(numberFormat)))))"
)
_MODELS = 2  # rows that must agree


def box_of_rows(place: TabPlace, rows: Iterable[int]) -> list[GridRange]:
    """GridRanges of rows of a tab, with the columns that the sync may need."""
    columns = range(min(place.columns.values()), max(place.columns.values()) + 1)
    return [grid_range(place.sheet_id, range(first, last + 1), columns) for first, last in runs(rows)]


def box_of_column(place: TabPlace, column: int) -> GridRange:
    """The GridRange of a column's data."""
    rows = range(place.header_row + 1, place.end)
    return grid_range(place.sheet_id, rows, range(column, column + 1))


def read_boxes(
    spreadsheet: Spreadsheet,
    boxes: Sequence[GridRange],
    *,
    render: str = "UNFORMATTED_VALUE",
) -> dict[tuple[int, int], Line]:
    """The values in GridRanges, as `render` has them: (tab id, row) -> column -> value. One request, if any."""
    if not boxes:
        return {}
    answer = spreadsheet.read(
        "valueRanges(valueRange(values),dataFilters(gridRange))",
        "/values:batchGetByDataFilter",
        filters_by(boxes) | {"valueRenderOption": render, "dateTimeRenderOption": "SERIAL_NUMBER"},
    )
    lines: dict[tuple[int, int], Line] = {}
    for found in answer.get("valueRanges", []):
        for data_filter in found.get("dataFilters", []):
            sheet_id, top, left = (data_filter["gridRange"].get(edge, 0) for edge in _EDGES)
            for row, values in enumerate(found.get("valueRange", {}).get("values", []), start=top):
                lines.setdefault((sheet_id, row), {}).update(enumerate(values, start=left))
    return lines


@dataclass(slots=True)
class Models:
    """What the rows that new ones go beside look like: which cells hold a formula, and the number formats of all."""

    formulas: set[Cell] = field(default_factory=set)
    patterns: dict[Cell, str] = field(default_factory=dict)


def read_models(
    spreadsheet: Spreadsheet, boxes: Sequence[GridRange]
) -> tuple[dict[tuple[int, int], Line], Models]:
    """The same, and what the cells look like."""
    answer = spreadsheet.read(_WITH_MODELS, ":getByDataFilter", filters_by(boxes))
    if not shows_all(answer, boxes):
        lines = read_boxes(spreadsheet, boxes)
        return lines, Models(formulas=_formulas(spreadsheet, boxes))
    lines, models = {}, Models()
    for cell, data in cells_of(answer):
        lines.setdefault((cell.sheet_id, cell.row), {})[cell.column] = decode_extended(data)
        if "formulaValue" in data.get("userEnteredValue", {}):
            models.formulas.add(cell)
        shown = data.get("userEnteredFormat", {}).get("numberFormat", {})
        models.patterns[cell] = shown.get("pattern") or shown.get("type", "General")
    return lines, models


def _formulas(spreadsheet: Spreadsheet, boxes: Sequence[GridRange]) -> set[Cell]:
    """Which of the cells hold a formula, by the question that no other one's blocks can leave out."""
    lines = read_boxes(spreadsheet, boxes, render="FORMULA")
    return {
        Cell(sheet_id=sheet_id, row=row, column=column)
        for (sheet_id, row), line in lines.items()
        for column, value in line.items()
        if isinstance(value, str) and value.startswith("=")
    }


def shows_all(answer: Json, boxes: Sequence[GridRange]) -> bool:
    """Whether an answer has a block of cells for each GridRange that was asked for."""
    begun = {
        (sheet_id_of(sheet), block.get("startRow", 0), block.get("startColumn", 0))
        for sheet in answer.get("sheets", [])
        for block in sheet.get("data", [])
    }
    return {tuple(box.get(edge, 0) for edge in _EDGES) for box in boxes} <= begun


def cells_of(answer: Json) -> Iterator[tuple[Cell, Json]]:
    """The CellData that a spreadsheet comes with, by place."""
    for sheet in answer.get("sheets", []):
        sheet_id = sheet_id_of(sheet)
        for block in sheet.get("data", []):
            left = block.get("startColumn", 0)
            for row, data in enumerate(block.get("rowData", []), start=block.get("startRow", 0)):
                for column, cell in enumerate(data.get("values", []), start=left):
                    yield Cell(sheet_id=sheet_id, row=row, column=column), cell


def model_rows(place: TabPlace, *, on_top: bool = False) -> GridRange | None:
    """The GridRange of the rows that new ones go beside, whole; None if there is none."""
    rows = _models(place, on_top=on_top)
    return grid_range(place.sheet_id, rows) if rows else None


def _models(place: TabPlace, *, on_top: bool) -> range:
    first = place.header_row + 1
    return (
        range(first, min(first + _MODELS, place.end))
        if on_top
        else range(max(first, place.end - _MODELS), place.end)
    )


def with_patterns(place: TabPlace, tab: TableTab, models: Models) -> TabPlace:
    """The same table with the columns of prices that the user gave a number format: new rows keep to that."""
    rows = _models(place, on_top=tab.new_rows == "top")
    near = rows[0] if tab.new_rows == "top" else rows[-1]
    theirs = {
        at
        for column in tab.columns
        if column.format.decimals and (at := place.columns.get(column.id)) is not None
        if (shown := models.patterns.get(Cell(sheet_id=place.sheet_id, row=near, column=at)))
        and not is_ours(shown, column.format)
    }
    return replace(place, patterns=frozenset(theirs))


def with_models(place: TabPlace, formulas: Collection[Cell]) -> TabPlace:
    """The same table with the columns whose last rows all hold a formula: new rows are to have it, too."""
    rows = _models(place, on_top=False)
    models = {cell.column for cell in formulas if cell.sheet_id == place.sheet_id and cell.row in rows}
    agreed = {
        column
        for column in models
        if all(Cell(sheet_id=place.sheet_id, row=row, column=column) in formulas for row in rows)
    }
    return replace(place, models=frozenset(agreed))
