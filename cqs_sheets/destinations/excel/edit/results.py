"""What the template's own formulas show, worked out and stored with them.

A preview, a mail, a workbook in Protected View and pandas never compute: a formula without a stored value is blank
there. Excel and LibreOffice compute anew all the same. The user's own formulas are not computed; what is stored with
them, and still true, may be read.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property, lru_cache

from cqs_sheets.core.formulas.evaluate import Evaluator
from cqs_sheets.core.formulas.parse import OWN_ROW, Area, Name, Node, TableColumn, in_any_row, parse, shape
from cqs_sheets.core.formulas.values import UNKNOWN, Failed, FormulaError, Held, Unknowable, Unknown, Value
from cqs_sheets.core.grid import Span, column_letters, column_number
from cqs_sheets.core.templates.formulas import resolve
from cqs_sheets.core.templates.report_pages import compile_page
from cqs_sheets.core.templates.template import BlocksTab, SettingsTab, TableTab, Template
from cqs_sheets.destinations.excel.edit.rows import without_result
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, SharedStrings, rich_text
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.rowstream import Part, Piece, addressed, cell_in, pieces
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

_MOST_BYTES = 16_000_000  # of the sheets that are looked at: beyond it, it is not cheap any more
# Matches one cell with a formula whose address comes first (rowstream): of a row's cells most are passed over so.
_FORMULA_CELL = regex(rb'<c r="([A-Z]{1,3}+)(\d{1,7}+)"((?:\s[^>]*+)?+)>(\s*+<f.*?)</c>', re.DOTALL)
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
    content = None if workbook.epoch_1904 or not shapes else _little(draft, sheets)
    if not content:
        return
    book = _Book(draft, workbook, shapes, content)
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


_Content = Mapping[str, Sequence[Piece]]  # of sheets, by their parts


def _little(draft: Draft, sheets: Collection[Sheet]) -> _Content | None:
    """What stands in these sheets, None if that is too much; no more is read than tells it."""
    content, size = dict[str, list[Piece]](), 0
    for sheet in sheets:
        found = content[sheet.part] = []
        for piece in pieces(draft.content(sheet.part)()):
            found.append(piece)
            size += piece.size
            if size > _MOST_BYTES:
                return None
    return content


def own_sheets(workbook: Workbook, template: Template, tables: Collection[Sheet]) -> list[Sheet]:
    """The sheets that hold formulas of the template: `tables`, and its pages under their own titles."""
    pages = (workbook.sheet(tab.name) for tab in template.tabs if not isinstance(tab, TableTab))
    return list(dict.fromkeys((*tables, *filter(None, pages))))


def _shapes(template: Template) -> Iterator[object]:
    """What the template's formulas say, wherever they stand."""
    return (shape(formula.removeprefix("=")) for formula in _formulas(template))


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

    def __init__(
        self, draft: Draft, workbook: Workbook, shapes: frozenset[object], content: _Content
    ) -> None:
        self._draft, self._workbook, self._shapes, self._content = draft, workbook, shapes, content
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
        self._last: dict[int, tuple[Sequence[bytes], Node | None]] = {}
        self._cell_of = cache(self._named)
        self._evaluator = Evaluator(self)

    def results(self, sheet: Sheet) -> dict[Position, Held]:
        """What the template's formulas in a sheet show, by row and column, where that is not stored already."""
        cells = self.cells(sheet.name)
        due = (at for at in cells.formulas if at not in cells.stored)
        shown = {at: self._shown(cells, sheet.name, at) for at in due}
        return {at: held for at, held in shown.items() if held is not UNKNOWN}

    def held(self, sheet: str, row: int, column: int) -> Held:
        cells = self._sheets.get(sheet) or self.cells(sheet)
        at = row, column
        if at not in cells.formulas:
            return cells.value(row, column)
        if at in cells.stored:
            return cells.stored[at]  # it still is true, see stale.py
        return cells.results[at] if at in cells.results else self._shown(cells, sheet, at)

    def _shown(self, cells: _Cells, sheet: str, at: Position) -> Held:
        """What a formula shows that nothing is stored with; UNKNOWN for one that is none of the template's own."""
        if at not in cells.results:
            row, column = at
            cells.results[at] = UNKNOWN  # should it look at itself
            try:
                tree = self._tree(column, cells.formulas[at], row)
                held: Held = self._evaluator.value(tree, sheet, row)
                cells.results[at] = 0.0 if held is None else held
            except FormulaError as error:
                cells.results[at] = Failed(str(error))
            except (Unknowable, RecursionError):
                pass
        return cells.results[at]

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
            return self._cell_of(node.name)
        home, table = self._tables.get(node.table.lower(), (None, None))
        at = self._headers.get(node.table.lower(), {}).get(node.header.lower())
        if home is None or table is None or at is None:
            raise Unknowable(node)
        if not node.this_row:
            return Area(home.name, Span(table.first_row, at, table.last_row, at))
        if sheet.lower() != home.name.lower() or not table.first_row <= row <= table.last_row:
            raise Unknowable(node)
        return Area(home.name, Span(row, at, row, at))

    def _named(self, name: str) -> Area:
        found = self._names.get(name.lower())
        cell = found.cell if found and ":" not in found.text else None
        if cell is None:
            raise Unknowable(name)
        return Area(cell.sheet, Span(cell.row, cell.column, cell.row, cell.column))

    def _tree(self, column: int, raw: bytes, row: int) -> Node:
        """What a formula says in that row, looked at anew where it says another thing than the last of its column.

        Raises Unknowable for one that is none of the template's own.
        """
        alike, tree = self._last.get(column, ((), None))
        if (b"%d" % row).join(alike) != raw:
            formula = in_any_row(unescape(raw), row)
            tree = self._own(formula)
            if _OWN_ROW not in raw:
                self._last[column] = escape(formula).split(_OWN_ROW), tree
        if tree is None:
            raise Unknowable(raw)
        return tree

    def _own(self, formula: str) -> Node | None:
        """What a formula says if it is one of the template's own."""
        with suppress(Unknowable):
            return parse(formula) if shape(formula) in self._shapes else None
        return None

    def cells(self, name: str) -> _Cells:
        """The cells of a sheet."""
        found = self._sheets.get(name)
        if found is None:
            sheet = self._workbook.sheet(name)
            if sheet is None:
                raise Unknowable(name)
            content = self._content.get(sheet.part)
            content = list(pieces(self._draft.content(sheet.part)())) if content is None else content
            found = self._sheets[name] = _Cells(content, self._strings)
        return found


