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
    from cqs_sheets.cli.syncing import sync_once  # noqa: PLC0415 - keeps --help fast

    return sync_once(options)
