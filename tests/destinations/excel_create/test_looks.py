"""What a new workbook looks like beyond its cells' formats: colours, separators, fonts, printed pages."""

from __future__ import annotations

import io
from dataclasses import replace

import openpyxl
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.templates.template import CellFormat, Column, ColumnKind, TableTab, Template, Theme
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.template_files import load_template
from tests.make import TEMPLATE, column

THEME = Theme(font="Arial", size=9, colors={"ink": "#101010", "slate": "#202020", "yours": "#303030"})
COLUMNS = (
    column("id", group="SIGNAL"),
    column("side", group="SIGNAL"),
    column("twice", kind=ColumnKind.FORMULA, formula="={id}*2", group="SIGNAL"),
    column("memo", kind=ColumnKind.INPUT, group="YOURS"),
    column("seq", group="FEED"),
)


def template(*columns: Column, theme: Theme = THEME) -> Template:
    tab = TableTab(name="Signals", key="id", columns=columns)
    return replace(TEMPLATE, tabs=(tab, *TEMPLATE.tabs[1:]), theme=theme)


def drawn(made: Template, name: str = "Signals") -> Worksheet:
    sheet = openpyxl.load_workbook(io.BytesIO(build_workbook(made)))[name]
    assert isinstance(sheet, Worksheet)
    return sheet


def test_a_header_s_colour_says_who_fills_the_column() -> None:
    sheet = drawn(template(*COLUMNS))
    colors = [sheet[f"{letter}{row}"].fill.fgColor.rgb[2:] for row in (1, 2) for letter in "ABCDE"]
    assert colors == ["101010", "101010", "202020", "303030", "101010"] * 2


def test_a_colour_that_the_theme_does_not_name_is_ours() -> None:
    assert drawn(template(*COLUMNS, theme=Theme()))["A2"].fill.fgColor.rgb[2:] == "0F172A"


def test_a_group_has_its_title_once_and_a_line_before_it() -> None:
    sheet = drawn(template(*COLUMNS))
    assert [cell.value for cell in sheet[1]] == ["SIGNAL", None, None, "YOURS", "FEED"]
    lines = [letter for letter in "ABCDE" if (side := sheet[f"{letter}2"].border.left) and side.style]
    assert lines == ["D", "E"]


def test_cells_that_have_no_format_yet_have_the_theme_s_font() -> None:
    blank = drawn(template(*COLUMNS))["Z99"]
    assert (blank.font.name, blank.font.size) == ("Arial", 9)


def test_numbers_too_long_for_their_cells_are_shown_smaller_and_texts_are_cut() -> None:
    number, text = CellFormat(pattern="0.00", align="right"), CellFormat(align="left")
    sheet = drawn(template(column("id", format=text), column("ask", type_=CellType.NUMBER, format=number)))
    assert [sheet[cell].alignment.shrink_to_fit for cell in ("A3", "B3", "B2")] == [None, True, None]
    assert sheet.column_dimensions["B"].alignment.shrink_to_fit


def test_figures_of_lists_on_a_page_are_shown_smaller_where_they_are_too_long() -> None:
    sheet = drawn(load_template("dashboard"), "Dashboard")
    assert sheet["I41"].alignment.shrink_to_fit
    assert not sheet["D41"].alignment.shrink_to_fit


def test_long_tabs_are_printed_as_wide_as_the_page_with_the_headers_on_each() -> None:
    sheet = drawn(template(*COLUMNS))
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
    assert sheet.print_title_rows == "$1:$2"


def test_the_settings_are_printed_on_one_page() -> None:
    assert drawn(template(*COLUMNS), "Settings").page_setup.fitToHeight == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["%", "% 2", "A", "a", " A ", "A\nb", "", "=1+1", "Straße", "@x"]), max_size=8)
)
def test_any_headers_make_a_table_that_excel_accepts(headers: list[str]) -> None:
    columns = [column("id"), *(column(f"c{at}", header=text) for at, text in enumerate(headers))]
    sheet = drawn(template(*columns))
    names = sheet.tables["Signals"].column_names
    assert names == [cell.value for cell in sheet[2]]
    assert all(cell.data_type == "s" and cell.value for cell in sheet[2])
    assert len({name.lower() for name in names}) == len(columns)
