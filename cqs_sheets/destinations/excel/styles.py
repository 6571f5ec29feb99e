"""A template's colours, fonts and formats as openpyxl's styles."""

from __future__ import annotations

from typing import Literal

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle

from cqs_sheets.core.template import CellFormat, Column, ColumnKind, TextStyle, Theme

_COLORS = {
    "ink": "#0F172A",
    "slate": "#475569",
    "yours": "#B45309",
    "input": "#FFFBEB",
    "input_text": "#92400E",
    "line": "#E2E8F0",
    "muted": "#64748B",
    "paper": "#FFFFFF",
    "link": "#0369A1",
}
_HEADER = {ColumnKind.FORMULA: "slate", ColumnKind.INPUT: "yours"}
_TITLE_SIZE = 6  # points more than the text


class Look:
    """The styles of one template's cells; colours are roles of its theme or `#RRGGBB`."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._colors = {**_COLORS, **theme.colors}

    def color(self, role: str) -> str:
        """A colour as `RRGGBB`."""
        return self._colors.get(role, role).removeprefix("#").upper()

    def font(self, color: str = "", *, bold: bool = False, smaller: int = 0, underline: bool = False) -> Font:
        """The theme's font; `smaller` in points."""
        return Font(
            name=self._theme.font,
            size=self._theme.size - smaller,
            bold=bold or None,
            underline="single" if underline else None,
            color=self.color(color) if color else None,
        )

    def title_font(self, color: str) -> Font:
        """The font of a page's title."""
        return self.font(color, bold=True, smaller=-_TITLE_SIZE)

    def fill(self, color: str) -> PatternFill:
        """One colour all over a cell."""
        return PatternFill("solid", fgColor=self.color(color))

    def under(self, color: str, style: Literal["thin", "medium"]) -> Border:
        """A line below a cell."""
        return Border(bottom=Side(style=style, color=self.color(color)))

    def before(self, color: str) -> Border:
        """A line at the left of a cell."""
        return Border(left=Side(style="hair", color=color))

    def header(self, column: Column) -> str:
        """The background of a column's header: it says whose the column is."""
        return _HEADER.get(column.kind, "ink")

    def faint_on(self, background: str) -> str:
        """A quiet colour of text on a dark background: paper, two fifths mixed with it."""
        paper, dark = (bytes.fromhex(self.color(role)) for role in ("paper", background))
        return bytes((3 * light + 2 * ink) // 5 for light, ink in zip(paper, dark, strict=True)).hex().upper()

    def cell_font(self, column: Column) -> Font:
        """The font of a column's cells."""
        if column.link:
            return self.font("link", underline=True)
        return self.font(column.text, bold=column.bold)


def alignment(format_: CellFormat, *, vertical: Literal["center", "top"] = "center") -> Alignment:
    """A format's alignment; text that begins at the left keeps off the border."""
    align = format_.align or None
    return Alignment(horizontal=align, vertical=vertical, indent=1 if align == "left" else 0)


def rule_style(style: TextStyle) -> DifferentialStyle:
    """What a rule changes."""
    font = Font(
        bold=style.bold or None,
        italic=style.italic or None,
        strike=style.strike or None,
        color=style.text.removeprefix("#").upper() or None,
    )
    color = style.fill.removeprefix("#").upper()
    return DifferentialStyle(
        font=font, fill=PatternFill("solid", fgColor=color, bgColor=color) if color else None
    )
