"""Inserting rows in a sheet: every part of the workbook that speaks of the moved rows is brought along."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from cqs_sheets.destinations.excel.edit.growth import map_charts
from cqs_sheets.destinations.excel.edit.insertion import Insertion, refused
from cqs_sheets.destinations.excel.edit.shift_parts import map_formulas, map_text, shift_linked_parts
from cqs_sheets.destinations.excel.parts import opc
from cqs_sheets.destinations.excel.parts.cellxml import cells_of
from cqs_sheets.destinations.excel.parts.malformed import whole
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import filled
from cqs_sheets.destinations.excel.parts.refs import Area, column_number
from cqs_sheets.destinations.excel.parts.rowstream import Part, Piece, addressed, pieces
from cqs_sheets.destinations.excel.parts.tables import read_table
from cqs_sheets.destinations.excel.parts.workbook import Sheet, Workbook
from cqs_sheets.destinations.excel.parts.xmltext import (
    attributes,
    canonical,
    escape,
    unescape,
    with_attribute,
)

_ADDRESS = re.compile(rb'(<row r="|<c r="[A-Z]+)(\d+)(?=")')
_FORMULA_CELL = re.compile(rb'<c r="([A-Z]+)(\d+)"[^>]*>\s*<f(?:\s[^>]*?)?(?:/>|>.*?</f>)', re.DOTALL)
_FORMULA = re.compile(rb"<f((?:\s[^>]*?)?)(?:/>|>(.*?)</f>)", re.DOTALL)
_RANGES = re.compile(rb"""(\s(?:ref|sqref|topLeftCell|activeCell)\s*=\s*["'])([^"']*)""")
_EXTENSION_RANGES = re.compile(rb"(<(?:\w+:)?sqref>)([^<]*)(?=</(?:\w+:)?sqref>)")
_RULE_FORMULA = re.compile(
    rb"(<(?:\w+:)?(?:f|formula[12]?)(?:\s[^>]*)?>)([^<]*)(?=</(?:\w+:)?(?:f|formula[12]?)>)"
)
_LOCATION = re.compile(rb"""(\slocation\s*=\s*["'])([^"']*)""")
_ROW_BREAKS = re.compile(rb"<rowBreaks\b.*?</rowBreaks>", re.DOTALL)
_BREAK = re.compile(rb"<brk\s[^>]*>")
_UNMOVABLE = {
    "control": "it holds form controls",
    "oleObject": "it holds embedded objects",
    "package": "it holds embedded objects",
    "tableSingleCells": "it is mapped to XML data",
}

Masters = dict[bytes, tuple[int, int, str]]
"""Shared formulas by their index: the row and the column each is written for, and its text."""


def insert_rows(draft: Draft, workbook: Workbook, insertion: Insertion) -> None:
    """Insert rows above `insertion.at`; DataRefused, with nothing changed, where that is not safe."""
    sheet = insertion.sheet
    _check(draft, insertion)
    before = draft.content(sheet.part)
    shared = _shared_formulas(before())
    draft.put(sheet.part, lambda: _shifted(before, insertion, shared))
    for other in workbook.sheets:
        if other.part != sheet.part and _mentions(draft, other, sheet):
            _shift_formulas_of(draft, other, insertion)
    workbook.map_names(insertion.formula)
    map_charts(draft, lambda text: insertion.formula(text, ""))
    shift_linked_parts(draft, workbook, insertion)


def _check(draft: Draft, insertion: Insertion) -> None:
    sheet = insertion.sheet
    for link in opc.relationships(draft, sheet.part):
        if link.kind in _UNMOVABLE:
            raise refused(sheet.name, _UNMOVABLE[link.kind])
        if link.kind == "table" and link.target in draft:
            table = read_table(draft, link.target)
            absorbed = insertion.absorbing is not None and table.first_row == insertion.at
            if table.area.top < insertion.at <= table.last_row and not absorbed:
                raise refused(sheet.name, f"the table {table.name} stands in the way")
    if any("/revisions/" in f"/{name.lower()}" for name in draft.names):
        raise refused(sheet.name, "the workbook tracks changes for sharing")


def _mentions(draft: Draft, other: Sheet, sheet: Sheet) -> bool:
    """Whether a sheet's part says the other sheet's name at all."""
    name = escape(sheet.name.replace("'", "''")).lower()
    rest = b""
    for chunk in canonical(draft.chunks(other.part)):
        if name in (rest + chunk).lower():
            return True
        rest = chunk[-len(name) :]
    return False


def _shift_formulas_of(draft: Draft, other: Sheet, insertion: Insertion) -> None:
    before = draft.content(other.part)
    shared = _shared_formulas(before())

    def shifted() -> Iterator[bytes]:
        for piece in pieces(before()):
            if piece.part is Part.ROWS:
                yield _with_formulas(addressed(piece).text, insertion, other.name, shared)
            else:
                yield _rules(piece.text, insertion, other.name)

    draft.put(other.part, shifted)


def _shifted(before: Callable[[], Iterable[bytes]], insertion: Insertion, shared: Masters) -> Iterator[bytes]:
    for piece in pieces(before()):
        if piece.part is Part.ROWS:
            yield _shifted_rows(piece, insertion, shared)
        else:
            text = map_text(piece.text, _RANGES, insertion.text)
            text = map_text(text, _EXTENSION_RANGES, insertion.text)
            text = _ROW_BREAKS.sub(lambda match: _breaks(match[0], insertion), text)
            yield _rules(text, insertion, insertion.sheet.name)


def _shifted_rows(piece: Piece, insertion: Insertion, shared: Masters) -> bytes:
    piece = addressed(piece)
    text = _with_formulas(piece.text, insertion, insertion.sheet.name, shared)
    if piece.last < insertion.at:
        return text
    return _ADDRESS.sub(lambda match: match[1] + b"%d" % insertion.row(int(match[2])), text)


def _with_formulas(text: bytes, insertion: Insertion, home: str, shared: Masters) -> bytes:
    """Rows with their formulas adjusted; shared ones are written out, as each of them changes its own way."""

    def cell(match: re.Match[bytes]) -> bytes:
        at = int(match[2]), column_number(match[1].decode())
        return _FORMULA.sub(lambda formula: _formula(formula, at, insertion, home, shared), match[0])

    return _FORMULA_CELL.sub(cell, text) if b"<f" in text else text


def _formula(
    match: re.Match[bytes], at: tuple[int, int], insertion: Insertion, home: str, shared: Masters
) -> bytes:
    values = attributes(match[1])
    kind = values.get("t", "normal")
    if kind == "shared":
        index = values.get("si", "").encode()
        if index not in shared:
            raise refused(home, "a formula is missing that others share")
        row, column, master = shared[index]
        text = filled(master, at[0] - row, at[1] - column)
        return b"<f>" + escape(insertion.formula(text, home)) + b"</f>"
    before = unescape(match[2] or b"")
    after = insertion.formula(before, home)
    tag = b"<f" + match[1] + b">"
    if home == insertion.sheet.name and "ref" in values:
        area = Area.parse(values["ref"])
        if kind == "dataTable" or insertion.splits(area):
            raise refused(home, "a formula of several cells stands in the way")
        tag = with_attribute(tag, "ref", str(insertion.area(area)))
    elif after == before:
        return match[0]
    return tag + escape(after) + b"</f>"


def _shared_formulas(chunks: Iterable[bytes]) -> Masters:
    """Every shared formula of a sheet by its index."""
    found: Masters = {}
    for piece in pieces(chunks):
        if piece.part is not Part.ROWS or b"shared" not in piece.text:
            continue
        for match in _FORMULA_CELL.finditer(addressed(piece).text):
            cell = cells_of(match[0] + b"</c>")[0]
            if cell.formula and cell.shared_formula is not None:
                column = column_number(cell.column.decode())
                found[b"%d" % cell.shared_formula] = (cell.row, column, unescape(cell.formula))
    return found


def _rules(text: bytes, insertion: Insertion, home: str) -> bytes:
    """Formulas of conditional formats, validations and sparklines, and links into the workbook."""
    text = map_formulas(text, _RULE_FORMULA, lambda formula: insertion.formula(formula, home))
    return map_formulas(text, _LOCATION, lambda place: insertion.formula(place, home))


def _breaks(text: bytes, insertion: Insertion) -> bytes:
    def moved(match: re.Match[bytes]) -> bytes:
        row = whole(attributes(match[0]).get("id", "0"))  # the break is below this row
        return (
            with_attribute(match[0], "id", str(row + insertion.by)) if row + 1 >= insertion.at else match[0]
        )

    return _BREAK.sub(moved, text)
