"""A tab that grew too large goes on in another one: `Signals`, then `Signals 2`, `Signals 3`...

Google limits the cells of a whole spreadsheet, not of a tab. Half of them in one tab is where opening
and sorting it takes minutes already, so there a new one begins. When the spreadsheet itself is full,
no tab helps: that is told (see failures.full), and the rows wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cqs_sheets.core.rows.plan import Add
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace, volume_name

MOST_TAB_CELLS = 5_000_000

_ROWS_ABOVE = 3  # of a tab just made, the spare one counted in


def portions(
    tab: TableTab, adds: Sequence[Add], layout: Layout, most_cells: int
) -> Iterator[tuple[TableTab, Sequence[Add]]]:
    """New rows with the volume of the tab (by its name) that they go to; the last ones may not be made yet."""
    number = max(1, sum(1 for _ in layout.volumes(tab.name)))
    while adds:
        name = volume_name(tab.name, number)
        room = _room(tab, layout.tabs.get(name), most_cells)
        if room:
            yield replace(tab, name=name, mark=volume_name(tab.mark_name, number)), adds[:room]
        adds, number = adds[room:], number + 1


def _room(tab: TableTab, place: TabPlace | None, most_cells: int) -> int:
    """The rows that a volume can still take; one that is not made takes at least one."""
    if place is None:
        return max(1, most_cells // len(tab.columns) - _ROWS_ABOVE)
    return max(0, most_cells // place.column_count - place.row_count)
