"""`cqs-sheets fetch`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.options import Options, config_option, feed_options, loudness_options, span
from cqs_sheets.cli.session import session_of
from cqs_sheets.cli.terminal.output import print_json, print_lines, print_warning, shows_unicode
from cqs_sheets.cli.terminal.tables import console, print_signals, signals_table
from cqs_sheets.core.signals.coverage import observe
from cqs_sheets.core.signals.signal import Record, Signal, SignalKey
from cqs_sheets.core.text import plural
from cqs_sheets.errors import ApiUnavailable, Interrupted, UsageError
from cqs_sheets.export import as_csv, as_jsonl, json_row
from cqs_sheets.run import Session, open_api
from cqs_sheets.run.poll import FeedAnswers, keep_nothing

_WIDEST = 20
_NONE = "No open signals just now."


@click.command("fetch")
@config_option
@feed_options
@click.option("--format", "format_", type=click.Choice(["table", "json", "jsonl", "csv"]), default="table",
              show_default=True, help="How to print the signals.")  # fmt: skip
@click.option("--watch", is_flag=True, help="Keep the table on the screen, and fresh, until Ctrl-C.")
@click.option("--every", type=span(15, 1200), default="30s", show_default=True, metavar="DURATION",
              help="With --watch: how often to ask.")  # fmt: skip
@loudness_options
def fetch_command(format_: str, watch: bool, every: float, **options: Any) -> None:
    """Print the open signals; writes nothing.

    Not even the journal. Looks back 20 minutes unless told otherwise. Times are UTC; in the table, relative.

    \b
    Examples:
      cqs-sheets fetch --sandbox
      cqs-sheets fetch --watch --every 60s
      cqs-sheets fetch --exchange binance_futures --format csv > signals.csv
    """
    with session_of(Options(**options)) as session:
        if watch:
            keep_on_screen(session, every, format_)
            return
        records = fetched(session)
    print_records(records, format_)


def fetched(session: Session, warn: Callable[[str], None] = print_warning) -> list[Record]:
    """Every signal that the configured feeds show now, each once."""
    settings, now = session.settings, utc_now()
    found: dict[SignalKey, Signal] = {}
    with open_api(session) as api:
        for feed in settings.feeds:
            answers = FeedAnswers(feed, free=settings.api.key.is_free, server_zone=settings.api.server_zone)
            answers.ask(api, settings.api.interval or _WIDEST, keep_nothing)
            found |= {signal.key: signal for signal in answers.signals}
            for warning in answers.warnings:
                warn(warning)
            for reject in answers.rejects:
                warn(f"signal {reject.id or 'without id'} set aside: {reject.reason}")
    return [observe(None, signal, now, number) for number, signal in enumerate(found.values(), start=1)]


def print_records(records: Sequence[Record], format_: str) -> None:
    """Records on stdout as a table, JSON, JSON lines or CSV."""
    if format_ == "table" and not records:
        click.echo(_NONE, err=True)
    elif format_ == "table":
        print_signals(records, utc_now())
    elif format_ == "json":
        print_json([json_row(record) for record in records])
    else:
        jsonl = as_jsonl(records, ascii_only=not shows_unicode())
        lines = jsonl if format_ == "jsonl" else as_csv(records)
        print_lines(lines, are_json=format_ == "jsonl")


def keep_on_screen(session: Session, every: float, format_: str) -> None:
    """The table, refreshed in place every so many seconds until the user stops it.

    An API that is away is told below the last table, and asked again. Raises CqsError for what
    repeating cannot mend.
    """
    out = console()
    if format_ != "table" or not out.is_terminal:
        raise UsageError(
            "--watch keeps a table on a terminal; for a file or another program there is nothing to refresh.",
            meaning="Nothing was asked.",
            hint="Leave out --watch, or use: cqs-sheets watch --json",
        )
    records: list[Record] = []
    with Live(console=out, auto_refresh=False, screen=True) as live:
        while True:
            told: list[str] = []
            try:
                records = fetched(session, told.append)
            except ApiUnavailable as away:
                told.append(away.message)
            now = utc_now()
            state = f"{plural(len(records), 'open signal')} at {now:%H:%M:%S} UTC, asked every {every:g} s."
            lines = [
                Text(f"{state} Ctrl-C ends it.", style="dim"),
                *(Text(one, style="yellow") for one in told),
            ]
            live.update(Group(*lines, Text(), signals_table(records, now, out.width)), refresh=True)
            try:
                session.sleep(every)
            except Interrupted:
                return
