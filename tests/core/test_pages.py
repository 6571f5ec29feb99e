"""Blocks and reports are worked out cell by cell, their references left to who draws them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.templates.pages import Page, PageCell
from cqs_sheets.core.templates.report_pages import compile_page
from cqs_sheets.core.templates.template import (
    Block,
    BlockColumn,
    BlocksTab,
    Card,
    CellFormat,
    Chart,
    Grid,
    ListColumn,
    ReportTab,
    Series,
    ShortList,
    Tab,
    TextStyle,
    TitleNote,
)
from tests.make import TEMPLATE

DAYS = Block(
    id="day",
    rows=3,
    columns=(
        BlockColumn(id="d", formula="={i}*10"),
        BlockColumn(id="sum", formula="=N({^sum})+{d}", format=CellFormat(pattern="0.0", align="right")),
        BlockColumn(id="name", values=("a", "=b", 3)),
    ),
)
CALC = BlocksTab(
    name="_calc",
    hidden=True,
    blocks=(DAYS, Block(id="n", rows=2, columns=(BlockColumn(id="x", formula="=COUNT({Signals.stop})"),))),
)
GOOD, BAD, WARN = TextStyle(text="#00FF00"), TextStyle(text="#FF0000"), TextStyle(text="#FFAA00")
PAGE = ReportTab(name="Page", title="PAGE", grid=Grid(columns=8), good=GOOD, bad=BAD, warn=WARN)


def area(tab: str, span: Span) -> str:
    return f"<{tab}!{span}>"


def column(tab: str, name: str) -> str:
    if name == "gone":
        raise KeyError(name)
    return f"{tab}[{name}]"


def compiled(tab: BlocksTab | ReportTab, *others: Tab) -> Page:
    template = replace(TEMPLATE, tabs=(*TEMPLATE.tabs, CALC, *others))
    return compile_page(template, tab, area=area, column=column)


def formulas(page: Page) -> dict[str, str]:
    return {
        f"{column_letters(at)}{row}": cell.formula for (row, at), cell in page.cells.items() if cell.formula
    }


def held(page: Page, address: str) -> PageCell:
    span = Span.parse(address)
    return page.cells[span.top, span.left]


@given(st.integers(1, 1_048_576), st.integers(1, 16_384), st.integers(0, 99), st.integers(0, 99))
def test_a_span_is_read_as_it_is_written(top: int, left: int, down: int, right: int) -> None:
    span = Span(top, left, top + down, left + right)
    assert Span.parse(str(span)) == span
    assert span.absolute.replace("$", "") == str(span)


@pytest.mark.parametrize("text", ["", "B", "5", "b5", "B0", "$B$5", "B5:", "B5:C", "A1:B2:C3"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no cell"):
        Span.parse(text)


class TestBlocks:
    PAGE = compiled(CALC)

    def test_stand_side_by_side_a_column_apart(self) -> None:
        assert [held(self.PAGE, at).value for at in ("A1", "E1")] == ["day", "n"]
        assert [held(self.PAGE, at).value for at in ("A2", "B2", "C2", "E2")] == ["d", "sum", "name", "x"]
        assert (1, 4) not in self.PAGE.cells

    def test_are_filled_down_with_the_rows_number_its_cells_and_the_cell_above(self) -> None:
        found = formulas(self.PAGE)
        assert [found[f"A{row}"] for row in (3, 4, 5)] == ["=1*10", "=2*10", "=3*10"]
        assert [found[f"B{row}"] for row in (3, 4, 5)] == ["=N(B2)+A3", "=N(B3)+A4", "=N(B4)+A5"]

    def test_hold_fixed_values_as_they_are(self) -> None:
        assert [held(self.PAGE, f"C{row}").value for row in (3, 4, 5)] == ["a", "=b", 3]
        assert not held(self.PAGE, "C4").formula

    def test_speak_of_a_tables_column_as_the_caller_spells_it(self) -> None:
        assert formulas(self.PAGE)["E3"] == "=COUNT(Signals[stop])"

    def test_have_the_formats_of_their_columns(self) -> None:
        assert (held(self.PAGE, "B4").format.pattern, held(self.PAGE, "B4").look.align) == ("0.0", "right")

    def test_are_hidden_as_their_tab_says(self) -> None:
        assert self.PAGE.hidden
        assert not self.PAGE.report
        assert (self.PAGE.rows, self.PAGE.columns) == (5, 5)


class TestWhatIsMissing:
    def test_leaves_the_cells_empty_that_need_it_and_is_named_once(self) -> None:
        cards = tuple(Card(at=at, label="L", value="=SUM({Signals.gone})") for at in ("B5:D7", "E5:G7"))
        page = compiled(replace(PAGE, cards=cards, subtitle="=COUNT({Signals.stop})"))
        assert page.missing == ("Signals.gone",)
        assert formulas(page) == {"B3": "=COUNT(Signals[stop])"}

    @pytest.mark.parametrize("reference", ["{_calc.day.nothing}", "{_calc.n.x@}", "{Nowhere.x}", "{item}"])
    def test_of_the_template_itself_is_an_error(self, reference: str) -> None:
        lines = ShortList(
            at="B9", title="T", rows=3, columns=(ListColumn(span=1, header="H", formula=f"={reference}"),)
        )
        with pytest.raises(LookupError):
            compiled(replace(PAGE, lists=(lines,)))


class TestAReport:
    CARD = Card(
        at="B5:D7",
        label="SUM",
        value="=SUM({_calc.day.sum})",
        sub='="of "&Equity',
        warn="={_calc.n.x}>Equity",
        signed=True,
        format=CellFormat(pattern="0.00"),
    )
    CHART = Chart(
        at="B9:F14",
        kind="bar",
        title="Days",
        categories="{_calc.day.d}",
        series=(Series(name="Sum", values="{_calc.day.sum}", color="long", width=1.5),),
        stacked=True,
        every=2,
    )
    PAGE = compiled(
        replace(
            PAGE,
            subtitle='="feed "&Feed_status',
            stamp=TitleNote(value="=Last_sync", label='="Last sync"', format=CellFormat(pattern="yyyy")),
            cards=(CARD,),
            charts=(CHART,),
        )
    )

    def test_has_a_cell_for_every_place_of_its_grid(self) -> None:
        assert set(self.PAGE.cells) == {
            (row, at) for row in range(1, self.PAGE.rows + 1) for at in range(1, self.PAGE.columns + 1)
        }
        assert held(self.PAGE, "A5").look.fill == "canvas"
        assert self.PAGE.report

    def test_begins_with_a_dark_band_that_bears_title_subtitle_and_stamp(self) -> None:
        assert {
            held(self.PAGE, f"{column_letters(at)}{row}").look.fill
            for row in (1, 2, 3)
            for at in range(1, 11)
        } == {"ink"}
        assert held(self.PAGE, "B2").value == "PAGE"
        found = formulas(self.PAGE)
        assert (found["B3"], found["D2"], found["D3"]) == (
            '="feed "&Feed_status',
            "=Last_sync",
            '="Last sync"',
        )
        assert held(self.PAGE, "D2").format.pattern == "yyyy"

    def test_shows_a_card_as_label_figure_and_a_line_below_with_an_edge(self) -> None:
        assert held(self.PAGE, "B5").value == "SUM"
        assert formulas(self.PAGE)["B6"] == "=SUM(<_calc!B3:B5>)"
        assert formulas(self.PAGE)["B7"] == '="of "&Equity'
        assert held(self.PAGE, "B6").format.pattern == "0.00"
        for row in (5, 6, 7):
            assert Span(row, 2, row, 4) in self.PAGE.merges
            edges = [held(self.PAGE, f"{column}{row}").look.left for column in "BCD"]
            assert [bool(edge) for edge in edges] == [True, False, False]

    def test_colours_a_signed_figure_by_its_sign_and_no_text(self) -> None:
        rules = {rule.formula: rule.style for rule in self.PAGE.rules if rule.span == Span(6, 2, 6, 4)}
        assert rules["=AND(ISNUMBER($B$6),$B$6>0)"] == GOOD
        assert rules["=AND(ISNUMBER($B$6),$B$6<0)"] == BAD

    def test_warns_by_way_of_a_hidden_cell_as_rules_may_not_see_other_tabs(self) -> None:
        assert self.PAGE.hidden_columns == (11,)
        assert formulas(self.PAGE)["K6"] == "=IF(<_calc!E3:E4>>Equity,1,0)"
        assert {rule.formula: rule.style for rule in self.PAGE.rules}["=$K$6=1"] == WARN

    def test_hides_no_column_without_a_warning(self) -> None:
        page = compiled(replace(PAGE, cards=(replace(self.CARD, warn=""),)))
        assert (page.hidden_columns, page.columns) == ((), 10)

    def test_gives_charts_the_cells_they_lie_on_and_show(self) -> None:
        (placed,) = self.PAGE.charts
        assert (placed.span, placed.chart) == (Span(9, 2, 14, 6), self.CHART)
        categories = placed.cells[self.CHART.categories]
        assert (categories.tab, str(categories.span)) == ("_calc", "A3:A5")
        (series,) = self.CHART.series
        assert str(placed.cells[series.values].span) == "B3:B5"

    def test_takes_charts_over_blocks_only(self) -> None:
        chart = replace(self.CHART, categories="{Signals.stop}")
        with pytest.raises(LookupError, match=r"Signals\.stop"):
            compiled(replace(PAGE, charts=(chart,)))

    def test_makes_rows_narrow_that_nothing_stands_in(self) -> None:
        heights = self.PAGE.heights
        assert heights[4] == heights[8] < heights[9] == PAGE.grid.height
        assert set(heights) == set(range(1, self.PAGE.rows + 1))

    def test_is_as_wide_as_its_grid_and_two_margins(self) -> None:
        assert [self.PAGE.widths[at] for at in range(2, 10)] == [PAGE.grid.width] * 8
        assert self.PAGE.widths[1] == self.PAGE.widths[10] < PAGE.grid.width


class TestAList:
    ITEMS = ShortList(
        at="B9",
        title="BY NAME",
        items=("a", "b"),
        columns=(
            ListColumn(span=2, header="Name", item=True),
            ListColumn(span=1, header="n", formula="=COUNTIFS({Signals.coin},{item})", signed=True),
        ),
    )
    ROWS = ShortList(
        at="B9",
        title="LAST",
        rows=3,
        columns=(ListColumn(span=2, header="Day", formula="={_calc.day.d@}&{i}", side=True, bold=True),),
    )

    def test_shows_its_items_under_title_and_headers(self) -> None:
        page = compiled(replace(PAGE, lists=(self.ITEMS,)))
        assert [held(page, at).value for at in ("B9", "B10", "D10", "B11", "B12")] == [
            "BY NAME",
            "Name",
            "n",
            "a",
            "b",
        ]
        assert {Span(9, 2, 9, 4), Span(11, 2, 11, 3)} <= set(page.merges)

    def test_computes_with_the_item_of_the_row(self) -> None:
        found = formulas(compiled(replace(PAGE, lists=(self.ITEMS,))))
        assert (found["D11"], found["D12"]) == (
            "=COUNTIFS(Signals[coin],$B11)",
            "=COUNTIFS(Signals[coin],$B12)",
        )

    def test_takes_the_blocks_cell_of_its_row(self) -> None:
        found = formulas(compiled(replace(PAGE, lists=(self.ROWS,))))
        assert [found[f"B{row}"] for row in (11, 12, 13)] == [
            "=<_calc!A3>&1",
            "=<_calc!A4>&2",
            "=<_calc!A5>&3",
        ]

    def test_colours_signs_and_sides_row_by_row(self) -> None:
        signed = compiled(replace(PAGE, lists=(self.ITEMS,))).rules
        assert [(str(rule.span), rule.formula) for rule in signed] == [
            ("D11:D12", "=AND(ISNUMBER($D11),$D11>0)"),
            ("D11:D12", "=AND(ISNUMBER($D11),$D11<0)"),
        ]
        sides = {rule.formula: rule.style for rule in compiled(replace(PAGE, lists=(self.ROWS,))).rules}
        assert sides == {'=$B11="LONG"': GOOD, '=$B11="SHORT"': BAD}
