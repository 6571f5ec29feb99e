"""What a workbook file holds of a template's tabs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cqs_sheets.core.cells import CellType, key_text
from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.excel.parts.cellxml import cells_of, decode
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.refs import MAX_ROW
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces
from cqs_sheets.destinations.excel.parts.strings import SharedStrings
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.read.place import Place, find_place, other_tabs
from cqs_sheets.destinations.excel.read.rollover import volumes
from cqs_sheets.doctor.tabs import TabFacts


def workbook_tabs(path: Path, template: Template) -> Iterator[TabFacts]:
    """The fed tabs that are there. Raises DataRefused (no workbook; a tab that lost what it is known by) or OSError."""
    with Package.open(path) as package:
        draft = Draft(package)
        workbook = Workbook(draft)
        strings = SharedStrings(draft, workbook.linked("sharedStrings"))
        for tab in template.fed_tabs:
            others = other_tabs(template, tab)
            for volume in volumes(workbook, tab):
                place = find_place(workbook, strings, volume, other_tabs=others)
                if place:
                    yield _facts(workbook, strings, volume, place)


def _facts(workbook: Workbook, strings: SharedStrings, tab: TableTab, place: Place) -> TabFacts:
    keys = _keys(workbook, strings, place)
    return TabFacts(
        tab=tab,
        title=place.sheet.name,
        header_row=place.header_row,
        bound=place.bound,
        columns={column: column_letters(at) for column, at in place.columns.items()},
        rows=sum(map(len, keys.values())),
        last_row=max((rows[-1] for rows in keys.values()), default=place.header_row),
        duplicates={key: rows for key, rows in keys.items() if len(rows) > 1},
        made=(workbook.made or {}).get(tab.name),
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
