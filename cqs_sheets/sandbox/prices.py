"""What everything costs, at every second of every day: a pure function of the seed.

A day of a coin is drawn at once: a walk from minute to minute that begins and ends where the days beside it
do. Within a minute the price goes from its open over its two extremes to its close, in straight lines, so
a candle tells exactly what the seconds hold. All exchanges follow the coin, each a little apart.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from cqs_sheets.sandbox.instruments import between, seeded

if TYPE_CHECKING:
    from cqs_sheets.sandbox.instruments import Exchange, Pair

HOUR: Final = 60
MINUTES_A_DAY: Final = 1440
_MINUTE_STEP = 0.0009  # the usual change from minute to minute: some 3.5 % a day
_WICK = 0.0006
_APART = 0.0008  # how far exchanges stand apart, at most
_QUIET = 0.002  # the share of minutes in which nobody trades
_OUTAGE_DAY = 0.002  # the share of days on which an exchange does not trade a pair for hours
_OUTAGE_MINUTES = (90, 400)
_DOLLARS = frozenset({"USD", "USDT", "USDC"})


class Candle(NamedTuple):
    """A minute, or several, that begin at `minute` (since 1970); prices in ticks, `volume` in coins."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    volume: float


class _Day(NamedTuple):
    """A coin's day, in logarithms of what a reference price is multiplied by; an entry a minute.

    `levels` has one more: what one minute closes with, the next opens with. `high_first`: before the low.
    """

    levels: list[float]
    highs: list[float]
    lows: list[float]
    high_first: list[bool]
    volumes: list[float]


class Prices:
    """The prices of every pair at every exchange, `later` hours later. Safe to share between threads."""

    def __init__(self, seed: int, later: int = 0) -> None:
        self._seed = seed
        self._later = later * HOUR
        self._day = lru_cache(maxsize=512)(self._draw_day)
        self._gaps = lru_cache(maxsize=4096)(self._draw_gaps)
        self._apart = lru_cache(maxsize=512)(self._draw_apart)

    def at(self, exchange: Exchange, pair: Pair, second: int) -> int:
        """What a pair costs at a second since 1970, in ticks: the last price anybody paid."""
        minute, within = divmod(second, 60)
        candle = self._candle(exchange, pair, minute)
        if candle is None:
            while candle is None:
                minute -= 1
                candle = self._candle(exchange, pair, minute)
            return candle.close
        day, place = self._place(minute)
        between_ends = (candle.high, candle.low)
        if not self._day(_path(pair), day).high_first[place]:
            between_ends = (candle.low, candle.high)
        knots = (candle.open, *between_ends, candle.close)
        part = min(within // 20, 2)
        here, there = knots[part], knots[part + 1]
        steps = 19 if part == 2 else 20  # noqa: PLR2004 - the last of 60 seconds is the close
        return here + round((there - here) * (within - 20 * part) / steps)

    def minutes(self, exchange: Exchange, pair: Pair, first: int, end: int) -> list[Candle]:
        """The candles of the minutes [first, end) in which somebody traded."""
        found = (self._candle(exchange, pair, minute) for minute in range(first, end))
        return [candle for candle in found if candle is not None]

    def hours(self, exchange: Exchange, pair: Pair, first: int, end: int) -> list[Candle]:
        """The candles of the hours that begin in the minutes [first, end), of those with a trade."""
        found = (self._hour(exchange, pair, start) for start in range(first, end, HOUR))
        return [candle for candle in found if candle is not None]

    def _place(self, minute: int) -> tuple[int, int]:
        """The day of a minute since 1970, and which of its minutes that is."""
        return divmod(minute - self._later, MINUTES_A_DAY)

    def _candle(self, exchange: Exchange, pair: Pair, minute: int) -> Candle | None:
        """The candle of a minute, None where nobody traded."""
        day, place = self._place(minute)
        if place in self._gaps(exchange.code, pair.coin, pair.currency, day):
            return None
        return self._scaled(exchange, pair, minute, place, place + 1, self._day(_path(pair), day))

    def _hour(self, exchange: Exchange, pair: Pair, start: int) -> Candle | None:
        """The candle of an hour, None where nobody traded."""
        day, place = self._place(start)
        if self._gaps(exchange.code, pair.coin, pair.currency, day).isdisjoint(range(place, place + HOUR)):
            return self._scaled(exchange, pair, start, place, place + HOUR, self._day(_path(pair), day))
        candles = self.minutes(exchange, pair, start, start + HOUR)
        if not candles:
            return None
        high, low = max(one.high for one in candles), min(one.low for one in candles)
        volume = sum(one.volume for one in candles)
        return Candle(start, candles[0].open, high, low, candles[-1].close, volume)

    def _scaled(
        self, exchange: Exchange, pair: Pair, minute: int, first: int, end: int, day: _Day
    ) -> Candle:  # fmt: skip
        """One candle of the minutes [first, end) of a day, all of them traded."""
        scale = pair.reference * self._apart(exchange.code, pair.coin, pair.currency)
        levels = (day.levels[first], max(day.highs[first:end]), min(day.lows[first:end]), day.levels[end])
        opened, high, low, last = (max(1, round(scale * math.exp(level))) for level in levels)
        return Candle(minute, opened, high, low, last, sum(day.volumes[first:end]) / opened)

    def _draw_day(self, path: str, day: int) -> _Day:
        rng = seeded(self._seed, "day", path, day)
        draw = rng.random
        steps = [(draw() + draw() + draw() - 1.5) * 2 * _MINUTE_STEP for _ in range(MINUTES_A_DAY)]
        begin, end = self._level(path, day), self._level(path, day + 1)
        drift = (end - begin - sum(steps)) / MINUTES_A_DAY
        levels = list(accumulate((step + drift for step in steps), initial=begin))
        return _Day(
            levels,
            [max(pair) + draw() ** 3 * _WICK for pair in pairwise(levels)],
            [min(pair) - draw() ** 3 * _WICK for pair in pairwise(levels)],
            [draw() < 0.5 for _ in steps],  # noqa: PLR2004 - a coin's toss
            [1e6 * (0.2 + draw()) for _ in steps],
        )

    def _level(self, path: str, day: int) -> float:
        """The logarithm of how a price stands to its reference when a day begins."""
        rng = seeded(self._seed, "level", path)
        slow, fast = between(rng, 0, math.tau), between(rng, 0, math.tau)
        drawn = between(seeded(self._seed, "level", path, day), -0.035, 0.035)
        return 0.1 * math.sin(day / 9 + slow) + 0.06 * math.sin(day / 2.6 + fast) + drawn

    def _draw_gaps(self, code: str, coin: str, currency: str, day: int) -> frozenset[int]:
        """The minutes of a day in which nobody trades a pair at an exchange."""
        rng = seeded(self._seed, "gaps", code, coin, currency, day)
        quiet = {
            int(rng.random() * MINUTES_A_DAY) for _ in range(int(2 * rng.random() * _QUIET * MINUTES_A_DAY))
        }
        if rng.random() < _OUTAGE_DAY:
            begin, lasting = int(rng.random() * 1000), int(between(rng, *_OUTAGE_MINUTES))
            quiet |= set(range(begin, begin + lasting))
        return frozenset(quiet)

    def _draw_apart(self, code: str, coin: str, currency: str) -> float:
        return 1 + between(seeded(self._seed, "apart", code, coin, currency), -_APART, _APART)


def _path(pair: Pair) -> str:
    """What a pair follows: its coin in dollars, whichever, or against its currency."""
    return pair.coin if pair.currency in _DOLLARS else f"{pair.coin}/{pair.currency}"
