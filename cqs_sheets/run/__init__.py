"""One run: ask the API, keep the answers, deliver rows to every target, report. Here it is put together from settings.

What only some runs need (Google, the sandbox) is imported when it is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_config_dir

from cqs_sheets.api import ApiClient
from cqs_sheets.api.client import utc_now
from cqs_sheets.config import (
    Environment,
    OutcomesSettings,
    Overrides,
    Settings,
    TargetSettings,
    load,
    process_environ,
)
from cqs_sheets.core.plan.planner import Choices
from cqs_sheets.destinations import Destination
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import JOURNAL_FILE, Journal
from cqs_sheets.run.deliver import Deliverer, Target, shows_outcomes
from cqs_sheets.run.outcomes import Desk
from cqs_sheets.run.poll import FeedPoller
from cqs_sheets.run.sync import Run
from cqs_sheets.template_files import load_template

if TYPE_CHECKING:
    from cqs_sheets.destinations.google.wire.exchange import Wire
    from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp


def _go_on() -> CqsError | None:
    """No reason to stop: a program is ended by its own means."""
    return None


def _quietly(what: str) -> None:
    """Tell nobody what is being done."""
    del what


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a command or a program was told, by files, environment and options, and how it waits.

    `sleep` waits seconds and may raise CqsError to end the wait; `stop` gives the reason to begin no
    further step, once there is one.
    """

    settings: Settings
    environment: Environment
    sleep: Callable[[float], None] = time.sleep
    stop: Callable[[], CqsError | None] = _go_on

    @property
    def journal_path(self) -> Path:
        """Where the journal is."""
        return self.settings.home / JOURNAL_FILE


@contextmanager
def opened_session(
    *,
    config: Path | None,
    overrides: Overrides,
    search: bool = True,
    sandbox: bool = False,
    serve: bool = True,
    sleep: Callable[[float], None] = time.sleep,
    stop: Callable[[], CqsError | None] = _go_on,
) -> Iterator[Session]:
    """The settings; with `sandbox`, a sandbox runs for as long (unless not to `serve`).

    The sandbox has a journal of its own and never sees the key: invented signals must not mix with
    real ones. `search`: without `config`, look for cqs-sheets.toml in the working folder. Raises
    UsageError for settings that cannot be used.
    """
    with ExitStack() as stack:
        environ = dict(process_environ())
        if sandbox and serve:
            from cqs_sheets.sandbox import FREE_KEY, start  # noqa: PLC0415 - for the sandbox only

            server = stack.enter_context(start())
            environ |= {"CQS_API_URL": server.url, "CQS_API_KEY": FREE_KEY, "CQS_MARKETS_URL": server.url}
        settings = load(config=config, environ=environ, cwd=Path.cwd(), overrides=overrides, search=search)
        if sandbox:
            settings = replace(settings, home=settings.home / "sandbox")
        yield Session(settings=settings, environment=Environment.read(environ), sleep=sleep, stop=stop)


@contextmanager
def opened_run(
    session: Session,
    *,
    choices: Choices,
    dry_run: bool,
    progress: Callable[[str], None] = _quietly,
    api: ApiClient | None = None,
) -> Iterator[Run]:
    """A run with its journal and its connections open: an API client of its own, or the one given.

    Raises CqsError if the journal cannot be opened, or the key cannot be used.
    """
    settings = session.settings
    with ExitStack() as stack:
        api = api or stack.enter_context(open_api(session))
        journal = stack.enter_context(Journal.open(session.journal_path, clock=utc_now, rehearsal=dry_run))
        targets = stack.enter_context(opened_targets(session, force=choices.force))
        desk = None if dry_run else desk_of(session, targets, journal, progress=progress)
        yield Run(
            settings=settings,
            poller=FeedPoller(
                api, journal, free=settings.api.key.is_free,
                server_zone=settings.api.server_zone, interval=settings.api.interval,
            ),
            deliverer=Deliverer(
                journal=journal, choices=choices, dry_run=dry_run, clock=utc_now,
                rules=desk.settings.rules if desk else None,
            ),
            journal=journal,
            open_target=targets.open,
            clock=utc_now,
            progress=progress,
            stop=session.stop,
            desk=desk,
            shows_outcomes=targets.show_outcomes,
        )  # fmt: skip


