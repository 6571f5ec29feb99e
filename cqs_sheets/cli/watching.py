"""The watch of the command line: every step with the journal opened anew, so that others get their turn."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from cqs_sheets.cli.running import opened_run, settings_of
from cqs_sheets.cli.showing import show_result
from cqs_sheets.sync import SyncResult, run_once
from cqs_sheets.watch import Beat, watch


def watch_until_done(options: Mapping[str, Any]) -> int:
    """Watch as the options say; returns the last state's exit code, or that of the signal."""
    with settings_of(options) as loaded:

        def step(budget: float) -> SyncResult:
            with opened_run(loaded, options, retry_for=budget) as run:
                return run_once(run)

        def show(result: SyncResult) -> None:
            show_result(result, loaded.environment, as_json=options["as_json"], quiet=options["quiet"])

        last = watch(
            Beat(every=options["every"], lasting=options["lasting"]),
            step,
            monotonic=time.monotonic,
            sleep=loaded.interruption.sleep,
            show=show,
        )
        stopped = loaded.interruption.requested
    return stopped.exit_code if stopped else last.report.exit_code
