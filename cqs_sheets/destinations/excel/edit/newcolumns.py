"""Where new columns can stand at the right of a tab's own without touching anything of the user's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.grid import column_letters, column_number
from cqs_sheets.core.templates.template import Column, ColumnKind, Template
from cqs_sheets.destinations.excel.edit import rows
from cqs_sheets.destinations.excel.edit.sample import Sample, draw_sample
from cqs_sheets.destinations.excel.parts import splice, tables
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, Encoded, SharedStrings, decode
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import MAX_COLUMN, Area
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces
from cqs_sheets.destinations.excel.parts.styles import MergedStyles
from cqs_sheets.destinations.excel.parts.workbook import CellAddress, Workbook, column_name
from cqs_sheets.destinations.excel.parts.xmltext import attributes, canonical_part, escape, with_attribute
from cqs_sheets.destinations.excel.read.place import ColumnReferences, TabPlace, row_formula
from cqs_sheets.destinations.excel.read.scan import scan
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, replace

# They match addressed cells (rowstream), and those that hold a value or a formula; a cell with a format only is free.
_CELL = regex(rb'<c r="([A-Z]+)')
_FILLED = rb'<c r="(?:%s)(\d+)"(?:\s[^>]*[^/>])?>\s*<(?:v|is|f)\b'


def free_from(draft: Draft, place: TabPlace, count: int, last: int) -> int | None:
    """The first of `count` free columns (1-based), or None.

    A table's must be its neighbours, free from the row above its header down to row `last`; on a
    sheet without a table they stand right of all that is used.
    """
    table, first = place.table, place.right + 1
    if table is None:
        first = max(place.right, _last_column(draft, place)) + 1
    if first + count - 1 > MAX_COLUMN:
        return None
    wanted = Area(max(1, place.header_row - 1), first, last, first + count - 1)
    return None if table and _is_taken(draft, place, table, wanted) else first


def _last_column(draft: Draft, place: TabPlace) -> int:
    letters = {name for text in _rows(draft, place) for name in _CELL.findall(text)}
    return max((column_number(name.decode()) for name in letters), default=0)


def _is_taken(draft: Draft, place: TabPlace, table: tables.SheetTable, wanted: Area) -> bool:
    others = [each.area for each in tables.tables_of(draft, place.sheet.part) if each.part != table.part]
    letters = "|".join(column_letters(at) for at in range(wanted.left, wanted.right + 1))
    filled = re.compile(_FILLED % letters.encode())
    return any(area.meets(wanted) for area in others) or any(
        wanted.top <= int(row) <= wanted.bottom
        for text in _rows(draft, place)
        for row in filled.findall(text)
    )


def _rows(draft: Draft, place: TabPlace) -> Iterator[bytes]:
    for piece in pieces(draft.chunks(place.sheet.part)):
        if piece.part is Part.ROWS:
            yield addressed(piece).text


_NOTHING = Encoded(b"", b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedColumns:
    """What became of new columns: those that could not be made, and what the user should know."""

    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def add_columns(
    draft: Draft, workbook: Workbook, template: Template, place: TabPlace, new: Sequence[str]
) -> AddedColumns:
    """Make the columns of these ids; the workbook part is not saved yet.

    Raises DataRefused for a workbook whose formats cannot be extended safely.
    """
    return _Columns(draft, workbook, template, place, new).add()


class _Columns:
    def __init__(
        self, draft: Draft, workbook: Workbook, template: Template, place: TabPlace, new: Sequence[str]
    ) -> None:
        self._draft = draft
        self._workbook = workbook
        self._template = template
        self._place = place
        self._new = new
        strings = SharedStrings(draft, workbook.linked("sharedStrings"))
        self._references = ColumnReferences(workbook, template)
        self._filled = scan(draft, place, strings, ()).last
        self._last = place.table.last_row if place.table else max(self._filled, place.header_row + 1)
        self._warnings: list[str] = []

    def add(self) -> AddedColumns:
        first = free_from(self._draft, self._place, len(self._new), self._last)
        if first is None:
            return self._blocked()
        positions = {column_id: at for at, column_id in enumerate(self._new, first)}
        sample = draw_sample(self._template, self._place, positions)
        self._place = replace(self._place, columns={**self._place.columns, **positions})
        styles = self._merged(sample)
        self._rewrite(sample, styles, positions)
        if self._place.table:
            headers = [_text(sample.headers[at]) for at in positions.values()]
            tables.widen_table(self._draft, self._place.table, headers)
        for column_id, at in positions.items():
            cell = CellAddress(self._place.sheet.name, self._place.header_row, at)
            self._workbook.bind(column_name(self._place.tab.mark_name, column_id), cell)
        self._workbook.drop_calculation_chain()
        return AddedColumns(warnings=tuple(dict.fromkeys(self._warnings)))

    def _blocked(self) -> AddedColumns:
        headers = ", ".join(self._column(column_id).header for column_id in self._new)
        told = (
            f"{self._place.sheet.name}: new columns of the template ({headers}) were not added, as"
            " something stands at the right of the table; move it, then sync again"
        )
        return AddedColumns(left_out=tuple(self._new), warnings=(told,))

    def _column(self, column_id: str) -> Column:
        return self._place.tab.column(column_id)

    def _merged(self, sample: Sample) -> MergedStyles:
        part = self._workbook.linked("styles")
        assert part is not None  # noqa: S101 - we made a tab of this workbook, with formats
        styles = MergedStyles(canonical_part(self._draft.read(part)), sample.styles, sample.formats)
        self._draft.put(part, styles.xml)
        return styles

    def _rewrite(self, sample: Sample, styles: MergedStyles, positions: Mapping[str, int]) -> None:
        place = self._place
        top = place.header_row - (1 if sample.above and place.header_row > 1 else 0)
        reach = Area(top, min(positions.values()), self._last, max(positions.values()))
        edits = rows.EditsOnDemand(range(top, self._last + 1), self._row_maker(sample, styles, positions))
        widths = {at: _restyled(tag, styles) for at, tag in sample.columns.items()}
        new_link = self._add_notes(sample)
        rules = list(self._rules(sample, styles, positions))
        before = self._draft.content(place.sheet.part)

        def head(text: bytes) -> bytes:
            return rows.with_dimension(splice.with_columns(text, widths), reach)

        def tail(text: bytes) -> bytes:
            for rule in rules:
                text = splice.with_element(text, "conditionalFormatting", rule)
            if new_link and not splice.has_element(text, "legacyDrawing"):
                drawing = tables.legacy_drawing(self._workbook, new_link)
                text = splice.with_element(text, "legacyDrawing", drawing)
            return splice.with_validations(text, list(self._validations(sample)))

        self._draft.put(place.sheet.part, lambda: rows.rewritten(before, edits, head, tail))

    def _row_maker(
        self, sample: Sample, styles: MergedStyles, positions: Mapping[str, int]
    ) -> Callable[[int], rows.RowEdit]:
        """From a row's number to what comes into it: group, header, or a cell as new rows have it."""
        formulas = {at: formula for id_, at in positions.items() if (formula := self._formula(id_))}
        header = self._place.header_row
        looks = {header - 1: sample.above, header: sample.headers}
        last_with_formula = self._filled if self._place.tab.fed else self._last
        drawn = {
            row: rows.RowEdit({at: _drawn(cell, styles) for at, cell in cells.items()})
            for row, cells in looks.items()
        }
        blanks = {at: styles.cells[cell.style or 0] for at, cell in sample.blanks.items()}

        def edit(row: int) -> rows.RowEdit:
            if row in drawn:
                return drawn[row]
            there = formulas if row <= last_with_formula else {}
            return rows.RowEdit(
                {
                    at: rows.CellEdit(there[at](row) if at in there else _NOTHING, style, restyle=True)
                    for at, style in blanks.items()
                }
            )

        return edit

    def _formula(self, column_id: str) -> Callable[[int], Encoded] | None:
        column = self._column(column_id)
        if column.kind is not ColumnKind.FORMULA:
            return None

        def formula(row: int) -> Encoded:
            text = row_formula(column.formula, self._place, row, self._references.data)
            return Encoded(b"", b"<f>" + escape(text) + b"</f>")

        try:
            formula(1)
        except LookupError as missing:
            self._warnings.append(
                f"{self._place.sheet.name}: {column.header} was left empty, as its formula needs the column"
                f" {missing} that is not there"
            )
            return None
        return formula

    def _add_notes(self, sample: Sample) -> str | None:
        notes = {(self._place.header_row, at): note for at, note in sample.notes.items()}
        return tables.add_notes(self._draft, self._workbook, self._place.sheet.part, notes) if notes else None

    def _rules(self, sample: Sample, styles: MergedStyles, positions: Mapping[str, int]) -> Iterator[bytes]:
        first = self._place.header_row + 1
        for number, index in sample.rules.items():
            rule = self._place.tab.rules[number]
            try:
                formula = row_formula(rule.when, self._place, first, self._references.cells, fixed=True)
            except LookupError:
                continue  # it looks at a column that the user deleted
            on = sorted(positions[id_] for id_ in rule.on if id_ in positions)
            ranges = " ".join(str(Area(first, at, self._last, at)) for at in on)
            yield (
                b'<conditionalFormatting sqref="%s"><cfRule type="expression" dxfId="%d" priority="%d"'
                b' stopIfTrue="1"><formula>%s</formula></cfRule></conditionalFormatting>'
                % (ranges.encode(), styles.rules[index], number + 1, escape(formula))
            )

    def _validations(self, sample: Sample) -> Iterator[bytes]:
        first = self._place.header_row + 1
        for at, xml in sample.validations.items():
            end = xml.index(b">") + 1
            yield with_attribute(xml[:end], "sqref", str(Area(first, at, self._last, at))) + xml[end:]


def _drawn(cell: CellXml, styles: MergedStyles) -> rows.CellEdit:
    kind = cell.type if cell.content else b""
    return rows.CellEdit(Encoded(kind, cell.content), styles.cells[cell.style or 0], restyle=True)


def _restyled(tag: bytes, styles: MergedStyles) -> bytes:
    return with_attribute(tag, "style", str(styles.cells[int(attributes(tag).get("style", "0"))]))


def _text(cell: CellXml) -> str:
    return str(decode(cell, kind=CellType.TEXT, epoch_1904=False, strings={}))
