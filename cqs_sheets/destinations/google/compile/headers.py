"""The headers of a table: what a column is, and above it the group it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cqs_sheets.core.templates.template import Column, TableTab
from cqs_sheets.destinations.google.compile.styles import Look, alignment, border, placed
from cqs_sheets.destinations.google.read.layout import TabPlace

Json = dict[str, Any]


def compile_headers(
    tab: TableTab, columns: Sequence[Column], place: TabPlace, look: Look, *, before: Column | None = None
) -> Iterator[Json]:
    """The requests that write the headers of neighbouring columns, and the names of groups above them.

    `before` is the column at the left of them.
    """
    headers = [_header_cell(tab, column, look) for column in columns]
    groups = [_group_cell(column, look) for column in columns]
    left = place.columns[columns[0].id]
    if tab.plain or not place.header_row:
        yield _line(place, place.header_row, left, headers)
        return
    for column, neighbour, *cells in zip(columns, (before, *columns), groups, headers, strict=False):
        if neighbour and neighbour.group == column.group:
            cells[0].pop("userEnteredValue", None)
        elif neighbour:
            faint = look.color(look.theme.faint_on(look.theme.header_role(column.kind)))
            for cell in cells:
                cell["userEnteredFormat"]["borders"] = {"left": border(faint, "thin")}
    yield _line(place, place.header_row - 1, left, groups)
    yield _line(place, place.header_row, left, headers)


def _header_cell(tab: TableTab, column: Column, look: Look) -> Json:
    """The header of one column."""
    style: Json = {"wrapStrategy": "WRAP", "verticalAlignment": "MIDDLE", **alignment(column.format)}
    style["textFormat"] = look.text("" if tab.plain else "paper", bold=True)
    if not tab.plain:
        style["backgroundColorStyle"] = look.color(look.theme.header_role(column.kind))
    cell: Json = {"userEnteredValue": {"stringValue": column.header}, "userEnteredFormat": style}
    return cell | ({"note": column.note} if column.note else {})


def _group_cell(column: Column, look: Look) -> Json:
    background = look.theme.header_role(column.kind)
    style: Json = {
        "backgroundColorStyle": look.color(background),
        "textFormat": look.text(look.theme.faint_on(background), bold=True, smaller=2),
        "verticalAlignment": "MIDDLE",
        **placed("left", indent=1),
    }
    cell: Json = {"userEnteredFormat": style}
    return cell | ({"userEnteredValue": {"stringValue": column.group}} if column.group else {})


def _line(place: TabPlace, row: int, left: int, cells: Sequence[Json]) -> Json:
    start = {"sheetId": place.sheet_id, "rowIndex": row, "columnIndex": left}
    fields = "userEnteredValue,userEnteredFormat,note"
    return {"updateCells": {"start": start, "rows": [{"values": cells}], "fields": fields}}
