"""The open signals of every feed, straight from the API, and how they are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from cqs_sheets.ask import FeedAnswers, keep_nothing
from cqs_sheets.cli.output import print_warning
from cqs_sheets.cli.running import Loaded, open_api, utc_now
from cqs_sheets.cli.tables import print_signals
from cqs_sheets.core.export import as_csv, as_jsonl, json_row
from cqs_sheets.core.history import observe
from cqs_sheets.core.signal import Record, Signal, SignalKey

_WIDEST = 20


def fetched(loaded: Loaded) -> list[Record]:
    """Every signal that the configured feeds show now, each once."""
    settings, now = loaded.settings, utc_now()
    found: dict[SignalKey, Signal] = {}
    with open_api(loaded) as api:
        for feed in settings.feeds:
            answers = FeedAnswers(feed, free=settings.api.key.is_free, server_zone=settings.api.server_zone)
            answers.ask(api, settings.api.interval or _WIDEST, keep_nothing)
            found |= {signal.key: signal for signal in answers.signals}
            for warning in answers.warnings:
                print_warning(warning)
            for reject in answers.rejects:
                click.echo(
                    f"warning: signal {reject.id or 'without id'} set aside: {reject.reason}", err=True
                )
    return [observe(None, signal, now, number) for number, signal in enumerate(found.values(), start=1)]


def print_records(records: Sequence[Record], format_: str) -> None:
    """Records on stdout as a table, JSON, JSON lines or CSV."""
    if format_ == "table":
        print_signals(records, utc_now())
        if not records:
            click.echo("No open signals in the last minutes.", err=True)
    elif format_ == "json":
        click.echo(json.dumps([json_row(record) for record in records], indent=2, ensure_ascii=False))
    else:
        for line in (as_jsonl if format_ == "jsonl" else as_csv)(records):
            click.echo(line)
