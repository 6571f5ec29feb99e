"""For programs: the open signals now, a stream of new ones, a sync as the command does it, and the journal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from cqs_sheets.api import ApiClient
from cqs_sheets.api.client import utc_now
from cqs_sheets.config import Overrides, load, process_environ
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.core.report import Report
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.coverage import REACH, Window
from cqs_sheets.core.signals.query import MAX_INTERVAL, Feed
from cqs_sheets.core.signals.signal import Signal, SignalKey
from cqs_sheets.errors import ApiUnavailable
from cqs_sheets.journal import Journal
from cqs_sheets.run import check_targets, opened_run, opened_session
from cqs_sheets.run.alerts import alerting
from cqs_sheets.run.journals import journal_place
from cqs_sheets.run.poll import FeedAnswers, keep_nothing
from cqs_sheets.run.sync import Pace, Step, run_once

_log = logging.getLogger(__name__)
_FORGOTTEN = 3 * REACH  # after an answer last held a signal: the API speaks of it for a third of that at most


def tell_of_gap(gap: Window) -> None:
    """Log a gap as a warning."""
    _log.warning("signals opened from %s to %s may have been missed", gap.start, gap.end)


class Client:
    """Asks the signals API; the key travels in POST bodies only and is never shown.

    Key, address and the zone of the API's time stamps (IANA name) are, unless given, those of the
    `config` file and the environment ($CQS_CONFIG, $CQS_API_KEY, $CQS_API_URL), default FREE, the
    production API and UTC; no file of the working folder is read that is not named. `retry_for` are the
    seconds that failures of one call may take together. `clock` gives aware times; it, `monotonic` and
    `sleep` are there for tests. Raises errors.UsageError for a config, key or address that cannot be used.
    """

    def __init__(
        self,
        key: str | None = None,
        *,
        config: Path | str | None = None,
        url: str | None = None,
        server_timezone: str | None = None,
        retry_for: float = 30.0,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        usual = load(config=_path(config), environ=process_environ(), cwd=Path.cwd(), search=False).api
        self._key = usual.key if key is None else Secret(key)
        self._url = url or usual.url
        self._zone = ZoneInfo(server_timezone) if server_timezone else usual.server_zone
        self._retry_for = retry_for
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._open().close()  # an unusable key or address is told at once

    def open_signals(
        self,
        *,
        interval: int = MAX_INTERVAL,
        exchange: Sequence[str] = (),
        currency: Sequence[str] = (),
        type: Sequence[str] = (),  # noqa: A002 - the API's own word
        leverage: bool = False,
    ) -> list[Signal]:
        """The signals opened in the last `interval` minutes (1..20) and still open, each once, oldest first.

        An empty filter means all; several values are asked one by one. With `leverage`, each futures
        exchange seen is asked again, as only an answer filtered by it carries leverage. Raises
        errors.UsageError, AccessRefused or ApiUnavailable.
        """
        answers = self._answers(_feed(exchange, currency, type, leverage=leverage))
        with self._open() as api:
            answers.ask(api, interval, keep_nothing)
        return _oldest_first(answers)

    def stream(
        self,
        *,
        every: float = 60.0,
        exchange: Sequence[str] = (),
        currency: Sequence[str] = (),
        type: Sequence[str] = (),  # noqa: A002 - the API's own word
        leverage: bool = False,
        on_gap: Callable[[Window], None] = tell_of_gap,
    ) -> Iterator[Signal]:
        """Every signal once, as it comes, for as long as it is iterated; polls every so many seconds.

        The look-back always spans the time since the last good poll. An API that is away is asked
        again, more slowly; if that outlasts its memory of 20 minutes, `on_gap` is told what was
        missed. Take what is yielded quickly: no poll happens meanwhile. Raises errors.UsageError or
        AccessRefused.
        """
        feed = _feed(exchange, currency, type, leverage=leverage)
        pace = Pace(every, self._monotonic())
        shown: dict[SignalKey, datetime] = {}
        covered: datetime | None = None
        while True:
            began, now = self._monotonic(), self._clock()
            answers, exit_code = self._answers(feed), 0
            with self._open() as api:
                try:
                    answers.ask_since(api, covered, now, keep_nothing)
                except ApiUnavailable as away:
                    _log.warning("%s", away)
                    exit_code = away.exit_code
            window = answers.window if answers.complete else None
            covered = _covered(covered, window, on_gap)
            yield from _new(_oldest_first(answers), shown, now)
            step = Step(exit_code=exit_code, good=window is not None, limited=api.limited)
            due = pace.next_due(began, self._monotonic(), step)
            self._sleep(max(0.0, due - self._monotonic()))

    def _answers(self, feed: Feed) -> FeedAnswers:
        return FeedAnswers(feed, free=self._key.is_free, server_zone=self._zone)

    def _open(self) -> ApiClient:
        return ApiClient(
            url=self._url, key=self._key, retry_for=self._retry_for,
            clock=self._clock, monotonic=self._monotonic, sleep=self._sleep,
        )  # fmt: skip


def _feed(exchange: Sequence[str], currency: Sequence[str], kind: Sequence[str], *, leverage: bool) -> Feed:
    return Feed("program", tuple(exchange), tuple(currency), tuple(kind), leverage)


def _oldest_first(answers: FeedAnswers) -> list[Signal]:
    """The signals; what is odd about the answers is logged."""
    for warning in answers.warnings:
        _log.warning("%s", warning)
    for reject in answers.rejects:
        _log.warning("signal %s set aside: %s", reject.id or "without id", reject.reason)
    return sorted(answers.signals, key=lambda signal: signal.timestamp)


def _covered(
    before: datetime | None, window: Window | None, on_gap: Callable[[Window], None]
) -> datetime | None:
    """Up to when a stream has looked after a poll of `window`; tells of what lies between."""
    if window is None:
        return before
    if before and before < window.start:
        on_gap(Window(before, window.start))
    return window.end


def _new(signals: Sequence[Signal], shown: dict[SignalKey, datetime], now: datetime) -> list[Signal]:
    """The signals not `shown` before, which they are from `now` on; what was long not shown is forgotten."""
    new = [signal for signal in signals if signal.key not in shown]
    shown |= {signal.key: now for signal in signals}
    for key in [key for key, last in shown.items() if last < now - _FORGOTTEN]:
        del shown[key]
    return new


def sync(
    *,
    config: Path | str | None = None,
    to: Sequence[Path | str] = (),
    template: str | None = None,
    tabs: Mapping[str, str] = MappingProxyType({}),
    interval: int | None = None,
    exchange: Sequence[str] = (),
    currency: Sequence[str] = (),
    type: Sequence[str] = (),  # noqa: A002 - the API's own word
    sandbox: bool = False,
    dry_run: bool = False,
    restore: bool = False,
    force: bool = False,
) -> Report:
    """Ask, journal, and write every target once, as `cqs-sheets sync` does; arguments are its options.

    `config` is the file to read, else $CQS_CONFIG's; no file of the working folder is read that is not
    named. What fails once the journal is open is in the report (`errors`, `exit_code`); before that,
    errors.UsageError, AccessRefused or DataRefused are raised. The settings' warnings are logged.
    """
    overrides = Overrides(
        to=tuple(map(str, to)), template=template, tabs=dict(tabs), interval=interval,
        exchange=tuple(exchange), currency=tuple(currency), type=tuple(type),
    )  # fmt: skip
    with opened_session(config=_path(config), overrides=overrides, search=False, sandbox=sandbox) as session:
        for warning in session.settings.warnings:
            _log.warning("%s", warning)
        check_targets(session)
        choices = Choices(restore=restore, force=force)
        with (
            alerting(
                session.settings, session.journal_path, clock=utc_now, warn=_log.warning, dry_run=dry_run
            ),
            opened_run(session, choices=choices, dry_run=dry_run) as run,
        ):
            return run_once(run).report


def _path(config: Path | str | None) -> Path | None:
    return None if config is None else Path(config)


def read_journal(path: Path | None = None) -> AbstractContextManager[Journal]:
    """The journal of this user's syncs, for reading, also while a sync writes it.

    `path` is its file; default as for the commands: $CQS_JOURNAL, else in $CQS_HOME, else in the platform's folder
    for a user's data. An absent file reads as an empty journal. See Journal.records, revisions, coverage.
    """
    if path is None:
        settings = load(config=None, environ=process_environ(), cwd=Path.cwd(), search=False)
        return Journal.open_readonly(journal_place(settings), clock=utc_now)
    return Journal.open_readonly(path, clock=utc_now)
