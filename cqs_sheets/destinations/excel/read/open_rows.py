"""Which rows of a table stand open: a pass over its column of status, and a look at the keys of those rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from cqs_sheets.core.cells import CellType, key_text
from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.rows.orphans import status_column
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, cells_of, decode
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces, row_xml
from cqs_sheets.destinations.excel.parts.strings import SharedStrings
from cqs_sheets.destinations.excel.read.place import Place
from cqs_sheets.destinations.excel.read.scan import scan


def open_keys(draft: Draft, strings: SharedStrings, place: Place) -> set[str]:
    """The keys of the open rows of a place; none where no column shows a status."""
    status = status_column(place.tab)
    if status is None or status not in place.columns:
        return set()
    by_status = replace(place, tab=replace(place.tab, key=status))
    rows = scan(draft, by_status, strings, {Status.OPEN.value}).places.get(Status.OPEN.value, ())
    cells = list(_key_cells(draft, place, rows))
    texts = strings.texts({index for cell in cells if (index := cell.shared_index) is not None})
    values = (decode(cell, kind=CellType.ID, epoch_1904=False, strings=texts) for cell in cells)
    return {key for value in values if (key := key_text(value))}


def _key_cells(draft: Draft, place: Place, rows: Collection[int]) -> Iterator[CellXml]:
    letters = column_letters(place.columns[place.tab.key]).encode()
    for piece in pieces(draft.chunks(place.sheet.part)):
        due = [row for row in rows if piece.before < row <= piece.last] if piece.part is Part.ROWS else []
        text = addressed(piece).text if due else b""
        for row in due:
            yield from (cell for cell in cells_of(row_xml(text, row)) if cell.column == letters)
