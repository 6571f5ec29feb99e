"""The parts around a sheet that name its rows: tables, notes, drawings, pivot tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from cqs_sheets.destinations.excel.edit.insertion import Insertion, refused
from cqs_sheets.destinations.excel.parts import opc
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.refs import Area
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.parts.xmltext import (
    attributes,
    escape,
    plain_part,
    unescape,
    with_attribute,
)

_REF = re.compile(rb"""(\sref\s*=\s*["'])([^"']*)""")
_TABLE_FORMULA = re.compile(
    rb"(<(?:\w+:)?(?:calculatedColumnFormula|totalsRowFormula)(?:\s[^>]*)?>)([^<]*)(?=</)"
)
_TEXT_LINK = re.compile(rb"""(\stextlink\s*=\s*["'])([^"']*)""")
_ANCHOR = re.compile(rb"<(\w+:)?(twoCellAnchor|oneCellAnchor)\b([^>]*)>.*?</(?:\w+:)?\2>", re.DOTALL)
_ANCHOR_ROW = re.compile(rb"(<(?:\w+:)?row>)(\d+)(?=</)")
_SHAPE_ROW = re.compile(rb"(<(?:\w+:)?Row>\s*)(\d+)")
_SHAPE = re.compile(rb"<(\w+:)?ClientData\b.*?</(?:\w+:)?ClientData>", re.DOTALL)
_SHAPE_ANCHOR = re.compile(rb"(<(?:\w+:)?Anchor>)([^<]*)")
_LOCATION = re.compile(rb"<(?:\w+:)?location\s[^>]*>")
_SOURCE = re.compile(rb"<(?:\w+:)?worksheetSource\s[^>]*>")


def map_formulas(xml: bytes, pattern: re.Pattern[bytes], change: Callable[[str], str]) -> bytes:
    """Rewrite the formulas that a pattern finds (group 1 before, group 2 the formula)."""

    def changed(match: re.Match[bytes]) -> bytes:
        before = unescape(match[2])
        after = change(before)
        return match[0] if after == before else match[1] + escape(after).replace(b'"', b"&quot;")

    return pattern.sub(changed, xml)


def map_text(xml: bytes, pattern: re.Pattern[bytes], change: Callable[[str], str]) -> bytes:
    """The same for ranges, which have no entities; bytes that are no UTF-8 stay what they are."""

    def changed(match: re.Match[bytes]) -> bytes:
        after = change(match[2].decode("utf-8", "surrogateescape"))
        return match[1] + after.encode("utf-8", "surrogateescape")

    return pattern.sub(changed, xml)


def shift_linked_parts(draft: Draft, workbook: Workbook, insertion: Insertion) -> None:
    """Bring along the parts that a sheet links to, and the sources of pivot tables."""
    for sheet in workbook.sheets:
        for link in opc.relationships(draft, sheet.part):
            if link.kind == "table":
                _edit(draft, link.target, partial(_table_formulas, insertion=insertion, home=sheet.name))
    for link in opc.relationships(draft, insertion.sheet.part):
        if link.kind in _CHANGES and not link.external:
            _edit(draft, link.target, partial(_CHANGES[link.kind], insertion=insertion))
    for link in workbook.links:
        if link.kind == "pivotCacheDefinition":
            _edit(draft, link.target, partial(_pivot_source, insertion=insertion))


def _edit(draft: Draft, part: str, change: Callable[[bytes], bytes]) -> None:
    if part in draft:
        before = plain_part(draft.read(part))
        after = change(before)
        if after != before:
            draft.put(part, after)


def _table_formulas(xml: bytes, insertion: Insertion, home: str) -> bytes:
    return map_formulas(xml, _TABLE_FORMULA, lambda formula: insertion.formula(formula, home))


def _refs(xml: bytes, insertion: Insertion) -> bytes:
    return map_text(xml, _REF, insertion.text)


def _drawing(xml: bytes, insertion: Insertion) -> bytes:
    xml = map_formulas(xml, _TEXT_LINK, lambda link: insertion.formula(link, insertion.sheet.name))
    return _ANCHOR.sub(lambda match: _anchor(match, insertion), xml)


def _anchor(match: re.Match[bytes], insertion: Insertion) -> bytes:
    rows = [int(row[2]) + 1 for row in _ANCHOR_ROW.finditer(match[0])]
    behaviour = attributes(match[3]).get("editAs", "twoCell")
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
    area = Area.parse(attributes(match[0]).get("ref", ""))
    if insertion.splits(area):
        raise refused(insertion.sheet.name, "a pivot table stands in the way")
    tag = with_attribute(match[0], "ref", str(insertion.area(area)))
    return xml[: match.start()] + tag + xml[match.end() :]


def _pivot_source(xml: bytes, insertion: Insertion) -> bytes:
    match = _SOURCE.search(xml)
    values = attributes(match[0]) if match else {}
    if (
        match is None
        or values.get("sheet", "").lower() != insertion.sheet.name.lower()
        or "ref" not in values
    ):
        return xml
    tag = with_attribute(match[0], "ref", insertion.text(values["ref"]))
    return xml[: match.start()] + tag + xml[match.end() :]


_CHANGES: dict[str, Callable[..., bytes]] = {
    "table": _refs,
    "comments": _refs,
    "threadedComment": _refs,
    "namedSheetView": _refs,
    "drawing": _drawing,
    "vmlDrawing": _vml,
    "pivotTable": _pivot,
}
