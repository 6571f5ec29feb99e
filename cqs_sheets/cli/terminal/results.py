"""What a sync came to, and one beat of a watch after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import click

from cqs_sheets.cli.terminal.output import Progress, log_report, print_json, print_warning, say, show
from cqs_sheets.config import Environment, Settings
from cqs_sheets.core import render, text
from cqs_sheets.core.news import News
from cqs_sheets.core.report import Report, in_total
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols
from cqs_sheets.errors import CqsError
from cqs_sheets.run.sync import SyncResult
from cqs_sheets.values import dataclass, field

_COLORS = {"+": "green", "~": "yellow"}
_SILENCE = timedelta(hours=1)  # after it a log is told that the watch lives
_AWAY = 69  # the exit code of an API that is not there


def show_result(
    result: SyncResult, environment: Environment, settings: Settings | None, *, as_json: bool, quiet: bool
) -> int:
    """Print the result where it belongs, GitHub's page included; returns the exit code.

    `settings` None: it did not come so far that any were read.
    """
    report = result.report
    log_report(report)
    if as_json:
        print_json(report.as_json())
    elif not quiet:
        names = settings.targets[0].symbols if settings else BUILT_IN
        _show_plans(result) if report.dry_run else _print_news(result.news, names)
        for line in render.report_lines(report, settings.zone if settings else UTC):
            say(text.harmless(line))
    for warning in () if quiet else report.warnings:
        print_warning(warning)
    for error in report.errors:
        show(error)
    tell_github(report, environment, result.news, settings)
    return report.exit_code


def _print_news(news: Sequence[News], names: Symbols, stamp: str = "") -> None:
    if news:
        from cqs_sheets.cli.terminal.news import print_news  # noqa: PLC0415 - for news only

        print_news(news, names, stamp)


def tell_github(
    report: Report, environment: Environment, news: Sequence[News] = (), settings: Settings | None = None
) -> None:
    """What GitHub shows of a sync, or of a watch in total; nothing elsewhere."""
    if environment.github_actions:
        from cqs_sheets.github import summary  # noqa: PLC0415 - there only

        zone, symbols = (settings.zone, settings.targets[0].symbols) if settings else (UTC, BUILT_IN)
        summary.tell_github(report, environment, news, symbols=symbols, zone=zone)


def _show_plans(result: SyncResult) -> None:
    from cqs_sheets.core.changes import plan_lines  # noqa: PLC0415 - for dry runs only

    for target, plan in result.plans.items():
        click.secho(text.harmless(target), bold=True)
        for line in plan_lines(plan):
            say(text.harmless(line), hanging="    ", color=_COLORS.get(line[:1]))


@dataclass(slots=True, kw_only=True)
class Beats:
    """Shows what each sync of a watch brought, stamped on the clocks of `zone`, and in the end all of it.

    Beats without news are one line on a terminal, which is written over; elsewhere one an hour. What failed or was
    warned of in the beat before is not told again.
    """

    names: Symbols
    zone: tzinfo
    clock: Callable[[], datetime]
    as_json: bool
    quiet: bool
    line: Progress
    total: Report | None = None
    _polls: int = 0
    _idle: int = 0
    _told_at: datetime | None = None
    _known: frozenset[str] = frozenset()
    _away_since: datetime | None = None
    _state: str = ""
    _begun: datetime | None = field(default=None)

    def show(self, result: SyncResult) -> None:
        """One sync."""
        report = result.report
        log_report(report)
        self.line.clear()
        was_away = self._away_since is not None
        first, self.total = self.total is None, in_total(self.total, report)
        self._begun = self._begun or report.started
        if self.as_json:
            print_json(report.as_json())
        elif not self.quiet and render.begun(report):
            self._tell(result, first=first)
        known = frozenset([*report.warnings, *(error.message for error in report.errors)])
        for warning in report.warnings:
            if not self.quiet and warning not in self._known:
                print_warning(warning)
        for error in report.errors:
            if error.exit_code != _AWAY or not was_away:
                self.show_error(error)
        self._known = known

    def show_error(self, error: CqsError) -> None:
        """A failure that the watch goes on through, or that ends it."""
        self.line.clear()
        if error.message not in self._known:
            show(_in_a_watch(error))
        self._known |= {error.message}

    def waits(self, seconds: float) -> None:
        """Show, on a terminal, that it lives, and when it asks again."""
        if not (self.quiet or self.as_json):
            at = (self.clock() + timedelta(seconds=seconds)).astimezone(self.zone)
            self.line(f"{self._stamp()}  {self._state}; next poll {at:%H:%M:%S} (Ctrl-C ends it)", more="")

    def conclude(self) -> None:
        """What all of it came to."""
        self.line.clear()
        total, begun = self.total, self._begun
        if total is None or begun is None or self.as_json or self.quiet or self._polls < 2:  # noqa: PLR2004 - one has told it all
            return
        lasted = text.duration((self.clock() - begun).total_seconds())
        api = total.api
        say(
            f"Watched for {lasted}, {text.plural(self._polls, 'poll')}: {api.new:,} new, {api.changed:,} changed,"
            f" {api.closed:,} closed, {api.aged:,} aged. {render.coverage_text(total.coverage, self.zone)}"
        )

    def _tell(self, result: SyncResult, *, first: bool) -> None:
        report, now = result.report, self.clock()
        self._polls += 1
        self._tell_of_the_api(report, now)
        _print_news(result.news, self.names, self._stamp())
        work = [
            target for target in report.targets if first or render.has_work(target, news=bool(result.news))
        ]
        for target in work:
            say(f"{self._stamp()}  {text.harmless(render.target_text(target, dry_run=report.dry_run))}")
        for line in (
            (render.feed_text(report), render.coverage_text(report.coverage, self.zone)) if first else ()
        ):
            if line:
                say(line)
        if self._away_since is None:
            self._state = text.plural(report.api.signals, "open signal")
        self._idle = 0 if work or result.news else self._idle + 1
        if work or result.news or self._told_at is None:
            self._told_at = now
        elif now - self._told_at >= _SILENCE and not sys.stdout.isatty():
            say(f"{self._stamp()}  {self._state}, nothing new in {text.plural(self._idle, 'poll')}")
            self._told_at, self._idle = now, 0

    def _tell_of_the_api(self, report: Report, now: datetime) -> None:
        away = any(error.exit_code == _AWAY for error in report.errors)
        if away:
            self._away_since = self._away_since or now
            self._state = f"the API is away since {self._away_since.astimezone(self.zone):%H:%M:%S}"
        elif self._away_since:
            lasted = text.duration((now - self._away_since).total_seconds())
            say(f"{self._stamp()}  the API answers again, after {lasted}")
            self._away_since = None

    def _stamp(self) -> str:
        return f"{self.clock().astimezone(self.zone):%H:%M:%S}"


def _in_a_watch(error: CqsError) -> CqsError:
    """An API that is away needs nobody."""
    if error.exit_code != _AWAY:
        return error
    hint = "The watch goes on by itself: it asks again, and catches what the API still shows."
    return type(error)(error.message, meaning=error.meaning, hint=hint, kind=error.kind)
