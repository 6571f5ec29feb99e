"""What a workbook file holds of a template's tabs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cqs_sheets.core.cells import CellType, key_text
from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.rows.binding import Binding, Bindings
from cqs_sheets.core.rows.facts import Made
from cqs_sheets.destinations.excel.parts.cellxml import cells_of, decode
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.refs import MAX_ROW
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces
from cqs_sheets.destinations.excel.parts.strings import SharedStrings
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.read.place import Place, bound_place, volume_of
from cqs_sheets.doctor.tabs import TabFacts


def workbook_tabs(path: Path, bindings: Bindings, made: Made | None) -> Iterator[TabFacts]:
    """The fed tabs that are there. Raises DataRefused (no workbook) or OSError."""
    with Package.open(path) as package:
        draft = Draft(package)
        workbook = Workbook(draft)
        strings = SharedStrings(draft, workbook.linked("sharedStrings"))
        for tab in bindings.template.fed_tabs:
            known = (made or {}).get(tab.mark_name)
            for number, binding in enumerate(bindings.tabs.get(tab.name, ()), start=1):
                place = bound_place(workbook, volume_of(tab, number), binding)
                yield _facts(workbook, strings, place, binding, known)


def _facts(
    workbook: Workbook, strings: SharedStrings, place: Place, binding: Binding, made: frozenset[str] | None
) -> TabFacts:
    keys = _keys(workbook, strings, place)
    return TabFacts(
        tab=place.tab,
        title=place.sheet.name,
        header_row=place.header_row,
        how=binding.how,
        columns={column: column_letters(at) for column, at in place.columns.items()},
        rows=sum(map(len, keys.values())),
        last_row=max((rows[-1] for rows in keys.values()), default=place.header_row),
        duplicates={key: rows for key, rows in keys.items() if len(rows) > 1},
        made=made,
    )


def _keys(workbook: Workbook, strings: SharedStrings, place: Place) -> dict[str, list[int]]:
    """Every key with every row it stands in."""
    letters = column_letters(place.columns[place.tab.key]).encode()
    key_cell = re.compile(rb'<c r="%s\d+"(?:\s[^>]*[^/>])?>.*?</c>' % letters, re.DOTALL)
    last = place.table.last_row if place.table else MAX_ROW
    cells = [
        cell
        for piece in pieces(workbook.draft.chunks(place.sheet.part))
        if piece.part is Part.ROWS
        for found in key_cell.findall(addressed(piece).text)
        for cell in cells_of(found)
        if place.header_row < cell.row <= last
    ]
    texts = strings.texts({index for cell in cells if (index := cell.shared_index) is not None})
    rows: dict[str, list[int]] = {}
    for cell in cells:
        value = decode(cell, kind=CellType.ID, epoch_1904=workbook.epoch_1904, strings=texts)
        key = key_text(value)
        if key is not None:
            rows.setdefault(key, []).append(cell.row)
    return rows
