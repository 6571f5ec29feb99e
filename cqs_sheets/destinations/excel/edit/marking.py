"""The hidden names of tabs that are bound to other sheets than before: put there, and taken away elsewhere."""

from __future__ import annotations

from cqs_sheets.core.rows.binding import Bindings
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations.excel.parts.names import column_name, tab_prefix
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.workbook import CellAddress, Workbook
from cqs_sheets.destinations.excel.read.place import marked_volumes


def mark(draft: Draft, bindings: Bindings) -> None:
    """Leave the marks of a workbook as its bindings are: from now on they are what tabs are known by."""
    if not (bindings.dropped or bindings.adopted):
        return
    workbook = Workbook(draft)
    for name in bindings.dropped:
        tab = bindings.template.tab(name)
        for volume in list(marked_volumes(workbook, tab)) if isinstance(tab, TableTab) else ():
            workbook.remove_names(tab_prefix(volume.mark_name))
    for name, binding in bindings.adopted.items():
        tab = bindings.template.tab(name)
        if isinstance(tab, TableTab):
            for column_id, at in binding.columns.items():
                cell = CellAddress(binding.sheet, binding.header_row, at)
                workbook.bind(column_name(tab.mark_name, column_id), cell)
    workbook.save()
