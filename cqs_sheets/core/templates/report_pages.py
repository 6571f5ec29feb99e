"""Report and block tabs worked out to single cells, the same for every destination."""

from __future__ import annotations

from collections.abc import Iterator

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.templates import template as model
from cqs_sheets.core.templates.formulas import references as spoken_of
from cqs_sheets.core.templates.pages import (
    GENERAL,
    AreaReference,
    CellLook,
    ColumnReference,
    Line,
    Page,
    PageCell,
    PageChart,
    PageRange,
    PageRule,
    References,
)
from cqs_sheets.values import replace

_TITLES, _HEADERS, _FIRST = 1, 2, 3
_WIDTH = 12.0
_BLOCK_TITLE = CellLook(bold=True)
_HEADER = CellLook(text="muted", bold=True)


def block_column(tab: model.BlocksTab, name: str) -> Span:
    """The cells of a column, named as in `{Tab.block.column}`; KeyError if there is none."""
    for block, left in _placed(tab):
        for at, column in enumerate(block.columns, left):
            if f"{block.id}.{column.id}" == name:
                return Span(_FIRST, at, _FIRST + block.rows - 1, at)
    raise KeyError(f"{tab.name}.{name}")


def _blocks_page(tab: model.BlocksTab, references: References) -> Page:
    """The page of a tab of blocks."""
    cells: dict[tuple[int, int], PageCell] = {}
    for block, left in _placed(tab):
        cells[_TITLES, left] = PageCell(value=block.id, look=_BLOCK_TITLE)
        for at, column in enumerate(block.columns, left):
            cells[_HEADERS, at] = PageCell(value=column.id, look=_HEADER)
            for index in range(1, block.rows + 1):
                cells[_FIRST + index - 1, at] = _cell(block, column, left, index, references)
    columns = max((at for _, at in cells), default=1)
    return Page(
        name=tab.name,
        hidden=tab.hidden,
        rows=max((row for row, _ in cells), default=1),
        columns=columns,
        cells=cells,
        widths=dict.fromkeys(range(1, columns + 1), _WIDTH),
        heights={},
        missing=references.missing,
    )


def _placed(tab: model.BlocksTab) -> Iterator[tuple[model.Block, int]]:
    """The blocks, each with its first column."""
    left = 1
    for block in tab.blocks:
        yield block, left
        left += len(block.columns) + 1


def _cell(
    block: model.Block, column: model.BlockColumn, left: int, index: int, references: References
) -> PageCell:
    row = _FIRST + index - 1
    columns = {each.id: column_letters(at) for at, each in enumerate(block.columns, left)}

    def cell(name: str) -> str:
        if name == "i":
            return str(index)
        return f"{columns[name.removeprefix('^')]}{row - name.startswith('^')}"

    shown = PageCell(look=CellLook(align=column.format.align), format=column.format)
    if column.formula:
        return replace(shown, formula=references.formula(column.formula, cell=cell, index=index))
    return replace(shown, value=column.values[index - 1] if index <= len(column.values) else None)


_MARGIN, _GAP = 1.5, 9.0  # characters, points
_BAND_HEIGHTS = {1: 8.0, 2: 29.0, 3: 25.0}
_TITLE, _SUBTITLE = 2, 3  # rows of the band
_STAMP_WIDTH = 6  # columns of the grid
CARD_ROWS = 3  # label, figure, a line below
_CARD_COLUMNS = 3  # of a card that says its first cell only
_CARD_HEIGHTS = (21.0, 31.0, 22.0)  # label, figure, line below
_CANVAS = CellLook(fill="canvas")
_CARD = CellLook(fill="paper", align="left", indent=1)
_LABEL = replace(_CARD, text="muted", bold=True, bigger=-2)
_FIGURE = replace(_CARD, bold=True, bigger=8)
_SUB = replace(_CARD, text="muted", bigger=-2)
_EDGE = Line(color="accent", weight="thick")
_LIST_TITLE = CellLook(
    fill="paper", bold=True, bigger=-1, align="left", indent=1, bottom=Line(color="ink", weight="medium")
)
_LIST_HEADER = CellLook(text="muted", fill="paper", bigger=-2, bottom=Line(color="line"))
_LIST_CELL = CellLook(fill="paper", bigger=-1, bottom=Line(color="line"))


