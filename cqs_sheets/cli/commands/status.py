"""`cqs-sheets status`."""

from __future__ import annotations

from typing import Any

import click

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.options import Days, Options, config_option, loudness_options
from cqs_sheets.cli.session import journal_of, session_of
from cqs_sheets.cli.terminal.output import print_json
from cqs_sheets.cli.terminal.tables import console, plain_table
from cqs_sheets.cli.terminal.tenants import print_tenants
from cqs_sheets.cli.watching import watch_status
from cqs_sheets.config import TargetSettings
from cqs_sheets.core.render import (
    ago,
    coverage_days,
    coverage_text,
    duration,
    moment_text,
    plural,
    strip_lines,
)
from cqs_sheets.core.report import coverage_json, utc_text
from cqs_sheets.core.signals.query import selection
from cqs_sheets.journal import Journal, PastPoll, TargetState
from cqs_sheets.run import Session, lineage_of
from cqs_sheets.run.rest import remembered

_POLLS = 200  # enough to hold the last poll of every feed of any sensible config
_GAPS = 5


@click.command("status")
@config_option
@click.option("--sandbox", is_flag=True, help="Of the syncs made with --sandbox.")
@click.option(
    "--coverage", "days", type=Days(), metavar="DAYS", help="Draw the coverage of so many days, e.g. 30d."
)
@click.option("--all", "all_tenants", is_flag=True, help="Of every tenant of a journal in PostgreSQL.")
@click.option("--watch", is_flag=True, help="Fill the screen with it, and keep it fresh.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@loudness_options
def status_command(as_json: bool, all_tenants: bool, watch: bool, days: int | None, **options: Any) -> int:
    """Show the last poll, coverage and gaps, and what is pending where.

    Asks nothing of the API and changes nothing. With --watch: open signals (with their R, if outcomes are
    judged), coverage, targets, the last alerts, trouble; keys filter, and open a chart.

    \b
    Examples:
      cqs-sheets status
      cqs-sheets status --coverage 30d
      cqs-sheets status --watch
      cqs-sheets status --all
    """
    if all_tenants:
        with session_of(Options(**options), serve=False) as session:
            return print_tenants(session, as_json=as_json)
    if watch:
        with session_of(Options(**options), serve=False) as session:
            return watch_status(session)
    with journal_of(Options(**options)) as (session, journal):
        print_status(session, journal, as_json=as_json, days=days)
    return 0


def print_status(session: Session, journal: Journal, *, as_json: bool, days: int | None = None) -> None:
    """The state of the configured feeds and targets, and how the last `days` were covered."""
    state = _state(session, journal)
    drawn = coverage_days(journal.coverage(_feeds(session)), utc_now(), days or 0, session.settings.zone)
    if days:
        state["days"] = [{"day": one.day.isoformat(), "gap_seconds": one.gap_seconds} for one in drawn]
    if as_json:
        print_json(state)
        return
    out, now = console(), utc_now()
    if not journal.polls(1):
        click.echo(f"No poll yet (journal: {session.journal_path}).")
    feeds = plain_table("Feed", "Last poll", "Outcome", "Open signals")
    for name, poll in _last_polls(journal).items():
        feeds.add_row(name, ago(poll.at, now), poll.outcome, str(state["open"].get(name, "")))
    if feeds.row_count:
        out.print(feeds)
        out.print()
    covered = journal.coverage(_feeds(session))
    zone = session.settings.zone
    click.echo(coverage_text(covered, zone))
    for gap in covered.gaps[-_GAPS:]:
        length = duration((gap.end - gap.start).total_seconds())
        click.echo(f"  missed {moment_text(gap.start, zone)} to {moment_text(gap.end, zone)} ({length})")
    if drawn:
        click.echo("\n" + "\n".join(strip_lines(drawn)))
    out.print()
    targets = plain_table("Target", "Template", "Last write", "Pending")
    for target, told in zip(session.settings.targets, state["targets"], strict=True):
        known = _remembered(journal, target)
        when = ago(known.last_heartbeat, now) if known.last_heartbeat else "never"
        targets.add_row(known.title or target.name, target.template, when, plural(told["pending"], "row"))
    out.print(targets)


def _state(session: Session, journal: Journal) -> dict[str, Any]:
    now = utc_now()
    coverage = journal.coverage(_feeds(session))
    return {
        "journal": str(session.journal_path),
        "polls": [
            {
                "feed": name,
                "last_poll": utc_text(poll.at),
                "seconds_ago": round((now - poll.at).total_seconds()),
                "outcome": poll.outcome,
            }
            for name, poll in _last_polls(journal).items()
        ],
        "open": _open_signals(session, journal),
        "coverage": coverage_json(coverage),
        "targets": [_target(journal, target) for target in session.settings.targets],
    }


def _target(journal: Journal, target: TargetSettings) -> dict[str, Any]:
    state = _remembered(journal, target)
    return {
        "target": target.name,
        "template": target.template,
        "last_write": utc_text(state.last_heartbeat) if state.last_heartbeat else None,
        "pending": journal.pending(state, target.feeds),
    }


def _remembered(journal: Journal, target: TargetSettings) -> TargetState:
    return remembered(journal, target, lineage_of(target) if journal.shared else ())


def _last_polls(journal: Journal) -> dict[str, PastPoll]:
    """The newest poll of each feed."""
    return {poll.feed: poll for poll in journal.polls(_POLLS)}


def _open_signals(session: Session, journal: Journal) -> dict[str, int]:
    return {feed.name: journal.open_signals(feed.name) for feed in session.settings.feeds}


def _feeds(session: Session) -> list[tuple[str, str]]:
    free = session.settings.api.key.is_free
    return [(feed.name, selection(feed, free=free)) for feed in session.settings.feeds]
