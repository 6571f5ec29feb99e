"""What the journal remembers, read back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.signal import Record, Reject, SignalKey, Status
from cqs_sheets.journal.codec import (
    RECORD,
    RECORD_WIDTH,
    from_stamp,
    maybe_stamp,
    maybe_window,
    record_from,
)
from cqs_sheets.journal.database import Database, Row
from cqs_sheets.journal.deliveries import OF_FEEDS, names_of
from cqs_sheets.journal.model import PastPoll, PastReject, Revision

_RECORDS = f"""SELECT {RECORD} FROM signals s
    JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision
    WHERE {OF_FEEDS} AND (:since IS NULL OR s.timestamp >= :since)
        AND (:until IS NULL OR s.timestamp < :until) AND (:status IS NULL OR s.status = :status)
    ORDER BY s.arrival"""  # noqa: S608 - constants

_NEWEST = f"""SELECT {RECORD} FROM signals s
    JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision
    ORDER BY s.arrival DESC LIMIT ?"""  # noqa: S608 - constants

_OPEN = """SELECT count(DISTINCT s.arrival) FROM signals s INDEXED BY signals_status
    JOIN members m ON m.arrival = s.arrival JOIN feeds f ON f.id = m.feed
    WHERE s.status = ? AND f.name = ?"""

_REVISIONS = """SELECT s.arrival, s.feed_table, s.id, s.first_seen, r.status, r.last_seen, r.revision,
        r.content, r.at
    FROM signals s JOIN revisions r USING (arrival)
    WHERE s.id = ? AND s.feed_table = ? ORDER BY r.revision"""

_POLLS = """SELECT f.name, f.selection, p.at, p.window_start, p.window_end, p.outcome, p.sure,
        p.new, p.changed, p.closed, p.aged, p.rejected
    FROM polls p JOIN feeds f ON f.id = p.feed ORDER BY p.at DESC, p.id DESC LIMIT ?"""

_LAST_GOOD = """SELECT p.at FROM polls p INDEXED BY polls_good JOIN feeds f ON f.id = p.feed
    WHERE p.sure AND f.name = ? AND f.selection = ? ORDER BY p.at DESC LIMIT 1"""

_REJECTS = """SELECT f.name, r.at, r.signal_id, r.reason, r.raw
    FROM rejects r JOIN feeds f ON f.id = r.feed ORDER BY r.id DESC LIMIT ?"""

_LATEST_SELECTIONS = """SELECT f.name, f.selection, max(c.end_at)
    FROM coverage c JOIN feeds f ON f.id = c.feed GROUP BY f.name"""

_WINDOWS = """SELECT c.start_at, c.end_at FROM coverage c JOIN feeds f ON f.id = c.feed
    WHERE f.name = ? AND f.selection = ?"""


def records(
    database: Database,
    feeds: Collection[str] | None,
    since: datetime | None,
    until: datetime | None,
    status: Status | None,
) -> Iterator[Record]:
    """The signals with a time stamp in [since, until) and that status, by arrival."""
    values = {
        "feeds": names_of(feeds),
        "since": maybe_stamp(since),
        "until": maybe_stamp(until),
        "status": status,
    }
    return map(record_from, database.iterate(_RECORDS, values))


def newest(database: Database, limit: int) -> list[Record]:
    """The signals that came last, the newest last."""
    return [record_from(row) for row in reversed(database.execute(_NEWEST, (limit,)))]


def open_signals(database: Database, feed: str) -> int:
    """How many signals of a feed (name) are open."""
    [[count]] = database.execute(_OPEN, (Status.OPEN, feed))
    return int(count)


def revisions(database: Database, key: SignalKey) -> list[Revision]:
    """What a signal was over time, oldest first."""
    rows = database.execute(_REVISIONS, (key.id, key.table))
    return [
        Revision(at=from_stamp(row[RECORD_WIDTH]), record=record_from(row[:RECORD_WIDTH])) for row in rows
    ]


def polls(database: Database, limit: int) -> list[PastPoll]:
    """The last polls, newest last."""
    return [_poll_from(row) for row in reversed(database.execute(_POLLS, (limit,)))]


def last_good_poll(database: Database, feed: str, selection: str) -> datetime | None:
    """When the feed last had a complete answer."""
    rows = database.execute(_LAST_GOOD, (feed, selection))
    return from_stamp(rows[0][0]) if rows else None


def rejects(database: Database, limit: int) -> list[PastReject]:
    """The last malformed signals, newest last."""
    return [
        PastReject(feed=feed, at=from_stamp(at), reject=Reject(id=signal_id, reason=reason, raw=raw))
        for feed, at, signal_id, reason, raw in reversed(database.execute(_REJECTS, (limit,)))
    ]


def covered(database: Database, feeds: Collection[tuple[str, str]] | None) -> list[list[Window]]:
    """The covered stretches of each feed (name, selection); None: of all, as they were last selected."""
    if feeds is None:
        feeds = [(name, selection) for name, selection, _ in database.execute(_LATEST_SELECTIONS)]
    return [
        [Window(from_stamp(start), from_stamp(end)) for start, end in database.execute(_WINDOWS, feed)]
        for feed in feeds
    ]


def _poll_from(row: Row) -> PastPoll:
    feed, selection, at, start, end, outcome, sure, new, changed, closed, aged, rejected = row
    return PastPoll(
        feed=feed,
        selection=selection,
        at=from_stamp(at),
        window=maybe_window(start, end),
        outcome=outcome,
        sure=bool(sure),
        new=new,
        changed=changed,
        closed=closed,
        aged=aged,
        rejected=rejected,
    )
