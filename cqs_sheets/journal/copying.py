"""A journal's rows carried to another engine, and both compared; and another machine's journal merged into one."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from cqs_sheets.core.signals.coverage import Window, is_of_another_pair, is_second_life
from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import records
from cqs_sheets.journal.database import Database, migrate
from cqs_sheets.journal.model import Merged, from_stamp, to_stamp
from cqs_sheets.journal.outbox_merging import take_outbox
from cqs_sheets.journal.outcomes import take_outcomes
from cqs_sheets.values import replace

_ALL = records.KNOWN.format(by="") + "true ORDER BY s.arrival"
_POLL = "at, window_start, window_end, outcome, sure, new, changed, closed, aged, rejected"


class TableShape(NamedTuple):
    """A table's columns, those of its key first (or all, if it has none)."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


def tables() -> Mapping[str, TableShape]:
    """Every table of a journal, each after those that it refers to."""
    model = Database(":memory:", name="the journal's model")
    try:
        migrate(model)
        names = model.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
        return {name: _table(model, name) for (name,) in names if not name.startswith("sqlite_")}
    finally:
        model.close()


def _table(model: Database, name: str) -> TableShape:
    found = model.execute("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", (name,))
    columns = tuple(column for column, _ in found)
    key = tuple(column for column, place in sorted(found, key=lambda one: one[1]) if place)
    return TableShape(columns, key or columns)


def copy_rows(source: Database, target: Database, leave_out: Collection[str] = ()) -> None:
    """Copy all rows as they are into empty tables."""
    for name, table in tables().items():
        if name not in leave_out:
            places = ", ".join("?" * len(table.columns))
            sql = f"INSERT INTO {name} ({', '.join(table.columns)}) VALUES ({places})"  # noqa: S608
            target.change_many(sql, _rows(source, name, table))


def copy_journal(source: Database, target: Database) -> dict[str, int]:
    """Copy a whole journal into an empty one, all or nothing, and compare both; how many rows each table has.

    Raises DataRefused if the target holds something, or does not hold the same in the end.
    """
    with target.transaction():
        for name in tables():
            if target.execute(f"SELECT 1 FROM {name} LIMIT 1"):  # noqa: S608
                raise DataRefused(
                    f"{target.name} holds a journal already.",
                    meaning="Nothing was copied.",
                    hint="Copy into an empty one, or take the other in with `cqs-sheets journal import`.",
                )
        copy_rows(source, target)
        counts = {}
        for name, table in tables().items():
            counts[name], theirs = _digest(source, name, table)
            if (counts[name], theirs) != _digest(target, name, table):
                raise DataRefused(
                    f"{target.name} would not hold the same as {source.name}: {name} differs.",
                    meaning="Nothing was copied; the source is as it was.",
                    hint="Stop what writes to the source while it is copied, then try again.",
                )
    return counts


def _rows(database: Database, name: str, table: TableShape) -> Iterator[tuple[object, ...]]:
    order = ", ".join(table.key)
    yield from database.iterate(f"SELECT {', '.join(table.columns)} FROM {name} ORDER BY {order}")  # noqa: S608


def _digest(database: Database, name: str, table: TableShape) -> tuple[int, str]:
    """How many rows a table has, and a digest of all their values in the order of the key."""
    count, digest = 0, hashlib.sha256()
    for row in _rows(database, name, table):
        count += 1
        digest.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
    return count, digest.hexdigest()


def merge_journal(database: Database, other: Database, *, own: bool) -> Merged:
    """Take in everything of `other`, in one transaction; `own`: it is what this machine itself knew."""
    with database.transaction():
        feeds = {
            theirs: records.feed_id(database, name, selection)
            for theirs, name, selection in other.execute("SELECT id, name, selection FROM feeds")
        }
        new = changed = 0
        second_lives = list[Signal]()
        arrivals = dict[int, int]()
        for row in other.iterate(_ALL):
            theirs = records.known_from(row)
            before = records.lives(database, theirs.record.signal.key)
            ours = _same_life(before, theirs)
            if ours is None:
                record = _add(database, other, theirs, feeds, before)
                arrival = record.arrival
                new += 1
                second_lives += [record.signal] if before else []
            else:
                arrival = ours.record.arrival
                changed += _bring_up_to_date(database, ours, theirs, feeds)
            _join_feeds(database, other, theirs, arrival, feeds)
            take_outcomes(database, other, theirs, ours, arrival)
            arrivals[theirs.record.arrival] = arrival
        _cover(database, other, feeds)
        take_outbox(database, other, arrivals, own=own)
        polls = _keep_polls(database, other, feeds)
        _keep_undigested(database, other)
    return Merged(new=new, changed=changed, polls=polls, second_lives=tuple(second_lives))


