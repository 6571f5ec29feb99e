"""A template's colours, fonts and formats in the words of Google Sheets."""

from __future__ import annotations

from typing import Any

from cqs_sheets.core.templates.template import CellFormat, Column, ColumnKind, TextStyle, Theme

Json = dict[str, Any]

_TITLE_SIZE = 6  # points more than the text
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


class Look:
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

    def title(self, color: str) -> Json:
        """The font of a page's title."""
        return self.text(color, bold=True, smaller=-_TITLE_SIZE)

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


def rule_format(style: TextStyle) -> Json:
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
