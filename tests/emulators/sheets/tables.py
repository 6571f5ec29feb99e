"""Where values.append writes: it looks for "a table" in the range it was given, not for the last row.

The cells that hold values fall into blocks parted by empty rows and columns. Of the blocks that the given
range touches the last one is the table, and the new rows go under it, from its first column. So a last row
`x, "", z` makes the next append start under `z`: as recorded.
"""

from __future__ import annotations

from .a1 import Bounds, Box
from .cells import unpack
from .grid import Grid


def find_table(grid: Grid, where: Bounds) -> Box | None:
    """The block under which an append to `where` writes; None if the range touches no data."""
    search = Box(
        where.top or 0,
        grid.row_count if where.bottom is None else where.bottom,
        where.left or 0,
        grid.column_count if where.right is None else where.right,
    )
    touched = [block for block in blocks(grid) if block.meets(search)]
    return max(touched, key=lambda block: (block.bottom, block.right), default=None)


def blocks(grid: Grid) -> list[Box]:
    """The islands of values, as boxes."""
    masks = []
    for cells in grid.rows:
        mask = 0
        for column, stored in enumerate(cells):
            if stored is not None and unpack(stored).has_content:
                mask |= 1 << column
        masks.append(mask)
    found: list[Box] = []
    _split(masks, 0, found)
    return found


def _split(masks: list[int], top: int, found: list[Box]) -> None:
    """Cut at empty rows, then at empty columns, until neither cuts any more."""
    start = 0
    for index, mask in enumerate([*masks, 0]):
        if mask:
            continue
        if index > start:
            _split_columns(masks[start:index], top + start, found, whole=index - start == len(masks))
        start = index + 1


def _split_columns(masks: list[int], top: int, found: list[Box], *, whole: bool) -> None:
    together = 0
    for mask in masks:
        together |= mask
    bands = _bands(together)
    if len(bands) == 1 and whole:
        found.append(Box(top, top + len(masks), *bands[0]))
        return
    for left, right in bands:
        inside = ((1 << right) - 1) ^ ((1 << left) - 1)
        _split([mask & inside for mask in masks], top, found)


def _bands(mask: int) -> list[tuple[int, int]]:
    bands = []
    column = 0
    while mask >> column:
        if mask >> column & 1:
            left = column
            while mask >> column & 1:
                column += 1
            bands.append((left, column))
        column += 1
    return bands
