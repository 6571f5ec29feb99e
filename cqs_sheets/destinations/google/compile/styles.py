"""A template's colours, fonts and formats in the words of Google Sheets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.formulas import resolve
from cqs_sheets.core.templates.pages import PageCell
from cqs_sheets.core.templates.template import CellFormat, Column, ColumnKind, TextStyle, Theme
from cqs_sheets.destinations.google.read.layout import TabPlace, column_letters, quoted
from cqs_sheets.destinations.google.wire.shapes import GridRange, Json, grid_range
from cqs_sheets.patterns import regex
from cqs_sheets.values import replace

_GENERAL = "General"
_PIXELS_A_CHARACTER, _PADDING = 7, 5
_PIXELS_A_POINT = 4 / 3
_EDGES = {
    "top": 2,
    "right": 3,
    "bottom": 2,
    "left": 3,
}  # pixels, as Google has them: one alone cannot be said
_INDENT = 9
_BORDERS = {"thin": "SOLID", "medium": "SOLID_MEDIUM", "thick": "SOLID_THICK"}


class ThemeStyles:
    """The styles of one template's cells; colours are roles of its theme or `#RRGGBB`."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme

    def color(self, role: str) -> Json:
        """A ColorStyle."""
        return _color_style(self.theme.color(role))

    def text(self, color: str = "", *, bold: bool = False, smaller: int = 0, underline: bool = False) -> Json:
        """The theme's font as TextFormat; `smaller` in points."""
        style: Json = {"fontFamily": self.theme.font, "fontSize": self.theme.size - smaller}
        if bold:
            style["bold"] = True
        if underline:
            style["underline"] = True
        return style | ({"foregroundColorStyle": self.color(color)} if color else {})

    def cell(self, column: Column, *, plain: bool) -> Json:
        """The format of a column's cells."""
        style: Json = {
            "verticalAlignment": "MIDDLE",
            **number_format(column.format),
            **alignment(column.format),
        }
        if plain:
            return style
        style["textFormat"] = (
            self.text("link", underline=True) if column.link else self.text(column.text, bold=column.bold)
        )
        style["borders"] = {"bottom": border(self.color("line"), "thin")}
        if column.kind is ColumnKind.INPUT:
            style["backgroundColorStyle"] = self.color("input")
        return style


def number_format(format_: CellFormat) -> Json:
    """The number format as a part of CellFormat; {} for General."""
    if format_.pattern == _GENERAL:
        return {}
    kind = format_.type or ("PERCENT" if "%" in format_.pattern else "NUMBER")
    return {"numberFormat": {"type": kind, "pattern": format_.pattern}}


def alignment(format_: CellFormat) -> Json:
    """The horizontal alignment as a part of CellFormat; {} without one. Text at the left keeps off the edge."""
    return placed(format_.align, indent=int(format_.align == "left"))


def placed(align: str, *, indent: int) -> Json:
    """Where text stands between the edges, `indent` steps off the one it is aligned to; {} if nowhere special."""
    style: Json = {"horizontalAlignment": align.upper()} if align else {}
    if indent:
        edge = "right" if align == "right" else "left"
        style["padding"] = {**_EDGES, edge: _EDGES[edge] + indent * _INDENT}
    return style


def border(color: Json, weight: str) -> Json:
    """A Border that is "thin", "medium" or "thick"."""
    return {"style": _BORDERS[weight], "colorStyle": color}


def _rule_format(style: TextStyle) -> Json:
    """What a rule changes."""
    text: Json = {
        name: True
        for name, wanted in (("bold", style.bold), ("italic", style.italic), ("strikethrough", style.strike))
        if wanted
    }
    if style.text:
        text["foregroundColorStyle"] = _color_style(style.text)
    found: Json = {"textFormat": text} if text else {}
    return found | ({"backgroundColorStyle": _color_style(style.fill)} if style.fill else {})


def rule_request(ranges: Sequence[GridRange], formula: str, style: TextStyle, index: int) -> Json:
    """The request that makes a conditional format; `index` is its place among those of the tab."""
    condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": formula}]}
    rule = {"ranges": ranges, "booleanRule": {"condition": condition, "format": _rule_format(style)}}
    return {"addConditionalFormatRule": {"rule": rule, "index": index}}


def pixels(characters: float) -> int:
    """A column's width."""
    return round(characters * _PIXELS_A_CHARACTER) + _PADDING


def row_pixels(points: float) -> int:
    """A row's height."""
    return round(points * _PIXELS_A_POINT)


def _color_style(text: str) -> Json:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    parts = {"red": red, "green": green, "blue": blue}
    return {"rgbColor": {name: round(part / 255, 4) for name, part in parts.items() if part}}


T = TypeVar("T")


def span_range(sheet_id: int, span: Span) -> GridRange:
    """A span, which counts from 1, as Google's requests have it."""
    return grid_range(sheet_id, range(span.top - 1, span.bottom), range(span.left - 1, span.right))


