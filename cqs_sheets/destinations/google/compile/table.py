"""A template's tabs as requests of one batchUpdate: pure, so that it can be looked at without Google."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cqs_sheets.core.grid import runs
from cqs_sheets.core.templates.template import Column, ColumnKind, TableTab, Template
from cqs_sheets.destinations.google.compile.formulas import row_formula, rule_formula
from cqs_sheets.destinations.google.compile.headers import compile_headers, header_cell
from cqs_sheets.destinations.google.compile.styles import Look, pixels, rule_format
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.layout import TabPlace

Json = dict[str, Any]

_GROUP_HEIGHT, _HEADER_HEIGHT, _ROW_HEIGHT = 20, 40, 23
_LEAST_SPARE_ROWS = 1  # rows go in before it, so that everything that lies on the rows grows with them
_PROTECTION = "Written by cqs-sheets: what you type here may be replaced."


def new_place(tab: TableTab, sheet_id: int, title: str) -> TabPlace:
    """Where a table tab's parts will stand once its requests have been carried out."""
    header_row = 0 if tab.plain else 1
    columns = {column.id: at for at, column in enumerate(tab.columns)}
    return TabPlace(
        name=tab.name,
        sheet_id=sheet_id,
        title=title,
        header_row=header_row,
        key_column=columns[tab.key],
        columns=columns,
        rows={},
        end=header_row + 1,
        row_count=header_row + 1 + (_LEAST_SPARE_ROWS if tab.fed else max(_LEAST_SPARE_ROWS, tab.spare_rows)),
        column_count=len(tab.columns),
    )


def compile_table(template: Template, tab: TableTab, tables: Mapping[str, TabPlace]) -> list[Json]:
    """The requests that make a table tab without rows at its place (of `new_place`) among `tables`.

    The user's own tab has its formulas in all its spare rows.
    """
    look = Look(template.theme)
    place = tables[tab.name]
    settings = template.settings_tab
    names = [setting.name for setting in settings.settings] if settings else []
    return [
        _sheet(tab, place),
        *compile_headers(tab, place, look),
        *_columns(tab, place, look),
        *_heights(tab, place),
        *(() if tab.fed else fill_formulas(tab, tables, place.end, place.row_count - place.end)),
        *_rules(tab, place, names),
        *([_filter(place)] if tab.filter else []),
        *_protections(tab, place),
        *bindings(place),
    ]


def compile_columns(template: Template, tab: TableTab, place: TabPlace) -> Iterator[Json]:
    """The requests that dress columns of a tab, just inserted: headers, formats, validations, widths."""
    look = Look(template.theme)
    for column in tab.columns:
        start = {"sheetId": place.sheet_id, "rowIndex": place.header_row}
        start["columnIndex"] = place.columns[column.id]
        rows = [{"values": [header_cell(tab, column, look)]}]
        fields = "userEnteredValue,userEnteredFormat,note"
        yield {"updateCells": {"start": start, "rows": rows, "fields": fields}}
    yield from _columns(tab, place, look)


def bindings(place: TabPlace) -> list[Json]:
    """The metadata by which a table tab is found again."""
    return [
        marks.bind(marks.HEADER, place.name, place.sheet_id, "ROWS", place.header_row),
        marks.bind(marks.KEY, place.name, place.sheet_id, "COLUMNS", place.key_column),
        *(
            marks.bind(marks.COLUMN, f"{place.name}.{column}", place.sheet_id, "COLUMNS", at)
            for column, at in place.columns.items()
        ),
    ]


def _sheet(tab: TableTab, place: TabPlace) -> Json:
    grid: Json = {
        "rowCount": place.row_count,
        "columnCount": place.column_count,
        "frozenRowCount": place.header_row + 1,
        "frozenColumnCount": min(tab.freeze_columns, place.column_count - 1),
        "hideGridlines": not tab.plain,
    }
    properties = {"sheetId": place.sheet_id, "title": place.title, "gridProperties": grid}
    return {"addSheet": {"properties": properties}}


def _columns(tab: TableTab, place: TabPlace, look: Look) -> Iterator[Json]:
    """Formats and validations of the spare row, which new rows take on, and widths."""
    for column in tab.columns:
        at = place.columns[column.id]
        cell: Json = {"userEnteredFormat": look.cell(column, plain=tab.plain)}
        rule = validation(column)
        cell |= {"dataValidation": rule} if rule else {}
        span = {"sheetId": place.sheet_id, "startRowIndex": place.header_row + 1}
        span |= {"startColumnIndex": at, "endColumnIndex": at + 1}
        yield {"repeatCell": {"range": span, "cell": cell, "fields": ",".join(cell)}}
        properties: Json = {"pixelSize": pixels(column.width)}
        properties |= {"hiddenByUser": True} if column.hidden else {}
        yield dimension(place.sheet_id, "COLUMNS", at, at + 1, properties)


