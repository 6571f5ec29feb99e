"""A spreadsheet we never wrote: which tabs it has, and whether one of them is a table made by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cqs_sheets.core.cells import key_text
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.cells import decode_extended
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace
from cqs_sheets.destinations.google.read.looking import CELLS, NAMES, look, read_names
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.errors import DataRefused

Json = dict[str, Any]
Rows = Sequence[Sequence[Json]]

_HEADER_SEARCH_ROWS = 40
_READ_WHOLE = 500_000  # cells at most, some 25 MB
_PROPERTIES = (
    f"sheets(properties(sheetId,title,gridProperties(rowCount,columnCount))),{NAMES},"
    "developerMetadata(metadataKey)"
)


def adopt(
    http: SheetsHttp, spreadsheet_id: str, layout: Layout, template: Template, gid: int | None
) -> Layout:
    """The layout with all titles, and with tables that have a fed tab's name (the first: or the tab `gid`).

    Which tabs there are and what stands in them takes two requests: a tab's cells can be asked for by
    its name only, and a request that names one that is not there is refused as a whole. A large tab takes
    one more.
    If another sync wrote there meanwhile, the layout is what that left.
    Raises DataRefused for a tab of that name whose rows cannot be told apart.
    """
    answer = http.read(spreadsheet_id, fields=_PROPERTIES, name=spreadsheet_id)
    if any(entry["metadataKey"] == marks.SEQUENCE for entry in answer.get("developerMetadata", [])):
        return _just_written(http, spreadsheet_id)
    titles = _titles(answer)
    sheets = [sheet["properties"] for sheet in answer["sheets"] if "gridProperties" in sheet["properties"]]
    wanted: dict[int, TableTab] = {}
    for tab in template.fed_tabs:
        chosen = [each for each in sheets if each["title"].lower() == tab.name.lower()]
        if gid is not None and tab is template.fed_tabs[0]:
            chosen = [each for each in sheets if each.get("sheetId", 0) == gid] or chosen
        if chosen:
            wanted[chosen[0].get("sheetId", 0)] = tab
    large = {each.get("sheetId", 0) for each in sheets if _cells(each) > _READ_WHOLE}
    places = _places(http, spreadsheet_id, wanted, large, gid) if wanted else {}
    return replace(layout, titles=titles, names=dict(read_names(answer)), tabs={**layout.tabs, **places})


def _just_written(http: SheetsHttp, spreadsheet_id: str) -> Layout:
    """The layout of a spreadsheet that another sync has made between our two questions."""
    layout = look(http, spreadsheet_id, written=True)
    if not layout.marks:
        raise _unreadable()
    return layout


def _cells(properties: Json) -> int:
    grid = properties["gridProperties"]
    return int(grid["rowCount"]) * int(grid["columnCount"])


def read_titles(http: SheetsHttp, spreadsheet_id: str) -> frozenset[str]:
    """The titles of all tabs, in lower case."""
    return _titles(http.read(spreadsheet_id, fields="sheets(properties(title))", name=spreadsheet_id))


def _titles(answer: Json) -> frozenset[str]:
    return frozenset(sheet["properties"]["title"].lower() for sheet in answer.get("sheets", []))


def _places(
    http: SheetsHttp,
    spreadsheet_id: str,
    wanted: Mapping[int, TableTab],
    large: Collection[int],
    gid: int | None,
) -> dict[str, TabPlace]:
    """Of tabs that are too `large` to be read whole, first the rows that may be a header, then the keys."""
    top = {"endRowIndex": _HEADER_SEARCH_ROWS}
    areas = [{"sheetId": sheet_id} | (top if sheet_id in large else {}) for sheet_id in wanted]
    places = {}
    for properties, rows in _read(http, spreadsheet_id, areas):
        sheet_id = properties.get("sheetId", 0)
        tab = wanted[sheet_id]
        place = _place(tab, properties, rows)
        if place:
            places[tab.name] = place
        elif any(cell for row in rows for cell in row) and sheet_id != gid:
            raise _no_keys(tab)
    areas = [_key_column(place) for place in places.values() if place.sheet_id in large]
    for properties, rows in _read(http, spreadsheet_id, areas) if areas else ():
        name = wanted[properties.get("sheetId", 0)].name
        places[name] = places[name].with_rows(_keyed(rows, 0))
    return places


def _read(http: SheetsHttp, spreadsheet_id: str, areas: Sequence[Json]) -> Iterator[tuple[Json, Rows]]:
    """The properties and rows of tabs, each asked for by one GridRange from its first row on."""
    answer = http.read(
        f"{spreadsheet_id}:getByDataFilter",
        fields=f"sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),{CELLS})",
        body={"dataFilters": [{"gridRange": area} for area in areas]},
        name=spreadsheet_id,
    )
    for sheet in answer.get("sheets", []):
        yield sheet["properties"], [row.get("values", []) for row in sheet["data"][0].get("rowData", [])]


def _key_column(place: TabPlace) -> Json:
    at = place.key_column
    return {"sheetId": place.sheet_id, "startColumnIndex": at, "endColumnIndex": at + 1}


def _place(tab: TableTab, properties: Json, rows: Rows) -> TabPlace | None:
    best: tuple[int, int, dict[str, int]] | None = None
    for number, row in enumerate(rows[:_HEADER_SEARCH_ROWS]):
        columns = _match(tab, [str(decode_extended(cell) or "") for cell in row])
        if tab.key in columns and (best is None or len(columns) > best[0]):
            best = (len(columns), number, columns)
    if best is None:
        return None
    _, header_row, columns = best
    return TabPlace(
        name=tab.name,
        sheet_id=properties.get("sheetId", 0),
        title=properties["title"],
        header_row=header_row,
        key_column=columns[tab.key],
        columns=columns,
        rows={},
        end=header_row + 1,
        row_count=properties["gridProperties"]["rowCount"],
        column_count=properties["gridProperties"]["columnCount"],
        bound=False,
    ).with_rows(_keyed(rows, columns[tab.key]))


def _keyed(rows: Rows, at: int) -> dict[str, list[int]]:
    """The keys in one column of some rows, and the rows that each stands in."""
    keyed: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        key = key_text(decode_extended(row[at])) if at < len(row) else None
        if key is not None:
            keyed.setdefault(key, []).append(number)
    return keyed


def _match(tab: TableTab, texts: Sequence[str]) -> dict[str, int]:
    """Columns by the texts of one row: the template's header, its column id or its source."""
    free = {text.strip().lower(): at for at, text in reversed(list(enumerate(texts))) if text.strip()}
    found: dict[str, int] = {}
    for wanted in ("header", "id", "source"):
        for column in tab.columns:
            name = str(getattr(column, wanted)).strip().lower()
            if column.id not in found and name in free:
                found[column.id] = free.pop(name)
    return found


def _unreadable() -> DataRefused:
    return DataRefused(
        "The spreadsheet was written by cqs-sheets before, but Google does not show where its columns are.",
        meaning="Nothing was written; the rows wait in the journal.",
        hint="Run it again; if this stays, delete our tabs (they are then made anew) and report it.",
    )


def _no_keys(tab: TableTab) -> DataRefused:
    header = tab.column(tab.key).header
    return DataRefused(
        f"The tab {tab.name!r} has no column {header!r}, so its rows cannot be told apart.",
        meaning="Nothing was written; the rows wait in the journal.",
        hint="Rename that tab or give it the column; the sync then makes or uses it.",
    )
