"""Rows of a tab of the user's own for the signals that they took there: each once, whatever becomes of it later.

That it was made is noted in the signal's own row, by the same write: so whoever looks at the target next,
on whatever machine, knows it, and a version that the user went back to knows as much as it holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from cqs_sheets.core.cells import CellValue, id_cell, is_alike, is_changed, key_text
from cqs_sheets.core.plan.facts import Where
from cqs_sheets.core.plan.plan import Add, HeldRow, NewColumn, Snapshot, TabState, Update, new_columns
from cqs_sheets.core.plan.rows import Keys, column_of, signal_of
from cqs_sheets.core.signals.fields import JOURNALED
from cqs_sheets.core.signals.signal import FeedTable, SignalKey
from cqs_sheets.core.templates.template import TableTab, Takes, Template

_DONE = "yes"

Entries = Mapping[str, Sequence[Mapping[str, CellValue]]]
"""The rows of the user's own tabs that have a key: by tab the cells, by column id."""


class Taken(NamedTuple):
    """The rows to add for signals that were taken, and the notes of it in these signals' rows."""

    adds: tuple[Add, ...] = ()
    notes: tuple[Update, ...] = ()


def taking_tabs(template: Template) -> Iterator[tuple[TableTab, Takes]]:
    """The tabs that take signals."""
    for tab in template.tables:
        if tab.takes:
            yield tab, tab.takes


def choices(template: Template) -> dict[str, Where]:
    """The rows of signals that the user took, and that nothing was made of yet, by fed tab."""
    return {
        fed.name: Where(column, _spellings(takes.choice), column_of(fed, JOURNALED) or "")
        for _, takes in taking_tabs(template)
        for name, column in takes.by.items()
        if isinstance(fed := template.tab(name), TableTab)
    }


def entry_columns(template: Template) -> dict[str, tuple[str, ...]]:
    """What must be known of the rows that are there: tab -> its columns."""
    return {
        tab.name: (tab.key, takes.table) if takes.table else (tab.key,)
        for tab, takes in taking_tabs(template)
    }


def own_keys(template: Template, chosen: Keys) -> Keys:
    """What the rows of the user's own tabs could be called, if any were chosen: these tabs must be read."""
    found: dict[str, set[str]] = {}
    for own, takes in taking_tabs(template):
        for name in takes.by:
            fed = template.tab(name)
            if isinstance(fed, TableTab):
                ids = {signal_of(fed, key).id for key in chosen.get(name, ())}
                found.setdefault(own.name, set()).update(ids)
    return {name: ids for name, ids in found.items() if ids}


def taken(snapshot: Snapshot, chosen: Keys, entries: Entries) -> Taken:
    """What becomes of rows that were `chosen`, and have been read since: a new row if there is none of the signal.

    Nothing where the user's own tab, or the column for the notes, is not there.
    """
    template = snapshot.bindings.template
    adds: list[Add] = []
    notes: list[Update] = []
    made = set(new_columns(snapshot))
    for own, takes in taking_tabs(template):
        state = snapshot.tabs.get(own.name)
        if state is None or own.key not in state.columns:
            continue
        for fed, key, note in _undone(template, takes, snapshot, chosen, made):
            notes.append(Update(tab=fed.name, key=key, column=note, old=None, new=_DONE))
            signal = signal_of(fed, key)
            if not any(_is_of(own, takes, entry, signal) for entry in entries.get(own.name, ())):
                adds.append(_row(own, takes, state, signal))
    return Taken(tuple(adds), tuple(notes))


def _undone(
    template: Template, takes: Takes, snapshot: Snapshot, chosen: Keys, made: Collection[NewColumn]
) -> Iterator[tuple[TableTab, str, str]]:
    """The rows to be taken, oldest first: their tab, key, and the column of the note."""
    for name, column in takes.by.items():
        fed, state = template.tab(name), snapshot.tabs.get(name)
        note = column_of(fed, JOURNALED) if isinstance(fed, TableTab) else None
        if not isinstance(fed, TableTab) or state is None or note is None:
            continue
        if note not in state.columns and NewColumn(name, note) not in made:
            continue
        found = {key: state.rows[key] for key in chosen.get(name, ()) if key in state.rows}
        for key in sorted(found, key=lambda each: found[each].row, reverse=fed.new_rows == "top"):
            if (
                not is_changed(key)
                and _is_chosen(found[key], column, takes)
                and not found[key].values.get(note)
            ):
                yield fed, key, note


def _spellings(choice: str) -> frozenset[str]:
    return frozenset({choice, choice.lower(), choice.upper(), choice.capitalize()})


def _is_chosen(row: HeldRow, column: str, takes: Takes) -> bool:
    return key_text(row.values.get(column)) in _spellings(takes.choice)


def _is_of(own: TableTab, takes: Takes, entry: Mapping[str, CellValue], signal: SignalKey) -> bool:
    """Whether a row that is there is the user's entry of a signal: its id, with its table, or with none."""
    text = key_text(entry.get(own.key)) or ""
    table = (key_text(entry.get(takes.table)) or "").casefold()
    for each in FeedTable:
        if text.casefold().startswith(f"{each.value}:"):
            table, text = each.value, text[len(each.value) + 1 :]
    return table in ("", signal.table.value) and is_alike(text, signal.id)


def _row(own: TableTab, takes: Takes, state: TabState, signal: SignalKey) -> Add:
    """The new row; without a column for the table the key says whose id it is, where it must."""
    id_ = signal.id
    values: dict[str, CellValue] = {}
    if takes.table in state.columns:
        values[takes.table] = signal.table.value
    elif signal.table is not FeedTable.MAIN:
        id_ = f"{signal.table.value}:{id_}"
    return Add(tab=own.name, key=id_, values={own.key: id_cell(id_), **values})
