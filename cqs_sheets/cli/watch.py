"""`cqs-sheets watch`."""

from __future__ import annotations

from typing import Any

import click

from cqs_sheets.cli.options import Duration, sync_options


@click.command("watch")
@click.option(
    "--every",
    type=Duration(30, 20 * 60),
    default="60s",
    show_default=True,
    help="How often to sync, from 30s to 20m.",
)
@click.option(
    "--for",
    "lasting",
    type=Duration(1),
    metavar="DURATION",
    help="How long, e.g. 5h50m; default: until stopped.",
)
@sync_options
def watch_command(**options: Any) -> int:
    """Sync in a loop, so that no signal is missed.

    Each poll looks back past the last good one, so a slow or failed poll loses nothing within the
    API's 20 minutes; an --every of more than 18m counts as 18m. It goes on while the API or a target
    is away. Ctrl-C finishes the step that has begun.

    \b
    Examples:
      cqs-sheets watch
      cqs-sheets watch --every 2m --for 5h50m --to signals.xlsx
    """
    from cqs_sheets.cli.watching import watch_until_done  # noqa: PLC0415 - keeps --help fast

    return watch_until_done(options)
