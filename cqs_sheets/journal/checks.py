"""What would stop a later command though SQLite finds nothing wrong: planted views, absurd times, unreadable values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from cqs_sheets.core.signals.signal import Status, exact_decimal
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import model
from cqs_sheets.journal.database import Database, version_of
from cqs_sheets.journal.schema import MIGRATIONS

_MOST = 10  # findings of a kind: whoever planted one may have planted a million
_TIMES = {
    "polls": ("at", "window_start", "window_end"),
    "answers": ("at",),
    "coverage": ("start_at", "end_at"),
    "rejects": ("at",),
    "signals": ("timestamp", "first_seen", "last_seen", "seen_at"),
    "revisions": ("at", "last_seen"),
    "targets": ("last_write", "last_heartbeat"),
}
_COUNTERS = {
    "signals": ("arrival", "change", "revision"),
    "revisions": ("revision",),
    "targets": ("sequence", "cursor", "stamp"),
    "delivered": ("revision", "added", "last"),
    "stamps": ("number",),
}
_FIRST, _LAST = 946_684_800_000_000, 7_258_118_400_000_000  # the years 2000 to 2199, as for times of the API
_LARGEST = 1 << 53
_LONGEST_ID = 250
_LONGEST_TEXT = 100_000


def in_schema(database: Database) -> list[str]:
    """Tables that are missing or others, and views and triggers, which no version ever made."""
    if database.shared:
        return []  # only whoever owns it can change its tables
    made, expected = _schema(database), _expected(version_of(database))
    return [
        *(f"{kind} {name} is missing or not as it was made" for kind, name, _ in sorted(expected - made)),
        *(f"{kind} {name} was put there by another program" for kind, name, _ in sorted(made - expected)),
    ][:_MOST]


def in_values(database: Database) -> list[str]:
    """Times, numbers and ids out of all bounds, and rows that cannot be read. Reads every row."""
    return [*_out_of_bounds(database), *islice(_unreadable(database), _MOST)]


def _schema(database: Database) -> frozenset[tuple[str, str, str]]:
    """Type, name and columns of everything but SQLite's own."""
    listed = database.execute(
        "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    return frozenset(
        (kind, name, _columns(database, name) if kind == "table" else "") for kind, name in listed
    )


def _columns(database: Database, table: str) -> str:
    found = database.execute("SELECT name, type, hidden FROM pragma_table_xinfo(?) ORDER BY cid", (table,))
    return repr(found)


@cache
def _expected(version: int) -> frozenset[tuple[str, str, str]]:
    fresh = Database(":memory:", name="")
    try:
        for migration in MIGRATIONS[:version]:
            for statement in migration:
                fresh.execute(statement)
        return _schema(fresh)
    finally:
        fresh.close()


def _out_of_bounds(database: Database) -> Iterator[str]:
    for table, columns in _TIMES.items():
        for column in columns:
            yield from _counted(
                database,
                table,
                f"{column} NOT BETWEEN {_FIRST} AND {_LAST}",
                f"{column} is no time of this age",
            )
    for table, columns in _COUNTERS.items():
        for column in columns:
            yield from _counted(
                database,
                table,
                f"{column} NOT BETWEEN 0 AND {_LARGEST}",
                f"{column} is no number to count by",
            )
    unknown = " AND ".join(f"status <> '{status}'" for status in Status)
    yield from _counted(database, "signals", unknown, "the status is none")
    odd_id = f"length(id) NOT BETWEEN 1 AND {_LONGEST_ID}"
    odd_id += "" if database.shared else " OR instr(id, char(0)) > 0"  # which PostgreSQL has in no text
    yield from _counted(database, "signals", odd_id, "the id is empty, or none that a sheet could hold")


def _counted(database: Database, table: str, condition: str, what: str) -> Iterator[str]:
    [[count]] = database.execute(f"SELECT count(*) FROM {table} WHERE {condition}")  # noqa: S608 - constants
    if count:
        yield f"{table}: {what} in {count:,} of its rows"


_TEXTS = (
    "SELECT name, selection FROM feeds",
    "SELECT name, selection, version, shape, word, writer FROM targets",
    "SELECT signal_id, reason, raw FROM rejects",
    "SELECT outcome FROM polls",
    "SELECT word FROM stamps",
)
_REVISIONS = """SELECT s.arrival, s.feed_table, s.id, s.first_seen, r.status, r.last_seen, r.revision, r.content
    FROM signals s JOIN revisions r USING (arrival)"""


def _unreadable(database: Database) -> Iterator[str]:
    for query in _TEXTS:
        for _ in database.iterate(query):
            pass  # DataRefused where one is no text
    for row in database.iterate(_REVISIONS):
        try:
            model.record_from(row)
            odd = _odd_value(json.loads(row[-1]))
        except DataRefused:
            odd = "it cannot be read"
        if odd:
            yield f"signal {row[2]:.80}, revision {row[6]}: {odd}"
    for row in database.iterate("SELECT id, feed, at, request, body FROM answers"):
        try:
            model.answer_from(row)
        except DataRefused:
            yield f"answer {row[0]}: it cannot be read"


def _odd_value(content: dict[str, Any]) -> str:
    """What no answer could have brought there, or ""."""
    if not _FIRST <= content["timestamp"] < _LAST:
        return "its time stamp is no time of this age"
    texts = [*(content[name] for name in model.TEXTS), *content.get("flags", ())]
    extra = content.get("extra", {})
    texts += [*extra, *extra.values()]
    if not all(isinstance(text, str) and len(text) <= _LONGEST_TEXT for text in texts):
        return "a text is none, or endless"
    numbers = (content[name] for name in model.NUMBERS if name in content)
    if any(not isinstance(number, str) or exact_decimal(number) is None for number in numbers):
        return "a price is no number"
    return ""
