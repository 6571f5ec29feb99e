"""Requests by which a batch fails, all of it, if the columns that it is about stand elsewhere by then.

Where Google does not let an id return within a batch, they mark instead where the batch took them to be.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace
from cqs_sheets.destinations.google.write.todo import Todo

Json = dict[str, Any]


def hold_columns(todo: Todo, layout: Layout, whole: Collection[str]) -> list[Json]:
    """The requests for all tabs that exist and change; of those in `whole` every column is meant."""
    columns = {name: set(layout.tabs[name].ids) for name in whole if name in layout.tabs}
    for update in todo.updates:
        if place := layout.holder(update.tab, update.key):
            columns.setdefault(place.name, set()).add(update.column)
    for wrong in todo.undo:
        if place := layout.sheet(wrong.patch.cell.sheet_id):
            columns.setdefault(place.name, set()).add(wrong.patch.column)
    held = [request for name, found in columns.items() for request in _held(layout.tabs[name], found, layout)]
    return [marks.unpin(), *held] if layout.loose and held else held


def _held(place: TabPlace, columns: Collection[str], layout: Layout) -> list[Json]:
    """The last column is always among them, as it moves when another is deleted; so is the edge of the grid.

    Metadata goes with its column: where the last one is deleted, nothing is left that could be held,
    and what stood beside it takes its place. But then the grid has a column less.
    """
    if not place.ids:
        return []
    last = max(place.ids, key=place.columns.__getitem__)
    keyed = {column for column in place.ids if place.columns[column] == place.key_column}
    requests = marks.touch(place.sheet_id, place.column_count - 1)
    for column in sorted({last, *keyed, *columns} & place.ids.keys()):
        value, at = f"{place.mark}.{column}", place.columns[column]
        if layout.loose:
            requests.append(marks.pin(value, place.sheet_id, at))
        else:
            requests += marks.hold(place.ids[column], value, place.sheet_id, at)
    return requests