class _Cells:
    """One sheet's cells.

    `formulas` as XML by row and column ("" for one that is none of ours), `stored` what stands beside them, `results`
    what they show as far as it is worked out. Values are read when they are asked for, a column of some rows at a time;
    so are the results of rows of which it is known that each formula has its own, and `formulas` lacks those.
    """

    def __init__(self, stretches: Sequence[Piece], strings: SharedStrings) -> None:
        self.pieces = stretches
        self.formulas: dict[Position, bytes] = {}
        self.stored: dict[Position, Held] = {}
        self.results: dict[Position, Held] = {}
        self._last = [piece.last for piece in self.pieces if piece.part is Part.ROWS]
        self._rows = [piece for piece in self.pieces if piece.part is Part.ROWS]
        self._strings = strings
        self._text = lru_cache(4096)(rich_text)  # the same few again and again
        self._values: dict[tuple[int, int], Mapping[int, Held]] = {}
        for piece in self._rows:
            if not piece.shapes:
                for letters, row, attributes, content in _FORMULA_CELL.findall(addressed(piece).text):
                    self._take((int(row), column_number(letters.decode())), attributes, content)

    def _take(self, at: Position, attributes: bytes, content: bytes) -> None:
        if content.startswith(b"<f>") and content.endswith(b"</f>"):
            self.formulas[at] = content[3:-4]
            return
        cell = CellXml(b"", 0, attributes, content, 0, 0)
        # one that cells share, or that fills several, is none that we wrote
        alone = cell.shared_formula is None and not cell.is_of_an_array
        self.formulas[at] = (cell.formula or b"") if alone else b""
        if b"<v" in content and (held := self._value(attributes, content)) is not None:
            self.stored[at] = held

    @cached_property
    def bottom(self) -> int:
        """The last row in which something stands."""
        return next(
            (int(found[-1]) for piece in reversed(self._rows) if (found := _FILLED.findall(piece.text))), 1
        )

    def value(self, row: int, column: int) -> Held:
        """What stands in a cell without a formula, or with one of settled rows."""
        at = bisect_left(self._last, row)
        if at == len(self._last):
            return None
        if (at, column) not in self._values:
            cell = re.compile(cell_in(column_letters(column).encode()) + _REST, re.DOTALL)
            found = cell.findall(addressed(self._rows[at]).text)
            self._values[at, column] = {int(row): self._value(*rest) for row, *rest in found if rest[1]}
        return self._values[at, column].get(row)

    def _value(self, attributes: bytes, content: bytes) -> Held:
        kind = _kind(attributes)
        if kind == b"inlineStr":
            return self._text(content)
        if kind == b"n":
            return _number(content)
        cell = CellXml(b"", 0, attributes, content, 0, 0)
        raw = cell.raw_value
        if kind == b"str":
            return unescape_cell(raw)
        if kind == b"s" and (index := cell.shared_index) is not None:
            return self._texts.get(index, "")
        if kind in (b"b", b"e") and raw:
            return raw in (b"1", b"true") if kind == b"b" else Failed(raw.decode("utf-8", "replace"))
        return UNKNOWN if raw else None

    @cached_property
    def _texts(self) -> Mapping[int, str]:
        """The shared texts that cells of the sheet can name, by index."""
        return self._strings.texts({int(each) for piece in self._rows for each in _WHOLE.findall(piece.text)})


