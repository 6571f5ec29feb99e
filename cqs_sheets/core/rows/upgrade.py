"""What a template has that a living target was never given: new columns, settings and tabs.

A target keeps a record of what was ever made in it. Only that record can tell a column that is new
in the template, which is to be added, from one that the user deleted, which must not come back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping

from cqs_sheets.core.rows.binding import Bindings
from cqs_sheets.core.rows.facts import Made
from cqs_sheets.core.rows.plan import NewColumn, NewTab, Plan, free_title
from cqs_sheets.core.rows.table import Table
from cqs_sheets.core.templates.template import SettingsTab, Tab, TableTab, Template

USERS_OWN = frozenset({"*"})
"""The record of a tab that we found and did not make: nothing is ever added to it."""


def parts(tab: Tab) -> frozenset[str]:
    """What a tab can be given later: the ids of its columns, or the names of its settings."""
    if isinstance(tab, TableTab):
        return frozenset(column.id for column in tab.columns)
    return (
        frozenset(setting.name for setting in tab.settings) if isinstance(tab, SettingsTab) else frozenset()
    )


def new_tabs(template: Template, table: Table, used: Collection[str]) -> Iterator[NewTab]:
    """The tabs to make, in order: `used` ones that are not there, and those that the target was never given.

    The first write makes all but optional ones. Where a tab is the user's own sheet, none is made that no row goes to.
    """
    record = table.made
    if USERS_OWN in (record or {}).values() or table.bindings.adopted:
        record = None
    elif table.sequence is None and record is None:
        record = {}
    taken = list(table.titles)
    for tab in template.tabs:
        optional = isinstance(tab, TableTab) and tab.when_needed
        due = record is not None and _mark(tab) not in record and not optional
        there = tab.name in table.tabs or tab.name in table.bindings.tabs
        if not there and (due or tab.name in used):
            title = free_title(tab.name, taken)
            taken.append(title)
            yield NewTab(tab.name, title)


def new_columns(template: Template, table: Table) -> Iterator[NewColumn]:
    """Columns and settings never made in a tab that we made, in order."""
    for tab in template.tabs:
        made = (table.made or {}).get(_mark(tab), USERS_OWN)
        if made == USERS_OWN:
            continue
        if isinstance(tab, TableTab):
            yield from (NewColumn(tab.name, column.id) for column in tab.columns if column.id not in made)
        elif isinstance(tab, SettingsTab):
            yield from (NewColumn(tab.name, each.name) for each in tab.settings if each.name not in made)


def made_after(plan: Plan, left_out: Collection[NewColumn] = ()) -> Made:
    """The record to leave with a plan's write, which could not make the columns in `left_out`.

    A sheet that was adopted is the user's own. All else is settled with the first record, also what was not
    made; but for tabs made when needed.
    """
    record = dict(plan.table.made or {})
    bindings = plan.table.bindings
    for tab in plan.template.tabs:
        optional = isinstance(tab, TableTab) and tab.when_needed
        if tab.name in bindings.adopted:
            record[_mark(tab)] = USERS_OWN
        elif plan.makes(tab.name) or (
            _mark(tab) not in record and (tab.name in plan.table.tabs or not optional)
        ):
            record[_mark(tab)] = parts(tab)
    for new in plan.new_columns:
        if new not in left_out:
            record[_mark(plan.template.tab(new.tab))] |= {new.column}
    return record


def is_users_own(bindings: Bindings, made: Made | None, tab: TableTab) -> bool:
    """Whether a tab is a sheet of the user's own: its formulas and looks are theirs, too."""
    return tab.name in bindings.adopted or (made or {}).get(tab.mark_name) == USERS_OWN


def _mark(tab: Tab) -> str:
    return tab.mark_name if isinstance(tab, TableTab) else tab.name


def record_text(made: Made) -> str:
    """The record as text, to be kept in the target."""
    return json.dumps({tab: sorted(ids) for tab, ids in made.items()}, separators=(",", ":"))


def record_from(text: str) -> Made | None:
    """The record that `record_text` wrote; None for anything else."""
    try:
        found = json.loads(text)
        return {str(tab): frozenset(map(str, ids)) for tab, ids in found.items()}
    except (ValueError, AttributeError, TypeError):
        return None


def shape(template: Template) -> str:
    """A short text that changes when the template gets (or loses) a tab, a column or a setting."""
    listed = [[tab.name, sorted(parts(tab))] for tab in template.tabs]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


def ids_by_tab(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """The new columns (or settings) of each tab, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for new in plan.new_columns:
        found[new.tab] = (*found.get(new.tab, ()), new.column)
    return found
