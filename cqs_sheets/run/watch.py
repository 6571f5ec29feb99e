"""The loop around one sync: keeps its beat, goes on through trouble, ends when told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from cqs_sheets.errors import Interrupted

GOES_ON = frozenset({0, 65, 69, 75})
"""The exit codes that a later step may mend."""

LONGEST_PAUSE = 18 * 60.0
"""Seconds from one good poll to the next: the API looks back 20 minutes, and asking takes a while."""

_SLOWEST = 5 * 60.0  # seconds between failing polls, so that the first good one comes soon
_HURRY = 30.0  # seconds between polls once every further one costs signals
_DOUBLINGS = 4
_NAP = 30.0  # seconds: a computer that was asleep is noticed this soon after it woke


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """When to poll: every `every` seconds, for `lasting` seconds (None: until stopped)."""

    every: float
    lasting: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one sync came to.

    `good`: every feed was polled in full. `limited`: the API asked for fewer requests, even if it
    answered in the end.
    """

    exit_code: int
    good: bool
    limited: bool = False


class Pace:
    """Says when the next poll is due; times are seconds of one clock.

    Polls lie on the grid of whole beats after `begun`, whatever a step took. After failures, and
    when the API asks for it, the pauses double, up to a few minutes. No pause outlasts the API's
    memory: a beat that is too long is shortened, and LONGEST_PAUSE after the last good poll the
    next one is due without waiting for the grid.
    """

    def __init__(self, every: float, begun: float) -> None:
        self.every = min(every, LONGEST_PAUSE)
        self._begun = self._due = self._good = begun
        self._failures = self._limits = 0

    def next_due(self, began: float, now: float, step: Step) -> float:
        """When to poll again after a step that ran from `began` to `now`."""
        if step.good:
            self._good, self._failures = began, 0
        else:
            self._failures += 1
        self._limits = self._limits + 1 if step.limited else max(0, self._limits - 1)
        due = self._on_grid(max(now, self._due + self._slowed(self._failures + self._limits)))
        rest = 0.0 if step.good else self._slowed(self._limits) if self._limits else min(self.every, _HURRY)
        self._due = min(due, max(self._good + LONGEST_PAUSE, now + rest))
        return self._due

    def _slowed(self, times: int) -> float:
        return min(self.every * 2.0 ** min(times, _DOUBLINGS), max(self.every, _SLOWEST))

    def _on_grid(self, moment: float) -> float:
        beats = math.ceil(round((moment - self._begun) / self.every, 6))
        return max(moment, self._begun + beats * self.every)  # rounded, a beat may lie a hair before it


def watch(
    beat: Beat,
    step: Callable[[float], Step],
    *,
    elapsed: Callable[[], float],
    sleep: Callable[[float], None],
) -> int:
    """Run `step` on the beat; returns the last one's exit code, or that of the signal that ended it.

    `step` gets the seconds until the next poll is due, or the watch ends: its budget for retries.
    Ends after `lasting`, on a signal (`sleep` raises Interrupted), and on exit codes that repeating cannot
    mend. `elapsed` counts seconds, those the computer was asleep included.
    """
    begun = elapsed()
    end = math.inf if beat.lasting is None else begun + beat.lasting
    pace = Pace(beat.every, begun)
    while True:
        began = elapsed()
        done = step(min(pace.every, end - began))
        due = pace.next_due(began, elapsed(), done)
        if due > end or done.exit_code not in GOES_ON:
            return done.exit_code
        try:
            _rest(due, elapsed, sleep)
        except Interrupted as stopped:
            return stopped.exit_code


def _rest(due: float, elapsed: Callable[[], float], sleep: Callable[[float], None]) -> None:
    """Sleep until `due`, in naps: the clock may jump while the computer itself is asleep."""
    while True:
        left = due - elapsed()
        sleep(min(max(0.0, left), _NAP))
        if left <= _NAP:
            return
