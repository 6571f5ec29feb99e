"""A tab that grew too large goes on in another one; a spreadsheet that is full says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cqs_sheets.core.plan.plan import Add
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace, volume_name
from cqs_sheets.destinations.google.write.batches import MOST_TAB_CELLS, portions
from cqs_sheets.errors import TargetBusy
from tests.destinations.google.syncing import plan_for, row, sync
from tests.destinations.google.user import GoogleUser, shown
from tests.make import SIGNALS_TAB, TEMPLATE

_WIDTH = len(SIGNALS_TAB.columns)


@pytest.fixture
def small(user: GoogleUser) -> GoogleUser:
    """A user whose tabs hold three rows (and the two above them, and a spare one)."""
    user.destination = GoogleDestination(user.book, http=user.http, most_cells=6 * _WIDTH)
    return user


def ids(user: GoogleUser, title: str) -> list[str]:
    return [str(line[0]) for line in user.sheets.tab(user.book, title).entered[2:] if line and line[0]]


def test_rows_beyond_a_tabs_size_go_on_in_another_one(small: GoogleUser) -> None:
    sync(small, *(row(str(number)) for number in range(1, 9)))
    assert small.sheets.titles(small.book) == ["Sheet1", "Signals", "Settings", "Signals 2", "Signals 3"]
    assert [ids(small, title) for title in ("Signals", "Signals 2", "Signals 3")] == [
        ["1", "2", "3"],
        ["4", "5", "6"],
        ["7", "8"],
    ]
    assert small.sheets.writes == 1


def test_every_volume_is_searched_for_ids_and_kept_up_to_date(small: GoogleUser) -> None:
    rows = [row(str(number)) for number in range(1, 9)]
    sync(small, *rows)
    assert plan_for(small.destination, rows).empty
    small.sheets.forget()
    sync(small, row("2", status=Status.CLOSED), row("7", status=Status.CLOSED), row("9"), row("10"))
    assert (small.sheets.reads, small.sheets.writes) == (2, 1)
    at = [column.id for column in SIGNALS_TAB.columns].index("status")
    for title, line in (("Signals", 3), ("Signals 3", 2)):
        assert small.sheets.tab(small.book, title).entered[line][at] == "closed"
    assert ids(small, "Signals 3") == ["7", "8", "9"]
    assert ids(small, "Signals 4") == ["10"]


def test_a_volume_sorted_meanwhile_is_put_right_as_well(small: GoogleUser) -> None:
    sync(small, *(row(str(number)) for number in range(1, 7)))

    def sort(_: object) -> None:
        with small.editing() as hand:
            hand.sort("Signals 2", "A", descending=True, header_rows=2)

    small.sheets.before_request(sort, lambda exchange: not exchange.is_read)
    sync(small, row("4", status=Status.CLOSED))
    at = [column.id for column in SIGNALS_TAB.columns].index("status")
    lines = small.sheets.tab(small.book, "Signals 2").entered[2:5]
    assert [(str(line[0]), line[at]) for line in lines] == [("6", "open"), ("5", "open"), ("4", "closed")]


def test_formulas_of_a_later_volume_look_at_their_own_rows(small: GoogleUser) -> None:
    sync(small, *(row(str(number)) for number in range(1, 6)))
    assert shown(small.sheets.tab(small.book, "Signals 2").cells["H4"]) == "=D4*2"


def test_a_title_that_somebody_else_has_is_not_taken(small: GoogleUser) -> None:
    sync(small, row("1"))
    with small.editing() as hand:
        hand.do({"addSheet": {"properties": {"title": "signals 2"}}})
    sync(small, *(row(str(number)) for number in range(1, 6)))
    assert small.sheets.titles(small.book)[-1] == "Signals 2 (CQS)"
    sync(small, row("5", coin="ETH"))
    assert small.sheets.tab(small.book, "Signals 2 (CQS)").entered[3][2] == "ETH"


def test_a_template_may_have_tabs_that_sound_like_volumes(small: GoogleUser) -> None:
    named_so = replace(SIGNALS_TAB, name="Signals 2", when_needed=True)
    template = replace(TEMPLATE, tabs=(*TEMPLATE.tabs, named_so))
    for each in ("1", "2", "3", "4"):
        sync(small, row(each, template=template), template=template)
    assert ids(small, "Signals") == ["1", "2", "3"]
    assert plan_for(small.destination, [row("4", template=template)], template).empty


def test_a_full_spreadsheet_keeps_the_rows_for_later(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        hand.do({"addSheet": {"properties": {"title": "Big", "gridProperties": _grid(user)}}})
    with pytest.raises(TargetBusy) as failure:
        sync(user, row("1"), row("2"))
    assert (failure.value.kind, failure.value.exit_code) == ("full", 75)
    assert [str(line["id"]) for line in user.rows()] == ["1"]


def _grid(user: GoogleUser) -> dict[str, int]:
    """A grid that leaves room for less than a row."""
    sheets = user.sheets.book(user.book).sheets
    used = sum(sheet.grid.row_count * sheet.grid.column_count for sheet in sheets)
    return {"rowCount": (10_000_000 - used) // 2, "columnCount": 2}


def test_two_tabs_of_full_size_fit_into_a_spreadsheet() -> None:
    place: Any = {"columns": {}, "rows": {}, "header_row": 1, "key_column": 0, "end": 2, "sheet_id": 1}
    rows = MOST_TAB_CELLS // 50
    full = TabPlace(name="Signals", mark="Signals", title="Signals", row_count=rows, column_count=50, **place)
    (portion,) = portions(
        SIGNALS_TAB, [Add(tab="Signals", key="1", values={})], Layout(tabs={"Signals": full}), MOST_TAB_CELLS
    )
    assert portion[0].name == volume_name("Signals", 2)
    assert 2 * full.row_count * full.column_count <= 10_000_000
