"""Everything one feed stands for, asked of the API: its own queries, then leverages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from cqs_sheets.api import Answer, ApiClient
from cqs_sheets.core.signals.coverage import Window, look_back
from cqs_sheets.core.signals.parse import Parsed, merge_leverage, parse_signals
from cqs_sheets.core.signals.query import (
    MAX_INTERVAL,
    Feed,
    Query,
    leverage_queries,
    queries,
    table_of,
    wants,
)
from cqs_sheets.core.signals.signal import FeedTable, Reject, Signal

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
        answers = []
        for query in queries(self._feed, minutes, free=self._free):
            answer, parsed = self._take(api, query, keep)
            answers.append(answer)
            self.signals = merge_leverage(self.signals, parsed.signals)
            self.complete = self.complete and parsed.complete
        self.window = _common_window(answers, minutes)
        self.warnings.extend(_zone_warnings(self.signals, self.window))
        for query in leverage_queries(self._feed, minutes, self.signals):
            _, parsed = self._take(api, query, keep)
            welcome = [signal for signal in parsed.signals if wants(self._feed, signal)]
            self.signals = merge_leverage(self.signals, welcome)

    def _take(self, api: ApiClient, query: Query, keep: Keep) -> tuple[Answer, Parsed]:
        answer = api.ask(query)
        table = table_of(query, free=self._free)
        keep(query, table, answer)
        self.at = min(self.at or answer.at, answer.at)
        envelope = answer.envelope
        parsed = parse_signals(
            envelope.signals, table=table, zone=self._server_zone, at=answer.at, count=envelope.count
        )
        self.rejects.extend(parsed.rejects)
        self.warnings.extend(parsed.warnings)
        return answer, parsed


def _common_window(answers: Sequence[Answer], minutes: int) -> Window:
    """From the latest start to the earliest end."""
    moments = [answer.at for answer in answers]
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
