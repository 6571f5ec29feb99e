"""Proving that a journal is whole, and keeping it small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cqs_sheets.core.signals.coverage import Window, is_of_another_pair, is_second_life
from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import checks, opening, records
from cqs_sheets.journal.copying import copy_journal
from cqs_sheets.journal.database import Database
from cqs_sheets.journal.model import JournalPlace, Merged, Pruned, from_stamp, to_stamp
from cqs_sheets.journal.outbox import take_alerts
from cqs_sheets.journal.outcomes import take_outcomes

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


_ALL = records.KNOWN.format(by="") + "true ORDER BY s.arrival"
_POLL = "at, window_start, window_end, outcome, sure, new, changed, closed, aged, rejected"


class Upkeep:
    """The part of a Journal that proves it whole, keeps it small and takes in another."""

    _database: Database

    def verify(self) -> list[str]:
        """What is wrong with the journal, one line each; nothing for a whole one."""
        damage, unreadable = self._database.damage()
        if unreadable:
            return damage
        damage += checks.in_schema(self._database)
        if damage:
            return damage
        found = [line for check in _CHECKS for (line,) in self._database.execute(check)]
        return found + checks.in_values(self._database)

    def tenants(self) -> list[str]:
        """The names of all tenants that this user may be, for a shared journal."""
        if not self._database.shared:
            return []
        sql = "SELECT name FROM tenants WHERE role IS NULL OR pg_has_role(session_user, role, 'member') ORDER BY name"
        return [name for (name,) in self._database.execute(sql)]

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

    def take_in(self, path: JournalPlace) -> Merged:
        """Take in another machine's journal, all or nothing; of what both hold, the later word counts.

        Targets are offered what is new. The other file is left as it is. Raises DataRefused if it is no journal,
        or holds what would stop a later command.
        """
        with opening.for_reading(path, check=_refuse_strange) as other:
            _refuse(other.name, checks.in_values(other))
            return _merge(self._database, other)


def _refuse_strange(other: Database) -> None:
    _refuse(other.name, checks.in_schema(other))


def _refuse(name: str, problems: Sequence[str]) -> None:
    if problems:
        raise DataRefused(
            f"{name} is no journal that can be taken in: {'; '.join(problems[:3])}.",
            meaning="Nothing was taken in.",
            hint="Run `cqs-sheets journal verify` on the machine it is from, or export what it holds.",
        )


def _merge(database: Database, other: Database) -> Merged:
    """Take in everything of `other`, in one transaction."""
    with database.transaction():
        feeds = {
            theirs: records.feed_id(database, name, selection)
            for theirs, name, selection in other.execute("SELECT id, name, selection FROM feeds")
        }
        new = changed = 0
        second_lives = list[Signal]()
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
            take_alerts(database, other, theirs.record.arrival, arrival)
        _cover(database, other, feeds)
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
