"""Where new columns can stand at the right of a tab's own without touching anything of the user's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cqs_sheets.core.grid import column_letters
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.refs import MAX_COLUMN, Area, column_number
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces
from cqs_sheets.destinations.excel.parts.tables import SheetTable, tables_of
from cqs_sheets.destinations.excel.read.place import Place

_CELL = re.compile(rb'<c r="([A-Z]+)')
_FILLED = rb'<c r="(?:%s)(\d+)"(?:\s[^>]*[^/>])?>\s*<(?:v|is|f)\b'


def free_from(draft: Draft, place: Place, count: int, last: int) -> int | None:
    """The first of `count` free columns (1-based), or None.

    A table's must be its neighbours, free from the row above its header down to row `last`; on a
    sheet without a table they stand right of all that is used.
    """
    table, first = place.table, place.right + 1
    if table is None:
        first = max(place.right, _last_column(draft, place)) + 1
    if first + count - 1 > MAX_COLUMN:
        return None
    wanted = Area(max(1, place.header_row - 1), first, last, first + count - 1)
    return None if table and _is_taken(draft, place, table, wanted) else first


def _last_column(draft: Draft, place: Place) -> int:
    letters = {name for text in _rows(draft, place) for name in _CELL.findall(text)}
    return max((column_number(name.decode()) for name in letters), default=0)


def _is_taken(draft: Draft, place: Place, table: SheetTable, wanted: Area) -> bool:
    others = [each.area for each in tables_of(draft, place.sheet.part) if each.part != table.part]
    letters = "|".join(column_letters(at) for at in range(wanted.left, wanted.right + 1))
    filled = re.compile(_FILLED % letters.encode())
    return any(area.meets(wanted) for area in others) or any(
        wanted.top <= int(row) <= wanted.bottom
        for text in _rows(draft, place)
        for row in filled.findall(text)
    )


def _rows(draft: Draft, place: Place) -> Iterator[bytes]:
    for piece in pieces(draft.chunks(place.sheet.part)):
        if piece.part is Part.ROWS:
            yield addressed(piece).text
