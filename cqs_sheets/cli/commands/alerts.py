"""`cqs-sheets alerts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from cqs_sheets.alerts import sender
from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.options import Options, config_option, loudness_options
from cqs_sheets.cli.session import journal_of, session_of
from cqs_sheets.cli.terminal.output import print_json, show
from cqs_sheets.cli.terminal.tables import console, plain_table
from cqs_sheets.config import AlertSettings, Settings
from cqs_sheets.core.alerts import Kind, Notice, Sent, Wording, headline, message_of
from cqs_sheets.core.report import utc_text
from cqs_sheets.core.text import ago, harmless
from cqs_sheets.errors import CqsError, TargetBusy, UsageError, combined_exit_code
from cqs_sheets.journal import Alert, Journal, OutboxEntry

_LAST = 10
_TEST = {
    "message": "If you can read this, alerts arrive here.",
    "hint": "Signals are told with pair, side, zone, stop, targets and R:R.",
}


@click.group("alerts")
def alerts_command() -> None:
    """Send a test to those who are told, or list what was told and what waits."""


@alerts_command.command("test")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@config_option
@loudness_options
def test_command(names: tuple[str, ...], **options: Any) -> int:
    """Send a test message to every alert of the config, or to those named.

    \b
    Examples:
      cqs-sheets alerts test
      cqs-sheets alerts test phone
    """
    with session_of(Options(**options), serve=False) as session:
        settings = session.settings
        chosen = _chosen(settings, names)
    codes = [_test(settings, alert) for alert in chosen]
    return combined_exit_code(codes)


@alerts_command.command("list")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@loudness_options
def list_command(as_json: bool, **options: Any) -> None:
    """List the alerts, what they told last, and what waits.

    Asks nothing of any service and changes nothing.

    \b
    Example:
      cqs-sheets alerts list
    """
    with journal_of(Options(**options)) as (session, journal):
        settings = session.settings
        _chosen(settings, ())
        known = {alert.name: alert for alert in journal.alerts(settings.alert_owner)}
        if as_json:
            print_json({"alerts": [_json(one, known.get(one.name), journal) for one in settings.alerts]})
        else:
            _print(settings, known, journal)


def _chosen(settings: Settings, names: Sequence[str]) -> list[AlertSettings]:
    """The alerts of these names, all of them without; raises UsageError for one that is not there."""
    by_name = {alert.name: alert for alert in settings.alerts}
    unknown = [name for name in names if name not in by_name]
    if by_name and not unknown:
        return [by_name[name] for name in names or by_name]
    raise UsageError(
        f"There is no alert {unknown[0]!r}."
        if by_name and unknown
        else "The config names nobody who is told.",
        meaning="Nothing was sent.",
        hint=f"There are: {', '.join(by_name)}."
        if by_name
        else "Add an [[alert]]: docs/how-to/alerts.md shows how.",
    )


def _test(settings: Settings, alert: AlertSettings) -> int:
    notice = Notice(id=0, at=utc_now(), kind=Kind.TEST, detail=_TEST)
    message = message_of([notice], Wording(symbols=settings.symbols, zone=settings.zone))
    try:
        sent: Sent = sender(alert.address(), alert.name)(message)
        if sent.reason:
            raise TargetBusy(
                f"The alert {alert.name!r} was not sent: {sent.reason}.",
                meaning="It may have arrived all the same." if sent.unsure else "Nothing arrived there.",
                hint="See whether the address is right and the service is up; docs/how-to/alerts.md helps.",
            )
    except CqsError as error:
        show(error)
        return error.exit_code
    click.echo(harmless(f"{alert.name}: sent."))
    return 0


def _print(settings: Settings, known: dict[str, Alert], journal: Journal) -> None:
    out, now = console(), utc_now()
    table = plain_table("Alert", "On", "Waiting", "Last sent", "State")
    for alert in settings.alerts:
        one = known.get(alert.name)
        last = ago(one.last_sent, now) if one and one.last_sent else "never"
        state = "begins with the next sync" if one is None else one.reason or "ok"
        table.add_row(
            harmless(alert.name),
            ", ".join(sorted(alert.policy.on)),
            str(one.waiting if one else 0),
            last,
            state,
        )
    out.print(table)
    for alert in settings.alerts:
        entries = journal.last_alerts(known[alert.name].id, _LAST) if alert.name in known else []
        for entry in entries:
            when = f"{entry.notice.at.astimezone(settings.zone):%m-%d %H:%M}"
            click.echo(harmless(f"  {when}  {alert.name}: {headline(entry.notice)} ({_state(entry)})"))


def _state(entry: OutboxEntry) -> str:
    return (
        "sent"
        if entry.state == "sent"
        else f"{entry.state}, {entry.tries} tries"
        if entry.tries
        else entry.state
    )


def _json(alert: AlertSettings, known: Alert | None, journal: Journal) -> dict[str, Any]:
    entries = journal.last_alerts(known.id, _LAST) if known else []
    return {
        "name": alert.name,
        "on": sorted(alert.policy.on),
        "since": utc_text(known.since) if known else None,
        "waiting": known.waiting if known else 0,
        "last_sent": utc_text(known.last_sent) if known and known.last_sent else None,
        "failures": known.failures if known else 0,
        "reason": known.reason if known else "",
        "last": [
            {
                "id": entry.notice.id,
                "at": utc_text(entry.notice.at),
                "kind": entry.notice.kind.value,
                "title": headline(entry.notice),
                "state": entry.state,
                "tries": entry.tries,
                "sent": utc_text(entry.sent) if entry.sent else None,
            }
            for entry in entries
        ],
    }
