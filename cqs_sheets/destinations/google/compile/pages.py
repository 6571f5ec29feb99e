"""Tabs of blocks and report pages as requests of one batchUpdate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cqs_sheets.core.templates.pages import Page, PageCell
from cqs_sheets.destinations.google.compile.charts import compile_charts
from cqs_sheets.destinations.google.compile.formulas import in_any_locale
from cqs_sheets.destinations.google.compile.looks import compile_looks, grid_range, rectangles
from cqs_sheets.destinations.google.compile.styles import Look, pixels, row_pixels, rule_format
from cqs_sheets.destinations.google.compile.table import dimension

Json = dict[str, Any]
At = tuple[int, int]


def compile_page_tab(
    page: Page, look: Look, title: str, *, ids: Mapping[str, int], headers: Mapping[At, str]
) -> list[Json]:
    """The requests that make a page's tab.

    `ids` are the tabs' by the template's names. `headers` (row, column) are written instead of what the
    page has there: see compile_charts.chart_headers.
    """
    sheet_id = ids[page.name]
    return [
        _sheet(page, sheet_id, title),
        *_sizes(page, sheet_id),
        *compile_looks(page.cells, look, sheet_id),
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
    sizes = {
        "COLUMNS": {at: pixels(width) for at, width in page.widths.items()},
        "ROWS": {at: row_pixels(height) for at, height in page.heights.items()},
    }
    for axis, wanted in sizes.items():
        for span, size in rectangles({(0, at): size for at, size in wanted.items()}):
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
    for span, _ in rectangles(dict.fromkeys(filled, True)):
        rows = [
            {"values": [{"userEnteredValue": contents[row, at]} for at in span.columns]} for row in span.rows
        ]
        change = {"range": grid_range(sheet_id, span), "rows": rows, "fields": "userEnteredValue"}
        yield {"updateCells": change}


def _content(cell: PageCell) -> Json:
    if cell.formula:
        return {"formulaValue": in_any_locale(cell.formula)}
    return {"stringValue": cell.value} if isinstance(cell.value, str) else {"numberValue": cell.value}


def _merges(page: Page, sheet_id: int) -> Iterator[Json]:
    for span in page.merges:
        yield {"mergeCells": {"range": grid_range(sheet_id, span), "mergeType": "MERGE_ALL"}}


def _rules(page: Page, sheet_id: int) -> Iterator[Json]:
    for index, rule in enumerate(page.rules):
        condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": in_any_locale(rule.formula)}]}
        boolean = {"condition": condition, "format": rule_format(rule.style)}
        made = {"ranges": [grid_range(sheet_id, rule.span)], "booleanRule": boolean}
        yield {"addConditionalFormatRule": {"rule": made, "index": index}}
