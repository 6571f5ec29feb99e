"""One trade, one candle: what a candle does to an order, a position, its targets and its stop.

A candle tells its open, its extremes and its close, not the way between. Whatever the open reaches is
sure. After it the price may go up and down as it likes between the extremes, and must reach both: every
order in which it can touch the levels is followed, and each ends in a reading of its own.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from cqs_sheets.core.outcomes.candles import Bar, Price, Touch, divided
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Levels


class Fill(NamedTuple):
    """An entry order filled; `at_open` where the candle opened there or better."""

    minute: int
    price: Price
    at_open: bool


class Exit(NamedTuple):
    """A part of the position closed; `share` None where a level was only touched, as there is no R."""

    minute: int
    price: Price
    share: Price | None
    why: str


class Reading(NamedTuple):
    """A trade as one order of events has it.

    `risk` is the planned one, once filled (None: touches only). `left` is the open share of what was filled.
    `moved` is where the stop was put by the rules, `reached` the last target's price. `high` and `low` are
    the extremes that surely came after the fill. `end` is how it ended, "" while it has not.
    """

    fills: tuple[Fill, ...] = ()
    exits: tuple[Exit, ...] = ()
    hits: int = 0
    left: Price = 1
    risk: Price | None = None
    moved: Price | None = None
    reached: Price | None = None
    high: Price | None = None
    low: Price | None = None
    end: str = ""

    @property
    def touches_only(self) -> bool:
        """Filled, but without a usable stop or target."""
        return bool(self.fills) and self.risk is None

    @property
    def average(self) -> Price:
        """The average price of the fills."""
        return divided(sum(fill.price for fill in self.fills), len(self.fills))


class Terms(NamedTuple):
    """What holds for one reading during one candle: a stop that is moved meanwhile holds from the next on."""

    rules: Rules
    levels: Levels
    stop: Price | None
    why: str


def terms(reading: Reading, levels: Levels, rules: Rules) -> Terms:
    """What holds for a reading in the next candle."""
    stop, moved = levels.stop, reading.moved
    if moved is not None and (stop is None or moved > stop):
        return Terms(rules, levels, moved, rules.stop)
    return Terms(rules, levels, stop, "stop")


def touch_of(reading: Reading, held: Terms) -> Touch:
    """The levels at which something happens to a reading."""
    return Touch(_next_below(reading, held), _next_above(reading, held))


def step(reading: Reading, bar: Bar, held: Terms, *, first: bool) -> list[Reading]:
    """Every reading that a live one may have become after a candle; `first`: it is the clock's first."""
    found: list[Reading] = []
    todo = [_at_open(reading, bar, held, first=first)]
    while todo:
        now = todo.pop()
        below, above = (None, None) if now.end else touch_of(now, held)
        falls = below is not None and below >= bar.low
        rises = above is not None and above <= bar.high
        # what only one side reaches must happen; of what both reach either may come first
        if below is not None and falls:
            todo.append(_fallen(now, bar.minute, held))
        if above is not None and rises:
            todo.append(_risen(now, bar.minute, held))
        if not falls and not rises:
            seen = _watched(now, bar) if now.end else now
            found += [] if seen in found else [seen]
    return found


def watched(reading: Reading, high: Price, low: Price) -> Reading:
    """A filled reading after prices that surely came after its fill."""
    return reading._replace(
        high=high if reading.high is None else max(reading.high, high),
        low=low if reading.low is None else min(reading.low, low),
    )


def settled(reading: Reading, bar: Bar) -> Reading:
    """A live reading after all of a candle, as far as that surely came after the fill."""
    return _watched(reading, bar) if reading.fills and not reading.end else reading


def at_horizon(reading: Reading, last: Bar | None) -> Reading:
    """A live reading at the end of its time; `last` is the last candle before that, not yet settled."""
    if not reading.fills or last is None:
        return reading._replace(end="unfilled")
    if reading.touches_only:
        return _watched(reading._replace(end="touched"), last)
    closing = Exit(last.minute, last.close, reading.left, "horizon")
    return _watched(_closed(reading, closing, "partial" if reading.hits else "expired"), last)


