"""A new workbook is what its template says: tabs, columns, formats, rules, names, and nothing else."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter
from python_calamine import CalamineWorkbook

from cqs_sheets.core.signals.fields import API_FIELDS
from cqs_sheets.core.templates.template import (
    CellFormat,
    Column,
    ColumnKind,
    SettingsTab,
    TableTab,
    Template,
)
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.excel.draw.table import note
from cqs_sheets.destinations.excel.parts.workbook import sheet_name, table_name
from cqs_sheets.errors import DataRefused
from cqs_sheets.template_files import built_in, load_template
from tests.destinations.excel_create.soundness import assert_sound
from tests.make import SIGNALS_TAB, TEMPLATE

SIGNALS = load_template("signals")


def opened(template: Template, **options: Any) -> openpyxl.Workbook:
    book: openpyxl.Workbook = openpyxl.load_workbook(io.BytesIO(build_workbook(template, **options)))
    return book


@cache
def in_berlin() -> openpyxl.Workbook:
    """A new workbook of the template `signals`, to look at."""
    return opened(SIGNALS, zone_name="Europe/Berlin")


def sheet_of(*columns: Column, **options: Any) -> Any:
    key = Column(id="id", header="ID", kind=ColumnKind.FIELD, source="id")
    tab = TableTab(name="Signals", key="id", columns=(key, *columns), **options)
    return opened(Template(name="t", title="t", tabs=(tab,)))["Signals"]


def user_column(**options: Any) -> Column:
    return Column(id="mine", header="Mine", kind=ColumnKind.INPUT, **options)


@pytest.mark.parametrize("name", built_in())
def test_every_built_in_template_makes_a_workbook_that_excel_need_not_repair(name: str) -> None:
    template = load_template(name)
    assert_sound(build_workbook(template, tabs=[tab.name for tab in template.tabs]))


class TestTheRawTemplate:
    @property
    def book(self) -> openpyxl.Workbook:
        return opened(load_template("raw"))

    def test_has_one_tab_and_no_settings(self) -> None:
        assert self.book.sheetnames == ["Signals"]

    def test_names_its_columns_like_the_api_in_the_first_row(self) -> None:
        headers = [cell.value for cell in self.book["Signals"][1]]
        assert headers == [*API_FIELDS, "status", "first_seen", "last_seen"]

    def test_takes_data_from_the_second_row(self) -> None:
        (table,) = self.book["Signals"].tables.values()
        assert table.ref == "A1:S2"
        assert {cell.value for cell in self.book["Signals"][2]} == {None}

    def test_has_no_colours(self) -> None:
        assert {cell.fill.fill_type for row in self.book["Signals"]["A1:S2"] for cell in row} == {None}


class TestTheSignalsTemplate:
    @property
    def book(self) -> openpyxl.Workbook:
        return in_berlin()

    @property
    def sheet(self) -> Any:
        return self.book["Signals"]

    TAB = SIGNALS.tab("Signals")

    def test_has_its_tabs_but_those_made_when_needed(self) -> None:
        assert self.book.sheetnames == ["Signals", "Settings"]
        assert opened(SIGNALS, tabs=["Scalping"]).sheetnames == ["Scalping"]

    def test_stands_under_groups_and_headers(self) -> None:
        assert isinstance(self.TAB, TableTab)
        assert [cell.value for cell in self.sheet[2]] == [column.header for column in self.TAB.columns]
        groups = [cell.value for cell in self.sheet[1] if cell.value]
        assert groups == list(dict.fromkeys(column.group for column in self.TAB.columns))

    def test_is_a_table_with_a_filter_over_the_header_and_one_blank_row(self) -> None:
        (table,) = self.sheet.tables.values()
        assert isinstance(self.TAB, TableTab)
        area = f"A2:{get_column_letter(len(self.TAB.columns))}3"
        assert (table.ref, table.autoFilter.ref) == (area, area)
        assert table.tableStyleInfo is None
        assert {cell.value for cell in self.sheet[3]} == {None}
        assert self.sheet.max_row == 3

    def test_keeps_headers_and_first_columns_in_view(self) -> None:
        assert self.sheet.freeze_panes == "E3"

    def test_binds_every_column_to_its_header_by_a_hidden_name(self) -> None:
        assert isinstance(self.TAB, TableTab)
        for at, column in enumerate(self.TAB.columns, start=1):
            name = self.book.defined_names[f"cqs.Signals.{column.id}"]
            assert name.hidden
            assert name.attr_text == f"Signals!${get_column_letter(at)}$2"

    def test_was_written_by_no_sync_yet(self) -> None:
        assert self.book.defined_names["cqs.sequence"].attr_text == "0"
        assert self.book.defined_names["cqs.sequence"].hidden

    def test_is_computed_when_it_is_opened(self) -> None:
        assert self.book.calculation.fullCalcOnLoad

    def test_is_read_by_another_reader(self) -> None:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(build_workbook(SIGNALS)))
        assert workbook.get_sheet_by_name("Signals").to_python()[1][:4] == ["ID", "Time", "Pair", "Side"]


class TestAColumn:
    def test_has_its_format_alignment_and_width(self) -> None:
        column = user_column(format=CellFormat(pattern="0.0%", align="center"), width=20)
        sheet = sheet_of(column)
        assert sheet["B3"].number_format == "0.0%"
        assert sheet["B3"].alignment.horizontal == "center"
        assert sheet["B2"].alignment.horizontal == "center"
        assert round(sheet.column_dimensions["B"].width) == 21

    def test_gives_its_format_to_rows_that_are_not_there_yet(self) -> None:
        sheet = sheet_of(user_column(format=CellFormat(pattern="0.0%", align="center")))
        assert sheet.column_dimensions["B"].number_format == "0.0%"

    def test_can_be_hidden(self) -> None:
        sheet = sheet_of(user_column(hidden=True))
        assert sheet.column_dimensions["B"].hidden
        assert not sheet.column_dimensions["A"].hidden

    def test_of_the_users_stands_out(self) -> None:
        sheet = sheet_of(user_column())
        assert sheet["B3"].fill.fgColor.rgb != sheet["A3"].fill.fgColor.rgb
        assert sheet["B2"].fill.fgColor.rgb != sheet["A2"].fill.fgColor.rgb

    def test_has_its_note_on_the_header_at_a_size_that_fits(self) -> None:
        assert sheet_of(user_column(note="Short."))["B2"].comment.text == "Short."
        assert note("Long. " * 60).height > 3 * note("Short.").height

    def test_offers_its_choices(self) -> None:
        (validation,) = sheet_of(user_column(choices=("yes", "no"))).data_validations.dataValidation
        assert (validation.type, validation.formula1, str(validation.sqref)) == ("list", '"yes,no"', "B3")

    @pytest.mark.parametrize(
        ("low", "high", "operator", "bounds"),
        [
            (0, 1, "between", ["0", "1"]),
            (0.5, None, "greaterThanOrEqual", ["0.5"]),
            (None, 3, "lessThanOrEqual", ["3"]),
        ],
    )
    def test_takes_numbers_within_its_limits(
        self, low: float | None, high: float | None, operator: str, bounds: list[str]
    ) -> None:
        (validation,) = sheet_of(user_column(min=low, max=high)).data_validations.dataValidation
        assert validation.operator == operator
        assert [each for each in (validation.formula1, validation.formula2) if each] == bounds

    def test_of_formulas_is_left_blank_for_the_rows_to_come(self) -> None:
        sheet = sheet_of(Column(id="f", header="F", kind=ColumnKind.FORMULA, formula="={id}*2"))
        assert sheet["B3"].value is None

    def test_may_have_a_header_that_looks_like_a_formula(self) -> None:
        sheet = sheet_of(Column(id="f", header="=1+1", kind=ColumnKind.INPUT))
        assert sheet["B2"].data_type == "s"


class TestARule:
    @property
    def rules(self) -> dict[tuple[str, str], Any]:
        areas = in_berlin()["Signals"].conditional_formatting
        return {(str(area.sqref), rule.formula[0]): rule for area in areas for rule in area.rules}

    @property
    def every_column(self) -> str:
        return f"A3:{get_column_letter(in_berlin()['Signals'].max_column)}3"

    def test_speaks_of_the_first_row_and_moves_down_from_there(self) -> None:
        assert ("D3", '$D3="LONG"') in self.rules

    def test_covers_all_its_columns(self) -> None:
        assert ("I3 M3", 'AND($A3<>"",$M3="")') in self.rules
        assert (self.every_column, '$E3="closed"') in self.rules

    def test_changes_what_its_style_says(self) -> None:
        style = self.rules["D3", '$D3="LONG"'].dxf
        assert (style.font.color.rgb[-6:], style.fill.bgColor.rgb[-6:], style.font.b) == (
            "047857",
            "D1FAE5",
            True,
        )

    def test_that_comes_first_goes_first(self) -> None:
        assert self.rules[self.every_column, '$E3="closed"'].priority == 1
        assert all(rule.stopIfTrue for rule in self.rules.values())


class TestSettings:
    @property
    def book(self) -> openpyxl.Workbook:
        return in_berlin()

    @property
    def sheet(self) -> Any:
        return self.book["Settings"]

    def cell(self, name: str) -> Any:
        return self.sheet[self.book.defined_names[name].attr_text.split("!")[1].replace("$", "")]

    def test_stand_in_cells_of_their_name(self) -> None:
        assert self.cell("Equity").value == 10000
        assert self.cell("Risk_pct").number_format == "0.00%"
        assert not self.book.defined_names["Equity"].hidden

    def test_are_known_to_be_ours_by_a_hidden_name(self) -> None:
        ours, plain = (self.book.defined_names[name] for name in ("cqs.Settings.Equity", "Equity"))
        assert ours.hidden
        assert ours.attr_text == plain.attr_text

    def test_can_be_formulas(self) -> None:
        assert self.cell("Split_3").value == "=MAX(0,1-Split_1-Split_2)"

    def test_say_the_time_zone_and_wait_for_the_first_sync(self) -> None:
        assert self.cell("Time_zone").value == "Europe/Berlin"
        assert self.cell("Last_sync").value is None

    def test_stand_out_where_the_user_types(self) -> None:
        yellow = self.cell("Equity").fill.fgColor.rgb
        assert self.cell("Risk_pct").fill.fgColor.rgb == yellow
        assert {self.cell(name).fill.fill_type for name in ("Split_3", "Last_sync")} == {None}

    def test_take_numbers_within_their_limits(self) -> None:
        limits = {str(each.sqref): each for each in self.sheet.data_validations.dataValidation}
        limit = limits[self.cell("Risk_pct").coordinate]
        assert (limit.formula1, limit.formula2) == ("0", "0.1")


class TestNames:
    def test_that_are_taken_are_not_given_again(self) -> None:
        book = opened(SIGNALS, taken=["signals", "EQUITY"], titles={"Settings": "Settings (CQS)"})
        assert [table.name for table in book["Signals"].tables.values()] == ["Signals_2"]
        assert "Equity" not in book.defined_names
        assert book.sheetnames == ["Signals", "Settings (CQS)"]
        assert book.defined_names["cqs.Settings.Equity"].attr_text.startswith("'Settings (CQS)'!")

    def test_of_tables_and_settings_do_not_meet(self) -> None:
        settings = TEMPLATE.settings_tab
        assert isinstance(settings, SettingsTab)
        tab = replace(SIGNALS_TAB, name="Equity")
        workbook = build_workbook(replace(TEMPLATE, tabs=(tab, settings)))
        assert_sound(workbook)

    @given(names=st.lists(st.text(min_size=1, max_size=40), max_size=6))
    def test_of_sheets_and_tables_are_valid_and_unique_whatever_is_wanted(self, names: list[str]) -> None:
        sheets: list[str] = []
        tables: list[str] = []
        for name in names:
            sheets.append(sheet_name(name, sheets))
            tables.append(table_name(name, tables))
        assert len({name.lower() for name in sheets}) == len({name.lower() for name in tables}) == len(names)
        for name in sheets:
            assert 1 <= len(name) <= 31
            assert not set(name) & set(":\\/?*[]")
            assert name.strip("'") == name
        assert all(name[0].isalpha() or name[0] == "_" for name in tables)


def test_a_template_without_tabs_to_draw_is_refused() -> None:
    later = replace(SIGNALS_TAB, when_needed=True)
    template = Template(name="t", title="t", tabs=(later,))
    with pytest.raises(DataRefused, match="no tab to make a workbook of"):
        build_workbook(template)


def test_choices_that_excel_cannot_hold_are_refused() -> None:
    with pytest.raises(DataRefused, match="do not fit"):
        sheet_of(user_column(choices=("a,b",)))
