"""A person edits and the network fails while we write: nothing lost, doubled, overwritten or misplaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.core.signals.signal import Status
from cqs_sheets.destinations import Applied
from cqs_sheets.destinations.google.read.layout import column_letters
from cqs_sheets.errors import TargetBusy
from tests.destinations.google.chaos import Chaos
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.user import GoogleUser, KilledError
from tests.emulators.google_sheets import Exchange, RunningSheets, Switches, start, writes


@pytest.fixture(scope="module", params=[True, False], ids=["kind", "unkind"])
def sheets(request: pytest.FixtureRequest) -> Iterator[RunningSheets]:
    switches = Switches(
        metadata_follows_sort=request.param,
        formats_count_as_data=not request.param,
        copies_hidden_rows=request.param,
        unmatched_lookups_refused=not request.param,
        lookups_show_own_metadata=request.param,
    )
    with start(switches=switches) as running:
        yield running


def play(sheets: RunningSheets, seed: int, *, kills: bool) -> None:
    chaos = Chaos(sheets, seed, kills=kills)
    try:
        chaos.run()
        chaos.check()
    except Exception as error:
        error.add_note("\n".join([f"seed {seed}:", *chaos.story]))
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


def test_our_last_column_deleted_meanwhile_is_not_taken_for_what_stood_beside_it(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        hand.move_columns("Signals", "I", "A")  # now the last of ours is one that is written
        hand.do({"appendDimension": {"sheetId": _id(user), "dimension": "COLUMNS", "length": 1}})
        hand.type("Signals!J2", ["Mine"])

    def delete(_: Exchange) -> None:
        with user.editing() as hand:
            hand.delete_columns("Signals", "I")

    user.sheets.before_request(delete, writes)
    sync(user, row("1"), row("2"), row("3"))
    header, *lines = _lines(user)
    assert header[8] == "Mine"
    assert not any(cell for line in lines for cell in line[8:])
    assert [line[1] for line in lines] == [1, 2, 3]


@pytest.mark.parametrize("column", ["A", "C", "H"])
def test_any_column_deleted_meanwhile_harms_no_other(user: GoogleUser, column: str) -> None:
    sync(user, row("1"), row("2"))
    user.type_memo("2", "mine")
    with user.editing() as hand:
        hand.insert_columns("Signals", "A")

    def delete(_: Exchange) -> None:
        with user.editing() as hand:
            hand.delete_columns("Signals", column)

    user.sheets.before_request(delete, writes)
    sync(user, row("1", coin="ETH"), row("2", status=Status.CLOSED), row("3"))
    header, *lines = _lines(user)
    places = {name: at for at, name in enumerate(header)}
    assert [line[places["ID"]] for line in lines] == [1, 2, 3]
    assert [line[places["Coin"]] for line in lines] == ["ETH", "BTC", "BTC"]
    assert lines[1][places["Memo"]] == "mine"
    if "Status" in places:
        assert [line[places["Status"]] for line in lines] == ["open", "closed", "open"]


def test_rows_deleted_meanwhile_shift_nothing(user: GoogleUser) -> None:
    sync(user, *(row(str(number)) for number in range(1, 5)))

    def delete(_: Exchange) -> None:
        with user.editing() as hand:
            hand.delete_rows("Signals", 3, 2)

    user.sheets.before_request(delete, writes)
    sync(user, row("3", status=Status.CLOSED), row("4", coin="ETH"), row("5"))
    lines = {str(line["id"]): (line["coin"], line["status"]) for line in user.rows()}
    assert lines == {"3": ("BTC", "closed"), "4": ("ETH", "open"), "5": ("BTC", "open")}


def test_columns_moved_between_the_pieces_of_a_first_write_refuse_the_next(user: GoogleUser) -> None:
    def move(_: Exchange) -> None:
        with user.editing() as hand:
            hand.move_columns("Signals", "C", "A")

    user.sheets.before_request(move, writes, nth=2)
    sync(user, *(row(str(number), coin="C" * 4000) for number in range(1, 601)))
    assert {line["coin"] for line in user.rows()} == {"C" * 4000}
    assert [str(line["id"]) for line in user.rows()] == [str(number) for number in range(1, 601)]


def test_rows_that_a_filter_hides_are_put_right_too() -> None:
    with start(switches=Switches(copies_hidden_rows=False)) as sheets:
        user = GoogleUser.on(sheets)
        sync(user, row("1"), row("2"), row("3", coin="ETH"))
        with user.editing() as hand:
            hand.filter("Signals", "C", ["BTC"], header_row=2)
        user.sheets.before_request(lambda _: user.reverse_rows(), writes)
        closing(user, "1")
        assert statuses(user) == {"3": "open", "2": "open", "1": "closed"}
        filtered = user.sheets.book(user.book).tab("Signals").basic_filter  # type: ignore[union-attr]
        assert filtered
        assert filtered["filterSpecs"][0]["filterCriteria"] == {"hiddenValues": ["BTC"]}
        user.http.close()


def test_what_a_write_that_never_learnt_its_outcome_misplaced_is_put_right_by_the_next(
    user: GoogleUser,
) -> None:
    sync(user, row("1"), row("2"), row("3"))
    user.type_memo("3", "mine")
    user.sheets.before_request(lambda _: user.reverse_rows(), writes)
    user.http.dies_after = 1
    with pytest.raises(KilledError):
        closing(user, "1")
    assert statuses(user) == {"3": "closed", "2": "open", "1": "open"}
    user.sheets.forget()
    applied = closing(user, "1")
    assert statuses(user) == {"3": "open", "2": "open", "1": "closed"}
    assert (user.sheets.reads, user.sheets.writes) == (2, 1)
    assert "1 row(s) were put right now" in applied.warnings[0]


def test_a_write_that_hit_the_right_rows_before_it_died_is_left_alone(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    user.http.dies_after = 1
    with pytest.raises(KilledError):
        closing(user, "1")
    user.reverse_rows()
    assert closing(user, "1", "2").warnings == ()
    assert statuses(user) == {"1": "closed", "2": "closed"}


def test_the_plan_after_such_a_death_knows_what_the_rows_will_hold(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    user.sheets.before_request(lambda _: user.reverse_rows(), writes)
    user.http.dies_after = 1
    with pytest.raises(KilledError):
        closing(user, "1")
    closing(user, "2")
    assert statuses(user) == {"1": "open", "2": "closed"}


def _lines(user: GoogleUser) -> list[list[Any]]:
    """What stands in the tab from the header on."""
    entered = user.sheets.tab(user.book, "Signals").entered[1:]
    return [line for line in entered if any(cell is not None for cell in line)]


def _id(user: GoogleUser) -> int:
    tab = user.sheets.book(user.book).tab("Signals")
    assert tab
    return tab.id


@pytest.mark.parametrize("seed", range(4))
def test_a_restless_person_and_a_bad_network_change_nothing(sheets: RunningSheets, seed: int) -> None:
    play(sheets, seed, kills=False)


@pytest.mark.parametrize("seed", range(3))
def test_nor_does_a_sync_that_dies_anywhere_in_between(sheets: RunningSheets, seed: int) -> None:
    play(sheets, seed, kills=True)


@pytest.mark.soak
def test_the_same_five_hundred_times(sheets: RunningSheets) -> None:
    for seed in range(1000, 1500):
        play(sheets, seed, kills=seed % 2 == 0)


@pytest.mark.parametrize("turned", [False, True], ids=["rows stay", "rows move as well"])
def test_what_was_written_into_columns_that_moved_and_could_not_be_held_is_put_right(turned: bool) -> None:
    with start(switches=Switches(ids_return_within_batch=False)) as sheets:
        user = GoogleUser(Path(), sheets)
        sync(user, row("1"), row("2"), row("3"))
        user.type_memo("2", "mine")
        closing(user, "1")  # which finds out that columns cannot be held here
        memo = column_letters(user.columns()["memo"])

        def move(_: Exchange) -> None:
            with user.editing() as hand:
                hand.move_columns("Signals", memo, "A")
            if turned:
                user.reverse_rows()

        sheets.before_request(move, writes)
        sync(user, row("2", status=Status.CLOSED), row("4", coin="ETH"))
        found = {str(line["id"]): (line["coin"], line["status"], line["memo"]) for line in user.rows()}
        assert found == {
            "1": ("BTC", "closed", None), "2": ("BTC", "closed", "mine"), "3": ("BTC", "open", None),
            "4": ("ETH", "open", None),
        }  # fmt: skip
        user.http.close()


def test_a_sync_that_died_while_columns_could_not_be_held_is_told_by_the_next() -> None:
    with start(switches=Switches(ids_return_within_batch=False)) as sheets:
        user = GoogleUser(Path(), sheets)
        sync(user, row("1"), row("2"))
        closing(user, "1")  # which finds out that columns cannot be held here
        memo = column_letters(user.columns()["memo"])

        def move(_: Exchange) -> None:
            with user.editing() as hand:
                hand.move_columns("Signals", memo, "A")

        sheets.before_request(move, writes)
        user.http.dies_after = 1
        with pytest.raises(KilledError):
            closing(user, "2")
        told = sync(user, row("3"))
        assert told
        assert any("moved columns" in warning for warning in told.warnings)
        again = sync(user, row("4"))
        assert again
        assert not again.warnings
