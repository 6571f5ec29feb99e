"""Charts drawn with openpyxl, alike in Excel and LibreOffice.

What openpyxl leaves to the reader is said outright, as the two fill gaps differently: axes shown, lines
not smoothed, no labels but those asked for, no border around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.chart import BarChart, LineChart
from openpyxl.chart.axis import ChartLines, TextAxis
from openpyxl.chart.data_source import AxDataSource, NumDataSource, NumRef, StrRef
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.legend import Legend
from openpyxl.chart.marker import Marker
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing import text as rich
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.formatting.rule import Rule as Condition
from openpyxl.styles import Alignment, Border, Side
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.templates.pages import CellLook, Line, Page, PageCell, PageChart
from cqs_sheets.core.templates.template import CellFormat, Chart
from cqs_sheets.core.templates.template import Series as Shown
from cqs_sheets.destinations.excel.draw import styles
from cqs_sheets.destinations.excel.draw.styles import ThemeStyles
from cqs_sheets.destinations.excel.parts.references import MAX_COLUMN

AreaReference = Callable[[str, Span], str]

_POINT = 12_700  # EMU
_GRID_START = 2  # column B: a chart that begins there is in line with what stands above it
_INSET = 7 * 9_525
_TITLE_SIZE, _LABEL_SIZE = 1, -2  # points more than the text
_PLOT = (0.02, 0.17, 0.95, 0.80)  # x, y, width and height: shares of the chart
_NO_ZEROS = "0;-0;;"


def draw_chart(sheet: Worksheet, placed: PageChart, look: ThemeStyles, area: AreaReference) -> None:
    """Draw a chart over its cells; `area` spells the cells it shows."""
    chart = placed.chart
    drawn = _line_chart(chart) if chart.kind == "line" else _bar_chart(chart)
    drawn.varyColors = False
    drawn.series = [_series(placed, each, look, area) for each in chart.series]
    drawn.dataLabels = _value_labels(chart, look)
    if chart.labels and chart.stacked:  # they stand in the bars
        for each, shown in zip(chart.series, drawn.series, strict=True):
            shown.dLbls = _value_labels(chart, look, look.theme.text_on(each.color))
    _set_axes(drawn, chart, look)
    drawn.title = _title(chart.title, look)
    drawn.legend = _legend(placed, look) if chart.legend else None
    x, y, width, height = _PLOT
    drawn.layout = Layout(
        manualLayout=ManualLayout(
            layoutTarget="outer", xMode="edge", yMode="edge", x=x, y=y, w=width, h=height
        )
    )
    drawn.graphical_properties = GraphicalProperties(
        solidFill=look.color("paper"), ln=LineProperties(noFill=True)
    )
    drawn.plot_area.graphicalProperties = GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))
    drawn.roundedCorners = False
    drawn.anchor = _anchor(placed.span)  # type: ignore[assignment]  # the stub knows addresses only
    sheet.add_chart(drawn)


def _bar_chart(chart: Chart) -> BarChart:
    drawn = BarChart()
    drawn.type = "bar" if chart.kind == "bar" else "col"
    drawn.grouping = "stacked" if chart.stacked else "clustered"
    drawn.overlap = 100 if chart.stacked else None
    drawn.gapWidth = chart.gap
    return drawn


def _line_chart(chart: Chart) -> LineChart:
    drawn = LineChart()
    drawn.grouping = "stacked" if chart.stacked else "standard"
    return drawn


def _series(placed: PageChart, series: Shown, look: ThemeStyles, area: AreaReference) -> Series:
    chart = placed.chart
    categories, values = (
        area(cells.tab, cells.span) for cells in (placed.cells[chart.categories], placed.cells[series.values])
    )
    drawn = Series(
        tx=SeriesLabel(v=series.name),
        cat=AxDataSource(strRef=StrRef(f=categories)),
        val=NumDataSource(numRef=NumRef(f=values)),
    )
    color = look.color(series.color)
    if chart.kind == "line":
        line = LineProperties(w=round(series.width * _POINT), solidFill=color, cap="rnd")
        drawn.graphicalProperties = GraphicalProperties(ln=line)
        drawn.smooth = False
        drawn.marker = Marker(symbol="none")
    else:
        drawn.graphicalProperties = GraphicalProperties(solidFill=color, ln=LineProperties(noFill=True))
        drawn.invertIfNegative = False
    return drawn


def _value_labels(chart: Chart, look: ThemeStyles, color: str = "ink") -> DataLabelList:
    labels = DataLabelList()
    labels.showVal = chart.labels
    labels.showSerName = labels.showCatName = labels.showLegendKey = labels.showPercent = False
    labels.showBubbleSize = labels.showLeaderLines = False
    if chart.labels:
        labels.numFmt = _NO_ZEROS
        labels.txPr = _text(look, color, _LABEL_SIZE, bold=True)
    return labels


def _set_axes(drawn: BarChart | LineChart, chart: Chart, look: ThemeStyles) -> None:
    lying = chart.kind == "bar"
    names, values = cast("TextAxis", drawn.x_axis), drawn.y_axis
    for axis in (names, values):
        axis.delete = False
        axis.title = None
        axis.majorTickMark = axis.minorTickMark = "none"
        axis.txPr = _text(look, "muted", _LABEL_SIZE)
    names.tickLblPos = "low"  # below, where values are negative too
    names.tickLblSkip = names.tickMarkSkip = chart.every
    names.noMultiLvlLbl = True
    names.number_format = "General"
    names.scaling.orientation = "maxMin" if lying else "minMax"  # the first one at the top
    names.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=look.color("#CBD5E1")))
    values.crosses = "max" if lying else "autoZero"
    values.crossBetween = "midCat" if chart.kind == "line" else "between"
    values.number_format = chart.format.pattern
    values.numFmt.sourceLinked = False
    values.graphicalProperties = GraphicalProperties(ln=LineProperties(noFill=True))
    grid = GraphicalProperties(ln=LineProperties(w=_POINT // 2, solidFill=look.color("line")))
    values.majorGridlines = ChartLines(spPr=grid)
    names.majorGridlines = None


def _title(text: str, look: ThemeStyles) -> Title:
    """At the left upper corner."""
    paragraph = rich.Paragraph(
        pPr=rich.ParagraphProperties(defRPr=_characters(look, "ink", _TITLE_SIZE, bold=True)),
        r=[rich.RegularTextRun(rPr=_characters(look, "ink", _TITLE_SIZE, bold=True), t=text)],
    )
    place = ManualLayout(xMode="edge", yMode="edge", x=0.02, y=0.035)
    return Title(
        tx=Text(rich=RichText(bodyPr=rich.RichTextProperties(), p=[paragraph])),
        layout=Layout(manualLayout=place),
        overlay=False,
    )


def _legend(placed: PageChart, look: ThemeStyles) -> Legend:
    """At the right upper corner."""
    legend = Legend()
    legend.position = "t"
    legend.overlay = False
    legend.txPr = _text(look, "muted", _LABEL_SIZE)
    width = _legend_width(placed)
    place = ManualLayout(xMode="edge", yMode="edge", x=0.98 - width, y=0.03, w=width, h=0.1)
    legend.layout = Layout(manualLayout=place)
    return legend


def _legend_width(placed: PageChart) -> float:
    """A share of the chart's width: so much a column of the grid, by the letters in the names."""
    letters = sum(len(series.name) + 6 for series in placed.chart.series)
    return min(0.6, letters / (7 * len(placed.span.columns)))


