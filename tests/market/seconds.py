"""What somebody saw who sat before the sandbox's market every second of a trade, for the oracle to judge."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from cqs_sheets.sandbox.prices import Candle, Exchange, Pair, Prices
from tests.core.outcomes.oracle import Plan, Price, Tick, Truth, divided, truth_of

TURNS = (0, 20, 40, 59)
"""The seconds of a minute at which its price may turn: tests/sandbox/test_market.py holds it to that."""


class Stretch:
    """Minutes, and how low and high the price was in them."""

    def __init__(self, candles: Sequence[Candle]) -> None:
        self.candles = candles
        self.low = min((one.low for one in candles), default=0)
        self.high = max((one.high for one in candles), default=0)


@dataclass(eq=False)
class Seconds:
    """A pair's prices at an exchange. `finer` of the oracle's units are one tick of the pair."""

    prices: Prices
    exchange: Exchange
    pair: Pair
    finer: int = 1

    def truth(self, plan: Plan, clock: int) -> Truth:
        """What became of a plan whose clock is that minute since 1970."""
        levels = self._levels(plan, clock)
        return truth_of(plan, ((price, minute - clock) for price, minute in self._ticks(plan, clock, levels)))

    def _levels(self, plan: Plan, clock: int) -> list[Price]:
        """Every price at which something may happen, those that a stop may be moved to among them."""
        first = self.prices.minutes(self.exchange, self.pair, clock, clock + 1)
        edges: list[Price] = [plan.near, divided(plan.near + plan.far, 2), plan.far]
        opened = [one.open * self.finer for one in first]
        averages = {
            divided(sum([*opened * at_open, *edges[at_open:count]]), count)
            for count in (1, 2, 3)
            for at_open in (range(count + 1) if opened else range(1))
        }
        return sorted({*edges, *averages, *plan.targets, *([] if plan.stop is None else [plan.stop])})

    def _ticks(self, plan: Plan, clock: int, levels: Sequence[Price]) -> Iterator[Tick]:
        """What was paid in the minutes in which a level is touched or leapt over; of others where they led."""
        end = clock + plan.horizon
        before: int | None = None
        for hour in range(clock - clock % 60, end, 60):
            stretch = self.hour(hour) if clock <= hour <= end - 60 else None
            if stretch and self._quiet(stretch, levels, before):
                yield from self._led(stretch)
                continue
            for one in self.hour(hour).candles:
                if not clock <= one.minute < end:
                    continue
                minute = Stretch([one])
                if self._quiet(minute, levels, before):
                    yield from self._led(minute)
                else:
                    yield from self._every_price(one.minute, levels)
                    close = one.close * self.finer
                    before = bisect_left(levels, close) if close not in levels else None
        yield 0, end

    def _quiet(self, stretch: Stretch, levels: Sequence[Price], before: int | None) -> bool:
        """Whether all of it stayed between the two levels that the price was between before."""
        if not stretch.candles or before is None:
            return False
        low, high = stretch.low * self.finer, stretch.high * self.finer
        return bisect_left(levels, low) == before == bisect_right(levels, high)

    def _led(self, stretch: Stretch) -> Iterator[Tick]:
        first, last = stretch.candles[0], stretch.candles[-1]
        yield first.open * self.finer, first.minute
        for price in (stretch.high, stretch.low, last.close):
            yield price * self.finer, last.minute

    def _every_price(self, minute: int, levels: Sequence[Price]) -> Iterator[Tick]:
        """The seconds between which a price goes straight on, and the levels that are passed on the way."""
        paid = [
            self.prices.at(self.exchange, self.pair, minute * 60 + second) * self.finer for second in TURNS
        ]
        yield paid[0], minute
        for here, there in pairwise(paid):
            passed = [level for level in levels if min(here, there) < level < max(here, there)]
            yield from ((level, minute) for level in (passed if there > here else reversed(passed)))
            yield there, minute

    @cache  # noqa: B019 - lives as long as its market
    def hour(self, hour: int) -> Stretch:
        """An hour's minutes."""
        return Stretch(self.prices.minutes(self.exchange, self.pair, hour, hour + 60))
