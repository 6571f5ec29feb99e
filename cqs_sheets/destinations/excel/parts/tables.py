"""Tables of a worksheet (ListObjects): where they are and how they grow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cqs_sheets.destinations.excel.parts import opc
from cqs_sheets.destinations.excel.parts.malformed import Malformed, whole
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.refs import Area
from cqs_sheets.destinations.excel.parts.splice import appended_to, items
from cqs_sheets.destinations.excel.parts.xmltext import (
    attributes,
    canonical_part,
    escape_attribute,
    unescape,
    with_attribute,
)

_TABLE = re.compile(rb"<table\s[^>]*>")
_COLUMN = re.compile(rb"<tableColumn\s[^>]*?(?:/>|>(.*?)</tableColumn>)", re.DOTALL)
_CALCULATED = re.compile(rb"<calculatedColumnFormula[^>]*>(.*?)</calculatedColumnFormula>", re.DOTALL)
_FILTER = re.compile(rb"<autoFilter\s[^>]*>")
_SORT = re.compile(rb"<sort(?:State|Condition)\s[^>]*>")


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
    xml = canonical_part(draft.read(part))
    match = _TABLE.search(xml)
    values = attributes(match[0]) if match else {}
    table = SheetTable(
        part=part,
        name=values.get("displayName", values.get("name", "")),
        area=Area.parse(values.get("ref", "")),
        header_rows=whole(values.get("headerRowCount", "1")),
        totals_rows=whole(values.get("totalsRowCount", "0")),
        columns=tuple(_column(column) for column in _COLUMN.finditer(xml)),
    )
    if table.last_row < table.first_row:
        raise Malformed("the area of a table", values.get("ref"))
    return table


def _column(match: re.Match[bytes]) -> TableColumn:
    formula = _CALCULATED.search(match[1] or b"")
    name = attributes(match[0][: match[0].index(b">")]).get("name", "")
    return TableColumn(name=name, calculated=unescape(formula[1]) if formula else "")


def widen_table(draft: Draft, table: SheetTable, headers: Sequence[str]) -> None:
    """Give a table more columns at its right, of these headers; its filter spans them if it spanned all."""
    xml = canonical_part(draft.read(table.part))
    ids = [whole(attributes(tag).get("id")) for tag in items(xml, "tableColumns")]
    new = [
        b'<tableColumn id="%d" name="%s"/>' % (number, escape_attribute(header))
        for number, header in enumerate(headers, max(ids, default=0) + 1)
    ]
    xml = appended_to(xml, "tableColumns", new, ("autoFilter", "sortState", "tableColumns"))

    def widened(match: re.Match[bytes]) -> bytes:
        area = Area.parse(attributes(match[0]).get("ref", ""))
        wider = replace(area, right=area.right + len(headers))
        return with_attribute(match[0], "ref", str(wider)) if area.right == table.area.right else match[0]

    for pattern in (_TABLE, _FILTER):
        xml = pattern.sub(widened, xml, count=1)
    draft.put(table.part, xml)


def resize_table(draft: Draft, table: SheetTable, last: int, new_last: int) -> None:
    """Let a table's data, filter and sorting that ended with row `last` end with row `new_last`."""
    xml = canonical_part(draft.read(table.part))
    xml = _with_bottom(xml, _TABLE, table.area.bottom, new_last + table.totals_rows)
    for pattern in (_FILTER, _SORT):
        xml = _with_bottom(xml, pattern, last, new_last)
    draft.put(table.part, xml)


def _with_bottom(xml: bytes, pattern: re.Pattern[bytes], bottom: int, new_bottom: int) -> bytes:
    def grown(match: re.Match[bytes]) -> bytes:
        area = Area.parse(attributes(match[0]).get("ref", ""))
        changed = with_attribute(match[0], "ref", str(area.down_to(new_bottom)))
        return changed if area.bottom == bottom else match[0]

    return pattern.sub(grown, xml)
