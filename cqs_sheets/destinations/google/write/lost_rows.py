"""Where rows without a key stand that a write hit by mistake: they are known by what was written there only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cqs_sheets.core.cells import same
from cqs_sheets.destinations.google.read.cells import decode
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace
from cqs_sheets.destinations.google.read.values import Line, read_boxes
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.destinations.google.write.cell_requests import area
from cqs_sheets.destinations.google.write.patches import Misplaced


def located(
    http: SheetsHttp, spreadsheet_id: str, mistakes: Sequence[Misplaced], layout: Layout
) -> tuple[Misplaced, ...]:
    """The mistakes at today's rows; without those whose row is gone. One read if any row has no key."""
    places = {id(each): _place(each, layout) for each in mistakes}
    boxes = [
        area(replace(each.patch.cell, row=0, column=place.columns[each.patch.column]), place.row_count)
        for each in mistakes
        if (place := places[id(each)])
    ]
    lines = read_boxes(http, spreadsheet_id, boxes) if boxes else {}
    found = []
    for each in mistakes:
        place = places[id(each)]
        row = _row(each, place, lines) if place else each.patch.cell.row
        if row is not None:
            moved = replace(each.patch, cell=replace(each.patch.cell, row=row))
            found.append(replace(each, patch=moved))
    return tuple(found)


def _place(mistake: Misplaced, layout: Layout) -> TabPlace | None:
    """The tab of a row without a key."""
    if mistake.found is not None or mistake.patch.key_column is None or mistake.at is not None:
        return None
    place = layout.sheet(mistake.patch.cell.sheet_id)
    return place if place and mistake.patch.column in place.columns else None


def _row(mistake: Misplaced, place: TabPlace, lines: dict[tuple[int, int], Line]) -> int | None:
    """The first row without a key that shows what was written, where it was written if possible."""
    written = decode(next(iter(mistake.patch.content.values()), None))
    column = place.columns[mistake.patch.column]
    rows: list[int] = [mistake.patch.cell.row, *range(place.header_row + 1, place.row_count)]
    keyed = {row for rows in place.rows.values() for row in rows}
    for row in rows:
        shown = decode(lines.get((place.sheet_id, row), {}).get(column))
        if row not in keyed and same(written, shown):
            return row
        if written is None:
            return None  # any blank row could be it
    return None
