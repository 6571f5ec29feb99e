"""What the template's own formulas show, worked out and stored with them.

A preview, a mail, a workbook in Protected View and pandas never compute: a formula without a stored value is blank
there. Excel and LibreOffice compute anew all the same. The user's own formulas are not computed; what is stored with
them, and still true, may be read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from cqs_sheets.core.formulas.evaluate import Evaluator
from cqs_sheets.core.formulas.parse import OWN_ROW, Area, Name, Node, TableColumn, in_any_row, parse, shape
from cqs_sheets.core.formulas.values import UNKNOWN, Failed, FormulaError, Held, Unknowable, Unknown, Value
from cqs_sheets.core.grid import Span, column_letters, column_number
from cqs_sheets.core.templates.formulas import resolve
from cqs_sheets.core.templates.report_pages import compile_page
from cqs_sheets.core.templates.template import BlocksTab, SettingsTab, TableTab, Template
from cqs_sheets.destinations.excel.edit.rows import without_result
from cqs_sheets.destinations.excel.parts import segments
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, SharedStrings, rich_text
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, cell_in, pieces
from cqs_sheets.destinations.excel.parts.tables import SheetTable, tables_of
from cqs_sheets.destinations.excel.parts.workbook import Sheet, Workbook
from cqs_sheets.destinations.excel.parts.xmltext import (
    canonical_part,
    escape,
    escape_cell,
    unescape,
    unescape_cell,
    with_attribute,
)
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

_MOST_BYTES = 16_000_000  # of the sheets that are looked at: beyond it, it is not cheap any more
# Matches one cell with a formula whose address comes first (rowstream): of a row's cells most are passed over so.
_FORMULA_CELL = regex(rb'<c r="([A-Z]{1,3})(\d{1,7})"(?:\s[^>]*)?>\s*<f.*?</c>', re.DOTALL)
_FILLED = regex(rb'<c r="[A-Z]{1,3}(\d{1,7})"(?:\s[^>]*[^/>])?>(?!</c>)')
_WHOLE = regex(rb"<v(?:\s[^<>]*)?>\s*(\d{1,9})\s*</v>")
_REST = rb'(\d{1,7})"((?:\s[^>]*?)?)(?:/>|>(.*?)</c>)'  # of a cell, from its row's number on
_CHART_PART = regex(r".*/charts/chart\d*\.xml")
# Matches a range that a chart shows, with what is remembered of it, by any program that writes charts.
_CHART_RANGE = regex(
    rb"<((?:\w+:)?)(num|str)Ref>\s*<\1f>([^<]*)</\1f>\s*(?:<\1\2Cache>.*?</\1\2Cache>\s*)?</\1\2Ref>",
    re.DOTALL,
)

_OWN_ROW = b"%d" % OWN_ROW

Position = tuple[int, int]
"""Row and column."""


def store_results(draft: Draft, workbook: Workbook, template: Template, sheets: Collection[Sheet]) -> None:
    """Work out the template's formulas in these sheets, and store what they show.

    Nothing is done where that would take long, or the calendar is not the usual one.
    """
    shapes = frozenset(_shapes(template))
    if workbook.epoch_1904 or not shapes or not _is_little(draft, sheets):
        return
    book = _Book(draft, workbook, shapes)
    tables = [sheet for sheet in sheets if tables_of(draft, sheet.part)]
    for sheet in sorted(sheets, key=lambda each: (each not in tables, not each.name.startswith("_"))):
        results = book.results(sheet)
        if results:
            _store(draft, sheet, book.cells(sheet.name), results)
    blocks = {tab.name.lower() for tab in template.tabs if isinstance(tab, BlocksTab)}
    for part in draft.names if blocks else ():
        if _CHART_PART.fullmatch(part):
            before = canonical_part(draft.read(part))
            after = _with_caches(before, book, blocks)
            if after != before:
                draft.put(part, after)


def _is_little(draft: Draft, sheets: Collection[Sheet]) -> bool:
    """Whether there is something to look at, and not too much; no more is read than tells it."""
    size = 0
    for each in (each for sheet in sheets for each in draft.content(sheet.part)()):
        size += len(each) if isinstance(each, bytes) else each.size
        if size > _MOST_BYTES:
            return False
    return size > 0


def own_sheets(workbook: Workbook, template: Template, tables: Collection[Sheet]) -> list[Sheet]:
    """The sheets that hold formulas of the template: `tables`, and its pages under their own titles."""
    pages = (workbook.sheet(tab.name) for tab in template.tabs if not isinstance(tab, TableTab))
    return list(dict.fromkeys((*tables, *filter(None, pages))))


def _shapes(template: Template) -> Iterator[object]:
    """What the template's formulas say, wherever they stand."""
    for formula in _formulas(template):
        try:
            yield shape(parse(formula.removeprefix("=")))
        except Unknowable:
            continue


