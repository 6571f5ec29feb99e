"""`cqs-sheets status`."""

from __future__ import annotations

from typing import Any

import click

from cqs_sheets.cli.options import Days, config_option, loudness_options


@click.command("status")
@config_option
@click.option("--sandbox", is_flag=True, help="Of the syncs made with --sandbox.")
@click.option(
    "--coverage", "days", type=Days(), metavar="DAYS", help="Draw the coverage of so many days, e.g. 30d."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@loudness_options
def status_command(**options: Any) -> int:
    """Show the last poll, coverage and gaps, and what is pending where.

    Asks nothing of the API and changes nothing.

    \b
    Examples:
      cqs-sheets status
      cqs-sheets status --coverage 30d
    """
    from cqs_sheets.cli.reading import opened_journal  # noqa: PLC0415 - keeps --help fast
    from cqs_sheets.cli.state import print_status  # noqa: PLC0415

    with opened_journal(options) as (loaded, journal):
        print_status(loaded, journal, as_json=options["as_json"], days=options["days"])
    return 0
