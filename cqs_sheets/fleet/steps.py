"""What a worker does when it is reminded: poll a tenant's feeds, write a target, judge signals."""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple

from cqs_sheets.api.client import utc_now
from cqs_sheets.config import Settings, TargetSettings
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.core.secret import Secret
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.errors import CqsError, Interrupted
from cqs_sheets.files import small_text
from cqs_sheets.fleet.metrics import Metrics
from cqs_sheets.fleet.queue import (
    FILES_QUEUE,
    AccountPlaces,
    Quota,
    Reminders,
    counts,
    require_current,
    take_places,
)
from cqs_sheets.fleet.tenants import Tenants
from cqs_sheets.journal import PastPoll, SharedJournal
from cqs_sheets.journal.server import Statements, close_all
from cqs_sheets.run import Session, open_google, opened_run
from cqs_sheets.run.alerts import Dispatcher
from cqs_sheets.run.rest import lacking
from cqs_sheets.run.sync import Run, judge, note_troubles, poll_feeds, settings_values, write_target
from cqs_sheets.template_files import load_template
from cqs_sheets.values import dataclass, field, replace

_log = logging.getLogger(__name__)
_PER_PROJECT, _PER_USER = 300, 60  # requests of a kind that Google takes in a minute
_PER_KEY = 120  # requests to the signals API in a minute: a poll is up to a dozen
_ELSEWHERE = timedelta(seconds=10)
_LONGEST = 300.0
_PATIENCE = 3.0  # seconds that a target waits in a worker's hands for its account's places
_USUAL = {"read": 2, "write": 1}  # requests that bring a target up to date
_template = lru_cache(maxsize=256)(load_template)


