"""Rows and columns inserted, deleted, moved: cells, references, ranges and metadata go along."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .axis import Change, Delete, Insert, Move, rekey
from .cells import Cell, Stored, pack, unpack
from .errors import Json, Refusal
from .formulas import shift_formula
from .grid import Grid
from .model import Sheet, Spreadsheet

_AXES = {"ROWS": ("startRowIndex", "endRowIndex"), "COLUMNS": ("startColumnIndex", "endColumnIndex")}
_RANGE_FIELDS = {"sheetId", "startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex"}
_DIMENSION_FIELDS = {"sheetId", "dimension", "startIndex", "endIndex"}


def insert(book: Spreadsheet, sheet: Sheet, axis: str, change: Insert, *, like: int | None) -> None:
    """New rows or columns take format and validation from the one that stood at index `like`."""
    if change.at > sheet.count(axis):
        raise Refusal(f"range.startIndex[{change.at}] is beyond the grid size of {sheet.count(axis)}")
    pattern = None if like is None else _looks(sheet.grid, axis, like)
    below = [table["tableId"] for table in sheet.listed("tables") if _ends_at(table, axis, change.at)]
    restructure(book, sheet, axis, change)
    if book.switches.tables_grow:
        for table in sheet.listed("tables"):
            if table["tableId"] in below:
                table["range"][_AXES[axis][1]] = change.at + change.count
    book.check_size()
    if pattern:
        for index in range(change.at, change.at + change.count):
            _dress(sheet.grid, axis, index, pattern)


def _ends_at(table: Json, axis: str, index: int) -> bool:
    return bool(table["range"].get(_AXES[axis][1]) == index)


def append(book: Spreadsheet, sheet: Sheet, axis: str, count: int) -> None:
    """More rows or columns at the end; nothing moves."""
    end = sheet.count(axis)
    pattern = _looks(sheet.grid, axis, end - 1) if book.switches.new_rows_inherit and end else None
    if axis == "ROWS":
        sheet.grid.row_count += count
    else:
        sheet.grid.column_count += count
    book.check_size()
    if pattern:
        for index in range(end, end + count):
            _dress(sheet.grid, axis, index, pattern)


def _looks(grid: Grid, axis: str, index: int) -> dict[int, Stored] | None:
    across = grid.row(index) if axis == "ROWS" else [_at(cells, index) for cells in grid.rows]
    looks: dict[int, Stored] = {}
    for place, stored in enumerate(across):
        if isinstance(stored, Cell) and (stored.format or stored.validation):
            looks[place] = pack(Cell(format=stored.format, validation=stored.validation))
    return looks or None


def _at(cells: list[Stored], index: int) -> Stored:
    return cells[index] if index < len(cells) else None


def _dress(grid: Grid, axis: str, index: int, looks: dict[int, Stored]) -> None:
    for place, stored in looks.items():
        row, column = (index, place) if axis == "ROWS" else (place, index)
        grid.put(row, column, unpack(stored))


def delete(book: Spreadsheet, sheet: Sheet, axis: str, change: Delete) -> None:
    """Raises Refusal when nothing would be left."""
    if change.start == 0 and change.end >= sheet.count(axis):
        raise Refusal(f"You can't delete all the {axis.lower()} on the sheet.")
    if change.start >= sheet.count(axis):
        raise Refusal(f"Cannot delete {axis.lower()} that do not exist: {change.start}")
    restructure(book, sheet, axis, Delete(change.start, min(change.end, sheet.count(axis))))


def restructure(book: Spreadsheet, sheet: Sheet, axis: str, change: Insert | Delete | Move) -> None:
    """Carry out the change on one tab, and everything of the spreadsheet that points at it."""
    sheet.grid.apply(axis, change)
    if axis == "ROWS":
        sheet.rows = rekey(sheet.rows, change)
    else:
        sheet.columns = rekey(sheet.columns, change)
    move_metadata(book, sheet.id, axis, change)
    shift_references(book, sheet, axis, change)


def move_metadata(book: Spreadsheet, sheet_id: int, axis: str, change: Change) -> None:
    """Metadata of a row or column goes where it went, and with it when it is deleted."""
    kept = []
    for entry in book.metadata:
        if entry.sheet_id != sheet_id or entry.axis != axis:
            kept.append(entry)
            continue
        index = change.point(entry.index)
        if index is not None:
            kept.append(replace(entry, index=index))
    book.metadata = kept


def shift_references(book: Spreadsheet, sheet: Sheet, axis: str, change: Insert | Delete | Move) -> None:
    """Formulas of every tab, named ranges, and every object that lies on ranges of this tab."""
    for other in book.sheets:
        shifter = _Shifter(sheet, other.title, axis, change)
        other.grid.map_cells(shifter.cell)
        for kind, items in other.objects.items():
            other.objects[kind] = shifter.items(items)
        other.basic_filter = shifter.node(other.basic_filter) if other.basic_filter else None
    book.named_ranges = _Shifter(sheet, "", axis, change).items(book.named_ranges)


class _Shifter:
    """Rewrites whatever points into one tab, for objects that stand on tab `home`."""

    def __init__(self, sheet: Sheet, home: str, axis: str, change: Insert | Delete | Move) -> None:
        self.sheet = sheet
        self.home = home
        self.axis = axis
        self.change = change
        self._validations: dict[int, tuple[Json, Json]] = {}

    def cell(self, cell: Cell) -> Cell:
        if cell.formula is not None:
            cell = replace(cell, formula=self._formula(cell.formula))
        if cell.validation is not None:
            known = self._validations.get(id(cell.validation))
            if known is None:
                known = (cell.validation, self.node(cell.validation))
                self._validations[id(cell.validation)] = known
            cell = replace(cell, validation=known[1])
        return cell

    def items(self, items: list[Any]) -> list[Any]:
        moved = [self.node(item) for item in items]
        return [item for item in moved if item is not None]

    def node(self, node: Any) -> Any:
        """The same JSON with its ranges moved; None when what it lies on is gone."""
        if isinstance(node, list):
            return self.items(node)
        if not isinstance(node, dict):
            return node
        if _is_range(node):
            return self._range(node)
        if {"dimension", "startIndex"} <= node.keys() <= _DIMENSION_FIELDS:
            return self._dimension(node)
        if node and node.keys() <= {"sheetId", "rowIndex", "columnIndex"}:
            return self._anchor(node)
        return self._members(node)

    def _anchor(self, given: Json) -> Json:
        key = "rowIndex" if self.axis == "ROWS" else "columnIndex"
        if given.get("sheetId", 0) != self.sheet.id:
            return given
        index = self.change.point(given.get(key, 0))
        return given if index is None else {**given, key: index}

    def _members(self, node: Json) -> Json | None:
        result: Json = {}
        for key, item in node.items():
            if key == "userEnteredValue" and isinstance(item, str) and item.startswith("="):
                result[key] = self._formula(item)
                continue
            moved = self.node(item)
            emptied = isinstance(item, list) and item and not moved and key in ("ranges", "sources")
            if (moved is None and item is not None) or emptied:
                return None
            result[key] = moved
        return result

    def _range(self, given: Json) -> Json | None:
        if given.get("sheetId", 0) != self.sheet.id:
            return given
        first, last = _AXES[self.axis]
        if first not in given and last not in given:
            return given
        span = self.change.span(given.get(first, 0), given.get(last))
        if span is None:
            return None
        result = {**given, first: span[0]}
        return result if span[1] is None else {**result, last: span[1]}

    def _dimension(self, given: Json) -> Json | None:
        if given.get("sheetId", 0) != self.sheet.id or given["dimension"] != self.axis:
            return given
        span = self.change.span(given["startIndex"], given.get("endIndex"))
        return None if span is None else {**given, "startIndex": span[0], "endIndex": span[1]}

    def _formula(self, formula: str) -> str:
        return shift_formula(formula, self.home, self.sheet.title, self.axis, self.change)


def _is_range(node: Json) -> bool:
    return bool(node) and node.keys() <= _RANGE_FIELDS and node.keys() != {"sheetId"}
