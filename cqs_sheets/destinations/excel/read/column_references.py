"""How formulas refer to the data of a template's columns, wherever a workbook has them today."""

from __future__ import annotations

from collections.abc import Callable

from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.templates.formula import resolve
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.excel.parts.refs import MAX_ROW, address, quoted_sheet, table_column
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.read.place import Place, marked_place


class ColumnReferences:
    """References to columns of a workbook as it stands; to be made anew when rows or columns have moved."""

    def __init__(self, workbook: Workbook, template: Template) -> None:
        self._workbook = workbook
        self._template = template
        self._places: dict[str, Place] = {}

    def data(self, tab: str, column_id: str) -> str:
        """The data of a column, as cells refer to it; LookupError if it is not there."""
        place = self._place(tab)
        at = place.columns[column_id]
        if place.table:
            return table_column(place.table.name, place.table.columns[at - place.table.area.left].name)
        return self.cells(tab, column_id)

    def cells(self, tab: str, column_id: str) -> str:
        """The data of a column by its addresses, as rules must refer to it; LookupError if it is not there."""
        place = self._place(tab)
        letters = column_letters(place.columns[column_id])
        return f"{quoted_sheet(place.sheet.name)}!${letters}${place.header_row + 1}:${letters}${MAX_ROW}"

    def _place(self, name: str) -> Place:
        if name not in self._places:
            tab = self._template.tab(name)
            place = marked_place(self._workbook, tab) if isinstance(tab, TableTab) else None
            if place is None:
                raise KeyError(name)
            self._places[name] = place
        return self._places[name]


def row_formula(
    formula: str, place: Place, row: int, column: Callable[[str, str], str], *, fixed: bool = False
) -> str:
    """A template's formula in a row of a place, without its `=`; with columns `fixed` as rules want them.

    LookupError if a column that it needs is not there.
    """

    def cell(name: str) -> str:
        return ("$" if fixed else "") + address(row, place.columns[name])

    return resolve(formula, cell=cell, column=column).removeprefix("=")
