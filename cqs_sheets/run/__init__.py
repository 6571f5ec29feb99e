"""One run: ask the API, keep the answers, deliver rows to every target, report. Here it is put together from settings.

What only some runs need (Google, the sandbox) is imported when it is needed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from cqs_sheets.core.plan.facts import Choices, Lineage
from cqs_sheets.destinations import excel
from cqs_sheets.destinations.excel.filesystem import check_place
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import JOURNAL_FILE, Journal, JournalPlace, SharedJournal
from cqs_sheets.run.journals import give_past, journal_place, read_in
from cqs_sheets.run.poll import FeedPoller
from cqs_sheets.run.rest import Rest, remembered
from cqs_sheets.run.sync import Run
from cqs_sheets.template_files import load_template
from cqs_sheets.values import dataclass, replace

if TYPE_CHECKING:
    from cqs_sheets.destinations import Destination
    from cqs_sheets.destinations.google.wire.exchange import Places, Wire
    from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
    from cqs_sheets.run.deliver import Deliverer
    from cqs_sheets.run.looking import Target
    from cqs_sheets.run.outcomes import Judge
    from cqs_sheets.sandbox import Simulation

_TRIALS = "sandbox"  # in the home: what syncs with --sandbox leave


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
    further step, once there is one. `market` is that of a sandbox that runs for the session.
    `google` is a connection to Google Sheets that outlives the run, None: each run makes its own; `kept` holds
    sessions with a shared journal that do.
    """

    settings: Settings
    environment: Environment
    sandbox: bool = False
    sleep: Callable[[float], None] = time.sleep
    stop: Callable[[], CqsError | None] = _go_on
    market: Simulation | None = None
    google: SheetsHttp | None = None
    kept: list[Any] | None = None

    @property
    def journal_path(self) -> JournalPlace:
        """Where the journal is: a file, or PostgreSQL."""
        place = journal_place(self.settings)
        return replace(place, kept=self.kept) if isinstance(place, SharedJournal) else place

    @property
    def look_elsewhere(self) -> str:
        """What to tell who looks for signals where none are: trials have a journal of their own."""
        trials = os.path.exists(self.settings.home / _TRIALS / JOURNAL_FILE)  # noqa: PTH110 - it never raises
        told = "\nSyncs with --sandbox have a journal of their own: add --sandbox to see it."
        return told if trials and not self.sandbox else ""


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
            # nobody is told of invented signals
            settings = replace(settings, home=settings.home / _TRIALS, journal_url=None, alerts=())
        yield Session(
            settings=settings,
            environment=Environment.read(environ),
            sandbox=sandbox,
            sleep=sleep,
            stop=stop,
            market=server.market if sandbox and serve else None,
        )


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

    Raises CqsError if the journal cannot be opened, or the key or another server_timezone cannot be used.
    """
    settings = session.settings
    with ExitStack() as stack:
        api = api or stack.enter_context(open_api(session))
        journal = stack.enter_context(Journal.open(session.journal_path, clock=utc_now, rehearsal=dry_run))
        read_in(journal, settings.api.server_zone, utc_now())
        if not dry_run:
            names = [alert.name for alert in settings.alerts]
            journal.register_alerts(settings.alert_owner, names, utc_now())
        targets = stack.enter_context(opened_targets(session, force=choices.force))
        rest = Rest(
            journal=journal, clock=utc_now,
            surroundings=f"{settings.zone} {session.sandbox}{' outcomes' if settings.outcomes else ''}",
            looks=not choices.restore,
        )  # fmt: skip

        def show(target: TargetSettings) -> bool:
            return rest.known(target) is None and targets.show_outcomes(target)

        judging = settings.outcomes is not None or any(map(show, settings.targets))
        judge = judge_of(session, journal, progress=progress) if judging else None
        if judge and session.market:
            give_past(journal, session.market, settings.feeds[0].name, utc_now())

        @cache
        def deliverer() -> Deliverer:
            from cqs_sheets.run.deliver import Deliverer  # noqa: PLC0415 - not where all targets are at rest

            return Deliverer(
                journal=journal, choices=choices, dry_run=dry_run, clock=utc_now, sandbox=session.sandbox,
                rules=judge.settings.rules if judge else None, sleep=session.sleep, rest=rest, turn=rest.turn,
            )  # fmt: skip

        yield Run(
            settings=settings,
            poller=FeedPoller(
                api, journal, free=settings.api.key.is_free,
                server_zone=settings.api.server_zone, interval=settings.api.interval,
            ),
            deliverer=deliverer,
            dry_run=dry_run,
            journal=journal,
            open_target=targets.open,
            at_rest=rest.found,
            clock=utc_now,
            progress=progress,
            stop=session.stop,
            judge=judge,
            shows_outcomes=show,
        )  # fmt: skip


def check_targets(session: Session) -> None:
    """Raise CqsError if no target can ever be written: before the API is asked, as nothing will mend that.

    One that was written before is not looked at: its signals are caught also while it is away. One among others is
    told in its turn.
    """
    with Journal.open_readonly(session.journal_path, clock=utc_now) as journal:
        new = [each for each in session.settings.targets if not remembered(journal, each).sequence]
    hopeless = list(filter(None, map(_hopeless, new)))
    if len(hopeless) == len(session.settings.targets):
        raise hopeless[0]


def _hopeless(target: TargetSettings) -> CqsError | None:
    try:
        load_template(target.template)
        if target.path:
            check_place(target.path)
    except CqsError as error:
        return error
    return None


def judge_of(session: Session, journal: Journal, *, progress: Callable[[str], None] = _quietly) -> Judge:
    """What judges signals by the session's rules. One's own sandbox is asked for as much as is wanted."""
    from cqs_sheets.run.outcomes import Judge  # noqa: PLC0415 - for judging only

    settings = session.settings
    return Judge(
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
        if session.google:
            google = session.google
        elif any(target.place.spreadsheet for target in session.settings.targets):
            google = open_google(session)
            stack.callback(google.close)
        yield Targets(session, google, force=force)


class Targets:
    """Opens the targets of one run: a template is read once, Google's quota is shared."""

    def __init__(self, session: Session, google: SheetsHttp | None, *, force: bool) -> None:
        self._session = session
        self._google = google
        self._force = force
        self._template = cache(partial(load_template, outcomes=session.settings.outcomes is not None))

    def open(self, target: TargetSettings) -> Target:
        """A target ready to be written; raises CqsError if its template cannot be used."""
        from cqs_sheets.run.looking import Target  # noqa: PLC0415 - as above

        template = self._template(target.template)
        template = template.of_sandbox() if self._session.sandbox else template
        return Target(
            settings=target,
            template=template.newest_first() if target.newest_first else template,
            destination=self._destination(target),
            zone=self._session.settings.zone,
        )

    def show_outcomes(self, target: TargetSettings) -> bool:
        """Whether a target's template shows what became of signals; not if it cannot be used."""
        from cqs_sheets.run.looking import shows_outcomes  # noqa: PLC0415 - as above

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
        return excel.ExcelDestination(
            target.path or Path(target.to),
            backups=target.backups,
            lock_wait=target.lock_wait,
            force=self._force,
            sleep=self._session.sleep,
        )


