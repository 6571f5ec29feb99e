"""Pages as requests: blocks, reports with their charts, and settings.

Charts show fixed cells of hidden tabs, and lie exactly on the cells meant for them. Google Sheets takes a
legend's text from the cell above a series, so charts are told to begin with that header. It has no word for
the space between bars, for the looks of axes and legends, or for how an axis shows its numbers: those are
Google's own (an axis shows numbers as its cells do). It stacks no lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.pages import NOTE, VALUE, Page, PageCell, PageChart, PageRange, setting_cells
from cqs_sheets.core.templates.template import Chart, Series, Setting, SettingsTab, Template
from cqs_sheets.destinations.google.compile import styles
from cqs_sheets.destinations.google.compile.table import dimension, limits
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.layout import Cell
from cqs_sheets.destinations.google.wire.shapes import Dimension, Json, coordinate, grid_range
from cqs_sheets.values import replace

_KINDS = {"column": "COLUMN", "bar": "BAR", "line": "LINE"}
_VALUE_AXIS = {"column": "LEFT_AXIS", "bar": "BOTTOM_AXIS", "line": "LEFT_AXIS"}
_COLUMN_PIXELS, _ROW_PIXELS = 100, 21  # what Google makes of columns and rows nobody set
_PIXELS_A_POINT = 4 / 3
_GRID_START, _INSET = 2, 4  # a chart keeps off the one at its left, but not off the margin


def chart_headers(pages: Iterable[Page]) -> dict[str, dict[tuple[int, int], str]]:
    """The texts (tab -> row, column -> text) that charts need above the cells they show.

    A series' name; of a column that is shown under several names, the first. None above categories: Google
    would make it the title of their axis.
    """
    headers: dict[str, dict[tuple[int, int], str]] = {}
    for page in pages:
        for chart in page.charts:
            shown = [(chart.chart.categories, ""), *((each.values, each.name) for each in chart.chart.series)]
            for reference, text in shown:
                cells = chart.cells[reference]
                at = cells.span.top - 1, cells.span.left
                headers.setdefault(cells.tab, {}).setdefault(at, text)
    return headers


def compile_charts(page: Page, look: styles.ThemeStyles, ids: Mapping[str, int]) -> Iterator[Json]:
    """The requests that make a page's charts; `ids` are the tabs' by the template's names."""
    for placed in page.charts:
        chart = placed.chart
        spec = {
            "title": chart.title,
            "titleTextFormat": look.text("ink", bold=True, smaller=-1),
            "titleTextPosition": {"horizontalAlignment": "LEFT"},
            "altText": chart.title,
            "fontName": look.theme.font,
            "backgroundColorStyle": look.color("paper"),
            "hiddenDimensionStrategy": "SHOW_ALL",
            "basicChart": _basic(placed, look, ids),
        }
        position = {"overlayPosition": _position(page, placed.span, ids[page.name])}
        border = {"colorStyle": look.color("paper")}
        yield {"addChart": {"chart": {"spec": spec, "position": position, "border": border}}}


def _basic(placed: PageChart, look: styles.ThemeStyles, ids: Mapping[str, int]) -> Json:
    chart, cells = placed.chart, placed.cells
    basic: Json = {
        "chartType": _KINDS[chart.kind],
        "legendPosition": "TOP_LEGEND" if chart.legend else "NO_LEGEND",
        "headerCount": 1,
        "domains": [{"domain": _source(cells[chart.categories], ids)}],
        "series": [_series(chart, each, look, _source(cells[each.values], ids)) for each in chart.series],
    }
    return basic | ({"stackedType": "STACKED"} if chart.stacked and chart.kind != "line" else {})


def _series(chart: Chart, series: Series, look: styles.ThemeStyles, source: Json) -> Json:
    shown: Json = {
        "series": source,
        "targetAxis": _VALUE_AXIS[chart.kind],
        "colorStyle": look.color(series.color),
    }
    if chart.kind == "line":
        shown["lineStyle"] = {"type": "SOLID", "width": max(1, round(series.width * _PIXELS_A_POINT))}
    if chart.labels:
        color = look.theme.text_on(series.color) if chart.stacked else "ink"
        shown["dataLabel"] = {"type": "DATA", "textFormat": look.text(color, bold=True, smaller=1)}
    return shown


