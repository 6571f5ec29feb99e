"""The signals that a journal knows, and what it recalls of them for targets."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from cqs_sheets.core.signals.coverage import Coverage, Window, coverage, merge
from cqs_sheets.core.signals.signal import Record, Reject, Signal, SignalKey, Status
from cqs_sheets.journal import model
from cqs_sheets.journal.database import Database, Row
from cqs_sheets.journal.deliveries import AT_ONCE, OF_FEEDS, names_of

Clock = Callable[[], datetime]

KNOWN = f"""SELECT {model.RECORD}, s.seen_at, s.seen_feed, r.at FROM signals s {{by}}
    JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision WHERE """  # noqa: S608 - no values in it
"""The columns `known_from` reads; `by` is an index to go by."""

_BY_KEY = KNOWN.format(by="") + "s.id = ? AND s.feed_table = ?"
_LIVES = f"""{_BY_KEY} UNION ALL
    {KNOWN.format(by="")}s.id > ? || '#' AND s.id < ? || '$' AND s.feed_table = ?"""
_BY_IDS = KNOWN.format(by="") + "s.id IN (SELECT value FROM json_each(?))"  # noqa: S608 - a constant
_LISTED = "(SELECT CAST(value AS BIGINT) FROM json_each(?))"
_MEMBERS = f"SELECT arrival FROM members WHERE feed = ? AND arrival IN {_LISTED}"  # noqa: S608 - constants
_STATUS, _CONTENT = 4, 7  # of a row of KNOWN
_NEXT_CHANGE = "(SELECT coalesce(max(change), 0) + 1 FROM signals)"


class Known(NamedTuple):
    """A record, when and by which feed it was last seen, and since when it is as it is."""

    record: Record
    seen_at: datetime
    seen_feed: int
    revised_at: datetime

    @property
    def as_of(self) -> datetime:
        """What was told before then is old news."""
        return max(self.seen_at, self.revised_at)


def known_from(row: Row) -> Known:
    """What a row of KNOWN says. Raises DataRefused if it makes no sense."""
    seen_at, seen_feed, revised_at = row[model.RECORD_WIDTH :]
    return Known(
        model.record_from(row[: model.RECORD_WIDTH]),
        model.from_stamp(seen_at),
        seen_feed,
        model.from_stamp(revised_at),
    )


def _key_of(row: Row) -> SignalKey:
    """The key in a row of KNOWN."""
    _, table, id_, *_ = row
    return SignalKey(table, id_)


def known(database: Database, key: SignalKey) -> Known | None:
    """What the journal holds of a signal."""
    rows = database.execute(_BY_KEY, (key.id, key.table))
    return known_from(rows[0]) if rows else None


def lives(database: Database, key: SignalKey) -> list[Known]:
    """What the journal holds of all signals that had this id of the API, the latest first.

    That is told by their time stamps: lives that another machine saw are numbered as they came.
    """
    api_id, table = key.api_id, key.table
    found = map(known_from, database.execute(_LIVES, (api_id, table, api_id, api_id, table)))
    same = [each for each in found if each.record.signal.key.api_id == api_id]
    return sorted(same, key=lambda each: each.record.signal.timestamp, reverse=True)


class Recollection:
    """What the journal holds of the signals of one answer (of time `at`) and of one feed, looked up at once.

    Each id is answered from that once: what changes it afterwards is looked up anew.
    """

    def __init__(self, database: Database, feed: int, at: datetime, signals: Iterable[Signal]) -> None:
        self._database, self._feed, self._at = database, feed, at
        self._new: list[Record] = []
        self._seen: list[int] = []
        self._moved: list[int] = []
        # an id with a life of its own is a rare one, of which there may be more; no JSON takes \0 to PostgreSQL
        sent = {each.key: each for each in signals if "#" not in each.key.id and "\0" not in each.key.id}
        ids = {key.id for key in sent}
        listed = json.dumps([*ids, *(f"{each}#2" for each in ids)])
        rows = database.execute(_BY_IDS, (listed,)) if ids else []
        held = {_key_of(row): row for row in rows}
        several = {key.in_life(1) for key in held if "#" in key.id}
        self._rows = {key: held.get(key) for key in sent if key not in several}
        arrivals = json.dumps([row[0] for row in self._rows.values() if row])
        self._members = {arrival for (arrival,) in database.execute(_MEMBERS, (feed, arrivals)) if ids}

    def is_as_it_was(self, signal: Signal) -> bool:
        """Whether the journal holds just that, open, as nothing newer told; if so the feed is noted to show it."""
        row = self._rows.get(signal.key)
        if row is None or row[_STATUS] != Status.OPEN or row[_CONTENT] != model.content_of(signal):
            return False
        arrival, (seen_at, seen_feed, revised_at) = row[0], row[model.RECORD_WIDTH :]
        if max(seen_at, revised_at) > model.to_stamp(self._at) or arrival not in self._members:
            return False
        self._note_seen(arrival, seen_feed)
        return True

    def lives(self, key: SignalKey) -> list[Known]:
        """What the journal holds of all signals that had this id of the API, the latest first."""
        if key in self._rows:
            row = self._rows.pop(key)
            return [known_from(row)] if row else []
        self._show_new()
        return lives(self._database, key)

    def add(self, record: Record) -> None:
        """Make the rows, once they are asked for or `flush` is called, of a signal that nobody ever showed before."""
        self._new.append(record)

    def touch(self, found: Known) -> None:
        """Note, once `flush` is called, that the feed showed the signal."""
        self._note_seen(found.record.arrival, found.seen_feed)

    def _note_seen(self, arrival: int, seen_feed: int) -> None:
        self._seen.append(arrival)
        if seen_feed != self._feed:  # apart, so that the index is written only when it changes
            self._moved.append(arrival)

    def _show_new(self) -> None:
        new, self._new = self._new, []
        at = model.to_stamp(self._at)
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            self._database.note_many(_INSERT, [_inserted(record, at, self._feed) for record in some])
            self._database.note_many(_KEEP, [_kept(record, at) for record in some])
            self._database.note_many(_JOIN, [(record.arrival, self._feed) for record in some])

    def flush(self) -> None:
        """Note which signals the feed showed."""
        self._show_new()
        for column, value, arrivals in (
            ("seen_at", model.to_stamp(self._at), self._seen),
            ("seen_feed", self._feed, self._moved),
        ):
            if arrivals:
                sql = f"UPDATE signals SET {column} = ? WHERE arrival IN {_LISTED}"  # noqa: S608 - constants
                self._database.note(sql, (value, json.dumps(arrivals)))

    def join(self, arrival: int) -> bool:
        """Note that the feed showed the signal; whether that is news."""
        return arrival not in self._members and join(self._database, arrival, self._feed)


def next_life(found: Sequence[Known], key: SignalKey) -> SignalKey:
    """The identity of one more signal of an id, after those that `lives` found."""
    if not found and "#" not in key.id:  # as nearly always
        return key
    return key.in_life(1 + max((each.record.signal.key.life for each in found), default=0))


def feed_id(database: Database, name: str, selection: str) -> int:
    """The row of a feed with that selection, made if need be."""
    rows = database.execute("SELECT id FROM feeds WHERE name = ? AND selection = ?", (name, selection))
    if rows:
        return int(rows[0][0])
    return database.insert("INSERT INTO feeds (name, selection) VALUES (?, ?)", (name, selection))


_JOIN = "INSERT INTO members (arrival, feed) VALUES (?, ?) ON CONFLICT DO NOTHING"


def insert(database: Database, record: Record, seen_at: datetime, feed: int) -> None:
    """Make a signal's row, its revision apart."""
    database.note(_INSERT, _inserted(record, model.to_stamp(seen_at), feed))


