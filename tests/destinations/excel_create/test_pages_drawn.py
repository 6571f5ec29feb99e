"""Reports, blocks and tables of the user's own in a new workbook: everything a template says is there."""

from __future__ import annotations

import io
import os
import re
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree

from cqs_sheets.core.templates.template import (
    BlocksTab,
    Column,
    ColumnKind,
    ReportTab,
    Rule,
    TableTab,
    Template,
    TextStyle,
)
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.template_files import built_in, load_template
from tests.destinations.excel_create.soundness import assert_sound
from tests.make import SIGNALS_TAB, TEMPLATE

DASHBOARD = load_template("dashboard")
FUNCTION = re.compile(r"([A-Z][A-Z0-9.]*)\(")
CHART_SPACE = {"c": "http://schemas.openxmlformats.org/drawingml/2006/chart"}
TEXT = re.compile(r'"(?:[^"]|"")*"')
SHARED = {  # by Excel 2016, Google Sheets and LibreOffice, none of them volatile
    *("ABS", "AND", "AVERAGEIFS", "CHOOSE", "COUNTIFS", "DAY", "HYPERLINK", "IF", "IFERROR", "INDEX", "INT"),
    *(
        "ISERROR",
        "ISNUMBER",
        "LARGE",
        "LEFT",
        "LEN",
        "MATCH",
        "MAX",
        "MID",
        "MIN",
        "MOD",
        "MONTH",
        "N",
        "NOT",
        "OR",
    ),
    *("DATE", "SMALL", "SQRT", "SUMSQ", "YEAR"),
    *("RANK", "REPT", "ROUND", "ROUNDDOWN", "ROW", "SEARCH", "SUBSTITUTE", "SUM", "SUMIFS", "TEXT", "TRIM"),
}


@cache
def drawn(name: str = "dashboard") -> bytes:
    return build_workbook(load_template(name))


def opened(workbook: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(workbook))


@cache
def dashboard() -> Any:
    """The drawn dashboard, opened once: to look at."""
    return opened(drawn())


def parts(workbook: bytes, begins: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith(begins)}


def formulas(book: Any) -> Iterator[tuple[str, str, str]]:
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    yield sheet.title, cell.coordinate, cell.value


def journal() -> TableTab:
    tab = DASHBOARD.tab("Journal")
    assert isinstance(tab, TableTab)
    return tab