def account_of(settings: Settings) -> tuple[str, str]:
    """The Google project and the user in it that a tenant's requests count to; the machine's own are "default"."""
    if settings.google_file is None:
        return "default", ""
    try:
        return _account(settings.google_file, settings.google_file.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "default", ""


@lru_cache(maxsize=10_000)
def _account(file: Path, changed: int) -> tuple[str, str]:
    del changed
    document = json.loads(small_text(file))
    return str(document["project_id"]), str(document["client_email"])


def queue_of(settings: Settings, target: TargetSettings) -> str:
    """The queue that a target's reminders wait in: each account's quota holds up nobody else.

    Its name is short, as PostgreSQL's channels have 63 characters.
    """
    if not target.place.spreadsheet:
        return FILES_QUEUE
    return f"google {hashlib.sha256(' '.join(account_of(settings)).encode()).hexdigest()[:16]}"


class _Account(NamedTuple):
    http: SheetsHttp
    places: Mapping[str, AccountPlaces]


@dataclass
class Work:
    """The steps, each from a thread of its own; `every` is the beat of polls in seconds.

    `rests` says until when (as time.monotonic has it) a queue's account has no requests left.
    """

    place: SharedJournal
    tenants: Tenants
    reminders: Reminders
    metrics: Metrics
    every: float
    clock: Callable[[], datetime] = utc_now
    dice: Callable[[], float] = random.random
    rests: dict[str, float] = field(default_factory=dict)
    _google: dict[tuple[str, str], _Account] = field(default_factory=dict)
    _counts: list[Statements] = field(default_factory=list)
    _kept: dict[Secret | None, list[Any]] = field(default_factory=lambda: defaultdict(list))
    _lock: Lock = field(default_factory=Lock)

    def next_beat(self, tenant: str, after: datetime) -> datetime:
        """The next of a tenant's beats, the same for all workers; tenants are spread over the time between."""
        offset = int(hashlib.sha256(tenant.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF * self.every
        beats = (after.timestamp() - offset) // self.every + 1
        return datetime.fromtimestamp(beats * self.every + offset, UTC)

    def poll(self, tenant: str, beat: datetime) -> None:
        """Ask for a tenant's feeds, unless that was done since the beat; then remind of what its targets lack."""
        now = self.clock()
        session = self.tenants.session(tenant)
        if session is None:
            _log.warning("tenant %s is left to other workers: its config cannot be used here", tenant)
            if now - beat < timedelta(seconds=10 * self.every):  # nobody has it any more
                self.reminders.poll(tenant, beat, at=now + _ELSEWHERE)
            return
        self.reminders.poll(tenant, self.next_beat(tenant, max(now, beat)))
        with self._run(session) as run:
            last = run.journal.last_polls()
            if not _polled_since(run, last, beat):
                session.sleep(self._places_of_key(session.settings, 1))
                digested, polls = poll_feeds(run)
                for warning in digested.warnings:
                    _log.warning("tenant %s: %s", tenant, warning)
                for error in digested.errors:
                    _log.error("tenant %s: %s", tenant, error)
                self._places_of_key(session.settings, max(0, sum(poll.requests for poll in polls) - 1))
                for poll in polls:
                    outcome = poll.error.kind if poll.error else "ok"
                    self.metrics.polled(tenant, run.clock(), outcome)
                    before = last.get(poll.feed.name)
                    if poll.error and (before is None or before.outcome != outcome):  # not once a minute
                        _log.warning("tenant %s: %s", tenant, poll.error)
                note_troubles(run, polls, ())
            self._offer(run, tenant)
            if run.judge and run.judge.due():
                self.reminders.judge(tenant)
        if session.settings.alerts:
            self._start_telling(tenant)

    def tell(self, tenant: str) -> None:
        """Send what a tenant's alerts have to tell; while another worker is at it, nothing."""
        session = self.tenants.session(tenant)
        if session is not None:
            with suppress(CqsError):  # the next poll tries again
                place = session.journal_path
                Dispatcher(session.settings, place, clock=self.clock, warn=_log.warning).send_due()

    def write(self, tenant: str, target: str, attempt: int) -> None:
        """Bring a target up to date; one that is locked, over quota or away is looked at again later."""
        session = self.tenants.session(tenant)
        settings = self._target(session, target)
        if session is None or settings is None:
            return
        queue = queue_of(session.settings, settings)
        if settings.place.spreadsheet:
            wait = self._reserved(session)
            if wait > _PATIENCE:
                self.rests[queue] = time.monotonic() + wait - _PATIENCE
                later = self.clock() + timedelta(seconds=wait - _PATIENCE)
                self.reminders.write(tenant, target, queue, attempt=attempt, at=later)
                return
            session.sleep(wait)
        with self._run(session) as run:
            last = run.journal.last_polls()
            failed = [f"{name}: {poll.outcome}" for name, poll in last.items() if poll.outcome != "ok"]
            done = write_target(run, settings, settings_values(run, failed), make_empty=True)
            note_troubles(run, (), [done])
        error = done.delivery.error
        self.metrics.wrote(tenant, done.seconds, error.kind if error else "ok", done.delivery.pending)
        if error is None:
            return
        if isinstance(error, Interrupted):
            wait = 0.0
        else:
            _log.warning("tenant %s, target %s: %s", tenant, target, error)
            wait = min(_LONGEST, 2.0 ** min(attempt, 10)) * (0.5 + self.dice() / 2)
        later = self.clock() + timedelta(seconds=wait)
        self.reminders.write(tenant, target, queue, attempt=attempt + 1, at=later)

    def judge(self, tenant: str) -> None:
        """Judge a tenant's signals, and remind of the targets that show it."""
        session = self.tenants.session(tenant)
        if session is None:
            return
        with self._run(session) as run:
            judge(run)
            self._offer(run, tenant)

    def require_current(self) -> None:
        """Raises DataRefused, of kind "newer", once a newer cqs-sheets has been here."""
        with self._lock:
            counted = self._counted()
        require_current(counted, self.place)

    def close(self) -> None:
        """Give the connections back."""
        for account in self._google.values():
            account.http.close()
        for session in self._counts:
            session.close()
        for kept in self._kept.values():
            close_all(kept)

    def _start_telling(self, tenant: str) -> None:
        """Beside all else: a service may take its time."""
        Thread(target=self.tell, args=(tenant,), daemon=True).start()

    def _offer(self, run: Run, tenant: str) -> None:
        """Remind of each target that lacks something; one that lacks nothing costs no request."""
        found = lacking(run.journal, run.settings.targets, run.clock(), _shows_settings)
        self.metrics.lacking(tenant, len(found))
        self.reminders.writes(tenant, [(target.to, queue_of(run.settings, target)) for target in found])

    def _target(self, session: Session | None, target: str) -> TargetSettings | None:
        targets = session.settings.targets if session else ()
        return next((each for each in targets if each.to == target), None)

    @contextmanager
    def _run(self, session: Session) -> Iterator[Run]:
        there = any(target.place.spreadsheet for target in session.settings.targets)
        google = self._account(session).http if there else None
        kept = self._kept[session.settings.journal_url]  # a config may come to name another user or journal
        with opened_run(replace(session, google=google, kept=kept), choices=Choices(), dry_run=False) as run:
            yield run

    def _reserved(self, session: Session) -> float:
        """Take the places of a usual write, unless they are too far away; returns the seconds until they are free."""
        places = self._account(session).places
        wanted = {kind: places[kind].wanted(count) for kind, count in _USUAL.items()}
        wait = take_places(self._counts[0], {**wanted["read"], **wanted["write"]}, _PATIENCE)
        for kind, count in _USUAL.items():
            places[kind].have(count if wait <= _PATIENCE else 0)
        return wait

    def _account(self, session: Session) -> _Account:
        """One connection for all who use the same credentials, its requests counted over all workers."""
        settings = session.settings
        key = (str(settings.google_file or ""), settings.sheets_url or "")
        with self._lock:
            if key not in self._google:
                project, user = account_of(settings)
                places = {}
                for kind in _USUAL:
                    whole = f"google {kind} {project}"
                    limits = {whole: _PER_PROJECT, f"{whole} {user}": _PER_USER}
                    places[kind] = AccountPlaces(self._counted(), limits)
                self._google[key] = _Account(open_google(session, quotas=places), places)
            return self._google[key]

    def _places_of_key(self, settings: Settings, count: int) -> float:
        """Requests of one key are counted over all workers; its name in the count is no way back to it."""
        key = hashlib.sha256(settings.api.key.reveal().encode()).hexdigest()[:16]
        with self._lock:
            counted = self._counted()
        return take_places(counted, {f"api {key}": Quota(_PER_KEY, count)})

    def _counted(self) -> Statements:
        if not self._counts:
            self._counts.append(counts(self.place))
        return self._counts[0]


def _polled_since(run: Run, last: Mapping[str, PastPoll], beat: datetime) -> bool:
    return all(feed.name in last and last[feed.name].at >= beat for feed in run.settings.feeds)


def _shows_settings(target: TargetSettings) -> bool:
    try:
        return _template(target.template).settings_tab is not None
    except CqsError:
        return True
