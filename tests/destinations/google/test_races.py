"""A person edits and the network fails while we write: nothing lost, doubled, overwritten or misplaced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cqs_sheets.core.signal import Status
from cqs_sheets.destinations.base import Applied
from cqs_sheets.destinations.google.formulas import column_letters
from cqs_sheets.errors import TargetBusy
from tests.destinations.google.chaos import Chaos
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import Exchange, RunningSheets, Switches, start, writes


@pytest.fixture(scope="module", params=[True, False], ids=["metadata sorted", "metadata stays"])
def sheets(request: pytest.FixtureRequest) -> Iterator[RunningSheets]:
    switches = Switches(metadata_follows_sort=request.param, formats_count_as_data=not request.param)
    with start(switches=switches) as running:
        yield running


def play(sheets: RunningSheets, seed: int) -> None:
    chaos = Chaos(sheets, seed)
    try:
        chaos.run()
        chaos.check()
    except Exception as error:
        error.add_note("\n".join(chaos.story))
        raise
    finally:
        sheets.calm()
        sheets.forget()
        del sheets.desk.store.books[chaos.book]


def closing(user: GoogleUser, *keys: str) -> Applied:
    applied = sync(user, *(row(key, status=Status.CLOSED) for key in keys))
    assert applied
    return applied


def statuses(user: GoogleUser) -> dict[str, str]:
    return {str(line["id"]): line["status"] for line in user.rows()}


def test_rows_sorted_between_read_and_write_are_put_right_and_told(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"), row("3"), row("4"))
    user.sheets.before_request(lambda _: user.reverse_rows(), writes)
    user.sheets.forget()
    applied = closing(user, "1")
    assert statuses(user) == {"4": "open", "3": "open", "2": "open", "1": "closed"}
    assert applied.warnings == (
        "someone rearranged the sheet during the write: 1 row(s) were put right at once",
    )
    assert (user.sheets.reads, user.sheets.writes) == (3, 2)


def test_what_a_person_typed_into_a_row_that_was_hit_comes_back(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    status = f"{column_letters(user.columns()['status'])}4"

    def insert(_: Exchange) -> None:
        with user.editing() as hand:
            hand.insert_rows("Signals", 4)
            hand.type(f"Signals!{status}", ["=1+1"])

    user.sheets.before_request(insert, writes)
    closing(user, "2")
    assert statuses(user) == {"1": "open", "2": "closed"}
    assert user.tab.cells[status].formula == "=1+1"


def test_columns_moved_between_read_and_write_are_not_even_touched(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    memo = column_letters(user.columns()["memo"])

    def move(_: Exchange) -> None:
        with user.editing() as hand:
            hand.move_columns("Signals", memo, "A")

    user.type_memo("1", "mine")
    user.sheets.before_request(move, writes)
    user.sheets.forget()
    applied = closing(user, "1", "2")
    assert statuses(user) == {"1": "closed", "2": "closed"}
    assert [line["memo"] for line in user.rows()] == ["mine", None]
    assert applied.warnings == ()
    assert [exchange.committed for exchange in user.sheets.exchanges] == [False, False, False, False, True]


def test_new_rows_take_nobodys_cell(user: GoogleUser) -> None:
    sync(user, row("1"))

    def type_below(_: Exchange) -> None:
        with user.editing() as hand:
            hand.type("Signals!A4", ["total", "mine"])

    user.sheets.before_request(type_below, writes)
    sync(user, row("1"), row("2"))
    assert [line[:2] for line in user.tab.entered[3:5]] == [[2, user.tab.entered[2][1]], ["total", "mine"]]


def test_a_race_that_never_ends_is_given_up_with_what_to_put_back(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    user.sheets.before_request(lambda _: user.reverse_rows(), writes, times=0)
    with pytest.raises(TargetBusy) as failure:
        closing(user, "1")
    assert "status of" in failure.value.meaning
    assert "(was open)" in failure.value.meaning


@pytest.mark.parametrize("seed", range(75))
def test_a_restless_person_and_a_bad_network_change_nothing(sheets: RunningSheets, seed: int) -> None:
    play(sheets, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1500))
def test_the_same_a_thousand_times(sheets: RunningSheets, seed: int) -> None:
    play(sheets, seed)
