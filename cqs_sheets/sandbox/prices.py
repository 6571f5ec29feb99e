"""What everything costs, at every second of every day: a pure function of the seed.

A day of a coin is drawn at once: a walk from minute to minute that begins and ends where the days beside it
do. Within a minute the price goes from its open over its two extremes to its close, in straight lines, so
a candle tells exactly what the seconds hold. All exchanges follow the coin, each a little apart.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from cqs_sheets.sandbox.instruments import between, seeded

if TYPE_CHECKING:
    from cqs_sheets.sandbox.instruments import Exchange, Pair

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


class _Minute(NamedTuple):
    """A minute as the factors that a reference price is multiplied by; `high_first`: before the low."""

    open: float
    high: float
    low: float
    close: float
    high_first: bool
    volume: float


class Prices:
    """The prices of every pair at every exchange. Safe to share between threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._day = lru_cache(maxsize=1024)(self._draw_day)
        self._gaps = lru_cache(maxsize=4096)(self._draw_gaps)
        self._apart = lru_cache(maxsize=512)(self._draw_apart)

    def at(self, exchange: Exchange, pair: Pair, second: int) -> int:
        """What a pair costs at a second since 1970, in ticks: the last price anybody paid."""
        minute, within = divmod(second, 60)
        candle, drawn = self._traded(exchange, pair, minute)
        if candle is None:
            before = minute
            while candle is None:
                before -= 1
                candle, drawn = self._traded(exchange, pair, before)
            return candle.close
        knots = (candle.open, candle.high, candle.low, candle.close)
        if not drawn.high_first:
            knots = (candle.open, candle.low, candle.high, candle.close)
        part = min(within // 20, 2)
        here, there = knots[part], knots[part + 1]
        steps = 19 if part == 2 else 20  # noqa: PLR2004 - the last of 60 seconds is the close
        return here + round((there - here) * (within - 20 * part) / steps)

    def minutes(self, exchange: Exchange, pair: Pair, first: int, end: int) -> list[Candle]:
        """The candles of the minutes [first, end) in which somebody traded."""
        found = (self._traded(exchange, pair, minute)[0] for minute in range(first, end))
        return [candle for candle in found if candle is not None]

    def hours(self, exchange: Exchange, pair: Pair, first: int, end: int) -> list[Candle]:
        """The candles of the hours that begin in the minutes [first, end), of those with a trade."""
        found = []
        for start in range(first, end, 60):
            candles = self.minutes(exchange, pair, start, start + 60)
            if candles:
                found.append(
                    Candle(
                        start,
                        candles[0].open,
                        max(one.high for one in candles),
                        min(one.low for one in candles),
                        candles[-1].close,
                        sum(one.volume for one in candles),
                    )
                )
        return found

    def _traded(self, exchange: Exchange, pair: Pair, minute: int) -> tuple[Candle | None, _Minute]:
        """The candle of a minute, None where nobody traded, and what it was drawn as."""
        day, within = divmod(minute, MINUTES_A_DAY)
        drawn = self._day(_path(pair), day)[within]
        if within in self._gaps(exchange.code, pair.coin, pair.currency, day):
            return None, drawn
        scale = pair.reference * self._apart(exchange.code, pair.coin, pair.currency)
        first, high, low, last = (max(1, round(scale * factor)) for factor in drawn[:4])
        return Candle(minute, first, high, low, last, drawn.volume / first), drawn

    def _draw_day(self, path: str, day: int) -> tuple[_Minute, ...]:
        rng = seeded(self._seed, "day", path, day)
        draw = rng.random
        steps = [(draw() + draw() + draw() - 1.5) * 2 * _MINUTE_STEP for _ in range(MINUTES_A_DAY)]
        begin, end = self._level(path, day), self._level(path, day + 1)
        drift = (end - begin - sum(steps)) / MINUTES_A_DAY
        level, minutes = begin, []
        for step in steps:
            opened = level
            level += step + drift
            wick, tail = draw() ** 3 * _WICK, draw() ** 3 * _WICK
            minutes.append(
                _Minute(
                    math.exp(opened), math.exp(max(opened, level) + wick), math.exp(min(opened, level) - tail),
                    math.exp(level), draw() < 0.5, 1e6 * (0.2 + draw()),  # noqa: PLR2004 - a coin's toss
                )
            )  # fmt: skip
        return tuple(minutes)

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