def _heights(tab: TableTab, place: TabPlace) -> Iterator[Json]:
    if not tab.plain:
        ends = (1, 2, place.row_count)
        for start, end, height in zip(
            (0, *ends), ends, (_GROUP_HEIGHT, _HEADER_HEIGHT, _ROW_HEIGHT), strict=False
        ):
            yield dimension(place.sheet_id, "ROWS", start, end, {"pixelSize": height})


def fill_formulas(tab: TableTab, tables: Mapping[str, TabPlace], index: int, count: int) -> Iterator[Json]:
    """Formulas in `count` rows, each once as it is for the first: Google counts its references on for the others."""
    place = tables[tab.name]
    for column in tab.columns:
        at = place.columns.get(column.id)
        if at is None or column.kind is not ColumnKind.FORMULA:
            continue
        formula = row_formula(column.formula, index, place, tables)
        if formula:
            span = {
                "sheetId": place.sheet_id,
                "startRowIndex": index,
                "endRowIndex": index + count,
                "startColumnIndex": at,
                "endColumnIndex": at + 1,
            }
            cell = {"userEnteredValue": {"formulaValue": formula}}
            yield {"repeatCell": {"range": span, "cell": cell, "fields": "userEnteredValue"}}


def dimension(sheet_id: int, axis: str, start: int, end: int, properties: Json) -> Json:
    """The request that sets properties of rows or columns."""
    span = {"sheetId": sheet_id, "dimension": axis, "startIndex": start, "endIndex": end}
    change = {"range": span, "properties": properties, "fields": ",".join(properties)}
    return {"updateDimensionProperties": change}


def validation(column: Column) -> Json | None:
    """What may be typed into a column's cells, as a DataValidationRule; anything else after a warning."""
    if column.choices:
        values = [{"userEnteredValue": choice} for choice in column.choices]
        return {"condition": {"type": "ONE_OF_LIST", "values": values}, "showCustomUi": True}
    return limits(column.min, column.max)


def limits(least: float | None, most: float | None) -> Json | None:
    """A number not below `least` nor above `most`; None without either."""
    kind = {
        (True, True): "NUMBER_BETWEEN",
        (True, False): "NUMBER_GREATER_THAN_EQ",
        (False, True): "NUMBER_LESS_THAN_EQ",
    }.get((least is not None, most is not None))
    if kind is None:
        return None
    values = [{"userEnteredValue": f"{each:.15g}"} for each in (least, most) if each is not None]
    return {"condition": {"type": kind, "values": values}, "strict": True}


def _rules(tab: TableTab, place: TabPlace, names: Collection[str]) -> Iterator[Json]:
    for index, rule in enumerate(tab.rules):
        formula = rule_formula(rule.when, place, names)
        ranges = [_span(place, first, last) for first, last in runs(place.columns[name] for name in rule.on)]
        condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": formula}]}
        boolean = {"condition": condition, "format": rule_format(rule.style)}
        yield {
            "addConditionalFormatRule": {"rule": {"ranges": ranges, "booleanRule": boolean}, "index": index}
        }


def _filter(place: TabPlace) -> Json:
    span = {"sheetId": place.sheet_id, "startRowIndex": place.header_row, "endRowIndex": place.row_count}
    span |= {"startColumnIndex": 0, "endColumnIndex": place.column_count}
    return {"setBasicFilter": {"filter": {"range": span}}}


def _protections(tab: TableTab, place: TabPlace) -> Iterator[Json]:
    for first, last in runs(
        at for at, column in enumerate(tab.columns) if column.kind is not ColumnKind.INPUT
    ):
        protected = {"range": _span(place, first, last), "warningOnly": True, "description": _PROTECTION}
        yield {"addProtectedRange": {"protectedRange": protected}}


def _span(place: TabPlace, first: int, last: int) -> Json:
    """Some columns from the header to the spare row: a row that comes in between makes it grow."""
    return {
        "sheetId": place.sheet_id,
        "startRowIndex": place.header_row,
        "endRowIndex": place.row_count,
        "startColumnIndex": first,
        "endColumnIndex": last + 1,
    }
