"""spreadsheets.get: the whole resource, or the parts that ranges and field mask ask for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .a1 import Bounds, Box
from .celldata import CellReader
from .errors import Json
from .evaluate import Evaluator
from .masks import Mask, below, project, wants
from .metadata import metadata_json
from .model import OBJECT_LISTS, Sheet, Spreadsheet

ROW_HEIGHT, COLUMN_WIDTH = 21, 100
Places = Sequence[tuple[Sheet, Bounds]]


def spreadsheet_json(
    book: Spreadsheet,
    mask: Mask,
    evaluator: Evaluator,
    places: Places | None = None,
    *,
    grid: bool = False,
    matched: Collection[int] | None = None,
) -> Json:
    """`places` limits tabs and cells; a mask that names `data` reads the grid whatever `grid` says.

    Of the metadata on rows and columns only what `matched` is shown (None: all).
    """
    result: Json = {"spreadsheetId": book.id}
    if wants(mask, "properties"):
        result["properties"] = book.properties
    if wants(mask, "sheets"):
        inner = below(mask, "sheets")
        grid = wants(inner, "data") if mask else grid
        shown = [
            sheet for sheet in book.sheets if places is None or any(place[0] is sheet for place in places)
        ]
        result["sheets"] = [
            _sheet_json(book, sheet, inner, evaluator, places, grid=grid, matched=matched) for sheet in shown
        ]
    if book.named_ranges:
        result["namedRanges"] = [without_zero_sheet(named) for named in book.named_ranges]
    own = [metadata_json(entry) for entry in book.metadata if entry.kind == "SPREADSHEET"]
    if own and (places is None or book.switches.lookups_show_own_metadata):
        result["developerMetadata"] = own
    result["spreadsheetUrl"] = f"https://docs.google.com/spreadsheets/d/{book.id}/edit"
    return {
        key: item if key == "sheets" else project(item, below(mask, key))
        for key, item in result.items()
        if wants(mask, key)
    }


def _sheet_json(
    book: Spreadsheet,
    sheet: Sheet,
    mask: Mask,
    evaluator: Evaluator,
    places: Places | None,
    *,
    grid: bool,
    matched: Collection[int] | None,
) -> Json:
    result: Json = {"properties": sheet_properties(book, sheet)}
    if grid and wants(mask, "data") and "gridProperties" in sheet.properties:
        inner = below(mask, "data")
        own = [bounds for place, bounds in places if place is sheet] if places is not None else [Bounds()]
        boxes = _blocks([sheet.box(bounds) for bounds in own], book.switches.blocks)
        result["data"] = [_grid_data(book, sheet, box, inner, evaluator, matched) for box in boxes]
    for kind in OBJECT_LISTS:
        if sheet.objects.get(kind) and wants(mask, kind):
            result[kind] = [_shown_object(book, kind, item) for item in sheet.objects[kind]]
    if sheet.basic_filter:
        result["basicFilter"] = without_zero_sheet(sheet.basic_filter)
    own_metadata = [
        metadata_json(entry) for entry in book.metadata if (entry.sheet_id, entry.kind) == (sheet.id, "SHEET")
    ]
    if own_metadata:
        result["developerMetadata"] = own_metadata
    return {
        key: item if key == "data" else project(item, below(mask, key))
        for key, item in result.items()
        if wants(mask, key)
    }


def _blocks(boxes: list[Box], shown: str) -> list[Box]:
    """The blocks in which a tab's cells come."""
    if shown == "first":
        return boxes[:1]
    if shown == "merged" and boxes:
        return [
            Box(
                min(box.top for box in boxes),
                max(box.bottom for box in boxes),
                min(box.left for box in boxes),
                max(box.right for box in boxes),
            )
        ]
    return boxes


def sheet_properties(book: Spreadsheet, sheet: Sheet) -> Json:
    """SheetProperties with today's index and grid size."""
    result = {**sheet.properties, "index": book.sheets.index(sheet)}
    if "gridProperties" in result:
        size = {"rowCount": sheet.grid.row_count, "columnCount": sheet.grid.column_count}
        kept = {key: item for key, item in result["gridProperties"].items() if item}
        result["gridProperties"] = {**size, **{key: item for key, item in kept.items() if key not in size}}
    return {key: item for key, item in result.items() if item is not False and item != {}}


def _shown_object(book: Spreadsheet, kind: str, item: Json) -> Json:
    shown: Json = without_zero_sheet(item)
    if kind == "protectedRanges":
        shown = {"requestingUserCanEdit": True, **shown, "editors": {"users": [book.owner]}}
    return shown


def without_zero_sheet(node: Any) -> Any:
    """As the service writes ranges: the id of tab 0 is left out."""
    if isinstance(node, list):
        return [without_zero_sheet(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: without_zero_sheet(item) for key, item in node.items() if key != "sheetId" or item != 0}


def _grid_data(
    book: Spreadsheet,
    sheet: Sheet,
    box: Box,
    mask: Mask,
    evaluator: Evaluator,
    matched: Collection[int] | None,
) -> Json:
    result: Json = {}
    if box.top:
        result["startRow"] = box.top
    if box.left:
        result["startColumn"] = box.left
    if wants(mask, "rowData"):
        rows = _row_data(book, sheet, box, below(mask, "rowData"), evaluator)
        if rows:
            result["rowData"] = rows
    for key, axis, size in (("rowMetadata", "ROWS", ROW_HEIGHT), ("columnMetadata", "COLUMNS", COLUMN_WIDTH)):
        if wants(mask, key):
            result[key] = _dimensions(book, sheet, axis, box, size, below(mask, key), matched)
    return {key: item for key, item in result.items() if wants(mask, key)}


def _row_data(book: Spreadsheet, sheet: Sheet, box: Box, mask: Mask, evaluator: Evaluator) -> list[Json]:
    read = CellReader(book, sheet, below(mask, "values"), evaluator).row_reader()
    rows: list[Json] = []
    for index in range(box.top, min(box.bottom, len(sheet.grid.rows))):
        cells = sheet.grid.rows[index][box.left : box.right]
        while cells and cells[-1] is None:
            cells.pop()
        rows.append({"values": read(cells)} if cells else {})
    while rows and not rows[-1]:
        rows.pop()
    return rows if wants(mask, "values") else [{} for _ in rows]


def _dimensions(
    book: Spreadsheet,
    sheet: Sheet,
    axis: str,
    box: Box,
    size: int,
    mask: Mask,
    matched: Collection[int] | None,
) -> list[Json]:
    start, end = (box.top, box.bottom) if axis == "ROWS" else (box.left, box.right)
    sizes = sheet.sizes(axis)
    marks: dict[int, list[Json]] = {}
    for entry in book.metadata:
        if (entry.sheet_id, entry.axis) == (sheet.id, axis) and (matched is None or entry.id in matched):
            marks.setdefault(entry.index, []).append(metadata_json(entry))
    plain = project({"pixelSize": size}, mask)
    shown = []
    for index in range(start, end):
        if index not in sizes and index not in marks:
            shown.append(plain)
            continue
        item = {"pixelSize": size, **sizes.get(index, {})}
        if index in marks:
            item["developerMetadata"] = marks[index]
        shown.append(project(item, mask))
    return shown
