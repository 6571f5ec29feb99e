"""Tabs and the spreadsheet itself: add, delete, rename, reorder, resize, duplicate."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from tests.emulators.sheets.cells import Cell, with_style_pairs
from tests.emulators.sheets.errors import Json, Refusal
from tests.emulators.sheets.formulas import rename_tab
from tests.emulators.sheets.grid import Grid
from tests.emulators.sheets.masks import merged, update_mask
from tests.emulators.sheets.model import Sheet, Spreadsheet
from tests.emulators.sheets.reading import sheet_properties


def add_sheet(book: Spreadsheet, body: Json) -> Json:
    sheet = new_sheet(book, body.get("properties", {}))
    return {"properties": sheet_properties(book, sheet)}


def new_sheet(book: Spreadsheet, given: Json) -> Sheet:
    """A tab as asked for, in place. Raises Refusal for a title or id that is taken."""
    sheet_id = given.get("sheetId")
    if sheet_id is not None and any(sheet.id == sheet_id for sheet in book.sheets):
        raise Refusal(f"Sheet with id {sheet_id} already exists.")
    title = given.get("title") or _free_title(book)
    _check_title(book, title, None)
    size = given.get("gridProperties", {})
    properties = with_style_pairs(given) | {
        "sheetId": book.new_id() if sheet_id is None else sheet_id,
        "title": title,
        "sheetType": "GRID",
        "gridProperties": {key: item for key, item in size.items() if key not in ("rowCount", "columnCount")},
    }
    index = properties.pop("index", len(book.sheets))
    sheet = Sheet(properties, Grid(size.get("rowCount", 1000), size.get("columnCount", 26)))
    if not 0 <= index <= len(book.sheets):
        raise Refusal(f"properties.index[{index}] must be between 0 and {len(book.sheets)}")
    book.sheets.insert(index, sheet)
    book.check_size()
    return sheet


def _free_title(book: Spreadsheet) -> str:
    number = len(book.sheets) + 1
    while book.tab(f"Sheet{number}"):
        number += 1
    return f"Sheet{number}"


def _check_title(book: Spreadsheet, title: str, own: Sheet | None) -> None:
    taken = book.tab(title)
    if taken is not None and taken is not own:
        raise Refusal(f'A sheet with the name "{title}" already exists. Please enter another name.')
    if not title or len(title) > 100:
        raise Refusal("A sheet's name must have 1 to 100 characters.")


def delete_sheet(book: Spreadsheet, body: Json) -> None:
    sheet = _sheet(book, body.get("sheetId", 0))
    if not _others_visible(book, sheet):
        raise Refusal("You can't remove all the visible sheets in a document.")
    book.sheets.remove(sheet)
    book.metadata = [entry for entry in book.metadata if entry.sheet_id != sheet.id]
    book.named_ranges = [named for named in book.named_ranges if named["range"].get("sheetId", 0) != sheet.id]


def _others_visible(book: Spreadsheet, sheet: Sheet) -> bool:
    return any(not other.properties.get("hidden") for other in book.sheets if other is not sheet)


def _sheet(book: Spreadsheet, sheet_id: int) -> Sheet:
    found = next((sheet for sheet in book.sheets if sheet.id == sheet_id), None)
    if found is None:
        raise Refusal(f"No sheet with id: {sheet_id}")
    return found


def update_sheet_properties(book: Spreadsheet, body: Json) -> None:
    given = body.get("properties", {})
    sheet = _sheet(book, given.get("sheetId", 0))
    mask = update_mask(body.get("fields"), "SheetProperties")
    mask = {name: child for name, child in mask.items() if name not in ("sheetId", "sheetType")}
    if "title" in mask:
        rename(book, sheet, given.get("title", ""))
    if "hidden" in mask and given.get("hidden") and not _others_visible(book, sheet):
        raise Refusal("You can't hide all the sheets in a document.")
    if "index" in mask:
        _reorder(book, sheet, given.get("index", 0))
    if "gridProperties" in mask:
        _resize(book, sheet, given.get("gridProperties", {}), mask["gridProperties"])
    rest = {name: child for name, child in mask.items() if name not in ("title", "index")}
    sheet.properties = _paired(merged(sheet.properties, given, _with_twins(rest)))


def _with_twins(mask: dict[str, Any]) -> dict[str, Any]:
    """Clearing one name of the tab's colour clears the other."""
    named = mask.keys() & {"tabColor", "tabColorStyle"}
    return {**mask, "tabColor": {}, "tabColorStyle": {}} if named else mask


