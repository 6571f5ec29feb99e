"""New rows that look like their neighbours: format, height, formulas, and the values of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import chain, count, repeat
from typing import TypeVar

from cqs_sheets.core.cells import CellType, CellValue, number_text
from cqs_sheets.core.grid import column_letters, column_number
from cqs_sheets.core.plan.rows import by_column
from cqs_sheets.core.templates.decimals import RowPatterns, is_ours
from cqs_sheets.core.templates.template import Column, ColumnKind
from cqs_sheets.destinations.excel.edit.room import Growth
from cqs_sheets.destinations.excel.edit.rows import CellEdit, EditsOnDemand, RowEdit, row_attributes, untrue
from cqs_sheets.destinations.excel.parts.archive import deflated_block, inflated_block
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, Encoded, cells_of, encode
from cqs_sheets.destinations.excel.parts.references import address, filled, has_cell_references
from cqs_sheets.destinations.excel.parts.rowstream import addressed_row
from cqs_sheets.destinations.excel.parts.styles import CellFormats
from cqs_sheets.destinations.excel.parts.xmltext import escape, unescape
from cqs_sheets.destinations.excel.read.place import TabPlace, row_formula
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass

_T = TypeVar("_T")

_Due = tuple[int, Mapping[str, str]]
"""A row to write: its number, the number formats that it needs."""
_Cells = Callable[[Sequence[_Due], Sequence[CellValue]], Sequence[str]]

_CAREFUL = regex(r"[^\n -%'-;=?-~]")  # & < > and what is not printed
_TOGETHER = 100  # rows that are made and packed together
_LONG = 1000
_KEPT = 2000  # values of a column
_NUMBER = "\0"  # stands for a row's number in what rows have in common; no text of XML has it
_NO_PATTERNS: Mapping[str, str] = {}
_ANY_ROW = (
    1_073_741_823  # stands for a row's number while a formula is worked out; no row has it, and no template
)

ColumnReference = Callable[[str, str], str]
"""From a tab and a column id to a reference to the column's data; LookupError if it is gone."""


