"""Rows and columns: insert, delete, move, append, sizes, groups."""

from __future__ import annotations

from tests.emulators.sheets import structure
from tests.emulators.sheets.axis import Delete, Insert, Move
from tests.emulators.sheets.errors import Json, Refusal
from tests.emulators.sheets.masks import merged, update_mask
from tests.emulators.sheets.model import Sheet, Spreadsheet
from tests.emulators.sheets.rendering import render

_CHARACTER_WIDTH, _PADDING = 7, 17


def _span(book: Spreadsheet, given: Json) -> tuple[Sheet, str, int, int]:
    """A DimensionRange, open ends filled. Raises Refusal."""
    sheet = book.sheet(given.get("sheetId", 0))
    axis = given.get("dimension")
    if axis not in ("ROWS", "COLUMNS"):
        raise Refusal("No dimension specified.")
    start, end = given.get("startIndex", 0), given.get("endIndex", sheet.count(axis))
    if start < 0 or end <= start:
        raise Refusal(f"range.endIndex[{end}] must be greater than range.startIndex[{start}]")
    return sheet, axis, start, end


def insert_dimension(book: Spreadsheet, body: Json) -> None:
    given = body.get("range", {})
    if "startIndex" not in given or "endIndex" not in given:
        raise Refusal("DimensionRange must specify both a startIndex and an endIndex")
    sheet, axis, start, end = _span(book, given)
    before = body.get("inheritFromBefore", False)
    if before and start == 0:
        raise Refusal("inheritFromBefore cannot be true if inserting at the beginning of the sheet.")
    if not before and start >= sheet.count(axis):
        size = sheet.count(axis)
        raise Refusal(
            f"range.startIndex must be less than the grid size ({size}) if inheritFromBefore is false."
        )
    like = start - 1 if before else start
    structure.insert(book, sheet, axis, Insert(start, end - start), like=like)


def delete_dimension(book: Spreadsheet, body: Json) -> None:
    sheet, axis, start, end = _span(book, body.get("range", {}))
    structure.delete(book, sheet, axis, Delete(start, end))


def move_dimension(book: Spreadsheet, body: Json) -> None:
    sheet, axis, start, end = _span(book, body.get("source", {}))
    before = body.get("destinationIndex", 0)
    if end > sheet.count(axis) or before > sheet.count(axis):
        raise Refusal(f"destinationIndex[{before}] is beyond the grid size of {sheet.count(axis)}")
    if not start <= before <= end:
        structure.restructure(book, sheet, axis, Move(start, end, before))


def append_dimension(book: Spreadsheet, body: Json) -> None:
    sheet = book.sheet(body.get("sheetId", 0))
    if body.get("dimension") not in ("ROWS", "COLUMNS"):
        raise Refusal("No dimension specified.")
    if body.get("length", 0) < 1:
        raise Refusal(f"length[{body.get('length', 0)}] must be at least 1")
    structure.append(book, sheet, body["dimension"], body["length"])


def update_dimension_properties(book: Spreadsheet, body: Json) -> None:
    mask = update_mask(body.get("fields"), "DimensionProperties")
    sheet, axis, start, end = _span(book, body.get("range", {}))
    sizes = sheet.sizes(axis)
    for index in range(start, min(end, sheet.count(axis))):
        changed = merged(sizes.get(index, {}), body.get("properties", {}), mask)
        sizes[index] = {key: item for key, item in changed.items() if item}


def auto_resize_dimensions(book: Spreadsheet, body: Json) -> None:
    """Columns as wide as their longest text needs, guessed at 7 pixels a character; rows stay."""
    sheet, axis, start, end = _span(book, body.get("dimensions", {}))
    if axis == "ROWS":
        return
    for column in range(start, min(end, sheet.grid.column_count)):
        longest = 0
        for row in range(len(sheet.grid.rows)):
            cell = sheet.grid.cell(row, column)
            text = render(cell.value, (cell.format or {}).get("numberFormat"), book.properties["locale"])
            longest = max(longest, len(text))
        if longest:
            width = longest * _CHARACTER_WIDTH + _PADDING
            sheet.columns[column] = {**sheet.columns.get(column, {}), "pixelSize": width}


def add_dimension_group(book: Spreadsheet, body: Json) -> Json:
    sheet, axis, _, _ = _span(book, body.get("range", {}))
    kind = "rowGroups" if axis == "ROWS" else "columnGroups"
    sheet.listed(kind).append({"range": {"sheetId": sheet.id, **body["range"]}, "depth": 1})
    return {"dimensionGroups": sheet.listed(kind)}


def delete_dimension_group(book: Spreadsheet, body: Json) -> Json:
    sheet, axis, start, end = _span(book, body.get("range", {}))
    kind = "rowGroups" if axis == "ROWS" else "columnGroups"
    groups = sheet.listed(kind)
    for group in groups:
        if (group["range"].get("startIndex", 0), group["range"].get("endIndex")) == (start, end):
            groups.remove(group)
            return {"dimensionGroups": groups}
    raise Refusal("There is no group over this range.")


HANDLERS = {
    "insertDimension": insert_dimension,
    "deleteDimension": delete_dimension,
    "moveDimension": move_dimension,
    "appendDimension": append_dimension,
    "updateDimensionProperties": update_dimension_properties,
    "autoResizeDimensions": auto_resize_dimensions,
    "addDimensionGroup": add_dimension_group,
    "deleteDimensionGroup": delete_dimension_group,
}
