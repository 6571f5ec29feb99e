"""A totals row, a note, a second table: whatever else stands in the tab is never mixed with new rows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from cqs_sheets.core.signals.signal import Status
from cqs_sheets.errors import DataRefused, TargetChanged
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.test_binding import values
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import Exchange, Switches, start, writes

HEADERS: list[Any] = ["ID", "Coin", "Stop", "Status", "Lev", "Time", "Seen"]


def by_hand(user: GoogleUser, *below: list[Any]) -> None:
    """A table of two trades with something below it."""
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!A1", HEADERS, ["1", "BTC"], ["2", "ETH"], *below)


@pytest.mark.parametrize(
    "below",
    [
        [["Total", "=COUNTA(B2:B3)"]],
        [[None, "=COUNTA(B2:B3)"]],
        [[], ["My notes"], [], ["buy low"]],
        [[], ["Order", "Amount"], ["7", "100"], ["8", "200"]],
        [[], ["Total 2026", "2"]],
    ],
    ids=["total", "total without a word", "notes", "second table", "total further down"],
)
def test_new_rows_come_in_above_what_stands_below(user: GoogleUser, below: list[list[Any]]) -> None:
    by_hand(user, *below)
    before = values(user, "Signals")[3:]
    for number in ("3", "4"):
        sync(user, row("1", status=Status.CLOSED), row("2"), row(number))
    lines = values(user, "Signals")
    assert [str(line[0]) for line in lines[1:5]] == ["1", "2", "3", "4"]
    assert lines[5:] == before


def test_what_stands_beside_stays_in_its_rows(user: GoogleUser) -> None:
    by_hand(user)
    with user.editing() as hand:
        hand.type("Signals!J1", ["Order", "ID"], ["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"])
    sync(user, row("1"), row("2"), row("3"))
    lines = values(user, "Signals")
    assert [str(line[0]) for line in lines[1:4]] == ["1", "2", "3"]
    beside = [line[9:11] for line in lines]
    assert [line for line in beside if line and line[0]] == [
        ["Order", "ID"], ["a", 1], ["b", 2], ["c", 3], ["d", 4],
    ]  # fmt: skip
    assert not any(line[9:11] and line[9] for line in lines if str(line[0]) == "3")


def test_a_word_among_the_ids_is_no_end_of_them(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!A1", HEADERS, ["1", "BTC"], ["mine", "DOGE"], ["2", "ETH"])
    sync(user, row("3"))
    assert [str(line[0]) for line in values(user, "Signals")[1:]] == ["1", "mine", "2", "3"]


def test_looks_and_choices_of_the_last_row_are_those_of_a_new_one(user: GoogleUser) -> None:
    by_hand(user)
    with user.editing() as hand:
        sheet = hand.tab("Signals").id
        span = {"sheetId": sheet, "startRowIndex": 1, "endRowIndex": 3}
        span |= {"startColumnIndex": 1, "endColumnIndex": 2}
        rule = {"condition": {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "BTC"}]}}
        hand.do({"setDataValidation": {"range": span, "rule": rule}})
    sync(user, row("3"))
    assert user.sheets.tab(user.book, "Signals").cells["B4"].validation == rule


@pytest.mark.parametrize("refused", [True, False])
@pytest.mark.parametrize("where", [(2, 3, 1, 3), (2, 4, 1, 2)], ids=["within a row", "over rows"])
def test_a_merge_inside_a_row_that_is_copied_ends_well(refused: bool, where: tuple[int, ...]) -> None:
    with start(switches=Switches(partial_merges_refused=refused)) as sheets:
        user = GoogleUser.on(sheets)
        sync(user, row("1"), row("2"))
        with user.editing() as hand:
            span = dict(
                zip(
                    ("startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex"), where, strict=True
                )
            )
            hand.do({"mergeCells": {"range": {"sheetId": hand.tab("Signals").id, **span}}})
        closed = row("1", status=Status.CLOSED)
        if refused and where[1] - where[0] > 1:
            with pytest.raises(DataRefused, match="merge") as failure:
                sync(user, closed)
            assert "Unmerge" in failure.value.hint
        else:
            sync(user, closed)
            assert user.rows()[0]["status"] == "closed"
        scratch = sheets.book(user.book).tab("_cqs")
        assert scratch is None or not scratch.listed("merges")
        user.http.close()


def test_a_tab_deleted_between_two_reads_ends_well(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))

    def delete(_: Exchange) -> None:
        with user.editing() as hand:
            hand.delete_tab("Signals")

    user.sheets.before_request(delete, lambda exchange: exchange.is_read, nth=2)
    for _ in range(2):
        with suppress(TargetChanged):
            sync(user, row("1", coin="ETH"), row("3"))
    assert {str(line["id"]) for line in user.rows()} >= {"3"}


def test_a_tab_deleted_between_read_and_write_ends_well(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))

    def delete(_: Exchange) -> None:
        with user.editing() as hand:
            hand.delete_tab("Signals")

    user.sheets.before_request(delete, writes)
    for _ in range(2):
        with suppress(TargetChanged):
            sync(user, row("1", coin="ETH"), row("3"))
    assert {str(line["id"]) for line in user.rows()} >= {"3"}


def test_a_users_tab_that_is_called_as_our_hidden_one_is_left_alone(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.do({"addSheet": {"properties": {"title": "_cqs"}}})
        hand.type("_cqs!A1", ["mine"])
    sync(user, row("1"))
    sync(user, row("1", status=Status.CLOSED))
    assert user.rows()[0]["status"] == "closed"
    assert user.sheets.tab(user.book, "_cqs").entered == [["mine"]]
    assert "_cqs 2" in user.sheets.titles(user.book)
