"""Rows of a range put in order, as sortRange and a user's sort do it."""

from __future__ import annotations

from dataclasses import replace

from .a1 import Box
from .axis import Reorder
from .cells import Cell, Stored, pack, unpack
from .errors import Json, Refusal
from .evaluate import effective, evaluate_trivial
from .formulas import copy_formula
from .model import Sheet, Spreadsheet
from .structure import move_metadata

SortKey = tuple[int, float | str]


def sort_rows(book: Spreadsheet, sheet: Sheet, box: Box, specs: list[Json]) -> None:
    """Numbers before text before booleans, empty cells last either way; equal rows keep their order.

    `dimensionIndex` of a spec counts columns of the tab, not of the range. Formulas go along as copies do.
    """
    order = list(range(box.top, box.bottom))
    for spec in reversed(specs):
        column = spec.get("dimensionIndex", 0)
        if not box.left <= column < box.right:
            raise Refusal(f"sortSpecs.dimensionIndex[{column}] is outside the range")
        down = spec.get("sortOrder") == "DESCENDING"
        keys = {row: _key(book, sheet, row, column) for row in order}
        filled = [row for row in order if keys[row] is not None]
        empty = [row for row in order if keys[row] is None]
        order = sorted(filled, key=lambda row: keys[row] or (0, 0), reverse=down) + empty
    _rearrange(sheet, box, order)
    if book.switches.metadata_follows_sort:
        places = {old: box.top + offset for offset, old in enumerate(order)}
        move_metadata(book, sheet.id, "ROWS", Reorder(places))


def _key(book: Spreadsheet, sheet: Sheet, row: int, column: int) -> SortKey | None:
    value = effective(book, sheet, sheet.grid.cell(row, column), evaluate_trivial)
    if isinstance(value, bool):
        return 2, float(value)
    if isinstance(value, int | float):
        return 0, float(value)
    return (1, value.casefold()) if isinstance(value, str) else None


def _rearrange(sheet: Sheet, box: Box, order: list[int]) -> None:
    old = {row: _slice(sheet, row, box) for row in order}
    for offset, row in enumerate(order):
        place = box.top + offset
        if place == row:
            continue
        moved = [_carried(stored, place - row) for stored in old[row]]
        cells = sheet.grid.row(place)[:]
        cells += [None] * (box.right - len(cells))
        cells[box.left : box.right] = moved
        sheet.grid.set_row(place, cells)


def _slice(sheet: Sheet, row: int, box: Box) -> list[Stored]:
    cells = sheet.grid.row(row)[box.left : box.right]
    return cells + [None] * (box.width - len(cells))


def _carried(stored: Stored, down: int) -> Stored:
    if not isinstance(stored, Cell) or stored.formula is None:
        return stored
    return pack(replace(unpack(stored), formula=copy_formula(stored.formula, down, 0)))
