"""A spreadsheet as a doctor looks at it: where each column is, and what may hinder a write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cqs_sheets.core.rows.facts import Made
from cqs_sheets.core.rows.upgrade import record_from
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.google.read.addresses import column_letters
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace
from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp

Json = dict[str, Any]

_FIELDS = (
    "properties(title,locale,timeZone),sheets(properties(sheetId,gridProperties(rowCount,columnCount)),"
    "protectedRanges(range,description,warningOnly,requestingUserCanEdit))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A protection that refuses our writes: its `range` ("B2:F200", or "the whole tab") and our columns in it."""

    range: str
    description: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TabSurvey:
    """One tab, or one that it was continued in; rows count from 1, as on the screen.

    `tab` is the template's name of it, `title` the user's. `columns`: column id -> letters.
    `missing` are columns of the template that it lacks. `duplicates`: key -> the rows that carry it.
    """

    tab: str
    title: str
    header_row: int
    rows: int
    columns: Mapping[str, str]
    missing: tuple[str, ...]
    duplicates: Mapping[str, tuple[int, ...]]
    protected: tuple[Protection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A spreadsheet: `zone` is IANA's name, `sequence` None if we never wrote there.

    `cells` counts those of all tabs, blank ones included. `made` is the record of what we made there.
    """

    title: str
    locale: str
    zone: str
    sequence: int | None
    cells: int
    most_cells: int
    made: Made | None
    tabs: tuple[TabSurvey, ...]


def survey(http: SheetsHttp, spreadsheet_id: str, layout: Layout, template: Template) -> Survey:
    """One more look at a spreadsheet whose tabs are bound; nothing is written. Raises CqsError."""
    answer = http.read(spreadsheet_id, fields=_FIELDS, name=spreadsheet_id)
    sheets = {sheet["properties"].get("sheetId", 0): sheet for sheet in answer.get("sheets", [])}
    grids = [sheet["properties"].get("gridProperties", {}) for sheet in sheets.values()]
    properties = answer["properties"]
    return Survey(
        title=properties["title"],
        locale=properties.get("locale", ""),
        zone=properties.get("timeZone", ""),
        sequence=layout.sequence,
        cells=sum(grid.get("rowCount", 0) * grid.get("columnCount", 0) for grid in grids),
        most_cells=failures.MOST_CELLS,
        made=record_from(layout.record),
        tabs=tuple(
            _tab(tab, place, sheets.get(place.sheet_id, {}).get("protectedRanges", []))
            for tab in template.fed_tabs
            for place in layout.volumes(tab.name)
        ),
    )


def _tab(tab: TableTab, place: TabPlace, protections: Sequence[Json]) -> TabSurvey:
    rows = {
        key: tuple(row + 1 for row in found if row > place.header_row) for key, found in place.rows.items()
    }
    return TabSurvey(
        tab=tab.name,
        title=place.title,
        header_row=place.header_row + 1,
        rows=sum(map(len, rows.values())),
        columns={column: column_letters(at) for column, at in place.columns.items()},
        missing=tuple(column.id for column in tab.columns if column.id not in place.columns),
        duplicates={key: found for key, found in rows.items() if len(found) > 1},
        protected=tuple(_protected(tab, place, protections)),
    )


def _protected(tab: TableTab, place: TabPlace, protections: Sequence[Json]) -> Iterator[Protection]:
    """Those of others; a warning stops people only, and what the account may edit stops nobody."""
    for each in protections:
        if each.get("warningOnly") or each.get("requestingUserCanEdit"):
            continue
        span = each.get("range", {})
        left, right = span.get("startColumnIndex", 0), span.get("endColumnIndex", place.column_count)
        ours = [column.id for column in tab.columns if left <= place.columns.get(column.id, -1) < right]
        if ours:
            yield Protection(
                range=_a1(span, left, right, place.row_count),
                description=each.get("description", ""),
                columns=tuple(ours),
            )


def _a1(span: Json, left: int, right: int, rows: int) -> str:
    if not span.keys() - {"sheetId"}:
        return "the whole tab"
    top, bottom = span.get("startRowIndex", 0) + 1, span.get("endRowIndex", rows)
    return f"{column_letters(left)}{top}:{column_letters(right - 1)}{bottom}"
