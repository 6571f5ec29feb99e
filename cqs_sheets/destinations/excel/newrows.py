"""New rows that look like their neighbours: format, height, formulas, and the values of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

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


@dataclass(frozen=True, slots=True, kw_only=True)
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
        models = {column_number(cell.column.decode()): cell for cell in self._model_cells()}
        for at in sorted({*models, *self.place.columns.values(), *self._calculated()}):
            if not (self.place.left <= at <= self.place.right or self.place.table is None):
                continue
            style = models[at].style if at in models else self.styles.get(at)
            shown = self._style(at, style, values)
            content = self._content(row, at, values, models.get(at))
            edit.cells[at] = CellEdit(content, shown, restyle=shown != style)
        return edit

    def _style(self, at: int, style: int | None, values: Mapping[str, CellValue]) -> int | None:
        column = self._ours(at)
        if column is None or not isinstance(values.get(column.id), datetime):
            return style
        return self.formats.for_time(style, column.format.pattern)

    def _model_cells(self) -> list[CellXml]:
        return cells_of(addressed_row(self.model, self.model_row)) if self.model else []

    def _content(
        self, row: int, at: int, values: Mapping[str, CellValue], model: CellXml | None
    ) -> Encoded | None:
        column = self._ours(at)
        if column is None:
            return self._calculated_cell(row, at, model)
        if column.kind is ColumnKind.FORMULA:
            return self._formula_cell(row, column)
        encoded = encode(values.get(column.id), epoch_1904=self.epoch_1904)
        if encoded.warning:
            self.warnings.append(f"{self.place.sheet.name}!{address(row, at)}: {encoded.warning}")
        return encoded

    def _ours(self, at: int) -> Column | None:
        """The column of the template there, unless its cells are the user's."""
        for column in self.place.tab.columns:
            if self.place.columns.get(column.id) == at and column.kind is not ColumnKind.INPUT:
                return column
        return None

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

    def _calculated(self) -> dict[int, str]:
        table = self.place.table
        columns = enumerate(table.columns, table.area.left) if table else ()
        return {at: column.calculated for at, column in columns if column.calculated}

    def _calculated_cell(self, row: int, at: int, model: CellXml | None) -> Encoded | None:
        """The user's own calculated table column: as in the neighbour, else as the table says."""
        calculated = self._calculated().get(at)
        if not calculated:
            return None
        source = self._model_formula(model) if model else None
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
