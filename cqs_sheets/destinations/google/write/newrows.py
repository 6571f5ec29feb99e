"""New rows, by insertDimension and updateCells at the row just made.

An insertion takes nobody's cell, whatever happened to the sheet meanwhile, and the row's number is
known, so its formulas are right; what lies on the rows (filter, rules, protections, validations)
grows with them. appendCells leaves both to chance: where it writes depends on what else stands there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.grid import runs
from cqs_sheets.core.rows.plan import Add
from cqs_sheets.core.templates.template import ColumnKind, TableTab
from cqs_sheets.destinations.google.compile.styles import number_format
from cqs_sheets.destinations.google.compile.table import fill_formulas, missing_for
from cqs_sheets.destinations.google.read.cells import encode
from cqs_sheets.destinations.google.read.layout import Cell, TabPlace
from cqs_sheets.destinations.google.write.cell_requests import area, update_cells

Json = dict[str, Any]


def insert_rows(
    adds: Sequence[Add], tab: TableTab, tabs: Mapping[str, TabPlace]
) -> tuple[list[Json], TabPlace]:
    """The requests that insert rows with values and formulas, and the tab as it will stand."""
    place = tabs[tab.name]
    index = min(place.header_row + 1 if tab.new_rows == "top" else place.end, place.row_count)
    after = place.grown(index, [add.key for add in adds])
    bare = place.end == place.header_row + 1
    like_above = index >= place.row_count or not (bare or tab.new_rows == "top")
    span = {
        "sheetId": place.sheet_id,
        "dimension": "ROWS",
        "startIndex": index,
        "endIndex": index + len(adds),
    }
    requests: list[Json] = [{"insertDimension": {"range": span, "inheritFromBefore": like_above}}]
    if after.table and place.table and place.table.bottom <= index:
        requests.append(after.table.set_range())
    if bare or not place.ids:
        requests += time_formats(tab, place, index, len(adds))
    lines = [dict(_line(tab, place, add)) for add in adds]
    for first, last in runs(lines[0]):
        rows = [[line[at] for at in range(first, last + 1)] for line in lines]
        requests.append(update_cells(Cell(sheet_id=place.sheet_id, row=index, column=first), rows))
    requests += fill_formulas(tab.columns, after, {**tabs, tab.name: after}, index, len(adds))
    like = index - 1 if index == place.end else index + len(adds)
    theirs = place.models - lines[0].keys()
    requests += _filled_down(Cell(sheet_id=place.sheet_id, row=like, column=0), theirs, index, len(adds))
    return requests, after


def _filled_down(like: Cell, columns: Collection[int], index: int, count: int) -> Iterator[Json]:
    """The requests that copy the user's own formulas from the row of `like` into new rows."""
    for first, last in runs(columns):
        source = replace(like, column=first)
        target = replace(source, row=index)
        width = 1 + last - first
        copied = {"source": area(source, 1, width), "destination": area(target, count, width)}
        yield {"copyPaste": {**copied, "pasteType": "PASTE_FORMULA"}}


def without_formula(tab: TableTab, tabs: Mapping[str, TabPlace]) -> Iterator[str]:
    """What the user should know of formulas that new rows do not get."""
    place = tabs[tab.name]
    for column in tab.columns:
        if column.kind is ColumnKind.FORMULA and column.id in place.columns:
            missing = missing_for(column, place, tabs)
            if missing is not None:
                yield (
                    f"{place.title}: {column.header} was left empty in new rows, as its formula needs"
                    f" {missing!r}, which is no longer there"
                )


def _line(tab: TableTab, place: TabPlace, add: Add) -> Iterator[tuple[int, Json]]:
    """A new row's contents (ExtendedValue) by column: ours, not the user's."""
    for column in tab.columns:
        at = place.columns.get(column.id)
        if at is not None and column.synced:
            yield at, encode(add.values.get(column.id))


def time_formats(tab: TableTab, place: TabPlace, index: int, count: int) -> Iterator[Json]:
    """The requests that make times look like times in rows that do not look like ours."""
    for column in tab.columns:
        if column.type is CellType.TIME and column.id in place.columns:
            cell = Cell(sheet_id=place.sheet_id, row=index, column=place.columns[column.id])
            yield {
                "repeatCell": {
                    "range": area(cell, count, 1),
                    "cell": {"userEnteredFormat": number_format(column.format)},
                    "fields": "userEnteredFormat.numberFormat",
                }
            }
