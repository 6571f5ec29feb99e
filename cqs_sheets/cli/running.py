"""Puts the parts together: from options to settings, and from settings to a run that can be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cqs_sheets import config, sandbox
from cqs_sheets.api import ApiClient
from cqs_sheets.cli.interrupt import Interruption
from cqs_sheets.cli.log_file import log_to
from cqs_sheets.cli.output import Progress, print_warning, set_up_logging
from cqs_sheets.cli.targets import Targets
from cqs_sheets.core.rows.planner import Choices
from cqs_sheets.journal import JOURNAL_FILE, Journal
from cqs_sheets.run.deliver import Deliverer
from cqs_sheets.run.poll import FeedPoller
from cqs_sheets.run.sync import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one invocation was told, by files, environment and options."""

    settings: config.Settings
    environment: config.Environment
    interruption: Interruption
    quiet: bool

    @property
    def journal_path(self) -> Path:
        """Where the journal is."""
        return self.settings.home / JOURNAL_FILE


@contextmanager
def settings_of(options: Mapping[str, Any], *, serve: bool = True, tell: bool = True) -> Iterator[Loaded]:
    """The settings of an invocation; with --sandbox, a sandbox runs for as long (unless not to `serve`).

    The sandbox has a journal of its own and never sees the key: invented signals must not mix
    with real ones. The settings' warnings are printed unless not to `tell`.
    """
    set_up_logging(verbose=bool(options.get("verbose")), quiet=bool(options.get("quiet")))
    if options.get("log_file"):
        log_to(options["log_file"])
    interruption = Interruption()
    interruption.install()
    quiet = bool(options.get("quiet"))
    with ExitStack() as stack:
        environ = dict(config.process_environ())
        if options.get("sandbox") and serve:
            server = stack.enter_context(sandbox.start())
            environ |= {"CQS_API_URL": server.url, "CQS_API_KEY": sandbox.FREE_KEY}
            if not quiet:
                click.echo("Sandbox: the signals are invented.", err=True)
        settings = config.load(
            config=options.get("config"), environ=environ, cwd=Path.cwd(), overrides=_overrides(options)
        )
        if options.get("sandbox"):
            settings = replace(settings, home=settings.home / "sandbox")
        for warning in settings.warnings if tell and not quiet else ():
            print_warning(warning)
        yield Loaded(
            settings=settings,
            environment=config.Environment.read(environ),
            interruption=interruption,
            quiet=quiet,
        )


@contextmanager
def opened_run(loaded: Loaded, options: Mapping[str, Any], *, api: ApiClient | None = None) -> Iterator[Run]:
    """A run with its journal and its connection open: a client of its own, or the one given."""
    settings = loaded.settings
    dry_run, force = bool(options.get("dry_run")), bool(options.get("force"))
    progress = Progress(enabled=not loaded.quiet)
    with ExitStack() as stack:
        stack.callback(progress.clear)
        api = api or stack.enter_context(open_api(loaded))
        journal = stack.enter_context(Journal.open(loaded.journal_path, clock=utc_now, rehearsal=dry_run))
        targets = Targets(settings, loaded.environment, loaded.interruption, force=force)
        stack.callback(targets.close)
        choices = Choices(restore=bool(options.get("restore")), force=force)
        yield Run(
            settings=settings,
            poller=FeedPoller(
                api, journal, free=settings.api.key.is_free,
                server_zone=settings.api.server_zone, interval=settings.api.interval,
            ),
            deliverer=Deliverer(journal=journal, choices=choices, dry_run=dry_run, clock=utc_now),
            journal=journal,
            open_target=targets.open,
            clock=utc_now,
            progress=progress,
            stop=lambda: loaded.interruption.requested,
        )  # fmt: skip


def open_api(loaded: Loaded, retry_for: float | None = None) -> ApiClient:
    """A client for the settings' API and key."""
    api = loaded.settings.api
    budget = api.retry_for if retry_for is None else retry_for
    return ApiClient(
        url=api.url, key=api.key, retry_for=budget, clock=utc_now, sleep=loaded.interruption.sleep
    )


def utc_now() -> datetime:
    """The clock of every command."""
    return datetime.now(UTC)


def _overrides(options: Mapping[str, Any]) -> config.Overrides:
    return config.Overrides(
        to=tuple(options.get("to") or ()),
        template=options.get("template"),
        interval=options.get("interval"),
        exchange=tuple(options.get("exchange") or ()),
        currency=tuple(options.get("currency") or ()),
        type=tuple(options.get("types") or ()),
    )