def card_span(at: Span) -> Span:
    """The cells of a card: those it says, or three by three from the one it says."""
    return Span(at.top, at.left, at.top + CARD_ROWS - 1, at.left + _CARD_COLUMNS - 1) if at.single else at


def _aligned(look: CellLook, align: str) -> CellLook:
    """Aligned to an edge and off it a little, or in the middle."""
    return replace(look, align=align, indent=int(align != "center"))


class _PageBuilder:
    """Collects a page's cells, merges and rules."""

    def __init__(self, tab: model.ReportTab, theme: model.Theme, references: References) -> None:
        self._tab, self._theme, self._references = tab, theme, references
        self._cells: dict[tuple[int, int], PageCell] = {}
        self._merges: list[Span] = []
        self._rules: list[PageRule] = []
        self._heights: dict[int, float] = dict(_BAND_HEIGHTS)
        self._right = tab.grid.columns + 1  # the last column of the grid
        self._margin = self._right + 1
        self._helper = self._right + 2  # hidden: what rules need of other tabs

    def page(self) -> Page:
        self._draw_band()
        for card in self._tab.cards:
            self._draw_card(card)
        for each in self._tab.lists:
            self._draw_list(each)
        charts = tuple(map(self._chart, self._tab.charts))
        used = {row for row, _ in self._cells} | {row for chart in charts for row in chart.span.rows}
        rows = max(used) + 1
        columns = max(self._margin, *(at for _, at in self._cells))
        everywhere = ((row, at) for row in range(1, rows + 1) for at in range(1, columns + 1))
        widths = dict.fromkeys(range(2, self._margin), self._tab.grid.width)
        heights = {row: self._tab.grid.height if row in used else _GAP for row in range(1, rows + 1)}
        return Page(
            name=self._tab.name,
            report=True,
            rows=rows,
            columns=columns,
            cells={at: self._cells.get(at, PageCell(look=_CANVAS)) for at in everywhere},
            merges=tuple(self._merges),
            widths={1: _MARGIN, **widths, self._margin: _MARGIN},
            heights=heights | self._heights,
            hidden_columns=(self._helper,) if columns == self._helper else (),
            rules=tuple(self._rules),
            charts=charts,
            missing=self._references.missing,
        )

    def _put(self, span: Span, look: CellLook, cell: PageCell) -> None:
        """A cell over a whole span: merged, the look on all of it, the left edge on its first column."""
        for row in span.rows:
            for at in span.columns:
                edge = look.left if at == span.left else None
                self._cells[row, at] = PageCell(look=replace(look, left=edge), format=cell.format)
        self._cells[span.top, span.left] = replace(cell, look=look)
        if not span.single:
            self._merges.append(span)

    def _put_text(self, span: Span, look: CellLook, text: str) -> None:
        self._put(span, look, PageCell(look=look, value=text))

    def _formula(
        self, text: str, format_: model.CellFormat = GENERAL, index: int = 0, item: str = ""
    ) -> PageCell:
        def cell(name: str) -> str:
            known = {"i": str(index), **({"item": item} if item else {})}
            return known[name]

        formula = self._references.formula(text, cell=cell, index=index) if text else ""
        return PageCell(look=_CANVAS, formula=formula, format=format_)

    def _draw_band(self) -> None:
        dark = CellLook(text="paper", fill="ink")
        for row in _BAND_HEIGHTS:
            for at in range(1, self._margin + 1):
                self._cells[row, at] = PageCell(look=dark)
        title = replace(dark, bold=True, bigger=8)
        faint = replace(dark, text=self._theme.faint_on("ink"), bigger=-1)
        stamp = self._tab.stamp
        right = self._right - _STAMP_WIDTH if stamp else self._right
        self._put_text(Span(_TITLE, 2, _TITLE, right), _aligned(title, "left"), self._tab.title)
        subtitle = self._formula(self._tab.subtitle)
        self._put(Span(_SUBTITLE, 2, _SUBTITLE, right), _aligned(faint, "left"), subtitle)
        if stamp:
            value = self._formula(stamp.value, stamp.format)
            place = Span(_TITLE, right + 1, _TITLE, self._right)
            self._put(place, _aligned(replace(title, bigger=1), "right"), value)
            below = Span(_SUBTITLE, right + 1, _SUBTITLE, self._right)
            self._put(below, _aligned(faint, "right"), self._formula(stamp.label))

    def _draw_card(self, card: model.Card) -> None:
        span = card_span(Span.parse(card.at))
        first = replace(span, bottom=span.top)
        figure = replace(span, top=span.top + 1, bottom=span.bottom - 1)
        last = replace(span, top=span.bottom)
        self._heights |= dict(zip((span.top, figure.top, span.bottom), _CARD_HEIGHTS, strict=True))
        self._put_text(first, replace(_LABEL, left=_EDGE), card.label)
        self._put(figure, replace(_FIGURE, left=_EDGE), self._formula(card.value, card.format))
        self._put(last, replace(_SUB, left=_EDGE), self._formula(card.sub))
        here = Span(figure.top, figure.left, figure.top, figure.left).absolute
        if card.signed:
            self._signed(figure, here)
        if card.warn:
            self._warned(figure, card.warn)

    def _signed(self, span: Span, cell: str) -> None:
        """Green above zero, red below; text (a blank result) is neither."""
        self._rule(span, f"=AND(ISNUMBER({cell}),{cell}>0)", self._tab.good)
        self._rule(span, f"=AND(ISNUMBER({cell}),{cell}<0)", self._tab.bad)

    def _warned(self, span: Span, when: str) -> None:
        """By way of a hidden cell: not every spreadsheet lets a rule look at other tabs."""
        worked_out = self._formula(f"=IF({when.removeprefix('=')},1,0)")
        self._cells[span.top, self._helper] = worked_out
        self._rule(span, f"=${column_letters(self._helper)}${span.top}=1", self._tab.warn)

    def _rule(self, span: Span, formula: str, style: model.TextStyle) -> None:
        self._rules.append(PageRule(span=span, formula=formula, style=style))

    def _draw_list(self, written: model.ShortList) -> None:
        at = Span.parse(written.at)
        right = at.left + sum(column.span for column in written.columns) - 1
        self._put_text(Span(at.top, at.left, at.top, right), _LIST_TITLE, written.title)
        left, items = at.left, ""
        count = len(written.items) or written.rows
        for column in written.columns:
            span = Span(at.top + 1, left, at.top + 1 + count, left + column.span - 1)
            items = column_letters(left) if column.item else items
            left = span.right + 1
            self._draw_list_column(written, column, span, items)

    def _draw_list_column(
        self, written: model.ShortList, column: model.ListColumn, span: Span, items: str
    ) -> None:
        align = column.format.align or "left"
        self._put_text(span.row(1), _aligned(_LIST_HEADER, align), column.header)
        look = _aligned(replace(_LIST_CELL, bold=column.bold), align)
        for index, row in enumerate(span.rows[1:], start=1):
            if column.item:
                cell = PageCell(look=look, value=written.items[index - 1], format=column.format)
            else:
                item = f"${items}{row}" if items else ""
                cell = self._formula(column.formula, column.format, index, item)
            self._put(span.row(index + 1), look, cell)
        body = replace(span, top=span.top + 1)
        first = f"${column_letters(body.left)}{body.top}"
        if column.signed:
            self._signed(body, first)
        if column.side:
            self._rule(body, f'={first}="LONG"', self._tab.good)
            self._rule(body, f'={first}="SHORT"', self._tab.bad)

    def _chart(self, chart: model.Chart) -> PageChart:
        shown = (chart.categories, *(each.values for each in chart.series))
        return PageChart(
            chart=chart, span=Span.parse(chart.at), cells={each: self._range(each) for each in shown}
        )

    def _range(self, reference: str) -> PageRange:
        ((tab, name),) = spoken_of(reference)
        span = self._references.block(tab, name)
        if span is None:
            raise LookupError(f"{tab}.{name}")
        return PageRange(tab=tab, span=span)


def compile_page(
    template: model.Template,
    tab: model.BlocksTab | model.ReportTab,
    *,
    area: AreaReference,
    column: ColumnReference,
) -> Page:
    """The page of one tab; LookupError if the tab speaks of a block or a row that the template lacks."""

    def block(name: str, column_name: str) -> Span | None:
        other = template.tab(name)
        return block_column(other, column_name) if isinstance(other, model.BlocksTab) else None

    references = References(area=area, column=column, block=block)
    if isinstance(tab, model.BlocksTab):
        return _blocks_page(tab, references)
    return _PageBuilder(tab, template.theme, references).page()
