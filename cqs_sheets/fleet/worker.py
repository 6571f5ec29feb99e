"""One worker: it takes up reminders until it is told to stop, and then finishes what it has begun."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import inf
from pathlib import Path
from threading import Lock, Thread

from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from cqs_sheets.api.client import utc_now
from cqs_sheets.config import Settings, TargetSettings
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.errors import CqsError, Interrupted
from cqs_sheets.fleet.metrics import Metrics
from cqs_sheets.fleet.queue import (
    API_QUEUE,
    FILES_QUEUE,
    Reminders,
    SharedQuota,
    counts,
    due_queues,
    worker_app,
)
from cqs_sheets.fleet.tenants import Tenants
from cqs_sheets.journal import SharedJournal
from cqs_sheets.journal.postgres import Statements, explain
from cqs_sheets.run import Session, open_google, opened_run
from cqs_sheets.run.alerts import Dispatcher
from cqs_sheets.run.rest import lacking
from cqs_sheets.run.sync import Run, judge, note_troubles, poll_feeds, settings_values, write_target
from cqs_sheets.template_files import load_template
from cqs_sheets.unexpected import explained
from cqs_sheets.values import dataclass, field, replace

_log = logging.getLogger(__name__)
_PER_PROJECT, _PER_USER = 300, 60  # requests of a kind that Google takes in a minute
_PER_KEY = 120  # requests to the signals API in a minute: a poll is up to a dozen
_ELSEWHERE = timedelta(seconds=10)
_LONGEST = 300.0
_HEARTBEAT, _DEAD = 5.0, 20.0  # seconds: a sign of life, and the silence after which others take over
_LOOK = 5.0  # seconds between looks for new configs and dead workers
_GLANCE = 1.0  # seconds between looks for work
_IDLE = 30.0  # seconds without work after which a queue is no longer listened to
_PATIENCE = 60.0  # seconds that a request waits for its place in a quota, within what one may take
_SIDE_BY_SIDE = 4  # reminders of one queue that a worker takes up at once: targets of one account, polls
_AT_ONCE = 12  # of all queues: each may have a session with PostgreSQL
_template = lru_cache(maxsize=256)(load_template)


def account_of(settings: Settings) -> tuple[str, str]:
    """The Google project and the user in it that a tenant's requests count to; the machine's own are "default"."""
    if settings.google_file is None:
        return "default", ""
    try:
        return _account(settings.google_file, settings.google_file.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return "default", ""


@lru_cache(maxsize=10_000)
def _account(file: Path, changed: int) -> tuple[str, str]:
    del changed
    document = json.loads(file.read_text(encoding="utf-8"))
    return str(document["project_id"]), str(document["client_email"])


def queue_of(settings: Settings, target: TargetSettings) -> str:
    """The queue that a target's reminders wait in: each account's quota holds up nobody else.

    Its name is short, as PostgreSQL's channels have 63 characters.
    """
    if not target.place.spreadsheet:
        return FILES_QUEUE
    return f"google {hashlib.sha256(' '.join(account_of(settings)).encode()).hexdigest()[:16]}"


@dataclass
class Work:
    """The steps, each from a thread of its own; `every` is the beat of polls in seconds."""

    place: SharedJournal
    tenants: Tenants
    reminders: Reminders
    metrics: Metrics
    every: float
    clock: Callable[[], datetime] = utc_now
    dice: Callable[[], float] = random.random
    _google: dict[tuple[str, str], SheetsHttp] = field(default_factory=dict)
    _counts: list[Statements] = field(default_factory=list)
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
            if not _polled_since(run, beat):
                places = self._places_of_key(session.settings)
                session.sleep(places.delay())
                digested, polls = poll_feeds(run)
                for warning in digested.warnings:
                    _log.warning("tenant %s: %s", tenant, warning)
                for error in digested.errors:
                    _log.error("tenant %s: %s", tenant, error)
                places.delay(max(0, sum(poll.requests for poll in polls) - 1))
                for poll in polls:
                    self.metrics.polled(tenant, run.clock(), poll.error.kind if poll.error else "ok")
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
        self.reminders.write(
            tenant,
            target,
            queue,
            rank=attempt,
            attempt=attempt + 1,
            at=self.clock() + timedelta(seconds=wait),
        )

    def judge(self, tenant: str) -> None:
        """Judge a tenant's signals, and remind of the targets that show it."""
        session = self.tenants.session(tenant)
        if session is None:
            return
        with self._run(session) as run:
            judge(run)
            self._offer(run, tenant)

    def close(self) -> None:
        """Give the connections back."""
        for http in self._google.values():
            http.close()
        for session in self._counts:
            session.close()

    def _start_telling(self, tenant: str) -> None:
        """Beside all else: a service may take its time."""
        Thread(target=self.tell, args=(tenant,), daemon=True).start()

    def _offer(self, run: Run, tenant: str) -> None:
        """Remind of each target that lacks something; one that lacks nothing costs no request."""
        found = lacking(run.journal, run.settings.targets, run.clock(), _shows_settings)
        self.metrics.lacking(tenant, len(found))
        for rank, target in enumerate(found):
            self.reminders.write(tenant, target.to, queue_of(run.settings, target), rank=rank)

    def _target(self, session: Session | None, target: str) -> TargetSettings | None:
        targets = session.settings.targets if session else ()
        return next((each for each in targets if each.to == target), None)

    @contextmanager
    def _run(self, session: Session) -> Iterator[Run]:
        google = (
            self._connection(session) if any(t.place.spreadsheet for t in session.settings.targets) else None
        )
        with opened_run(replace(session, google=google), choices=Choices(), dry_run=False) as run:
            yield run

    def _connection(self, session: Session) -> SheetsHttp:
        """One connection for all who use the same credentials, its requests counted over all workers."""
        settings = session.settings
        key = (str(settings.google_file or ""), settings.sheets_url or "")
        with self._lock:
            if key not in self._google:
                project, user = account_of(settings)
                quotas = {
                    kind: self._quota(
                        {
                            f"google {kind} {project}": _PER_PROJECT,
                            f"google {kind} {project} {user}": _PER_USER,
                        },
                        patience=_PATIENCE,
                    )
                    for kind in ("read", "write")
                }
                self._google[key] = open_google(session, quotas=quotas)
            return self._google[key]

    def _places_of_key(self, settings: Settings) -> SharedQuota:
        """Requests of one key are counted over all workers; its name in the count is no way back to it."""
        key = hashlib.sha256(settings.api.key.reveal().encode()).hexdigest()[:16]
        with self._lock:
            return self._quota({f"api {key}": _PER_KEY})

    def _quota(self, limits: Mapping[str, int], *, patience: float = inf) -> SharedQuota:
        if not self._counts:
            self._counts.append(counts(self.place))
        return SharedQuota(self._counts[0], limits, patience=patience)