def _formulas(template: Template) -> Iterator[str]:
    def column(*_: str) -> str:
        return "T[c]"

    for tab in template.tabs:
        if isinstance(tab, TableTab):
            for each in tab.columns:
                if each.formula:
                    yield resolve(each.formula, cell=lambda _: "A1", column=column)
        elif isinstance(tab, SettingsTab):
            yield from (setting.formula for setting in tab.settings if setting.formula)
        else:
            page = compile_page(template, tab, area=lambda _, span: span.absolute, column=column)
            yield from (cell.formula for cell in page.cells.values() if cell.formula)


class _Book:
    """The workbook as formulas see it; sheets are read when they are asked for."""

    def __init__(self, draft: Draft, workbook: Workbook, shapes: frozenset[object]) -> None:
        self._draft, self._workbook, self._shapes = draft, workbook, shapes
        self._names = workbook.global_names()
        self._strings = SharedStrings(draft, workbook.linked("sharedStrings"))
        self._sheets: dict[str, _Cells] = {}
        self._columns: dict[Area, Sequence[Held]] = {}
        self._tables: dict[str, tuple[Sheet, SheetTable]] = {
            table.name.lower(): (sheet, table)
            for sheet in workbook.sheets
            for table in tables_of(draft, sheet.part)
        }
        self._headers = {
            name: {column.name.lower(): at for at, column in enumerate(table.columns, table.area.left)}
            for name, (_, table) in self._tables.items()
        }
        self._trees: dict[str, Node | None] = {}
        self._evaluator = Evaluator(self)

    def results(self, sheet: Sheet) -> dict[Position, Held]:
        """What the template's formulas in a sheet show, by row and column, where that is not stored already."""
        cells = self.cells(sheet.name)
        found = {}
        for row, at in cells.formulas:
            column = cells.column(at)
            if row in column.formulas and row not in column.values and self._tree(column, row):
                found[row, at] = self._shown(column, sheet.name, row)
        return {at: held for at, held in found.items() if held is not UNKNOWN}

    def held(self, sheet: str, row: int, column: int) -> Held:
        cells = self.cells(sheet).column(column)
        if row in cells.values or row not in cells.formulas:
            return cells.values.get(row)  # what is stored with a formula still is true, see stale.py
        return self._shown(cells, sheet, row)

    def _shown(self, column: _Column, sheet: str, row: int) -> Held:
        """What a formula shows that nothing is stored with."""
        if row in column.results:
            return column.results[row]
        tree = self._tree(column, row)
        if tree is None:
            return UNKNOWN
        column.results[row] = UNKNOWN  # should it look at itself
        try:
            held: Held = self._evaluator.value(tree, sheet, row)
        except FormulaError as error:
            held = Failed(str(error))
        except (Unknowable, RecursionError):
            held = UNKNOWN
        column.results[row] = 0.0 if held is None else held
        return column.results[row]

    def column(self, area: Area) -> Sequence[Held]:
        span = area.span
        if span.left != span.right:
            raise Unknowable(area)
        if area not in self._columns:
            bottom = min(span.bottom, max(span.top, self.cells(area.sheet).bottom))
            found = [self.held(area.sheet, row, span.left) for row in range(span.top, bottom + 1)]
            self._columns[area] = found
        return self._columns[area]

    def area(self, node: TableColumn | Name, sheet: str, row: int) -> Area:
        if isinstance(node, Name):
            name = self._names.get(node.name.lower())
            cell = name.cell if name and ":" not in name.text else None
            if cell is None:
                raise Unknowable(node.name)
            return Area(cell.sheet, Span(cell.row, cell.column, cell.row, cell.column))
        home, table = self._tables.get(node.table.lower(), (None, None))
        at = self._headers.get(node.table.lower(), {}).get(node.header.lower())
        if home is None or table is None or at is None:
            raise Unknowable(node)
        if not node.this_row:
            return Area(home.name, Span(table.first_row, at, table.last_row, at))
        if sheet.lower() != home.name.lower() or not table.first_row <= row <= table.last_row:
            raise Unknowable(node)
        return Area(home.name, Span(row, at, row, at))

    def _tree(self, column: _Column, row: int) -> Node | None:
        """What a formula of the template's own says in that row; None for another one."""
        raw = column.formulas[row]
        if (b"%d" % row).join(column.alike) != raw:
            formula = in_any_row(unescape(raw), row)
            if formula not in self._trees:
                try:
                    tree: Node | None = parse(formula)
                except Unknowable:
                    tree = None
                self._trees[formula] = tree if tree and shape(tree) in self._shapes else None
            column.alike, column.tree = escape(formula).split(_OWN_ROW), self._trees[formula]
            if _OWN_ROW in raw:
                column.alike = ()
        return column.tree

    def cells(self, name: str) -> _Cells:
        """The cells of a sheet."""
        found = self._sheets.get(name)
        if found is None:
            sheet = self._workbook.sheet(name)
            if sheet is None:
                raise Unknowable(name)
            found = self._sheets[name] = _Cells(self._draft, sheet, self._strings)
        return found


