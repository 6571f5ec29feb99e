"""Everything that is looked at, in the order in which it is told: from the program out to the targets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from cqs_sheets.config import TargetSettings
from cqs_sheets.core.plan.binding import Bindings, How, bind
from cqs_sheets.core.plan.facts import Facts, of_sandbox
from cqs_sheets.core.plan.plan import USERS_OWN, Stamp
from cqs_sheets.core.templates.template import Column, Template
from cqs_sheets.core.text import plural, size_text
from cqs_sheets.destinations import InspectedTab
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.destinations.excel.filesystem import WorkbookFile, check_place
from cqs_sheets.destinations.excel.parts.references import MAX_ROW
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.read.survey import Survey
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.doctor import surroundings
from cqs_sheets.doctor.finding import Finding, about, fail, ok, warn
from cqs_sheets.doctor.journal import check_folder, check_journal
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy
from cqs_sheets.run import Session, config_folder, open_google
from cqs_sheets.run.looking import holds_invented, look
from cqs_sheets.service import NAME
from cqs_sheets.service.managers import manager_here
from cqs_sheets.template_files import load_template

_SCARCE_ROWS = 50_000
_ANY_WRITE = 0o222
_NEARLY_FULL = 0.9
_MOST_LINES = 8


def examined(session: Session, progress: Callable[[str], None]) -> Iterator[Finding]:
    """Every finding; a failure of one check never stops the others. `progress` tells what is going on."""
    settings, journal = session.settings, session.journal_path
    yield from about("config", surroundings.check_config(settings))
    yield from about("service", surroundings.check_service(manager_here(NAME)))
    yield from about("alerts", surroundings.check_alerts(settings))
    progress("reading the journal")
    yield from about("journal", check_journal(journal))
    progress("asking the signals API")
    yield from about("signals API", surroundings.check_api(settings.api, session.sleep))
    yield from about("outcomes", surroundings.check_outcomes(settings, journal, progress))
    if any(target.place.spreadsheet for target in settings.targets):
        account = surroundings.check_account(
            config_folder(),
            named=session.environment.google_credentials,
            emulator=settings.sheets_url,
            file=settings.google_file,
        )
        yield from about("Google account", account)
    with closing(open_google(session, retry_for=surroundings.PATIENCE)) as google:
        for target in settings.targets:
            progress(f"looking at {target.name}")
            yield from about(target.name, _target(session, target, google))


def _target(session: Session, target: TargetSettings, google: SheetsHttp) -> Iterator[Finding]:
    try:
        template = load_template(target.template, outcomes=session.settings.outcomes is not None)
    except CqsError as error:
        yield fail("target.template", error)
        return
    if target.path is None:
        yield from check_spreadsheet(target, template, google, sandbox=session.sandbox)
    else:
        yield from check_workbook(target, target.path, template, Disk(), sandbox=session.sandbox)


def check_workbook(
    settings: TargetSettings, path: Path, template: Template, disk: Disk, *, sandbox: bool = False
) -> Iterator[Finding]:
    """A workbook target, which need not exist yet; `sandbox`: for invented signals."""
    file = WorkbookFile(path, backups=0, force=False, lock_wait=0, sleep=_never, disk=disk)
    try:
        version = file.version()
        if version is None:
            check_place(path)
            yield ok("target.file", f"not there yet: the first sync makes {path}")
        else:
            yield from _contents(settings, file, template, sandbox=sandbox)
    except CqsError as error:
        yield fail("target.file", error)
    yield from _leftovers(file)
    yield from check_folder(file.path.parent)


def _mixed(settings: TargetSettings, facts: Facts, *, sandbox: bool) -> Iterator[Finding]:
    if not sandbox and of_sandbox(facts.lineage):
        yield fail("target.sandbox", holds_invented(settings))


def _contents(
    settings: TargetSettings, file: WorkbookFile, template: Template, *, sandbox: bool
) -> Iterator[Finding]:
    path = file.path
    destination = ExcelDestination(path)
    facts = look(destination, template, settings.tabs, Stamp(exists=True))
    bindings = bind(template, facts, settings.tabs)
    tabs = destination.inspect(facts, bindings)
    size = size_text(path.stat().st_size)
    yield ok("target.file", f"{path}: {size}, template {template.name}")
    yield from _mixed(settings, facts, sandbox=sandbox)
    if not (path.stat().st_mode & _ANY_WRITE and os.access(path, os.W_OK)):
        refusal = AccessRefused(
            f"{path.name} is read-only.",
            meaning="A sync cannot write it; its rows wait in the journal.",
            hint="Allow writing to it, or name another target.",
        )
        yield fail("target.writable", refusal)
    busy = file.open_elsewhere()
    yield fail("target.open", busy) if busy else ok("target.open", "open in no editor")
    yield from _bound(bindings, tabs, _room)


def _room(facts: InspectedTab) -> Iterator[Finding]:
    left = MAX_ROW - facts.last_row
    if left < _SCARCE_ROWS:
        what = f"tab {facts.title}: {left:,} rows left of Excel's {MAX_ROW:,}."
        yield warn("target.room", what, "Nothing to do: a full tab is continued in a new one.")
    else:
        yield ok("target.room", f"tab {facts.title}: {left:,} rows left")


def _leftovers(file: WorkbookFile) -> Iterator[Finding]:
    """What crashes leave behind, where it is sure that nobody is at work."""
    stale = file.stale_lock()
    if stale:
        yield warn(
            "target.stale_lock",
            f"LibreOffice crashed and left {stale.name} behind.",
            "A sync looks past it; `cqs-sheets doctor --fix` deletes it.",
            fix=lambda: stale.unlink(missing_ok=True),
        )
    if file.leftover.exists():
        yield warn(
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
    try:
        destination = GoogleDestination(settings.place.spreadsheet or "", http=http)
        facts = look(destination, template, settings.tabs, destination.stamp(""))
        bindings = bind(template, facts, settings.tabs)
        found = destination.survey(facts, bindings)
    except CqsError as error:
        yield fail("target.sharing", error)
        return
    shared = f'"{found.title}" can be read; whether it may be written, only a write shows'
    yield ok("target.sharing", shared)
    yield from _mixed(settings, facts, sandbox=sandbox)
    any_will_do = "any will do: values are written typed, times in the config's zone"
    yield ok("target.locale", f"locale {found.locale}, time zone {found.zone}; {any_will_do}")
    yield from _bound(bindings, found.tabs, _protected)
    yield _cells(found)


def _protected(found: InspectedTab) -> Iterator[Finding]:
    for each in found.protected:
        named = f" ({each.description})" if each.description else ""
        headers = ", ".join(found.tab.column(column).header for column in each.columns)
        error = AccessRefused(
            f"tab {found.title}: {each.range} is protected{named} and covers {headers}.",
            meaning="A sync cannot write there; its rows wait in the journal.",
            hint="Allow this account to edit it: Data, Protect sheets and ranges.",
        )
        yield fail("target.protection", error)


def _cells(found: Survey) -> Finding:
    what = f"{found.cells:,} of Google's {found.most_cells:,} cells, blank ones included"
    if found.cells < found.most_cells * _NEARLY_FULL:
        return ok("target.room", what)
    return warn("target.room", f"{what}.", "Delete blank rows, columns or tabs.")


def _bound(
    bindings: Bindings, tabs: Sequence[InspectedTab], more: Callable[[InspectedTab], Iterator[Finding]]
) -> Iterator[Finding]:
    """The tabs of the template that a target has, each with what `more` there is to say of it."""
    if not tabs:
        yield ok("target.columns", "no tab of the template in it yet: the first sync adds them")
    for told in bindings.told:
        yield ok("target.adopted", told)
    for each in tabs:
        yield from _tab(each)
        yield from more(each)


def _tab(facts: InspectedTab) -> Iterator[Finding]:
    """The header map, what is missing in it, and keys in more than one row."""
    tab = facts.tab
    there = [column for column in tab.columns if column.id in facts.columns]
    how = (
        "known by hidden marks"
        if facts.how is How.MARKS
        else f"known by {facts.how}; the next sync marks them"
    )
    where = f"tab {facts.title}" + (f" (the template's {tab.name})" if facts.title != tab.name else "")
    yield ok(
        "target.columns",
        f"{where}: {plural(facts.rows, 'row')} below the header in row {facts.header_row};"
        f" {len(there)} of {plural(len(tab.columns), 'column')} found, {how}",
        ", ".join(f"{facts.columns[column.id]}={column.header}" for column in there),
    )
    yield from _missing(where, facts)
    yield from _twice(where, facts)


def _missing(where: str, facts: InspectedTab) -> Iterator[Finding]:
    absent = [column for column in facts.tab.columns if column.id not in facts.columns]
    if not absent:
        return
    if facts.made == USERS_OWN or facts.how is not How.MARKS:
        yield ok("target.unbound", f"{where}: no header for {_headers(absent)}; not written")
        return
    deleted = [column for column in absent if facts.made is not None and column.id in facts.made]
    if deleted:
        yield ok("target.deleted", f"{where}: you deleted {_headers(deleted)}; left out since")
    new = [column for column in absent if column not in deleted]
    if new and facts.made is not None:
        what = f"{where}: the template has {_headers(new)} by now."
        yield warn("target.drift", what, "Nothing to do: the next sync adds them at the right.")
    elif new:
        yield ok("target.deleted", f"{where}: {_headers(new)} is not there; left out")


def _twice(where: str, facts: InspectedTab) -> Iterator[Finding]:
    twice = facts.duplicates
    if not twice:
        return
    lines = [f"{key} in rows {', '.join(map(str, rows))}" for key, rows in list(twice.items())[:_MOST_LINES]]
    more = [f"and {len(twice) - _MOST_LINES:,} more"] if len(twice) > _MOST_LINES else []
    yield warn(
        "target.duplicates",
        f"{where}: {plural(len(twice), 'key')} in more than one row; only the first is kept up to date.",
        "Delete the rows that are too many.",
        *lines,
        *more,
    )


def _headers(columns: Sequence[Column]) -> str:
    return ", ".join(column.header for column in columns)
