"""Another machine's journal taken into this one: its signals, what it covered, when it asked.

Of a signal that both hold, the later word counts. Raw answers and rejects stay where they are, and
so does what the other gave its targets. Taking the same journal in again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.history import is_of_another_pair, is_second_life
from cqs_sheets.core.signals.signal import Record, Status
from cqs_sheets.journal.codec import from_stamp, to_stamp
from cqs_sheets.journal.database import Database
from cqs_sheets.journal.known import (
    KNOWN,
    Known,
    extend_coverage,
    feed_id,
    insert,
    join,
    known_from,
    lives,
    next_life,
    offer_again,
    revise,
    touch,
)
from cqs_sheets.journal.model import Merged

_ALL = KNOWN.format(by="") + "true ORDER BY s.arrival"
_POLL = "at, window_start, window_end, outcome, sure, new, changed, closed, aged, rejected"


def merge_journal(database: Database, other: Database) -> Merged:
    """Take in everything of `other`, in one transaction."""
    with database.transaction():
        feeds = {
            theirs: feed_id(database, name, selection)
            for theirs, name, selection in other.execute("SELECT id, name, selection FROM feeds")
        }
        new = changed = 0
        for row in other.iterate(_ALL):
            theirs = known_from(row)
            before = lives(database, theirs.record.signal.key)
            ours = _same_life(before, theirs)
            if ours is None:
                arrival = _add(database, other, theirs, feeds, before)
                new += 1
            else:
                arrival = ours.record.arrival
                changed += _bring_up_to_date(database, ours, theirs, feeds)
            _join_feeds(database, other, theirs, arrival, feeds)
        _cover(database, other, feeds)
        polls = _keep_polls(database, other, feeds)
    return Merged(new=new, changed=changed, polls=polls)


def _same_life(ours: Sequence[Known], theirs: Known) -> Known | None:
    """Which of our signals of an id theirs is; None if it is another one."""
    signal = theirs.record.signal
    for each in ours:
        mine = each.record.signal
        if mine.timestamp == signal.timestamp and not is_of_another_pair(mine, signal):
            return each
    return next((each for each in ours if not (_is_after(each, theirs) or _is_after(theirs, each))), None)


def _is_after(earlier: Known, later: Known) -> bool:
    record = later.record
    return is_second_life(earlier.record, earlier.seen_at, record.signal, record.first_seen)


def _add(
    database: Database, other: Database, theirs: Known, feeds: Mapping[int, int], before: Sequence[Known]
) -> int:
    """Make their signal ours, beside those that we have of its id; its arrival here."""
    signal = theirs.record.signal
    record = replace(
        theirs.record,
        signal=replace(signal, key=next_life(before, signal.key)),
        arrival=_free_arrival(database, theirs.record.arrival),
    )
    insert(database, record, theirs.seen_at, feeds[theirs.seen_feed])
    rows = other.execute(
        "SELECT ?, revision, at, status, last_seen, content FROM revisions WHERE arrival = ?",
        (record.arrival, theirs.record.arrival),
    )
    database.change_many(
        "INSERT INTO revisions (arrival, revision, at, status, last_seen, content) VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )
    return record.arrival


def _free_arrival(database: Database, wanted: int) -> int:
    """Theirs, or the first one after it that nothing here has."""
    while database.execute("SELECT 1 FROM signals WHERE arrival = ?", (wanted,)):
        wanted += 1
    return wanted


def _bring_up_to_date(database: Database, ours: Known, theirs: Known, feeds: Mapping[int, int]) -> bool:
    """Take over what they knew later; whether that changed anything a sheet could show."""
    database.change(
        "UPDATE signals SET first_seen = min(first_seen, ?) WHERE arrival = ?",
        (to_stamp(theirs.record.first_seen), ours.record.arrival),
    )
    if theirs.seen_at > ours.seen_at:
        touch(database, ours, theirs.seen_at, feeds[theirs.seen_feed])
    record = _merged(ours, theirs)
    if record is ours.record:
        return False
    revise(database, record, max(ours.revised_at, theirs.revised_at))
    return True


def _merged(ours: Known, theirs: Known) -> Record:
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
    database: Database, other: Database, theirs: Known, arrival: int, feeds: Mapping[int, int]
) -> None:
    members = other.execute("SELECT feed FROM members WHERE arrival = ?", (theirs.record.arrival,))
    news = [join(database, arrival, feeds[feed]) for (feed,) in members]
    if any(news):
        offer_again(database, arrival)


def _cover(database: Database, other: Database, feeds: Mapping[int, int]) -> None:
    for feed, start, end in other.execute("SELECT feed, start_at, end_at FROM coverage"):
        extend_coverage(database, feeds[feed], Window(from_stamp(start), from_stamp(end)))


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
