"""Proving that a journal is whole, keeping it small, and the doors for another one.

SQLite finds nothing wrong with planted views, absurd times and unreadable values, which would stop a later command.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

from cqs_sheets.core.signals.signal import Status, exact_decimal
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import model, opening
from cqs_sheets.journal.copying import copy_journal, merge_journal
from cqs_sheets.journal.database import Database, version_of
from cqs_sheets.journal.model import JournalPlace, Merged, Pruned, to_stamp
from cqs_sheets.journal.schema import MIGRATIONS

# Each query yields what is wrong, as text.
_CHECKS = (
    """SELECT 'signal ' || s.id || ': its current revision ' || s.revision || ' is missing' FROM signals s
        WHERE NOT EXISTS (
            SELECT 1 FROM revisions r WHERE r.arrival = s.arrival AND r.revision = s.revision)""",
    """SELECT 'signal ' || s.id || ': a revision before ' || max(r.revision) || ' is missing'
        FROM revisions r JOIN signals s USING (arrival) GROUP BY s.id, r.arrival
        HAVING max(r.revision) - min(r.revision) + 1 <> count(*)""",
    """SELECT 'signal ' || s.id || ': revision ' || r.revision || ' is newer than the current one'
        FROM revisions r JOIN signals s USING (arrival) WHERE r.revision > s.revision""",
    """SELECT 'signal ' || s.id || ': no feed ever showed it' FROM signals s
        WHERE NOT EXISTS (SELECT 1 FROM members m WHERE m.arrival = s.arrival)""",
    """SELECT 'target ' || t.name || ': signal ' || s.id || ' was delivered at revision ' || d.revision
            || ', which never was'
        FROM delivered d JOIN signals s USING (arrival) JOIN targets t ON t.id = d.target
        WHERE d.revision > s.revision""",
    """SELECT 'feed ' || f.name || ': covered stretches overlap' FROM coverage c JOIN feeds f ON f.id = c.feed
        WHERE EXISTS (SELECT 1 FROM coverage o
            WHERE o.feed = c.feed AND o.end_at > c.end_at AND o.start_at <= c.end_at)""",
)


_TEXTS = (
    "SELECT name, selection FROM feeds",
    "SELECT name, selection, version, shape, word, writer FROM targets",
    "SELECT signal_id, reason, raw FROM rejects",
    "SELECT outcome FROM polls",
    "SELECT word FROM stamps",
)
_REVISIONS = """SELECT s.arrival, s.feed_table, s.id, s.first_seen, r.status, r.last_seen, r.revision, r.content
    FROM signals s JOIN revisions r USING (arrival)"""
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


class Upkeep:
    """The part of a Journal that proves it whole, keeps it small and takes in another."""

    _database: Database

    def verify(self) -> list[str]:
        """What is wrong with the journal, one line each; nothing for a whole one."""
        damage, unreadable = self._database.damage()
        if unreadable:
            return damage
        damage += _in_schema(self._database)
        if damage:
            return damage
        found = [line for check in _CHECKS for (line,) in self._database.execute(check)]
        return found + _in_values(self._database)

    def cautions(self) -> list[tuple[str, str]]:
        """What is unsafe about how the journal is reached, each with what mends it."""
        return self._database.cautions()

    def copy_from(self, place: JournalPlace, *, here: str) -> dict[str, int]:
        """Fill this empty journal with the whole of another, all or nothing, and compare both; rows by table.

        `here` is this machine's name: a file of its own knows workbooks by their paths alone. Raises DataRefused
        if this one is not empty, or does not hold the same in the end.
        """
        with opening.for_reading(place) as other, self._database.transaction():
            counts = copy_journal(other, self._database)
            if not self._database.shared:
                begin = f"{here}:"
                self._database.change(
                    "UPDATE targets SET name = substr(name, ?) WHERE substr(name, 1, ?) = ?",
                    (len(begin) + 1, len(begin), begin),
                )
        return counts

    def prune(self, before: datetime) -> Pruned:
        """Drop raw answers, polls, rejects and superseded revisions of before that time, and shrink the file.

        Signals, their current values, outcomes, coverage and what was delivered are never dropped.
        """
        moment = {"before": to_stamp(before)}
        with self._database.transaction():
            pruned = Pruned(
                answers=self._database.change(
                    "DELETE FROM answers WHERE at < :before AND poll IS NOT NULL", moment
                ),
                polls=self._database.change(
                    "DELETE FROM polls WHERE at < :before "
                    "AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.poll = polls.id)",
                    moment,
                ),
                revisions=self._database.change(
                    "DELETE FROM revisions WHERE at < :before "
                    "AND revision < (SELECT s.revision FROM signals s WHERE s.arrival = revisions.arrival)",
                    moment,
                ),
                rejects=self._database.change("DELETE FROM rejects WHERE at < :before", moment),
            )
            self._database.change("DELETE FROM outbox WHERE at < :before", moment)
        self._database.shrink()
        return pruned

    def changes(self) -> tuple[int, ...]:
        """Numbers that differ once a signal, its outcome or what was delivered has changed: no poll, no price does."""
        counted = ("revision", "signals"), ("revision", "delivered"), ("done", "outcomes")
        rows = [
            self._database.execute(f"SELECT count(*), coalesce(sum({what}), 0) FROM {table}")  # noqa: S608
            for what, table in counted
        ]
        return tuple(int(number) for [row] in rows for number in row)

    def move_folder(self, old: str, new: str) -> None:
        """Know the workbooks and configs under the folder `old` by where they lie now, under `new`."""
        for table, column in (("targets", "name"), ("alerts", "config")):
            rows = self._database.execute(f"SELECT id, {column} FROM {table}")  # noqa: S608 - constants
            known = {name for _, name in rows}
            for row, name in rows:
                moved = f"{new}/{name.removeprefix(f'{old}/')}"
                if name.startswith(f"{old}/") and moved not in known:
                    self._database.change(f"UPDATE {table} SET {column} = ? WHERE id = ?", (moved, row))  # noqa: S608

    def take_in(self, path: JournalPlace, *, own: bool = False) -> Merged:
        """Take in another machine's journal, all or nothing; of what both hold, the later word counts.

        Targets are offered what is new. Of alerts that both know, each thing is told once; where the other is what
        this machine itself knew (`own`), all its alerts go on here. The other file is left as it is. Raises
        DataRefused if it is no journal, or holds what would stop a later command.
        """
        with sound(path) as other:
            return merge_journal(self._database, other, own=own)


@contextmanager
def sound(path: JournalPlace) -> Iterator[Database]:
    """Another's journal, to read; DataRefused if it holds what would stop a later command."""
    with opening.for_reading(path, check=_refuse_strange) as other:
        _refuse(other.name, other.damage()[0])
        _refuse(other.name, _in_values(other))
        yield other


def _refuse_strange(other: Database) -> None:
    _refuse(other.name, _in_schema(other))


def _refuse(name: str, problems: Sequence[str]) -> None:
    if problems:
        raise DataRefused(
            f"{name} is no journal that can be taken in: {'; '.join(problems[:3])}.",
            meaning="Nothing was taken in.",
            hint="Run `cqs-sheets journal verify` on the machine it is from, or export what it holds.",
        )


def _in_schema(database: Database) -> list[str]:
    """Tables that are missing or others, and views and triggers, which no version ever made."""
    if database.shared:
        return []  # only whoever owns it can change its tables
    made, expected = _schema(database), _expected(version_of(database))
    return [
        *(f"{kind} {name} is missing or not as it was made" for kind, name, _ in sorted(expected - made)),
        *(f"{kind} {name} was put there by another program" for kind, name, _ in sorted(made - expected)),
    ][:_MOST]


def _in_values(database: Database) -> list[str]:
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
