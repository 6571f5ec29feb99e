"""Blocks and reports drawn with openpyxl: what core.pages worked out, cell by cell."""

from __future__ import annotations

from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.formatting.rule import Rule as Condition
from openpyxl.styles import Alignment, Border, Side
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.templates.pages import CellLook, Line, Page, PageCell
from cqs_sheets.core.templates.template import CellFormat
from cqs_sheets.destinations.excel.draw.charts import AreaReference, draw_chart
from cqs_sheets.destinations.excel.draw.styles import SHRINKING, WIDTH_PADDING, Look, rule_style, style_like
from cqs_sheets.destinations.excel.parts.refs import MAX_COLUMN

_BEYOND = "canvas"  # what a report's sheet shows beyond its grid


def draw_page(sheet: Worksheet, page: Page, look: Look, area: AreaReference) -> None:
    """Draw a page on an empty sheet; `area` spells cells of other pages."""
    models: dict[tuple[CellLook, CellFormat, bool], Cell | MergedCell] = {}
    bounded = {(span.top, span.left) for span in page.merges}
    for (row, at), held in page.cells.items():
        cell = sheet.cell(row, at, held.formula or held.value)
        if isinstance(held.value, str):
            cell.data_type = "s"  # text that begins with "=" too
        shrinks = (row, at) in bounded and held.look.align in SHRINKING
        model = models.setdefault((held.look, held.format, shrinks), cell)
        if model is cell:
            _style(cell, held, look, shrinks=shrinks)
        else:
            style_like(cell, model)
    for span in page.merges:
        sheet.merge_cells(str(span))
    for at in range(1, page.columns + 1):
        dimension = sheet.column_dimensions[column_letters(at)]
        dimension.width = page.widths.get(at, 0) + WIDTH_PADDING
        dimension.hidden = at in page.hidden_columns
    for row, height in page.heights.items():
        sheet.row_dimensions[row].height = height
    for rule in page.rules:
        condition = Condition(
            type="expression", formula=[rule.formula.removeprefix("=")], dxf=rule_style(rule.style)
        )
        sheet.conditional_formatting.add(str(rule.span), condition)
    for chart in page.charts:
        draw_chart(sheet, chart, look, area)
    if page.report:
        _set_up_report(sheet, page, look)


def _style(cell: Cell | MergedCell, held: PageCell, look: Look, *, shrinks: bool) -> None:
    cell.number_format = held.format.pattern
    cell.font = look.font(held.look.text, bold=held.look.bold, smaller=-held.look.bigger)
    cell.alignment = Alignment(
        horizontal=held.look.align or None,
        vertical="center",
        indent=held.look.indent,
        shrink_to_fit=shrinks or None,
    )
    if held.look.fill:
        cell.fill = look.fill(held.look.fill)
    if held.look.left or held.look.bottom:
        cell.border = Border(left=_side(held.look.left, look), bottom=_side(held.look.bottom, look))


def _side(line: Line | None, look: Look) -> Side:
    return Side(style=line.weight, color=look.color(line.color)) if line else Side()


def _set_up_report(sheet: Worksheet, page: Page, look: Look) -> None:
    """The canvas goes on beyond the grid; printed is the grid."""
    for at in range(1, page.columns + 1):
        sheet.column_dimensions[column_letters(at)].fill = look.fill(_BEYOND)
    beyond = column_letters(page.columns + 1)
    sheet.column_dimensions[beyond] = ColumnDimension(
        sheet, index=beyond, min=page.columns + 1, max=MAX_COLUMN
    )
    sheet.column_dimensions[beyond].fill = look.fill(_BEYOND)
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.showRowColHeaders = False
    shown = page.columns - len(page.hidden_columns)
    sheet.print_area = f"A1:{column_letters(shown)}{page.rows}"
