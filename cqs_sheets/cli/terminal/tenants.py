"""Every tenant of a shared journal at one look."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.terminal.output import print_json
from cqs_sheets.core.render import ago, duration, plural
from cqs_sheets.core.report import utc_text
from cqs_sheets.errors import UsageError
from cqs_sheets.journal import Journal, SharedJournal
from cqs_sheets.run import Session

_DAY = timedelta(days=1)
_LATEST = 100
_COLUMNS = (
    "Tenant",
    "Last poll",
    "Missed in 24 h",
    "Failed polls",
    "Targets behind",
    "Pending",
    "Waits longest",
)


def print_tenants(session: Session, *, as_json: bool) -> int:
    """Coverage, failures, what is pending and what waits longest, by tenant; of those this user may be."""
    place = session.journal_path
    if not isinstance(place, SharedJournal):
        raise UsageError(
            "This journal is a file: it has one tenant.",
            meaning="Nothing was read.",
            hint="Leave out --all, or name a journal in PostgreSQL with CQS_JOURNAL.",
        )
    with Journal.open_readonly(place, clock=utc_now) as journal:
        names = journal.tenants()
    now = utc_now()
    told = [_tenant(SharedJournal(place.url, name), now) for name in names]
    if as_json:
        print_json({"journal": str(place), "tenants": told})
        return 0
    for one in told:
        click.echo(_line(one, now))
    if not told:
        click.echo("No tenant yet.")
    return 0


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
        f"last poll {ago(datetime.fromisoformat(last), now)}" if last else "no poll yet",
        f"{duration(missed)} missed in 24 h" if missed else "",
        f"{told['failed_polls']} of the last {_LATEST} polls failed" if told["failed_polls"] else "",
        f"{plural(told['pending'], 'row')} pending in {plural(told['behind'], 'target')}"
        if told["behind"]
        else "",
        f"longest {told['slowest']} ({duration(told['waiting_seconds'])})" if told["slowest"] else "",
    ]
    return f"{told['tenant']}: {', '.join(filter(None, parts))}"
