"""A tab that is full goes on in another one: `Signals`, then `Signals 2`, `Signals 3`..."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cqs_sheets.core.template import TableTab, Template
from cqs_sheets.destinations.excel import graft
from cqs_sheets.destinations.excel.names import column_name
from cqs_sheets.destinations.excel.package import Draft
from cqs_sheets.destinations.excel.place import Place
from cqs_sheets.destinations.excel.refs import MAX_ROW
from cqs_sheets.destinations.excel.scan import Scan
from cqs_sheets.destinations.excel.workbook import Workbook


def volumes(workbook: Workbook, tab: TableTab) -> Iterator[TableTab]:
    """The tab itself, and those that it was continued in."""
    yield tab
    names = workbook.global_names()
    number = 2
    while column_name((volume := _volume(tab, number)).name, tab.key).lower() in names:
        yield volume
        number += 1


def has_room(place: Place, found: Scan, count: int) -> bool:
    """Whether a tab takes `count` more rows before Excel's last one; what stands below may have to move."""
    totals = place.table.totals_rows if place.table else 0
    below = found.bottom if found.occupied or totals else 0
    return max(found.last, below) + count + totals <= MAX_ROW


def add_volume(draft: Draft, template: Template, tab: TableTab, number: int) -> TableTab:
    """Continue a tab in a new sheet of the draft."""
    volume = _volume(tab, number)
    graft.add_tabs(draft, replace(template, tabs=(*template.tabs, volume)), [volume.name])
    return volume


def _volume(tab: TableTab, number: int) -> TableTab:
    return replace(tab, name=f"{tab.name} {number}")
