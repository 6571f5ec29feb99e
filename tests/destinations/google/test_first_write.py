"""The tabs that the first write makes from a template."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.core.templates.template import CellFormat, SettingsTab
from cqs_sheets.destinations.google.compile.styles import number_format, rule_formula
from cqs_sheets.destinations.google.compile.table import new_place
from cqs_sheets.destinations.google.read.layout import column_letters
from cqs_sheets.template_files import load_template
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.user import GoogleUser
from tests.make import SIGNALS_TAB

SIGNALS = load_template("signals")
RAW = load_template("raw")


def tab_of(user: GoogleUser, title: str) -> Any:
    tab = user.sheets.book(user.book).tab(title)
    assert tab
    return tab


@pytest.fixture
def full(user: GoogleUser) -> GoogleUser:
    sync(user, row("1", template=SIGNALS), row("2", template=SIGNALS), template=SIGNALS)
    return user


def test_the_tabs_of_the_template_come_after_the_users_own(full: GoogleUser) -> None:
    assert full.sheets.titles(full.book) == ["Sheet1", "Signals", "Settings"]


def test_an_optional_tab_is_made_when_its_first_row_comes(full: GoogleUser) -> None:
    sync(full, row("7", template=SIGNALS, table=FeedTable.SCALPING), template=SIGNALS)
    assert "Scalping" in full.sheets.titles(full.book)


def test_headers_stand_frozen_above_the_rows(full: GoogleUser) -> None:
    entered = full.sheets.tab(full.book, "Signals").entered
    assert entered[1][:3] == ["ID", "Time", "Pair"]
    assert [line[0] for line in entered[2:4]] == [1, 2]
    assert tab_of(full, "Signals").properties["gridProperties"]["frozenRowCount"] == 2


def test_a_plain_tab_has_its_header_in_row_one(user: GoogleUser) -> None:
    sync(user, row("1", template=RAW), template=RAW)
    entered = user.sheets.tab(user.book, "Signals").entered
    assert entered[0][:2] == ["id", "timestamp"]
    assert entered[1][0] == 1
    assert user.sheets.titles(user.book) == ["Sheet1", "Signals"]


def test_every_row_has_the_columns_formats_and_validations(full: GoogleUser) -> None:
    columns = {column.id: at for at, column in enumerate(SIGNALS.fed_tabs[0].columns)}
    cells = full.sheets.tab(full.book, "Signals").cells
    for number in (3, 4):
        price = cells[f"{column_letters(columns['ask'])}{number}"]
        assert price.format
        assert price.format["numberFormat"]["pattern"].startswith("0.00")
        take = cells[f"{column_letters(columns['take'])}{number}"]
        assert take.validation
        assert take.validation["condition"]["type"] == "ONE_OF_LIST"


def test_formulas_refer_to_their_own_row(full: GoogleUser) -> None:
    columns = {column.id: at for at, column in enumerate(SIGNALS.fed_tabs[0].columns)}
    cells = full.sheets.tab(full.book, "Signals").cells
    size, value = (column_letters(columns[name]) for name in ("size", "value"))
    entry = column_letters(columns["entry"])
    for number in (3, 4):
        assert (
            cells[f"{value}{number}"].formula == f'=IF({size}{number}="","",{size}{number}*{entry}{number})'
        )


def test_rules_filter_and_protection_reach_from_the_header_to_the_spare_row(full: GoogleUser) -> None:
    tab = tab_of(full, "Signals")
    last = tab.grid.row_count
    ranges = [one for rule in tab.objects["conditionalFormats"] for one in rule["ranges"]]
    ranges += [one["range"] for one in tab.objects["protectedRanges"]]
    ranges.append(tab.basic_filter["range"])
    assert {(each["startRowIndex"], each["endRowIndex"]) for each in ranges} == {(1, last)}
    assert all(one["warningOnly"] for one in tab.objects["protectedRanges"])


def test_the_users_columns_are_not_protected(full: GoogleUser) -> None:
    columns = {column.id: at for at, column in enumerate(SIGNALS.fed_tabs[0].columns)}
    protected = [each["range"] for each in tab_of(full, "Signals").objects["protectedRanges"]]
    covered = {at for each in protected for at in range(each["startColumnIndex"], each["endColumnIndex"])}
    assert {columns["take"], columns["memo"]}.isdisjoint(covered)
    assert columns["id"] in covered


def test_settings_are_named_cells(full: GoogleUser) -> None:
    assert full.setting("Equity") == Decimal(10000)
    assert full.setting("Time_zone") == "UTC"
    settings = SIGNALS.settings_tab
    assert isinstance(settings, SettingsTab)
    named = {each["name"] for each in full.sheets.book(full.book).named_ranges}
    assert named == {setting.name for setting in settings.settings}


def test_names_that_the_user_has_already_are_left_to_them(user: GoogleUser) -> None:
    with user.editing() as hand:
        mine = {"name": "equity", "range": {"sheetId": 0, "endRowIndex": 1, "endColumnIndex": 1}}
        hand.do({"addNamedRange": {"namedRange": mine}})
    sync(user, row("1"))
    names = [each["name"] for each in user.sheets.book(user.book).named_ranges]
    assert names == ["equity"]


def test_a_title_that_is_taken_by_an_empty_tab_is_no_hindrance(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
    sync(user, row("1"))
    assert user.sheets.titles(user.book) == ["Signals", "Signals (CQS)", "Settings"]


def test_a_rule_holds_below_the_header_only_and_reaches_settings_by_name() -> None:
    rule = '=AND(ISNUMBER({stop}),{stop}>Equity,{coin}<>"Equity")'
    assert rule_formula(rule, _place(), ["Equity"]) == (
        '=AND(ROW()>ROW($A$2);AND(ISNUMBER($D2);$D2>INDIRECT("Equity");$C2<>"Equity"))'
    )


def test_a_pattern_says_of_which_kind_it_is() -> None:
    assert number_format(CellFormat(pattern="0.0%")) == {
        "numberFormat": {"type": "PERCENT", "pattern": "0.0%"}
    }
    assert number_format(CellFormat()) == {}


def _place() -> Any:
    return new_place(SIGNALS_TAB, 1, "Signals")