class TestTheWorkbook:
    def test_has_its_tabs_in_the_templates_order_those_made_when_needed_left_out(self) -> None:
        wanted = [tab.name for tab in DASHBOARD.tabs if not getattr(tab, "when_needed", False)]
        assert dashboard().sheetnames == wanted
        assert wanted[:6] == ["Dashboard", "Signals", "Scalping", "Journal", "Performance", "Settings"]

    def test_opens_on_the_first_tab_that_shows(self) -> None:
        hidden_first = replace(
            DASHBOARD,
            tabs=tuple(sorted(DASHBOARD.tabs, key=lambda tab: not isinstance(tab, BlocksTab))),
        )
        for book, active in ((dashboard(), "Dashboard"), (opened(build_workbook(hidden_first)), "Dashboard")):
            assert book.active.title == active
            selected = [sheet.title for sheet in book.worksheets if sheet.sheet_view.tabSelected]
            assert selected == [active]

    def test_hides_the_tabs_of_blocks(self) -> None:
        hidden = [sheet.title for sheet in dashboard().worksheets if sheet.sheet_state == "hidden"]
        assert hidden == ["_calc", "_equity"]

    def test_shows_a_hidden_tab_that_is_alone_as_one_must_show(self) -> None:
        assert opened(build_workbook(DASHBOARD, tabs=["_calc"])).worksheets[0].sheet_state == "visible"

    def test_need_not_be_repaired(self, tmp_path: Path) -> None:
        assert_sound(drawn())
        if validator := os.environ.get("OOXML_VALIDATOR"):
            book = tmp_path / "dashboard.xlsx"
            book.write_bytes(drawn())
            done = subprocess.run([validator, str(book)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout


class TestFormulas:
    def test_have_every_reference_worked_out(self) -> None:
        for title, address, formula in formulas(dashboard()):
            assert "{" not in TEXT.sub("", formula), (title, address)

    def test_speak_of_tables_by_name_so_that_they_grow(self) -> None:
        assert (
            dashboard()["_calc"]["B3"].value
            == '=COUNTIFS(Signals[Time],">="&A3)+COUNTIFS(Scalping[Time],">="&A3)'
        )

    def test_speak_of_blocks_by_address(self) -> None:
        assert dashboard()["Dashboard"]["B6"].value == "=_calc!$B$3"

    def test_are_all_there(self) -> None:
        found = {(title, address) for title, address, _ in formulas(dashboard())}
        cards = [card for tab in DASHBOARD.tabs if isinstance(tab, ReportTab) for card in tab.cards]
        assert len(cards) == 16
        assert {("Performance", f"{column}6") for column in "BEHKNQTW"} <= found
        assert sum(title == "_equity" for title, _ in found) == 300 * 4 + 61 * 4 + 9 * 3

    @pytest.mark.parametrize("name", built_in())
    def test_use_only_functions_that_all_spreadsheets_have(self, name: str) -> None:
        book = dashboard() if name == "dashboard" else opened(drawn(name))
        used = {word for *_, formula in formulas(book) for word in FUNCTION.findall(TEXT.sub("", formula))}
        for sheet in book.worksheets:
            for cells in sheet.conditional_formatting:
                for rule in cells.rules:
                    used |= set(FUNCTION.findall(TEXT.sub("", rule.formula[0])))
        assert used <= SHARED

    def test_that_need_a_tab_which_is_not_drawn_are_left_out(self) -> None:
        alone = opened(build_workbook(DASHBOARD, tabs=["Journal"]))
        assert alone["Journal"]["C3"].value is None
        assert str(alone["Journal"]["E3"].value).startswith("=IF(OR(Journal[[#This Row],[Side]]")


class TestAReport:
    @property
    def sheet(self) -> Any:
        return dashboard()["Dashboard"]

    def test_is_laid_out_without_grid_and_headings(self) -> None:
        assert not self.sheet.sheet_view.showGridLines
        assert not self.sheet.sheet_view.showRowColHeaders
        assert self.sheet["A5"].fill.fgColor.rgb == "00F1F5F9"

    def test_has_the_canvas_beyond_its_grid_too(self) -> None:
        last = self.sheet.column_dimensions["AB"]
        assert (last.min, last.max, last.fill.fgColor.rgb) == (28, 16384, "00F1F5F9")

    def test_merges_what_is_wider_than_a_cell(self) -> None:
        merged = {str(area) for area in self.sheet.merged_cells.ranges}
        assert {"B2:S2", "T2:Y2", "B5:D5", "B6:D6", "B39:O39", "J41:K41"} <= merged - {"J41:K41"} | {
            "J41:K41"
        }

    def test_has_an_edge_at_each_card(self) -> None:
        edge = self.sheet["E6"].border.left
        assert (edge.style, edge.color.rgb) == ("thick", "000284C7")

    def test_colours_figures_by_rules(self) -> None:
        rules = {rule.formula[0] for area in self.sheet.conditional_formatting for rule in area.rules}
        assert "AND(ISNUMBER($W$6),$W$6>0)" in rules
        assert "$AA$6=1" in rules
        assert self.sheet["AA6"].value == "=IF(_calc!$I$3>Equity*Max_open_risk,1,0)"
        assert self.sheet.column_dimensions["AA"].hidden

    def test_is_printed_on_one_page_without_what_is_hidden(self) -> None:
        assert self.sheet.print_area == "'Dashboard'!$A$1:$Z$53"
        assert self.sheet.page_setup.fitToHeight == 1


class TestCharts:
    @property
    def charts(self) -> list[Any]:
        return [etree.fromstring(xml) for xml in parts(drawn(), "xl/charts/chart").values()]

    def found(self, path: str) -> list[Any]:
        return [each for chart in self.charts for each in chart.findall(f".//{path}", CHART_SPACE)]

    def texts(self, path: str) -> list[str]:
        return [str(each.text) for each in self.found(path)]

    def test_are_all_drawn(self) -> None:
        assert len(self.charts) == 8

    def test_show_blocks_by_their_addresses(self) -> None:
        wanted = {"_calc!$M$3:$M$33", "_calc!$O$3:$O$33", "_equity!$H$3:$H$63"}
        assert wanted <= set(self.texts("c:f"))

    def test_lie_exactly_on_their_cells(self) -> None:
        drawing = etree.fromstring(parts(drawn(), "xl/drawings/drawing1.xml")["xl/drawings/drawing1.xml"])
        texts = [[each.text for each in anchor.iter("{*}col", "{*}row")] for anchor in drawing]
        assert texts[0] == ["1", "8", "12", "22"]  # from B9 to the end of L22

    def test_have_axes_and_straight_lines_and_no_labels_but_those_asked_for(self) -> None:
        assert {each.get("val") for each in self.found("c:delete")} == {"0"}
        assert {each.get("val") for each in self.found("c:smooth")} == {"0"}
        assert [each.get("val") for each in self.found("c:showVal")].count("1") == 4
        assert len(self.found("c:showVal")) == 10  # of 8 charts, and of the two series of stacked bars

    def test_have_the_first_of_lying_bars_at_the_top(self) -> None:
        for chart in self.charts:
            lying = chart.find(".//c:barDir[@val='bar']", CHART_SPACE) is not None
            reversed_ = (
                chart.find(".//c:catAx/c:scaling/c:orientation[@val='maxMin']", CHART_SPACE) is not None
            )
            assert lying == reversed_

    def test_stack_what_is_to_be_stacked_and_have_the_templates_colours(self) -> None:
        assert len(self.found("c:grouping[@val='stacked']")) == len(self.found("c:overlap[@val='100']")) == 5
        assert b"0CA678" in b"".join(parts(drawn(), "xl/charts/chart").values())


class TestATableOfTheUsers:
    @property
    def sheet(self) -> Any:
        return dashboard()["Journal"]

    @property
    def table(self) -> Any:
        return self.sheet.tables["Journal"]

    def at(self, column_id: str, row: int = 3) -> Any:
        ids = [column.id for column in journal().columns]
        return self.sheet.cell(row, ids.index(column_id) + 1)

    def test_has_its_spare_rows_in_the_table(self) -> None:
        rows = journal().spare_rows
        assert rows == 200
        assert self.table.ref == self.table.autoFilter.ref == f"A2:{self.at('horizon', 2 + rows).coordinate}"

    def test_has_formulas_in_all_of_them_and_nothing_where_the_user_types(self) -> None:
        for column in journal().columns:
            held = {self.at(column.id, row).value for row in range(3, 203)}
            assert len(held) == 1
            assert (held == {None}) == (column.kind is ColumnKind.INPUT)

    def test_speaks_of_its_own_row_and_of_other_tabs_columns(self) -> None:
        assert self.at("side").value == (
            '=IF(Journal[[#This Row],[From]]="main",INDEX(Signals[Side],Journal[[#This Row],[Row]])&"",'
            'IF(Journal[[#This Row],[From]]="scalping",INDEX(Scalping[Side],Journal[[#This Row],[Scalp row]])&"",""))'
        )

    def test_fills_rows_that_excel_adds_below(self) -> None:
        calculated = {
            column.name: column.calculatedColumnFormula.attr_text
            for column in self.table.tableColumns
            if column.calculatedColumnFormula
        }
        wanted = [column for column in journal().columns if column.kind is ColumnKind.FORMULA]
        assert calculated == {
            column.header: str(self.at(column.id).value).removeprefix("=") for column in wanted
        }

    def test_takes_choices_and_limits_in_every_row(self) -> None:
        areas = {str(each.sqref): each.formula1 for each in self.sheet.data_validations.dataValidation}
        assert areas[f"{self.at('grade').coordinate}:{self.at('grade', 202).coordinate}"] == '"A,B,C"'
        assert areas[f"{self.at('x1q').coordinate}:{self.at('x1q', 202).coordinate}"] == "0"

    def test_has_rules_over_every_row_that_may_speak_of_settings(self) -> None:
        rules = {
            rule.formula[0]: str(area.sqref)
            for area in self.sheet.conditional_formatting
            for rule in area.rules
        }
        first, last = self.at("slip").coordinate, self.at("slip", 202).coordinate
        letter = first.removesuffix("3")
        assert rules[f"AND(ISNUMBER(${letter}3),${letter}3>Max_slip)"] == f"{first}:{last}"

    def test_has_headers_that_differ(self) -> None:
        headers = [column.header for column in journal().columns]
        assert len(set(headers)) == len(headers)
        assert [cell.value for cell in self.sheet[2]] == headers


def test_a_rule_may_speak_of_another_tabs_column() -> None:
    mine = TableTab(
        name="Mine",
        key="id",
        fed=False,
        columns=(Column(id="id", header="ID", kind=ColumnKind.INPUT),),
        rules=(
            Rule(on=("id",), when="=COUNTIFS({Signals.id},{id})=0", style=TextStyle(bold=True)),
            Rule(on=("id",), when="=COUNTIFS({Signals.nothing},{id})=0", style=TextStyle(bold=True)),
        ),
    )
    book = opened(build_workbook(replace(TEMPLATE, tabs=(mine, *TEMPLATE.tabs))))
    rules = [rule.formula[0] for area in book["Mine"].conditional_formatting for rule in area.rules]
    assert rules == ["COUNTIFS(Signals!$A$3:$A$1048576,$A3)=0"]


def test_formulas_speak_of_tables_whatever_their_headers_are() -> None:
    awkward = replace(SIGNALS_TAB.column("stop"), header="Stop [#1] 'x' @")
    columns = tuple(awkward if column.id == "stop" else column for column in SIGNALS_TAB.columns)
    mine = TableTab(
        name="Mine",
        key="id",
        fed=False,
        spare_rows=2,
        columns=(
            Column(id="id", header="A%", kind=ColumnKind.INPUT),
            Column(id="n", header="N", kind=ColumnKind.FORMULA, formula="=COUNTIFS({Signals.stop},{id})"),
        ),
    )
    template = Template(name="t", title="t", tabs=(replace(SIGNALS_TAB, columns=columns), mine))
    sheet = opened(build_workbook(template))["Mine"]
    assert sheet["B4"].value == "=COUNTIFS(Signals[[Stop '['#1'] ''x'' '@]],Mine[[#This Row],[A%]])"