def compile_looks(
    cells: Mapping[tuple[int, int], PageCell], look: ThemeStyles, sheet_id: int
) -> Iterator[Json]:
    """The requests that give the cells their looks and number formats."""
    bare = {at: PageCell(format=cell.format, look=cell.look) for at, cell in cells.items()}
    for span, cell in rectangles(bare):
        change = {
            "range": span_range(sheet_id, span),
            "cell": {"userEnteredFormat": page_style(cell, look)},
            "fields": "userEnteredFormat",
        }
        yield {"repeatCell": change}


def rectangles(cells: Mapping[tuple[int, int], T]) -> Iterator[tuple[Span, T]]:
    """Every cell (row, column) in one rectangle of equals: neighbours in a row, then equal rows below each other."""
    open_: dict[tuple[int, int], tuple[Span, T]] = {}
    for run, item in _runs(cells):
        above = open_.get((run.left, run.right))
        if above and above[0].bottom == run.top - 1 and above[1] == item:
            open_[run.left, run.right] = replace(above[0], bottom=run.top), item
            continue
        if above:
            yield above
        open_[run.left, run.right] = run, item
    yield from open_.values()


def _runs(cells: Mapping[tuple[int, int], T]) -> Iterator[tuple[Span, T]]:
    run: tuple[Span, T] | None = None
    for (row, column), item in sorted(cells.items(), key=lambda each: each[0]):
        if run and (run[0].top, run[0].right + 1, run[1]) == (row, column, item):
            run = replace(run[0], right=column), item
            continue
        if run:
            yield run
        run = Span(row, column, row, column), item
    if run:
        yield run


def page_style(cell: PageCell, look: ThemeStyles) -> Json:
    """A cell's look as CellFormat."""
    shown = cell.look
    style: Json = {
        "verticalAlignment": "MIDDLE",
        "textFormat": look.text(shown.text, bold=shown.bold, smaller=-shown.bigger),
        **placed(shown.align, indent=shown.indent),
        **number_format(cell.format),
    }
    if shown.fill:
        style["backgroundColorStyle"] = look.color(shown.fill)
    lines = {"left": shown.left, "bottom": shown.bottom}
    borders = {side: border(look.color(line.color), line.weight) for side, line in lines.items() if line}
    return style | ({"borders": borders} if borders else {})


_TEXT_LITERAL = regex(r'("(?:[^"]|"")*")')
_AS_IT_IS = regex(r"""("(?:[^"]|"")*"|'(?:[^']|'')*'|\{[^{}]*\})""")
_DECIMAL = regex(r"(?<![\w.$])\d*\.\d+(?![\w.])")


def in_any_locale(formula: str) -> str:
    """The formula with `;` between arguments and without decimals, which means the same in every spreadsheet.

    Google reads a formula as if it were typed there, and in half of the locales the comma is the decimal
    mark. An array constant stays as it is: there is no spelling for all.
    """
    parts = _AS_IT_IS.split(formula)
    return "".join(
        part if at % 2 else _DECIMAL.sub(lambda found: f"({ratio(found[0])})", part.replace(",", ";"))
        for at, part in enumerate(parts)
    )


def ratio(number: str) -> str:
    """A decimal number as a whole one, or as the quotient of two."""
    over, under = Decimal(number).as_integer_ratio()
    return f"{over}" if under == 1 else f"{over}/{under}"


def column_reference(place: TabPlace, column: str) -> str:
    """A whole column of a table, however many rows it gets; KeyError if the column is gone.

    It begins with the header: a row that comes in right below it would push a range that begins there
    down, and be left out of it.
    """
    letters = column_letters(place.columns[column])
    return f"{quoted(place.title)}!${letters}${place.header_row + 1}:${letters}"


def row_formula(formula: str, row: int, place: TabPlace, tabs: Mapping[str, TabPlace]) -> str:
    """The formula for one row of a tab. Raises KeyError with the column or tab that is gone."""

    def cell(name: str) -> str:
        return f"{column_letters(place.columns[name])}{row + 1}"

    def column(tab: str, name: str) -> str:
        return column_reference(tabs[tab], name)

    return in_any_locale(resolve(formula, cell=cell, column=column))


def rule_formula(formula: str, place: TabPlace, names: Collection[str]) -> str:
    """The formula of a conditional format that lies on the header and all below, and holds below only.

    Raises LookupError for a column that is not there, or is in another tab.
    """
    header = place.header_row + 1

    def cell(name: str) -> str:
        return f"${column_letters(place.columns[name])}{header}"

    def column(tab: str, name: str) -> str:
        raise LookupError(f"{tab}.{name}")

    resolved = by_name(resolve(formula, cell=cell, column=column), names)
    return in_any_locale(f"=AND(ROW()>ROW($A${header}),{resolved.removeprefix('=')})")


def by_name(formula: str, names: Collection[str]) -> str:
    """The formula with named cells wrapped in INDIRECT: Google takes another tab's in no other way in rules."""
    if not names:
        return formula
    known = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b(?![(!])")
    parts = _TEXT_LITERAL.split(formula)
    return "".join(part if part.startswith('"') else known.sub(r'INDIRECT("\1")', part) for part in parts)
