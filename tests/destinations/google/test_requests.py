"""How many requests a sync takes, and how large they are."""

from __future__ import annotations

import json

import pytest

from cqs_sheets.core.signal import Status
from cqs_sheets.errors import TargetBusy
from tests.destinations.google.syncing import plan_for, row, sync
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import status, writes

ADVISED_BYTES = 2_000_000


def test_a_sync_with_news_takes_two_reads_and_one_write(user: GoogleUser) -> None:
    sync(user, *(row(str(number)) for number in range(1, 30)))
    user.sheets.forget()
    changed = [row(str(number), status=Status.CLOSED) for number in range(1, 20)]
    applied = sync(user, *changed, *(row(str(number)) for number in range(30, 40)))
    assert (user.sheets.reads, user.sheets.writes) == (2, 1)
    assert applied
    assert applied.requests == 1


def test_the_first_write_is_one_batch(user: GoogleUser) -> None:
    sync(user, row("1"))
    assert user.sheets.writes == 1
    assert user.sheets.reads == 2


def test_a_sync_without_news_takes_one_read_and_no_write(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.forget()
    user.destination.stamp("")
    assert (user.sheets.reads, user.sheets.writes) == (1, 0)


def test_looking_costs_at_most_sixty_bytes_a_row(user: GoogleUser) -> None:
    def looked(rows: int) -> int:
        sync(user, *(row(str(1_800_000 + number)) for number in range(rows)))
        user.sheets.forget()
        user.destination.stamp("")
        return len(json.dumps(user.sheets.exchanges[0].answer, separators=(",", ":")))

    few = looked(10)
    assert (looked(510) - few) / 500 <= 60


def test_a_large_write_is_split_and_every_piece_leaves_a_valid_sheet(user: GoogleUser) -> None:
    rows = [row(str(number), coin="C" * 4000) for number in range(1, 1001)]
    seen: list[int] = []
    user.sheets.after_commit(lambda _: seen.append(len(user.rows())), times=0)
    sync(user, *rows)
    assert all(exchange.body_in < ADVISED_BYTES for exchange in user.sheets.exchanges)
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert [str(line["id"]) for line in user.rows()] == [str(number) for number in range(1, 1001)]
    assert plan_for(user.destination, rows).empty


def test_a_large_write_that_breaks_off_goes_on_where_it_stopped(user: GoogleUser) -> None:
    rows = [row(str(number), coin="C" * 4000) for number in range(1, 1001)]
    user.sheets.inject(status(503), writes, nth=2, times=0)
    with pytest.raises(TargetBusy):
        sync(user, *rows)
    user.sheets.calm()
    begun = len(user.rows())
    assert 0 < begun < 1000
    assert user.destination.stamp("").sequence == 0
    sync(user, *rows)
    assert [str(line["id"]) for line in user.rows()] == [str(number) for number in range(1, 1001)]
    assert user.destination.stamp("").sequence == 1


def test_the_grid_grows_only_by_the_rows_that_come(user: GoogleUser) -> None:
    for number in range(1, 6):
        sync(user, row(str(number)))
    tab = user.sheets.book(user.book).tab("Signals")
    assert tab
    assert tab.grid.row_count == user.header_row() + 5 + 1