@dataclass(slots=True)
class _Column:
    """The cells of a column by row: values, formulas as XML, and what those show as far as it is worked out.

    `alike` is what the last formula that was looked at says between the numbers of its own row, `tree` what it means.
    """

    values: dict[int, Held] = field(default_factory=dict)
    formulas: dict[int, bytes] = field(default_factory=dict)
    results: dict[int, Held] = field(default_factory=dict)
    alike: Sequence[bytes] = ()
    tree: Node | None = None


class _Cells:
    """One sheet's cells, read a column at a time when they are asked for; formulas stand in `formulas`."""

    def __init__(self, draft: Draft, sheet: Sheet, strings: SharedStrings) -> None:
        self.pieces = [
            (piece, addressed(piece).text if piece.part is Part.ROWS else b"")
            for piece in pieces(draft.content(sheet.part)())
        ]
        self._strings = strings
        self._columns: dict[int, _Column] = {}
        self.formulas: list[Position] = [
            (int(row), column_number(letters.decode()))
            for _, rows in self.pieces
            for letters, row in _FORMULA_CELL.findall(rows)
        ]

    @cached_property
    def bottom(self) -> int:
        """The last row in which something stands."""
        for _, rows in reversed(self.pieces):
            if found := _FILLED.findall(rows):
                return int(found[-1])
        return 1

    def column(self, at: int) -> _Column:
        """The cells of a column."""
        found = self._columns.get(at)
        if found is None:
            found = self._columns[at] = self._read(column_letters(at).encode())
        return found

    @cached_property
    def texts(self) -> Mapping[int, str]:
        """The shared texts that cells of the sheet can name, by index."""
        return self._strings.texts({int(each) for _, rows in self.pieces for each in _WHOLE.findall(rows)})

    def _read(self, letters: bytes) -> _Column:
        column, known = _Column(), dict[tuple[bytes, bytes], Held]()
        pattern = re.compile(cell_in(letters) + _REST, re.DOTALL)
        found = (each for _, rows in self.pieces for each in pattern.findall(rows))
        for row, attributes, content in ((int(number), *rest) for number, *rest in found):
            cell = CellXml(letters, row, attributes, content, 0, 0)
            if b"<f" in content and (formula := cell.formula) is not None:
                # one that cells share, or that fills several, is none that we wrote
                alone = cell.shared_formula is None and not cell.is_of_an_array
                column.formulas[row] = formula if alone else b""
                if b"<v" in content and (held := self._value(attributes, content)) is not None:
                    column.values[row] = held
            elif content:
                if (attributes, content) not in known:
                    known[attributes, content] = self._value(attributes, content)
                column.values[row] = known[attributes, content]
        return column

    def _value(self, attributes: bytes, content: bytes) -> Held:
        cell = CellXml(b"", 0, attributes, content, 0, 0)
        kind, raw = cell.type, cell.raw_value
        if kind in (b"inlineStr", b"str"):
            return rich_text(content) if kind == b"inlineStr" else unescape_cell(raw)
        if not raw:
            return None
        if kind == b"s":
            index = cell.shared_index
            return UNKNOWN if index is None else self.texts.get(index, "")
        if kind in (b"b", b"e"):
            return raw in (b"1", b"true") if kind == b"b" else Failed(raw.decode("utf-8", "replace"))
        try:
            return float(raw) if kind == b"n" else UNKNOWN
        except ValueError:
            return UNKNOWN


