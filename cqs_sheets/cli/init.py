"""`cqs-sheets init`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cqs_sheets.cli.completion import complete_filter, complete_template
from cqs_sheets.cli.options import Amount, config_option

_path = click.Path(path_type=Path)


@click.command("init")
@config_option
@click.option("--to", metavar="TARGET", help="An .xlsx file, or a Google Sheet's address or id.")
@click.option("--template", metavar="NAME|FILE", shell_complete=complete_template,
              help="What the sheet looks like; default: signals.")  # fmt: skip
@click.option("--exchange", multiple=True, metavar="CODE", shell_complete=complete_filter,
              help="Only this exchange. Repeatable.")  # fmt: skip
@click.option("--currency", multiple=True, metavar="QUOTE", shell_complete=complete_filter,
              help="Only this quote currency. Repeatable.")  # fmt: skip
@click.option("--type", "types", multiple=True, metavar="TYPE", shell_complete=complete_filter,
              help="Only this horizon. Repeatable.")  # fmt: skip
@click.option("--timezone", metavar="ZONE", help="How times are shown; default: this computer's.")
@click.option("--account-size", type=Amount(), metavar="AMOUNT",
              help="Your account size; goes into the sheet's Settings after the first sync.")  # fmt: skip
@click.option("--key-file", metavar="FILE", help="A file with your subscription ID alone.")
@click.option("--key-command", metavar="COMMAND", help="A program that prints your subscription ID.")
@click.option("--google-credentials", type=_path, metavar="FILE",
              help="A service account's file, or one of Workload Identity Federation.")  # fmt: skip
@click.option("--google-client", type=_path, metavar="FILE",
              help="Sign in as yourself, with the file of a Desktop app client of yours.")  # fmt: skip
@click.option("--github", is_flag=True, help="Write .github/workflows/cqs-sheets.yml as well.")
@click.option(
    "--action",
    metavar="OWNER/REPO@COMMIT",
    help="With --github: the repository that you got cqs-sheets from, and its commit.",
)
@click.option("--sandbox", is_flag=True, help="Try it with invented signals.")
@click.option(
    "--sync/--no-sync", "first_sync", default=None, help="Do the first sync, or leave it; default: ask."
)
@click.option("--yes", is_flag=True, help="Ask nothing; defaults for what no option says.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
def init_command(**options: Any) -> int:
    """Write cqs-sheets.toml, step by step; with --github, the workflow too.

    On a terminal it asks for what no option says. Then it tries the config as `cqs-sheets doctor` does,
    and offers the first sync. Your key is never written into the config.

    \b
    Examples:
      cqs-sheets init
      cqs-sheets init --yes --to my-trades.xlsx --exchange binance_futures --timezone Europe/Berlin
      cqs-sheets init --github --action OWNER/cqs-sheets@COMMIT
    """
    from cqs_sheets.cli.setting_up import set_up  # noqa: PLC0415 - keeps --help fast

    return set_up(options)