_INSERT = f"""INSERT INTO signals (arrival, feed_table, id, timestamp, status, first_seen, last_seen, revision,
    change, seen_at, seen_feed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, {_NEXT_CHANGE}, ?, ?)"""  # noqa: S608 - a constant


def _inserted(record: Record, seen_at: int, feed: int) -> Row:
    key = record.signal.key
    return (
        record.arrival,
        key.table,
        key.id,
        model.to_stamp(record.signal.timestamp),
        record.status,
        model.to_stamp(record.first_seen),
        model.maybe_stamp(record.last_seen),
        record.revision,
        seen_at,
        feed,
    )


def touch(database: Database, found: Known, at: datetime, feed: int) -> None:
    """Note that a feed showed the signal."""
    arrival = found.record.arrival
    database.note("UPDATE signals SET seen_at = ? WHERE arrival = ?", (model.to_stamp(at), arrival))
    if found.seen_feed != feed:  # apart, so that the index is written only when it changes
        database.note("UPDATE signals SET seen_feed = ? WHERE arrival = ?", (feed, arrival))


def revise(database: Database, record: Record, at: datetime) -> None:
    """Bring a signal's row to this revision, and keep it."""
    database.note(
        "UPDATE signals SET timestamp = ?, status = ?, last_seen = ?, revision = ?, "  # noqa: S608 - a constant
        f"change = {_NEXT_CHANGE} WHERE arrival = ?",
        (
            model.to_stamp(record.signal.timestamp),
            record.status,
            model.maybe_stamp(record.last_seen),
            record.revision,
            record.arrival,
        ),
    )
    keep_revision(database, record, at)


