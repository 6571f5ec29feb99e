"""A template that has gained columns, settings and tabs meets a spreadsheet made from its older self."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.templates.template import (
    BlocksTab,
    Column,
    ColumnKind,
    ReportTab,
    Rule,
    Setting,
    SettingsSection,
    SettingsTab,
    Template,
    TextStyle,
)
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.template_files import load_template
from tests.destinations.google.syncing import plan_for, row, sync
from tests.destinations.google.user import GoogleUser, shown
from tests.emulators.sheets.model import Sheet
from tests.make import SETTINGS_TAB, SIGNALS_TAB, TEMPLATE, column

EXCHANGE = column("exchange", note="Where it trades", width=20)
TRIPLE = column("triple", "", CellType.NUMBER, kind=ColumnKind.FORMULA, formula="={stop}*3+Equity")
VERDICT = column("verdict", "", kind=ColumnKind.INPUT, choices=("good", "bad"))
OLD_ROWS = [row("1"), row("2")]


def wider(*columns: Column) -> Template:
    return replace(
        TEMPLATE, tabs=(replace(SIGNALS_TAB, columns=(*SIGNALS_TAB.columns, *columns)), SETTINGS_TAB)
    )


NEW_COLUMNS = (EXCHANGE, TRIPLE, VERDICT)
NEW = wider(*NEW_COLUMNS)


def new_rows(*keys: str, template: Template = NEW) -> list[WantedRow]:
    return [row(key, template=template) for key in keys]


def lines(user: GoogleUser, title: str = "Signals") -> list[list[Any]]:
    entered = user.sheets.tab(user.book, title).entered
    return [line for line in entered if any(cell is not None for cell in line)]


def sheet(user: GoogleUser) -> Sheet:
    found = user.sheets.book(user.book).tab("Signals")
    assert found
    return found


@pytest.fixture
def living(user: GoogleUser) -> GoogleUser:
    sync(user, *OLD_ROWS)
    return user


def test_new_columns_come_at_the_right_of_ours_filled_for_known_rows_in_one_batch(living: GoogleUser) -> None:
    living.type_memo("2", "mine")
    with living.editing() as hand:
        hand.do({"appendDimension": {"sheetId": _sheet_id(living), "dimension": "COLUMNS", "length": 1}})
        hand.type("Signals!J2", ["My own"], ["=A3"])
    living.sheets.forget()
    sync(living, *new_rows("1", "2", "3"), template=NEW)
    assert (living.sheets.reads, living.sheets.writes) == (2, 1)
    header, *rows = lines(living)
    assert header[8:] == ["Memo", "Exchange", "Triple", "Verdict", "My own"]
    assert [line[9:11] for line in rows] == [["binance", f"=D{number}*3+Equity"] for number in (3, 4, 5)]
    assert [line[8] for line in rows[:2]] == [None, "mine"]
    assert rows[0][12] == "=A3"
    assert plan_for(living.destination, new_rows("1", "2", "3"), NEW).empty


def test_they_look_as_those_of_a_new_sheet(living: GoogleUser) -> None:
    sync(living, *new_rows("1"), template=NEW)
    cells = living.sheets.tab(living.book, "Signals").cells
    header, value, choice = cells["J2"], cells["J3"], cells["L3"]
    assert header.note == "Where it trades"
    assert header.format == cells["C2"].format
    assert value.format == cells["C3"].format
    assert choice.validation
    tab = living.sheets.book(living.book).tab("Signals")
    assert tab
    assert tab.columns[9]["pixelSize"] == 145


def test_they_are_headed_by_the_name_of_their_group(living: GoogleUser) -> None:
    named = [
        replace(each, group=group) for each, group in zip(NEW_COLUMNS, ("", "More", "More"), strict=True)
    ]
    sync(living, *new_rows("1"), template=wider(*named))
    cells = living.sheets.tab(living.book, "Signals").cells
    assert [shown(cells.get(f"{letter}1")) for letter in "JKL"] == [None, "More", None]
    assert cells["L1"].format == cells["I1"].format
    assert "left" in cells["K2"].format["borders"]  # type: ignore[index]


def test_the_templates_rules_lie_on_them_before_those_that_are_there(user: GoogleUser) -> None:
    red, bold = TextStyle(fill="#FF0000"), TextStyle(bold=True)
    old = Rule(on=("coin",), when="={stop}>0", style=red)
    both = Rule(on=("coin", "exchange"), when='={exchange}="x"', style=bold)
    of_a_lost_column = Rule(on=("triple",), when="={lev}>0", style=bold)
    before = replace(TEMPLATE, tabs=(replace(SIGNALS_TAB, rules=(old,)), SETTINGS_TAB))
    sync(user, row("1", template=before), template=before)
    with user.editing() as hand:
        hand.delete_columns("Signals", "E")
    tab = replace(SIGNALS_TAB, columns=(*SIGNALS_TAB.columns, *NEW_COLUMNS))
    ruled = replace(tab, rules=(old, both, of_a_lost_column))
    sync(user, *new_rows("1"), template=replace(TEMPLATE, tabs=(ruled, SETTINGS_TAB)))
    rules = [
        (
            [
                (span["startColumnIndex"], span["endColumnIndex"], span["endRowIndex"])
                for span in rule["ranges"]
            ],
            rule["booleanRule"]["condition"]["values"][0]["userEnteredValue"],
        )
        for rule in sheet(user).objects["conditionalFormats"]
    ]
    assert rules == [
        ([(8, 9, 4)], '=AND(ROW()>ROW($A$2),$I2="x")'),
        ([(2, 3, 4)], "=AND(ROW()>ROW($A$2),$D2>0)"),
    ]


def test_those_that_the_sync_fills_are_protected_by_a_warning(living: GoogleUser) -> None:
    sync(living, *new_rows("1"), template=NEW)
    protected = [each["range"] for each in sheet(living).objects["protectedRanges"]]
    covered = {at for each in protected for at in range(each["startColumnIndex"], each["endColumnIndex"])}
    assert covered == {0, 1, 2, 3, 4, 5, 6, 7, 9, 10}


@pytest.mark.parametrize("hides", [True, False])
def test_the_filter_reaches_as_far_as_they_do(living: GoogleUser, hides: bool) -> None:
    given = {"range": (sheet(living).basic_filter or {})["range"]}
    specs = [{"columnIndex": 2, "filterCriteria": {"hiddenValues": ["ETH"]}}]
    with living.editing() as hand:
        hand.do({"setBasicFilter": {"filter": given | ({"filterSpecs": specs} if hides else {})}})
    sync(living, *new_rows("1", "3"), template=NEW)
    found = sheet(living).basic_filter
    assert found
    assert found["range"]["endColumnIndex"] == 12
    assert bool(found.get("filterSpecs")) is hides


def test_a_filter_that_the_user_set_elsewhere_stays_there(living: GoogleUser) -> None:
    span = {"sheetId": _sheet_id(living), "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 4}
    with living.editing() as hand:
        hand.do({"setBasicFilter": {"filter": {"range": span}}})
    sync(living, *new_rows("1"), template=NEW)
    assert sheet(living).basic_filter["range"]["endColumnIndex"] == 4  # type: ignore[index]


def test_the_users_own_table_has_new_formulas_in_all_its_rows(user: GoogleUser) -> None:
    mine = replace(SIGNALS_TAB, name="Journal", fed=False, spare_rows=4)
    before = replace(TEMPLATE, tabs=(*TEMPLATE.tabs, mine))
    sync(user, row("1", template=before), template=before)
    with user.editing() as hand:
        hand.type("Journal!A3", ["7"])
    more = replace(mine, columns=(*mine.columns, TRIPLE))
    after = replace(TEMPLATE, tabs=(*TEMPLATE.tabs, more))
    sync(user, row("1", template=after), template=after)
    cells = user.sheets.tab(user.book, "Journal").cells
    assert [shown(cells.get(f"J{number}")) for number in range(2, 7)] == [
        "Triple", *(f"=D{number}*3+Equity" for number in range(3, 7))
    ]  # fmt: skip


def test_a_formula_whose_column_is_gone_is_left_out_and_told(living: GoogleUser) -> None:
    with living.editing() as hand:
        hand.delete_columns("Signals", "D")
    applied = sync(living, *new_rows("1", "2", "3"), template=NEW)
    assert applied
    assert [warning.split(",")[0] for warning in applied.warnings] == [
        "Signals: Triple was left empty in new rows",
        "Signals: Double was left empty in new rows",
    ]
    assert "'stop'" in applied.warnings[0]
    assert lines(living)[3][6] is None


def test_a_row_that_comes_later_has_them_too(living: GoogleUser) -> None:
    sync(living, *new_rows("1"), template=NEW)
    sync(living, *new_rows("3"), template=NEW)
    assert lines(living)[3][9:11] == ["binance", "=D5*3+Equity"]


def test_a_column_that_the_user_deleted_stays_away(living: GoogleUser) -> None:
    with living.editing() as hand:
        hand.delete_columns("Signals", "E")
    sync(living, *new_rows("1", "2"), template=NEW)
    assert "Lev" not in lines(living)[0]
    with living.editing() as hand:
        hand.delete_columns("Signals", "I")
    sync(living, *new_rows("1", "3"), template=NEW)
    assert lines(living)[0][7:] == ["Memo", "Triple", "Verdict"]


def test_a_table_of_the_users_own_gets_no_columns(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!A1", ["ID", "Coin"])
    sync(user, *OLD_ROWS)
    sync(user, *new_rows("1", "3"), template=NEW)
    assert lines(user)[0] == ["ID", "Coin"]


def test_new_settings_come_below_the_others(living: GoogleUser) -> None:
    more = SettingsSection(
        title="MORE",
        settings=(
            Setting(name="Risk", label="Risk", value=2),
            Setting(name="Time_zone", label="Zone", synced=True),
        ),
    )
    settings = SettingsTab(name="Settings", sections=(*SETTINGS_TAB.sections, more))
    template = replace(TEMPLATE, tabs=(SIGNALS_TAB, settings))
    sync(living, *new_rows("1", "3", template=template), template=template)
    assert living.setting("Risk") == Decimal(2)
    assert living.setting("Equity") == Decimal(10000)
    assert ["Risk", 2] in [line[:2] for line in lines(living, "Settings")]
    assert living.setting("Time_zone") == "UTC"


def test_a_new_tab_is_made_and_a_deleted_one_is_not(living: GoogleUser) -> None:
    second = replace(SIGNALS_TAB, name="More")
    template = replace(TEMPLATE, tabs=(*TEMPLATE.tabs, second))
    living.sheets.forget()
    sync(living, *new_rows("1", template=template), template=template)
    assert living.sheets.titles(living.book) == ["Sheet1", "Signals", "Settings", "More"]
    assert living.sheets.writes == 1
    with living.editing() as hand:
        hand.delete_tab("Settings")
    sync(living, *new_rows("4", template=template), template=template)
    assert "Settings" not in living.sheets.titles(living.book)


def test_pages_that_a_template_has_gained_are_made(user: GoogleUser) -> None:
    full = load_template("dashboard")
    plain = replace(full, tabs=tuple(tab for tab in full.tabs if not isinstance(tab, BlocksTab | ReportTab)))
    sync(user, row("1", template=plain), template=plain)
    before = user.sheets.titles(user.book)
    sync(user, row("1", template=full), template=full)
    pages = [tab.name for tab in full.tabs if isinstance(tab, BlocksTab | ReportTab)]
    assert pages
    assert user.sheets.titles(user.book) == [*before, *pages]


def test_a_new_page_gets_blocks_of_its_own_where_there_are_older_ones(user: GoogleUser) -> None:
    full = load_template("dashboard")
    plain = replace(full, tabs=tuple(tab for tab in full.tabs if not isinstance(tab, ReportTab)))
    sync(user, row("1", template=plain), template=plain)
    before = user.sheets.titles(user.book)
    sync(user, row("1", template=full), template=full)
    reports = [tab.name for tab in full.tabs if isinstance(tab, ReportTab)]
    blocks = [tab.name for tab in full.tabs if isinstance(tab, BlocksTab)]
    assert blocks
    made = set(user.sheets.titles(user.book)) - set(before)
    assert made == {*reports, *(f"{name} (CQS)" for name in blocks)}


def test_every_volume_is_widened(user: GoogleUser) -> None:
    user.destination = GoogleDestination(user.book, http=user.http, most_cells=5 * len(SIGNALS_TAB.columns))
    rows = [row(str(number)) for number in range(1, 6)]
    sync(user, *rows)
    sync(user, *new_rows("1", "5"), template=NEW)
    for title in ("Signals", "Signals 2"):
        header, *found = lines(user, title)
        assert header[9:] == ["Exchange", "Triple", "Verdict"]
        assert {type(line[10]) for line in found if len(line) > 10} == {str}


def test_a_sheet_older_than_the_record_is_left_as_it_is(living: GoogleUser) -> None:
    book = living.sheets.book(living.book)
    book.metadata = [entry for entry in book.metadata if entry.key != "cqs.made"]
    sync(living, *new_rows("1", "3"), template=NEW)
    assert lines(living)[0][8:] == ["Memo"]


def test_a_column_moved_while_new_ones_are_made_is_found_again(living: GoogleUser) -> None:
    def move(_: object) -> None:
        with living.editing() as hand:
            hand.move_columns("Signals", "C", "A")

    living.sheets.before_request(move, lambda exchange: not exchange.is_read)
    sync(living, *new_rows("1", "2"), template=NEW)
    header, *rows = lines(living)
    assert header[0] == "Coin"
    assert [line[9] for line in rows] == ["binance", "binance"]


def _sheet_id(user: GoogleUser) -> int:
    return sheet(user).id
