"""`cqs-sheets watch`: every step opens the journal anew, so that others get their turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.commands.sync import tell_of_defaults
from cqs_sheets.cli.options import SyncOptions, span, sync_options
from cqs_sheets.cli.session import alerting_of, run_of, session_of
from cqs_sheets.cli.terminal.output import Progress, print_warning
from cqs_sheets.cli.terminal.results import Beats, show_result, tell_github
from cqs_sheets.config import Environment
from cqs_sheets.core.text import duration
from cqs_sheets.errors import CqsError
from cqs_sheets.run import Session, check_targets, open_api
from cqs_sheets.run.sync import Beat, Run, Step, SyncResult, not_begun, run_once, surely_told, watch

_JUMP = 30.0  # seconds that the wall clock gains on the monotonic one: the computer was asleep


@click.command("watch")
@click.option(
    "--every",
    type=span(30, 20 * 60),
    default="60s",
    show_default=True,
    help="How often to sync, from 30s to 20m.",
)
@click.option(
    "--for",
    "lasting",
    type=span(1),
    metavar="DURATION",
    help="How long, e.g. 5h50m; default: until stopped.",
)
@sync_options
def watch_command(every: float, lasting: float | None, **options: Any) -> int:
    """Sync in a loop, so that no signal is missed.

    Each poll looks back past the last good one, so a slow or failed poll loses nothing within the
    API's 20 minutes; an --every of more than 18m counts as 18m. It goes on while the API or a target
    is away. Ctrl-C finishes the step that has begun.

    \b
    Examples:
      cqs-sheets watch
      cqs-sheets watch --every 2m --for 5h50m --to signals.xlsx
    """
    return watch_until_done(SyncOptions(**options), every, lasting)


def watch_until_done(options: SyncOptions, every: float, lasting: float | None) -> int:
    """Watch as the options say; returns the last state's exit code, or that of the signal."""
    try:
        return _watched(options, every, lasting)
    except CqsError as error:  # it could not begin
        environment = Environment.read()
        if not (options.as_json or environment.github_actions):
            raise
        result = not_begun(error, utc_now(), dry_run=options.dry_run)
        return show_result(result, environment, None, as_json=options.as_json, quiet=options.quiet)


def _watched(options: SyncOptions, every: float, lasting: float | None) -> int:
    with session_of(options) as session:
        check_targets(session)
        tell_of_defaults(session, options)
        _warn_of_a_narrow_look_back(session, every)
        with alerting_of(session, options) as news:
            watching = Watching(session, options, news)
            try:
                code = watch(
                    Beat(every=every, lasting=lasting),
                    watching.step,
                    elapsed=Stopwatch(time.monotonic, time.time),
                    sleep=session.sleep,
                    waits=watching.beats.waits,
                )
            finally:
                watching.conclude()
        stopped = session.stop()
    return stopped.exit_code if stopped else code


class Watching:
    """One sync after the other, shown as they come, and told to GitHub in total."""

    def __init__(
        self, session: Session, options: SyncOptions, news: Callable[[], None] = lambda: None
    ) -> None:
        self._session = session
        self._options = options
        self._news = news
        self.beats = Beats(
            names=session.settings.targets[0].symbols,
            zone=session.settings.zone,
            clock=utc_now,
            as_json=options.as_json,
            quiet=options.quiet,
            line=Progress(enabled=not options.quiet),
        )

    def step(self, retry_for: float) -> Step:
        """One sync, told in any case."""
        good = limited = False

        def work() -> SyncResult:
            nonlocal good, limited
            with (
                open_api(self._session, retry_for) as api,
                run_of(self._session, self._options, api=api) as run,
            ):
                before = _good_polls(run)
                result = run_once(run)
                good = all(new != old for new, old in zip(_good_polls(run), before, strict=True))
                limited = api.limited
            return result

        result = surely_told(work, utc_now, dry_run=self._options.dry_run)
        self._news()
        self.beats.show(result)
        return Step(exit_code=result.report.exit_code, good=good, limited=limited)

    def conclude(self) -> None:
        """Tell what the watch came to, GitHub too."""
        self.beats.conclude()
        if self.beats.total:
            tell_github(self.beats.total, self._session.environment)


class Stopwatch:
    """Seconds since it was made, those that the computer was asleep included."""

    def __init__(self, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._last = monotonic(), wall()
        self._elapsed = 0.0

    def __call__(self) -> float:
        """A monotonic clock stands still in sleep, so what the wall clock gains on it was sleep."""
        now = self._monotonic(), self._wall()
        awake, passed = (new - old for new, old in zip(now, self._last, strict=True))
        self._last = now
        self._elapsed += passed if passed - awake > _JUMP else awake
        return self._elapsed


def _warn_of_a_narrow_look_back(session: Session, every: float) -> None:
    minutes = session.settings.api.interval
    if minutes is not None and minutes * 60 <= every:
        print_warning(
            f"Each poll looks back {minutes} min only, and comes every {duration(every)}:"
            " what opens in between is missed. Leave interval at 20."
        )


def _good_polls(run: Run) -> list[datetime | None]:
    return [run.journal.last_good_poll(name, asked) for name, asked in run.settings.selections]
