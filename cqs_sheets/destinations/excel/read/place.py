"""Where a template's tab lives in a workbook today: its sheet, its header row, its columns, its table.

Which sheet that is was decided elsewhere; here it is looked up by our hidden names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.plan.binding import Binding
from cqs_sheets.core.templates.formulas import resolve
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.excel.parts.references import MAX_ROW, address, quoted_sheet, table_column
from cqs_sheets.destinations.excel.parts.tables import SheetTable, tables_of
from cqs_sheets.destinations.excel.parts.workbook import CellAddress, Sheet, Workbook, column_name
from cqs_sheets.errors import ROWS_WAIT, DataRefused
from cqs_sheets.values import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class TabPlace:
    """A tab as found. `columns` maps the ids of those that are there to their position (1-based)."""

    tab: TableTab
    sheet: Sheet
    header_row: int
    columns: Mapping[str, int]
    table: SheetTable | None

    @property
    def last_row(self) -> int:
        """The last row of the table; without one, of the sheet."""
        return self.table.last_row if self.table else MAX_ROW

    @property
    def left(self) -> int:
        """The first column of the table, or of our columns."""
        return self.table.area.left if self.table else min(self.columns.values())

    @property
    def right(self) -> int:
        """The last column of the table, or of our columns."""
        return self.table.area.right if self.table else max(self.columns.values())


def bound_place(workbook: Workbook, tab: TableTab, binding: Binding) -> TabPlace:
    """The tab (or a volume of it) on the sheet that it is bound to. DataRefused if that cannot be edited as a table."""
    sheet = workbook.sheet(binding.sheet)
    if sheet is None:
        raise KeyError(binding.sheet)
    return _place(workbook, tab, sheet, binding.header_row, binding.columns)


def marked_place(workbook: Workbook, tab: TableTab) -> TabPlace | None:
    """The tab (or a volume of it) by its marks, None if they lead nowhere."""
    cells = marked_cells(workbook, tab)
    key = cells.get(tab.key)
    sheet = workbook.sheet(key.sheet) if key else None
    if key is None or sheet is None:
        return None
    columns = {
        column_id: cell.column
        for column_id, cell in cells.items()
        if cell.sheet.lower() == key.sheet.lower() and cell.row == key.row
    }
    return _place(workbook, tab, sheet, key.row, columns)


def marked_cells(workbook: Workbook, tab: TableTab) -> dict[str, CellAddress]:
    """The header cells that our names of a tab point at, by column id."""
    names = workbook.global_names()
    marked = ((column.id, names.get(column_name(tab.mark_name, column.id).lower())) for column in tab.columns)
    return {id_: name.cell for id_, name in marked if name and not name.deleted and name.cell}


def marked_volumes(workbook: Workbook, tab: TableTab) -> Iterator[TableTab]:
    """The tab itself, and those that it was continued in, under the names that their marks have."""
    yield tab
    names = workbook.global_names()
    number = 2
    while column_name((volume := volume_of(tab, number)).mark_name, tab.key).lower() in names:
        yield volume
        number += 1


def volume_of(tab: TableTab, number: int) -> TableTab:
    """The tab under the name of its volume of that number: `Signals`, `Signals 2`, `Signals 3`..."""
    if number == 1:
        return tab
    return replace(tab, name=f"{tab.name} {number}", mark=f"{tab.mark_name} {number}")


def _place(workbook: Workbook, tab: TableTab, sheet: Sheet, row: int, columns: Mapping[str, int]) -> TabPlace:
    key = columns[tab.key]
    tables = tables_of(workbook.draft, sheet.part)
    table = next((each for each in tables if each.area.contains(row, key)), None)
    if table and (not table.header_rows or table.area.top != row):
        raise DataRefused(
            f"The tab {tab.name} cannot be updated: its header in {sheet.name!r} is inside the table"
            f" {table.name!r}, not its first row.",
            meaning=ROWS_WAIT,
            hint="Undo the change or restore a backup (.bak.xlsx); or name another target, which is made anew.",
        )
    if table:
        columns = {name: at for name, at in columns.items() if table.area.left <= at <= table.area.right}
    return TabPlace(tab=tab, sheet=sheet, header_row=row, columns=columns, table=table)


class ColumnReferences:
    """References to columns of a workbook as it stands; to be made anew when rows or columns have moved."""

    def __init__(self, workbook: Workbook, template: Template) -> None:
        self._workbook = workbook
        self._template = template
        self._places: dict[str, TabPlace] = {}

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

    def _place(self, name: str) -> TabPlace:
        if name not in self._places:
            tab = self._template.tab(name)
            place = marked_place(self._workbook, tab) if isinstance(tab, TableTab) else None
            if place is None:
                raise KeyError(name)
            self._places[name] = place
        return self._places[name]


def row_formula(
    formula: str, place: TabPlace, row: int, column: Callable[[str, str], str], *, fixed: bool = False
) -> str:
    """A template's formula in a row of a place, without its `=`; with columns `fixed` as rules want them.

    LookupError if a column that it needs is not there.
    """

    def cell(name: str) -> str:
        return ("$" if fixed else "") + address(row, place.columns[name])

    return resolve(formula, cell=cell, column=column).removeprefix("=")
