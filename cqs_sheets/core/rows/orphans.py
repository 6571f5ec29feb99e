"""Rows that stand open though the journal does not know their signals: it was lost, or another machine wrote them.

Nobody would ever close them. So they become aged: their signals may well be over, and nobody will tell us.
If the API shows one again after all, its row is open again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

from cqs_sheets.core.rows.plan import Update
from cqs_sheets.core.rows.table import Table
from cqs_sheets.core.signals.signal import FeedTable, SignalKey, Status
from cqs_sheets.core.templates.template import TableTab, Template

SETTLED = timedelta(minutes=5)
"""How old a signal is that we would know by now: one that has just come may not have been in our last answer."""

Keys = Mapping[str, Collection[str]]
"""Keys of rows by template tab."""

_STATUS, _TIME, _UID = "status", "timestamp", "uid"


def status_column(tab: TableTab) -> str | None:
    """The id of the column that shows whether a signal is open."""
    return _column(tab, _STATUS)


def signals_of(tab: TableTab, key: str) -> Iterator[SignalKey]:
    """The signals that a row of that key can be of."""
    by_uid = tab.column(tab.key).source == _UID
    for table in sorted(tab.tables):
        prefix = f"{table.value}:" if by_uid and table is not FeedTable.MAIN else ""
        if key.startswith(prefix):
            yield SignalKey(table, key.removeprefix(prefix))


def aged(template: Template, table: Table, orphans: Keys, *, now: datetime, zone: tzinfo) -> Iterator[Update]:
    """What becomes of orphans that have been read, in a table with the clocks of `zone`.

    Where no time of publication stands they are left alone.
    """
    settled = (now - SETTLED).astimezone(zone).replace(tzinfo=None)
    for tab in template.fed_tabs:
        state = table.tabs.get(tab.name)
        status, time = status_column(tab), _column(tab, _TIME)
        if state is None or status is None or time is None:
            continue
        for key in orphans.get(tab.name, ()):
            held = state.rows[key].values if key in state.rows else {}
            published, shown = held.get(time), held.get(status)
            if shown == Status.OPEN.value and isinstance(published, datetime) and published < settled:
                yield Update(tab=tab.name, key=key, column=status, old=shown, new=Status.AGED.value)


def _column(tab: TableTab, source: str) -> str | None:
    return next((column.id for column in tab.columns if column.source == source), None)
