"""Notes on cells: their texts in one part, the shapes that show them in another."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cqs_sheets.destinations.excel.parts import opc
from cqs_sheets.destinations.excel.parts.additions import add_default_type, add_part, free_part, link
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.refs import address
from cqs_sheets.destinations.excel.parts.splice import appended_to, items
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.parts.workbook_splice import STRICT_LINKS, links_namespace
from cqs_sheets.destinations.excel.parts.xmltext import canonical_part, escape, with_attribute

AUTHOR = "cqs-sheets"

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_NO_NOTES = b'<comments xmlns="%s"><authors></authors><commentList></commentList></comments>'
_NO_SHAPES = b"""<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">\
<o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="1"/></o:shapelayout>\
<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">\
<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype></xml>"""
_COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_SHAPES_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_ORDER = ("authors", "commentList")
_AUTHOR = re.compile(rb"<author(?:\s[^>]*)?>(.*?)</author>|<author\s*/>", re.DOTALL)
_SHAPE_ID = re.compile(rb"_x0000_s(\d+)")
_SHAPE_ROW = re.compile(rb"(<\w+:Row>)\d+(?=</)")
_FIRST_SHAPE = 1024

Note = tuple[bytes, bytes]
"""A `<comment>` and its shape, each an element that stands for itself."""


def add_notes(
    draft: Draft, workbook: Workbook, sheet: str, notes: Mapping[tuple[int, int], Note]
) -> str | None:
    """Put notes on cells (row, column) of a sheet's part.

    Returns the id of a link that the sheet has yet to name as its legacyDrawing, if its shapes are new.
    """
    links = {each.kind: each.target for each in opc.relationships(draft, sheet)}
    namespace = links_namespace(workbook.xml)
    comments, shapes = links.get("comments"), links.get("vmlDrawing")
    if comments is None:
        comments = free_part(draft, "xl/comments{}.xml")
        main = _STRICT_MAIN if namespace == STRICT_LINKS else _MAIN
        add_part(draft, comments, _NO_NOTES % main.encode(), _COMMENTS_TYPE)
        link(draft, sheet, comments, f"{namespace}/comments")
    draft.put(comments, _with_comments(canonical_part(draft.read(comments)), notes))
    new_link = None
    if shapes is None:
        shapes = free_part(draft, "xl/drawings/vmlDrawing{}.vml")
        add_default_type(draft, "vml", _SHAPES_TYPE)
        draft.put(shapes, _NO_SHAPES)
        new_link = link(draft, sheet, shapes, f"{namespace}/vmlDrawing")
    draft.put(shapes, _with_shapes(draft.read(shapes), notes))
    return new_link


def legacy_drawing(workbook: Workbook, link_id: str) -> bytes:
    """The element by which a sheet names the shapes of its notes."""
    namespace = links_namespace(workbook.xml)
    return b'<legacyDrawing xmlns:r="%s" r:id="%s"/>' % (namespace.encode(), link_id.encode())


def _with_comments(xml: bytes, notes: Mapping[tuple[int, int], Note]) -> bytes:
    authors = [_AUTHOR.fullmatch(each) for each in items(xml, "authors")]
    names = [match[1] if match else b"" for match in authors]
    if AUTHOR.encode() not in names:
        names.append(AUTHOR.encode())
        xml = appended_to(xml, "authors", [b"<author>%s</author>" % escape(AUTHOR)], _ORDER)
    author = str(names.index(AUTHOR.encode()))

    def placed(row: int, column: int, comment: bytes) -> bytes:
        tag = with_attribute(comment[: comment.index(b">") + 1], "ref", address(row, column))
        return with_attribute(tag, "authorId", author) + comment[comment.index(b">") + 1 :]

    new = [placed(row, column, comment) for (row, column), (comment, _) in notes.items()]
    return appended_to(xml, "commentList", new, _ORDER)


def _with_shapes(xml: bytes, notes: Mapping[tuple[int, int], Note]) -> bytes:
    last = max([_FIRST_SHAPE, *map(int, _SHAPE_ID.findall(xml))])
    new = b""
    for number, ((row, _), (_, shape)) in enumerate(notes.items(), start=last + 1):
        placed = _SHAPE_ROW.sub(rb"\g<1>%d" % (row - 1), shape)
        new += _SHAPE_ID.sub(b"_x0000_s%d" % number, placed)
    end = xml.rfind(b"</xml>")
    return xml[:end] + new + xml[end:] if end >= 0 else xml
