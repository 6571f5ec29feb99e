"""Everything that is looked at, in the order in which it is told: from the program out to the targets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from cqs_sheets.config import Settings, TargetSettings
from cqs_sheets.core.plan.binding import Bindings, bind
from cqs_sheets.core.plan.facts import Facts, of_sandbox
from cqs_sheets.core.plan.plan import Stamp
from cqs_sheets.core.render import size_text
from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations import InspectedTab
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.destinations.excel.filesystem import WorkbookFile, check_place
from cqs_sheets.destinations.excel.parts.references import MAX_ROW
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.read.survey import Survey
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.doctor import surroundings
from cqs_sheets.doctor.finding import Finding, check_tab, fail, ok, warn
from cqs_sheets.doctor.journal import check_folder, check_journal
from cqs_sheets.doctor.outcomes import check_outcomes
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy
from cqs_sheets.journal import JournalPlace
from cqs_sheets.run.looking import holds_invented, look
from cqs_sheets.service import ServiceManager
from cqs_sheets.template_files import load_template
from cqs_sheets.values import dataclass

_SCARCE_ROWS = 50_000
_ANY_WRITE = 0o222
_NEARLY_FULL = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What the checks need of the world.

    `journal` is its place, `google` talks to Google Sheets, `config_folder` is where a user's token is,
    `credentials_named` whether GOOGLE_APPLICATION_CREDENTIALS is set. `progress` tells what is going on.
    """

    settings: Settings
    journal: JournalPlace
    open_api: surroundings.OpenApi
    google: SheetsHttp
    config_folder: Path
    credentials_named: bool
    service: ServiceManager
    clock: Callable[[], datetime]
    progress: Callable[[str], None]
    sandbox: bool = False

    def run(self) -> Iterator[Finding]:
        """Every finding; a failure of one check never stops the others."""
        yield from surroundings.check_config(self.settings)
        yield from surroundings.check_service(self.service)
        yield from surroundings.check_alerts(self.settings)
        self.progress("reading the journal")
        yield from check_journal(self.journal, self.clock)
        self.progress("asking the signals API")
        yield from surroundings.check_api(self.settings.api, self.open_api)
        yield from check_outcomes(self.settings, self.journal, self.clock, self.progress)
        if any(target.place.spreadsheet for target in self.settings.targets):
            yield from surroundings.check_account(
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


def check_workbook(
    settings: TargetSettings, path: Path, template: Template, disk: Disk, *, sandbox: bool = False
) -> Iterator[Finding]:
    """A workbook target, which need not exist yet; `sandbox`: for invented signals."""
    subject = settings.name
    file = WorkbookFile(path, backups=0, force=False, lock_wait=0, sleep=_never, disk=disk)
    try:
        version = file.version()
        if version is None:
            check_place(path)
            yield ok(subject, "target.file", f"not there yet: the first sync makes {path}")
        else:
            yield from _contents(settings, file, template, sandbox=sandbox)
    except CqsError as error:
        yield fail(subject, "target.file", error)
    yield from _leftovers(subject, file)
    yield from check_folder(subject, file.path.parent)


def _mixed(settings: TargetSettings, facts: Facts, *, sandbox: bool) -> Iterator[Finding]:
    if not sandbox and of_sandbox(facts.lineage):
        yield fail(settings.name, "target.sandbox", holds_invented(settings))


def _contents(
    settings: TargetSettings, file: WorkbookFile, template: Template, *, sandbox: bool
) -> Iterator[Finding]:
    subject, path = settings.name, file.path
    destination = ExcelDestination(path)
    facts = look(destination, template, settings.tabs, Stamp(exists=True))
    bindings = bind(template, facts, settings.tabs)
    tabs = destination.inspect(facts, bindings)
    size = size_text(path.stat().st_size)
    yield ok(subject, "target.file", f"{path}: {size}, template {template.name}")
    yield from _mixed(settings, facts, sandbox=sandbox)
    if not (path.stat().st_mode & _ANY_WRITE and os.access(path, os.W_OK)):
        refusal = AccessRefused(
            f"{path.name} is read-only.",
            meaning="A sync cannot write it; its rows wait in the journal.",
            hint="Allow writing to it, or name another target.",
        )
        yield fail(subject, "target.writable", refusal)
    busy = file.open_elsewhere()
    yield fail(subject, "target.open", busy) if busy else ok(subject, "target.open", "open in no editor")
    if not tabs:
        yield ok(subject, "target.columns", "no tab of the template in it yet: the first sync adds them")
    for told in bindings.told:
        yield ok(subject, "target.adopted", told)
    for each in tabs:
        yield from check_tab(subject, each)
        yield from _room(subject, each)


def _room(subject: str, facts: InspectedTab) -> Iterator[Finding]:
    left = MAX_ROW - facts.last_row
    if left < _SCARCE_ROWS:
        what = f"tab {facts.title}: {left:,} rows left of Excel's {MAX_ROW:,}."
        yield warn(subject, "target.room", what, "Nothing to do: a full tab is continued in a new one.")
    else:
        yield ok(subject, "target.room", f"tab {facts.title}: {left:,} rows left")


def _leftovers(subject: str, file: WorkbookFile) -> Iterator[Finding]:
    """What crashes leave behind, where it is sure that nobody is at work."""
    stale = file.stale_lock()
    if stale:
        yield warn(
            subject,
            "target.stale_lock",
            f"LibreOffice crashed and left {stale.name} behind.",
            "A sync looks past it; `cqs-sheets doctor --fix` deletes it.",
            fix=lambda: stale.unlink(missing_ok=True),
        )
    if file.leftover.exists():
        yield warn(
            subject,
            "target.leftover",
            f"A run was stopped while it wrote {file.leftover.name}.",
            "The next sync clears it away, or `cqs-sheets doctor --fix`.",
            fix=lambda: _clear(file),
        )


def _clear(file: WorkbookFile) -> None:
    file.sweep()
    if file.leftover.exists():
        raise TargetBusy(
            "another run of cqs-sheets is writing right now.",
            meaning="Nothing is wrong, then.",
            hint="Look again when it has ended.",
        )


def _never(seconds: float) -> None:
    del seconds


def check_spreadsheet(
    settings: TargetSettings, template: Template, http: SheetsHttp, *, sandbox: bool = False
) -> Iterator[Finding]:
    """A spreadsheet target: two to four reads, no write; `sandbox`: for invented signals."""
    subject = settings.name
    try:
        destination = GoogleDestination(settings.place.spreadsheet or "", http=http)
        facts = look(destination, template, settings.tabs, destination.stamp(""))
        bindings = bind(template, facts, settings.tabs)
        found = destination.survey(facts, bindings)
    except CqsError as error:
        yield fail(subject, "target.sharing", error)
        return
    shared = f'"{found.title}" can be read; whether it may be written, only a write shows'
    yield ok(subject, "target.sharing", shared)
    yield from _mixed(settings, facts, sandbox=sandbox)
    any_will_do = "any will do: values are written typed, times in the config's zone"
    yield ok(subject, "target.locale", f"locale {found.locale}, time zone {found.zone}; {any_will_do}")
    yield from _tabs(subject, bindings, found)
    yield _cells(subject, found)


def _tabs(subject: str, bindings: Bindings, found: Survey) -> Iterator[Finding]:
    if not found.tabs:
        yield ok(subject, "target.columns", "no tab of the template in it yet: the first sync adds them")
    for told in bindings.told:
        yield ok(subject, "target.adopted", told)
    for each in found.tabs:
        yield from check_tab(subject, each)
        yield from _protected(subject, each)


def _protected(subject: str, found: InspectedTab) -> Iterator[Finding]:
    for each in found.protected:
        named = f" ({each.description})" if each.description else ""
        headers = ", ".join(found.tab.column(column).header for column in each.columns)
        error = AccessRefused(
            f"tab {found.title}: {each.range} is protected{named} and covers {headers}.",
            meaning="A sync cannot write there; its rows wait in the journal.",
            hint="Allow this account to edit it: Data, Protect sheets and ranges.",
        )
        yield fail(subject, "target.protection", error)


def _cells(subject: str, found: Survey) -> Finding:
    what = f"{found.cells:,} of Google's {found.most_cells:,} cells, blank ones included"
    if found.cells < found.most_cells * _NEARLY_FULL:
        return ok(subject, "target.room", what)
    return warn(subject, "target.room", f"{what}.", "Delete blank rows, columns or tabs.")
