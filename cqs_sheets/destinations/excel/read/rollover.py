"""A tab that is full goes on in another one: `Signals`, then `Signals 2`, `Signals 3`..."""

from __future__ import annotations

from cqs_sheets.destinations.excel.parts.refs import MAX_ROW
from cqs_sheets.destinations.excel.read.place import Place
from cqs_sheets.destinations.excel.read.scan import Scan


def has_room(place: Place, found: Scan, count: int) -> bool:
    """Whether a tab takes `count` more rows before Excel's last one; what stands below may have to move."""
    totals = place.table.totals_rows if place.table else 0
    below = found.bottom if found.occupied or totals else 0
    return max(found.last, below) + count + totals <= MAX_ROW