def lineage_of(target: TargetSettings) -> Lineage:
    """What a workbook says of itself, as a shared journal knows it by that; nothing of one that cannot be read."""
    if target.path is None:
        return ()
    try:
        return excel.ExcelDestination(target.path).stamp("").lineage
    except CqsError:
        return ()


def open_google(
    session: Session, retry_for: float | None = None, quotas: Mapping[str, Places] | None = None
) -> SheetsHttp:
    """A connection to Google Sheets that looks for credentials when the first request needs them.

    `retry_for` and `quotas` as SheetsHttp takes them.
    """
    from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp  # noqa: PLC0415 - for Google only

    def connect() -> tuple[Wire, str]:
        from cqs_sheets.destinations.google.wire.auth import open_wire  # noqa: PLC0415 - google-auth is slow to import

        return open_wire(
            root=session.settings.sheets_url,
            config_folder=config_folder(),
            named=session.environment.google_credentials,
            file=session.settings.google_file,
        )

    if retry_for is None:
        return SheetsHttp(connect, sleep=session.sleep, quotas=quotas)
    return SheetsHttp(connect, retry_for=retry_for, sleep=session.sleep, quotas=quotas)


def config_folder() -> Path:
    """Where a signed-in user's token is kept: the platform's folder for a user's settings."""
    from platformdirs import user_config_dir  # noqa: PLC0415 - for Google only

    return Path(user_config_dir("cqs-sheets"))
