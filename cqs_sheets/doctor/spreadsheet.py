"""A Google Sheet: is it shared with us, where do its columns stand, what is protected, how full is it."""

from __future__ import annotations

from collections.abc import Iterator

from cqs_sheets.config import TargetSettings
from cqs_sheets.core.rows.binding import Bindings, bind
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.google.destination import GoogleDestination
from cqs_sheets.destinations.google.read.survey import Survey, TabSurvey
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.doctor.finding import Finding, fail, ok, warn
from cqs_sheets.doctor.tabs import TabFacts, check_tab
from cqs_sheets.errors import AccessRefused, CqsError
from cqs_sheets.run.deliver import look

_NEARLY_FULL = 0.9


def check_spreadsheet(settings: TargetSettings, template: Template, http: SheetsHttp) -> Iterator[Finding]:
    """A spreadsheet target: two to four reads, no write."""
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
        tab = bindings.template.tab(each.tab)
        if isinstance(tab, TableTab):
            facts = TabFacts(
                tab=tab,
                title=each.title,
                header_row=each.header_row,
                how=bindings.tabs[tab.name][0].how,
                columns=each.columns,
                rows=each.rows,
                duplicates=each.duplicates,
                made=(found.made or {}).get(tab.mark_name),
            )
            yield from check_tab(subject, facts)
            yield from _protected(subject, tab, each)


def _protected(subject: str, tab: TableTab, found: TabSurvey) -> Iterator[Finding]:
    for each in found.protected:
        named = f" ({each.description})" if each.description else ""
        headers = ", ".join(tab.column(column).header for column in each.columns)
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
