"""Everything one feed stands for, asked of the API: its own queries, then leverages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from cqs_sheets.api import Answer, ApiClient
from cqs_sheets.core.signals import parse
from cqs_sheets.core.signals.coverage import Window, look_back
from cqs_sheets.core.signals.query import (
    MAX_INTERVAL,
    Feed,
    Query,
    leverage_queries,
    queries,
    selection,
    table_of,
    wants,
    warnings,
)
from cqs_sheets.core.signals.signal import FeedTable, Reject, Signal
from cqs_sheets.core.text import duration
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import Journal, KeptAnswer, Poll, PollResult
from cqs_sheets.unexpected import explained

_CLOCK_NOISE = timedelta(minutes=2)

Keep = Callable[[Query, FeedTable, Answer], None]
"""Called with every answer before anything else is done with it."""


def keep_nothing(query: Query, table: FeedTable, answer: Answer) -> None:
    """For a look without a journal."""


class FeedAnswers:
    """What the API says of one feed now; filled by asking, also as far as it came when that fails.

    `at` is the server's time of the first answer (None: there is none), `window` the time that every
    one of the feed's own answers covers (None: they are not all there; asked twice, the later ones),
    `complete` whether an absence from them means something.
    """

    def __init__(self, feed: Feed, *, free: bool, server_zone: tzinfo) -> None:
        self._feed = feed
        self._free = free
        self._server_zone = server_zone
        self.signals: list[Signal] = []
        self.rejects: list[Reject] = []
        self.warnings: list[str] = []
        self.at: datetime | None = None
        self.window: Window | None = None
        self.complete = True

    def ask_since(self, api: ApiClient, covered: datetime | None, now: datetime, keep: Keep) -> None:
        """Ask as far back as `covered`, when the feed last had its answers (None: never).

        `covered` is by the server's clock and `now` by ours, and answers that took retries come late:
        where they do not reach back to `covered`, all that the API still shows is asked for at once.
        """
        minutes = look_back(covered, now, "auto")
        self.ask(api, minutes, keep)
        if covered and minutes < MAX_INTERVAL and self.window and self.window.start > covered:
            self.ask(api, MAX_INTERVAL, keep)

    def ask(self, api: ApiClient, minutes: int, keep: Keep) -> None:
        """Ask with a look-back of `minutes`; raises CqsError as ApiClient.ask does."""
        self.window = None
        moments = []
        for query in queries(self._feed, minutes, free=self._free):
            at, parsed = self._take(api, query, keep)
            moments.append(at)
            self.signals = parse.merge_leverage(self.signals, parsed.signals)
            self.complete = self.complete and parsed.complete
        self.window = _common_window(moments, minutes)
        self.warnings.extend(_zone_warnings(self.signals, self.window))
        for query in leverage_queries(self._feed, minutes, self.signals):
            _, parsed = self._take(api, query, keep)
            welcome = [signal for signal in parsed.signals if wants(self._feed, signal)]
            self.signals = parse.merge_leverage(self.signals, welcome)

    def _take(self, api: ApiClient, query: Query, keep: Keep) -> tuple[datetime, parse.Parsed]:
        """When one query was answered and what is in it; the answer itself is let go, it may be large."""
        answer = api.ask(query)
        table = table_of(query, free=self._free)
        keep(query, table, answer)
        self.at = min(self.at or answer.at, answer.at)
        told = skew_text(answer.skew)
        self.warnings.extend([f"{told} {SET_CLOCK}"] if told else [])
        envelope = answer.envelope
        parsed = parse.parse_signals(
            envelope.signals, table=table, zone=self._server_zone, at=answer.at, count=envelope.count
        )
        self.rejects.extend(parsed.rejects)
        self.warnings.extend(parsed.warnings)
        return answer.at, parsed


SET_CLOCK = "Let this computer set its clock by itself: Google refuses to sign in when it is minutes off."


def skew_text(skew: timedelta) -> str:
    """How far this computer's clock is off, for people, in whole minutes; "" if it is right."""
    if abs(skew) <= _CLOCK_NOISE:
        return ""
    off = duration(round(abs(skew) / timedelta(minutes=1)) * 60)
    return f"This computer's clock is {off} {'behind' if skew > timedelta(0) else 'ahead of'} the API's."


def _common_window(moments: Sequence[datetime], minutes: int) -> Window:
    """From the latest start to the earliest end."""
    return Window(start=max(moments) - timedelta(minutes=minutes), end=min(moments))


def _zone_warnings(signals: Sequence[Signal], window: Window) -> tuple[str, ...]:
    """Every signal lies inside the window it was asked for: if none does, the zone is wrong."""
    low, high = window.start - _CLOCK_NOISE, window.end + _CLOCK_NOISE
    if not signals or any(low <= signal.timestamp <= high for signal in signals):
        return ()
    newest = max(signal.timestamp for signal in signals)
    hours = round((newest - window.end.astimezone(UTC)).total_seconds() / 1800) / 2
    warning = (
        f"The API's time stamps are about {hours:+g} h off what server_timezone says:"
        " set server_timezone in the [api] section, or times in the sheet are wrong."
    )
    return (warning,)


class FeedPoll(NamedTuple):
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
            parameters = query.parameters()
            kept.append(self._journal.keep_answer(feed.name, parameters, answer.at, answer.body, table=table))

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
        except Exception as failure:  # noqa: BLE001 - what came before it is recorded, whatever it was
            error = explained(failure, feed.name)
            kept.clear()  # a version without the bug reads them again
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
                *map(second_life_text, result.second_lives),
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
    """Take in an answer of time `at` that was saved elsewhere."""
    kept = journal.keep_answer(feed, {}, at, body, table=table)
    answer = KeptAnswer(id=kept, feed=feed, request={}, table=table, at=at, body=body)
    return _take_in(journal, answer, "imported", zone)


def time_of_saved(body: bytes, table: FeedTable, zone: tzinfo, now: datetime) -> datetime:
    """When a saved answer is taken to be of: its newest signal's time, `now` at the latest.

    Nothing else says so, and an old one must not undo what is known since.
    """
    parsed = _parsed(KeptAnswer(id=0, feed="", request={}, table=table, at=now, body=body), zone)
    return min(now, max((signal.timestamp for signal in parsed.signals), default=now))


def second_life_text(signal: Signal) -> str:
    """What to tell of a signal whose id had been another one's."""
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
        imported=outcome == "imported",
    )
    return journal.record_poll(poll), parsed.rejects


def _as_published(signals: Iterable[Signal]) -> list[Signal]:
    """Oldest first: signals arrive in this order, and so do their rows."""
    return sorted(signals, key=lambda signal: signal.timestamp)


def _parsed(kept: KeptAnswer, zone: tzinfo) -> parse.Parsed:
    try:
        envelope = parse.parse_envelope(kept.body)
    except parse.NotTheEnvelope:
        return parse.Parsed(signals=())
    return parse.parse_signals(envelope.signals, table=kept.table, zone=zone, at=kept.at)
