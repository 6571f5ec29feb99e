"""One worker: it takes up reminders until it is told to stop, and then finishes what it has begun."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from math import inf
from typing import Any

from procrastinate import App, JobContext
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from procrastinate.worker import Worker

from cqs_sheets.errors import CqsError, Interrupted
from cqs_sheets.fleet.queue import API_QUEUE, FILES_QUEUE, worker_app
from cqs_sheets.fleet.steps import Work, queue_of
from cqs_sheets.journal.database import NEWER
from cqs_sheets.journal.server import explain
from cqs_sheets.unexpected import explained

_log = logging.getLogger(__name__)
_HEARTBEAT, _DEAD = 5.0, 20.0  # seconds: a sign of life, and the silence after which others take over
_LOOK = 5.0  # seconds between looks for new configs and dead workers
_GLANCE = 1.0  # seconds between looks for work
_SIDE_BY_SIDE = 4  # reminders of one queue that a worker takes up at once: targets of one account, polls
_AT_ONCE = 12  # of all queues: each may have a session with PostgreSQL


async def run_worker(work: Work, stopped: Callable[[], bool]) -> None:
    """Work until `stopped`, then finish what has begun.

    Raises DataRefused, having done that, once a newer cqs-sheets has brought the tables up to date: its workers go on.
    """
    app = worker_app(work.place)
    _add_tasks(app, work)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_AT_ONCE, "work"))
    loop.set_exception_handler(
        lambda _, context: _log.debug("%s", context.get("exception") or context["message"])
    )
    for name in ("psycopg", "procrastinate"):  # what they could not do is told here, once
        logging.getLogger(name).setLevel(logging.CRITICAL)
    async with app.open_async():
        queues = _Queues(work)
        known: dict[str, datetime] = {}
        runner: asyncio.Task[None] | None = None
        looked, away = -inf, False
        try:
            while not stopped():
                try:
                    if loop.time() - looked >= _LOOK:
                        looked = loop.time()
                        await asyncio.to_thread(work.require_current)
                        queues.known = await asyncio.to_thread(_look_for_tenants, work, known)
                        await _take_over(app)
                        if away:
                            _log.warning("%s is back", work.place)
                        away = False
                except (ConnectorException, CqsError) as error:
                    if isinstance(error, CqsError) and error.kind == NEWER:
                        raise
                    if not away:
                        told = explain(error.__cause__, work.place) or error
                        _log.warning("%s is tried again: %s", work.place, told)
                    away = True
                queues.choose()
                if runner is None or runner.done():  # it ends with its connection
                    runner = _runner(app, queues)
                await asyncio.sleep(0.2)
        finally:
            if runner:
                runner.cancel()
                await asyncio.gather(runner, return_exceptions=True)


def _runner(app: App, queues: _Queues) -> asyncio.Task[None]:
    """Takes up reminders of what `queues` chose, the first due, as long as there are hands for them."""
    return asyncio.create_task(
        app.run_worker_async(
            queues=queues.chosen, concurrency=_AT_ONCE, listen_notify=False, fetch_job_polling_interval=_GLANCE,
            install_signal_handlers=False, delete_jobs="always", worker_middleware=[queues.counted],
            update_heartbeat_interval=_HEARTBEAT, stalled_worker_timeout=_DEAD,
        )
    )  # fmt: skip


class _Queues:
    """Which queues a worker takes reminders from: none of whose it has its share in hand, or whose account rests."""

    def __init__(self, work: Work) -> None:
        self._rests = work.rests
        self._in_hand = Counter[str]()
        self.known: set[str] = set()
        self.chosen: list[str] = []  # procrastinate looks at it each time

    def choose(self) -> None:
        """Choose anew."""
        now = time.monotonic()
        self.chosen[:] = [
            queue
            for queue in self.known
            if self._in_hand[queue] < _SIDE_BY_SIDE and self._rests.get(queue, 0.0) <= now
        ]

    async def counted(self, step: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:  # noqa: ANN401
        """Carry out one reminder."""
        del worker
        self._in_hand[context.job.queue] += 1
        self.choose()
        try:
            return await step()
        finally:
            self._in_hand[context.job.queue] -= 1
            self.choose()


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
    except Interrupted:
        """Whoever works next is reminded by the next poll."""
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
