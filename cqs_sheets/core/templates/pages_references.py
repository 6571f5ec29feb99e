"""References in the formulas of pages: to table columns, to blocks, and to what the caller knows."""

from __future__ import annotations

from collections.abc import Callable

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.formula import resolve

ColumnReference = Callable[[str, str], str]
"""From a table tab and a column id to a reference to the column's data; LookupError if it is not there."""
AreaReference = Callable[[str, Span], str]
"""From a page's tab and cells of it to a reference, absolute and with the tab's title."""

ONE_CELL = "@"
"""Behind a block's column: not the whole of it but the cell of the row that the formula is for."""


class References:
    """Works out formulas, and remembers the table columns that were `missing`.

    `block` finds the cells of a `block.column` of a tab: None if the tab is no tab of blocks, LookupError
    if it has no such column.
    """

    def __init__(
        self, *, area: AreaReference, column: ColumnReference, block: Callable[[str, str], Span | None]
    ) -> None:
        self._area, self._column, self._block = area, column, block
        self._missing: dict[str, None] = {}

    @property
    def missing(self) -> tuple[str, ...]:
        """The table columns that formulas wanted and that are not there, each once."""
        return tuple(self._missing)

    def formula(self, text: str, *, cell: Callable[[str], str], index: int = 0) -> str:
        """The formula with its references worked out; "" if it needs a table column that is missing.

        `index` is the row in its block or list, counted from 1. LookupError for what the template lacks.
        """
        try:
            return resolve(text, cell=cell, column=lambda tab, name: self._reference(tab, name, index))
        except _MissingColumn as missing:
            self._missing[str(missing)] = None
            return ""

    def _reference(self, tab: str, name: str, index: int) -> str:
        cells = self._block(tab, name.removesuffix(ONE_CELL))
        if cells is not None:
            return self._area(tab, cells.row(index) if name.endswith(ONE_CELL) else cells)
        try:
            return self._column(tab, name)
        except LookupError:
            raise _MissingColumn(f"{tab}.{name}") from None


class _MissingColumn(Exception):
    """A formula needs a table column that is not there."""