def _watched(reading: Reading, bar: Bar) -> Reading:
    """The extremes with those of a candle; of the exit's candle only its open and the exits count."""
    if not reading.fills:
        return reading
    entered = reading.fills[0]
    prices = [gone.price for gone in reading.exits if gone.minute == bar.minute]
    if entered.minute < bar.minute or entered.at_open:
        prices += (bar.open,) if reading.end else (bar.high, bar.low)
    elif not reading.end:
        prices += (bar.low, bar.close)
    return watched(reading, max(prices), min(prices)) if prices else reading


def _at_open(reading: Reading, bar: Bar, held: Terms, *, first: bool) -> Reading:
    targets, stop = held.levels.targets, held.stop
    if not reading.fills:
        if first and stop is not None and bar.open <= stop:
            return reading._replace(end="invalidated")
        if targets and bar.open >= targets[0] + held.rules.through:
            return reading._replace(end="missed")
    for order in _resting(reading, held):
        if bar.open <= order - held.rules.through:
            price = bar.open if first else order
            reading = _filled(reading, Fill(bar.minute, price, True), held)
    if reading.fills and stop is not None and bar.open <= stop:
        return _stopped(reading, bar.minute, bar.open, held)
    while reading.fills and not reading.end:
        above = _next_above(reading, held)
        if above is None or above > bar.open:
            break
        reading = _risen(reading, bar.minute, held)
    return reading


def _resting(reading: Reading, held: Terms) -> tuple[Price, ...]:
    """The entry orders still there: what is left of them is cancelled at target 1."""
    return () if reading.hits or reading.end else held.levels.orders[len(reading.fills) :]


def _next_below(reading: Reading, held: Terms) -> Price | None:
    resting = _resting(reading, held)
    if resting:
        return resting[0] - held.rules.through
    return held.stop if reading.fills else None


def _next_above(reading: Reading, held: Terms) -> Price | None:
    targets = held.levels.targets
    return targets[reading.hits] + held.rules.through if reading.hits < len(targets) else None


def _fallen(reading: Reading, minute: int, held: Terms) -> Reading:
    """What the next level below does, at that level's own price."""
    resting = _resting(reading, held)
    if resting:
        return _filled(reading, Fill(minute, resting[0], False), held)
    return reading if held.stop is None else _stopped(reading, minute, held.stop, held)


def _risen(reading: Reading, minute: int, held: Terms) -> Reading:
    """What the next target does."""
    if not reading.fills:
        return reading._replace(end="missed")
    return _hit(reading, minute, held.levels.targets[reading.hits], held)


def _filled(reading: Reading, fill: Fill, held: Terms) -> Reading:
    risk = reading.risk if reading.fills else held.levels.risk
    return reading._replace(fills=(*reading.fills, fill), risk=risk)


def _stopped(reading: Reading, minute: int, price: Price, held: Terms) -> Reading:
    if reading.touches_only:
        return _closed(reading, Exit(minute, price, None, held.why), "touched")
    return _closed(
        reading, Exit(minute, price, reading.left, held.why), "partial" if reading.hits else "stopped"
    )


def _hit(reading: Reading, minute: int, price: Price, held: Terms) -> Reading:
    """The next target touched: its part is closed there, and the stop is put where the rules say."""
    rank = reading.hits + 1
    moved, stop = reading.moved, held.rules.stop
    if stop != "fixed" and rank == 1:
        moved = reading.average
    elif stop == "trailing":
        moved = reading.reached
    hit = reading._replace(hits=rank, moved=moved, reached=price)
    last = rank >= len(held.levels.targets)
    if reading.touches_only:
        return _closed(hit, Exit(minute, price, None, f"target{rank}"), "touched" if last else "")
    share = reading.left if last else reading.left * _part(rank, len(held.levels.targets), held.rules.split)
    return _closed(hit, Exit(minute, price, share, f"target{rank}"), "won" if share == reading.left else "")


def _closed(reading: Reading, gone: Exit, end: str) -> Reading:
    return reading._replace(exits=(*reading.exits, gone), left=reading.left - (gone.share or 0), end=end)


@lru_cache(maxsize=64)
def _part(rank: int, count: int, split: tuple[Decimal, ...] | None) -> Fraction:
    """The part of what is still open that the target of that rank closes."""
    if split is None:
        return Fraction(1, count - rank + 1)
    shares = [Fraction(share) for share in split[rank - 1 : count]]
    whole = sum(shares)
    return shares[0] / whole if whole else Fraction(0)
