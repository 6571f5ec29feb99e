"""Everything that is looked at, in the order in which it is told: from the program out to the targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from cqs_sheets.config import Settings, TargetSettings
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.doctor.finding import Finding, fail
from cqs_sheets.doctor.journal import check_journal
from cqs_sheets.doctor.outcomes import check_outcomes
from cqs_sheets.doctor.surroundings import (
    OpenApi,
    check_account,
    check_alerts,
    check_api,
    check_config,
    check_service,
)
from cqs_sheets.doctor.targets import check_spreadsheet, check_workbook
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import JournalPlace
from cqs_sheets.service import Manager
from cqs_sheets.template_files import load_template
from cqs_sheets.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What the checks need of the world.

    `journal` is its place, `google` talks to Google Sheets, `config_folder` is where a user's token is,
    `credentials_named` whether GOOGLE_APPLICATION_CREDENTIALS is set. `progress` tells what is going on.
    """

    settings: Settings
    journal: JournalPlace
    open_api: OpenApi
    google: SheetsHttp
    config_folder: Path
    credentials_named: bool
    service: Manager
    clock: Callable[[], datetime]
    progress: Callable[[str], None]
    sandbox: bool = False

    def run(self) -> Iterator[Finding]:
        """Every finding; a failure of one check never stops the others."""
        yield from check_config(self.settings)
        yield from check_service(self.service)
        yield from check_alerts(self.settings)
        self.progress("reading the journal")
        yield from check_journal(self.journal, self.clock)
        self.progress("asking the signals API")
        yield from check_api(self.settings.api, self.open_api)
        yield from check_outcomes(self.settings, self.journal, self.clock, self.progress)
        if any(target.place.spreadsheet for target in self.settings.targets):
            yield from check_account(
                self.config_folder,
                file_named=self.credentials_named,
                emulator=self.settings.sheets_url,
                file=self.settings.google_file,
            )
        for target in self.settings.targets:
            self.progress(f"looking at {target.name}")
            yield from self._target(target)

    def _target(self, target: TargetSettings) -> Iterator[Finding]:
        try:
            template = load_template(target.template, outcomes=self.settings.outcomes is not None)
        except CqsError as error:
            yield fail(target.name, "target.template", error)
            return
        if target.path is None:
            yield from check_spreadsheet(target, template, self.google, sandbox=self.sandbox)
        else:
            yield from check_workbook(target, target.path, template, Disk(), sandbox=self.sandbox)