def _same_life(ours: Sequence[records.Known], theirs: records.Known) -> records.Known | None:
    """Which of our signals of an id theirs is; None if it is another one."""
    signal = theirs.record.signal
    for each in ours:
        mine = each.record.signal
        if mine.timestamp == signal.timestamp and not is_of_another_pair(mine, signal):
            return each
    return next((each for each in ours if not (_is_after(each, theirs) or _is_after(theirs, each))), None)


def _is_after(earlier: records.Known, later: records.Known) -> bool:
    record = later.record
    return is_second_life(earlier.record, earlier.seen_at, record.signal, record.first_seen)


def _add(
    database: Database,
    other: Database,
    theirs: records.Known,
    feeds: Mapping[int, int],
    before: Sequence[records.Known],
) -> Record:
    """Make their signal ours, beside those that we have of its id; what it is here."""
    signal = theirs.record.signal
    record = replace(
        theirs.record,
        signal=replace(signal, key=records.next_life(before, signal.key)),
        arrival=_free_arrival(database, theirs.record.arrival),
    )
    records.insert(database, record, theirs.seen_at, feeds[theirs.seen_feed])
    rows = other.execute(
        "SELECT ?, revision, at, status, last_seen, content FROM revisions WHERE arrival = ?",
        (record.arrival, theirs.record.arrival),
    )
    database.change_many(
        "INSERT INTO revisions (arrival, revision, at, status, last_seen, content) VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )
    return record


def _free_arrival(database: Database, wanted: int) -> int:
    """Theirs, or the first one after it that nothing here has."""
    while database.execute("SELECT 1 FROM signals WHERE arrival = ?", (wanted,)):
        wanted += 1
    return wanted


def _bring_up_to_date(
    database: Database, ours: records.Known, theirs: records.Known, feeds: Mapping[int, int]
) -> bool:
    """Take over what they knew later; whether that changed anything a sheet could show."""
    first_seen = to_stamp(min(ours.record.first_seen, theirs.record.first_seen))
    database.change("UPDATE signals SET first_seen = ? WHERE arrival = ?", (first_seen, ours.record.arrival))
    if theirs.seen_at > ours.seen_at:
        records.touch(database, ours, theirs.seen_at, feeds[theirs.seen_feed])
    record = _merged(ours, theirs)
    if record is ours.record:
        return False
    records.revise(database, record, max(ours.revised_at, theirs.revised_at))
    return True


def _merged(ours: records.Known, theirs: records.Known) -> Record:
    """Our record with what they know better; the very same object if that is nothing.

    The values are those of whoever saw the signal last; how it stands is what was told last.
    """
    last, before = (theirs, ours) if theirs.seen_at > ours.seen_at else (ours, theirs)
    told = theirs if theirs.as_of > ours.as_of else ours
    signal, status = replace(last.record.signal, key=ours.record.signal.key), told.record.status
    if signal.leverage is None:  # only answers filtered by a futures exchange carry it
        signal = replace(signal, leverage=before.record.signal.leverage)
    last_seen = None if status is Status.OPEN else last.seen_at
    found = replace(ours.record, signal=signal, status=status, last_seen=last_seen)
    return ours.record if found == ours.record else replace(found, revision=found.revision + 1)


def _join_feeds(
    database: Database, other: Database, theirs: records.Known, arrival: int, feeds: Mapping[int, int]
) -> None:
    members = other.execute("SELECT feed FROM members WHERE arrival = ?", (theirs.record.arrival,))
    news = [records.join(database, arrival, feeds[feed]) for (feed,) in members]
    if any(news):
        records.offer_again(database, arrival)


def _cover(database: Database, other: Database, feeds: Mapping[int, int]) -> None:
    for feed, start, end in other.execute("SELECT feed, start_at, end_at FROM coverage"):
        records.extend_coverage(database, feeds[feed], Window(from_stamp(start), from_stamp(end)))


def _keep_polls(database: Database, other: Database, feeds: Mapping[int, int]) -> int:
    """How many polls were not known here."""
    known_here = set(database.iterate("SELECT feed, at FROM polls"))
    polls = other.iterate(f"SELECT feed, {_POLL} FROM polls ORDER BY id")  # noqa: S608 - a constant
    new = [(feeds[feed], *rest) for feed, *rest in polls if (feeds[feed], rest[0]) not in known_here]
    database.change_many(
        f"INSERT INTO polls (feed, {_POLL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        new,
    )
    return len(new)


def _keep_undigested(database: Database, other: Database) -> None:
    """Take over the answers that their run was killed before it could read."""
    known = set(database.iterate("SELECT feed, at, request FROM answers"))
    rows = other.execute("SELECT feed, at, request, body FROM answers WHERE poll IS NULL")
    new = [row for row in rows if row[:3] not in known]
    database.change_many("INSERT INTO answers (feed, at, request, body) VALUES (?, ?, ?, ?)", new)
