"""What a doctor is told of a spreadsheet."""

from __future__ import annotations

from cqs_sheets.core.plan.binding import bind
from cqs_sheets.destinations import Protection
from cqs_sheets.destinations.google.read.survey import Survey
from cqs_sheets.run.looking import look
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.user import GoogleUser
from tests.make import TEMPLATE


def surveyed(user: GoogleUser) -> Survey:
    facts = look(user.destination, TEMPLATE, {}, user.destination.stamp(""))
    return user.destination.survey(facts, bind(TEMPLATE, facts, {}))


def test_each_column_is_found_where_a_person_has_put_it(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    with user.editing() as hand:
        hand.rename_tab("Signals", "Mine")
        hand.insert_columns("Mine", "A")
        hand.delete_columns("Mine", "F")
        hand.insert_rows("Mine", 1)
    found = surveyed(user)
    (tab,) = found.tabs
    assert (found.title, found.sequence, found.locale, found.zone) == ("Book", 1, "en_US", "Etc/GMT")
    assert (tab.tab.name, tab.title, tab.header_row, tab.rows) == ("Signals", "Mine", 3, 2)
    assert (tab.columns["id"], tab.columns["stop"], tab.columns.get("lev")) == ("B", "E", None)
    assert tab.made
    assert "lev" in tab.made


def test_ids_that_stand_twice_are_named_by_row(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    user.duplicate_row("1")
    (tab,) = surveyed(user).tabs
    assert tab.duplicates == {"1": (3, 5)}


def test_protections_of_others_that_cover_our_columns_are_named(user: GoogleUser) -> None:
    sync(user, row("1"))
    sheet_id = user.sheets.book(user.book).tab("Signals").id  # type: ignore[union-attr]
    span = {"sheetId": sheet_id, "startRowIndex": 1, "endRowIndex": 9, "startColumnIndex": 2}
    with user.editing() as hand:
        for change in ({"endColumnIndex": 4, "description": "Not yours"}, {"warningOnly": True}):
            end = {"endColumnIndex": change.pop("endColumnIndex", 9)}
            hand.do({"addProtectedRange": {"protectedRange": {"range": span | end, **change}}})
    for each in user.sheets.book(user.book).tab("Signals").objects["protectedRanges"]:  # type: ignore[union-attr]
        each["requestingUserCanEdit"] = bool(each.get("warningOnly"))
    (tab,) = surveyed(user).tabs
    assert tab.protected == (Protection(range="C2:D9", description="Not yours", columns=("coin", "stop")),)


def test_all_cells_of_all_tabs_count(user: GoogleUser) -> None:
    sync(user, row("1"))
    found = surveyed(user)
    book = user.sheets.book(user.book)
    assert found.cells == sum(sheet.grid.row_count * sheet.grid.column_count for sheet in book.sheets)
    assert found.most_cells == 10_000_000


def test_a_table_made_by_hand_is_known_by_its_headers(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!B2", ["ID", "Coin", "Stop", "Time"])
        hand.type("Signals!B3", ["7", "BTC"])
    found = surveyed(user)
    (tab,) = found.tabs
    assert (found.sequence, tab.made) == (None, None)
    assert (tab.header_row, tab.rows) == (2, 1)
    assert tab.columns == {"id": "B", "coin": "C", "stop": "D", "time": "E"}


def test_looking_writes_nothing(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.forget()
    surveyed(user)
    assert (user.sheets.reads, user.sheets.writes) == (2, 0)
