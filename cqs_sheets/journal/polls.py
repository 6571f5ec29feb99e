"""What one poll does to the journal: signals, revisions, membership, coverage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from cqs_sheets.core.alerts import Kind
from cqs_sheets.core.news import Happened, News
from cqs_sheets.core.report import utc_text
from cqs_sheets.core.signals import coverage
from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, SignalKey, Status
from cqs_sheets.journal import outbox, records
from cqs_sheets.journal.database import Database
from cqs_sheets.journal.model import (
    KeptAnswer,
    Poll,
    PollResult,
    answer_from,
    answer_row,
    from_stamp,
    maybe_stamp,
    to_stamp,
)
from cqs_sheets.values import dataclass, field, replace

# What an answer may settle: this feed's open signals, its aged ones inside the window, and the open
# ones of feeds that nobody polls any more once the API cannot speak of them. The last two conditions
# leave out what this very answer held, or what a later one told (this may be an old, imported one).
_UNSETTLED = " UNION ALL ".join(
    records.KNOWN.format(by="INDEXED BY signals_status") + condition + " AND s.seen_at < :at AND r.at <= :at"
    for condition in (
        "s.status = 'open' AND s.seen_feed = :feed AND s.timestamp <= :end",
        "s.status = 'aged' AND s.seen_feed = :feed AND s.timestamp BETWEEN :sure_start AND :sure_end",
        "s.status = 'open' AND s.seen_feed <> :feed AND s.timestamp < :reach AND s.seen_at < :reach",
    )
)

_ANSWERS = "SELECT id, feed, at, request, body FROM answers ORDER BY at DESC, id DESC"
_UNDER_WAY = timedelta(minutes=5)  # longer than any poll takes


@dataclass(slots=True)
class _Counts:
    news: list[News] = field(default_factory=list)
    aged: int = 0
    seen: set[SignalKey] = field(default_factory=set)
    second_lives: list[Signal] = field(default_factory=list)
    last: int | None = None  # the newest arrival, once it is known

    def result(self, rejected: int) -> PollResult:
        happened = [each.what for each in self.news]
        return PollResult(
            new=happened.count(Happened.NEW),
            changed=happened.count(Happened.CHANGED),
            closed=happened.count(Happened.CLOSED),
            aged=self.aged,
            rejected=rejected,
            seen=frozenset(self.seen),
            second_lives=tuple(self.second_lives),
            news=tuple(self.news),
        )


class Polls:
    """What the API said: the part of a Journal that takes up answers."""

    _database: Database
    _clock: records.Clock
    _latest: dict[int, Record]

    def keep_answer(
        self,
        feed: str,
        request: Mapping[str, str],
        at: datetime,
        body: bytes,
        *,
        table: FeedTable = FeedTable.MAIN,
    ) -> int:
        """Keep an answer as it came, durably, and name it. Raises ValueError if the request holds the key."""
        if "api_key" in request:
            raise ValueError("a key never goes into the journal")
        with self._database.transaction():
            return self._database.insert(
                "INSERT INTO answers (feed, at, request, body) VALUES (?, ?, ?, ?)",
                answer_row(feed, request, table, at, body),
            )

    def undigested(self) -> list[KeptAnswer]:
        """The answers that no poll was recorded for, oldest first: their run was killed before it could.

        In a shared journal the latest ones may be those of a poll that is under way elsewhere.
        """
        until = self._clock() - _UNDER_WAY if self._database.shared else None
        rows = self._database.execute(
            "SELECT id, feed, at, request, body FROM answers"
            " WHERE poll IS NULL AND (:until IS NULL OR at < :until) ORDER BY at, id",
            {"until": maybe_stamp(until)},
        )
        return [answer_from(row) for row in rows]

    def answers(self) -> Iterator[KeptAnswer]:
        """All answers that are still kept, the newest first."""
        yield from map(answer_from, self._database.iterate(_ANSWERS))

    def read_anew(self, revised: Iterable[Record], at: datetime) -> None:
        """Take up signals that were understood anew, each with its next revision, in one transaction."""
        with self._database.transaction():
            for record in revised:
                records.revise(self._database, record, at)

    def record_poll(self, poll: Poll) -> PollResult:
        """Take up one poll in one transaction: all of it is kept, or nothing."""
        with self._database.transaction():
            feed = records.feed_id(self._database, poll.feed, poll.selection)
            counts = _Counts()
            known = records.Recollection(self._database, feed, poll.at, poll.signals)
            for signal in poll.signals:
                if known.is_as_it_was(signal):
                    counts.seen.add(signal.key)
                else:
                    _take_up(self._database, poll.at, signal, counts, known)
            known.flush()
            if poll.window is not None:
                _settle(self._database, feed, poll, poll.window, counts)
                if poll.sure:
                    _tell_gap(self._database, feed, poll, poll.window)
                    records.extend_coverage(self._database, feed, poll.window)
            _tell(self._database, poll, counts.news)
            _keep_rejects(self._database, feed, poll)
            result = counts.result(len(poll.rejects))
            _keep_poll(self._database, feed, poll, result)
        if not (poll.imported or self._database.shared):  # an import can be long; others may write, too
            self._latest.update((news.record.arrival, news.record) for news in counts.news)
        return result


def _take_up(
    database: Database, at: datetime, signal: Signal, counts: _Counts, known: records.Recollection
) -> None:
    before = known.lives(signal.key)
    found = _life(before, signal, at)
    key = found.record.signal.key if found else records.next_life(before, signal.key)
    signal = signal if signal.key == key else replace(signal, key=key)
    counts.seen.add(signal.key)
    if found is None:
        if before:
            counts.second_lives.append(signal)
        if counts.last is None:
            [[counts.last]] = database.execute("SELECT coalesce(max(arrival), 0) FROM signals")
        counts.last = coverage.next_arrival(counts.last or None, at)
        record = coverage.observe(None, signal, at, counts.last)
        known.add(record)
        counts.news.append(News(what=Happened.NEW, record=record))
        return
    if at >= found.as_of:  # an older answer, imported late, knows nothing newer
        record = coverage.observe(found.record, signal, at, found.record.arrival)
        known.touch(found)
        if record is not found.record:
            records.revise(database, record, at)
            counts.news.append(News(what=Happened.CHANGED, record=record, before=found.record))
    if known.join(found.record.arrival):  # targets of this feed have not been offered it
        records.offer_again(database, found.record.arrival)


def _life(before: Sequence[records.Known], signal: Signal, at: datetime) -> records.Known | None:
    """Which signal of that id an answer of time `at` shows; None for one that is new."""
    if not before or coverage.is_second_life(before[0].record, before[0].seen_at, signal, at):
        return None
    latest = before[0]
    if coverage.is_of_another_pair(latest.record.signal, signal):  # an edit, or an older answer
        for each in before[1:]:
            older = each.record.signal
            if older.timestamp == signal.timestamp and not coverage.is_of_another_pair(older, signal):
                return each
        if at < min(latest.record.signal.timestamp, latest.record.first_seen):
            return None  # of a life that nobody saw
    return latest


def _settle(database: Database, feed: int, poll: Poll, window: coverage.Window, counts: _Counts) -> None:
    """Close or age what the answer did not hold; rejected ids were in it."""
    reach = coverage.Window(poll.at - coverage.REACH, poll.at)
    present = {reject.id for reject in poll.rejects}
    unsettled = database.execute(
        _UNSETTLED,
        {
            "feed": feed,
            "at": to_stamp(poll.at),
            "end": to_stamp(window.end),
            "sure_start": to_stamp(window.start + coverage.MARGIN),
            "sure_end": to_stamp(window.end - coverage.MARGIN),
            "reach": to_stamp(reach.start),
        },
    )
    for found in map(records.known_from, unsettled):
        if found.record.signal.key.api_id in present:
            continue
        record = coverage.missing(
            found.record, window if found.seen_feed == feed else reach, found.seen_at, sure=poll.sure
        )
        if record is not found.record:
            records.revise(database, record, poll.at)
            if record.status is Status.CLOSED:
                counts.news.append(News(what=Happened.CLOSED, record=record, before=found.record))
            counts.aged += record.status is Status.AGED


def _tell(database: Database, poll: Poll, news: Sequence[News]) -> None:
    """Note the news for alerts; coming back from having aged is none."""
    if news and not poll.imported:
        told = (one for one in news if not _merely_back(one))
        outbox.tell_all(
            database, poll.at, ((Kind(one.what), one.record.arrival, one.record.revision) for one in told)
        )


def _merely_back(one: News) -> bool:
    was = one.before
    aged = was is not None and was.status is Status.AGED
    return one.what is Happened.CHANGED and aged and was is not None and was.signal == one.record.signal


def _tell_gap(database: Database, feed: int, poll: Poll, window: coverage.Window) -> None:
    """A good poll that does not reach back to what was covered before."""
    [[last]] = database.execute("SELECT max(end_at) FROM coverage WHERE feed = ?", (feed,))
    if last is not None and last < to_stamp(window.start):
        missed = {"feed": poll.feed, "from": utc_text(from_stamp(last)), "to": utc_text(window.start)}
        outbox.tell(database, poll.at, Kind.GAP, detail=missed)


def _keep_rejects(database: Database, feed: int, poll: Poll) -> None:
    database.change_many(
        "INSERT INTO rejects (feed, at, signal_id, reason, raw) VALUES (?, ?, ?, ?, ?)",
        [(feed, to_stamp(poll.at), reject.id, reject.reason, reject.raw) for reject in poll.rejects],
    )


def _keep_poll(database: Database, feed: int, poll: Poll, result: PollResult) -> None:
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
            result.new,
            result.changed,
            result.closed,
            result.aged,
            result.rejected,
        ),
    )
    database.change_many("UPDATE answers SET poll = ? WHERE id = ?", [(poll_id, one) for one in poll.answers])
