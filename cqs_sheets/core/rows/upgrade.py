"""What a template has that a living target was never given: new columns, settings and tabs.

A target keeps a record of what was ever made in it. Only that record can tell a column that is new
in the template, which is to be added, from one that the user deleted, which must not come back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping

from cqs_sheets.core.rows.plan import NewColumn, Plan
from cqs_sheets.core.rows.table import Made, Table
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


def new_tabs(template: Template, table: Table) -> Iterator[str]:
    """Tabs never made there, in order; none where a tab is the user's own.

    Those made when needed come with their first row.
    """
    if table.made is None or USERS_OWN in table.made.values():
        return
    for tab in template.tabs:
        optional = isinstance(tab, TableTab) and tab.when_needed
        if tab.name not in table.made and not optional:
            yield tab.name


def new_columns(template: Template, table: Table) -> Iterator[NewColumn]:
    """Columns and settings never made in a tab that we made, in order."""
    for tab in template.tabs:
        made = (table.made or {}).get(tab.name, USERS_OWN)
        if made == USERS_OWN:
            continue
        if isinstance(tab, TableTab):
            yield from (NewColumn(tab.name, column.id) for column in tab.columns if column.id not in made)
        elif isinstance(tab, SettingsTab):
            yield from (NewColumn(tab.name, each.name) for each in tab.settings if each.name not in made)


def made_after(plan: Plan, made_tabs: Collection[str], left_out: Collection[NewColumn] = ()) -> Made:
    """The record to leave with a write that made `made_tabs`, and the plan's new columns but those left out.

    A tab found by its headers is the user's own. All else is settled with the first record, also what
    was not made; but for tabs made when needed.
    """
    record = dict(plan.table.made or {})
    for tab in plan.template.tabs:
        state = plan.table.tabs.get(tab.name)
        optional = isinstance(tab, TableTab) and tab.when_needed
        if tab.name in made_tabs:
            record[tab.name] = parts(tab)
        elif tab.name not in record and (state or not optional):
            record[tab.name] = parts(tab) if state is None or state.bound else USERS_OWN
    for new in plan.new_columns:
        if new not in left_out:
            record[new.tab] |= {new.column}
    return record


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
