"""The second read: values of the rows that matter, addressed by tab id and position, so a renamed tab is no matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cqs_sheets.core.grid import runs
from cqs_sheets.destinations.google.read.layout import TabPlace
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp

Json = dict[str, Any]
Line = dict[int, Any]

_EDGES = ("sheetId", "startRowIndex", "startColumnIndex")


def box_of_rows(place: TabPlace, rows: Iterable[int]) -> list[Json]:
    """GridRanges of rows of a tab, with the columns that the sync may need."""
    left, right = min(place.columns.values()), max(place.columns.values())
    return [_box(place.sheet_id, first, last, left, right) for first, last in runs(rows)]


def _box(sheet_id: int, first: int, last: int, left: int, right: int) -> Json:
    return {
        "sheetId": sheet_id,
        "startRowIndex": first,
        "endRowIndex": last + 1,
        "startColumnIndex": left,
        "endColumnIndex": right + 1,
    }


def read_boxes(http: SheetsHttp, spreadsheet_id: str, boxes: Sequence[Json]) -> dict[tuple[int, int], Line]:
    """The values in GridRanges: (tab id, row) -> column -> value."""
    answer = http.read(
        f"{spreadsheet_id}/values:batchGetByDataFilter",
        fields="valueRanges(valueRange(values),dataFilters(gridRange))",
        body={
            "dataFilters": [{"gridRange": box} for box in boxes],
            "valueRenderOption": "UNFORMATTED_VALUE",
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
