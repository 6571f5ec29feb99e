"""The cells of one tab: sparse rows that are never changed in place, so a copy is cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .axis import Change, Delete, Insert, Item, Move
from .cells import EMPTY, Cell, Stored, pack, unpack

Row = list[Stored]
_NO_CELLS: Row = []


@dataclass(slots=True)
class Grid:
    """`rows` may be shorter than `row_count`, each row shorter than `column_count`."""

    row_count: int = 1000
    column_count: int = 26
    rows: list[Row] = field(default_factory=list)

    def copy(self) -> Grid:
        return Grid(self.row_count, self.column_count, self.rows[:])

    def row(self, index: int) -> Row:
        """The stored cells of a row; not to be changed."""
        return self.rows[index] if index < len(self.rows) else _NO_CELLS

    def cell(self, row: int, column: int) -> Cell:
        cells = self.row(row)
        return unpack(cells[column]) if column < len(cells) else EMPTY

    def put(self, row: int, column: int, cell: Cell) -> None:
        self.change_row(row, column, column + 1, lambda _index, _old: cell)

    def change_row(self, row: int, left: int, right: int, change: Callable[[int, Cell], Cell]) -> None:
        """Replace the cells left..right-1 of a row by what `change(column, old)` gives."""
        cells = self.row(row)[:]
        cells += [None] * (right - len(cells))
        for column in range(left, right):
            cells[column] = pack(change(column, unpack(cells[column])))
        self.set_row(row, cells)

    def replace_cells(self, row: int, new: dict[int, Stored]) -> None:
        """Replace some cells of a row, by column."""
        cells = self.row(row)[:]
        cells += [None] * (max(new, default=-1) + 1 - len(cells))
        for column, stored in new.items():
            cells[column] = stored
        self.set_row(row, cells)

    def set_row(self, row: int, cells: Row) -> None:
        while cells and cells[-1] is None:
            cells.pop()
        if row >= len(self.rows):
            if not cells:
                return
            self.rows += [_NO_CELLS] * (row + 1 - len(self.rows))
        self.rows[row] = cells

    def occupied(self) -> Iterator[tuple[int, int, Cell]]:
        """Every cell that holds anything: (row, column, cell)."""
        for row, cells in enumerate(self.rows):
            for column, stored in enumerate(cells):
                if stored is not None:
                    yield row, column, unpack(stored)

    def last_row(self, *, formats_count: bool = False) -> int:
        """One past the last row that holds a value (or, `formats_count`, anything at all)."""
        for index in range(len(self.rows) - 1, -1, -1):
            for stored in self.rows[index]:
                if stored is not None and (formats_count or unpack(stored).has_content):
                    return index + 1
        return 0

    def apply(self, axis: str, change: Insert | Delete | Move) -> None:
        """Insert, delete or move rows (axis ROWS) or columns; the grid grows or shrinks with it."""
        if axis == "ROWS":
            self.row_count = _resized(self.row_count, change)
            if isinstance(change, Move):
                self.rows += [_NO_CELLS] * (max(change.end, change.before) - len(self.rows))
            _rearrange(self.rows, change, _NO_CELLS)
            return
        self.column_count = _resized(self.column_count, change)
        for index, cells in enumerate(self.rows):
            copy = cells[:]
            if isinstance(change, Move):
                copy += [None] * (max(change.end, change.before) - len(copy))
            _rearrange(copy, change, None)
            self.set_row(index, copy)

    def trim(self) -> None:
        """Drop what lies outside row_count and column_count."""
        del self.rows[self.row_count :]
        for index, cells in enumerate(self.rows):
            if len(cells) > self.column_count:
                self.set_row(index, cells[: self.column_count])

    def map_cells(self, change: Callable[[Cell], Cell]) -> None:
        """Rewrite the cells that are more than a plain constant; the others cannot refer to anything."""
        for index, cells in enumerate(self.rows):
            if any(isinstance(stored, Cell) for stored in cells):
                copy = [pack(change(stored)) if isinstance(stored, Cell) else stored for stored in cells]
                self.set_row(index, copy)


def _resized(count: int, change: Change) -> int:
    if isinstance(change, Insert):
        return count + change.count
    return count - (change.end - change.start) if isinstance(change, Delete) else count


def _rearrange(items: list[Item], change: Insert | Delete | Move, blank: Item) -> None:
    if isinstance(change, Insert):
        if change.at < len(items):
            items[change.at : change.at] = [blank] * change.count
    elif isinstance(change, Delete):
        del items[change.start : change.end]
    else:
        moved = items[change.start : change.end]
        landing = change.point(change.start)
        del items[change.start : change.end]
        items[landing:landing] = moved
