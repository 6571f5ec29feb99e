"""`cqs-sheets doctor`."""

from __future__ import annotations

from typing import Any

import click

from cqs_sheets.cli.options import config_option, loudness_options, write_options


@click.command("doctor")
@config_option
@write_options
@click.option("--sandbox", is_flag=True, help="Start a local API with invented signals, and look at that.")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend; see above.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON on stdout.")
@loudness_options
def doctor_command(**options: Any) -> int:
    """Check key, API, clock, journal, credentials and every target; say what mends each.

    It changes nothing, unless with --fix, which mends what is safe: it deletes the lock file of a
    LibreOffice that crashed on this computer and the temporary file of a sync that was stopped, folds the
    log of a stopped run into the journal, and hides key file, token and journal from other users.

    Exit code 0 if a sync would go through, else what it would end with.

    \b
    Examples:
      cqs-sheets doctor
      cqs-sheets doctor --to my-trades.xlsx --json
    """
    from cqs_sheets.cli.examining import examine  # noqa: PLC0415 - keeps --help fast

    return examine(options)
