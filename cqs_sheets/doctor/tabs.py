"""A template's tab as it stands in a target: where each column is, and what stands twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cqs_sheets.core.reports.render import plural
from cqs_sheets.core.rows.binding import How
from cqs_sheets.core.rows.upgrade import USERS_OWN
from cqs_sheets.core.templates.template import Column, TableTab
from cqs_sheets.doctor.finding import Finding, ok, warn

_MOST_LINES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TabFacts:
    """`title` is what the tab is called today, `columns` maps a column's id to its letters.

    `how` the sheet was known for the tab. `made` are ids of columns that
    were ever made there, None if that is not on record. `rows` counts the keyed rows, `last_row` is the
    last of them (0: not looked for), `duplicates` maps a key in several rows to these (1-based).
    """

    tab: TableTab
    title: str
    header_row: int
    how: How
    columns: Mapping[str, str]
    rows: int
    duplicates: Mapping[str, Sequence[int]]
    last_row: int = 0
    made: frozenset[str] | None = None


def check_tab(subject: str, facts: TabFacts) -> Iterator[Finding]:
    """The header map, what is missing in it, and keys in more than one row."""
    tab = facts.tab
    there = [column for column in tab.columns if column.id in facts.columns]
    how = (
        "known by hidden marks"
        if facts.how is How.MARKS
        else f"known by {facts.how}; the next sync marks them"
    )
    where = f"tab {facts.title}" + (f" (the template's {tab.name})" if facts.title != tab.name else "")
    yield ok(
        subject,
        "target.columns",
        f"{where}: {plural(facts.rows, 'row')} below the header in row {facts.header_row};"
        f" {len(there)} of {plural(len(tab.columns), 'column')} found, {how}",
        details=[", ".join(f"{facts.columns[column.id]}={column.header}" for column in there)],
    )
    yield from _missing(subject, where, facts)
    yield from _twice(subject, where, facts)


def _missing(subject: str, where: str, facts: TabFacts) -> Iterator[Finding]:
    absent = [column for column in facts.tab.columns if column.id not in facts.columns]
    if not absent:
        return
    if facts.made == USERS_OWN or facts.how is not How.MARKS:
        yield ok(subject, "target.unbound", f"{where}: no header for {_headers(absent)}; not written")
        return
    deleted = [column for column in absent if facts.made is not None and column.id in facts.made]
    if deleted:
        yield ok(subject, "target.deleted", f"{where}: you deleted {_headers(deleted)}; left out since")
    new = [column for column in absent if column not in deleted]
    if new and facts.made is not None:
        what = f"{where}: the template has {_headers(new)} by now."
        yield warn(subject, "target.drift", what, "Nothing to do: the next sync adds them at the right.")
    elif new:
        yield ok(subject, "target.deleted", f"{where}: {_headers(new)} is not there; left out")


def _twice(subject: str, where: str, facts: TabFacts) -> Iterator[Finding]:
    twice = facts.duplicates
    if not twice:
        return
    lines = [f"{key} in rows {', '.join(map(str, rows))}" for key, rows in list(twice.items())[:_MOST_LINES]]
    more = [f"and {len(twice) - _MOST_LINES:,} more"] if len(twice) > _MOST_LINES else []
    yield warn(
        subject,
        "target.duplicates",
        f"{where}: {plural(len(twice), 'key')} in more than one row; only the first is kept up to date.",
        "Delete the rows that are too many.",
        details=[*lines, *more],
    )


def _headers(columns: Sequence[Column]) -> str:
    return ", ".join(column.header for column in columns)
