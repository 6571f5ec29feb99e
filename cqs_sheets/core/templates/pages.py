"""A page: a tab of blocks or a report worked out cell by cell, ready to be drawn by any spreadsheet's writer.

How a writer uses it: for each BlocksTab and ReportTab of a template,

    page = compile_page(template, tab, area=area, column=column)      # core.templates.report_pages

where the writer spells two kinds of reference, as only it knows how tabs are titled and where a table's
columns stand:

- `area("_calc", Span(3, 1, 32, 1))` -> `'_calc'!$A$3:$A$32`: cells of another page, by the template's tab name;
- `column("Signals", "time")` -> the whole data column of a table tab, growing with its rows; a LookupError
  leaves the cells empty whose formulas need it (`page.missing` names them).

Then it draws `page.cells` (the looks speak of the theme's colour roles: Theme.color), merges `page.merges`,
sets widths (characters, as in Excel) and heights (points), adds `page.rules` as conditional formats and
`page.charts`. Everything on a page is of fixed size: no sync ever writes there. Grid lines are off on
reports. Settings' names (Equity, Last_sync) stay in the formulas as they are, as named cells.
Rows and columns count from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.formulas import resolve
from cqs_sheets.core.templates.template import CellFormat, Chart, Setting, SettingsTab, TextStyle, Theme
from cqs_sheets.values import dataclass, field, replace

GENERAL = CellFormat()
Weight = Literal["thin", "medium", "thick"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A border of a cell; `color` is a role of the theme."""

    color: str
    weight: Weight = "thin"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLook:
    """How a cell looks, its number format aside; colours are roles of the theme, "" is none.

    `bigger` is in points more (or less) than the theme's size. `indent` keeps text off the edge it is
    aligned to, in steps of Excel's indents. Vertically, everything is in the middle.
    """

    text: str = "ink"
    fill: str = ""
    bold: bool = False
    bigger: int = 0
    align: str = ""
    indent: int = 0
    left: Line | None = None
    bottom: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCell:
    """What a cell holds: a value, a formula (it begins with =, its references worked out), or nothing."""

    look: CellLook
    value: str | float | None = None
    formula: str = ""
    format: CellFormat = GENERAL


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRule:
    """A conditional format of `span`; `formula` is written as for its left upper cell."""

    span: Span
    formula: str
    style: TextStyle


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRange:
    """Cells of a page, by the template's name of its tab."""

    tab: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChart:
    """A template's chart, lying exactly on the cells of `span`; `cells` are those that its references mean."""

    chart: Chart
    span: Span
    cells: Mapping[str, PageRange]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A tab of fixed size. `cells` maps (row, column) to what is there; a report has every cell of its grid.

    In a merged area the left upper cell holds what is shown, and the others share its look. Columns and
    rows without a width or height have the spreadsheet's own. `hidden_columns` hold what rules need.
    `missing` names the table columns (`Signals.rr`) that formulas wanted and that are not there. `names` are
    the cells (row, column) that get a name.
    """

    name: str
    rows: int
    columns: int
    cells: Mapping[tuple[int, int], PageCell]
    hidden: bool = False
    report: bool = False
    merges: tuple[Span, ...] = ()
    widths: Mapping[int, float]
    heights: Mapping[int, float]
    hidden_columns: tuple[int, ...] = ()
    rules: tuple[PageRule, ...] = ()
    charts: tuple[PageChart, ...] = ()
    missing: tuple[str, ...] = ()
    names: Mapping[str, tuple[int, int]] = field(default_factory=dict)


_SUBTITLE = "Type into the yellow cells. Everything else follows."
_COMPUTED = "@"  # begins the values that the sync writes later
_FIRST_SECTION = 4
_TITLE_HEIGHT, _ROW_HEIGHT = 36.0, 21.0  # points
LABEL, VALUE, NOTE = 1, 2, 3  # the columns of a settings tab
_SETTINGS_TITLE = CellLook(text="paper", fill="ink", bold=True, bigger=6, align="left", indent=1)
_SECTION = CellLook(
    text="muted", bold=True, bigger=-1, align="left", indent=1, bottom=Line(color="ink", weight="medium")
)
_SETTING = CellLook(text="", align="left", indent=1, bottom=Line(color="line"))


def settings_page(tab: SettingsTab, theme: Theme, zone_name: str) -> Page:
    """The page of a settings tab: a title, and sections of labelled, named cells."""
    quiet = replace(_SETTINGS_TITLE, text=theme.faint_on("ink"), bold=False, bigger=0)
    cells = {
        (1, LABEL): PageCell(value=tab.name.upper(), look=_SETTINGS_TITLE),
        (1, VALUE): PageCell(look=quiet),
        (1, NOTE): PageCell(value=_SUBTITLE, look=quiet),
    }
    heights, names = {1: _TITLE_HEIGHT}, dict[str, tuple[int, int]]()
    row = _FIRST_SECTION
    for section in tab.sections:
        cells |= {(row, at): PageCell(look=_SECTION) for at in (VALUE, NOTE)}
        cells[row, LABEL] = PageCell(value=section.title, look=_SECTION)
        heights[row] = _ROW_HEIGHT
        for setting in section.settings:
            row += 1
            cells |= {(row, at): cell for at, cell in enumerate(setting_cells(setting, zone_name), LABEL)}
            heights[row] = _ROW_HEIGHT
            names[setting.name] = (row, VALUE)
        row += 2
    widths = dict(enumerate(tab.widths, LABEL))
    rows = max(row for row, _ in cells)
    return Page(
        name=tab.name, rows=rows, columns=NOTE, cells=cells, widths=widths, heights=heights, names=names
    )


def setting_cells(setting: Setting, zone_name: str) -> tuple[PageCell, PageCell, PageCell]:
    """The label, value and note of one setting; `zone_name` fills Time_zone."""
    a_list = setting.format.align == "left" and not setting.format.type  # read from its beginning
    look = _SETTING if a_list else replace(_SETTING, align="center", indent=0)
    if setting.typed:
        look = replace(look, text="input_text", bold=True, fill="input")
    value = zone_name if setting.value == "@zone" or setting.name == "Time_zone" else setting.value
    if setting.formula or (isinstance(value, str) and value.startswith(_COMPUTED)):
        value = None
    return (
        PageCell(value=setting.label, look=_SETTING),
        PageCell(value=value, formula=setting.formula, look=look, format=setting.format),
        PageCell(value=setting.note or None, look=replace(_SETTING, text="muted", bigger=-1)),
    )


ColumnReference = Callable[[str, str], str]
"""From a table tab and a column id to a reference to the column's data; LookupError if it is not there."""
AreaReference = Callable[[str, Span], str]
"""From a page's tab and cells of it to a reference, absolute and with the tab's title."""

