"""What a template gained since a workbook was made, brought into the workbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cqs_sheets.core.rows.plan import NewColumn, Plan
from cqs_sheets.core.rows.upgrade import ids_by_tab
from cqs_sheets.core.templates.template import SettingsTab, TableTab, Template
from cqs_sheets.destinations.excel.edit.newcolumns import Outcome, add_columns
from cqs_sheets.destinations.excel.edit.newsettings import add_settings
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.read.place import marked_place, marked_volumes


def upgrade(draft: Draft, plan: Plan) -> tuple[set[NewColumn], list[str]]:
    """Make a plan's new columns and settings; returns those that could not be, and what to tell the user.

    In a tab that the user deleted nothing is made.
    """
    left_out: set[NewColumn] = set()
    warnings: list[str] = []
    for tab_name, new in ids_by_tab(plan).items():
        for outcome in _made(draft, plan.template, tab_name, new):
            left_out |= {NewColumn(tab_name, column) for column in outcome.left_out}
            warnings += outcome.warnings
    return left_out, warnings


def _made(draft: Draft, template: Template, tab_name: str, new: Sequence[str]) -> Iterator[Outcome]:
    tab = template.tab(tab_name)
    workbook = Workbook(draft)
    if isinstance(tab, SettingsTab):
        yield add_settings(draft, workbook, template, tab, new)
        workbook.save()
    elif isinstance(tab, TableTab):
        for volume in marked_volumes(workbook, tab):
            if place := marked_place(workbook, volume):
                yield add_columns(draft, workbook, template, place, new)
                workbook.save()
