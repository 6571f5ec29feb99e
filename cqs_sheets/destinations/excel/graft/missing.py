"""The template's tabs that a workbook does not have yet."""

from __future__ import annotations

from cqs_sheets.core.rows.plan import Plan
from cqs_sheets.core.templates.template import SettingsTab, Tab, TableTab, Template
from cqs_sheets.destinations.excel.graft import tabs as graft
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.strings import SharedStrings
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.read.named import setting_cells
from cqs_sheets.destinations.excel.read.place import find_place, other_tabs


def is_optional(tab: Tab) -> bool:
    """Whether a tab is made only when its first row is written."""
    return isinstance(tab, TableTab) and tab.when_needed


def graft_missing(draft: Draft, plan: Plan) -> list[str]:
    """Add tabs that are not there, and return them: all on our first write, later those that get rows or are new.

    Where a fed tab was found by its headers, the workbook is the user's: it gets none but those with rows.
    """
    workbook = Workbook(draft)
    strings = SharedStrings(draft, workbook.linked("sharedStrings"))
    adopted = any(not state.bound for state in plan.table.tabs.values())
    first = workbook.sequence is None and not adopted
    used = {add.tab for add in plan.adds} | {*plan.new_tabs}
    missing = [
        tab.name
        for tab in plan.template.tabs
        if (tab.name in used or (first and not is_optional(tab)))
        and tab.name not in plan.table.tabs
        and not _is_there(workbook, strings, plan.template, tab)
    ]
    if missing:
        graft.add_tabs(draft, plan.template, missing)
    return missing


def _is_there(workbook: Workbook, strings: SharedStrings, template: Template, tab: Tab) -> bool:
    if isinstance(tab, TableTab):
        return find_place(workbook, strings, tab, other_tabs=other_tabs(template, tab)) is not None
    if isinstance(tab, SettingsTab):
        return bool(setting_cells(workbook, tab))
    return workbook.sheet(tab.name) is not None