def _source(cells: PageRange, ids: Mapping[str, int]) -> Json:
    """Cells with the header above them."""
    whole = replace(cells.span, top=cells.span.top - 1)
    return {"sourceRange": {"sources": [styles.span_range(ids[cells.tab], whole)]}}


def _position(page: Page, span: Span, sheet_id: int) -> Json:
    """The overlay position that ends exactly where the cells do."""
    widths = (styles.pixels(page.widths[at]) if at in page.widths else _COLUMN_PIXELS for at in span.columns)
    heights = (styles.row_pixels(page.heights[at]) if at in page.heights else _ROW_PIXELS for at in span.rows)
    corner = coordinate(sheet_id, span.top - 1, span.left - 1)
    inset = _INSET if span.left > _GRID_START else 0
    return {
        "anchorCell": corner,
        "offsetXPixels": inset,
        "widthPixels": sum(widths) - inset,
        "heightPixels": sum(heights),
    }


At = tuple[int, int]


def compile_page_tab(
    page: Page, look: styles.ThemeStyles, title: str, *, ids: Mapping[str, int], headers: Mapping[At, str]
) -> list[Json]:
    """The requests that make a page's tab.

    `ids` are the tabs' by the template's names. `headers` (row, column) are written instead of what the
    page has there: see chart_headers.
    """
    sheet_id = ids[page.name]
    return [
        _sheet(page, sheet_id, title),
        *_sizes(page, sheet_id),
        *styles.compile_looks(page.cells, look, sheet_id),
        *_contents(page, headers, sheet_id),
        *_merges(page, sheet_id),
        *_rules(page, sheet_id),
        *compile_charts(page, look, ids),
    ]


def _sheet(page: Page, sheet_id: int, title: str) -> Json:
    grid: Json = {"rowCount": page.rows, "columnCount": page.columns}
    grid |= {"hideGridlines": True} if page.report else {}
    properties = {"sheetId": sheet_id, "title": title, "gridProperties": grid}
    return {"addSheet": {"properties": properties | ({"hidden": True} if page.hidden else {})}}


def _sizes(page: Page, sheet_id: int) -> Iterator[Json]:
    """Widths, heights and hidden columns, neighbours of one size together."""
    sizes: dict[Dimension, dict[int, int]] = {
        "COLUMNS": {at: styles.pixels(width) for at, width in page.widths.items()},
        "ROWS": {at: styles.row_pixels(height) for at, height in page.heights.items()},
    }
    for axis, wanted in sizes.items():
        for span, size in styles.rectangles({(0, at): size for at, size in wanted.items()}):
            yield dimension(sheet_id, axis, span.left - 1, span.right, {"pixelSize": size})
    for at in page.hidden_columns:
        yield dimension(sheet_id, "COLUMNS", at - 1, at, {"hiddenByUser": True})


def _contents(page: Page, headers: Mapping[At, str], sheet_id: int) -> Iterator[Json]:
    """What stands in the cells, a request for each rectangle of them."""
    contents = {
        at: _content(cell) for at, cell in page.cells.items() if cell.formula or cell.value is not None
    }
    contents |= {at: {"stringValue": text} for at, text in headers.items()}
    filled = {at: content for at, content in contents.items() if content.get("stringValue") != ""}
    for span, _ in styles.rectangles(dict.fromkeys(filled, True)):
        rows = [
            {"values": [{"userEnteredValue": contents[row, at]} for at in span.columns]} for row in span.rows
        ]
        change = {"range": styles.span_range(sheet_id, span), "rows": rows, "fields": "userEnteredValue"}
        yield {"updateCells": change}


