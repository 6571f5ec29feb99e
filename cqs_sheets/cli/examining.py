"""What `doctor` does: the checks put together, each line told as it comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cqs_sheets.api import ApiClient
from cqs_sheets.cli.findings import FindingsPage
from cqs_sheets.cli.output import Progress, print_json
from cqs_sheets.cli.running import Loaded, settings_of, utc_now
from cqs_sheets.cli.targets import config_folder, open_google
from cqs_sheets.config import home_folder, process_environ
from cqs_sheets.core.secret import Secret
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.doctor import Examination, Finding, Level, exit_code, findings_json, mended
from cqs_sheets.doctor.finding import fail
from cqs_sheets.doctor.journal_file import check_journal
from cqs_sheets.doctor.program import check_program
from cqs_sheets.errors import UsageError
from cqs_sheets.journal import JOURNAL_FILE

_PATIENCE = 5.0  # seconds of retries: a doctor who is asked wants to answer


def examine(options: Mapping[str, Any]) -> int:
    """Look at everything, mend if asked to, tell it; returns the exit code."""
    shown = () if options["as_json"] else (Level.FAIL,) if options["quiet"] else tuple(Level)
    page, findings = FindingsPage(shown), []
    for finding in _findings(options):
        findings.append(mended(finding) if options["fix"] else finding)
        page.show(findings[-1])
    if options["as_json"]:
        print_json(findings_json(findings))
    elif not options["quiet"]:
        page.conclude(findings)
    return exit_code(findings)


def _findings(options: Mapping[str, Any]) -> Iterator[Finding]:
    yield from check_program()
    with ExitStack() as stack:
        try:
            loaded = stack.enter_context(settings_of(options, tell=False))
        except UsageError as error:
            yield fail("config", "config.file", error)
            if "CQS_HOME" not in error.message:
                yield from check_journal(_home() / JOURNAL_FILE, utc_now)
            return
        yield from _examined(loaded, stack)


def _home() -> Path:
    """Where the journal is, whatever the config says."""
    return home_folder(process_environ(), Path.cwd())


def _examined(loaded: Loaded, stack: ExitStack) -> Iterable[Finding]:
    settings, sleep = loaded.settings, loaded.interruption.sleep
    patience = min(_PATIENCE, settings.api.retry_for)
    progress = Progress(enabled=not loaded.quiet)
    stack.callback(progress.clear)
    google = SheetsHttp(open_google(settings, loaded.environment), retry_for=_PATIENCE, sleep=sleep)
    stack.callback(google.close)

    def open_api(key: Secret) -> ApiClient:
        return ApiClient(url=settings.api.url, key=key, retry_for=patience, clock=utc_now, sleep=sleep)

    for finding in Examination(
        settings=settings,
        journal=loaded.journal_path,
        open_api=open_api,
        google=google,
        config_folder=config_folder(),
        credentials_named=loaded.environment.google_credentials,
        clock=utc_now,
        progress=progress,
    ).run():
        progress.clear()
        yield finding
