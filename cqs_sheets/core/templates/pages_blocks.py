"""Tabs of blocks: where each block stands, and what its cells hold.

The blocks stand side by side, a free column between two: the block's id in row 1, its columns' ids in
row 2, its rows from row 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.templates.pages import CellLook, Page, PageCell
from cqs_sheets.core.templates.pages_references import References
from cqs_sheets.core.templates.template import Block, BlockColumn, BlocksTab

_TITLES, _HEADERS, _FIRST = 1, 2, 3
_WIDTH = 12.0
_TITLE = CellLook(bold=True)
_HEADER = CellLook(text="muted", bold=True)


def block_column(tab: BlocksTab, name: str) -> Span:
    """The cells of a column, named as in `{Tab.block.column}`; KeyError if there is none."""
    for block, left in _placed(tab):
        for at, column in enumerate(block.columns, left):
            if f"{block.id}.{column.id}" == name:
                return Span(_FIRST, at, _FIRST + block.rows - 1, at)
    raise KeyError(f"{tab.name}.{name}")


def blocks_page(tab: BlocksTab, references: References) -> Page:
    """The page of a tab of blocks."""
    cells: dict[tuple[int, int], PageCell] = {}
    for block, left in _placed(tab):
        cells[_TITLES, left] = PageCell(value=block.id, look=_TITLE)
        for at, column in enumerate(block.columns, left):
            cells[_HEADERS, at] = PageCell(value=column.id, look=_HEADER)
            for index in range(1, block.rows + 1):
                cells[_FIRST + index - 1, at] = _cell(block, column, left, index, references)
    columns = max((at for _, at in cells), default=1)
    return Page(
        name=tab.name,
        hidden=tab.hidden,
        rows=max((row for row, _ in cells), default=1),
        columns=columns,
        cells=cells,
        widths=dict.fromkeys(range(1, columns + 1), _WIDTH),
        heights={},
        missing=references.missing,
    )


def _placed(tab: BlocksTab) -> Iterator[tuple[Block, int]]:
    """The blocks, each with its first column."""
    left = 1
    for block in tab.blocks:
        yield block, left
        left += len(block.columns) + 1


def _cell(block: Block, column: BlockColumn, left: int, index: int, references: References) -> PageCell:
    row = _FIRST + index - 1
    columns = {each.id: column_letters(at) for at, each in enumerate(block.columns, left)}

    def cell(name: str) -> str:
        if name == "i":
            return str(index)
        return f"{columns[name.removeprefix('^')]}{row - name.startswith('^')}"

    shown = PageCell(look=CellLook(align=column.format.align), format=column.format)
    if column.formula:
        return replace(shown, formula=references.formula(column.formula, cell=cell, index=index))
    return replace(shown, value=column.values[index - 1] if index <= len(column.values) else None)
