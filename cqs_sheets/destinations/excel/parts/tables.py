"""What lies on a sheet in parts of its own: tables, and notes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cqs_sheets.destinations.excel.parts import opc, xmltext
from cqs_sheets.destinations.excel.parts.opc import add_default_type, add_part, free_part, link
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import Area, address
from cqs_sheets.destinations.excel.parts.splice import STRICT_LINKS, appended_to, items, links_namespace
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, replace

# They match a table part's own tag, columns (with formulas or without), filter and sorting, attributes in any order.
# Only addresses and columns change in it; a parser would write all of it anew.
_TABLE = regex(rb"<table\s[^>]*>")
_COLUMN = regex(rb"<tableColumn\s[^>]*?(?:/>|>(.*?)</tableColumn>)", re.DOTALL)
_CALCULATED = regex(rb"<calculatedColumnFormula[^>]*>(.*?)</calculatedColumnFormula>", re.DOTALL)
_FILTER = regex(rb"<autoFilter\s[^>]*>")
_SORT = regex(rb"<sort(?:State|Condition)\s[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column of a table; `calculated` is the formula Excel fills new rows with."""

    name: str
    calculated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetTable:
    """A table: `area` is all of it, header and totals row included."""

    part: str
    name: str
    area: Area
    header_rows: int
    totals_rows: int
    columns: tuple[TableColumn, ...]

    @property
    def first_row(self) -> int:
        """The first data row."""
        return self.area.top + self.header_rows

    @property
    def last_row(self) -> int:
        """The last data row."""
        return self.area.bottom - self.totals_rows


def tables_of(draft: Draft, sheet_part: str) -> list[SheetTable]:
    """Every table of a worksheet."""
    links = opc.relationships(draft, sheet_part)
    return [read_table(draft, link.target) for link in links if link.kind == "table" and link.target in draft]


def read_table(draft: Draft, part: str) -> SheetTable:
    """One table part."""
    xml = xmltext.sound_part(xmltext.canonical_part(draft.read(part)))
    match = _TABLE.search(xml)
    values = xmltext.attributes(match[0]) if match else {}
    table = SheetTable(
        part=part,
        name=values.get("displayName", values.get("name", "")),
        area=Area.parse(values.get("ref", "")),
        header_rows=xmltext.whole(values.get("headerRowCount", "1")),
        totals_rows=xmltext.whole(values.get("totalsRowCount", "0")),
        columns=tuple(_column(column) for column in _COLUMN.finditer(xml)),
    )
    if table.last_row < table.first_row:
        raise xmltext.Malformed("the area of a table", values.get("ref"))
    return table


def _column(match: re.Match[bytes]) -> TableColumn:
    formula = _CALCULATED.search(match[1] or b"")
    name = xmltext.attributes(match[0][: match[0].index(b">")]).get("name", "")
    return TableColumn(name=name, calculated=xmltext.unescape(formula[1]) if formula else "")


def widen_table(draft: Draft, table: SheetTable, headers: Sequence[str]) -> None:
    """Give a table more columns at its right, of these headers; its filter spans them if it spanned all."""
    xml = xmltext.canonical_part(draft.read(table.part))
    ids = [xmltext.whole(xmltext.attributes(tag).get("id")) for tag in items(xml, "tableColumns")]
    new = [
        b'<tableColumn id="%d" name="%s"/>' % (number, xmltext.escape_attribute(header))
        for number, header in enumerate(headers, max(ids, default=0) + 1)
    ]
    xml = appended_to(xml, "tableColumns", new, ("autoFilter", "sortState", "tableColumns"))

    def widened(match: re.Match[bytes]) -> bytes:
        area = Area.parse(xmltext.attributes(match[0]).get("ref", ""))
        wider = replace(area, right=area.right + len(headers))
        return (
            xmltext.with_attribute(match[0], "ref", str(wider))
            if area.right == table.area.right
            else match[0]
        )

    for pattern in (_TABLE, _FILTER):
        xml = pattern.sub(widened, xml, count=1)
    draft.put(table.part, xml)


def resize_table(draft: Draft, table: SheetTable, last: int, new_last: int) -> None:
    """Let a table's data, filter and sorting that ended with row `last` end with row `new_last`."""
    xml = xmltext.canonical_part(draft.read(table.part))
    xml = _with_bottom(xml, _TABLE, table.area.bottom, new_last + table.totals_rows)
    for pattern in (_FILTER, _SORT):
        xml = _with_bottom(xml, pattern, last, new_last)
    draft.put(table.part, xml)


def _with_bottom(xml: bytes, pattern: re.Pattern[bytes], bottom: int, new_bottom: int) -> bytes:
    def grown(match: re.Match[bytes]) -> bytes:
        area = Area.parse(xmltext.attributes(match[0]).get("ref", ""))
        changed = xmltext.with_attribute(match[0], "ref", str(area.down_to(new_bottom)))
        return changed if area.bottom == bottom else match[0]

    return pattern.sub(grown, xml)


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
# They match who wrote a note, and the ids and rows of its shape: VML, which old programs write with errors in it that
# a parser of XML refuses.
_AUTHOR = regex(rb"<author(?:\s[^>]*)?>(.*?)</author>|<author\s*/>", re.DOTALL)
_SHAPE_ID = regex(rb"_x0000_s(\d+)")
_SHAPE_ROW = regex(rb"(<\w+:Row>)\d+(?=</)")
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
    draft.put(comments, _with_comments(xmltext.canonical_part(draft.read(comments)), notes))
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
        xml = appended_to(xml, "authors", [b"<author>%s</author>" % xmltext.escape(AUTHOR)], _ORDER)
    author = str(names.index(AUTHOR.encode()))

    def placed(row: int, column: int, comment: bytes) -> bytes:
        tag = xmltext.with_attribute(comment[: comment.index(b">") + 1], "ref", address(row, column))
        return xmltext.with_attribute(tag, "authorId", author) + comment[comment.index(b">") + 1 :]

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
