"""What every drawn sheet needs: its looks, and how formulas speak of the drawn tabs."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Literal

from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.templates.formulas import OtherTables
from cqs_sheets.core.templates.template import CellFormat, Column, TableTab, TextStyle, Theme
from cqs_sheets.destinations.excel.parts.references import MAX_ROW, quoted_sheet, table_cell, table_column
from cqs_sheets.values import dataclass

WIDTH_PADDING = 0.71  # Excel's widths are those of the text, plus this
SHRINKING = ("right", "center")  # numbers are aligned so; LibreOffice makes long texts too small to read


class ThemeStyles:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTable:
    """A table tab as it is drawn: its sheet's title, its table's name, its headers in the columns' order."""

    tab: TableTab
    title: str
    name: str
    headers: tuple[str, ...]

    @property
    def header_row(self) -> int:
        """The row of the headers: a plain tab has no titles of groups above them."""
        return 1 if self.tab.plain else 2

    def position(self, column_id: str) -> int:
        """Where a column stands, counted from 1; LookupError if the tab has no such column."""
        ids = [column.id for column in self.tab.columns]
        if column_id not in ids:
            raise LookupError(f"{self.tab.name}.{column_id}")
        return ids.index(column_id) + 1

    def data(self, column_id: str) -> str:
        """A column's data; it grows with the table."""
        return table_column(self.name, self.headers[self.position(column_id) - 1])

    def cells(self, column_id: str) -> str:
        """The same as cells down to the end of the sheet: rules do not take names of tables."""
        letters = column_letters(self.position(column_id))
        return f"{quoted_sheet(self.title)}!${letters}${self.header_row + 1}:${letters}${MAX_ROW}"

    def same_row(self, column_id: str) -> str:
        """The cell of a column in the formula's own row."""
        return table_cell(self.name, self.headers[self.position(column_id) - 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnReferences:
    """References to the tabs being drawn, by the template's tab names; `elsewhere` knows other tables."""

    tables: Mapping[str, DrawnTable]
    titles: Mapping[str, str]
    elsewhere: OtherTables

    def area(self, tab: str, span: Span) -> str:
        """Cells of a page; one that is not drawn is taken to stand on a sheet of its name."""
        return f"{quoted_sheet(self.titles.get(tab, tab))}!{span.absolute}"

    def column(self, tab: str, column_id: str) -> str:
        """The data of a table's column; LookupError if it is not there."""
        return self.tables[tab].data(column_id) if tab in self.tables else self.elsewhere.data(tab, column_id)

    def rule_cells(self, tab: str, column_id: str) -> str:
        """The same as a rule may name it."""
        drawn = self.tables.get(tab)
        return drawn.cells(column_id) if drawn else self.elsewhere.cells(tab, column_id)