@lru_cache(256)
def _kind(attributes: bytes) -> bytes:
    return CellXml(b"", 0, attributes, b"", 0, 0).type


def _number(content: bytes) -> Held:
    plain = content.startswith(b"<v>") and content.endswith(b"</v>")
    raw = content[3:-4].strip() if plain else CellXml(b"", 0, b"", content, 0, 0).raw_value
    try:
        return float(raw) if raw else None
    except ValueError:
        return UNKNOWN


def _store(draft: Draft, sheet: Sheet, cells: _Cells, results: Mapping[Position, Held]) -> None:
    rows = {row for row, _ in results}

    def cell(match: re.Match[bytes]) -> bytes:
        held = results.get((int(match[2]), column_number(match[1].decode())), UNKNOWN)
        return match[0] if held is UNKNOWN else _with_result(match, held)

    stored = [
        piece.edited(_FORMULA_CELL.sub(cell, addressed(piece).text))
        if piece.part is Part.ROWS and not rows.isdisjoint(range(piece.before + 1, piece.last + 1))
        else piece
        for piece in cells.pieces
    ]
    draft.put(sheet.part, lambda: iter(stored))


def _with_result(cell: re.Match[bytes], held: Held) -> bytes:
    letters, row, attributes, formula = cell.groups()
    if isinstance(held, Failed):
        return without_result(cell[0])
    kind, value = _encoded(held)
    if b"t" in attributes or not formula.endswith(b"</f>"):  # as others write it
        bare = without_result(cell[0])
        end = bare.index(b">") + 1
        return with_attribute(bare[:end], "t", kind) + bare[end : -len(b"</c>")] + b"<v>%s</v></c>" % value
    shown = b' t="%s"' % kind.encode() if kind else b""
    return b'<c r="%s%s"%s%s>%s<v>%s</v></c>' % (letters, row, attributes.rstrip(), shown, formula, value)


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
