"""`cqs-sheets sync`."""

from __future__ import annotations

from typing import Any

import click

from cqs_sheets.cli.options import sync_options


@click.command("sync")
@sync_options
def sync_command(**options: Any) -> int:
    """Fetch, journal, and write every target once.

    Without a config it asks the real API with the FREE key and writes signals.xlsx here.

    \b
    Examples:
      cqs-sheets sync --sandbox
      cqs-sheets sync --to my-trades.xlsx --exchange binance_futures --currency USDT
      cqs-sheets sync --dry-run
    """
    from cqs_sheets.cli.running import opened_run, settings_of  # noqa: PLC0415 - keeps --help fast
    from cqs_sheets.cli.showing import show_result  # noqa: PLC0415
    from cqs_sheets.sync import run_once  # noqa: PLC0415

    with settings_of(options) as loaded, opened_run(loaded, options) as run:
        result = run_once(run)
    return show_result(result, loaded.environment, as_json=options["as_json"], quiet=options["quiet"])
