"""The second read: values of the rows that matter, addressed by tab id and position, so a renamed tab is no matter.

Where new rows go to a table of the user's own, it shows their formulas in its last two rows as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from cqs_sheets.core.grid import runs
from cqs_sheets.destinations.google.read.cells import decode_extended
from cqs_sheets.destinations.google.read.layout import Cell, TabPlace
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp

Json = dict[str, Any]
Line = dict[int, Any]

_EDGES = ("sheetId", "startRowIndex", "startColumnIndex")
_WITH_FORMULAS = (
    "sheets(properties(sheetId),data(startRow,startColumn,"
    "rowData(values(effectiveValue,userEnteredValue(formulaValue)))))"
)
_MODELS = 2  # rows that must agree


def box_of_rows(place: TabPlace, rows: Iterable[int]) -> list[Json]:
    """GridRanges of rows of a tab, with the columns that the sync may need."""
    left, right = min(place.columns.values()), max(place.columns.values())
    return [_box(place.sheet_id, first, last, left, right) for first, last in runs(rows)]


def box_of_column(place: TabPlace, column: int) -> Json:
    """The GridRange of a column's data."""
    return _box(place.sheet_id, place.header_row + 1, place.end - 1, column, column)


def _box(sheet_id: int, first: int, last: int, left: int, right: int) -> Json:
    return {
        "sheetId": sheet_id,
        "startRowIndex": first,
        "endRowIndex": last + 1,
        "startColumnIndex": left,
        "endColumnIndex": right + 1,
    }


def read_boxes(
    http: SheetsHttp, spreadsheet_id: str, boxes: Sequence[Json], *, render: str = "UNFORMATTED_VALUE"
) -> dict[tuple[int, int], Line]:
    """The values in GridRanges, as `render` has them: (tab id, row) -> column -> value."""
    answer = http.read(
        f"{spreadsheet_id}/values:batchGetByDataFilter",
        fields="valueRanges(valueRange(values),dataFilters(gridRange))",
        body={
            "dataFilters": [{"gridRange": box} for box in boxes],
            "valueRenderOption": render,
            "dateTimeRenderOption": "SERIAL_NUMBER",
        },
        name=spreadsheet_id,
    )
    lines: dict[tuple[int, int], Line] = {}
    for found in answer.get("valueRanges", []):
        for data_filter in found.get("dataFilters", []):
            sheet_id, top, left = (data_filter["gridRange"].get(edge, 0) for edge in _EDGES)
            for row, values in enumerate(found.get("valueRange", {}).get("values", []), start=top):
                lines.setdefault((sheet_id, row), {}).update(enumerate(values, start=left))
    return lines


def read_formulas(
    http: SheetsHttp, spreadsheet_id: str, boxes: Sequence[Json]
) -> tuple[dict[tuple[int, int], Line], set[Cell]]:
    """The same, and which of the cells hold a formula."""
    body = {"dataFilters": [{"gridRange": box} for box in boxes]}
    path = f"{spreadsheet_id}:getByDataFilter"
    answer = http.read(path, fields=_WITH_FORMULAS, body=body, name=spreadsheet_id)
    if not shows_all(answer, boxes):
        return read_boxes(http, spreadsheet_id, boxes), _formulas(http, spreadsheet_id, boxes)
    lines: dict[tuple[int, int], Line] = {}
    formulas = set()
    for cell, data in cells_of(answer):
        lines.setdefault((cell.sheet_id, cell.row), {})[cell.column] = decode_extended(data)
        if "formulaValue" in data.get("userEnteredValue", {}):
            formulas.add(cell)
    return lines, formulas


def _formulas(http: SheetsHttp, spreadsheet_id: str, boxes: Sequence[Json]) -> set[Cell]:
    """Which of the cells hold a formula, by the question that no other one's blocks can leave out."""
    lines = read_boxes(http, spreadsheet_id, boxes, render="FORMULA")
    return {
        Cell(sheet_id=sheet_id, row=row, column=column)
        for (sheet_id, row), line in lines.items()
        for column, value in line.items()
        if isinstance(value, str) and value.startswith("=")
    }


def shows_all(answer: Json, boxes: Sequence[Json]) -> bool:
    """Whether an answer has a block of cells for each GridRange that was asked for."""
    begun = {
        (sheet["properties"].get("sheetId", 0), block.get("startRow", 0), block.get("startColumn", 0))
        for sheet in answer.get("sheets", [])
        for block in sheet.get("data", [])
    }
    return {tuple(box.get(edge, 0) for edge in _EDGES) for box in boxes} <= begun


def cells_of(answer: Json) -> Iterator[tuple[Cell, Json]]:
    """The CellData that a spreadsheet comes with, by place."""
    for sheet in answer.get("sheets", []):
        sheet_id = sheet["properties"].get("sheetId", 0)
        for block in sheet.get("data", []):
            left = block.get("startColumn", 0)
            for row, data in enumerate(block.get("rowData", []), start=block.get("startRow", 0)):
                for column, cell in enumerate(data.get("values", []), start=left):
                    yield Cell(sheet_id=sheet_id, row=row, column=column), cell


def model_rows(place: TabPlace) -> Json | None:
    """The GridRange of a table's last rows, whole; None if it has none."""
    first = max(place.header_row + 1, place.end - _MODELS)
    rows = {"sheetId": place.sheet_id, "startRowIndex": first, "endRowIndex": place.end}
    return rows if first < place.end else None


def with_models(place: TabPlace, formulas: Collection[Cell]) -> TabPlace:
    """The same table with the columns whose last rows all hold a formula: new rows are to have it, too."""
    rows = range(max(place.header_row + 1, place.end - _MODELS), place.end)
    models = {cell.column for cell in formulas if cell.sheet_id == place.sheet_id and cell.row in rows}
    agreed = {
        column
        for column in models
        if all(Cell(sheet_id=place.sheet_id, row=row, column=column) in formulas for row in rows)
    }
    return replace(place, models=frozenset(agreed))
