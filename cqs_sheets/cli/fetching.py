"""The open signals of every feed, straight from the API, and how they are printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cqs_sheets.cli.output import print_json, print_warning, shows_unicode
from cqs_sheets.cli.running import Loaded, open_api, utc_now
from cqs_sheets.cli.tables import console, print_signals, signals_table
from cqs_sheets.core.reports.export import as_csv, as_jsonl, json_row
from cqs_sheets.core.reports.render import plural
from cqs_sheets.core.signals.history import observe
from cqs_sheets.core.signals.signal import Record, Signal, SignalKey
from cqs_sheets.errors import ApiUnavailable, Interrupted, UsageError
from cqs_sheets.run.ask import FeedAnswers, keep_nothing

_WIDEST = 20
_NONE = "No open signals just now."


def fetched(loaded: Loaded, warn: Callable[[str], None] = print_warning) -> list[Record]:
    """Every signal that the configured feeds show now, each once."""
    settings, now = loaded.settings, utc_now()
    found: dict[SignalKey, Signal] = {}
    with open_api(loaded) as api:
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
        for line in jsonl if format_ == "jsonl" else as_csv(records):
            click.echo(line)


def keep_on_screen(loaded: Loaded, every: float, format_: str) -> int:
    """The table, refreshed in place every so many seconds until the user stops it; returns 0.

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
                records = fetched(loaded, told.append)
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
                loaded.interruption.sleep(every)
            except Interrupted:
                return 0
