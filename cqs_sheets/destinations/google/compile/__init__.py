"""A template's tabs as requests of one batchUpdate: pure, so that it can be looked at without Google."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.pages import Page, settings_page
from cqs_sheets.core.templates.report_pages import compile_page
from cqs_sheets.core.templates.template import BlocksTab, ReportTab, SettingsTab, Tab, TableTab, Template
from cqs_sheets.destinations.google.compile import styles
from cqs_sheets.destinations.google.compile.pages import (
    chart_headers,
    compile_page_tab,
    compile_settings,
    named_cells,
)
from cqs_sheets.destinations.google.compile.table import compile_table, new_place
from cqs_sheets.destinations.google.read.layout import Cell, TabPlace, quoted
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.values import dataclass

_FIRST = ("addSheet", "addNamedRange")  # what formulas speak of is there before them


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTab:
    """A tab to be made, under a title and an id that are free."""

    tab: Tab
    sheet_id: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTabs:
    """The requests that make tabs; their table places and named cells (lower case) once carried out.

    `warnings` name the pages with cells that stay empty, as a table made by hand lacks a column.
    """

    requests: list[Json]
    tables: Mapping[str, TabPlace]
    names: Mapping[str, Cell]
    warnings: tuple[str, ...]


def compile_tabs(
    template: Template,
    new: Sequence[NewTab],
    tables: Mapping[str, TabPlace],
    *,
    zone_name: str,
    taken: Collection[str],
) -> NewTabs:
    """Make `new` tabs of a template beside the `tables` that are there.

    Tabs stand in the given order. All of them, and all names, are made before the first formula.
    Names that are `taken` (in lower case) are not defined. `zone_name` fills the setting Time_zone.
    """
    made = {
        each.tab.name: new_place(each.tab, each.sheet_id, each.title)
        for each in new
        if isinstance(each.tab, TableTab)
    }
    known = {**tables, **made}
    pages = _pages(template, new, known)
    headers = chart_headers(pages.values())
    ids = {each.tab.name: each.sheet_id for each in new}
    look = styles.ThemeStyles(template.theme)
    requests: list[Json] = []
    names: dict[str, Cell] = {}
    for each in new:
        if isinstance(each.tab, TableTab):
            requests += compile_table(template, each.tab, known)
        elif isinstance(each.tab, SettingsTab):
            page = settings_page(each.tab, template.theme, zone_name)
            requests += compile_settings(page, each.tab, look, each.sheet_id, each.title, taken=taken)
            names |= {name.lower(): cell for name, cell in named_cells(page, each.sheet_id).items()}
        else:
            page = pages[each.tab.name]
            requests += compile_page_tab(
                page,
                look,
                each.title,
                ids=ids,
                headers=headers.get(page.name, {}),
            )
    warnings = tuple(
        f"{name}: some cells stay empty, as the spreadsheet has no column for {', '.join(page.missing)}"
        for name, page in pages.items()
        if page.missing
    )
    return NewTabs(requests=list(_in_order(requests)), tables=made, names=names, warnings=warnings)


def _pages(template: Template, new: Sequence[NewTab], tables: Mapping[str, TabPlace]) -> dict[str, Page]:
    """The new tabs of blocks and reports, with references to the tabs as they are titled."""
    titles = {each.tab.name: each.title for each in new}

    def area(tab: str, span: Span) -> str:
        return f"{quoted(titles[tab])}!{span.absolute}"

    def column(tab: str, name: str) -> str:
        return styles.column_reference(tables[tab], name)

    return {
        each.tab.name: compile_page(template, each.tab, area=area, column=column)
        for each in new
        if isinstance(each.tab, BlocksTab | ReportTab)
    }


def _in_order(requests: Sequence[Json]) -> Iterator[Json]:
    for kind in _FIRST:
        yield from (request for request in requests if kind in request)
    yield from (request for request in requests if not request.keys() & set(_FIRST))
