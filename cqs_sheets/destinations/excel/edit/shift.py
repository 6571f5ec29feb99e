"""The parts around a sheet that name its rows: tables, notes, drawings, pivot tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

from cqs_sheets.destinations.excel.edit.insertion import (
    RULE_FORMULA,
    CellFormulas,
    Insertion,
    attribute_pattern,
    edit_part,
    map_charts,
    map_formulas,
    map_linked_formulas,
    map_text,
    mentions,
    refused,
)
from cqs_sheets.destinations.excel.parts import opc, segments, xmltext
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import Area
from cqs_sheets.destinations.excel.parts.rowstream import Part, Piece, Stretch, addressed, pieces
from cqs_sheets.destinations.excel.parts.tables import read_table
from cqs_sheets.destinations.excel.parts.workbook import Sheet, Workbook
from cqs_sheets.patterns import regex

# They match addresses in tables, notes, drawings and pivot tables of any program: prefixed or not, attributes in any
# order, drawings of old (VML) no XML at all at times. A parser would write anew what is not meant to change.
_REF = regex(rb"""(\sref\s*=\s*["'])([^"']*)""")
_ANCHOR = regex(rb"<(\w+:)?(twoCellAnchor|oneCellAnchor)\b([^>]*)>.*?</(?:\w+:)?\2>", re.DOTALL)
_ANCHOR_ROW = regex(rb"(<(?:\w+:)?row>)(\d+)(?=</)")
_SHAPE_ROW = regex(rb"(<(?:\w+:)?Row>\s*)(\d+)")
_SHAPE = regex(rb"<(\w+:)?ClientData\b.*?</(?:\w+:)?ClientData>", re.DOTALL)
_SHAPE_ANCHOR = regex(rb"(<(?:\w+:)?Anchor>)([^<]*)")
_LOCATION = regex(rb"<(?:\w+:)?location\s[^>]*>")
_SOURCE = regex(rb"<(?:\w+:)?worksheetSource\s[^>]*>")


def shift_linked_parts(draft: Draft, workbook: Workbook, insertion: Insertion) -> None:
    """Bring along the parts that a sheet links to, and the sources of pivot tables."""
    for link in opc.relationships(draft, insertion.sheet.part):
        if link.kind in _CHANGES and not link.external:
            edit_part(draft, link.target, partial(_CHANGES[link.kind], insertion=insertion))
    map_pivot_sources(draft, workbook, insertion.sheet.name, insertion.text)


def _refs(xml: bytes, insertion: Insertion) -> bytes:
    return map_text(xml, _REF, insertion.text)


def _drawing(xml: bytes, insertion: Insertion) -> bytes:
    return _ANCHOR.sub(lambda match: _anchor(match, insertion), xml)


def _anchor(match: re.Match[bytes], insertion: Insertion) -> bytes:
    rows = [int(row[2]) + 1 for row in _ANCHOR_ROW.finditer(match[0])]
    behaviour = xmltext.attributes(match[3]).get("editAs", "twoCell")
    if not rows or behaviour == "absolute" or (behaviour == "oneCell" and rows[0] < insertion.at):
        return match[0]
    by = insertion.by if behaviour == "oneCell" else None

    def moved(row: re.Match[bytes]) -> bytes:
        number = int(row[2])
        return row[1] + b"%d" % (number + by if by else insertion.row(number + 1) - 1)

    return _ANCHOR_ROW.sub(moved, match[0], count=2)


def _vml(xml: bytes, insertion: Insertion) -> bytes:
    """Notes' boxes: the row of their cell, and where they are drawn."""
    return _SHAPE.sub(lambda match: _shape(match[0], insertion), xml)


def _shape(data: bytes, insertion: Insertion) -> bytes:
    row = _SHAPE_ROW.search(data)
    if row is None or int(row[2]) + 1 < insertion.at:
        return data
    data = _SHAPE_ROW.sub(lambda match: match[1] + b"%d" % (int(match[2]) + insertion.by), data)

    def anchor(match: re.Match[bytes]) -> bytes:
        numbers = [int(number) for number in match[2].split(b",")]
        numbers[2] += insertion.by
        numbers[6] += insertion.by
        return match[1] + ", ".join(map(str, numbers)).encode()

    return _SHAPE_ANCHOR.sub(anchor, data)


def _pivot(xml: bytes, insertion: Insertion) -> bytes:
    match = _LOCATION.search(xml)
    if match is None:
        return xml
    area = Area.parse(xmltext.attributes(match[0]).get("ref", ""))
    if insertion.splits(area):
        raise refused(insertion.sheet.name, "a pivot table stands in the way")
    tag = xmltext.with_attribute(match[0], "ref", str(insertion.area(area)))
    return xml[: match.start()] + tag + xml[match.end() :]


def map_pivot_sources(draft: Draft, workbook: Workbook, title: str, change: Callable[[str], str]) -> None:
    """Rewrite the ranges of a sheet that pivot tables take their data from."""

    def changed(match: re.Match[bytes]) -> bytes:
        values = xmltext.attributes(match[0])
        if values.get("sheet", "").lower() != title.lower() or "ref" not in values:
            return match[0]
        return xmltext.with_attribute(match[0], "ref", change(values["ref"]))

    for link in workbook.links:
        if link.kind == "pivotCacheDefinition":
            edit_part(draft, link.target, lambda xml: _SOURCE.sub(changed, xml))


_CHANGES: dict[str, Callable[..., bytes]] = {
    "table": _refs,
    "comments": _refs,
    "threadedComment": _refs,
    "namedSheetView": _refs,
    "drawing": _drawing,
    "vmlDrawing": _vml,
    "pivotTable": _pivot,
}


# Each pattern below goes over a sheet's XML, with any attribute in any order, prefixed or not, brought to one
# spelling (`canonical`). A parser would write all of it anew; here what is not meant keeps its bytes.
#
# Matches the row number in a row's or cell's tag; it may meet cells of any kind, addressed first.
_ADDRESS = regex(rb'(<row r="|<c r="[A-Z]+)(\d+)(?=")')
_ROW, _CELL, _CELL_ROW = b'<row r="', b'<c r="', regex(rb'<c r="[A-Z]+(\d+)"')
# Matches start tags outside of the rows; it may meet `>` in a quoted text (a prompt).
_TAG = regex(rb"""<(?:\w+:)?(\w+)\s(?:[^>"']|"[^"]*"|'[^']*')*>""")
# Matches the attributes that hold addresses (`r` is a scenario's cell, or a watched one).
_RANGES = regex(rb"""(\s(?:ref|sqref|sourceRef|r|activeCell)\s*=\s*["'])([^"']*)""")
_SCROLLED_TO = regex(rb"""(\stopLeftCell\s*=\s*["'])([^"']*)""")
_EXTENSION_RANGES = regex(rb"(<(?:\w+:)?sqref>)([^<]*)(?=</(?:\w+:)?sqref>)")
# Matches a conditional format or a validation, old or x14, whole; a validation may have no content.
_RULED = regex(
    rb"""<((?:\w+:)?(?:conditionalFormatting|dataValidation))(?=[\s/>])"""
    rb"""(?:[^>"']|"[^"]*"|'[^']*')*?(?:/>|>.*?</\1>)""",
    re.DOTALL,
)
_RULED_RANGES = regex(rb"""\ssqref\s*=\s*["']([^"']*)|<(?:\w+:)?sqref>([^<]*)<""")
# Matches links into the workbook and what a control is linked to.
_LINKED = attribute_pattern(b"location|linkedCell|listFillRange")
_ROW_BREAKS = regex(rb"<rowBreaks\b.*?</rowBreaks>", re.DOTALL)
_BREAK = regex(rb"<brk\s[^>]*>")
_OF_CELLS = (b"mergeCell", b"hyperlink", b"inputCells", b"cellWatch", b"selection", b"dimension")
_UNMOVABLE = {
    "control": "it holds form controls",
    "oleObject": "it holds embedded objects",
    "package": "it holds embedded objects",
    "tableSingleCells": "it is mapped to XML data",
}


def insert_rows(draft: Draft, workbook: Workbook, insertion: Insertion) -> None:
    """Insert rows above `insertion.at`; DataRefused, with nothing changed, where that is not safe."""
    sheet = insertion.sheet
    _check(draft, insertion)
    before = draft.content(sheet.part)
    draft.put(sheet.part, lambda: _shifted(before, insertion))
    for other in workbook.sheets:
        if other.part != sheet.part and mentions(draft, other, sheet.name):
            _shift_formulas_of(draft, other, insertion)
    workbook.map_names(insertion.name)
    map_charts(draft, lambda text: insertion.formula(text, ""))
    map_linked_formulas(draft, workbook, insertion.formula)
    shift_linked_parts(draft, workbook, insertion)
    if live := workbook.linked("volatileDependencies"):
        opc.drop_part(draft, workbook.part, live)  # which cells data is streamed to: Excel asks for it anew


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


def _shift_formulas_of(draft: Draft, other: Sheet, insertion: Insertion) -> None:
    before = draft.content(other.part)

    def shifted() -> Iterator[Stretch]:
        formulas = CellFormulas(insertion.in_cells_of(other.name))
        for piece in pieces(before()):
            if piece.part is Part.ROWS:
                yield piece.content(None if piece.kind == segments.PLAIN else formulas.rows(piece))
            else:
                yield _with_sources(_rules(piece.text, insertion, other.name), insertion, other.name)

    draft.put(other.part, shifted)


def _shifted(before: Callable[[], Iterable[Stretch]], insertion: Insertion) -> Iterator[Stretch]:
    home = insertion.sheet.name
    formulas = CellFormulas(
        insertion.in_cells_of(home),
        write_out=True,
        own_tag=lambda tag: _several(tag, insertion),
    )
    for piece in pieces(before()):
        if piece.part is Part.ROWS:
            text = formulas.rows(piece)
            yield piece.content(moved_rows(piece.put(text), insertion))
        else:
            text = _rules(piece.text, insertion, home)  # while ranges still are as they were
            text = _with_sources(text, insertion, home)
            text = _TAG.sub(lambda match: _ranged(match, insertion), text)
            text = map_text(text, _EXTENSION_RANGES, insertion.text)
            yield _ROW_BREAKS.sub(lambda match: _breaks(match[0], insertion), text)


def moved_rows(piece: Piece, insertion: Insertion) -> bytes:
    """A stretch of rows with their numbers after the insertion, in each cell too. Raises DataRefused past the grid."""
    if piece.last < insertion.at:
        return piece.text
    text = addressed(piece).text
    before, *rows = text.split(_ROW)
    numbers = [row[: row.find(b'"')] for row in rows]
    cells = [row.count(_CELL) for row in rows]
    each = list(zip(rows, numbers, cells, strict=True))
    named = [number for _, number, count in each for _ in range(count)]
    if (
        before
        or _CELL_ROW.findall(text) != named
        or any(row.count(number + b'"') != count + 1 for row, number, count in each)
    ):  # a row's number stands elsewhere, too
        return _ADDRESS.sub(lambda match: match[1] + b"%d" % insertion.row(int(match[2])), text)
    moved = [row.replace(number + b'"', b'%d"' % insertion.row(int(number))) for row, number, _ in each]
    return _ROW + _ROW.join(moved)


def _several(tag: bytes, insertion: Insertion) -> bytes:
    """The tag of a formula of several cells; DataRefused if they cannot move as one."""
    values = xmltext.attributes(tag)
    area = Area.parse(values["ref"])
    if values.get("t") == "dataTable":
        cells = [area, *(Area.parse(values[name]) for name in ("r1", "r2") if name in values)]
        torn = any(cell.bottom >= insertion.at for cell in cells)
    else:
        torn = insertion.splits(area)
    if torn:
        raise refused(insertion.sheet.name, "a formula of several cells stands in the way")
    moved = insertion.moved(area)
    return tag if moved == area else xmltext.with_attribute(tag, "ref", str(moved))


def _ranged(match: re.Match[bytes], insertion: Insertion) -> bytes:
    """A tag outside of the rows with its addresses moved, of cells themselves or of ranges over the data."""
    tag, name = match[0], match[1]
    if name == b"dataRef":
        return tag
    tag = map_text(tag, _RANGES, lambda text: insertion.text(text, cells=name in _OF_CELLS))
    return map_text(tag, _SCROLLED_TO, lambda text: _scrolled_to(text, insertion))


def _scrolled_to(cell: str, insertion: Insertion) -> str:
    """The top row in view; new rows right above it come into view."""
    try:
        return cell if Area.parse(cell).top == insertion.at else insertion.text(cell)
    except ValueError:
        return cell


def _with_sources(text: bytes, insertion: Insertion, home: str) -> bytes:
    """The ranges that a consolidation takes its data from, which may be on another sheet."""

    def source(match: re.Match[bytes]) -> bytes:
        sheet = xmltext.attributes(match[0]).get("sheet", home)
        if match[1] != b"dataRef" or sheet.lower() != insertion.sheet.name.lower():
            return match[0]
        return map_text(match[0], _RANGES, insertion.text)

    return _TAG.sub(source, text) if b"dataRef" in text else text


def _rules(text: bytes, insertion: Insertion, home: str) -> bytes:
    """Formulas of conditional formats, validations and sparklines, and links into the workbook."""
    done: list[bytes] = []
    position = 0
    for match in _RULED.finditer(text):
        done += _linked(text[position : match.start()], insertion, home), _rule(match[0], insertion, home)
        position = match.end()
    return b"".join((*done, _linked(text[position:], insertion, home)))


def _linked(text: bytes, insertion: Insertion, home: str) -> bytes:
    text = map_formulas(text, RULE_FORMULA, lambda formula: insertion.formula(formula, home))
    return map_formulas(text, _LINKED, lambda place: insertion.formula(place, home))


def _rule(text: bytes, insertion: Insertion, home: str) -> bytes:
    over_the_data = home == insertion.sheet.name and any(
        insertion.absorbs(area) for match in _RULED_RANGES.finditer(text) for area in _areas(match)
    )
    change = insertion.rule if over_the_data else lambda formula: insertion.formula(formula, home)
    return map_formulas(text, RULE_FORMULA, change)


def _areas(match: re.Match[bytes]) -> Iterator[Area]:
    for written in (match[1] or match[2]).split():
        with suppress(ValueError):
            yield Area.parse(written.decode("utf-8", "replace"))


def _breaks(text: bytes, insertion: Insertion) -> bytes:
    def moved(match: re.Match[bytes]) -> bytes:
        row = xmltext.whole(xmltext.attributes(match[0]).get("id", "0"))  # the break is below this row
        return (
            xmltext.with_attribute(match[0], "id", str(row + insertion.by))
            if row + 1 >= insertion.at
            else match[0]
        )

    return _BREAK.sub(moved, text)
