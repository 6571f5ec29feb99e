"""The loop itself, in a time that passes only when it sleeps."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from cqs_sheets.cli.commands.watch import Stopwatch
from cqs_sheets.errors import Interrupted
from cqs_sheets.run.sync import GOES_ON, Beat, Step, watch


@dataclass
class Time:
    """A clock that sleeping moves; `signal_at` interrupts the sleep that reaches it."""

    now: float = 0.0
    signal_at: float = float("inf")
    naps: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds
        if self.now >= self.signal_at:
            raise Interrupted(signal.SIGTERM)


def run(time: Time, codes: list[int], *, every: float = 60, lasting: float | None = None) -> list[float]:
    """The times of the steps, which end with these codes and then with 77; the result comes last."""
    began: list[float] = []
    budgets: list[float] = []
    left = iter(codes)

    def step(retry_for: float) -> Step:
        budgets.append(retry_for)
        began.append(time.now)
        time.now += 2
        code = next(left, 77)
        return Step(exit_code=code, good=code != 69)

    code = watch(Beat(every=every, lasting=lasting), step, elapsed=time, sleep=time.sleep)
    end = float("inf") if lasting is None else lasting
    assert budgets == [min(every, 18 * 60, end - moment) for moment in began]
    return [*began, code]


def test_it_ends_when_no_further_poll_is_due_in_its_time() -> None:
    assert run(Time(), [0] * 9, lasting=180) == [0, 60, 120, 180, 0]


def test_it_ends_with_the_last_state() -> None:
    assert run(Time(), [0, 75, 0, 75], lasting=180)[-1] == 75


@pytest.mark.parametrize("code", sorted(GOES_ON))
def test_it_goes_on_through_what_time_may_mend(code: int) -> None:
    assert len(run(Time(), [code] * 3)) == 3 + 1 + 1


@pytest.mark.parametrize("code", [2, 77, 130, 143])
def test_it_ends_on_what_repeating_cannot_mend(code: int) -> None:
    assert run(Time(), [0, code, 0]) == [0, 60, code]


def test_a_signal_while_it_waits_ends_it_with_that_signals_code() -> None:
    assert run(Time(signal_at=100), [0] * 9) == [0, 60, 143]


def test_a_signal_during_a_step_that_ran_late_still_ends_it() -> None:
    time = Time()

    def step(_: float) -> Step:
        time.now += 120
        time.signal_at = time.now
        return Step(exit_code=0, good=True)

    assert watch(Beat(every=60, lasting=None), step, elapsed=time, sleep=time.sleep) == 143


def test_a_bug_is_not_swallowed() -> None:
    def step(_: float) -> Step:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch(Beat(every=60, lasting=None), step, elapsed=Time(), sleep=Time().sleep)


def test_a_computer_that_was_asleep_is_noticed_soon_after_it_woke() -> None:
    time = Time()

    def asleep_once(seconds: float) -> None:
        time.sleep(seconds + (3600 if len(time.naps) == 1 else 0))

    began: list[float] = []

    def step(_: float) -> Step:
        began.append(time.now)
        return Step(exit_code=0 if len(began) < 2 else 77, good=True)

    watch(Beat(every=900, lasting=None), step, elapsed=time, sleep=asleep_once)
    assert began == [0, 3660]


def test_the_stopwatch_counts_the_time_asleep_and_no_clock_that_was_set_back() -> None:
    monotonic, wall = iter([5.0, 15.0, 25.0, 35.0]), iter([1000.0, 1010.0, 4620.0, 100.0])
    stopwatch: Callable[[], float] = Stopwatch(lambda: next(monotonic), lambda: next(wall))
    assert [stopwatch(), stopwatch(), stopwatch()] == [10.0, 3620.0, 3630.0]
