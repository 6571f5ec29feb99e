"""A tab that is full goes on in another one: `Signals`, then `Signals 2`, `Signals 3`..."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations.excel.parts.names import column_name
from cqs_sheets.destinations.excel.parts.refs import MAX_ROW
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.read.place import Place
from cqs_sheets.destinations.excel.read.scan import Scan


def volumes(workbook: Workbook, tab: TableTab) -> Iterator[TableTab]:
    """The tab itself, and those that it was continued in."""
    yield tab
    names = workbook.global_names()
    number = 2
    while column_name((volume := volume_of(tab, number)).name, tab.key).lower() in names:
        yield volume
        number += 1


def has_room(place: Place, found: Scan, count: int) -> bool:
    """Whether a tab takes `count` more rows before Excel's last one; what stands below may have to move."""
    totals = place.table.totals_rows if place.table else 0
    below = found.bottom if found.occupied or totals else 0
    return max(found.last, below) + count + totals <= MAX_ROW


def volume_of(tab: TableTab, number: int) -> TableTab:
    """The tab under the name of its volume of that number, from 2 on."""
    return replace(tab, name=f"{tab.name} {number}")
