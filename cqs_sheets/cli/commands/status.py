"""`cqs-sheets status`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.options import DAYS, Options, config_option, loudness_options
from cqs_sheets.cli.session import journal_of, session_of
from cqs_sheets.cli.terminal.output import print_json
from cqs_sheets.cli.terminal.screen import watch_status
from cqs_sheets.cli.terminal.tables import console, plain_table
from cqs_sheets.config import TargetSettings
from cqs_sheets.core import render, text
from cqs_sheets.core.report import coverage_json, utc_text
from cqs_sheets.core.signals.coverage import Coverage
from cqs_sheets.errors import UsageError
from cqs_sheets.journal import Journal, SharedJournal, TargetState, tenants_of
from cqs_sheets.run import Session, lineage_of
from cqs_sheets.run.rest import remembered

_GAPS = 5
_DAY = timedelta(days=1)
_LATEST = 100  # polls of a tenant


@click.command("status")
@config_option
@click.option("--sandbox", is_flag=True, help="Of the syncs made with --sandbox.")
@click.option(
    "--coverage", "days", type=DAYS, metavar="DAYS", help="Draw the coverage of so many days, e.g. 30d."
)
@click.option("--all", "all_tenants", is_flag=True, help="Of every tenant of a journal in PostgreSQL.")
@click.option("--watch", is_flag=True, help="Fill the screen with it, and keep it fresh.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@loudness_options
def status_command(as_json: bool, all_tenants: bool, watch: bool, days: int | None, **options: Any) -> None:
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
    given = Options(**options)
    if all_tenants or watch:
        with session_of(given, serve=False) as session:
            print_tenants(session, as_json=as_json) if all_tenants else watch_status(session)
        return
    with journal_of(given) as (session, journal):
        print_status(session, journal, as_json=as_json, days=days)


def print_status(session: Session, journal: Journal, *, as_json: bool, days: int | None = None) -> None:
    """The state of the configured feeds and targets, and how the last `days` were covered."""
    settings, now, zone = session.settings, utc_now(), session.settings.zone
    covered = journal.coverage(settings.selections)
    state = _state(session, journal, covered, now)
    drawn = render.coverage_days(covered, now, days or 0, zone)
    if days:
        state["days"] = [{"day": one.day.isoformat(), "gap_seconds": one.gap_seconds} for one in drawn]
    if as_json:
        print_json(state)
        return
    out, polls = console(), journal.last_polls()
    if not polls:
        click.echo(f"No poll yet (journal: {session.journal_path}).{session.look_elsewhere}")
    feeds = plain_table("Feed", "Last poll", "Outcome", "Open signals")
    for name, poll in polls.items():
        feeds.add_row(name, text.ago(poll.at, now), poll.outcome, str(state["open"].get(name, "")))
    if feeds.row_count:
        out.print(feeds)
        out.print()
    click.echo(render.coverage_text(covered, zone))
    for gap in covered.gaps[-_GAPS:]:
        length = text.duration((gap.end - gap.start).total_seconds())
        click.echo(
            f"  missed {render.moment_text(gap.start, zone)} to {render.moment_text(gap.end, zone)} ({length})"
        )
    if drawn:
        click.echo("\n" + "\n".join(render.strip_lines(drawn)))
    out.print()
    targets = plain_table("Target", "Template", "Last write", "Pending")
    for target, told in zip(settings.targets, state["targets"], strict=True):
        known = _remembered(journal, target)
        when = text.ago(known.last_heartbeat, now) if known.last_heartbeat else "never"
        targets.add_row(
            known.title or target.name, target.template, when, text.plural(told["pending"], "row")
        )
    out.print(targets)


def _state(session: Session, journal: Journal, covered: Coverage, now: datetime) -> dict[str, Any]:
    settings = session.settings
    return {
        "journal": str(session.journal_path),
        "polls": [
            {
                "feed": name,
                "last_poll": utc_text(poll.at),
                "seconds_ago": round((now - poll.at).total_seconds()),
                "outcome": poll.outcome,
            }
            for name, poll in journal.last_polls().items()
        ],
        "open": {feed.name: journal.open_signals(feed.name) for feed in settings.feeds},
        "coverage": coverage_json(covered),
        "targets": [_target(journal, target) for target in settings.targets],
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


def print_tenants(session: Session, *, as_json: bool) -> None:
    """Coverage, failures, what is pending and what waits longest, by tenant; of those this user may be."""
    place = session.journal_path
    if not isinstance(place, SharedJournal):
        raise UsageError(
            "This journal is a file: it has one tenant.",
            meaning="Nothing was read.",
            hint="Leave out --all, or name a journal in PostgreSQL with CQS_JOURNAL.",
        )
    now = utc_now()
    told = [_tenant(SharedJournal(place.url, name), now) for name in tenants_of(place)]
    if as_json:
        print_json({"journal": str(place), "tenants": told})
        return
    for one in told:
        click.echo(_line(one, now))
    if not told:
        click.echo("No tenant yet.")


def _tenant(place: SharedJournal, now: datetime) -> dict[str, Any]:
    with Journal.open_readonly(place, clock=lambda: now) as journal:
        polls, behind = journal.polls(_LATEST), journal.behind()
        coverage = journal.coverage(since=now - _DAY)
    return {
        "tenant": place.tenant,
        "last_poll": utc_text(polls[-1].at) if polls else None,
        "gap_seconds": coverage.gap_seconds,
        "failed_polls": sum(poll.outcome != "ok" for poll in polls),
        "behind": len(behind),
        "pending": sum(one.pending for one in behind),
        "slowest": behind[0].name if behind else None,
        "waiting_seconds": round((now - behind[0].since).total_seconds()) if behind else 0,
    }


def _line(told: dict[str, Any], now: datetime) -> str:
    last, missed = told["last_poll"], told["gap_seconds"]
    parts = [
        f"last poll {text.ago(datetime.fromisoformat(last), now)}" if last else "no poll yet",
        f"{text.duration(missed)} missed in 24 h" if missed else "",
        f"{told['failed_polls']} of the last {_LATEST} polls failed" if told["failed_polls"] else "",
        f"{text.plural(told['pending'], 'row')} pending in {text.plural(told['behind'], 'target')}"
        if told["behind"]
        else "",
        f"longest {told['slowest']} ({text.duration(told['waiting_seconds'])})" if told["slowest"] else "",
    ]
    return f"{told['tenant']}: {', '.join(filter(None, parts))}"
