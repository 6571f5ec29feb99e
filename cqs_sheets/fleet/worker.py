"""One worker: it takes up reminders until it is told to stop, and then finishes what it has begun."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from cqs_sheets.errors import CqsError
from cqs_sheets.fleet.queue import API_QUEUE, FILES_QUEUE, worker_app
from cqs_sheets.fleet.work import Work, queue_of

_log = logging.getLogger(__name__)
_HEARTBEAT, _DEAD = 5.0, 20.0  # seconds: a sign of life, and the silence after which others take over
_LOOK = 5.0  # seconds between looks for new configs and dead workers
_SIDE_BY_SIDE = {API_QUEUE: 4, FILES_QUEUE: 4}
_GOOGLE = 4  # targets of one project that a worker writes side by side


async def run_worker(work: Work, stopped: Callable[[], bool]) -> None:
    """Work until `stopped`, then finish what has begun."""
    app = worker_app(work.place)
    _add_tasks(app, work)
    async with app.open_async():
        runners: dict[str, asyncio.Task[None]] = {}
        known: dict[str, datetime] = {}
        looked = 0.0
        loop = asyncio.get_running_loop()
        try:
            while not stopped():
                if loop.time() - looked >= _LOOK:
                    looked = loop.time()
                    with suppress(ConnectorException, CqsError):  # PostgreSQL is away: at the next look
                        queues = await asyncio.to_thread(_look_for_tenants, work, known)
                        _start(app, runners, queues)
                        await _take_over(app)
                await asyncio.sleep(0.2)
        finally:
            for runner in runners.values():
                runner.cancel()
            await asyncio.gather(*runners.values(), return_exceptions=True)


def _add_tasks(app: App, work: Work) -> None:
    @app.task(name="poll")
    def poll(tenant: str, beat: str) -> None:
        work.poll(tenant, datetime.fromisoformat(beat))

    @app.task(name="write")
    def write(tenant: str, target: str, attempt: int) -> None:
        work.write(tenant, target, attempt)

    @app.task(name="judge")
    def judge(tenant: str) -> None:
        work.judge(tenant)


def _look_for_tenants(work: Work, known: dict[str, datetime]) -> set[str]:
    """Remind of each tenant's next poll, should nobody have; the queues that there is work in."""
    queues, now = {API_QUEUE, FILES_QUEUE}, work.clock()
    for tenant, settings in work.tenants.all().items():
        queues |= {queue_of(settings, target) for target in settings.targets}
        if known.get(tenant, now) <= now:
            first = tenant not in known
            known[tenant] = work.next_beat(tenant, now)
            work.reminders.poll(tenant, now if first else known[tenant])
    return queues


def _start(app: App, runners: dict[str, asyncio.Task[None]], queues: set[str]) -> None:
    """A runner for every queue; one that ended with its connection starts again."""
    for queue in queues:
        if queue not in runners or runners[queue].done():
            runners[queue] = asyncio.create_task(
                app.run_worker_async(
                    queues=[queue], name=queue, concurrency=_SIDE_BY_SIDE.get(queue, _GOOGLE),
                    install_signal_handlers=False, fetch_job_polling_interval=1.0, delete_jobs="always",
                    update_heartbeat_interval=_HEARTBEAT, stalled_worker_timeout=_DEAD,
                )
            )  # fmt: skip


async def _take_over(app: App) -> None:
    """Let others have what a dead worker had begun."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD):
        _log.warning("a worker is gone: its %s is taken over", job.task_name)
        try:
            await app.job_manager.retry_job(job)
        except ConnectorException:  # somebody was faster, or the next reminder waits already
            with suppress(ConnectorException):
                await app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
