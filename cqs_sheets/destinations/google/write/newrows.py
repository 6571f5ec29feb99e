"""Requests for cells at known places, and the ranges they speak of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.grid import runs
from cqs_sheets.core.plan.plan import Add
from cqs_sheets.core.templates.decimals import RowPatterns
from cqs_sheets.core.templates.template import CellFormat, ColumnKind, SettingsTab, TableTab, Template
from cqs_sheets.destinations.google.compile.pages import compile_setting
from cqs_sheets.destinations.google.compile.styles import number_format
from cqs_sheets.destinations.google.compile.table import compile_columns, fill_formulas, missing_for
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.cells import encode
from cqs_sheets.destinations.google.read.layout import Cell, TabPlace, shifted
from cqs_sheets.destinations.google.wire import shapes
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.values import replace


def update_cells(cell: Cell, rows: Iterable[Iterable[Json]]) -> Json:
    """The request that writes rows of ExtendedValues, formats untouched."""
    start = shapes.coordinate(cell.sheet_id, cell.row, cell.column)
    lines = [
        {"values": [{"userEnteredValue": content} if content else {} for content in contents]}
        for contents in rows
    ]
    return {"updateCells": {"start": start, "rows": lines, "fields": "userEnteredValue"}}


def area(cell: Cell, height: int = 1, width: int = 1) -> shapes.GridRange:
    """A range with its upper left corner at `cell`."""
    rows, columns = range(cell.row, cell.row + height), range(cell.column, cell.column + width)
    return shapes.grid_range(cell.sheet_id, rows, columns)


def insert_rows(
    adds: Sequence[Add], tab: TableTab, tabs: Mapping[str, TabPlace], *, users_own: bool = False
) -> tuple[list[Json], TabPlace]:
    """The requests that insert rows with values and formulas, and the tab as it will stand."""
    place = tabs[tab.name]
    if tab.new_rows == "top":
        adds = adds[::-1]  # the newest comes last, and stands first
    index = min(place.header_row + 1 if tab.new_rows == "top" else place.end, place.row_count)
    after = place.grown(index, [add.key for add in adds])
    bare = place.end == place.header_row + 1
    like_above = index >= place.row_count or not (bare or tab.new_rows == "top")
    span = shapes.dimension_range(place.sheet_id, "ROWS", index, index + len(adds))
    requests: list[Json] = [{"insertDimension": {"range": span, "inheritFromBefore": like_above}}]
    grown = zip(place.tables, after.tables, strict=True)
    requests += [table.set_range() for before, table in grown if before.range["endRowIndex"] <= index]
    if bare or not place.ids:
        requests += time_formats(tab, place, index, len(adds))
    lines = [dict(_line(tab, place, add)) for add in adds]
    for first, last in runs(lines[0]):
        rows = [[line[at] for at in range(first, last + 1)] for line in lines]
        requests.append(update_cells(Cell(sheet_id=place.sheet_id, row=index, column=first), rows))
    if place.ids and not users_own:
        requests += _decimals(tab, place, index, adds)
    requests += fill_formulas(tab.columns, after, {**tabs, tab.name: after}, index, len(adds))
    like = index - 1 if index == place.end else index + len(adds)
    theirs = place.models - lines[0].keys()
    requests += _filled_down(Cell(sheet_id=place.sheet_id, row=like, column=0), theirs, index, len(adds))
    return requests, after


def _filled_down(like: Cell, columns: Collection[int], index: int, count: int) -> Iterator[Json]:
    """The requests that copy the user's own formulas from the row of `like` into new rows."""
    for first, last in runs(columns):
        source = replace(like, column=first)
        target = replace(source, row=index)
        width = 1 + last - first
        copied = {"source": area(source, 1, width), "destination": area(target, count, width)}
        yield {"copyPaste": {**copied, "pasteType": "PASTE_FORMULA"}}


def without_formula(tab: TableTab, tabs: Mapping[str, TabPlace]) -> Iterator[str]:
    """What the user should know of formulas that new rows do not get."""
    place = tabs[tab.name]
    for column in tab.columns:
        if column.kind is ColumnKind.FORMULA and column.id in place.columns:
            missing = missing_for(column, place, tabs)
            if missing is not None:
                yield (
                    f"{place.title}: {column.header} was left empty in new rows, as its formula needs"
                    f" {missing!r}, which is no longer there"
                )


def _line(tab: TableTab, place: TabPlace, add: Add) -> Iterator[tuple[int, Json]]:
    """A new row's contents (ExtendedValue) by column: ours, and what the user's own tab is given."""
    for column in tab.columns:
        at = place.columns.get(column.id)
        if at is not None and (column.synced or column.id in add.values):
            yield at, encode(add.values.get(column.id))


