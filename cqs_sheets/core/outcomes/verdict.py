"""What became of a signal: one of the contract's words, and what it was worth in R."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from cqs_sheets.core.outcomes.candles import Candles
from cqs_sheets.core.outcomes.judge import State, proceed
from cqs_sheets.core.outcomes.prices import Price, price_decimal, to_eight_places, unsigned
from cqs_sheets.core.outcomes.rules import Rules, order_count
from cqs_sheets.core.outcomes.setup import Setup, Story, moment_of, setup_of
from cqs_sheets.core.outcomes.trade import Exit, Fill, Reading, settled
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.values import dataclass

_EIGHT_HOURS = 480
_ENTERED = frozenset({"won", "partial", "stopped", "expired"})


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