def _paired(properties: Json) -> Json:
    kept = {key: item for key, item in properties.items() if item != {} or key == "gridProperties"}
    return with_style_pairs(kept)


def rename(book: Spreadsheet, sheet: Sheet, title: str) -> None:
    """Formulas follow. Raises Refusal for a title that is taken."""
    _check_title(book, title, sheet)
    old = sheet.title

    def follow(cell: Cell) -> Cell:
        if cell.formula is None:
            return cell
        return Cell(
            None, rename_tab(cell.formula, old, title), cell.format, cell.note, cell.validation, cell.extra
        )

    for other in book.sheets:
        other.grid.map_cells(follow)
    sheet.properties = {**sheet.properties, "title": title}


def _reorder(book: Spreadsheet, sheet: Sheet, index: int) -> None:
    """The index counts tabs as they stand before the move: one at 0 sent to 3 of four ends at 2."""
    if not 0 <= index <= len(book.sheets):
        raise Refusal(f"properties.index[{index}] must be between 0 and {len(book.sheets)}")
    old = book.sheets.index(sheet)
    book.sheets.remove(sheet)
    book.sheets.insert(index - 1 if index > old else index, sheet)


def _resize(book: Spreadsheet, sheet: Sheet, given: Json, mask: dict[str, Any]) -> None:
    for name, field in (("rowCount", "row_count"), ("columnCount", "column_count")):
        if (not mask or name in mask) and name in given:
            if given[name] < 1:
                raise Refusal(f"properties.gridProperties.{name} must be at least 1")
            setattr(sheet.grid, field, given[name])
    sheet.grid.trim()
    rows, columns = sheet.grid.row_count, sheet.grid.column_count
    book.metadata = [
        entry
        for entry in book.metadata
        if entry.sheet_id != sheet.id
        or entry.axis is None
        or entry.index < (rows if entry.axis == "ROWS" else columns)
    ]
    book.check_size()


def update_spreadsheet_properties(book: Spreadsheet, body: Json) -> None:
    mask = update_mask(body.get("fields"), "SpreadsheetProperties")
    given = body.get("properties", {})
    if "title" in mask and not given.get("title"):
        raise Refusal("The title must not be empty.")
    book.properties = merged(book.properties, given, mask)


def duplicate_sheet(book: Spreadsheet, body: Json) -> Json:
    source = _sheet(book, body.get("sourceSheetId", 0))
    given: Json = {"title": body.get("newSheetName") or f"Copy of {source.title}"}
    if "newSheetId" in body:
        given["sheetId"] = body["newSheetId"]
    place = body.get("insertSheetIndex", 0)
    return {"properties": sheet_properties(book, copy_of(book, source, {**given, "index": place}))}


def copy_of(book: Spreadsheet, source: Sheet, given: Json) -> Sheet:
    """A tab with the cells, sizes and objects of `source`, which may be of another spreadsheet."""
    sheet = new_sheet(book, given)
    fresh = {key: sheet.properties[key] for key in ("sheetId", "title")}
    sheet.properties = {**copy.deepcopy(source.properties), **fresh}
    sheet.grid = source.grid.copy()
    sheet.rows, sheet.columns = dict(source.rows), dict(source.columns)
    sheet.objects = {kind: _moved(items, source.id, sheet.id) for kind, items in source.objects.items()}
    book.check_size()
    if book.switches.duplicates_keep_metadata:
        book.metadata += [
            replace(entry, id=book.new_id(), sheet_id=sheet.id)
            for entry in book.metadata
            if entry.sheet_id == source.id
        ]
    return sheet


def _moved(node: Any, old: int, new: int) -> Any:
    if isinstance(node, list):
        return [_moved(item, old, new) for item in node]
    if isinstance(node, dict):
        return {
            key: new if key == "sheetId" and item == old else _moved(item, old, new)
            for key, item in node.items()
        }
    return node


HANDLERS = {
    "addSheet": add_sheet,
    "deleteSheet": delete_sheet,
    "updateSheetProperties": update_sheet_properties,
    "updateSpreadsheetProperties": update_spreadsheet_properties,
    "duplicateSheet": duplicate_sheet,
}
