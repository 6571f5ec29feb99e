"""One feed polled once: every answer is in the journal before anything else is done with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from cqs_sheets.api import Answer, ApiClient
from cqs_sheets.core.signals.parse import NotTheEnvelope, Parsed, parse_envelope, parse_signals
from cqs_sheets.core.signals.query import Feed, Query, selection, warnings
from cqs_sheets.core.signals.signal import FeedTable, Reject, Signal
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import Journal, KeptAnswer, Poll, PollResult
from cqs_sheets.run.ask import FeedAnswers

_TABLE = "table"  # kept with the request, as the answer does not say which table it is of


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPoll:
    """What came of polling one feed; `error` says why it is not complete."""

    feed: Feed
    result: PollResult
    requests: int
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[str, ...] = ()
    error: CqsError | None = None


class FeedPoller:
    """Polls feeds through one client into one journal.

    `interval` is the look-back in minutes, None for "as far back as the last good poll".
    """

    def __init__(
        self, api: ApiClient, journal: Journal, *, free: bool, server_zone: tzinfo, interval: int | None
    ) -> None:
        self._api = api
        self._journal = journal
        self._free = free
        self._server_zone = server_zone
        self._interval = interval

    def poll(self, feed: Feed, now: datetime) -> FeedPoll:
        """Ask everything the feed stands for, and record it; a failure is returned, not raised."""
        chosen = selection(feed, free=self._free)
        sent_before = self._api.http_requests
        kept: list[int] = []

        def keep(query: Query, table: FeedTable, answer: Answer) -> None:
            request = {**query.parameters(), _TABLE: table.value}
            kept.append(self._journal.keep_answer(feed.name, request, answer.at, answer.body))

        answers = FeedAnswers(feed, free=self._free, server_zone=self._server_zone)
        error: CqsError | None = None
        try:
            if self._interval is None:
                covered = self._journal.last_good_poll(feed.name, chosen)
                answers.ask_since(self._api, covered, now, keep)
            else:
                answers.ask(self._api, self._interval, keep)
        except CqsError as failure:
            error = failure
        window, rejects = answers.window, tuple(dict.fromkeys(answers.rejects))
        result = self._journal.record_poll(
            Poll(
                feed=feed.name,
                selection=chosen,
                at=window.end if window else answers.at or now,
                window=window,
                outcome=error.kind if error and not window else "ok",
                answers=kept,
                signals=_as_published(answers.signals),
                rejects=rejects,
                sure=window is not None and answers.complete,
            )
        )
        return FeedPoll(
            feed=feed,
            result=result,
            requests=self._api.http_requests - sent_before,
            rejects=rejects,
            warnings=(
                *warnings(feed, free=self._free),
                *answers.warnings,
                *map(_told, result.second_lives),
            ),
            error=error,
        )

    def digest(self, kept: KeptAnswer) -> PollResult:
        """Take in the signals of an answer kept without a poll: its run was killed."""
        result, _ = _take_in(self._journal, kept, "interrupted", self._server_zone)
        return result


def imported(
    journal: Journal, body: bytes, *, feed: str, table: FeedTable, at: datetime, zone: tzinfo
) -> tuple[PollResult, Sequence[Reject]]:
    """Take in an answer that was saved elsewhere."""
    request = {_TABLE: table.value}
    kept = journal.keep_answer(feed, request, at, body)
    return _take_in(
        journal, KeptAnswer(id=kept, feed=feed, request=request, at=at, body=body), "imported", zone
    )


def _told(signal: Signal) -> str:
    return (
        f"Id {signal.key.api_id} had ended and came back as another signal ({signal.coin}/{signal.currency}"
        f" {signal.direction}, {signal.exchange}): it has a row of its own, {signal.key.id}."
    )


def _take_in(
    journal: Journal, kept: KeptAnswer, outcome: str, zone: tzinfo
) -> tuple[PollResult, Sequence[Reject]]:
    """An answer's signals without its window: it covers nothing and closes nothing."""
    parsed = _parsed(kept, zone)
    poll = Poll(
        feed=kept.feed,
        selection="",
        at=kept.at,
        window=None,
        outcome=outcome,
        answers=[kept.id],
        signals=_as_published(parsed.signals),
        rejects=parsed.rejects,
        sure=False,
    )
    return journal.record_poll(poll), parsed.rejects


def _as_published(signals: Iterable[Signal]) -> list[Signal]:
    """Oldest first: signals arrive in this order, and so do their rows."""
    return sorted(signals, key=lambda signal: signal.timestamp)


def _parsed(kept: KeptAnswer, zone: tzinfo) -> Parsed:
    try:
        envelope = parse_envelope(kept.body)
    except NotTheEnvelope:
        return Parsed(signals=())
    table = FeedTable(kept.request.get(_TABLE, FeedTable.MAIN))
    return parse_signals(envelope.signals, table=table, zone=zone, at=kept.at)
