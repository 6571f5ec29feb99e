"""Alerts are sent beside the syncs, on a thread of their own: whatever a service does, no write waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

from cqs_sheets.alerts import sender
from cqs_sheets.config import AlertSettings, Settings
from cqs_sheets.core.alerts import GIVEN_UP, Kind, Notice, Send, Wording, due, message_of, wanted
from cqs_sheets.deadline import GRACE, stop_asked
from cqs_sheets.errors import CqsError, TargetBusy
from cqs_sheets.journal import Alert, Journal, JournalPlace
from cqs_sheets.unexpected import explained

_GLANCE = 15.0  # seconds between looks at what a pause, quiet hours or the limit held back
_LAST_WORDS = 20.0  # seconds for the last messages when a run ends by itself
_LOOK = 0.25  # seconds between two looks at whether it is to end at once

Clock = Callable[[], datetime]


class Dispatcher:
    """Sends what waits in the outbox of one config's alerts, one pass at a time.

    What cannot be sent is told once by `warn`, until it works again.
    """

    def __init__(
        self, settings: Settings, journal: JournalPlace, *, clock: Clock, warn: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._clock = clock
        self._warn = warn
        self._ways: dict[str, Send] = {}
        self._told: dict[str, str] = {}

    def send_due(self) -> None:
        """Send all that is due now, unless another process is at it. Raises CqsError as the journal does."""
        if isinstance(self._journal, Path) and not self._journal.exists():
            return
        try:
            with Journal.open_outbox(self._journal, clock=self._clock) as journal:
                known = {alert.name: alert for alert in journal.alerts(self._settings.alert_owner)}
                for alert in self._settings.alerts:
                    if alert.name in known:
                        self._send(journal, alert, known[alert.name])
        except TargetBusy:
            return  # another sender is at it, or the journal is: next time

    def _send(self, journal: Journal, alert: AlertSettings, known: Alert) -> None:
        waiting = self._worth_telling(journal, alert, known)
        if not waiting:
            return
        now, zone = self._clock(), self._settings.zone
        for notices in due(waiting, alert.policy, journal.send_state(known.id, now), now, zone):
            if not self._try(journal, alert, known, notices):
                return

    def _worth_telling(self, journal: Journal, alert: AlertSettings, known: Alert) -> list[Notice]:
        """What waits, without what this alert does not tell and what is too old to be told."""
        settings, now = self._settings, self._clock()
        waiting = journal.waiting(known.id)
        unwanted = {
            notice.id
            for notice in waiting
            if not wanted(alert.policy, notice, settings.zone, settings.symbols)
            or _is_old(notice, known.since)
        }
        stale = {notice.id for notice in waiting if notice.at < now - GIVEN_UP} - unwanted
        if unwanted:
            journal.drop(unwanted)
        if stale:
            journal.drop(stale, give_up=True)
        return [notice for notice in waiting if notice.id not in unwanted | stale]

    def _try(self, journal: Journal, alert: AlertSettings, known: Alert, notices: Sequence[Notice]) -> bool:
        entries = [one.id for one in notices]
        wording = Wording(symbols=self._settings.symbols, zone=self._settings.zone)
        try:
            send = self._way(alert)
        except CqsError as error:
            journal.begin_sending(known.id, (), self._clock())
            journal.sending_ended(known.id, (), self._clock(), reason=error.message)
            self._tell(alert.name, f"Alert {alert.name!r}: {error.message} {error.hint}")
            return False
        message = message_of(notices, wording, given_up=journal.given_up(known.id))
        journal.begin_sending(known.id, entries, self._clock())
        sent = send(message)
        journal.sending_ended(known.id, entries, self._clock(), reason=sent.reason, unsure=sent.unsure)
        self._tell(
            alert.name,
            f"The alert {alert.name!r} was not sent: {sent.reason}. It waits in the journal, and is tried again."
            if sent.reason
            else "",
        )
        return not sent.reason

    def _way(self, alert: AlertSettings) -> Send:
        if alert.name not in self._ways:
            self._ways[alert.name] = sender(alert.address(), alert.name)
        return self._ways[alert.name]

    def _tell(self, name: str, warning: str) -> None:
        if warning and self._told.get(name) != warning:
            self._warn(warning)
        self._told[name] = warning


def _is_old(notice: Notice, since: datetime) -> bool:
    """Alerts begin when they are configured: what was open by then is not new."""
    return notice.kind is Kind.NEW and notice.record is not None and notice.record.signal.timestamp < since


@contextmanager
def alerting(
    settings: Settings,
    journal: JournalPlace,
    *,
    clock: Clock,
    warn: Callable[[str], None],
    dry_run: bool = False,
) -> Iterator[Callable[[], None]]:
    """Sends alerts as long as it is open, and for a little while after; yields what says that there is news."""
    if not settings.alerts or dry_run:
        yield lambda: None
        return
    dispatcher = Dispatcher(settings, journal, clock=clock, warn=warn)
    news, ending = Event(), Event()

    def work() -> None:
        last, told = False, ""
        while not last:
            news.wait(_GLANCE)
            last = ending.is_set()
            news.clear()
            trouble = ""
            try:
                dispatcher.send_due()
            except Exception as error:  # noqa: BLE001 - else nothing would ever be sent again, and nobody told
                trouble = f"Alerts: {explained(error).message}"
            if trouble not in ("", told):
                warn(trouble)
            told = trouble

    thread = Thread(target=work, name="alerts", daemon=True)
    thread.start()
    try:
        yield news.set
    finally:
        ending.set()
        news.set()
        _finish(thread)


def _finish(thread: Thread) -> None:
    """Give it one more pass, within bounds: what is left is sent by the next run."""
    until = time.monotonic() + _LAST_WORDS
    while thread.is_alive() and (left := until - time.monotonic()) > 0:
        if stop_asked():
            thread.join(min(left, GRACE))
            return
        thread.join(min(left, _LOOK))