@dataclass(frozen=True, kw_only=True)
class RowMaker:
    """Makes new rows for a place.

    `models` is the XML of the rows they shall look like, by number, `model_row` the last of them, whose
    formulas they get; `left` and `right` are the data's first and last column, `styles` the formats that
    the sheet gives whole columns, `masters` the cells that the sheet's shared formulas are written for,
    `growth` what becomes of the data meanwhile. In a tab that is the user's own (`users_own`) formulas are
    none of the template's. `filled` are the ids of the columns that values are for.
    `warnings` and `kept` (cells that could not be changed safely) fill as rows are written.
    """

    place: TabPlace
    models: Mapping[int, bytes]
    model_row: int
    left: int
    right: int
    users_own: bool
    filled: Collection[str]
    styles: Mapping[int, int]
    masters: Mapping[int, CellXml]
    growth: Growth | None
    reference: ColumnReference
    formats: CellFormats
    epoch_1904: bool
    warnings: list[str]
    kept: set[str]

    def rows(self, start: int, values: Sequence[Mapping[str, CellValue]]) -> EditsOnDemand:
        """Rows from `start` on holding a plan's values, by column id.

        What is a row's own is made now, at once, and packed until it is written; so is what rows need of the rest
        of the workbook (formats, the columns that formulas look at), as it stands now.
        """
        needed, restyled = RowPatterns(self.place.tab), self._restyled
        priced = () if self.users_own else needed.columns
        ids = [self._ours[at].id if at in self._ours else "" for at in self._varying]
        writers = [self._cells_of(at, restyled) for at in self._varying]
        patterns, made = list[Mapping[str, str]](), _Made(len(writers))
        for first in range(0, len(values), _TOGETHER):
            some, asked = values[first : first + _TOGETHER], list(dict.fromkeys((*ids, *priced)))
            held = dict(zip(asked, by_column(some, asked), strict=True))
            needs = needed.of(zip(*[held[id_] for id_ in priced], strict=True)) if priced else []
            needs = needs or [_NO_PATTERNS] * len(some)
            due = list(zip(count(start + first), needs, strict=False))
            made.add([cells(due, held[id_]) for cells, id_ in zip(writers, ids, strict=True)])
            patterns += needs
        shapes = {id(each): each for each in patterns}
        for at, column in self._ours.items():
            for each in shapes.values():
                if column.id in each:
                    self._shown(at, {}, each)
        lines = {name: self._line(each, restyled) for name, each in shapes.items()}

        def written(rows: Sequence[int]) -> bytes:
            if rows and rows[0] < start:  # a row that was there and is to change
                raise untrue()
            first = rows[0] - start if rows else 0
            due = zip(rows, made.of(first, first + len(rows)), strict=True)
            found = [lines[id(patterns[row - start])].replace(_NUMBER, str(row)) % own for row, own in due]
            return "".join(found).encode()

        self._row(start, values[0], patterns[0])
        return EditsOnDemand(
            range(start, start + len(values)),
            lambda row: self._row(row, values[row - start], patterns[row - start]),
            written,
        )

    def _row(self, row: int, values: Mapping[str, CellValue], patterns: Mapping[str, str]) -> RowEdit:
        edit = RowEdit(attributes=self._attributes, kept=self.kept)
        for at in self.columns:
            style, shown = self._style(at), self._shown(at, values, patterns)
            content = self._content(row, at, values)
            edit.cells[at] = CellEdit(content, shown, restyle=shown != style, if_blank=at not in self._ours)
        return edit

    def _line(self, patterns: Mapping[str, str], restyled: Collection[int]) -> str:
        """What `_row` comes to where no row is, with _NUMBER for its number and %s for what is a row's own of a cell.

        All that rows have in common is written once: most of a write's time is spent here.
        """
        parts = [f'<row r="{_NUMBER}"{self._attributes.decode().replace("%", "%%")}>']
        for at in self.columns:
            column, style = self._ours.get(at), _style_attribute(self._shown(at, {}, patterns))
            parts.append(f'<c r="{column_letters(at)}{_NUMBER}"')
            if at in self._varying:
                parts.append("%s" if column is None or at in restyled else f"{style}%s")
            else:
                told = _tail(style, self._formulas[at] if column else None)
                parts.append(told.replace(str(_ANY_ROW), _NUMBER).replace("%", "%%"))
        return "".join((*parts, "</row>"))

    @cached_property
    def _varying(self) -> list[int]:
        """The columns whose cells say more than their format and the row's number."""
        return [
            at
            for at in self.columns
            if (at in self._ours and self._ours[at].kind is not ColumnKind.FORMULA)
            or (at not in self._ours and (at in self._calculated or self._filled_down(self.model_row, at)))
        ]

    def _cells_of(self, at: int, restyled: Collection[int]) -> _Cells:
        """Writes the values of a column of some rows: of each cell what `_line` leaves out.

        Nearly all hold a number, or a text or a time that comes again and again.
        """
        column = self._ours.get(at)
        id_, told = column.id if column else "", dict[CellValue, str]()
        if column is None or at in restyled:
            return lambda due, held: [
                _tail(_style_attribute(self._shown(at, values, patterns)), self._content(row, at, values))
                for (row, patterns), values in zip(due, [{id_: value} for value in held], strict=True)
            ]

        def made(row: int, value: CellValue) -> str:
            found = _plain(value) or _tail("", self._content(row, at, {id_: value}))
            if len(found) < _LONG and len(told) < _KEPT and not isinstance(value, Decimal):
                told[value] = found
            return found

        def cells(due: Sequence[_Due], held: Sequence[CellValue]) -> list[str]:
            return [
                f"><v>{digits}</v></c>"
                if type(value) is Decimal and (digits := number_text(value)) is not None
                else told.get(value) or made(row, value)
                for (row, _), value in zip(due, held, strict=True)
            ]

        return cells

    @cached_property
    def _restyled(self) -> Collection[int]:
        """The columns of times that are not shown as times yet."""
        return {
            at
            for at, column in self._ours.items()
            if column.type is CellType.TIME and not self.formats.shows_time(self._style(at))
        }

    @cached_property
    def _formulas(self) -> Mapping[int, Encoded | None]:
        """The template's formulas: each is worked out once, of a row's own there is nothing in it but the number."""
        formulas = {at: column for at, column in self._ours.items() if column.kind is ColumnKind.FORMULA}
        return {at: self._formula_cell(_ANY_ROW, column) for at, column in formulas.items()}

    @cached_property
    def columns(self) -> list[int]:
        """The positions of the cells that a new row has."""
        found = {*self._models, *self.place.columns.values(), *self._calculated}
        left, right = self.left, self.right
        while self.place.table is None and left - 1 in self._models:
            left -= 1  # a column of the user's without a header
        while self.place.table is None and right + 1 in self._models:
            right += 1
        return sorted(at for at in found if left <= at <= right)

    @cached_property
    def _attributes(self) -> bytes:
        """Height and format of most of the last rows."""
        return _usual(map(row_attributes, filter(None, self.models.values()))) or b""

    @cached_property
    def _looks(self) -> dict[int, int | None]:
        """The format that most of the last rows have in each column: one of them may be highlighted."""
        rows = [self._cells(row) for row in sorted(self.models)]
        return {at: _usual(row[at].style for row in rows if at in row) for at in self._models}

    @cached_property
    def _models(self) -> dict[int, CellXml]:
        return self._cells(self.model_row)

    @cached_property
    def _above(self) -> dict[int, CellXml]:
        return self._cells(self.model_row - 1)

    def _cells(self, row: int) -> dict[int, CellXml]:
        xml = self.models.get(row, b"")
        cells = cells_of(addressed_row(xml, row)) if xml else []
        return {column_number(cell.column.decode()): cell for cell in cells}

    @cached_property
    def _ours(self) -> dict[int, Column]:
        """The template's columns by position, but for those whose cells are the user's."""
        users = {ColumnKind.INPUT, ColumnKind.FORMULA} if self.users_own else {ColumnKind.INPUT}
        columns = {
            column.id: column
            for column in self.place.tab.columns
            if column.kind not in users or column.id in self.filled
        }
        return {at: columns[id_] for id_, at in self.place.columns.items() if id_ in columns}

    @cached_property
    def _calculated(self) -> dict[int, str]:
        table = self.place.table
        columns = enumerate(table.columns, table.area.left) if table else ()
        return {at: column.calculated for at, column in columns if column.calculated}

    def _style(self, at: int) -> int | None:
        return self._looks[at] if at in self._looks else self.styles.get(at)

    def _shown(self, at: int, values: Mapping[str, CellValue], patterns: Mapping[str, str]) -> int | None:
        """The format of the cell that holds the value that is there for it."""
        style, column = self._style(at), self._ours.get(at)
        if column and column.id in patterns and is_ours(self.formats.pattern(style), column.format):
            return self.formats.like(style, patterns[column.id])
        if column is None or not isinstance(values.get(column.id), datetime):
            return style
        return self.formats.for_time(style, column.format.pattern)

    def _content(self, row: int, at: int, values: Mapping[str, CellValue]) -> Encoded | None:
        column = self._ours.get(at)
        if column is None:
            return self._calculated_cell(row, at) if at in self._calculated else self._filled_down(row, at)
        if column.kind is ColumnKind.FORMULA:
            return self._formula_cell(row, column)
        encoded = encode(values.get(column.id), epoch_1904=self.epoch_1904)
        if encoded.warning:
            self.warnings.append(f"{self.place.sheet.name}!{address(row, at)}: {encoded.warning}")
        return encoded

    def _formula_cell(self, row: int, column: Column) -> Encoded | None:
        try:
            return _formula(row_formula(column.formula, self.place, row, self.reference))
        except LookupError as missing:
            self.warnings.append(
                f"{self.place.sheet.name}: {column.header} was left empty in new rows, as its formula needs"
                f" the column {missing} that is no longer there"
            )
            return None

    def _calculated_cell(self, row: int, at: int) -> Encoded | None:
        """The user's own calculated table column: as in the neighbour, else as the table says."""
        calculated = self._calculated[at]
        model = self._models.get(at)
        of_an_array = model is not None and model.is_of_an_array
        if model and not of_an_array and (source := self._grown(model)):
            return _formula(filled(source, row - self.model_row))
        if of_an_array or has_cell_references(calculated):
            self.warnings.append(
                f"{self.place.sheet.name}!{address(row, at)}: your formula could not be copied"
            )
            return None
        return _formula(calculated)

    def _filled_down(self, row: int, at: int) -> Encoded | None:
        """The user's own formula beside the data, if the last two rows agree on it (or there is one row only)."""
        model, above = self._models.get(at), self._above.get(at)
        if model is None or model.is_of_an_array:
            return None
        text = self._filled(model, self.model_row)
        alone = self.model_row == self.place.header_row + 1
        if text and (alone or (above and self._filled(above, self.model_row) == text)):
            return _formula(filled(self._grown(model), row - self.model_row))
        return None

    def _grown(self, model: CellXml) -> str:
        """The model's formula as it will be."""
        text = self._filled(model, self.model_row)
        column = column_number(model.column.decode())
        return (
            self.growth.cell_formula(text, self.place.sheet.name, self.model_row, column)
            if self.growth
            else text
        )

    def _filled(self, cell: CellXml, row: int) -> str:
        """A cell's formula as another row of its column would have it, "" if it has none."""
        shared = cell.shared_formula
        source = self.masters.get(shared, cell) if shared is not None and cell.formula == b"" else cell
        right = column_number(cell.column.decode()) - column_number(source.column.decode())
        return filled(unescape(source.formula or b""), row - source.row, right)