def _store(draft: Draft, sheet: Sheet, cells: _Cells, results: Mapping[Position, Held]) -> None:
    def cell(match: re.Match[bytes]) -> bytes:
        held = results.get((int(match[2]), column_number(match[1].decode())), UNKNOWN)
        return match[0] if held is UNKNOWN else _with_result(match[0], held)

    stored = [
        piece.edited(_FORMULA_CELL.sub(cell, rows)) if rows and piece.kind != segments.PLAIN else piece
        for piece, rows in cells.pieces
    ]
    draft.put(sheet.part, lambda: iter(stored))


def _with_result(cell: bytes, held: Held) -> bytes:
    bare = without_result(cell)
    if isinstance(held, Failed):
        return bare
    end = bare.index(b">") + 1
    kind, value = _encoded(held)
    return with_attribute(bare[:end], "t", kind) + bare[end : -len(b"</c>")] + b"<v>%s</v></c>" % value


def _with_caches(chart: bytes, book: _Book, blocks: Collection[str]) -> bytes:
    """A chart with what its ranges of the template's blocks show: a preview draws it from that."""

    def cached(match: re.Match[bytes]) -> bytes:
        try:
            area = parse(unescape(match[3]))
            held = book.column(area) if isinstance(area, Area) and area.sheet.lower() in blocks else ()
        except Unknowable:
            return match[0]
        if not held or any(isinstance(each, Failed | Unknown) for each in held):
            return match[0]
        prefix, kind = match[1], match[2]
        wanted = str if kind == b"str" else float
        shown = [
            (at, each) for at, each in enumerate(held) if each != "" and isinstance(each, wanted | float)
        ]
        points = b"".join(
            b'<%spt idx="%d"><%sv>%s</%sv></%spt>' % (prefix, at, prefix, _encoded(each)[1], prefix, prefix)
            for at, each in shown
            if kind == b"str" or isinstance(each, float)
        )
        code = b"" if kind == b"str" else b"<%sformatCode>General</%sformatCode>" % (prefix, prefix)
        count = b'<%sptCount val="%d"/>' % (prefix, len(held))
        cache = b"<%s%sCache>%s%s%s</%s%sCache>" % (prefix, kind, code, count, points, prefix, kind)
        return b"<%s%sRef><%sf>%s</%sf>%s</%s%sRef>" % (
            prefix,
            kind,
            prefix,
            match[3],
            prefix,
            cache,
            prefix,
            kind,
        )

    return _CHART_RANGE.sub(cached, chart)


def _encoded(held: Value | object) -> tuple[str | None, bytes]:
    if isinstance(held, bool):
        return "b", b"1" if held else b"0"
    if isinstance(held, str):
        return "str", escape_cell(held)
    return None, repr(float(held or 0) + 0.0).removesuffix(".0").encode()  # type: ignore[arg-type]
