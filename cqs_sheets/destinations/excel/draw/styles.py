"""A template's colours, fonts and formats as openpyxl's styles."""

from __future__ import annotations

from copy import copy
from typing import Literal

from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle

from cqs_sheets.core.templates.template import CellFormat, Column, TextStyle, Theme

WIDTH_PADDING = 0.71  # Excel's widths are those of the text, plus this
SHRINKING = ("right", "center")  # numbers are aligned so; LibreOffice makes long texts too small to read
_TITLE_SIZE = 6  # points more than the text


class Look:
    """The styles of one template's cells; colours are roles of its theme or `#RRGGBB`."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme

    def color(self, role: str) -> str:
        """A colour as `RRGGBB`."""
        return self.theme.color(role).removeprefix("#").upper()

    def font(self, color: str = "", *, bold: bool = False, smaller: int = 0, underline: bool = False) -> Font:
        """The theme's font; `smaller` in points."""
        return Font(
            name=self.theme.font,
            size=self.theme.size - smaller,
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
        return Border(left=Side(style="hair", color=self.color(color)))

    def cell_font(self, column: Column) -> Font:
        """The font of a column's cells."""
        if column.link:
            return self.font("link", underline=True)
        return self.font(column.text, bold=column.bold)


def alignment(format_: CellFormat, *, vertical: Literal["center", "top"] = "center") -> Alignment:
    """A format's alignment; text that begins at the left keeps off the border."""
    align = format_.align or None
    return Alignment(horizontal=align, vertical=vertical, indent=1 if align == "left" else 0)


def value_alignment(format_: CellFormat) -> Alignment:
    """The same for values: a number too long for its cell is shown smaller, not as ###."""
    aligned = alignment(format_)
    aligned.shrink_to_fit = format_.align in SHRINKING or None
    return aligned


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


def style_like(cell: Cell | MergedCell, model: Cell | MergedCell) -> None:
    """Give a cell every format of another: much quicker than to set them one by one."""
    cell._style = copy(model._style)  # type: ignore[union-attr]  # noqa: SLF001 - as openpyxl's manual says
