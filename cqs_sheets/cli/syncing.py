"""One sync, from options to its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cqs_sheets.cli.running import Loaded, opened_run, settings_of
from cqs_sheets.cli.showing import show_result
from cqs_sheets.config import FILE_NAME
from cqs_sheets.run.sync import run_once


def sync_once(options: Mapping[str, Any]) -> int:
    """Fetch, journal, write every target once, and tell it."""
    with settings_of(options) as loaded:
        tell_of_defaults(loaded, options)
        with opened_run(loaded, options) as run:
            result = run_once(run)
    return show_result(result, loaded.environment, as_json=options["as_json"], quiet=options["quiet"])


def tell_of_defaults(loaded: Loaded, options: Mapping[str, Any]) -> None:
    """Say so where no config was found and a new workbook comes of it: the folder may be the wrong one."""
    target = loaded.settings.targets[0]
    if loaded.settings.source or options["to"] or loaded.quiet or (target.path and target.path.exists()):
        return
    click.echo(
        f"No {FILE_NAME} in this folder, so the target is {target.name}, a new workbook here.", err=True
    )
