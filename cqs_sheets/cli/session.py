"""A command's session: its settings and log, its stop by Ctrl-C, its journal and its run."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from cqs_sheets import deadline
from cqs_sheets.api import ApiClient
from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.options import Options, SyncOptions
from cqs_sheets.cli.terminal.output import Progress, log_to, print_warning, set_up_logging
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.errors import Interrupted
from cqs_sheets.journal import Journal
from cqs_sheets.run import Session, opened_run, opened_session
from cqs_sheets.run.sync import Run

_log = logging.getLogger(__name__)
_GLANCE = 0.2  # seconds: a sleep goes on after a signal was noted


@contextmanager
def session_of(options: Options, *, serve: bool = True, tell: bool = True) -> Iterator[Session]:
    """The session of a command; with --sandbox, a sandbox runs for as long (unless not to `serve`).

    SIGINT and SIGTERM ask for a stop from now on. The settings' warnings are printed unless not to
    `tell`. Raises CqsError as run.opened_session does.
    """
    set_up_logging(verbose=options.verbose, quiet=options.quiet)
    if options.log_file:
        log_to(options.log_file)
    interruption = Interruption()
    interruption.install()
    if options.sandbox and serve and not options.quiet:
        click.echo("Sandbox: the signals are invented.", err=True)
    with opened_session(
        config=options.config,
        overrides=options,
        sandbox=options.sandbox,
        serve=serve,
        sleep=interruption.sleep,
        stop=lambda: interruption.requested,
    ) as session:
        for warning in session.settings.warnings if tell and not options.quiet else ():
            print_warning(warning)
        yield session


@contextmanager
def journal_of(
    options: Options, *, writing: bool = False, serve: bool = False
) -> Iterator[tuple[Session, Journal]]:
    """The session and its journal, for commands that ask the API nothing; read-only unless `writing`.

    With --sandbox none runs, unless it is to `serve` market data.
    """
    opening = Journal.open if writing else Journal.open_readonly
    with session_of(options, serve=serve) as session, opening(session.journal_path, clock=utc_now) as journal:
        yield session, journal


@contextmanager
def run_of(session: Session, options: SyncOptions, *, api: ApiClient | None = None) -> Iterator[Run]:
    """A run whose progress is shown on the terminal."""
    progress = Progress(enabled=not options.quiet)
    choices = Choices(restore=options.restore, force=options.force)

    def tell(what: str) -> None:
        progress(what)
        _log.debug("%s", what)

    try:
        with opened_run(session, choices=choices, dry_run=options.dry_run, progress=tell, api=api) as run:
            yield run
    finally:
        progress.clear()


@contextmanager
def alerting_of(session: Session, options: SyncOptions) -> Iterator[Callable[[], None]]:
    """Sends the session's alerts beside what is done meanwhile; yields what says that there is news."""
    settings, journal = session.settings, session.journal_path
    if not settings.alerts:
        yield lambda: None
        return
    from cqs_sheets.run.alerts import alerting  # noqa: PLC0415 - for configs with alerts

    with alerting(settings, journal, clock=utc_now, warn=print_warning, dry_run=options.dry_run) as news:
        yield news


class Interruption:
    """Set by the first signal; a second SIGINT ends the process at once (which is safe, too).

    So does a second SIGTERM, but not one that comes with the first: some, as timeout(1), send two.
    A plain number, not an Event: the signal may come while this very thread holds an Event's lock.
    """

    def __init__(self) -> None:
        self._number = 0
        self._asked = 0.0

    def install(self) -> None:
        """Take over SIGINT and SIGTERM for this process."""
        deadline.at_leisure()
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)

    @property
    def requested(self) -> Interrupted | None:
        """The failure to end with, once a signal came."""
        return Interrupted(self._number) if self._number else None

    def sleep(self, seconds: float) -> None:
        """Wait; raises Interrupted as soon as a signal comes."""
        until = time.monotonic() + seconds
        while not self._number:
            left = until - time.monotonic()
            time.sleep(max(0.0, min(_GLANCE, left)))
            if left <= _GLANCE and not self._number:
                return
        raise Interrupted(self._number)

    def wait(self) -> None:
        """Wait until a signal comes."""
        while not self._number:
            time.sleep(_GLANCE)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if self._number and (number == signal.SIGINT or now - self._asked > deadline.GRACE):
            raise KeyboardInterrupt(number)
        self._number, self._asked = number, self._asked or now
        deadline.hurry()
