from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqs_sheets.core.signals.coverage import Window, coverage, gaps_of, look_back, merge

NOON = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def window(start: float, end: float) -> Window:
    return Window(at(start), at(end))


def seconds_of(windows: tuple[Window, ...] | list[Window]) -> set[int]:
    """Every second of the windows, counted from noon."""
    return {
        second
        for one in windows
        for second in range(int((one.start - NOON).total_seconds()), int((one.end - NOON).total_seconds()))
    }


windows = st.lists(
    st.builds(
        lambda start, length: Window(
            NOON + timedelta(seconds=start), NOON + timedelta(seconds=start + length)
        ),
        st.integers(0, 3000),
        st.integers(0, 300),
    ),
    max_size=8,
)


def test_touching_and_overlapping_windows_become_one() -> None:
    assert merge([window(10, 20), window(0, 10), window(15, 17), window(30, 40)]) == (
        window(0, 20),
        window(30, 40),
    )


@settings(deadline=None)
@given(windows)
def test_merged_windows_hold_the_same_seconds_and_neither_touch_nor_are_empty(these: list[Window]) -> None:
    merged = merge(these)
    assert seconds_of(merged) == seconds_of(these)
    assert all(one.start < one.end for one in merged)
    assert all(left.end < right.start for left, right in pairwise(merged))


def test_the_first_poll_covers_its_whole_look_back_without_a_gap() -> None:
    seen = coverage([[window(-20, 0)]], now=NOON)
    assert (seen.since, seen.covered_seconds, seen.gap_seconds, seen.gaps) == (at(-20), 1200, 0, ())


def test_nothing_is_covered_before_the_first_poll() -> None:
    seen = coverage([[]], now=NOON)
    assert (seen.since, seen.covered_seconds, seen.gap_seconds, seen.gaps) == (None, 0, 0, ())


def test_the_time_between_two_windows_is_a_gap() -> None:
    seen = coverage([[window(0, 20), window(50, 70)]], now=at(70))
    assert (seen.covered_seconds, seen.gap_seconds, seen.gaps) == (2400, 1800, (window(20, 50),))


def test_silence_becomes_a_gap_only_where_no_poll_can_reach_any_more() -> None:
    assert gaps_of([window(0, 20)], now=at(39)) == ()
    assert gaps_of([window(0, 20)], now=at(45)) == (window(20, 25),)


def test_a_second_that_one_of_two_feeds_missed_is_a_gap() -> None:
    seen = coverage([[window(0, 60)], [window(0, 20), window(30, 60)]], now=at(60))
    assert (seen.covered_seconds, seen.gaps) == (3000, (window(20, 30),))


def test_a_feed_that_began_later_makes_no_gap_of_the_time_before() -> None:
    seen = coverage([[window(0, 60)], [window(40, 60)]], now=at(60))
    assert (seen.since, seen.covered_seconds, seen.gap_seconds) == (at(0), 3600, 0)


def test_since_leaves_out_what_came_before() -> None:
    seen = coverage([[window(0, 20), window(50, 70)]], now=at(70), since=at(40))
    assert (seen.since, seen.covered_seconds, seen.gaps) == (at(40), 1200, (window(40, 50),))


def test_gap_minutes_count_the_last_day_alone_and_round_up() -> None:
    day = 24 * 60
    seen = coverage([[window(0, 10), window(20, day + 30), window(day + 30.5, day + 40)]], now=at(day + 40))
    assert (seen.gap_seconds, seen.gap_minutes) == (630, 1)


@settings(deadline=None)
@given(st.lists(windows, max_size=3), st.integers(3300, 6000), st.none() | st.integers(0, 6000))
def test_every_second_missed_by_a_feed_since_it_began_is_a_gap(
    feeds: list[list[Window]], now_second: int, since_second: int | None
) -> None:
    now = NOON + timedelta(seconds=now_second)
    since = None if since_second is None else NOON + timedelta(seconds=since_second)
    missed: set[int] = set()
    looked_at: set[int] = set()
    for these in feeds:
        held = seconds_of(these)
        looked_at |= held
        if held:
            missed |= set(range(min(held), max(max(held) + 1, now_second - 1200))) - held
    if since_second is not None:
        missed = {second for second in missed if second >= since_second}
        looked_at = {second for second in looked_at if second >= since_second}
    seen = coverage(feeds, now, since)
    assert seconds_of(seen.gaps) == missed
    assert seen.gap_seconds == len(missed)
    assert seen.covered_seconds == len(looked_at - missed)
    assert seen.gap_minutes == math.ceil(len(missed) / 60)


@pytest.mark.parametrize(
    ("minutes_ago", "asked"),
    [(0, 2), (0.5, 3), (1, 3), (1.01, 4), (5, 7), (18, 20), (18.5, 20), (500, 20), (-3, 20)],
)
def test_the_look_back_is_two_minutes_wider_than_the_time_since_the_last_good_poll(
    minutes_ago: float, asked: int
) -> None:
    assert look_back(at(-minutes_ago), NOON, "auto") == asked


def test_the_first_poll_looks_back_as_far_as_the_api_does() -> None:
    assert look_back(None, NOON, "auto") == 20


def test_a_look_back_that_was_set_is_kept() -> None:
    assert look_back(at(-10), NOON, 5) == 5


@settings(deadline=None)
@given(st.integers(0, 20 * 60 * 18 // 20))
def test_polls_with_the_automatic_look_back_leave_no_gap_while_the_api_can_reach(seconds: int) -> None:
    last = NOON - timedelta(seconds=seconds)
    assert NOON - timedelta(minutes=look_back(last, NOON, "auto")) <= last


def test_a_window_surely_covers_what_lies_a_minute_inside() -> None:
    one = window(0, 20)
    assert one.surely_covers(at(1))
    assert one.surely_covers(at(19))
    assert not one.surely_covers(at(0.99))
    assert not one.surely_covers(at(19.01))
