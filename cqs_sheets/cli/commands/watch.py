"""`cqs-sheets watch`: every step opens the journal anew, so that others get their turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from cqs_sheets.cli.commands.sync import tell_of_defaults
from cqs_sheets.cli.options import Duration, SyncOptions, sync_options
from cqs_sheets.cli.session import alerting_of, run_of, session_of
from cqs_sheets.cli.terminal.failures import print_result, show, show_unexpected
from cqs_sheets.cli.terminal.output import print_warning
from cqs_sheets.core.render import duration
from cqs_sheets.core.report import Report, in_total
from cqs_sheets.core.signals.query import selection
from cqs_sheets.errors import CqsError
from cqs_sheets.github import tell_github
from cqs_sheets.run import Session, open_api
from cqs_sheets.run.sync import GOES_ON, Beat, Run, Step, run_once, watch

_JUMP = 30.0  # seconds that the wall clock gains on the monotonic one: the computer was asleep


@click.command("watch")
@click.option(
    "--every",
    type=Duration(30, 20 * 60),
    default="60s",
    show_default=True,
    help="How often to sync, from 30s to 20m.",
)
@click.option(
    "--for",
    "lasting",
    type=Duration(1),
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
    with session_of(options) as session:
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
        self._total: Report | None = None

    def step(self, retry_for: float) -> Step:
        """One sync. Raises CqsError for what happened before it could begin and no later step can mend."""
        try:
            with (
                open_api(self._session, retry_for) as api,
                run_of(self._session, self._options, api=api) as run,
            ):
                before = _good_polls(run)
                result = run_once(run)
                good = all(new != old for new, old in zip(_good_polls(run), before, strict=True))
        except CqsError as error:
            if error.exit_code not in GOES_ON:
                raise
            show(error)
            return Step(exit_code=error.exit_code, good=False)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - the next beat may go well
            return Step(exit_code=show_unexpected(error), good=False)
        self._news()
        print_result(result, as_json=self._options.as_json, quiet=self._options.quiet)
        self._total = in_total(self._total, result.report)
        return Step(exit_code=result.report.exit_code, good=good, limited=api.limited)

    def conclude(self) -> None:
        """Tell GitHub what the watch came to."""
        if self._total:
            tell_github(self._total, self._session.environment)


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
            " what opens in between is missed. Leave interval at auto."
        )


def _good_polls(run: Run) -> list[datetime | None]:
    free = run.settings.api.key.is_free
    return [run.journal.last_good_poll(feed.name, selection(feed, free=free)) for feed in run.settings.feeds]
