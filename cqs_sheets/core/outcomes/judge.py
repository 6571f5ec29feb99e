"""The judge: a signal's readings carried along its market's candles, from the clock to the horizon.

It can stop anywhere and go on later with further candles: two sittings give what one gives.
"""

from __future__ import annotations

from collections.abc import Sequence

from cqs_sheets.core.outcomes.candles import Bar, Candles, Touch
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Setup
from cqs_sheets.core.outcomes.trade import Reading, Terms, at_horizon, settled, step, terms, touch_of, watched
from cqs_sheets.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class State:
    """Where judging a signal stands.

    `last` is the last candle looked at, `until` the end of the minutes known of, both None before the
    first. `unknown`: too many minutes were missing before it was over. `needs`: the hour (its first minute)
    whose minutes are needed to go on, as something may happen in it.
    """

    readings: tuple[Reading, ...] = (Reading(),)
    last: Bar | None = None
    until: int | None = None
    unknown: bool = False
    needs: int | None = None

    @property
    def over(self) -> bool:
        """Whether no further candle can change anything."""
        return self.unknown or all(reading.end for reading in self.readings)


def proceed(state: State, setup: Setup, rules: Rules, candles: Candles) -> State:
    """The state after these candles; those that were looked at before may be missing or there again."""
    if candles.as_of is None:
        return state
    until = candles.as_of if state.until is None else max(state.until, candles.as_of)
    if state.over:
        return replace(state, until=until, needs=None)
    limit = min(until, setup.end)
    begin = setup.clock if state.last is None else state.last.minute + state.last.minutes
    needs = candles.hour_around(begin)
    if needs is not None:
        return replace(state, needs=needs)
    needs = candles.hour_around(limit)
    limit = limit if needs is None else needs
    first, end = candles.index(begin), candles.index(limit)
    sound, whole = _before_hole(candles, first, end, begin=begin, limit=limit, longest=rules.max_hole)
    sitting = _Sitting(state, setup, rules, candles)
    stopped = sitting.run(first, sound)
    readings = sitting.readings
    if stopped is not None:
        return State(tuple(readings), sitting.last, stopped, needs=stopped)
    unknown = not whole and not all(reading.end for reading in readings)
    if needs is not None and not unknown and any(not reading.end for reading in readings):
        return State(tuple(readings), sitting.last, limit, needs=needs)
    over = whole and until >= setup.end
    return (
        _ended(readings, sitting.last, until)
        if over
        else State(tuple(readings), sitting.last, until, unknown)
    )


def _ended(readings: Sequence[Reading], last: Bar | None, until: int) -> State:
    """The state at the end of a signal's time."""
    if last and last.minutes > 1 and any(one.fills and not one.end for one in readings):
        # what is still held is closed in the hour's last minute with a trade: it is looked at from its open on
        begun = Bar(last.minute - 1, last.open, last.open, last.open, last.open)
        return State(tuple(readings), begun, last.minute, needs=last.minute)
    return State(tuple(one if one.end else at_horizon(one, last) for one in readings), last, until)


def _before_hole(
    candles: Candles, first: int, end: int, *, begin: int, limit: int, longest: int
) -> tuple[int, bool]:
    """The end of the candles before too large a hole, and whether there is none up to `limit`."""
    if first >= end:
        return first, limit - begin <= longest
    minutes = candles.minutes
    if minutes[first] - begin > longest:
        return first, False
    hole = candles.first_hole(longest, first, end)
    return hole, hole == end and limit - candles.end_of(end - 1) <= longest


class _Sitting:
    """The readings of one signal on their way along the candles of its market."""

    def __init__(self, state: State, setup: Setup, rules: Rules, candles: Candles) -> None:
        self.readings = list(state.readings)
        self.last = state.last
        self._setup, self._rules, self._candles = setup, rules, candles

    def run(self, first: int, end: int) -> int | None:
        """Go along the candles [first, end), from one that touches a level to the next.

        Where that is an hour, or other levels begin to hold within one, it ends before it: the hour then is told.
        """
        candles, side = self._candles, self._setup.side
        while first < end and any(not reading.end for reading in self.readings):
            levels, change = self._setup.levels_at(candles.minutes[first])
            bound = end if change is None else min(end, candles.index(change))
            terms_of_each = [terms(one, levels, self._rules) for one in self.readings]
            at = candles.next_touch(first, bound, _widest(self.readings, terms_of_each), side)
            within = None if change is None else candles.hour_around(change)
            if within is not None and at == bound:  # the levels change within the last hour before it
                at = bound - 1
            self._pass_over(first, at)
            if at < end and candles.is_hour(at) and (at < bound or within is not None):
                return candles.minutes[at]
            if at < bound:
                self._look_at(candles.bar(at, side), terms_of_each)
            first = at + 1 if at < bound else bound
        return None

    def _pass_over(self, first: int, end: int) -> None:
        """Candles that touch nothing: they only add to what was seen."""
        if first >= end:
            return
        self._settle()
        if first < end - 1:
            high, low = self._candles.extremes(first, end - 1, self._setup.side)
            self.readings = [
                watched(one, high, low) if one.fills and not one.end else one for one in self.readings
            ]
        self.last = self._candles.bar(end - 1, self._setup.side)

    def _look_at(self, bar: Bar, terms_of_each: list[Terms]) -> None:
        """A candle in which something happens."""
        self._settle()
        found: list[Reading] = []
        for one, held in zip(self.readings, terms_of_each, strict=True):
            became = [one] if one.end else step(one, bar, held, first=self.last is None)
            found += [new for new in became if new not in found]
        self.readings, self.last = found, bar

    def _settle(self) -> None:
        """Take in the last candle: no longer may it turn out to be that of the exit."""
        if self.last is not None:
            self.readings = [settled(one, self.last) for one in self.readings]


def _widest(readings: list[Reading], terms_of_each: list[Terms]) -> Touch:
    """The levels nearest to the price, of all live readings."""
    touches = [touch_of(one, held) for one, held in zip(readings, terms_of_each, strict=True) if not one.end]
    if len(touches) == 1:
        return touches[0]
    lows = [touch.low for touch in touches if touch.low is not None]
    highs = [touch.high for touch in touches if touch.high is not None]
    return Touch(max(lows, default=None), min(highs, default=None))
