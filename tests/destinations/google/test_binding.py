"""Columns and rows are found wherever a person has put them, and tables made by hand are taken over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cqs_sheets.core.signals.signal import FeedTable, Status
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.errors import DataRefused
from tests.destinations.google.syncing import plan_for, row, sync
from tests.destinations.google.user import GoogleUser, shown
from tests.make import SIGNALS_TAB, TEMPLATE


def values(user: GoogleUser, title: str) -> list[list[Any]]:
    """The rows of a tab that hold anything."""
    return [
        line for line in user.sheets.tab(user.book, title).entered if any(cell is not None for cell in line)
    ]


def test_everything_a_person_may_do_to_a_tab_is_free(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    with user.editing() as hand:
        hand.type("Signals!C2", ["Münze"])
        hand.rename_tab("Signals", "Meine Signale")
        hand.move_columns("Meine Signale", "D", "A")
        hand.insert_columns("Meine Signale", "A")
        hand.insert_rows("Meine Signale", 1, 3)
        hand.hide_columns("Meine Signale", "C")
        hand.filter("Meine Signale", "E", ["BTC"], header_row=5)
    sync(user, row("1", coin="ETH"), row("2", status=Status.CLOSED), row("3", coin="SOL"))
    lines = {line[2]: line for line in values(user, "Meine Signale")[1:]}
    assert values(user, "Meine Signale")[0][:5] == [None, "Stop", "ID", "Time", "Münze"]
    assert {key: line[4] for key, line in lines.items()} == {1: "ETH", 2: "BTC", 3: "SOL"}
    assert lines[2][6] == "closed"
    assert lines[3][8] == "=B8*2"


def test_a_deleted_column_is_not_written_and_the_rest_is(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        hand.delete_columns("Signals", "D")
    sync(user, row("1", coin="ETH"), row("2"))
    assert values(user, "Signals")[0] == ["ID", "Time", "Coin", "Lev", "Status", "Seen", "Double", "Memo"]
    assert values(user, "Signals")[1][2] == "ETH"
    assert [line[0] for line in values(user, "Signals")[1:]] == [1, 2]


def test_without_the_key_column_nothing_is_written(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        hand.delete_columns("Signals", "A")
    with pytest.raises(DataRefused, match="key column, 'ID', was deleted"):
        sync(user, row("2"))


def test_without_the_header_row_nothing_is_written(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        hand.delete_rows("Signals", 2)
    with pytest.raises(DataRefused, match="header row was deleted"):
        sync(user, row("2"))


@pytest.mark.parametrize("loses", ["its ids", "its header row"])
def test_a_tab_of_the_users_own_may_lose_what_it_was_known_by(user: GoogleUser, loses: str) -> None:
    mine = replace(SIGNALS_TAB, name="Journal", fed=False, spare_rows=3)
    template = replace(TEMPLATE, tabs=(*TEMPLATE.tabs, mine))
    sync(user, row("1"), template=template)
    with user.editing() as hand:
        if loses == "its ids":
            hand.delete_columns("Journal", "A")
        else:
            hand.delete_rows("Journal", 2)
    before = values(user, "Journal")
    sync(user, row("1", coin="ETH"), row("2"), template=template)
    assert [line[0] for line in values(user, "Signals")[1:]] == [1, 2]
    assert values(user, "Journal") == before


def test_a_copy_that_is_damaged_is_no_hindrance(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        sheet = hand.tab("Signals").id
        hand.do({"duplicateSheet": {"sourceSheetId": sheet, "newSheetName": "Copy of Signals"}})
        hand.delete_columns("Copy of Signals", "A")
    sync(user, row("1", coin="ETH"))
    assert values(user, "Signals")[1][2] == "ETH"


def test_what_stands_below_the_rows_is_pushed_down(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        hand.type("Signals!C4", ["=COUNTA(C3:C3)"])
    sync(user, row("1"), row("2"))
    assert values(user, "Signals")[2][0] == 2
    assert values(user, "Signals")[3][2] == "=COUNTA(C3:C3)"


def test_a_table_made_by_hand_is_found_by_its_headers_and_then_by_its_marks(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "signals")
        hand.type("signals!B3", ["Mine", "id", "Coin", "STOP", "time"])
        hand.type("signals!B4", ["keep", "1", "BTC", "93100", ""])
    sync(user, row("1", coin="ETH"), row("2"))
    with user.editing() as hand:
        hand.type("signals!D3", ["Renamed"])
    sync(user, row("1", coin="SOL"), row("2"))
    lines = values(user, "signals")
    assert lines[0] == [None, "Mine", "id", "Renamed", "STOP", "time"]
    assert lines[1][:5] == [None, "keep", 1, "SOL", 93100]
    assert lines[2][2:4] == [2, "BTC"]
    cells = user.sheets.tab(user.book, "signals").cells
    assert {str(shown(cells[name])) for name in ("F4", "F5")} == {"2026-05-24 12:00:00"}


def test_formulas_in_a_table_made_by_hand_are_the_users_own(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!A1", ["ID", "Stop", "Double"])
    sync(user, row("1"), words={"Signals": "Signals"})
    sync(user, row("1"), row("2"))
    assert values(user, "Signals") == [["ID", "Stop", "Double"], [1, 93100], [2, 93100]]


def test_the_users_formulas_are_filled_down_where_the_last_two_rows_have_them(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!A1", ["Mine", "ID", "Stop", "Double", "Once"])
        hand.type("Signals!A2", ["=C2/2", "1", "=5", "=C2*7", "x"])
        hand.type("Signals!A3", ["=C3/2", "2", "=6", "=C3*7", "=C3"])
    sync(user, row("1"), row("2"), row("3"), row("4"), words={"Signals": "Signals"})
    assert values(user, "Signals")[3:] == [
        ["=C4/2", 3, 93100, "=C4*7"],
        ["=C5/2", 4, 93100, "=C5*7"],
    ]
    sync(user, row("1", coin="ETH"), row("5"))
    assert values(user, "Signals")[5] == ["=C6/2", 5, 93100, "=C6*7"]


def test_the_users_word_picks_the_tab_of_a_table_made_by_hand(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Whatever")
        hand.type("Whatever!A1", ["ID", "Coin"])
    sync(user, row("1"), words={"Signals": "Whatever"})
    assert values(user, "Whatever")[1] == [1, "BTC"]


def test_a_tab_of_our_name_with_something_else_in_it_is_left_alone(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!A1", ["shopping list"])
    sync(user, row("1"))
    assert values(user, "Signals") == [["shopping list"]]
    assert values(user, "Signals (CQS)")[1][0] == 1


def test_an_optional_tab_whose_title_is_taken_is_made_beside_that_sheet_and_told(user: GoogleUser) -> None:
    scalping = replace(SIGNALS_TAB, name="Scalping", tables=frozenset({FeedTable.SCALPING}), when_needed=True)
    template = replace(TEMPLATE, tabs=(*TEMPLATE.tabs, scalping))
    sync(user, row("1", template=template), template=template)
    with user.editing() as hand:
        hand.do({"addSheet": {"properties": {"title": "Scalping"}}})
        hand.type("Scalping!A1", ["shopping list"])
    applied = sync(user, row("2", template=template, table=FeedTable.SCALPING), template=template)
    assert applied
    assert any("'Scalping (CQS)' is made beside it" in warning for warning in applied.warnings)
    assert values(user, "Scalping") == [["shopping list"]]
    assert values(user, "Scalping (CQS)")[1][0] == 2


def test_a_deleted_tab_is_made_anew_when_rows_come(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        hand.delete_tab("Signals")
    sync(user, row("2"))
    assert [str(line["id"]) for line in user.rows()] == ["2"]


def test_a_copy_of_the_tab_is_left_alone(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        sheet = hand.tab("Signals").id
        hand.do({"duplicateSheet": {"sourceSheetId": sheet, "newSheetName": "Copy of Signals"}})
    sync(user, row("1", coin="ETH"))
    assert values(user, "Signals")[1][2] == "ETH"
    assert values(user, "Copy of Signals")[1][2] == "BTC"


def test_a_plan_is_empty_when_everything_stands_there(user: GoogleUser) -> None:
    rows = [row(str(number)) for number in range(1, 50)]
    sync(user, *rows)
    assert plan_for(user.destination, rows).empty


@pytest.mark.parametrize("locale", ["de_DE", "fr_FR", "tr_TR"])
def test_cells_are_the_same_in_every_locale(user: GoogleUser, locale: str) -> None:
    user.book = user.sheets.create(locale=locale, time_zone="Europe/Berlin")
    user.destination = GoogleDestination(user.book, http=user.http)
    sync(user, row("1", coin="1,5"), row("2", coin="1/2"))
    first, second = user.rows()
    assert (first["coin"], second["coin"]) == ("1,5", "1/2")
    assert str(first["stop"]) == "93100"
