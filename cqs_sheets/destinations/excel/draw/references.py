"""How the formulas of a workbook that is being drawn speak of its tabs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.templates.template import BlocksTab, Tab, TableTab
from cqs_sheets.destinations.excel.parts.refs import MAX_ROW, quoted_sheet, table_cell, table_column


class OtherTables(Protocol):
    """Tables that are not drawn: how formulas speak of their columns. LookupError for what is not there."""

    def data(self, tab: str, column_id: str) -> str:
        """A column's data; it grows with the table."""
        ...

    def cells(self, tab: str, column_id: str) -> str:
        """The same by addresses, as rules must have it."""
        ...


class _NoOthers:
    def data(self, tab: str, column_id: str) -> str:
        raise LookupError(f"{tab}.{column_id}")

    cells = data


NO_OTHERS: OtherTables = _NoOthers()


def is_hidden(tab: Tab) -> bool:
    """Whether a tab is hidden until the user unhides it."""
    return isinstance(tab, BlocksTab) and tab.hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTable:
    """A table tab as it is drawn: its sheet's title, its table's name, its headers in the columns' order."""

    tab: TableTab
    title: str
    name: str
    headers: tuple[str, ...]

    @property
    def header_row(self) -> int:
        """The row of the headers: a plain tab has no titles of groups above them."""
        return 1 if self.tab.plain else 2

    def position(self, column_id: str) -> int:
        """Where a column stands, counted from 1; LookupError if the tab has no such column."""
        ids = [column.id for column in self.tab.columns]
        if column_id not in ids:
            raise LookupError(f"{self.tab.name}.{column_id}")
        return ids.index(column_id) + 1

    def data(self, column_id: str) -> str:
        """A column's data; it grows with the table."""
        return table_column(self.name, self.headers[self.position(column_id) - 1])

    def cells(self, column_id: str) -> str:
        """The same as cells down to the end of the sheet: rules do not take names of tables."""
        letters = column_letters(self.position(column_id))
        return f"{quoted_sheet(self.title)}!${letters}${self.header_row + 1}:${letters}${MAX_ROW}"

    def same_row(self, column_id: str) -> str:
        """The cell of a column in the formula's own row."""
        return table_cell(self.name, self.headers[self.position(column_id) - 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnReferences:
    """References to the tabs being drawn, by the template's tab names; `elsewhere` knows other tables."""

    tables: Mapping[str, DrawnTable]
    titles: Mapping[str, str]
    elsewhere: OtherTables

    def area(self, tab: str, span: Span) -> str:
        """Cells of a page; one that is not drawn is taken to stand on a sheet of its name."""
        return f"{quoted_sheet(self.titles.get(tab, tab))}!{span.absolute}"

    def column(self, tab: str, column_id: str) -> str:
        """The data of a table's column; LookupError if it is not there."""
        return self.tables[tab].data(column_id) if tab in self.tables else self.elsewhere.data(tab, column_id)

    def rule_cells(self, tab: str, column_id: str) -> str:
        """The same as a rule may name it."""
        drawn = self.tables.get(tab)
        return drawn.cells(column_id) if drawn else self.elsewhere.cells(tab, column_id)