def desk_of(
    session: Session, targets: Targets, journal: Journal, *, progress: Callable[[str], None] = _quietly
) -> Desk | None:
    """What judges signals, where the config wants it or a target's template shows it; else None."""
    settings = session.settings
    if settings.outcomes is None and not any(map(targets.show_outcomes, settings.targets)):
        return None
    return Desk(
        journal=journal, home=settings.home, settings=settings.outcomes or OutcomesSettings(),
        symbols=settings.targets[0].symbols, markets_url=settings.markets_url, clock=utc_now,
        progress=progress, sleep=session.sleep, stop=session.stop,
    )  # fmt: skip


def open_api(session: Session, retry_for: float | None = None) -> ApiClient:
    """A client for the session's API and key; `retry_for` seconds of retries, default the settings'."""
    api = session.settings.api
    budget = api.retry_for if retry_for is None else retry_for
    return ApiClient(url=api.url, key=api.key, retry_for=budget, clock=utc_now, sleep=session.sleep)


@contextmanager
def opened_targets(session: Session, *, force: bool) -> Iterator[Targets]:
    """What opens the session's targets; one connection to Google, if any of them is there."""
    with ExitStack() as stack:
        google = None
        if any(target.place.spreadsheet for target in session.settings.targets):
            google = open_google(session)
            stack.callback(google.close)
        yield Targets(session, google, force=force)


class Targets:
    """Opens the targets of one run: a template is read once, Google's quota is shared."""

    def __init__(self, session: Session, google: SheetsHttp | None, *, force: bool) -> None:
        self._session = session
        self._google = google
        self._force = force
        self._template = cache(load_template)

    def open(self, target: TargetSettings) -> Target:
        """A target ready to be written; raises CqsError if its template cannot be used."""
        template = self._template(target.template)
        return Target(
            settings=target,
            template=template.newest_first() if target.newest_first else template,
            destination=self._destination(target),
            zone=self._session.settings.zone,
        )

    def show_outcomes(self, target: TargetSettings) -> bool:
        """Whether a target's template shows what became of signals; not if it cannot be used."""
        try:
            return shows_outcomes(self._template(target.template))
        except CqsError:
            return False

    def _destination(self, target: TargetSettings) -> Destination:
        if target.place.spreadsheet and self._google:
            from cqs_sheets.destinations.google import GoogleDestination  # noqa: PLC0415

            return GoogleDestination(
                target.place.spreadsheet,
                http=self._google,
                zone_name=str(self._session.settings.zone),
            )
        return ExcelDestination(
            target.path or Path(target.to),
            backups=target.backups,
            lock_wait=target.lock_wait,
            force=self._force,
            sleep=self._session.sleep,
        )


def open_google(session: Session, retry_for: float | None = None) -> SheetsHttp:
    """A connection to Google Sheets that looks for credentials when the first request needs them.

    `retry_for` as SheetsHttp takes it.
    """
    from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp  # noqa: PLC0415 - for Google only

    def connect() -> tuple[Wire, str]:
        from cqs_sheets.destinations.google.wire.auth import open_wire  # noqa: PLC0415 - google-auth is slow to import

        return open_wire(
            root=session.settings.sheets_url,
            config_folder=config_folder(),
            file_named=session.environment.google_credentials,
        )

    if retry_for is None:
        return SheetsHttp(connect, sleep=session.sleep)
    return SheetsHttp(connect, retry_for=retry_for, sleep=session.sleep)


def config_folder() -> Path:
    """Where a signed-in user's token is kept: the platform's folder for a user's settings."""
    return Path(user_config_dir("cqs-sheets"))
