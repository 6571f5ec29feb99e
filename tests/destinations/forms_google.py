"""A template compiled to requests, carried out by the emulator, and read back as forms."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from openpyxl.utils import column_index_from_string

from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations.google.compile import NewTab, compile_tabs
from cqs_sheets.template_files import load_template
from tests.destinations.forms import ChartForm, RuleForm, TabForm, font, outside_texts, span_name
from tests.emulators.caller import Caller
from tests.emulators.google_sheets import RunningSheets
from tests.emulators.sheets.cells import Cell
from tests.emulators.sheets.model import Sheet, Spreadsheet

Json = dict[str, Any]

_COLUMN = re.compile(r"'((?:[^']|'')+)'!\$([A-Z]+)\$(\d+):\$([A-Z]+)(?![A-Z$\d])")
_QUOTED_TAB = re.compile(r"'([A-Za-z_][A-Za-z0-9_]*)'!")
_BELOW_HEADER = re.compile(r"=AND\(ROW\(\)>ROW\(\$A\$(\d+)\),(.*)\)$")
_QUOTIENT = re.compile(r"(?<![\w)])\(?([0-9]+)/([0-9]+)\)?")
_BY_NAME = re.compile(r'INDIRECT\("(\w+)"\)')
_WEIGHTS = {"SOLID": "thin", "SOLID_MEDIUM": "medium", "SOLID_THICK": "thick"}
_INDENT, _EDGE = 9, 3  # pixels


def google_forms(template: Template, sheets: RunningSheets) -> dict[str, TabForm]:
    """Every tab of a template, by title in their order, as one batch makes them."""
    book = carried_out(compiled(template), sheets)
    return {sheet.title: _tab(sheet, book) for sheet in book.sheets[1:]}


@cache
def compiled_built_in(name: str) -> list[Json]:
    """The same of a built-in template, made once; to look at."""
    return compiled(load_template(name))


def compiled(template: Template) -> list[Json]:
    """The requests that make all tabs of a template."""
    new = [
        NewTab(tab=tab, sheet_id=number, title=tab.name) for number, tab in enumerate(template.tabs, start=1)
    ]
    return compile_tabs(template, new, {}, zone_name="UTC", taken=()).requests


def carried_out(requests: list[Json], sheets: RunningSheets) -> Spreadsheet:
    """A new spreadsheet after one batch; each of its requests is validated on the way."""
    with Caller(sheets) as caller:
        caller.book = sheets.create()
        caller.batch(*requests)
        return sheets.book(caller.book)


def _tab(sheet: Sheet, book: Spreadsheet) -> TabForm:
    grid = sheet.properties["gridProperties"]
    form = TabForm(
        frozen=(grid.get("frozenRowCount", 0), grid.get("frozenColumnCount", 0)),
        hidden=sheet.properties.get("hidden", False),
        gridlines=not grid.get("hideGridlines", False),
        merges={_name(each) for each in sheet.objects.get("merges", [])},
        rules=[_rule(each) for each in sheet.objects.get("conditionalFormats", [])],
        charts=[_chart(each, book) for each in sheet.objects.get("charts", [])],
        widths={at + 1: size["pixelSize"] for at, size in sheet.columns.items() if "pixelSize" in size},
        heights={at + 1: size["pixelSize"] for at, size in sheet.rows.items()},
        names={
            each["name"]: _name(each["range"])
            for each in book.named_ranges
            if each["range"]["sheetId"] == sheet.id
        },
        hidden_columns={at + 1 for at, size in sheet.columns.items() if size.get("hiddenByUser")},
        filter=_name(sheet.basic_filter["range"]) if sheet.basic_filter else "",
    )
    for row, column, cell in sheet.grid.occupied():
        form.cells[row + 1, column + 1] = _aspects(cell, book)
    return form.seen()


def _name(span: Json) -> str:
    return span_name(
        span["startRowIndex"] + 1, span["startColumnIndex"] + 1, span["endRowIndex"], span["endColumnIndex"]
    )


def _aspects(cell: Cell, book: Spreadsheet) -> dict[str, object]:
    style = cell.format or {}
    text = style.get("textFormat", {})
    aspects: dict[str, object] = {
        "value": cell.value,
        "formula": _formula(cell.formula, book) if cell.formula else None,
        "pattern": style.get("numberFormat", {}).get("pattern"),
        "font": font(
            text.get("fontFamily", "Arial"),
            text.get("fontSize", 10),
            bold=text.get("bold", False),
            underline=text.get("underline", False),
            color=_color(text.get("foregroundColorStyle")),
        ),
        "fill": _color(style.get("backgroundColorStyle")) or None,
        "align": style.get("horizontalAlignment", "").lower() or None,
        "indent": _indent(style) or None,
        "vertical": style.get("verticalAlignment", "BOTTOM").lower().replace("middle", "center"),
        "wrap": style.get("wrapStrategy") == "WRAP" or None,
        "note": cell.note,
        "allowed": _allowed(cell.validation),
        **{f"{side} line": _line(line) for side, line in style.get("borders", {}).items()},
    }
    return {name: aspect for name, aspect in aspects.items() if aspect is not None}


def _formula(formula: str, book: Spreadsheet) -> str:
    """With whole columns as `Tab[Header]`, and tabs' titles bare."""

    def column(match: re.Match[str]) -> str:
        sheet = book.tab(match[1].replace("''", "'"))
        assert sheet, f"{formula} speaks of a tab that is not there"
        assert match[2] == match[4], formula
        header = sheet.grid.cell(int(match[3]) - 1, column_index_from_string(match[2]) - 1)
        return f"{sheet.title}[{header.value}]"

    return outside_texts(_COLUMN.sub(column, formula), _QUOTED_TAB, r"\1!")


