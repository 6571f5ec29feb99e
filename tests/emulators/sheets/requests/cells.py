"""Cells: update, append, repeat, sort, copy, merge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.emulators.sheets import structure
from tests.emulators.sheets.a1 import Box
from tests.emulators.sheets.celldata import changed_cell
from tests.emulators.sheets.cells import Cell, pack
from tests.emulators.sheets.errors import Json, Refusal
from tests.emulators.sheets.formulas import copy_formula
from tests.emulators.sheets.masks import Mask, update_mask
from tests.emulators.sheets.model import Sheet, Spreadsheet, bounds_of, wire_range
from tests.emulators.sheets.sorting import sort_rows


def update_cells(book: Spreadsheet, body: Json) -> None:
    """Where `rows` do not fill the range, the masked fields of the rest are cleared."""
    mask = update_mask(body.get("fields"), "CellData")
    rows = [row.get("values", []) for row in body.get("rows", [])]
    sheet, box, whole = _update_target(book, body, rows)
    for offset in range(box.height if whole else len(rows)):
        given = rows[offset] if offset < len(rows) else []
        right = box.right if whole else box.left + len(given)
        _write_row(sheet, box.top + offset, box.left, given + [{}] * (right - box.left - len(given)), mask)


def _write_row(sheet: Sheet, row: int, left: int, given: list[Json], mask: Mask) -> None:
    new = {
        left + offset: pack(changed_cell(sheet.grid.cell(row, left + offset), data, mask))
        for offset, data in enumerate(given)
    }
    sheet.grid.replace_cells(row, new)


def _update_target(book: Spreadsheet, body: Json, rows: list[Any]) -> tuple[Sheet, Box, bool]:
    if "range" in body:
        sheet, box = book.grid_range(body["range"])
        bottom, right = box.bottom, box.right
    elif "start" in body:
        start = body["start"]
        sheet = book.sheet(start.get("sheetId", 0))
        bottom, right = sheet.grid.row_count, sheet.grid.column_count
        box = Box(start.get("rowIndex", 0), bottom, start.get("columnIndex", 0), right)
    else:
        raise Refusal("A start or a range must be specified.")
    last_row = box.top + len(rows)
    last_column = box.left + max(map(len, rows), default=0)
    if last_row > bottom:
        raise Refusal(f"Attempting to write row: {bottom}, beyond the last requested row of: {bottom - 1}")
    if last_column > right:
        raise Refusal(
            f"Attempting to write column: {right}, beyond the last requested column of: {right - 1}"
        )
    return sheet, box, "range" in body


def append_cells(book: Spreadsheet, body: Json) -> None:
    """After the last row with data, on new rows where the grid ends; never new columns."""
    mask = update_mask(body.get("fields"), "CellData")
    table = _table(book, body["tableId"]) if "tableId" in body else None
    sheet = book.sheet(table["range"].get("sheetId", 0) if table else body.get("sheetId", 0))
    left = table["range"].get("startColumnIndex", 0) if table else 0
    rows = [row.get("values", []) for row in body.get("rows", [])]
    if left + max(map(len, rows), default=0) > sheet.grid.column_count:
        count = sheet.grid.column_count
        raise Refusal(
            f"Attempting to write column: {count}, beyond the last requested column of: {count - 1}"
        )
    top = table["range"]["endRowIndex"] if table else _end_of_data(book, sheet)
    if top + len(rows) > sheet.grid.row_count:
        structure.append(book, sheet, "ROWS", top + len(rows) - sheet.grid.row_count)
    for offset, given in enumerate(rows):
        _write_row(sheet, top + offset, left, given, mask)
    if table:
        table["range"]["endRowIndex"] = top + len(rows)


def _end_of_data(book: Spreadsheet, sheet: Sheet) -> int:
    return sheet.grid.last_row(formats_count=book.switches.formats_count_as_data)


def _table(book: Spreadsheet, table_id: str) -> Json:
    for sheet in book.sheets:
        for table in sheet.listed("tables"):
            if table["tableId"] == table_id:
                return table
    raise Refusal(f"No table with id: {table_id}")


def repeat_cell(book: Spreadsheet, body: Json) -> None:
    """Relative references of a formula go along, counted from the top left cell."""
    mask = update_mask(body.get("fields"), "CellData")
    data = body.get("cell", {})
    sheet, box = book.grid_range(body.get("range", {}))
    formula = data.get("userEnteredValue", {}).get("formulaValue")
    known: dict[int, tuple[Json | None, Json | None]] = {}
    only_format = set(mask) == {"userEnteredFormat"}
    for row in range(box.top, box.bottom):

        def repeated(column: int, old: Cell, row: int = row) -> Cell:
            if only_format:
                return _formatted(known, old, data, mask)
            if formula is None:
                return changed_cell(old, data, mask)
            here = copy_formula(formula, row - box.top, column - box.left)
            return changed_cell(old, {**data, "userEnteredValue": {"formulaValue": here}}, mask)

        if box.width:
            sheet.grid.change_row(row, box.left, box.right, repeated)


def _formatted(known: dict[int, tuple[Json | None, Json | None]], old: Cell, data: Json, mask: Mask) -> Cell:
    """Cells that shared a format share the new one: worked out once, and one object for all of them."""
    seen = known.get(id(old.format))
    if seen is None:
        seen = known[id(old.format)] = (old.format, changed_cell(old, data, mask).format)
    return Cell(old.value, old.formula, seen[1], old.note, old.validation, old.extra)


def sort_range(book: Spreadsheet, body: Json) -> None:
    sheet, box = book.grid_range(body.get("range", {}))
    sort_rows(book, sheet, box, body.get("sortSpecs", []))


def copy_paste(book: Spreadsheet, body: Json) -> None:
    """PASTE_NORMAL, _VALUES, _FORMAT, _FORMULA; a smaller source is repeated over the destination."""
    source_sheet, source = book.grid_range(body.get("source", {}))
    target_sheet, target = book.grid_range(body.get("destination", {}))
    cells = [
        [source_sheet.grid.cell(row, column) for column in range(source.left, source.right)]
        for row in range(source.top, source.bottom)
    ]
    kind = body.get("pasteType", "PASTE_NORMAL")
    over = Box(
        target.top,
        max(target.bottom, target.top + source.height),
        target.left,
        max(target.right, target.left + source.width),
    )
    if book.switches.partial_merges_refused:
        for tab, box in ((source_sheet, source), (target_sheet, over)):
            if any(box.meets(merge) and not box.holds(merge) for merge in _merges(tab)):
                raise Refusal("You can't perform a paste that partially intersects a merge.")
    if kind == "PASTE_NORMAL":
        _paste_around(book, source_sheet, source, target_sheet, over)
    for row in range(target.top, max(target.bottom, target.top + source.height)):
        origin = source.top + (row - target.top) % source.height
        hidden = _filtered_out(source_sheet, origin) or _filtered_out(target_sheet, row)
        if hidden and not book.switches.copies_hidden_rows:
            continue
        for column in range(target.left, max(target.right, target.left + source.width)):
            down, right = (row - target.top) % source.height, (column - target.left) % source.width
            new = _copied(cells[down][right], row - source.top - down, column - source.left - right)
            if kind == "PASTE_FORMULA" and not (new.formula or book.switches.formulas_paste_values):
                continue
            target_sheet.grid.put(row, column, _pasted(target_sheet.grid.cell(row, column), new, kind))


def _merges(sheet: Sheet) -> list[Box]:
    return [sheet.box(bounds_of(merge)) for merge in sheet.listed("merges")]


def _paste_around(book: Spreadsheet, sheet: Sheet, source: Box, target_sheet: Sheet, over: Box) -> None:
    """What a normal paste brings along with the cells: whole merges and, by a switch, conditional formats."""
    down, right = over.top - source.top, over.left - source.left
    for merge in _merges(sheet):
        if source.holds(merge):
            moved = Box(merge.top + down, merge.bottom + down, merge.left + right, merge.right + right)
            target_sheet.listed("merges").append(wire_range(target_sheet.id, moved))
    rules = sheet.listed("conditionalFormats") if book.switches.pastes_pile_up_rules else []
    for rule in list(rules):
        if any(source.meets(sheet.box(bounds_of(one))) for one in rule["ranges"]):
            pasted = {**rule, "ranges": [wire_range(target_sheet.id, over)]}
            target_sheet.listed("conditionalFormats").append(pasted)


def _filtered_out(sheet: Sheet, row: int) -> bool:
    return bool(sheet.rows.get(row, {}).get("hiddenByFilter"))


def _copied(cell: Cell, down: int, right: int) -> Cell:
    return cell if cell.formula is None else replace(cell, formula=copy_formula(cell.formula, down, right))


def _pasted(old: Cell, new: Cell, kind: str) -> Cell:
    if kind in ("PASTE_VALUES", "PASTE_FORMULA"):
        return replace(old, value=new.value, formula=new.formula)
    if kind == "PASTE_FORMAT":
        return replace(old, format=new.format)
    return new


def cut_paste(book: Spreadsheet, body: Json) -> None:
    sheet, source = book.grid_range(body.get("source", {}))
    corner = body.get("destination", {})
    target_sheet = book.sheet(corner.get("sheetId", 0))
    top, left = corner.get("rowIndex", 0), corner.get("columnIndex", 0)
    cells = [
        (row - source.top, column - source.left, sheet.grid.cell(row, column))
        for row in range(source.top, source.bottom)
        for column in range(source.left, source.right)
    ]
    for down, right, _ in cells:
        sheet.grid.put(source.top + down, source.left + right, Cell())
    for down, right, cell in cells:
        target_sheet.grid.put(top + down, left + right, cell)


def merge_cells(book: Spreadsheet, body: Json) -> None:
    """The top left value of each merged block stays, the others go; merges all within the range are replaced."""
    sheet, box = book.grid_range(body.get("range", {}))
    unmerge_cells(book, body)
    for block in _merge_blocks(box, body.get("mergeType", "MERGE_ALL")):
        if block.height * block.width > 1:
            sheet.listed("merges").append(wire_range(sheet.id, block))
        for row in range(block.top, block.bottom):
            for column in range(block.left, block.right):
                cell = sheet.grid.cell(row, column)
                if (row, column) != (block.top, block.left) and cell.has_content:
                    sheet.grid.put(row, column, cell.bare())


def _merge_blocks(box: Box, kind: str) -> list[Box]:
    if kind == "MERGE_ROWS":
        return [Box(row, row + 1, box.left, box.right) for row in range(box.top, box.bottom)]
    if kind == "MERGE_COLUMNS":
        return [Box(box.top, box.bottom, column, column + 1) for column in range(box.left, box.right)]
    return [box]


def unmerge_cells(book: Spreadsheet, body: Json) -> None:
    sheet, box = book.grid_range(body.get("range", {}))
    kept = []
    for merge in sheet.listed("merges"):
        merged = sheet.box(bounds_of(merge))
        if not box.meets(merged):
            kept.append(merge)
        elif not box.holds(merged):
            raise Refusal("You must select all cells in a merged range to merge or unmerge them.")
    sheet.objects["merges"] = kept


HANDLERS = {
    "updateCells": update_cells,
    "appendCells": append_cells,
    "repeatCell": repeat_cell,
    "sortRange": sort_range,
    "copyPaste": copy_paste,
    "cutPaste": cut_paste,
    "mergeCells": merge_cells,
    "unmergeCells": unmerge_cells,
}