def time_formats(tab: TableTab, place: TabPlace, index: int, count: int) -> Iterator[Json]:
    """The requests that make times look like times in rows that do not look like ours."""
    for column in tab.columns:
        if column.type is CellType.TIME and column.id in place.columns:
            cell = Cell(sheet_id=place.sheet_id, row=index, column=place.columns[column.id])
            yield {
                "repeatCell": {
                    "range": area(cell, count, 1),
                    "cell": {"userEnteredFormat": number_format(column.format)},
                    "fields": "userEnteredFormat.numberFormat",
                }
            }


def _decimals(tab: TableTab, place: TabPlace, index: int, adds: Sequence[Add]) -> Iterator[Json]:
    """The requests that give each new row the decimals that its prices need."""
    columns = {place.columns[each.id]: each for each in tab.columns if each.id in place.columns}
    formats = RowPatterns(tab)
    patterns = formats.of([add.values.get(id_) for id_ in formats.columns] for add in adds)
    priced = [at for at, column in columns.items() if column.format.decimals and at not in place.patterns]
    for first, last in runs(priced):
        shown = [columns[at] for at in range(first, last + 1)]
        lines = [
            {"values": [_shown_by(each.get(column.id, column.format.pattern)) for column in shown]}
            for each in patterns
        ]
        start = shapes.coordinate(place.sheet_id, index, first)
        fields = "userEnteredFormat.numberFormat"
        yield {"updateCells": {"start": start, "rows": lines, "fields": fields}}


def _shown_by(pattern: str) -> Json:
    return {"userEnteredFormat": number_format(CellFormat(pattern=pattern))}


def new_columns(
    template: Template, tab: TableTab, ids: Collection[str], tables: Mapping[str, TabPlace]
) -> tuple[list[Json], TabPlace]:
    """The requests that make columns of a tab, formulas filled in, and the tab as it will stand.

    The user's own tab has its formulas in all its rows.
    """
    place = tables[tab.name]
    new = [column for column in tab.columns if column.id in ids and column.id not in place.columns]
    if not new:
        return [], place
    at = 1 + max([place.key_column, *place.columns.values()])
    positions = {column.id: at + offset for offset, column in enumerate(new)}
    wider = replace(
        place,
        columns={**place.columns, **positions},
        column_count=place.column_count + len(new),
        filter=shifted(place.filter, "Column", at, len(new), joins=True),
        tables=tuple(table.shifted("Column", at, len(new)) for table in place.tables),
    )
    keyed = sorted(row for found in place.rows.values() for row in found if row > place.header_row)
    rows = keyed if tab.fed else range(place.header_row + 1, place.row_count)
    return [
        _inserted(place.sheet_id, "COLUMNS", at, len(new)),
        *compile_columns(template, tab, new, wider),
        *_filtered(wider, at + len(new)),
        *(table.set_range() for table in wider.tables if table not in place.tables),
        *(
            marks.bind(marks.COLUMN, f"{place.mark}.{column}", place.sheet_id, "COLUMNS", index)
            for column, index in positions.items()
        ),
        *(
            request
            for first, last in runs(rows)
            for request in fill_formulas(new, wider, {**tables, tab.name: wider}, first, 1 + last - first)
        ),
    ], wider


def _filtered(place: TabPlace, end: int) -> Iterator[Json]:
    """The request that makes a filter reach as far as the new columns do, if it reached to them."""
    if place.filter and place.filter["range"].get("endColumnIndex") == end:
        yield {"setBasicFilter": {"filter": place.filter}}


def new_settings(
    template: Template, tab: SettingsTab, ids: Sequence[str], names: Mapping[str, Cell], *, zone_name: str
) -> tuple[list[Json], dict[str, Cell]]:
    """The requests that make settings below the others, and their cells by name (in lower case)."""
    new = [each for each in tab.settings if each.name in ids and each.name.lower() not in names]
    ours = [cell for each in tab.settings if (cell := names.get(each.name.lower()))]
    if not new or not ours:
        return [], {}
    last = max(ours, key=lambda cell: cell.row)
    cells = {each.name: replace(last, row=last.row + 1 + offset) for offset, each in enumerate(new)}
    requests = [_inserted(last.sheet_id, "ROWS", last.row + 1, len(new))]
    for each in new:
        requests += compile_setting(template, each, cells[each.name], zone_name=zone_name)
    return requests, {name.lower(): cell for name, cell in cells.items()}


def _inserted(sheet_id: int, axis: shapes.Dimension, start: int, count: int) -> Json:
    span = shapes.dimension_range(sheet_id, axis, start, start + count)
    return {"insertDimension": {"range": span, "inheritFromBefore": True}}
