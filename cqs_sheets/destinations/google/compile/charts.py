"""A page's charts as requests: over fixed cells of hidden tabs, exactly on the cells meant for them.

Google Sheets takes a legend's text from the cell above a series, so charts are told to begin with that
header. It has no word for the space between bars, for the looks of axes and legends, or for how an axis
shows its numbers: those are Google's own (an axis shows numbers as its cells do). It stacks no lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.pages import Page, PageChart, PageRange, PageSeries
from cqs_sheets.destinations.google.compile.looks import grid_range
from cqs_sheets.destinations.google.compile.styles import Look, pixels, row_pixels

Json = dict[str, Any]

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


def compile_charts(page: Page, look: Look, ids: Mapping[str, int]) -> Iterator[Json]:
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


def _basic(chart: PageChart, look: Look, ids: Mapping[str, int]) -> Json:
    basic: Json = {
        "chartType": _KINDS[chart.kind],
        "legendPosition": "TOP_LEGEND" if chart.legend else "NO_LEGEND",
        "headerCount": 1,
        "domains": [{"domain": _source(chart.categories, ids)}],
        "series": [_series(chart, each, look, ids) for each in chart.series],
    }
    return basic | ({"stackedType": "STACKED"} if chart.stacked and chart.kind != "line" else {})


def _series(chart: PageChart, series: PageSeries, look: Look, ids: Mapping[str, int]) -> Json:
    shown: Json = {
        "series": _source(series.values, ids),
        "targetAxis": _VALUE_AXIS[chart.kind],
        "colorStyle": look.color(series.color),
    }
    if chart.kind == "line":
        shown["lineStyle"] = {"type": "SOLID", "width": max(1, round(series.width * _PIXELS_A_POINT))}
    if chart.labels:
        shown["dataLabel"] = {"type": "DATA", "textFormat": look.text("ink", bold=True, smaller=1)}
    return shown


def _source(cells: PageRange, ids: Mapping[str, int]) -> Json:
    """Cells with the header above them."""
    whole = replace(cells.span, top=cells.span.top - 1)
    return {"sourceRange": {"sources": [grid_range(ids[cells.tab], whole)]}}


def _position(page: Page, span: Span, sheet_id: int) -> Json:
    """The overlay position that ends exactly where the cells do."""
    widths = (pixels(page.widths[at]) if at in page.widths else _COLUMN_PIXELS for at in span.columns)
    heights = (row_pixels(page.heights[at]) if at in page.heights else _ROW_PIXELS for at in span.rows)
    corner = {"sheetId": sheet_id, "rowIndex": span.top - 1, "columnIndex": span.left - 1}
    inset = _INSET if span.left > _GRID_START else 0
    return {
        "anchorCell": corner,
        "offsetXPixels": inset,
        "widthPixels": sum(widths) - inset,
        "heightPixels": sum(heights),
    }
