"""Where new rows go, and making place for them where something stands in their way."""

from __future__ import annotations

import re
from typing import NamedTuple

from cqs_sheets.core.grid import column_letters
from cqs_sheets.destinations.excel.edit.growth import Growth
from cqs_sheets.destinations.excel.edit.insertion import Insertion, refused
from cqs_sheets.destinations.excel.edit.shift import insert_rows
from cqs_sheets.destinations.excel.parts.cellxml import cells_of
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.refs import MAX_ROW, Area, column_number
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces, row_xml
from cqs_sheets.destinations.excel.parts.tables import tables_of
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.parts.xmltext import attributes
from cqs_sheets.destinations.excel.read.place import Place
from cqs_sheets.destinations.excel.read.scan import Scan
from cqs_sheets.errors import DataRefused

_MERGED = re.compile(rb"<mergeCell\s[^>]*>")


class Room(NamedTuple):
    """The first new row; how the data grows (None: into rows it has already); whether rows were moved."""

    start: int
    growth: Growth | None
    shifted: bool


def make_room(draft: Draft, workbook: Workbook, place: Place, found: Scan, count: int) -> Room:
    """Find or make room for `count` rows; DataRefused if there is none."""
    first = place.header_row + 1
    end = place.table.last_row if place.table else found.last
    if place.tab.new_rows == "top" and found.last > place.header_row:
        _check_bottom(place, found, end + count)
        columns = Area(first, found.left, end, found.right)
        _check_beside(draft, place, found, first)
        insert_rows(draft, workbook, Insertion(sheet=place.sheet, at=first, by=count, absorbing=columns))
        return Room(first, None, shifted=True)
    start = found.last + 1
    overflow = max(0, start + count - 1 - end)
    if not overflow:
        return Room(start, None, shifted=False)
    _check_bottom(place, found, end + overflow)
    blocked = is_blocked(draft, place, found, end, overflow)
    if blocked:
        _check_beside(draft, place, found, end + 1)
        insert_rows(draft, workbook, Insertion(sheet=place.sheet, at=end + 1, by=overflow))
    area = Area(first, found.left, max(end, first), found.right)
    growth = Growth(sheet=place.sheet.name, area=area, rows=end + overflow - area.bottom)
    return Room(start, growth, shifted=blocked)


def _check_beside(draft: Draft, place: Place, found: Scan, at: int) -> None:
    """Refuse to tear what stands beside columns of the user's own sheet: rows are inserted across all of it."""
    if place.table is not None:
        return
    filled: dict[int, set[int]] = {}
    for piece in pieces(draft.chunks(place.sheet.part)):
        if piece.part is Part.ROWS and piece.before < at <= piece.last + 1:
            text = addressed(piece).text
            filled |= {row: _beside(row_xml(text, row), found) for row in (at - 1, at) if row_xml(text, row)}
    torn = filled.get(at - 1, set()) & filled.get(at, set())
    if torn:
        raise refused(place.sheet.name, f"something stands beside them in column {column_letters(min(torn))}")


def _beside(row: bytes, found: Scan) -> set[int]:
    cells = {column_number(cell.column.decode()): cell for cell in cells_of(row)}
    return {
        at
        for at, cell in cells.items()
        if not found.left <= at <= found.right and (cell.holds_something or cell.formula is not None)
    }


def _check_bottom(place: Place, found: Scan, bottom: int) -> None:
    if max(bottom, found.bottom) > MAX_ROW:
        raise DataRefused(
            f"The tab {place.sheet.name} is full: Excel holds {MAX_ROW:,} rows a tab.",
            meaning="Nothing was written; the rows wait in the journal.",
            hint="Move old rows to another workbook, or name a new target.",
        )


def is_blocked(draft: Draft, place: Place, found: Scan, end: int, rows: int) -> bool:
    """Whether the rows below the data are taken; one free row is left above what follows."""
    if place.table and place.table.totals_rows:
        return True
    if found.occupied is not None and found.occupied <= end + rows + 1:
        return True
    wanted = Area(end + 1, found.left, end + rows, found.right)
    own = place.table.part if place.table else ""
    others = [table.area for table in tables_of(draft, place.sheet.part) if table.part != own]
    return any(area.meets(wanted) for area in (*others, *_merged(found.tail)))


def _merged(tail: bytes) -> list[Area]:
    return [Area.parse(attributes(tag).get("ref", "A1")) for tag in _MERGED.findall(tail)]
