"""A template compiled to .xlsx and read back with openpyxl as forms."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from openpyxl import load_workbook
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.workbook import Workbook
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations.excel.draw import build_workbook
from tests.destinations.forms import ChartForm, RuleForm, TabForm, font, outside_texts, span_name

_HEADER = r"((?:'.|[^'\[\]])+)"
_SAME_ROW = re.compile(rf"\b([A-Za-z_]\w*)\[\[#This Row\],\[{_HEADER}\]\]")
_COLUMN = re.compile(rf"\b([A-Za-z_]\w*)\[(?:\[{_HEADER}\]|{_HEADER})\]")
_QUOTED_TAB = re.compile(r"'([A-Za-z_][A-Za-z0-9_]*)'!")
_PADDING = 0.71  # characters, around the text of every column
_OPERATORS = {
    "between": "number_between",
    "greaterThanOrEqual": "number_greater_than_eq",
    "lessThanOrEqual": "number_less_than_eq",
}


def excel_forms(template: Template) -> dict[str, TabForm]:
    """Every tab of a template, by title in their order, as a new workbook has them."""
    workbook = build_workbook(template, tabs=[tab.name for tab in template.tabs])
    book = load_workbook(io.BytesIO(workbook))
    return {sheet.title: _tab(sheet, book) for sheet in book.worksheets}


def _tab(sheet: Worksheet, book: Workbook) -> TabForm:
    view = sheet.sheet_view
    pane = view.pane
    widths = dict(_widths(sheet))
    form = TabForm(
        frozen=(int(pane.ySplit or 0), int(pane.xSplit or 0)) if pane else (0, 0),
        hidden=sheet.sheet_state != "visible",
        gridlines=view.showGridLines is not False,
        merges={str(span) for span in sheet.merged_cells.ranges},
        rules=list(_rules(sheet)),
        charts=[_chart(chart) for chart in sheet._charts],  # type: ignore[attr-defined]
        widths={at: width for at, (width, _) in widths.items()},
        heights={at: round(size.height * 4 / 3) for at, size in sheet.row_dimensions.items() if size.height},
        names=dict(_names(sheet, book)),
        hidden_columns={at for at, (_, hidden) in widths.items() if hidden},
        filter=next((table.autoFilter.ref for table in sheet.tables.values() if table.autoFilter), ""),
    )
    allowed = dict(_allowed(sheet))
    for line in sheet.iter_rows():
        for cell in line:
            if cell.has_style or cell.value is not None:
                here = (int(cell.row or 0), int(cell.column or 0))
                form.cells[here] = _aspects(cell, book, allowed.get(here))
    return form.seen()


def _names(sheet: Worksheet, book: Workbook) -> Iterator[tuple[str, str]]:
    """The cells that a person may call by a name."""
    for name, defined in book.defined_names.items():
        title, _, cell = defined.attr_text.partition("!")
        if not defined.hidden and title.strip("'") == sheet.title:
            yield name, cell.replace("$", "")


def _widths(sheet: Worksheet) -> Iterator[tuple[int, tuple[int, bool]]]:
    """Each column's width in pixels, and whether it is hidden."""
    for dimension in sheet.column_dimensions.values():
        for at in range(int(dimension.min or 0), min(int(dimension.max or 0), sheet.max_column) + 1):
            yield at, (round((dimension.width - _PADDING) * 7) + 5, bool(dimension.hidden))


def _aspects(cell: Cell | MergedCell, book: Workbook, allowed: str | None) -> dict[str, object]:
    shown = cell.font
    align = cell.alignment
    entered = cell.value
    is_formula = cell.data_type == "f"
    aspects: dict[str, object] = {
        "value": None if is_formula else entered,
        "formula": _formula(str(entered), book, int(cell.row or 0)) if is_formula else None,
        "pattern": None if cell.number_format == "General" else cell.number_format,
        "font": font(
            shown.name,
            shown.sz,
            bold=bool(shown.b),
            underline=shown.u == "single",
            color=_color(shown.color),
        ),
        "fill": _color(cell.fill.fgColor) if cell.fill.patternType == "solid" else None,
        "align": align.horizontal,
        "indent": int(align.indent) or None,
        "vertical": align.vertical or "bottom",
        "wrap": align.wrap_text or None,
        "note": cell.comment.text if isinstance(cell, Cell) and cell.comment else None,
        "allowed": allowed,
        **{
            f"{side} line": f"{line.style} {_color(line.color)}"
            for side in ("left", "right", "top", "bottom")
            if (line := getattr(cell.border, side)) and line.style
        },
    }
    return {name: aspect for name, aspect in aspects.items() if aspect is not None}


