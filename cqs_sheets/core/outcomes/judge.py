"""The judge: a signal's readings carried along its market's candles, and what became of it.

It can stop anywhere and go on later with further candles: two sittings give what one gives. What a state says in the
end is one of the contract's words, and what it was worth in R.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from cqs_sheets.core.outcomes.candles import (
    Bar,
    Candles,
    Price,
    Touch,
    price_decimal,
    to_eight_places,
    unsigned,
)
from cqs_sheets.core.outcomes.rules import Rules, order_count
from cqs_sheets.core.outcomes.setup import Setup, Story, moment_of, setup_of
from cqs_sheets.core.outcomes.trade import (
    Exit,
    Fill,
    Reading,
    Terms,
    at_horizon,
    settled,
    step,
    terms,
    touch_of,
    watched,
)
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.values import dataclass, replace

_EIGHT_HOURS = 480
_ENTERED = frozenset({"won", "partial", "stopped", "expired"})


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A part of the position closed: the start of its minute, at what price, which share, and why."""

    at: datetime
    price: Decimal
    share: Decimal | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one signal by one set of rules. Moments are starts of minutes (UTC); R has 8 places.

    `outcome` is None where it was not judged; `reason` then says why. `ends` is the end of its horizon,
    `targets` how many valid ones it has. What is not known is None.
    """

    signal: Signal
    outcome: str | None
    reason: str = ""
    clock: datetime | None = None
    clock_by: str | None = None
    ends: datetime | None = None
    targets: int | None = None
    targets_hit: int | None = None
    entered_at: datetime | None = None
    entry: Decimal | None = None
    legs: tuple[Leg, ...] = ()
    r_gross: Decimal | None = None
    r_net: Decimal | None = None
    r_worst: Decimal | None = None
    r_best: Decimal | None = None
    mfe_r: Decimal | None = None
    mae_r: Decimal | None = None
    ambiguous: bool | None = None
    liquidation_first: bool | None = None
    as_of: datetime | None = None


def judge(story: Story, rules: Rules, candles: Candles | None) -> Outcome:
    """A signal judged from scratch; without any candles of its market it is `unknown`."""
    setup = setup_of(story, rules)
    if isinstance(setup, str):
        return Outcome(signal=story.signal, outcome=None, reason=setup)
    state = State() if candles is None else proceed(State(), setup, rules, candles)
    return outcome_of(story.signal, setup, rules, state)


def outcome_of(signal: Signal, setup: Setup, rules: Rules, state: State) -> Outcome:
    """What a state says of a signal."""
    results = [_gross(one, rules) for one in state.readings]
    word, shown = _headline(state, results)
    several = len(state.readings) > 1
    paid = word in _ENTERED or (word == "missed" and several and not _touches_only(state))
    lowest = to_eight_places(min(results)) if paid else None
    highest = to_eight_places(max(results)) if paid and several else lowest
    seen = shown if state.last is None else settled(shown, state.last)
    measured = shown.risk is not None and word != "unknown"
    return Outcome(
        signal=signal,
        outcome=word,
        clock=moment_of(setup.clock),
        clock_by=setup.clock_by,
        ends=moment_of(setup.horizon),
        targets=len(setup.versions[0][1].targets),
        targets_hit=shown.hits,
        entered_at=moment_of(shown.fills[0].minute) if shown.fills else None,
        entry=price_decimal(unsigned(shown.average)) if shown.fills else None,
        legs=tuple(map(_leg, shown.exits)),
        r_gross=lowest,
        r_net=to_eight_places(min(results) - _cost(shown, signal.exchange, rules)) if paid else None,
        r_worst=lowest,
        r_best=highest,
        mfe_r=to_eight_places(max(Fraction(0), _excursion(seen, seen.high, rules))) if measured else None,
        mae_r=to_eight_places(min(Fraction(0), _excursion(seen, seen.low, rules))) if measured else None,
        ambiguous=several,
        liquidation_first=setup.liquidation_first,
        as_of=None if state.until is None else moment_of(state.until),
    )


def _headline(state: State, results: Sequence[Fraction]) -> tuple[str, Reading]:
    """The word for a signal, and the reading that is shown: of those that have ended the lowest."""
    live = [one for one in state.readings if not one.end]
    if state.unknown or state.until is None:
        return "unknown", (live or state.readings)[0]
    if _touches_only(state):  # there is no R to compare by: the reading that claims least
        shown = min(state.readings, key=lambda one: (len(one.fills), one.hits))
        return "touched" if shown.fills else "missed", shown
    if live:
        return "open" if live[0].fills else "waiting", live[0]
    ended = zip(results, state.readings, strict=True)
    _, shown = min(ended, key=lambda one: (one[0], one[1].end != "missed"))
    return shown.end, shown


def _touches_only(state: State) -> bool:
    return any(one.touches_only for one in state.readings)


def _leg(gone: Exit) -> Leg:
    share = None if gone.share is None else _share(gone.share)
    return Leg(
        at=moment_of(gone.minute), price=price_decimal(unsigned(gone.price)), share=share, why=gone.why
    )


@lru_cache(maxsize=256)  # one object for all the thirds of a report
def _share(share: Price) -> Decimal:
    return to_eight_places(share)


def _over_risk(reading: Reading, amount: Price, rules: Rules) -> Fraction:
    """What a whole position of this size makes of a difference in price; an order not filled adds 0."""
    if not reading.fills or not reading.risk:
        return Fraction(0)
    return Fraction(amount * len(reading.fills), order_count(rules) * reading.risk)


def _gross(reading: Reading, rules: Rules) -> Fraction:
    if not reading.fills:
        return Fraction(0)
    return _over_risk(reading, _received(reading.exits) - reading.average, rules)


def _received(exits: Sequence[Exit]) -> Price:
    """What the exits brought: the sum of price times share, over one denominator as that is much faster."""
    if len(exits) == 1:
        return exits[0].price * (exits[0].share or 0)
    below = math.lcm(*((gone.share or 0).denominator for gone in exits))
    parts = ((gone.share or 0, gone.price) for gone in exits)
    return Fraction(
        sum(share.numerator * (below // share.denominator) * price for share, price in parts), below
    )


def _excursion(reading: Reading, price: Price | None, rules: Rules) -> Fraction:
    return Fraction(0) if price is None else _over_risk(reading, price - reading.average, rules)


def _cost(reading: Reading, exchange: str, rules: Rules) -> Fraction:
    """Fees on both sides and funding, in R."""
    if not reading.fills:
        return Fraction(0)
    turned_over = unsigned(reading.average) + unsigned(_received(reading.exits))
    paid = Fraction(*rules.fee.at(exchange).as_integer_ratio()) * turned_over
    funding = rules.funding_at(exchange)
    if funding:
        paid += (
            Fraction(funding) * sum(_held_over(reading, fill) for fill in reading.fills) / len(reading.fills)
        )
    return _over_risk(reading, paid, rules)


def _held_over(reading: Reading, fill: Fill) -> Price:
    """The entry price of a fill times its open share, summed over each 00, 08 and 16 UTC that it passed."""
    total: Price = 0
    held, since = Fraction(1), fill.minute
    for gone in reading.exits:
        total += held * (gone.minute // _EIGHT_HOURS - since // _EIGHT_HOURS)
        held, since = held - (gone.share or 0), gone.minute
    return total * unsigned(fill.price)
