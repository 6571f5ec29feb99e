"""`cqs-sheets sync`."""

from __future__ import annotations

import gc
from typing import Any

import click

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.options import SyncOptions, sync_options
from cqs_sheets.cli.session import alerting_of, run_of, session_of
from cqs_sheets.cli.terminal.results import show_result
from cqs_sheets.config import FILE_NAME, Environment, Settings
from cqs_sheets.run import Session, check_targets
from cqs_sheets.run.sync import SyncResult, run_once, surely_told


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
    return sync_once(SyncOptions(**options))


def sync_once(options: SyncOptions) -> int:
    """Fetch, journal, write every target once, and tell it; --json and GitHub are told of every end."""
    environment = Environment.read()
    settings: Settings | None = None

    def synced() -> SyncResult:
        nonlocal settings
        with session_of(options) as session:
            settings = session.settings
            check_targets(session)
            tell_of_defaults(session, options)
            with alerting_of(session, options), run_of(session, options) as run:
                return run_once(run)

    to_be_told = options.as_json or environment.github_actions
    gc.disable()  # what one sync makes is used or freed at once: looking for cycles takes 7 % of a large one
    try:
        result = surely_told(synced, utc_now, dry_run=options.dry_run) if to_be_told else synced()
    finally:
        gc.enable()
    return show_result(result, environment, settings, as_json=options.as_json, quiet=options.quiet)


def tell_of_defaults(session: Session, options: SyncOptions) -> None:
    """Say so where no config was found and a new workbook comes of it: the folder may be the wrong one."""
    target = session.settings.targets[0]
    if session.settings.source or options.to or options.quiet or (target.path and target.path.exists()):
        return
    click.echo(
        f"No {FILE_NAME} in this folder, so the target is {target.name}, a new workbook here.", err=True
    )
