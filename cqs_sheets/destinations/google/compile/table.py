"""The headers of a table: what a column is, and above it the group it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.grid import runs
from cqs_sheets.core.templates.template import Column, ColumnKind, TableTab, Template
from cqs_sheets.destinations.google.compile import styles
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.layout import TabPlace
from cqs_sheets.destinations.google.wire import shapes
from cqs_sheets.destinations.google.wire.shapes import Json


def compile_headers(
    tab: TableTab,
    columns: Sequence[Column],
    place: TabPlace,
    look: styles.ThemeStyles,
    *,
    before: Column | None = None,
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
                cell["userEnteredFormat"]["borders"] = {"left": styles.border(faint, "thin")}
    yield _line(place, place.header_row - 1, left, groups)
    yield _line(place, place.header_row, left, headers)


def _header_cell(tab: TableTab, column: Column, look: styles.ThemeStyles) -> Json:
    """The header of one column."""
    style: Json = {"wrapStrategy": "WRAP", "verticalAlignment": "MIDDLE", **styles.alignment(column.format)}
    style["textFormat"] = look.text("" if tab.plain else "paper", bold=True)
    if not tab.plain:
        style["backgroundColorStyle"] = look.color(look.theme.header_role(column.kind))
    cell: Json = {"userEnteredValue": {"stringValue": column.header}, "userEnteredFormat": style}
    return cell | ({"note": column.note} if column.note else {})


def _group_cell(column: Column, look: styles.ThemeStyles) -> Json:
    background = look.theme.header_role(column.kind)
    style: Json = {
        "backgroundColorStyle": look.color(background),
        "textFormat": look.text(look.theme.faint_on(background), bold=True, smaller=2),
        "verticalAlignment": "MIDDLE",
        **styles.placed("left", indent=1),
    }
    cell: Json = {"userEnteredFormat": style}
    return cell | ({"userEnteredValue": {"stringValue": column.group}} if column.group else {})


def _line(place: TabPlace, row: int, left: int, cells: Sequence[Json]) -> Json:
    start = shapes.coordinate(place.sheet_id, row, left)
    fields = "userEnteredValue,userEnteredFormat,note"
    return {"updateCells": {"start": start, "rows": [{"values": cells}], "fields": fields}}


_GROUP_HEIGHT, _HEADER_HEIGHT, _ROW_HEIGHT = 20, 40, 23
_LEAST_SPARE_ROWS = 1  # rows go in before it, so that everything that lies on the rows grows with them
_PROTECTION = "Written by cqs-sheets: what you type here may be replaced."


def new_place(tab: TableTab, sheet_id: int, title: str) -> TabPlace:
    """Where a table tab's parts will stand once its requests have been carried out."""
    header_row = 0 if tab.plain else 1
    columns = {column.id: at for at, column in enumerate(tab.columns)}
    return TabPlace(
        name=tab.name,
        mark=tab.mark_name,
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
    look = styles.ThemeStyles(template.theme)
    place = tables[tab.name]
    return [
        _sheet(tab, place),
        *compile_headers(tab, tab.columns, place, look),
        *([native_table(tab, place, look)] if tab.native else []),
        *_columns(tab, tab.columns, place, look),
        *_heights(tab, place),
        *(
            ()
            if tab.fed
            else fill_formulas(tab.columns, place, tables, place.end, place.row_count - place.end)
        ),
        *_rules(template, tab, tab.columns, place),
        *([_filter(place)] if tab.filter and not tab.native else []),
        *_protections(tab.columns, place),
        *bindings(place),
    ]


def compile_columns(
    template: Template, tab: TableTab, new: Sequence[Column], place: TabPlace
) -> Iterator[Json]:
    """The requests that dress neighbouring columns of a tab, just inserted, as those of a new tab.

    Their rules come before those that are there, which do not lie on them.
    """
    look = styles.ThemeStyles(template.theme)
    left = place.columns[new[0].id] - 1
    before = next((column for column in tab.columns if place.columns.get(column.id) == left), None)
    yield from compile_headers(tab, new, place, look, before=before)
    yield from _columns(tab, new, place, look)
    yield from _rules(template, tab, new, place)
    yield from _protections(new, place)


def bindings(place: TabPlace) -> list[Json]:
    """The metadata by which a table tab is found again."""
    return [
        marks.bind(marks.HEADER, place.mark, place.sheet_id, "ROWS", place.header_row),
        marks.bind(
            marks.KEY, marks.on_sheet(place.mark, place.sheet_id), place.sheet_id, "COLUMNS", place.key_column
        ),
        *(
            marks.bind(marks.COLUMN, f"{place.mark}.{column}", place.sheet_id, "COLUMNS", at)
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


def _columns(
    tab: TableTab, columns: Sequence[Column], place: TabPlace, look: styles.ThemeStyles
) -> Iterator[Json]:
    """Formats and validations of the spare row, which new rows take on, and widths."""
    for column in columns:
        at = place.columns[column.id]
        cell: Json = {"userEnteredFormat": look.cell(column, plain=tab.plain)}
        rule = None if tab.native and _type(column) == "DROPDOWN" else validation(column)
        cell |= {"dataValidation": rule} if rule else {}
        span = {"sheetId": place.sheet_id, "startRowIndex": place.header_row + 1}
        span |= {"startColumnIndex": at, "endColumnIndex": at + 1}
        yield {"repeatCell": {"range": span, "cell": cell, "fields": ",".join(cell)}}
        properties: Json = {"pixelSize": styles.pixels(column.width)}
        properties |= {"hiddenByUser": True} if column.hidden else {}
        yield dimension(place.sheet_id, "COLUMNS", at, at + 1, properties)


def _heights(tab: TableTab, place: TabPlace) -> Iterator[Json]:
    if not tab.plain:
        ends = (1, 2, place.row_count)
        for start, end, height in zip(
            (0, *ends), ends, (_GROUP_HEIGHT, _HEADER_HEIGHT, _ROW_HEIGHT), strict=False
        ):
            yield dimension(place.sheet_id, "ROWS", start, end, {"pixelSize": height})


def fill_formulas(
    columns: Iterable[Column], place: TabPlace, tables: Mapping[str, TabPlace], index: int, count: int
) -> Iterator[Json]:
    """Formulas in `count` rows, each once as it is for the first: Google counts its references on for the others.

    Those that need a column which is gone are left out: see `missing_for`.
    """
    for column in columns:
        if column.kind is not ColumnKind.FORMULA or column.id not in place.columns:
            continue
        if missing_for(column, place, tables) is None:
            formula = styles.row_formula(column.formula, index, place, tables)
            at = place.columns[column.id]
            span = shapes.grid_range(place.sheet_id, range(index, index + count), range(at, at + 1))
            cell = {"userEnteredValue": {"formulaValue": formula}}
            yield {"repeatCell": {"range": span, "cell": cell, "fields": "userEnteredValue"}}


def missing_for(column: Column, place: TabPlace, tables: Mapping[str, TabPlace]) -> str | None:
    """The column (or tab) that a column's formula needs, and that is gone."""
    try:
        styles.row_formula(column.formula, 0, place, tables)
    except LookupError as missing:
        return str(missing.args[0])
    return None


def dimension(sheet_id: int, axis: shapes.Dimension, start: int, end: int, properties: Json) -> Json:
    """The request that sets properties of rows or columns."""
    span = shapes.dimension_range(sheet_id, axis, start, end)
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
    values = [{"userEnteredValue": _typed(each)} for each in (least, most) if each is not None]
    return {"condition": {"type": kind, "values": values}, "strict": True}


def _typed(number: float) -> str:
    """A number as it may be typed in every locale."""
    text = styles.ratio(f"{number:.15g}")
    return f"={text}" if "/" in text else text


def _rules(template: Template, tab: TableTab, columns: Sequence[Column], place: TabPlace) -> Iterator[Json]:
    """The rules on some columns, but for those that look at a column which is gone."""
    settings = template.settings_tab
    names = [setting.name for setting in settings.settings] if settings else []
    dressed = {column.id for column in columns}
    index = 0
    for rule in tab.rules:
        on = [place.columns[name] for name in rule.on if name in dressed]
        try:
            formula = styles.rule_formula(rule.when, place, names)
        except LookupError:
            continue
        if on:
            ranges = [_span(place, first, last) for first, last in runs(on)]
            yield styles.rule_request(ranges, formula, rule.style, index)
            index += 1


def _filter(place: TabPlace) -> Json:
    rows, columns = range(place.header_row, place.row_count), range(place.column_count)
    span = shapes.grid_range(place.sheet_id, rows, columns)
    return {"setBasicFilter": {"filter": {"range": span}}}


def _protections(columns: Sequence[Column], place: TabPlace) -> Iterator[Json]:
    for first, last in runs(
        place.columns[column.id] for column in columns if column.kind is not ColumnKind.INPUT
    ):
        protected = {"range": _span(place, first, last), "warningOnly": True, "description": _PROTECTION}
        yield {"addProtectedRange": {"protectedRange": protected}}


def native_table(tab: TableTab, place: TabPlace, look: styles.ThemeStyles) -> Json:
    """The request that makes a table of Google's own: it has filter buttons, and types for what we write.

    The spare row is its last one, so that new rows come in inside of it.
    """
    columns = [_typed_column(column, place.columns[column.id]) for column in tab.columns]
    table: Json = {
        "name": re.sub(r"\W", "_", place.title),
        "range": _span(place, 0, place.column_count - 1),
        "columnProperties": columns,
    }
    if not tab.plain:
        table["rowsProperties"] = {
            "headerColorStyle": look.color("ink"),
            "firstBandColorStyle": look.color("paper"),
            "secondBandColorStyle": look.color("paper"),
        }
    return {"addTable": {"table": table}}


def _typed_column(column: Column, index: int) -> Json:
    kind = _type(column)
    properties: Json = {"columnIndex": index, "columnName": column.header}
    properties |= {"columnType": kind} if kind else {}
    if kind == "DROPDOWN":
        values = [{"userEnteredValue": choice} for choice in column.choices]
        properties["dataValidationRule"] = {"condition": {"type": "ONE_OF_LIST", "values": values}}
    return properties


def _type(column: Column) -> str:
    """The type of a column: of what we write, and a choice among the user's own; ids may be numbers or texts."""
    if column.kind is ColumnKind.INPUT:
        return "DROPDOWN" if column.choices else ""
    types = {CellType.NUMBER: "DOUBLE", CellType.TIME: "DATE_TIME", CellType.TEXT: "TEXT"}
    return types.get(column.type, "") if column.synced else ""


def _span(place: TabPlace, first: int, last: int) -> shapes.GridRange:
    """Some columns from the header to the spare row: a row that comes in between makes it grow."""
    rows = range(place.header_row, place.row_count)
    return shapes.grid_range(place.sheet_id, rows, range(first, last + 1))
