"""`cqs-sheets fetch`."""

from __future__ import annotations

from typing import Any

import click

from cqs_sheets.cli.options import Duration, config_option, feed_options, loudness_options


@click.command("fetch")
@config_option
@feed_options
@click.option("--format", "format_", type=click.Choice(["table", "json", "jsonl", "csv"]), default="table",
              show_default=True, help="How to print the signals.")  # fmt: skip
@click.option("--watch", is_flag=True, help="Keep the table on the screen, and fresh, until Ctrl-C.")
@click.option("--every", type=Duration(15, 1200), default="30s", show_default=True, metavar="DURATION",
              help="With --watch: how often to ask.")  # fmt: skip
@loudness_options
def fetch_command(**options: Any) -> int:
    """Print the open signals; writes nothing.

    Not even the journal. Looks back 20 minutes unless told otherwise. Times are UTC; in the table, relative.

    \b
    Examples:
      cqs-sheets fetch --sandbox
      cqs-sheets fetch --watch --every 60s
      cqs-sheets fetch --exchange binance_futures --format csv > signals.csv
    """
    from cqs_sheets.cli.fetching import fetched, keep_on_screen, print_records  # noqa: PLC0415 - keeps --help fast
    from cqs_sheets.cli.running import settings_of  # noqa: PLC0415

    with settings_of(options) as loaded:
        if options["watch"]:
            return keep_on_screen(loaded, options["every"], options["format_"])
        records = fetched(loaded)
    print_records(records, options["format_"])
    return 0
