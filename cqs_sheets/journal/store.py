"""The journal: one SQLite file that remembers what the API said and what every target was given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from cqs_sheets.core.plan.facts import Lineage, Write
from cqs_sheets.core.signals.coverage import Coverage, coverage
from cqs_sheets.core.signals.signal import Record, SignalKey, Status
from cqs_sheets.journal import deliveries, opening, polls, upkeep
from cqs_sheets.journal import records as known
from cqs_sheets.journal import records as recall
from cqs_sheets.journal import upkeep as merging
from cqs_sheets.journal.database import Database
from cqs_sheets.journal.model import (
    KeptAnswer,
    Merged,
    PastPoll,
    PastReject,
    Poll,
    PollResult,
    Pruned,
    Revision,
    TargetState,
    Wanted,
    answer_from,
    answer_row,
)

Clock = Callable[[], datetime]


class Journal:
    """All methods raise errors.DataRefused, AccessRefused or TargetBusy as the file gives cause."""

    def __init__(self, database: Database, clock: Clock, *, readonly: bool = False) -> None:
        self._database = database
        self._clock = clock
        self._readonly = readonly

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, *, clock: Clock, wait: float = 10.0, rehearsal: bool = False
    ) -> Iterator[Journal]:
        """Open for writing, making file and folder if need be; one writer at a time.

        Waits up to `wait` seconds for another writer, then raises TargetBusy. A `rehearsal` leaves
        no trace: all it wrote is undone at the end. `clock` tells the time now, aware (UTC).
        """
        with opening.for_writing(path, now=clock(), wait=wait, rehearsal=rehearsal) as database:
            yield cls(database, clock)

    @classmethod
    @contextmanager
    def open_readonly(cls, path: Path, *, clock: Clock) -> Iterator[Journal]:
        """Open for reading, also while another process writes; an absent file reads as an empty journal."""
        with opening.for_reading(path) as database:
            yield cls(database, clock, readonly=True)

    # What the API said

    def keep_answer(self, feed: str, request: Mapping[str, str], at: datetime, body: bytes) -> int:
        """Keep an answer as it came, durably, and name it. Raises ValueError if the request holds the key."""
        if "api_key" in request:
            raise ValueError("a key never goes into the journal")
        with self._database.transaction():
            return self._database.insert(
                "INSERT INTO answers (feed, at, request, body) VALUES (?, ?, ?, ?)",
                answer_row(feed, request, at, body),
            )

    def undigested(self) -> list[KeptAnswer]:
        """The answers that no poll was recorded for, oldest first: their run was killed before it could."""
        rows = self._database.execute(
            "SELECT id, feed, at, request, body FROM answers WHERE poll IS NULL ORDER BY at, id"
        )
        return [answer_from(row) for row in rows]

    def record_poll(self, poll: Poll) -> PollResult:
        """Take up one poll in one transaction: all of it is kept, or nothing."""
        return polls.record_poll(self._database, poll)

    def take_in(self, path: Path) -> Merged:
        """Take in another machine's journal, all or nothing; of what both hold, the later word counts.

        Targets are offered what is new. The other file is left as it is. Raises DataRefused if it is no journal.
        """
        with opening.for_reading(path) as other:
            return merging.merge_journal(self._database, other)

    def last_good_poll(self, feed: str, selection: str) -> datetime | None:
        """When the feed last had a complete answer with this selection."""
        return recall.last_good_poll(self._database, feed, selection)

    def coverage(
        self, feeds: Collection[tuple[str, str]] | None = None, since: datetime | None = None
    ) -> Coverage:
        """The coverage of these feeds (name, selection) together until now, from `since` on.

        Without `feeds`: of every feed there ever was, each with the selection it last covered.
        """
        return coverage(recall.covered(self._database, feeds), self._clock(), since)

    def polls(self, limit: int) -> list[PastPoll]:
        """The last polls, newest last."""
        return recall.polls(self._database, limit)

    def records(
        self,
        feeds: Collection[str] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        status: Status | None = None,
    ) -> Iterator[Record]:
        """The signals of these feeds (names), a time stamp in [since, until), that status; by arrival."""
        return recall.records(self._database, feeds, since, until, status)

    def newest(self, limit: int) -> list[Record]:
        """The signals that came last, the newest last."""
        return recall.newest(self._database, limit)

    def open_signals(self, feed: str) -> int:
        """How many signals of a feed (name) are open."""
        return recall.open_signals(self._database, feed)

    def revisions(self, key: SignalKey) -> list[Revision]:
        """What a signal was over time, oldest first; nothing for one that was never seen."""
        return recall.revisions(self._database, key)

    def knows(self, key: SignalKey) -> bool:
        """Whether the signal was ever seen."""
        return known.known(self._database, key) is not None

    def rejects(self, limit: int) -> list[PastReject]:
        """The last malformed signals, newest last."""
        return recall.rejects(self._database, limit)

    # What the targets were given

    def target(self, name: str, selection: str) -> TargetState:
        """The target of that name, made known if need be.

        `selection` is the canonical text of its feeds and where: a changed one puts the cursor to 0,
        so that everything not yet delivered is offered again.
        """
        if not self._readonly:
            deliveries.select(self._database, name, selection)
        return deliveries.remembered(self._database, name, selection) or TargetState(id=0, name=name)

    def newest_change(self) -> int:
        """The cursor of a target that has been offered everything."""
        [[change]] = self._database.execute("SELECT coalesce(max(change), 0) FROM signals")
        return int(change)

    def wanted(
        self, target: TargetState, feeds: Collection[str] | None, *, after_stamp: int | None = None
    ) -> list[Wanted]:
        """The rows to deliver, by arrival: changed since the target's cursor and not delivered as they are.

        `after_stamp` (the number up to which a rolled-back or forked target holds our rows) adds every row
        whose last delivery came after it. `feeds` are names, None for all.
        """
        return deliveries.wanted(self._database, target, feeds, after_stamp)

    def everything(self, target: TargetState, feeds: Collection[str] | None) -> list[Wanted]:
        """Every signal of the feeds, delivered or not, by arrival."""
        return deliveries.everything(self._database, target, feeds)

    def recent(
        self, feeds: Collection[str] | None, since: datetime, *, alike: bool
    ) -> Iterator[tuple[Record, int]]:
        """The signals of the feeds (names, None for all) with a time stamp from `since` on, each with a count.

        `alike`: one signal stands for all of the same exchange, pair, direction, type, risk and leverage.
        How long it takes depends on how many such signals there are, not on how many older ones.
        """
        return deliveries.recent(self._database, feeds, since, alike=alike)

    def pending(self, target: TargetState, feeds: Collection[str] | None) -> int:
        """How many rows `wanted` has."""
        return deliveries.pending(self._database, target, feeds)

    def stamps(self, target: TargetState, lineage: Lineage) -> set[Write]:
        """The writes at which the target was seen, as far as they are in the lineage or have no word."""
        return deliveries.stamps(self._database, target, lineage)

    def delivered(
        self,
        target: TargetState,
        *,
        sequence: int,
        version: str,
        rows: Iterable[tuple[SignalKey, int]],
        cursor: int,
        at: datetime,
        wrote: bool,
        shape: str | None = None,
        stamp: Write | None = None,
    ) -> None:
        """Note, in one transaction, that the target holds `rows` (key, revision) as of write `sequence`.

        `cursor`: everything up to that change was delivered or declined (`newest_change` as it was
        before `wanted`, if nothing was left over). `wrote`: whether the target was touched at all.
        `shape` names the columns of the template it was done with, None if that was not looked at. `stamp`
        is the target's last write, None if that was not looked at.
        """
        deliveries.deliver(
            self._database,
            target,
            sequence=sequence,
            version=version,
            rows=rows,
            cursor=cursor,
            at=at,
            wrote=wrote,
            shape=shape,
            stamp=stamp,
        )

    # Upkeep

    def verify(self) -> list[str]:
        """What is wrong with the journal, one line each; nothing for a whole one."""
        return upkeep.verify(self._database)

    def prune(self, before: datetime) -> Pruned:
        """Drop raw answers, polls, rejects and superseded revisions of before that time, and shrink the file.

        Signals, their current values, coverage and what was delivered are never dropped.
        """
        return upkeep.prune(self._database, before)
