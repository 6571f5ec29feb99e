from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.signals.coverage import Window, missing, next_arrival, observe
from cqs_sheets.core.signals.signal import Record, Status
from tests.journal.samples import at, minutes, signal

fresh = observe(None, signal(opened=-5), at(0), 77)


def aged(record: Record) -> Record:
    return missing(record, Window(at(16), at(18)), at(0))


def closed(record: Record) -> Record:
    return missing(record, Window(at(-18), at(2)), at(0))


def test_a_signal_seen_for_the_first_time_is_open_at_revision_one() -> None:
    assert fresh == Record(
        signal=signal(opened=-5), status=Status.OPEN, first_seen=at(0), last_seen=None, arrival=77, revision=1
    )


def test_the_same_signal_seen_again_is_the_same_object() -> None:
    assert observe(fresh, signal(opened=-5), at(9), 99) is fresh


def test_a_number_written_another_way_is_no_change() -> None:
    assert observe(fresh, signal(opened=-5, buy_end=Decimal("94400.00")), at(9), 99) is fresh


@pytest.mark.parametrize(
    "edit",
    [{"target1": Decimal(99)}, {"target2": Decimal(99)}, {"extra": {"note": "x"}}, {"flags": ("odd",)}],
)
def test_an_edit_makes_a_revision_and_keeps_first_sight(edit: dict[str, Any]) -> None:
    edited = observe(fresh, signal(opened=-5, **edit), at(9), 99)
    assert edited == replace(fresh, signal=signal(opened=-5, **edit), revision=2)


def test_a_leverage_once_known_is_not_blanked_by_an_answer_without_it() -> None:
    known = observe(fresh, signal(opened=-5, leverage=Decimal(10)), at(1), 99)
    assert (known.revision, known.signal.leverage) == (2, Decimal(10))
    assert observe(known, signal(opened=-5), at(2), 99) is known


def test_a_leverage_is_replaced_by_another() -> None:
    known = observe(fresh, signal(opened=-5, leverage=Decimal(10)), at(1), 99)
    assert observe(known, signal(opened=-5, leverage=Decimal(5)), at(2), 99).signal.leverage == Decimal(5)


def test_a_signal_missing_where_the_window_surely_held_it_is_closed_when_it_was_last_seen() -> None:
    assert missing(fresh, Window(at(-18), at(2)), at(1)) == replace(
        fresh, status=Status.CLOSED, last_seen=at(1), revision=2
    )


@pytest.mark.parametrize(("start", "end"), [(-5, 15), (-5.99, 14), (-24, -4.01), (-25, -5), (-40, -20)])
def test_nothing_is_concluded_near_or_beyond_the_end_of_a_window(start: float, end: float) -> None:
    assert missing(fresh, Window(at(start), at(end)), at(1)) is fresh


@pytest.mark.parametrize(("start", "end"), [(-6, -4), (-6, 10), (-20, -4)])
def test_a_minute_inside_the_window_is_sure(start: float, end: float) -> None:
    assert missing(fresh, Window(at(start), at(end)), at(1)).status is Status.CLOSED


@pytest.mark.parametrize("start", [-4.99, 10])
def test_a_signal_older_than_the_api_looks_back_has_aged(start: float) -> None:
    assert missing(fresh, Window(at(start), at(15.01)), at(1)) == replace(
        fresh, status=Status.AGED, last_seen=at(1), revision=2
    )


@pytest.mark.parametrize("end", [0, 5, 15])
def test_a_signal_that_only_a_short_look_back_has_left_is_open(end: float) -> None:
    assert missing(fresh, Window(at(end - 2), at(end)), at(1)) is fresh


def test_an_incomplete_answer_closes_nothing_but_lets_age() -> None:
    assert missing(fresh, Window(at(-18), at(2)), at(1), sure=False) is fresh
    assert missing(fresh, Window(at(5), at(25)), at(1), sure=False).status is Status.AGED


def test_an_aged_signal_that_a_wider_window_surely_holds_and_misses_is_closed() -> None:
    assert closed(aged(fresh)) == replace(fresh, status=Status.CLOSED, last_seen=at(0), revision=3)


def test_an_aged_signal_stays_aged_while_no_window_holds_it() -> None:
    assert missing(aged(fresh), Window(at(20), at(40)), at(0)) == aged(fresh)


def test_a_closed_signal_stays_closed_when_it_leaves_the_window() -> None:
    assert missing(closed(fresh), Window(at(20), at(40)), at(0)) == closed(fresh)


@pytest.mark.parametrize("gone", [aged(fresh), closed(fresh)])
def test_a_signal_that_reappears_is_open_again(gone: Record) -> None:
    assert observe(gone, signal(opened=-5), at(9), 99) == replace(fresh, revision=3)


def test_arrivals_are_milliseconds_since_2020() -> None:
    assert next_arrival(None, datetime(2020, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)) == 1500


def test_arrivals_grow_even_within_a_millisecond_and_when_the_clock_is_set_back() -> None:
    first = next_arrival(None, at(0))
    assert next_arrival(first, at(0)) == first + 1
    assert next_arrival(first, at(0) - minutes(60)) == first + 1