def _polled_since(run: Run, beat: datetime) -> bool:
    last = run.journal.last_polls()
    return all(feed.name in last and last[feed.name].at >= beat for feed in run.settings.feeds)


def _shows_settings(target: TargetSettings) -> bool:
    try:
        return _template(target.template).settings_tab is not None
    except CqsError:
        return True


async def run_worker(work: Work, stopped: Callable[[], bool]) -> None:
    """Work until `stopped`, then finish what has begun."""
    app = worker_app(work.place)
    _add_tasks(app, work)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_AT_ONCE, "work"))
    loop.set_exception_handler(
        lambda _, context: _log.debug("%s", context.get("exception") or context["message"])
    )
    for name in ("psycopg.pool", "procrastinate"):  # what they could not do is told here, once
        logging.getLogger(name).setLevel(logging.CRITICAL)
    async with app.open_async():
        runners = _Runners(app)
        known: dict[str, datetime] = {}
        queues: set[str] = set()
        looked, away = -inf, False
        try:
            while not stopped():
                try:
                    if loop.time() - looked >= _LOOK:
                        looked = loop.time()
                        queues = await asyncio.to_thread(_look_for_tenants, work, known)
                        await _take_over(app)
                    runners.serve(queues & await due_queues(app), loop.time())
                    if away:
                        _log.warning("%s is back", work.place)
                    away = False
                except (ConnectorException, CqsError) as error:
                    if not away:
                        _log.warning(
                            "%s is tried again: %s", work.place, explain(error.__cause__, work.place) or error
                        )
                    away = True
                for _ in range(5):
                    if not stopped():
                        await asyncio.sleep(_GLANCE / 5)
        finally:
            await runners.end()


class _Runners:
    """One for each queue that has work, as each asks PostgreSQL every second."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._due: dict[str, float] = {}

    def serve(self, queues: set[str], now: float) -> None:
        """Take up what is due in these; one that ended with its connection starts again."""
        for queue in queues:
            self._due[queue] = now
            if queue not in self._running or self._running[queue].done():
                self._running[queue] = asyncio.create_task(
                    self._app.run_worker_async(
                        queues=[queue], name=queue, concurrency=_SIDE_BY_SIDE, listen_notify=False,
                        install_signal_handlers=False, fetch_job_polling_interval=_GLANCE, delete_jobs="always",
                        update_heartbeat_interval=_HEARTBEAT, stalled_worker_timeout=_DEAD,
                    )
                )  # fmt: skip
        for queue in [queue for queue, due in self._due.items() if now - due > _IDLE]:
            del self._due[queue]
            runner = self._running.pop(queue)
            runner.cancel()
            self._ending.add(runner)
            runner.add_done_callback(self._ending.discard)

    async def end(self) -> None:
        """Finish what has begun."""
        for runner in self._running.values():
            runner.cancel()
        await asyncio.gather(*self._running.values(), *self._ending, return_exceptions=True)


def _add_tasks(app: App, work: Work) -> None:
    @app.task(name="poll")
    def poll(tenant: str, beat: str) -> None:
        with _told(tenant):
            work.poll(tenant, datetime.fromisoformat(beat))

    @app.task(name="write")
    def write(tenant: str, target: str, attempt: int) -> None:
        with _told(f"{tenant}, target {target}"):
            work.write(tenant, target, attempt)

    @app.task(name="judge")
    def judge(tenant: str) -> None:
        with _told(tenant):
            work.judge(tenant)


@contextmanager
def _told(whose: str) -> Iterator[None]:
    """What a step could not do is told; the next poll reminds of it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the others go on, whatever it was
        _log.error("tenant %s: %s", whose, explained(error))


def _look_for_tenants(work: Work, known: dict[str, datetime]) -> set[str]:
    """Remind of each tenant's next poll, should nobody have; the queues that there is work in."""
    queues, now = {API_QUEUE, FILES_QUEUE}, work.clock()
    for tenant, settings in work.tenants.all().items():
        if spreadsheet := next((target for target in settings.targets if target.place.spreadsheet), None):
            queues.add(queue_of(settings, spreadsheet))
        if known.get(tenant, now) <= now:
            first = tenant not in known
            known[tenant] = work.next_beat(tenant, now)
            work.reminders.poll(tenant, now if first else known[tenant])
    return queues


async def _take_over(app: App) -> None:
    """Let others have what a dead worker had begun."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD):
        _log.warning("a worker is gone: its %s is taken over", job.task_name)
        try:
            await app.job_manager.retry_job(job)
        except ConnectorException:  # somebody was faster, or the next reminder waits already
            with suppress(ConnectorException):
                await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
