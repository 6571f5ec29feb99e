"""What one poll does to the journal: signals, revisions, membership, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cqs_sheets.core.coverage import MARGIN, REACH, Window, merge
from cqs_sheets.core.history import missing, next_arrival, observe
from cqs_sheets.core.signal import Record, Signal
from cqs_sheets.journal.codec import (
    RECORD,
    RECORD_WIDTH,
    content_of,
    from_stamp,
    maybe_stamp,
    record_from,
    to_stamp,
)
from cqs_sheets.journal.database import Database, Row
from cqs_sheets.journal.model import Poll, PollResult

_KNOWN = f"""SELECT {RECORD}, s.seen_at, s.seen_feed, r.at FROM signals s {{by}}
    JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision WHERE """  # noqa: S608 - no values in it

_BY_KEY = _KNOWN.format(by="") + "s.id = ? AND s.feed_table = ?"

# What an answer may settle: this feed's open signals, its aged ones inside the window, and the open
# ones of feeds that nobody polls any more once the API cannot speak of them. The last two conditions
# leave out what this very answer held, or what a later one told (this may be an old, imported one).
_UNSETTLED = " UNION ALL ".join(
    _KNOWN.format(by="INDEXED BY signals_status") + condition + " AND s.seen_at < :at AND r.at <= :at"
    for condition in (
        "s.status = 'open' AND s.seen_feed = :feed AND s.timestamp <= :end",
        "s.status = 'aged' AND s.seen_feed = :feed AND s.timestamp BETWEEN :sure_start AND :sure_end",
        "s.status = 'open' AND s.seen_feed <> :feed AND s.timestamp < :reach AND s.seen_at < :reach",
    )
)

_NEXT_CHANGE = "(SELECT coalesce(max(change), 0) + 1 FROM signals)"


class _Known(NamedTuple):
    record: Record
    seen_at: datetime
    seen_feed: int
    revised_at: datetime


@dataclass(slots=True)
class _Counts:
    new: int = 0
    changed: int = 0
    closed: int = 0
    aged: int = 0


def feed_id(database: Database, name: str, selection: str) -> int | None:
    """The row of a feed with that selection, if it was ever polled."""
    rows = database.execute("SELECT id FROM feeds WHERE name = ? AND selection = ?", (name, selection))
    return rows[0][0] if rows else None


def record_poll(database: Database, poll: Poll) -> PollResult:
    """Take up one poll in one transaction."""
    with database.transaction():
        feed = feed_id(database, poll.feed, poll.selection) or database.insert(
            "INSERT INTO feeds (name, selection) VALUES (?, ?)", (poll.feed, poll.selection)
        )
        counts = _Counts()
        for signal in poll.signals:
            _take_up(database, feed, poll.at, signal, counts)
        if poll.window is not None:
            _settle(database, feed, poll, poll.window, counts)
            if poll.sure:
                _extend_coverage(database, feed, poll.window)
        _keep_rejects(database, feed, poll)
        _keep_poll(database, feed, poll, counts)
    return PollResult(
        new=counts.new,
        changed=counts.changed,
        closed=counts.closed,
        aged=counts.aged,
        rejected=len(poll.rejects),
        seen=frozenset(signal.key for signal in poll.signals),
    )


def _take_up(database: Database, feed: int, at: datetime, signal: Signal, counts: _Counts) -> None:
    rows = database.execute(_BY_KEY, (signal.key.id, signal.key.table))
    if not rows:
        [[last]] = database.execute("SELECT max(arrival) FROM signals")
        record = observe(None, signal, at, next_arrival(last, at))
        _insert(database, record, at, feed)
        _join(database, record.arrival, feed)
        counts.new += 1
        return
    known = _known_from(rows[0])
    if at >= max(known.seen_at, known.revised_at):  # an older answer, imported late, knows nothing newer
        record = observe(known.record, signal, at, known.record.arrival)
        _touch(database, known, at, feed)
        if record is not known.record:
            _revise(database, record, at)
            counts.changed += 1
    if _join(database, known.record.arrival, feed):  # targets of this feed have not been offered it
        database.change(
            f"UPDATE signals SET change = {_NEXT_CHANGE} WHERE arrival = ?",  # noqa: S608 - a constant
            (known.record.arrival,),
        )


def _settle(database: Database, feed: int, poll: Poll, window: Window, counts: _Counts) -> None:
    """Close or age what the answer did not hold; rejected ids were in it."""
    reach = Window(poll.at - REACH, poll.at)
    present = {reject.id for reject in poll.rejects}
    unsettled = database.execute(
        _UNSETTLED,
        {
            "feed": feed,
            "at": to_stamp(poll.at),
            "end": to_stamp(window.end),
            "sure_start": to_stamp(window.start + MARGIN),
            "sure_end": to_stamp(window.end - MARGIN),
            "reach": to_stamp(reach.start),
        },
    )
    for known in map(_known_from, unsettled):
        if known.record.signal.key.id in present:
            continue
        record = missing(
            known.record, window if known.seen_feed == feed else reach, known.seen_at, sure=poll.sure
        )
        if record is not known.record:
            _revise(database, record, poll.at)
            setattr(counts, record.status, getattr(counts, record.status) + 1)


def _known_from(row: Row) -> _Known:
    seen_at, seen_feed, revised_at = row[RECORD_WIDTH:]
    return _Known(record_from(row[:RECORD_WIDTH]), from_stamp(seen_at), seen_feed, from_stamp(revised_at))


def _insert(database: Database, record: Record, at: datetime, feed: int) -> None:
    key = record.signal.key
    database.insert(
        "INSERT INTO signals (arrival, feed_table, id, timestamp, status, first_seen, revision, change, "  # noqa: S608
        f"seen_at, seen_feed) VALUES (?, ?, ?, ?, ?, ?, ?, {_NEXT_CHANGE}, ?, ?)",
        (
            record.arrival,
            key.table,
            key.id,
            to_stamp(record.signal.timestamp),
            record.status,
            to_stamp(at),
            record.revision,
            to_stamp(at),
            feed,
        ),
    )
    _keep_revision(database, record, at)


def _touch(database: Database, known: _Known, at: datetime, feed: int) -> None:
    arrival = known.record.arrival
    database.change("UPDATE signals SET seen_at = ? WHERE arrival = ?", (to_stamp(at), arrival))
    if known.seen_feed != feed:  # apart, so that the index is written only when it changes
        database.change("UPDATE signals SET seen_feed = ? WHERE arrival = ?", (feed, arrival))


def _revise(database: Database, record: Record, at: datetime) -> None:
    database.change(
        "UPDATE signals SET timestamp = ?, status = ?, last_seen = ?, revision = ?, "  # noqa: S608 - a constant
        f"change = {_NEXT_CHANGE} WHERE arrival = ?",
        (
            to_stamp(record.signal.timestamp),
            record.status,
            maybe_stamp(record.last_seen),
            record.revision,
            record.arrival,
        ),
    )
    _keep_revision(database, record, at)


def _keep_revision(database: Database, record: Record, at: datetime) -> None:
    database.insert(
        "INSERT INTO revisions (arrival, revision, at, status, last_seen, content) VALUES (?, ?, ?, ?, ?, ?)",
        (
            record.arrival,
            record.revision,
            to_stamp(at),
            record.status,
            maybe_stamp(record.last_seen),
            content_of(record.signal),
        ),
    )


def _join(database: Database, arrival: int, feed: int) -> bool:
    """Note that the feed showed the signal; whether that is news."""
    sql = "INSERT INTO members (arrival, feed) VALUES (?, ?) ON CONFLICT DO NOTHING"
    return database.change(sql, (arrival, feed)) > 0


def _extend_coverage(database: Database, feed: int, window: Window) -> None:
    touching = database.execute(
        "SELECT start_at, end_at FROM coverage WHERE feed = ? AND end_at >= ? AND start_at <= ?",
        (feed, to_stamp(window.start), to_stamp(window.end)),
    )
    database.change_many(
        "DELETE FROM coverage WHERE feed = ? AND end_at = ?", [(feed, end) for _, end in touching]
    )
    held = [Window(from_stamp(start), from_stamp(end)) for start, end in touching]
    database.change_many(
        "INSERT INTO coverage (feed, start_at, end_at) VALUES (?, ?, ?)",
        [(feed, to_stamp(one.start), to_stamp(one.end)) for one in merge([*held, window])],
    )


def _keep_rejects(database: Database, feed: int, poll: Poll) -> None:
    database.change_many(
        "INSERT INTO rejects (feed, at, signal_id, reason, raw) VALUES (?, ?, ?, ?, ?)",
        [(feed, to_stamp(poll.at), reject.id, reject.reason, reject.raw) for reject in poll.rejects],
    )


def _keep_poll(database: Database, feed: int, poll: Poll, counts: _Counts) -> None:
    start, end = (
        (None, None) if poll.window is None else (to_stamp(poll.window.start), to_stamp(poll.window.end))
    )
    poll_id = database.insert(
        "INSERT INTO polls (feed, at, window_start, window_end, outcome, sure, "
        "new, changed, closed, aged, rejected) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            feed,
            to_stamp(poll.at),
            start,
            end,
            poll.outcome,
            poll.sure and poll.window is not None,
            counts.new,
            counts.changed,
            counts.closed,
            counts.aged,
            len(poll.rejects),
        ),
    )
    database.change_many("UPDATE answers SET poll = ? WHERE id = ?", [(poll_id, one) for one in poll.answers])
