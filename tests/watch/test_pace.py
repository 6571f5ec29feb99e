"""When the next poll is due."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from cqs_sheets.run.sync import LONGEST_PAUSE, Pace, Step

GOOD = Step(exit_code=0, good=True)
AWAY = Step(exit_code=69, good=False)
LIMITED = Step(exit_code=0, good=True, limited=True)
REFUSED = Step(exit_code=69, good=False, limited=True)


def pauses(pace: Pace, *steps: Step, lasting: float = 1.0) -> list[float]:
    """The times from one poll's start to the next's, each step taking `lasting` seconds."""
    began, found = 0.0, []
    for step in steps:
        due = pace.next_due(began, began + lasting, step)
        found.append(due - began)
        began = due
    return found


def test_polls_keep_to_the_grid_whatever_a_step_takes() -> None:
    pace = Pace(60, 0.0)
    assert pace.next_due(0.0, 3.5, GOOD) == 60
    assert pace.next_due(60.02, 61, GOOD) == 120
    assert pace.next_due(120.3, 119 + 60.9, GOOD) == 180


def test_beats_that_a_long_step_ran_over_are_left_out() -> None:
    assert Pace(60, 0.0).next_due(0, 150, GOOD) == 180


def test_failures_slow_it_down_to_a_few_minutes() -> None:
    assert pauses(Pace(60, 0.0), AWAY, AWAY, AWAY) == [120, 240, 300]


def test_the_first_good_poll_brings_the_normal_beat_back() -> None:
    assert pauses(Pace(60, 0.0), AWAY, AWAY, GOOD, GOOD)[2:] == [60, 60]


def test_being_asked_for_fewer_requests_slows_it_down_and_wears_off_step_by_step() -> None:
    assert pauses(Pace(60, 0.0), LIMITED, LIMITED, GOOD, GOOD) == [120, 240, 120, 60]


def test_it_hurries_once_every_further_pause_would_cost_signals() -> None:
    found = pauses(Pace(60, 0.0), GOOD, *[AWAY] * 8, lasting=5)
    reached = [sum(found[: count + 1]) for count in range(len(found))]
    assert LONGEST_PAUSE + 60 > reached[5] > LONGEST_PAUSE - 60
    assert found[-1] == 35


def test_a_limit_is_respected_even_then() -> None:
    assert min(pauses(Pace(60, 0.0), *[REFUSED] * 12)[3:]) >= 120


def test_a_beat_longer_than_the_api_remembers_is_shortened() -> None:
    assert pauses(Pace(20 * 60, 0.0), GOOD, GOOD) == [LONGEST_PAUSE, LONGEST_PAUSE]


def test_after_a_step_that_outlasted_the_apis_memory_it_polls_at_once() -> None:
    assert Pace(18 * 60, 0.0).next_due(0, 19 * 60, GOOD) == 19 * 60


steps = st.lists(st.tuples(st.sampled_from([GOOD, AWAY]), st.floats(0, 300)), max_size=40)
limited_steps = st.lists(
    st.tuples(st.sampled_from([GOOD, AWAY, LIMITED, REFUSED]), st.floats(0, 300)), max_size=40
)


def overdue(every: float, steps: list[tuple[Step, float]]) -> float:
    """The longest pause after a step, in so far as it outlasts the API's memory."""
    pace, began, good, longest = Pace(every, 0.0), 0.0, 0.0, 0.0
    for step, lasting in steps:
        now = began + lasting
        good = began if step.good else good
        began = pace.next_due(began, now, step)
        assert began >= now
        if began > good + LONGEST_PAUSE:
            longest = max(longest, began - now)
    return longest


@example(292.830078125, [(Step(exit_code=0, good=True), 292.83012383796523)])
@given(st.floats(30, 1200), steps)
def test_no_pause_outlasts_the_apis_memory_by_more_than_half_a_minute(
    every: float, these: list[tuple[Step, float]]
) -> None:
    assert overdue(every, these) <= 30.001


@given(st.floats(30, 1200), limited_steps)
def test_not_even_a_limit_makes_it_pause_for_long(every: float, these: list[tuple[Step, float]]) -> None:
    assert overdue(every, these) <= max(300, every) + 0.001


@given(st.floats(30, 1000), st.lists(st.floats(0, 29), min_size=3, max_size=60))
def test_without_trouble_it_never_drifts(every: float, lasting: list[float]) -> None:
    pace, began = Pace(every, 0.0), 0.0
    for beat, seconds in enumerate(lasting, 1):
        began = pace.next_due(began, began + seconds, GOOD)
        assert abs(began - beat * every) < 0.001
