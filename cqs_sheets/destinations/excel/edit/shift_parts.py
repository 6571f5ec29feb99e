"""The parts around a sheet that name its rows: tables, notes, drawings, pivot tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from cqs_sheets.destinations.excel.edit.insertion import Insertion, refused
from cqs_sheets.destinations.excel.edit.mapping import edit_part, map_text
from cqs_sheets.destinations.excel.parts import opc
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.refs import Area
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.parts.xmltext import (
    attributes,
    with_attribute,
)

_REF = re.compile(rb"""(\sref\s*=\s*["'])([^"']*)""")
_ANCHOR = re.compile(rb"<(\w+:)?(twoCellAnchor|oneCellAnchor)\b([^>]*)>.*?</(?:\w+:)?\2>", re.DOTALL)
_ANCHOR_ROW = re.compile(rb"(<(?:\w+:)?row>)(\d+)(?=</)")
_SHAPE_ROW = re.compile(rb"(<(?:\w+:)?Row>\s*)(\d+)")
_SHAPE = re.compile(rb"<(\w+:)?ClientData\b.*?</(?:\w+:)?ClientData>", re.DOTALL)
_SHAPE_ANCHOR = re.compile(rb"(<(?:\w+:)?Anchor>)([^<]*)")
_LOCATION = re.compile(rb"<(?:\w+:)?location\s[^>]*>")
_SOURCE = re.compile(rb"<(?:\w+:)?worksheetSource\s[^>]*>")


def shift_linked_parts(draft: Draft, workbook: Workbook, insertion: Insertion) -> None:
    """Bring along the parts that a sheet links to, and the sources of pivot tables."""
    for link in opc.relationships(draft, insertion.sheet.part):
        if link.kind in _CHANGES and not link.external:
            edit_part(draft, link.target, partial(_CHANGES[link.kind], insertion=insertion))
    for link in workbook.links:
        if link.kind == "pivotCacheDefinition":
            edit_part(draft, link.target, partial(_pivot_source, insertion=insertion))


def _refs(xml: bytes, insertion: Insertion) -> bytes:
    return map_text(xml, _REF, insertion.text)


def _drawing(xml: bytes, insertion: Insertion) -> bytes:
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
