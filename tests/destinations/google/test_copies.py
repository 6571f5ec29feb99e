"""A spreadsheet or a tab that was copied by hand, or went through an .xlsx file: whatever came along, all ends well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cqs_sheets.core.signals.signal import Status
from cqs_sheets.destinations.google import GoogleDestination
from tests.destinations.google.otherwise import OTHERWISE
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.test_binding import values
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import start
from tests.emulators.sheets.model import Spreadsheet

WAYS = ["copied whole", "copied without metadata", "through .xlsx"]


@pytest.fixture(
    params=["a duplicate keeps metadata", "lookups show what matched", "tables grow", "all of it"]
)
def user(request: pytest.FixtureRequest) -> Iterator[GoogleUser]:
    with start(switches=OTHERWISE[request.param]) as sheets:
        made = GoogleUser.on(sheets)
        yield made
        made.http.close()


def copied(user: GoogleUser, way: str) -> Spreadsheet:
    """The user goes on with a copy."""
    store = user.sheets.desk.store
    copy = store.books[user.book].copy()
    copy.id = f"{user.book[:-4]}copy"
    if way != "copied whole":
        copy.metadata = []
    if way == "through .xlsx":
        for number, sheet in enumerate(copy.sheets, start=9_000):
            for named in copy.named_ranges:
                if named["range"].get("sheetId", 0) == sheet.id:
                    named["range"] = {**named["range"], "sheetId": number}
            sheet.properties = {**sheet.properties, "sheetId": number}
            sheet.objects = {}
    store.books[copy.id] = copy
    user.book = copy.id
    user.destination = GoogleDestination(copy.id, http=user.http)
    return copy


def statuses(user: GoogleUser) -> dict[str, str]:
    return {str(line["id"]): line["status"] for line in user.rows()}


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_of_the_spreadsheet_goes_on(user: GoogleUser, way: str) -> None:
    sync(user, row("1"), row("2"))
    user.type_memo("1", "mine")
    sync(user, row("1", coin="ETH"))
    copied(user, way)
    for _ in range(2):
        sync(user, row("1", status=Status.CLOSED, coin="ETH"), row("2"), row("3"))
    assert statuses(user) == {"1": "closed", "2": "open", "3": "open"}
    assert user.rows()[0]["memo"] == "mine"
    titles = user.sheets.titles(user.book)
    assert [title for title in titles if title.startswith("Signals")] == ["Signals"]


def duplicate(user: GoogleUser, title: str = "Copy of Signals") -> None:
    with user.editing() as hand:
        hand.do({"duplicateSheet": {"sourceSheetId": hand.tab("Signals").id, "newSheetName": title}})


def test_a_duplicated_tab_is_left_alone(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    duplicate(user)
    before = values(user, "Copy of Signals")
    sync(user, row("1", status=Status.CLOSED), row("3"))
    assert statuses(user) == {"1": "closed", "2": "open", "3": "open"}
    assert values(user, "Copy of Signals") == before


def test_the_original_keeps_its_rows_under_another_title(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    duplicate(user, "Backup")
    with user.editing() as hand:
        hand.rename_tab("Signals", "My trades")
        hand.rename_tab("Backup", "Signals")
    before = values(user, "Signals")
    sync(user, row("1", status=Status.CLOSED), row("3"))
    assert values(user, "Signals") == before
    assert [line[0] for line in values(user, "My trades")[1:]] == [1, 2, 3]


def test_where_only_the_copy_is_left_nothing_is_made_beside_it_in_silence(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    duplicate(user)
    with user.editing() as hand:
        hand.delete_tab("Signals")
        hand.rename_tab("Copy of Signals", "Signals")
    sync(user, row("1"), row("3"))
    sync(user, row("1", status=Status.CLOSED))
    assert statuses(user) == {"1": "closed", "2": "open", "3": "open"}
    assert "Signals 2" not in user.sheets.titles(user.book)


def test_a_tab_copied_into_another_spreadsheet_is_a_table_of_its_own(user: GoogleUser) -> None:
    sync(user, row("1"))
    source = user.sheets.book(user.book).tab("Signals")
    assert source
    other = user.sheets.create()
    with user.sheets.edit(other) as hand:
        hand.book.sheets.append(replace(source.copy(), properties={**source.properties, "sheetId": 4711}))
    user.book = other
    user.destination = GoogleDestination(other, http=user.http)
    sync(user, row("1", status=Status.CLOSED), row("2"))
    assert statuses(user) == {"1": "closed", "2": "open"}
