"""updateBorders."""

from __future__ import annotations

from dataclasses import replace

from tests.emulators.sheets.a1 import Box
from tests.emulators.sheets.cells import Cell, with_style_pairs
from tests.emulators.sheets.errors import Json
from tests.emulators.sheets.model import Spreadsheet

_SIDES = ("top", "bottom", "left", "right")


def update_borders(book: Spreadsheet, body: Json) -> None:
    """Outer sides at the edges of the range, inner ones between its cells; style NONE takes a border away."""
    sheet, box = book.grid_range(body.get("range", {}))
    for row in range(box.top, box.bottom):

        def bordered(column: int, old: Cell, row: int = row) -> Cell:
            return _bordered(old, _sides(body, box, row, column))

        sheet.grid.change_row(row, box.left, box.right, bordered)


def _sides(body: Json, box: Box, row: int, column: int) -> Json:
    named = {
        "top": "top" if row == box.top else "innerHorizontal",
        "bottom": "bottom" if row == box.bottom - 1 else "innerHorizontal",
        "left": "left" if column == box.left else "innerVertical",
        "right": "right" if column == box.right - 1 else "innerVertical",
    }
    return {side: body[named[side]] for side in _SIDES if named[side] in body}


def _bordered(cell: Cell, sides: Json) -> Cell:
    style = cell.format or {}
    borders = {
        **style.get("borders", {}),
        **{side: with_style_pairs(border) for side, border in sides.items()},
    }
    kept = {side: border for side, border in borders.items() if border.get("style", "NONE") != "NONE"}
    rest = {key: item for key, item in style.items() if key != "borders"}
    return replace(cell, format={**rest, **({"borders": kept} if kept else {})} or None)


HANDLERS = {"updateBorders": update_borders}
