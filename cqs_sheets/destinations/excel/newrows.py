"""New rows that look like their neighbours: format, height, formulas, and the values of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.formula import resolve
from cqs_sheets.core.template import Column, ColumnKind
from cqs_sheets.destinations.excel.cellxml import CellXml, Encoded, cells_of, encode
from cqs_sheets.destinations.excel.place import Place
from cqs_sheets.destinations.excel.references import filled_down, has_cell_references
from cqs_sheets.destinations.excel.refs import address, column_number
from cqs_sheets.destinations.excel.rows import CellEdit, RowEdit, row_attributes
from cqs_sheets.destinations.excel.rowstream import addressed_row
from cqs_sheets.destinations.excel.timeformat import TimeFormats
from cqs_sheets.destinations.excel.xmltext import escape, unescape

ColumnReference = Callable[[str, str], str]
"""From a tab and a column id to a reference to the column's data; LookupError if it is gone."""


@dataclass(frozen=True, kw_only=True)
class RowMaker:
    """Makes new rows for a place.

    `model` is the XML of the row they shall look like (b"" if there is none), `styles` the formats
    that the sheet gives whole columns, `masters` the shared formulas of the sheet by their index.
    """

    place: Place
    model: bytes
    model_row: int
    styles: Mapping[int, int]
    masters: Mapping[int, tuple[int, str]]
    reference: ColumnReference
    formats: TimeFormats
    epoch_1904: bool
    warnings: list[str] = field(default_factory=list)

    def make(self, row: int, values: Mapping[str, CellValue]) -> RowEdit:
        """The row `row` holding a plan's values, by column id."""
        edit = RowEdit(attributes=row_attributes(self.model))
        for at in self._columns:
            style = self._models[at].style if at in self._models else self.styles.get(at)
            shown = self._style(at, style, values)
            edit.cells[at] = CellEdit(self._content(row, at, values), shown, restyle=shown != style)
        return edit

    @cached_property
    def _columns(self) -> list[int]:
        found = {*self._models, *self.place.columns.values(), *self._calculated}
        if self.place.table is None:
            return sorted(found)
        return sorted(at for at in found if self.place.left <= at <= self.place.right)

    @cached_property
    def _models(self) -> dict[int, CellXml]:
        cells = cells_of(addressed_row(self.model, self.model_row)) if self.model else []
        return {column_number(cell.column.decode()): cell for cell in cells}

    @cached_property
    def _ours(self) -> dict[int, Column]:
        """The template's columns by position, but for those whose cells are the user's."""
        columns = {
            column.id: column for column in self.place.tab.columns if column.kind is not ColumnKind.INPUT
        }
        return {at: columns[id_] for id_, at in self.place.columns.items() if id_ in columns}

    @cached_property
    def _calculated(self) -> dict[int, str]:
        table = self.place.table
        columns = enumerate(table.columns, table.area.left) if table else ()
        return {at: column.calculated for at, column in columns if column.calculated}

    def _style(self, at: int, style: int | None, values: Mapping[str, CellValue]) -> int | None:
        column = self._ours.get(at)
        if column is None or not isinstance(values.get(column.id), datetime):
            return style
        return self.formats.for_time(style, column.format.pattern)

    def _content(self, row: int, at: int, values: Mapping[str, CellValue]) -> Encoded | None:
        column = self._ours.get(at)
        if column is None:
            return self._calculated_cell(row, at)
        if column.kind is ColumnKind.FORMULA:
            return self._formula_cell(row, column)
        encoded = encode(values.get(column.id), epoch_1904=self.epoch_1904)
        if encoded.warning:
            self.warnings.append(f"{self.place.sheet.name}!{address(row, at)}: {encoded.warning}")
        return encoded

    def _formula_cell(self, row: int, column: Column) -> Encoded | None:
        def cell(name: str) -> str:
            return address(row, self.place.columns[name])

        try:
            return _formula(resolve(column.formula, cell=cell, column=self.reference))
        except LookupError as missing:
            self.warnings.append(
                f"{self.place.sheet.name}: {column.header} was left empty in new rows, as its formula needs"
                f" the column {missing} that is no longer there"
            )
            return None

    def _calculated_cell(self, row: int, at: int) -> Encoded | None:
        """The user's own calculated table column: as in the neighbour, else as the table says."""
        calculated = self._calculated.get(at)
        if not calculated:
            return None
        source = self._model_formula(self._models[at]) if at in self._models else None
        if source:
            return _formula(filled_down(source[1], row - source[0]))
        if has_cell_references(calculated):
            self.warnings.append(
                f"{self.place.sheet.name}!{address(row, at)}: your formula could not be copied"
            )
            return None
        return _formula(calculated)

    def _model_formula(self, model: CellXml) -> tuple[int, str] | None:
        """The row a formula was written for, and the formula."""
        text = model.formula
        if text is None:
            return None
        shared = model.shared_formula
        if not text and shared is not None:
            return self.masters.get(shared)
        return self.model_row, unescape(text)


def _formula(text: str) -> Encoded:
    return Encoded(b"", b"<f>" + escape(text.removeprefix("=")) + b"</f>")
