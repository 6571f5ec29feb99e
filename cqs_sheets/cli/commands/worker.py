"""`cqs-sheets worker`."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack
from math import inf
from pathlib import Path
from typing import Any

import click

from cqs_sheets.cli.options import Options, loudness_options, span
from cqs_sheets.cli.session import Interruption
from cqs_sheets.cli.terminal.output import log_to, set_up_logging
from cqs_sheets.config import process_environ
from cqs_sheets.config.settings import DEFAULT_TENANT
from cqs_sheets.errors import TargetBusy, UsageError
from cqs_sheets.journal import SharedJournal

_log = logging.getLogger(__name__)
_PAUSE = 5.0  # seconds between looks for a PostgreSQL that is away at the start


@click.command("worker")
@click.option("--configs", type=click.Path(path_type=Path, resolve_path=True), required=True, metavar="DIR",
              help="A folder of configs: each *.toml is a tenant.")  # fmt: skip
@click.option("--every", type=span(10, 18 * 60), default="60s", show_default=True, help="How often to poll.")
@click.option("--for", "lasting", type=span(1), metavar="DURATION",
              help="How long, e.g. 5h50m; default: until stopped.")  # fmt: skip
@click.option("--metrics", "port", type=click.IntRange(0, 65535), metavar="PORT",
              help="Serve metrics for Prometheus on this port of 127.0.0.1.")  # fmt: skip
@loudness_options
def worker_command(
    configs: Path, every: float, lasting: float | None, port: int | None, **options: Any
) -> int:
    """Poll and write for many tenants, beside any number of other workers.

    The journal of all is in PostgreSQL (CQS_JOURNAL, or [journal] in each config). New and changed configs are
    taken up at once; SIGTERM finishes what has begun. Needs the extra cqs-sheets[worker].

    \b
    Example:
      cqs-sheets worker --configs /etc/cqs-sheets --metrics 9464
    """
    given = Options(**options)
    set_up_logging(verbose=given.verbose, quiet=given.quiet)
    if given.log_file:
        log_to(given.log_file)
    return work_until_stopped(configs, every, port, lasting)


def work_until_stopped(configs: Path, every: float, port: int | None, lasting: float | None = None) -> int:
    """Work, `lasting` so many seconds if that is given; returns the exit code of the signal that ended it, else 0."""
    try:
        from cqs_sheets.fleet.metrics import Metrics, served  # noqa: PLC0415 - for workers only
        from cqs_sheets.fleet.queue import Reminders  # noqa: PLC0415
        from cqs_sheets.fleet.steps import Work  # noqa: PLC0415
        from cqs_sheets.fleet.tenants import Tenants  # noqa: PLC0415
        from cqs_sheets.fleet.worker import run_worker  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "Workers need packages that are not installed.",
            meaning="No worker was started.",
            hint="Install them with: pip install 'cqs-sheets[worker]'",
        ) from None
    interruption = Interruption()
    interruption.install()
    until = time.monotonic() + (inf if lasting is None else lasting)

    def over() -> bool:
        return interruption.requested is not None or time.monotonic() >= until

    tenants = Tenants(
        configs, process_environ(), stop=lambda: interruption.requested, sleep=interruption.sleep
    )
    urls = {settings.journal_url for settings in tenants.all().values() if settings.journal_url}
    if len(urls) != 1:
        raise UsageError(
            f"{configs} has {'no config that can be used' if not urls else 'configs of several journals'}.",
            meaning="No worker was started.",
            hint="Put a config there for each tenant, and name one PostgreSQL in CQS_JOURNAL; -v tells more.",
        )
    place = SharedJournal(urls.pop(), DEFAULT_TENANT)  # of no tenant: what is said of it is said to all
    with ExitStack() as stack:
        while not _prepared(place):
            interruption.sleep(_PAUSE)
        reminders = Reminders(place)
        stack.callback(reminders.close)
        metrics = Metrics()
        if port is not None:
            _log.info("metrics on http://127.0.0.1:%s/metrics", stack.enter_context(served(metrics, port)))
        work = Work(place, tenants, reminders, metrics, every)
        stack.callback(work.close)
        _log.info("working for the tenants of %s", configs)
        asyncio.run(run_worker(work, over))
    stopped = interruption.requested
    return stopped.exit_code if stopped else 0


def _prepared(place: SharedJournal) -> bool:
    from cqs_sheets.fleet.queue import prepare  # noqa: PLC0415 - for workers only

    try:
        prepare(place)
    except TargetBusy as error:
        _log.warning("waiting: %s", error)
        return False
    return True