def _text(look: ThemeStyles, color: str, bigger: int, *, bold: bool = False) -> RichText:
    paragraph = rich.Paragraph(
        pPr=rich.ParagraphProperties(defRPr=_characters(look, color, bigger, bold=bold)),
        endParaRPr=rich.CharacterProperties(),
    )
    return RichText(bodyPr=rich.RichTextProperties(vert="horz"), p=[paragraph])


def _characters(
    look: ThemeStyles, color: str, bigger: int, *, bold: bool = False
) -> rich.CharacterProperties:
    return rich.CharacterProperties(
        latin=rich.Font(typeface=look.theme.font),
        sz=(look.theme.size + bigger) * 100,
        b=bold,
        solidFill=look.color(color),
    )


def _anchor(span: Span) -> TwoCellAnchor:
    """From the first cell to the last, a little off the chart at its left."""
    inset = _INSET if span.left > _GRID_START else 0
    start = AnchorMarker(col=span.left - 1, colOff=inset, row=span.top - 1, rowOff=0)
    return TwoCellAnchor(editAs="twoCell", _from=start, to=AnchorMarker(col=span.right, row=span.bottom))


_BEYOND = "canvas"  # what a report's sheet shows beyond its grid


def draw_page(sheet: Worksheet, page: Page, look: ThemeStyles, area: AreaReference) -> None:
    """Draw a page on an empty sheet; `area` spells cells of other pages."""
    models: dict[tuple[CellLook, CellFormat, bool], Cell | MergedCell] = {}
    bounded = {(span.top, span.left) for span in page.merges}
    for (row, at), held in page.cells.items():
        cell = sheet.cell(row, at, held.formula or held.value)
        if isinstance(held.value, str):
            cell.data_type = "s"  # text that begins with "=" too
        shrinks = (row, at) in bounded and held.look.align in styles.SHRINKING
        model = models.setdefault((held.look, held.format, shrinks), cell)
        if model is cell:
            _style(cell, held, look, shrinks=shrinks)
        else:
            styles.style_like(cell, model)
    for span in page.merges:
        sheet.merge_cells(str(span))
    for at in range(1, page.columns + 1):
        dimension = sheet.column_dimensions[column_letters(at)]
        dimension.width = page.widths.get(at, 0) + styles.WIDTH_PADDING
        dimension.hidden = at in page.hidden_columns
    for row, height in page.heights.items():
        sheet.row_dimensions[row].height = height
    for rule in page.rules:
        condition = Condition(
            type="expression", formula=[rule.formula.removeprefix("=")], dxf=styles.rule_style(rule.style)
        )
        sheet.conditional_formatting.add(str(rule.span), condition)
    for chart in page.charts:
        draw_chart(sheet, chart, look, area)
    if page.report:
        _set_up_report(sheet, page, look)


def _style(cell: Cell | MergedCell, held: PageCell, look: ThemeStyles, *, shrinks: bool) -> None:
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


def _side(line: Line | None, look: ThemeStyles) -> Side:
    return Side(style=line.weight, color=look.color(line.color)) if line else Side()


def _set_up_report(sheet: Worksheet, page: Page, look: ThemeStyles) -> None:
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