ONE_CELL = "@"
"""Behind a block's column: not the whole of it but the cell of the row that the formula is for."""


class References:
    """Works out formulas, and remembers the table columns that were `missing`.

    `block` finds the cells of a `block.column` of a tab: None if the tab is no tab of blocks, LookupError
    if it has no such column.
    """

    def __init__(
        self, *, area: AreaReference, column: ColumnReference, block: Callable[[str, str], Span | None]
    ) -> None:
        self._area, self._column, self.block = area, column, block
        self._missing: dict[str, None] = {}

    @property
    def missing(self) -> tuple[str, ...]:
        """The table columns that formulas wanted and that are not there, each once."""
        return tuple(self._missing)

    def formula(self, text: str, *, cell: Callable[[str], str], index: int = 0) -> str:
        """The formula with its references worked out; "" if it needs a table column that is missing.

        `index` is the row in its block or list, counted from 1. LookupError for what the template lacks.
        """
        try:
            return resolve(text, cell=cell, column=lambda tab, name: self._reference(tab, name, index))
        except _MissingColumn as missing:
            self._missing[str(missing)] = None
            return ""

    def _reference(self, tab: str, name: str, index: int) -> str:
        cells = self.block(tab, name.removesuffix(ONE_CELL))
        if cells is not None:
            return self._area(tab, cells.row(index) if name.endswith(ONE_CELL) else cells)
        try:
            return self._column(tab, name)
        except LookupError:
            raise _MissingColumn(f"{tab}.{name}") from None


class _MissingColumn(Exception):
    """A formula needs a table column that is not there."""
