"""A page's charts as requests: over fixed cells of hidden tabs, exactly on the cells meant for them.

Google Sheets takes a legend's text from the cell above a series, so charts are told to begin with that
header. It has no word for the space between bars, for the looks of axes and legends, or for how an axis
shows its numbers: those are Google's own (an axis shows numbers as its cells do). It stacks no lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.pages import Page, PageCell, PageChart, PageRange, PageSeries
from cqs_sheets.core.templates.report_pages import compile_page
from cqs_sheets.core.templates.template import BlocksTab, ReportTab, SettingsTab, Tab, TableTab, Template
from cqs_sheets.destinations.google.compile import styles
from cqs_sheets.destinations.google.compile.settings import compile_settings, setting_cells
from cqs_sheets.destinations.google.compile.table import compile_table, dimension, new_place
from cqs_sheets.destinations.google.read.layout import Cell, TabPlace, quoted
from cqs_sheets.destinations.google.wire.shapes import Dimension, Json, coordinate
from cqs_sheets.values import dataclass, replace

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
            named = [(chart.categories, ""), *((series.values, series.name) for series in chart.series)]
            for cells, text in named:
                at = cells.span.top - 1, cells.span.left
                headers.setdefault(cells.tab, {}).setdefault(at, text)
    return headers


def compile_charts(page: Page, look: styles.ThemeStyles, ids: Mapping[str, int]) -> Iterator[Json]:
    """The requests that make a page's charts; `ids` are the tabs' by the template's names."""
    for chart in page.charts:
        spec = {
            "title": chart.title,
            "titleTextFormat": look.text("ink", bold=True, smaller=-1),
            "titleTextPosition": {"horizontalAlignment": "LEFT"},
            "altText": chart.title,
            "fontName": look.theme.font,
            "backgroundColorStyle": look.color("paper"),
            "hiddenDimensionStrategy": "SHOW_ALL",
            "basicChart": _basic(chart, look, ids),
        }
        position = {"overlayPosition": _position(page, chart.span, ids[page.name])}
        border = {"colorStyle": look.color("paper")}
        yield {"addChart": {"chart": {"spec": spec, "position": position, "border": border}}}


def _basic(chart: PageChart, look: styles.ThemeStyles, ids: Mapping[str, int]) -> Json:
    basic: Json = {
        "chartType": _KINDS[chart.kind],
        "legendPosition": "TOP_LEGEND" if chart.legend else "NO_LEGEND",
        "headerCount": 1,
        "domains": [{"domain": _source(chart.categories, ids)}],
        "series": [_series(chart, each, look, ids) for each in chart.series],
    }
    return basic | ({"stackedType": "STACKED"} if chart.stacked and chart.kind != "line" else {})


def _series(chart: PageChart, series: PageSeries, look: styles.ThemeStyles, ids: Mapping[str, int]) -> Json:
    shown: Json = {
        "series": _source(series.values, ids),
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
    page has there: see compile_charts.chart_headers.
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
        condition = {
            "type": "CUSTOM_FORMULA",
            "values": [{"userEnteredValue": styles.in_any_locale(rule.formula)}],
        }
        boolean = {"condition": condition, "format": styles.rule_format(rule.style)}
        made = {"ranges": [styles.span_range(sheet_id, rule.span)], "booleanRule": boolean}
        yield {"addConditionalFormatRule": {"rule": made, "index": index}}


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
    requests: list[Json] = []
    names: dict[str, Cell] = {}
    for each in new:
        if isinstance(each.tab, TableTab):
            requests += compile_table(template, each.tab, known)
        elif isinstance(each.tab, SettingsTab):
            requests += compile_settings(
                template, each.tab, each.sheet_id, each.title, zone_name=zone_name, taken=taken
            )
            names |= {name.lower(): cell for name, cell in setting_cells(each.tab, each.sheet_id).items()}
        else:
            page = pages[each.tab.name]
            requests += compile_page_tab(
                page,
                styles.ThemeStyles(template.theme),
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