_KEEP = "INSERT INTO revisions (arrival, revision, at, status, last_seen, content) VALUES (?, ?, ?, ?, ?, ?)"


def keep_revision(database: Database, record: Record, at: datetime) -> None:
    """Keep what a signal is from `at` on."""
    database.note(_KEEP, _kept(record, model.to_stamp(at)))


def _kept(record: Record, at: int) -> Row:
    ended = model.maybe_stamp(record.last_seen)
    return record.arrival, record.revision, at, record.status, ended, model.content_of(record.signal)


def join(database: Database, arrival: int, feed: int) -> bool:
    """Note that the feed showed the signal; whether that is news."""
    return database.change(_JOIN, (arrival, feed)) > 0


def offer_again(database: Database, arrival: int) -> None:
    """Let targets look at a signal once more."""
    database.note(
        f"UPDATE signals SET change = {_NEXT_CHANGE} WHERE arrival = ?",  # noqa: S608 - a constant
        (arrival,),
    )


def extend_coverage(database: Database, feed: int, window: Window) -> None:
    """Note that a good poll looked at this window."""
    touching = database.execute(
        "SELECT start_at, end_at FROM coverage WHERE feed = ? AND end_at >= ? AND start_at <= ?",
        (feed, model.to_stamp(window.start), model.to_stamp(window.end)),
    )
    database.change_many(
        "DELETE FROM coverage WHERE feed = ? AND end_at = ?", [(feed, end) for _, end in touching]
    )
    held = [Window(model.from_stamp(start), model.from_stamp(end)) for start, end in touching]
    database.change_many(
        "INSERT INTO coverage (feed, start_at, end_at) VALUES (?, ?, ?)",
        [(feed, model.to_stamp(one.start), model.to_stamp(one.end)) for one in merge([*held, window])],
    )


_RECORDS = f"""SELECT {model.RECORD} FROM signals s
    JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision
    WHERE {OF_FEEDS} AND (:since IS NULL OR s.timestamp >= :since)
        AND (:until IS NULL OR s.timestamp < :until) AND (:status IS NULL OR s.status = :status)
    ORDER BY s.arrival"""  # noqa: S608 - constants

_NEWEST = f"""SELECT {model.RECORD} FROM signals s
    JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision
    ORDER BY s.arrival DESC LIMIT ?"""  # noqa: S608 - constants

_CHANGED = f"""SELECT {model.RECORD} FROM signals s
    JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision
    WHERE r.at >= ? ORDER BY r.at, s.arrival"""  # noqa: S608 - constants

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

_RECENT_POLLS = 200  # enough to hold the last one of every feed of any sensible config

_LAST_GOOD = """SELECT p.at FROM polls p INDEXED BY polls_good JOIN feeds f ON f.id = p.feed
    WHERE p.sure AND f.name = ? AND f.selection = ? ORDER BY p.at DESC LIMIT 1"""

_REJECTS = """SELECT f.name, r.at, r.signal_id, r.reason, r.raw
    FROM rejects r JOIN feeds f ON f.id = r.feed ORDER BY r.id DESC LIMIT ?"""

