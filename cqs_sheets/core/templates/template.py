"""The template: what a target should look like, independent of the spreadsheet it becomes.

A template holds no position: columns, settings and formulas speak of column ids. Loading it from
TOML is `reading.py`; where its columns stand in a target today is `core/plan/binding.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.values import dataclass, field, replace


class ColumnKind(StrEnum):
    """Who fills a column: the API, a computation of ours, the spreadsheet, the user."""

    FIELD = "field"
    CALC = "calc"
    FORMULA = "formula"
    INPUT = "input"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFormat:
    """A number format as Excel and Google Sheets both spell it, and its horizontal alignment.

    `decimals` says that rows of a feed show as many as their prices need: see decimals.py.
    """

    pattern: str = "General"
    type: str = ""
    align: str = ""
    decimals: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextStyle:
    """What a rule may change: all that Google Sheets' conditional formats allow."""

    text: str = ""
    fill: str = ""
    bold: bool = False
    italic: bool = False
    strike: bool = False


_COLORS = {
    "ink": "#0F172A",
    "slate": "#475569",
    "yours": "#92400E",
    "input": "#FFFBEB",
    "input_text": "#92400E",
    "line": "#E2E8F0",
    "muted": "#56657D",
    "paper": "#FFFFFF",
    "canvas": "#F1F5F9",
    "link": "#0369A1",
    "accent": "#0284C7",
    "long": "#0CA678",
    "short": "#881337",
    "deep": "#09304D",
    "amber": "#F59E0B",
    "violet": "#6366F1",
}
_MIDDLE = 100_000  # of 255,000: brighter to the eye is a bar on which ink reads better
_HEADERS = {ColumnKind.FORMULA: "slate", ColumnKind.INPUT: "yours"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The colours (`#RRGGBB` by role) and the font every tab shares."""

    font: str = "Arial"
    size: int = 10
    colors: Mapping[str, str] = field(default_factory=dict)

    def color(self, role: str) -> str:
        """The `#RRGGBB` of a role; a colour stays what it is."""
        return self.colors.get(role) or _COLORS.get(role, role)

    @staticmethod
    def header_role(kind: ColumnKind) -> str:
        """The role of a header's background: it says whose the column is."""
        return _HEADERS.get(kind, "ink")

    def text_on(self, bar: str) -> str:
        """The role of a text that can be read on a bar: paper on a dark one, else ink."""
        red, green, blue = bytes.fromhex(self.color(bar).removeprefix("#"))
        return "paper" if 299 * red + 587 * green + 114 * blue < _MIDDLE else "ink"

    def faint_on(self, background: str) -> str:
        """A quiet colour of text on a dark background: paper, a quarter mixed with it."""
        paper, dark = (bytes.fromhex(self.color(role).removeprefix("#")) for role in ("paper", background))
        return "#" + bytes((3 * light + ink) // 4 for light, ink in zip(paper, dark, strict=True)).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table tab.

    `source` is the API field or calc name (kinds FIELD and CALC); `formula` the live formula
    (kind FORMULA) with `{column}` for the same row's cell and `{Tab.column}` for a whole column.
    `type` says how the sync stores values. Width is in characters, as in Excel. `looked_at`: another tab takes
    signals by what the user chose in it.
    """

    id: str
    header: str
    kind: ColumnKind
    source: str = ""
    formula: str = ""
    type: CellType = CellType.TEXT
    format: CellFormat = CellFormat()
    group: str = ""
    width: float = 12
    note: str = ""
    bold: bool = False
    text: str = ""
    hidden: bool = False
    link: bool = False
    choices: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    looked_at: bool = False

    @property
    def synced(self) -> bool:
        """Whether the sync owns the column's cells."""
        return self.kind in (ColumnKind.FIELD, ColumnKind.CALC)

    @property
    def read(self) -> bool:
        """Whether a row's cell is read: where the sync owns it, or must know what the user chose there."""
        return self.synced or self.looked_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A conditional format: `style` on the cells of columns `on` where the formula `when` holds."""

    on: tuple[str, ...]
    when: str
    style: TextStyle
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """Of which signals a tab of the user's own gets a row: those in whose row the user chose `choice`.

    `by`: fed tab -> the user's column there. The new row's key is the signal's id, and its column `table` says
    whose id it is ("": no column does).
    """

    choice: str
    by: Mapping[str, str]
    table: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTab:
    """A tab of rows keyed by one column.

    `fed` tabs get a row per signal of `tables` that passes `where` (field -> allowed values); the others are the
    user's. With `newest_first` new rows stand at the top as the user wants it so, whatever the template says. A tab
    `when_needed` is made when its first row is written. `takes` says of which signals the user's own tab gets rows.
    A `native` one is a table of Google's own there, with typed
    columns; in Excel rows always stand in a table. Columns behind `print_to` are not printed. `banner` is printed
    at the top of each page.
    """

    name: str
    columns: tuple[Column, ...]
    key: str
    fed: bool = True
    tables: frozenset[FeedTable] = frozenset({FeedTable.MAIN})
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    when_needed: bool = False
    new_rows: str = "bottom"
    newest_first: bool = False
    spare_rows: int = 0
    freeze_columns: int = 0
    print_to: str = ""
    filter: bool = True
    plain: bool = False
    native: bool = False
    rules: tuple[Rule, ...] = ()
    takes: Takes | None = None
    banner: str = ""
    mark: str = ""

    @property
    def mark_name(self) -> str:
        """What the marks in a target call this tab: its name, unless a tab of another template has that there."""
        return self.mark or self.name

    def column(self, column_id: str) -> Column:
        """The column of that id; KeyError if there is none."""
        for column in self.columns:
            if column.id == column_id:
                return column
        raise KeyError(column_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One named cell of the Settings tab; `synced` ones are written by the sync, `value` then names what."""

    name: str
    label: str
    value: str | int | float | None = None
    formula: str = ""
    format: CellFormat = CellFormat()
    min: float | None = None
    max: float | None = None
    note: str = ""
    synced: bool = False

    @property
    def typed(self) -> bool:
        """Whether the user types it: neither the sync nor a formula fills it."""
        return not (self.synced or self.formula)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsSection:
    """A titled block of settings."""

    title: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsTab:
    """Named cells: the user's numbers, and what the sync says of itself."""

    name: str
    sections: tuple[SettingsSection, ...]
    widths: tuple[float, ...] = (30, 26, 84)

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Every setting, in order."""
        return tuple(setting for section in self.sections for setting in section.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockColumn:
    """A column of a block: a formula filled down, or fixed values, one a row."""

    id: str
    formula: str = ""
    values: tuple[str | float, ...] = ()
    format: CellFormat = CellFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A small table of a fixed number of rows."""

    id: str
    rows: int
    columns: tuple[BlockColumn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksTab:
    """A (usually hidden) tab of small computed blocks that charts and cards read."""

    name: str
    blocks: tuple[Block, ...]
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure with its label above and a line below; `at` is where, such as "B5:D7".

    `value`, `sub` and `warn` are formulas: the figure is amber while `warn` holds. A `signed` one is green
    above zero and red below.
    """

    at: str
    label: str
    value: str
    sub: str = ""
    warn: str = ""
    signed: bool = False
    format: CellFormat = CellFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line or one set of bars: `values` is a block's column, `width` that of a line in points."""

    name: str
    values: str
    color: str = "accent"
    width: float = 2.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of kind "column", "bar" or "line" on the cells `at`, over columns of blocks.

    `gap` is the space between bars in per cent of a bar, `format` how the axis of values shows numbers.
    Every `every`-th category has a label, from the first on: those of the others are blank.
    """

    at: str
    kind: str
    title: str
    categories: str
    series: tuple[Series, ...]
    stacked: bool = False
    legend: bool = True
    labels: bool = False
    gap: int = 50
    every: int = 1
    format: CellFormat = CellFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListColumn:
    """A column of a list, `span` columns of the grid wide: a formula, or the list's items."""

    span: int
    header: str
    formula: str = ""
    item: bool = False
    format: CellFormat = CellFormat()
    bold: bool = False
    signed: bool = False
    side: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortList:
    """A titled list whose left upper corner is `at`: one row per item, or so many rows."""

    at: str
    title: str
    columns: tuple[ListColumn, ...]
    rows: int = 0
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleNote:
    """What stands at the right of a page's title: a value, and a line below it; both are formulas."""

    value: str
    label: str = ""
    format: CellFormat = CellFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The cells a page is laid out on, from column B: how many columns, their width, the rows' height."""

    columns: int = 24
    width: float = 7.3
    height: float = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTab:
    """A page to look at: cards, charts and short lists over the other tabs; no sync writes it.

    `good`, `bad` and `warn` are the looks of figures above zero, below it, and that ask for attention.
    """

    name: str
    title: str
    subtitle: str = ""
    stamp: TitleNote | None = None
    grid: Grid = Grid()
    cards: tuple[Card, ...] = ()
    charts: tuple[Chart, ...] = ()
    lists: tuple[ShortList, ...] = ()
    good: TextStyle = TextStyle(text="#047857", bold=True)
    bad: TextStyle = TextStyle(text="#BE123C", bold=True)
    warn: TextStyle = TextStyle(text="#92400E", bold=True)


Tab = TableTab | SettingsTab | BlocksTab | ReportTab


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A whole template, tabs in the order they are shown."""

    name: str
    title: str
    tabs: tuple[Tab, ...]
    theme: Theme = Theme()

    @property
    def tables(self) -> tuple[TableTab, ...]:
        """The tabs of rows: those that get one per signal, and the user's own."""
        return tuple(tab for tab in self.tabs if isinstance(tab, TableTab))

    @property
    def fed_tabs(self) -> tuple[TableTab, ...]:
        """The tabs that get a row per signal."""
        return tuple(tab for tab in self.tables if tab.fed)

    @property
    def settings_tab(self) -> SettingsTab | None:
        """The Settings tab, if the template has one."""
        return next((tab for tab in self.tabs if isinstance(tab, SettingsTab)), None)

    @property
    def computes(self) -> bool:
        """Whether it has a formula anywhere; pages are made of them."""
        return any(map(_computes, self.tabs))

    def newest_first(self) -> Template:
        """The same with new rows at the top of every tab that gets them; a plain one stays a log."""
        tabs = (
            replace(tab, new_rows="top", newest_first=True)
            if isinstance(tab, TableTab) and tab.fed and not tab.plain and tab.new_rows != "top"
            else tab
            for tab in self.tabs
        )
        return replace(self, tabs=tuple(tabs))

    def of_sandbox(self) -> Template:
        """The same, saying on every page that its signals are invented."""
        return replace(self, tabs=tuple(map(_of_sandbox, self.tabs)))

    def tab(self, name: str) -> Tab:
        """The tab of that name; KeyError if there is none."""
        for tab in self.tabs:
            if tab.name == name:
                return tab
        raise KeyError(name)


def is_hidden(tab: Tab) -> bool:
    """Whether a tab is hidden until the user unhides it."""
    return isinstance(tab, BlocksTab) and tab.hidden


def _computes(tab: Tab) -> bool:
    if isinstance(tab, TableTab):
        return any(column.formula for column in tab.columns)
    return not isinstance(tab, SettingsTab) or any(setting.formula for setting in tab.settings)


_INVENTED = "SANDBOX: INVENTED SIGNALS"
_SHORT = "SANDBOX: INVENTED"  # where columns are narrow


def _of_sandbox(tab: Tab) -> Tab:
    if isinstance(tab, ReportTab):
        return replace(tab, title=f"{tab.title}   {_INVENTED}")
    if isinstance(tab, SettingsTab):
        return replace(tab, sections=(SettingsSection(title=_INVENTED, settings=()), *tab.sections))
    if not isinstance(tab, TableTab):
        return tab
    first = tab.columns[0]
    if tab.plain:  # no line above the headers: a note on the first of them, and the head of printed pages
        noted = replace(first, note=f"{_INVENTED}\n{first.note}".strip())
        return replace(tab, columns=(noted, *tab.columns[1:]), banner=_INVENTED)
    columns = (replace(each, group=_SHORT) if each.group == first.group else each for each in tab.columns)
    return replace(tab, columns=tuple(columns))