def _color(color: Any) -> str:
    """`RRGGBB`; "" for none."""
    return str(color.rgb)[-6:] if color is not None and color.type == "rgb" else ""


def _formula(formula: str, book: Workbook, row: int) -> str:
    """With whole columns as `Tab[Header]`, cells of the same row by address, and sheets' names bare."""
    tables = {table.name: (sheet, table) for sheet in book.worksheets for table in sheet.tables.values()}

    def cell(match: re.Match[str]) -> str:
        _, table = tables[match[1]]
        left = _bounds(table.ref)[0]
        return f"{get_column_letter(left + table.column_names.index(_unescaped(match[2])))}{row}"

    def column(match: re.Match[str]) -> str:
        return f"{tables[match[1]][0].title}[{_unescaped(match[2] or match[3])}]"

    return outside_texts(_COLUMN.sub(column, _SAME_ROW.sub(cell, formula)), _QUOTED_TAB, r"\1!")


def _unescaped(header: str) -> str:
    return re.sub(r"'(.)", r"\1", header)


def _allowed(sheet: Worksheet) -> Iterator[tuple[tuple[int, int], str]]:
    for rule in sheet.data_validations.dataValidation:
        for left, top, right, bottom in map(_bounds, rule.sqref.ranges):
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    yield (row, column), _validation(rule)


def _bounds(area: object) -> tuple[int, int, int, int]:
    """Left, top, right, bottom."""
    left, top, right, bottom = (int(each or 0) for each in range_boundaries(str(area)))
    return left, top, right, bottom


def _validation(rule: DataValidation) -> str:
    refused = "asked about" if rule.errorStyle == "warning" else "refused"
    if rule.type == "list":
        return f"one_of_list {str(rule.formula1).strip(chr(34))}, else {refused}"
    values = ",".join(str(each) for each in (rule.formula1, rule.formula2) if each is not None)
    return f"{_OPERATORS[rule.operator or 'between']} {values}, else {refused}"


def _rules(sheet: Worksheet) -> Iterator[RuleForm]:
    found = [(rule.priority, area, rule) for area in sheet.conditional_formatting for rule in area.rules]
    for _, area, rule in sorted(found, key=lambda each: each[0]):
        spans = [_bounds(each) for each in area.sqref.ranges]
        columns = {at for left, _, right, _ in spans for at in range(left, right + 1)}
        top, bottom = min(span[1] for span in spans), max(span[3] for span in spans)
        formula = "=" + rule.formula[0]
        if sheet.tables:
            formula = re.sub(rf"(?<=\$[A-Z]){top}\b|(?<=\$[A-Z][A-Z]){top}\b", "{row}", formula)
        marks = [name for name, on in (("bold", rule.dxf.font.b), ("italic", rule.dxf.font.i)) if on]
        marks += ["strikethrough"] if rule.dxf.font.strike else []
        fill = _color(rule.dxf.fill.bgColor) if rule.dxf.fill else ""
        style = f"{' '.join(marks)} {_color(rule.dxf.font.color)} on {fill}"
        yield RuleForm(columns=tuple(sorted(columns)), rows=(top, bottom), formula=formula, style=style)


def _chart(chart: Any) -> ChartForm:
    start, end = chart.anchor._from, chart.anchor.to
    kind = {"bar": "bar", "col": "column"}[chart.type] if chart.tagname == "barChart" else "line"
    categories = {
        _bare(series.cat.strRef.f if series.cat.strRef else series.cat.numRef.f) for series in chart.series
    }
    (shared,) = categories
    title = "".join(run.t for paragraph in chart.title.tx.rich.p for run in paragraph.r or ())
    return ChartForm(
        at=span_name(start.row + 1, start.col + 1, end.row, end.col),
        kind=kind,
        stacked=chart.grouping == "stacked",
        title=title,
        legend=chart.legend is not None,
        labels=bool(chart.dataLabels and chart.dataLabels.showVal),
        categories=shared,
        series=tuple(
            (series.tx.v, _bare(series.val.numRef.f), _series_color(series, kind)) for series in chart.series
        ),
    )


def _series_color(series: Any, kind: str) -> str:
    shown = series.graphicalProperties
    fill = shown.line.solidFill if kind == "line" else shown.solidFill
    return str(getattr(fill.srgbClr, "val", fill.srgbClr))


def _bare(reference: str) -> str:
    return _QUOTED_TAB.sub(r"\1!", reference).replace("$", "")