def _content(cell: PageCell) -> Json:
    if cell.formula:
        return {"formulaValue": styles.in_any_locale(cell.formula)}
    return {"stringValue": cell.value} if isinstance(cell.value, str) else {"numberValue": cell.value}


def _merges(page: Page, sheet_id: int) -> Iterator[Json]:
    for span in page.merges:
        yield {"mergeCells": {"range": styles.span_range(sheet_id, span), "mergeType": "MERGE_ALL"}}


def _rules(page: Page, sheet_id: int) -> Iterator[Json]:
    for index, rule in enumerate(page.rules):
        ranges = [styles.span_range(sheet_id, rule.span)]
        yield styles.rule_request(ranges, styles.in_any_locale(rule.formula), rule.style, index)


_SETTING_FIELDS = "userEnteredValue,userEnteredFormat,dataValidation"


def compile_settings(
    page: Page,
    tab: SettingsTab,
    look: styles.ThemeStyles,
    sheet_id: int,
    title: str,
    *,
    taken: Collection[str],
) -> list[Json]:
    """The requests that make a settings tab; names that are `taken` (in lower case) are not defined."""
    grid = {
        "rowCount": page.rows + 1,
        "columnCount": page.columns,
        "frozenRowCount": 1,
        "hideGridlines": True,
    }
    lines = {
        row: [_cell_data(page.cells.get((row, at)), look) for at in range(1, page.columns + 1)]
        for row in range(1, page.rows + 1)
    }
    for setting in tab.settings:
        _finish(lines[page.names[setting.name][0]], setting)
    start = coordinate(sheet_id, 0, 0)
    rows = [{"values": line} for line in lines.values()]
    return [
        {"addSheet": {"properties": {"sheetId": sheet_id, "title": title, "gridProperties": grid}}},
        *_sizes(page, sheet_id),
        {"updateCells": {"start": start, "rows": rows, "fields": _SETTING_FIELDS}},
        *(
            _name(name, cell)
            for name, cell in named_cells(page, sheet_id).items()
            if name.lower() not in taken
        ),
        marks.bind(marks.KEY, tab.name, sheet_id, "COLUMNS", VALUE - 1),
    ]


def compile_setting(template: Template, setting: Setting, cell: Cell, *, zone_name: str) -> list[Json]:
    """The requests that fill and name one setting, its value in `cell`, its label at the left of it."""
    look = styles.ThemeStyles(template.theme)
    line = [_cell_data(each, look) for each in setting_cells(setting, zone_name)]
    _finish(line, setting)
    left = max(0, cell.column + 1 - VALUE)
    start = coordinate(cell.sheet_id, cell.row, left)
    rows = [{"values": line[left + VALUE - 1 - cell.column :]}]
    return [
        {"updateCells": {"start": start, "rows": rows, "fields": _SETTING_FIELDS}},
        _name(setting.name, cell),
    ]


def named_cells(page: Page, sheet_id: int) -> dict[str, Cell]:
    """Where each setting's value stands."""
    return {
        name: Cell(sheet_id=sheet_id, row=row - 1, column=column - 1)
        for name, (row, column) in page.names.items()
    }


def _cell_data(cell: PageCell | None, look: styles.ThemeStyles) -> Json:
    if cell is None:
        return {}
    content = {"userEnteredValue": _content(cell)} if cell.formula or cell.value is not None else {}
    return {"userEnteredFormat": styles.page_style(cell, look), **content}


def _finish(line: Sequence[Json], setting: Setting) -> None:
    """What only Google's cells of a setting have: limits of what is typed, and notes that wrap."""
    line[NOTE - 1]["userEnteredFormat"]["wrapStrategy"] = "WRAP"
    if setting.typed and (rule := limits(setting.min, setting.max)):
        line[VALUE - 1]["dataValidation"] = rule


def _name(name: str, cell: Cell) -> Json:
    row, column = range(cell.row, cell.row + 1), range(cell.column, cell.column + 1)
    span = grid_range(cell.sheet_id, row, column)
    return {"addNamedRange": {"namedRange": {"name": name, "range": span}}}
