"""Further spare rows for a table of the user's own (Journal), before the last of those that it came with are used."""

from __future__ import annotations

from dataclasses import replace

from cqs_sheets.destinations.excel.edit.growth import Growth
from cqs_sheets.destinations.excel.edit.room import is_blocked
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.refs import MAX_ROW, Area
from cqs_sheets.destinations.excel.parts.rowstream import Part, pieces, row_xml
from cqs_sheets.destinations.excel.parts.strings import SharedStrings
from cqs_sheets.destinations.excel.read.place import Place
from cqs_sheets.destinations.excel.read.scan import Scan, scan

_FEW = 20  # spare rows: with fewer left, more are added


def nearly_full(draft: Draft, strings: SharedStrings, place: Place) -> tuple[Scan, Growth] | None:
    """What new spare rows shall look like, and the growth that they are; None if the table needs or takes none.

    It takes none where anything stands below it: that would have to move. The model is the table's last row.
    """
    table = place.table
    if table is None:
        return None
    end, rows = table.last_row, place.tab.spare_rows
    found = scan(draft, place, strings, ())
    few = end - found.last < min(_FEW, rows)
    if not few or end + rows > MAX_ROW or is_blocked(draft, place, found, end, rows):
        return None
    area = Area(place.header_row + 1, place.left, end, place.right)
    return _like_the_last(draft, place, found, end), Growth(sheet=place.sheet.name, area=area, rows=rows)


def _like_the_last(draft: Draft, place: Place, found: Scan, row: int) -> Scan:
    model = above = b""
    for piece in pieces(draft.chunks(place.sheet.part)):
        if piece.part is Part.ROWS:
            above = row_xml(piece.text, row - 1) or above
            model = row_xml(piece.text, row) or model
    return replace(found, models={row - 1: above, row: model}, model_row=row)
