"""One sync, from options to its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cqs_sheets.cli.running import opened_run, settings_of
from cqs_sheets.cli.showing import show_result
from cqs_sheets.sync import run_once


def sync_once(options: Mapping[str, Any]) -> int:
    """Fetch, journal, write every target once, and tell it."""
    with settings_of(options) as loaded, opened_run(loaded, options) as run:
        result = run_once(run)
    return show_result(result, loaded.environment, as_json=options["as_json"], quiet=options["quiet"])