_SELECTIONS = """SELECT f.name, f.selection FROM coverage c JOIN feeds f ON f.id = c.feed
    GROUP BY f.name, f.selection ORDER BY max(c.end_at)"""

_WINDOWS = """SELECT c.start_at, c.end_at FROM coverage c JOIN feeds f ON f.id = c.feed
    WHERE f.name = ? AND f.selection = ?"""


class Recall:
    """What a journal recalls of signals and polls: the part of a Journal that only reads."""

    _database: Database
    _clock: Clock

    def last_good_poll(self, feed: str, selection: str) -> datetime | None:
        """When the feed last had a complete answer with this selection."""
        rows = self._database.execute(_LAST_GOOD, (feed, selection))
        return model.from_stamp(rows[0][0]) if rows else None

    def coverage(
        self, feeds: Collection[tuple[str, str]] | None = None, since: datetime | None = None
    ) -> Coverage:
        """The coverage of these feeds (name, selection) together until now, from `since` on.

        Without `feeds`: of every feed there ever was, each with the selection it last covered.
        """
        if feeds is None:
            feeds = dict(self._database.execute(_SELECTIONS)).items()  # the last of a name is the latest
        stretches = [
            [
                Window(model.from_stamp(start), model.from_stamp(end))
                for start, end in self._database.execute(_WINDOWS, feed)
            ]
            for feed in feeds
        ]
        return coverage(stretches, self._clock(), since)

    def polls(self, limit: int) -> list[model.PastPoll]:
        """The last polls, newest last."""
        return [_poll_from(row) for row in reversed(self._database.execute(_POLLS, (limit,)))]

    def last_polls(self) -> dict[str, model.PastPoll]:
        """The newest poll of each feed, by its name, among the last of all."""
        return {poll.feed: poll for poll in self.polls(_RECENT_POLLS)}

    def records(
        self,
        feeds: Collection[str] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        status: Status | None = None,
    ) -> Iterator[Record]:
        """The signals of these feeds (names), a time stamp in [since, until), that status; by arrival."""
        values = {
            "feeds": names_of(feeds),
            "since": model.maybe_stamp(since),
            "until": model.maybe_stamp(until),
            "status": status,
        }
        return map(model.record_from, self._database.iterate(_RECORDS, values))

    def newest(self, limit: int) -> list[Record]:
        """The signals that came last, the newest last."""
        return [model.record_from(row) for row in reversed(self._database.execute(_NEWEST, (limit,)))]

    def changed_since(self, moment: datetime) -> list[Record]:
        """The signals that came or were revised since then, as they are now, the latest change last."""
        return [model.record_from(row) for row in self._database.execute(_CHANGED, (model.to_stamp(moment),))]

    def open_signals(self, feed: str) -> int:
        """How many signals of a feed (name) are open."""
        [[count]] = self._database.execute(_OPEN, (Status.OPEN, feed))
        return int(count)

    def revisions(self, key: SignalKey) -> list[model.Revision]:
        """What a signal was over time, oldest first; nothing for one that was never seen."""
        rows = self._database.execute(_REVISIONS, (key.id, key.table))
        return [
            model.Revision(
                at=model.from_stamp(row[model.RECORD_WIDTH]),
                record=model.record_from(row[: model.RECORD_WIDTH]),
            )
            for row in rows
        ]

    def knows(self, key: SignalKey) -> bool:
        """Whether the signal was ever seen."""
        return known(self._database, key) is not None

    def rejects(self, limit: int) -> list[model.PastReject]:
        """The last malformed signals, newest last."""
        return [
            model.PastReject(
                feed=feed, at=model.from_stamp(at), reject=Reject(id=signal_id, reason=reason, raw=raw)
            )
            for feed, at, signal_id, reason, raw in reversed(self._database.execute(_REJECTS, (limit,)))
        ]


def _poll_from(row: Row) -> model.PastPoll:
    feed, selection, at, start, end, outcome, sure, new, changed, closed, aged, rejected = row
    return model.PastPoll(
        feed=feed,
        selection=selection,
        at=model.from_stamp(at),
        window=model.maybe_window(start, end),
        outcome=outcome,
        sure=bool(sure),
        new=new,
        changed=changed,
        closed=closed,
        aged=aged,
        rejected=rejected,
    )
