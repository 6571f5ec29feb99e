"""Columns and settings that a template has gained since a spreadsheet was made from it.

A column is inserted at the right of ours, a setting below ours: what a person has beside or below them
moves on and loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cqs_sheets.core.grid import runs
from cqs_sheets.core.templates.template import SettingsTab, TableTab, Template
from cqs_sheets.destinations.google.compile.settings import compile_setting
from cqs_sheets.destinations.google.compile.table import compile_columns, fill_formulas
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.filters import widened
from cqs_sheets.destinations.google.read.layout import Cell, TabPlace

Json = dict[str, Any]


def new_columns(
    template: Template, tab: TableTab, ids: Collection[str], tables: Mapping[str, TabPlace]
) -> tuple[list[Json], TabPlace]:
    """The requests that make columns of a tab, formulas filled in, and the tab as it will stand.

    The user's own tab has its formulas in all its rows.
    """
    place = tables[tab.name]
    new = [column for column in tab.columns if column.id in ids and column.id not in place.columns]
    if not new:
        return [], place
    at = 1 + max([place.key_column, *place.columns.values()])
    positions = {column.id: at + offset for offset, column in enumerate(new)}
    wider = replace(
        place,
        columns={**place.columns, **positions},
        column_count=place.column_count + len(new),
        filter=widened(place.filter, at, len(new)),
        table=place.table.widened(at, len(new)) if place.table else None,
    )
    keyed = sorted(row for found in place.rows.values() for row in found if row > place.header_row)
    rows = keyed if tab.fed else range(place.header_row + 1, place.row_count)
    return [
        _inserted(place.sheet_id, "COLUMNS", at, len(new)),
        *compile_columns(template, tab, new, wider),
        *_filtered(wider, at + len(new)),
        *([wider.table.set_range()] if wider.table and wider.table != place.table else []),
        *(
            marks.bind(marks.COLUMN, f"{place.mark}.{column}", place.sheet_id, "COLUMNS", index)
            for column, index in positions.items()
        ),
        *(
            request
            for first, last in runs(rows)
            for request in fill_formulas(new, wider, {**tables, tab.name: wider}, first, 1 + last - first)
        ),
    ], wider


def _filtered(place: TabPlace, end: int) -> Iterator[Json]:
    """The request that makes a filter reach as far as the new columns do, if it reached to them."""
    if place.filter and place.filter["range"].get("endColumnIndex") == end:
        yield {"setBasicFilter": {"filter": place.filter}}


def new_settings(
    template: Template, tab: SettingsTab, ids: Sequence[str], names: Mapping[str, Cell], *, zone_name: str
) -> tuple[list[Json], dict[str, Cell]]:
    """The requests that make settings below the others, and their cells by name (in lower case)."""
    new = [each for each in tab.settings if each.name in ids and each.name.lower() not in names]
    ours = [cell for each in tab.settings if (cell := names.get(each.name.lower()))]
    if not new or not ours:
        return [], {}
    last = max(ours, key=lambda cell: cell.row)
    cells = {each.name: replace(last, row=last.row + 1 + offset) for offset, each in enumerate(new)}
    requests = [_inserted(last.sheet_id, "ROWS", last.row + 1, len(new))]
    for each in new:
        requests += compile_setting(template, each, cells[each.name], zone_name=zone_name)
    return requests, {name.lower(): cell for name, cell in cells.items()}


def _inserted(sheet_id: int, axis: str, start: int, count: int) -> Json:
    span = {"sheetId": sheet_id, "dimension": axis, "startIndex": start, "endIndex": start + count}
    return {"insertDimension": {"range": span, "inheritFromBefore": True}}
