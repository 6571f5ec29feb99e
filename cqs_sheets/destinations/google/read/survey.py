"""A spreadsheet beyond our marks: all titles, first rows and keys, and what a doctor wants to know."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from cqs_sheets.core.plan.binding import Binding, Bindings
from cqs_sheets.core.plan.facts import SheetFacts
from cqs_sheets.core.plan.plan import record_from
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations import InspectedTab, Protection
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.cells import decode_extended
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace, column_letters
from cqs_sheets.destinations.google.read.looking import CELLS, NAMES, keyed_rows, read_names
from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.shapes import GridRange, Json, filters_by, grid_range, sheet_id_of
from cqs_sheets.destinations.google.wire.sheets_http import Spreadsheet
from cqs_sheets.errors import ROWS_WAIT, TargetChanged
from cqs_sheets.values import dataclass, replace

_FIRST_ROWS = 40  # a header stands in one of them
_PROPERTIES = (
    f"sheets(properties(sheetId,title,gridProperties(rowCount,columnCount))),{NAMES},"
    "developerMetadata(metadataKey)"
)


def read_headers(
    spreadsheet: Spreadsheet, layout: Layout, titles: Collection[str]
) -> tuple[Layout, tuple[SheetFacts, ...]]:
    """The layout with all titles, and all tabs with cells; those that have one of `titles` with their first rows.

    It takes two requests: a tab's cells can be asked for by its name or id only, and a request that names one
    that is not there is refused as a whole. Raises TargetChanged if another sync has made the tabs meanwhile.
    """
    answer = spreadsheet.read(_PROPERTIES)
    written = any(entry["metadataKey"] == marks.SEQUENCE for entry in answer.get("developerMetadata", []))
    if written and not layout.marks:
        raise TargetChanged(
            "Another sync has just written to the spreadsheet.",
            meaning=ROWS_WAIT,
            hint="Run it again.",
        )
    all_properties = [sheet["properties"] for sheet in answer.get("sheets", [])]
    searched = {title.lower() for title in titles}
    grids = {each.get("sheetId", 0): each for each in all_properties if "gridProperties" in each}
    wanted = [id_ for id_, each in grids.items() if each["title"].lower() in searched]
    areas = [GridRange(sheetId=sheet_id, endRowIndex=_FIRST_ROWS) for sheet_id in wanted]
    read = _read(spreadsheet, areas) if areas else ()
    blocks = {sheet_id_of(sheet): _block(sheet) for sheet in read}
    sheets = tuple(
        SheetFacts(id=str(id_), title=each["title"], rows=_texts(blocks.get(id_, {})))
        for id_, each in grids.items()
    )
    names = dict(read_names(answer))
    known = frozenset(each["title"].lower() for each in all_properties)
    return replace(layout, titles=known, names=names, grids=_grids(grids)), sheets


def _grids(grids: Mapping[int, Json]) -> Mapping[int, tuple[int, int]]:
    return {
        id_: (each["gridProperties"]["rowCount"], each["gridProperties"]["columnCount"])
        for id_, each in grids.items()
    }


def adopted_place(spreadsheet: Spreadsheet, layout: Layout, tab: TableTab, binding: Binding) -> TabPlace:
    """The place of a tab that was bound to a sheet without marks; one read of its keys, filter and tables."""
    sheet_id, at = int(binding.sheet), binding.columns[tab.key] - 1
    area = grid_range(sheet_id, columns=range(at, at + 1))
    sheet = next(iter(_read(spreadsheet, [area])), {})
    header_row, columns = binding.header_row - 1, {id_: each - 1 for id_, each in binding.columns.items()}
    row_count, column_count = layout.grids[sheet_id]
    return (
        TabPlace(
            name=tab.name,
            mark=tab.mark_name,
            sheet_id=sheet_id,
            title=binding.title,
            header_row=header_row,
            key_column=at,
            columns=columns,
            rows={},
            end=binding.header_row,
            row_count=row_count,
            column_count=column_count,
            bound=False,
        )
        .beside(sheet)
        .with_rows(keyed_rows(_block(sheet)))
    )


def read_titles(spreadsheet: Spreadsheet) -> frozenset[str]:
    """The titles of all tabs, in lower case."""
    answer = spreadsheet.read("sheets(properties(title))")
    return frozenset(sheet["properties"]["title"].lower() for sheet in answer.get("sheets", []))


def _read(spreadsheet: Spreadsheet, areas: Sequence[GridRange]) -> Sequence[Json]:
    """Tabs with their cells, each asked for by one GridRange from its first row on."""
    fields = f"sheets(properties(sheetId),{CELLS})"
    sheets: Sequence[Json] = spreadsheet.read(fields, ":getByDataFilter", filters_by(areas)).get("sheets", [])
    return sheets


def _block(sheet: Json) -> Json:
    return next(iter(sheet.get("data", ())), {})


def _texts(block: Json) -> dict[int, dict[int, str]]:
    """The texts of a block's rows, by row and column, both counted from 1."""
    found: dict[int, dict[int, str]] = {}
    for row, data in enumerate(block.get("rowData", []), start=1):
        for column, cell in enumerate(data.get("values", []), start=1):
            if text := decode_extended(cell):
                found.setdefault(row, {})[column] = str(text)
    return found


_FIELDS = (
    "properties(title,locale,timeZone),sheets(properties(sheetId,gridProperties(rowCount,columnCount)),"
    "protectedRanges(range,description,warningOnly,requestingUserCanEdit))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A spreadsheet: `zone` is IANA's name, `sequence` None if we never wrote there.

    `cells` counts those of all tabs, blank ones included.
    """

    title: str
    locale: str
    zone: str
    sequence: int | None
    cells: int
    most_cells: int
    tabs: tuple[InspectedTab, ...]


def survey(spreadsheet: Spreadsheet, layout: Layout, bindings: Bindings) -> Survey:
    """One more look at a spreadsheet whose tabs are bound; nothing is written. Raises CqsError."""
    answer = spreadsheet.read(_FIELDS)
    sheets = {sheet_id_of(sheet): sheet for sheet in answer.get("sheets", [])}
    grids = [sheet["properties"].get("gridProperties", {}) for sheet in sheets.values()]
    properties = answer["properties"]
    made = record_from(layout.record) or {}
    return Survey(
        title=properties["title"],
        locale=properties.get("locale", ""),
        zone=properties.get("timeZone", ""),
        sequence=layout.sequence,
        cells=sum(grid.get("rowCount", 0) * grid.get("columnCount", 0) for grid in grids),
        most_cells=failures.MOST_CELLS,
        tabs=tuple(
            InspectedTab(
                tab=tab,
                title=place.title,
                header_row=place.header_row + 1,
                how=bindings.tabs[tab.name][0].how,
                columns={column: column_letters(at) for column, at in place.columns.items()},
                rows=sum(map(len, rows.values())),
                duplicates={key: found for key, found in rows.items() if len(found) > 1},
                made=made.get(tab.mark_name),
                protected=tuple(
                    _protected(tab, place, sheets.get(place.sheet_id, {}).get("protectedRanges", []))
                ),
            )
            for tab in bindings.template.fed_tabs
            for place in layout.volumes(tab.name)
            for rows in [_data_rows(place)]
        ),
    )


def _data_rows(place: TabPlace) -> dict[str, tuple[int, ...]]:
    """The rows below the header that carry each key, counted from 1."""
    return {
        key: tuple(row + 1 for row in found if row > place.header_row) for key, found in place.rows.items()
    }


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