def _indent(style: Json) -> int:
    padding: dict[str, int] = style.get("padding", {})
    return max((padding.get(side, _EDGE) - _EDGE) // _INDENT for side in ("left", "right"))


def _color(style: Json | None) -> str:
    """`RRGGBB`; "" for none."""
    if style is None:
        return ""
    parts = style["rgbColor"]
    return "".join(f"{round(255 * parts.get(name, 0)):02X}" for name in ("red", "green", "blue"))


def _line(border: Json) -> str:
    return f"{_WEIGHTS[border['style']]} {_color(border['colorStyle'])}"


def _allowed(rule: Json | None) -> str | None:
    if rule is None:
        return None
    condition = rule["condition"]
    values = ",".join(_decimals(value["userEnteredValue"]).removeprefix("=") for value in condition["values"])
    refused = "refused" if rule.get("strict") else "asked about"
    return f"{condition['type'].lower()} {values}, else {refused}"


def _decimals(text: str) -> str:
    """With quotients of two numbers, which every locale understands, as decimals."""
    return _QUOTIENT.sub(lambda found: f"{int(found[1]) / int(found[2]):.15g}", text)


def _rule(rule: Json) -> RuleForm:
    """A table's rule lies on the header too, so that it grows with rows that come in below, and skips it."""
    (value,) = rule["booleanRule"]["condition"]["values"]
    formula = _decimals(_BY_NAME.sub(r"\1", value["userEnteredValue"]))
    first = min(span["startRowIndex"] for span in rule["ranges"]) + 1
    last = max(span["endRowIndex"] for span in rule["ranges"])
    below = _BELOW_HEADER.fullmatch(formula)
    if below:
        formula = "=" + re.sub(rf"(?<=\$[A-Z]){below[1]}\b|(?<=\$[A-Z][A-Z]){below[1]}\b", "{row}", below[2])
        first += 1
    columns = {
        at for span in rule["ranges"] for at in range(span["startColumnIndex"], span["endColumnIndex"])
    }
    return RuleForm(
        columns=tuple(sorted(at + 1 for at in columns)),
        rows=(first, last),
        formula=formula,
        style=_rule_style(rule["booleanRule"]["format"]),
    )


def _rule_style(style: Json) -> str:
    text = style.get("textFormat", {})
    marks = [name for name in ("bold", "italic", "strikethrough") if text.get(name)]
    colors = _color(text.get("foregroundColorStyle")), _color(style.get("backgroundColorStyle"))
    return f"{' '.join(marks)} {colors[0]} on {colors[1]}"


def _chart(chart: Json, book: Spreadsheet) -> ChartForm:
    spec = chart["spec"]
    basic = spec["basicChart"]
    return ChartForm(
        at=_covered(chart["position"]["overlayPosition"], book),
        kind=basic["chartType"].lower(),
        stacked=basic.get("stackedType") == "STACKED",
        title=spec["title"],
        legend=basic["legendPosition"] != "NO_LEGEND",
        labels=any("dataLabel" in series for series in basic["series"]),
        categories=_source(basic["domains"][0]["domain"], book)[1],
        series=tuple(
            (*_source(series["series"], book), _color(series["colorStyle"])) for series in basic["series"]
        ),
    )


def _source(data: Json, book: Spreadsheet) -> tuple[str, str]:
    """The header of the cells that a chart shows, and where they are."""
    (span,) = data["sourceRange"]["sources"]
    sheet = book.sheet(span["sheetId"])
    header = sheet.grid.cell(span["startRowIndex"], span["startColumnIndex"]).value
    return str(header or ""), f"{sheet.title}!{_name({**span, 'startRowIndex': span['startRowIndex'] + 1})}"


def _covered(overlay: Json, book: Spreadsheet) -> str:
    """The cells that a chart lies on."""
    anchor = overlay["anchorCell"]
    sheet = book.sheet(anchor["sheetId"])
    bottom, right = anchor["rowIndex"], anchor["columnIndex"]
    height, width = overlay["heightPixels"], overlay["widthPixels"] + overlay.get("offsetXPixels", 0)
    while height > 0:
        height -= sheet.rows[bottom]["pixelSize"]
        bottom += 1
    while width > 0:
        width -= sheet.columns[right]["pixelSize"]
        right += 1
    assert (height, width) == (0, 0), "a chart ends between two cells"
    return span_name(anchor["rowIndex"] + 1, anchor["columnIndex"] + 1, bottom, right)