class _Made:
    """What is their own of the cells of many rows, some `columns` in each, packed: as texts they would fill the memory.

    Nothing that XML holds has a NUL in it, which stands between two.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._packed: list[bytes] = []
        self._last: tuple[int, list[tuple[str, ...]]] = (-1, [])

    def add(self, columns: Sequence[Sequence[str]]) -> None:
        """Put _TOGETHER rows behind the others, the last time some of them: the texts of each column."""
        together = "\0".join(chain.from_iterable(columns))
        self._packed.append(deflated_block(together.encode()))

    def of(self, first: int, end: int) -> Iterator[tuple[str, ...]]:
        """The texts of some rows, counted from 0."""
        if not self._columns:
            yield from repeat((), end - first)
            return
        for block in range(first // _TOGETHER, -(-end // _TOGETHER)):
            at = block * _TOGETHER
            yield from self._rows(block)[max(0, first - at) : end - at]

    def _rows(self, block: int) -> list[tuple[str, ...]]:
        if self._last[0] != block:  # else rows are asked for one by one
            texts = inflated_block(self._packed[block]).decode().split("\0")
            rows = len(texts) // self._columns
            columns = (texts[begin : begin + rows] for begin in range(0, len(texts), rows))
            self._last = block, list(zip(*columns, strict=True))
        return self._last[1]


def _plain(value: CellValue) -> str:
    """What follows the format of a cell with a text of which nothing needs care; "" for all else."""
    if not isinstance(value, str) or not value or len(value) >= _LONG:
        return ""
    if "_x" in value or _CAREFUL.search(value):
        return ""
    kept = "\n" in value or value[0] == " " or value[-1] == " "
    space = ' xml:space="preserve"' if kept else ""
    return f' t="inlineStr"><is><t{space}>{value}</t></is></c>'


def _style_attribute(style: int | None) -> str:
    return "" if style is None else f' s="{style}"'


def _tail(style: str, content: Encoded | None) -> str:
    kind = f' t="{content.type.decode()}"' if content and content.type else ""
    inner = content.content.decode() if content else ""
    return f"{style}{kind}>{inner}</c>" if inner else f"{style}{kind}/>"


def _usual(found: Iterable[_T]) -> _T | None:
    """What is most often there, of equals the first."""
    ranked = Counter(found).most_common(1)
    return ranked[0][0] if ranked else None


def _formula(text: str) -> Encoded:
    return Encoded(b"", b"<f>" + escape(text) + b"</f>")
