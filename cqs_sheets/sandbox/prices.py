"""What is traded where, and what it costs at every second of every day: a pure function of the seed.

A day of a coin is drawn at once: a walk from minute to minute that begins and ends where the days beside it
do. Within a minute the price goes from its open over its two extremes to its close, in straight lines, so
a candle tells exactly what the seconds hold. All exchanges follow the coin, each a little apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate, pairwise
from random import Random
from typing import Final, NamedTuple, TypeVar

T = TypeVar("T")


def seeded(*parts: object) -> Random:
    """Return a generator that depends on `parts` alone.

    Draw from it with `random()` only, the one method whose sequence Python promises to keep.
    """
    return Random("/".join(map(str, parts)))  # noqa: S311 - a game market, not cryptography


def pick(rng: Random, choices: Sequence[T]) -> T:
    """Return one of `choices`, each as likely as the others."""
    return choices[int(rng.random() * len(choices))]


def between(rng: Random, low: float, high: float) -> float:
    """Return a number in [low, high), evenly spread."""
    return low + (high - low) * rng.random()


FUTURES_CODES = (
    "binance_futures",
    "bitget_futures",
    "bitmex",
    "bybit",
    "deribit",
    "htx_futures",
    "kucoin_futures",
    "okx_futures",
)
"""The futures exchange codes of the guide, in its order."""

SPOT_CODES = ("binance", "kucoin", "okx", "htx", "bitget", "gateio")
"""The spot exchange codes of the sandbox (the guide names only some)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A coin, its quote currency and its price grid.

    Prices are whole numbers of ticks; one tick is `tick` units of 10**-decimals.
    """

    coin: str
    currency: str
    reference: int
    tick: int
    decimals: int

    def price(self, ticks: int) -> str:
        """Write a price in ticks as a plain decimal: no exponent, no trailing zeros."""
        return plain(ticks * self.tick, self.decimals)


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange: its code, the rarer casings that some rows carry, and its pairs.

    A pair that stands in `pairs` several times is picked that much more often.
    """

    code: str
    futures: bool
    weight: int
    pairs: tuple[Pair, ...]
    casings: tuple[str, ...] = ()


def plain(units: int, decimals: int) -> str:
    """Write `units` of 10**-decimals (not negative) as a plain decimal without trailing zeros."""
    if decimals == 0:
        return str(units)
    whole, rest = divmod(units, 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def _pair(coin: str, currency: str, price: str, tick: str) -> Pair:
    step = Decimal(tick)
    decimals = max(0, -int(step.as_tuple().exponent))
    reference = int(Decimal(price) / step)
    return Pair(coin, currency, reference, int(step.scaleb(decimals)), decimals)


_MAJORS = (
    ("BTC", "94325", "0.5"),
    ("ETH", "3121.44", "0.01"),
    ("SOL", "171.32", "0.01"),
    ("XRP", "2.3418", "0.0001"),
)
_ALTS = (
    ("BNB", "871.5", "0.1"),
    ("DOGE", "0.18231", "0.00001"),
    ("ADA", "0.6624", "0.0001"),
    ("AVAX", "21.35", "0.01"),
    ("LINK", "17.842", "0.001"),
    ("LTC", "96.15", "0.05"),
    ("TRX", "0.2914", "0.0001"),
    ("1INCH", "0.2217", "0.0001"),
    ("SHIB", "0.00001243", "0.00000001"),
    ("PEPE", "0.0000114732", "0.0000000001"),
    ("1000SATS", "0.00003127", "0.00000001"),
    ("BTTC", "0.0000006421", "0.0000000001"),
    ("SATS", "0.0000000312", "0.0000000000001"),
    ("YFI", "5128", "1"),
    ("币安人生", "0.15731", "0.00001"),
)
_AGAINST_BTC = (
    ("ETH", "0.03309", "0.00001"),
    ("SOL", "0.0018163", "0.0000001"),
    ("XRP", "0.00002483", "0.00000001"),
    ("DOGE", "0.00000193", "0.00000001"),
)

_USDT = tuple(_pair(coin, "USDT", price, tick) for coin, price, tick in (*_MAJORS, *_MAJORS, *_ALTS))
_USDC = tuple(_pair(coin, "USDC", price, tick) for coin, price, tick in _MAJORS)
_USD = tuple(_pair(coin, "USD", price, tick) for coin, price, tick in _MAJORS)
_BTC = tuple(_pair(coin, "BTC", price, tick) for coin, price, tick in _AGAINST_BTC)

_SPOT_PAIRS = (*_USDT, *_USDT, *_BTC, *_USDC)
_FUTURES_PAIRS = (*_USDT, *_USDT, *_USDC)

EXCHANGES = (
    Exchange("binance", False, 10, _SPOT_PAIRS, ("BINANCE",)),
    Exchange("kucoin", False, 5, _SPOT_PAIRS, ("KUCOIN", "Kucoin")),
    Exchange("okx", False, 2, _SPOT_PAIRS),
    Exchange("htx", False, 1, _SPOT_PAIRS),
    Exchange("bitget", False, 2, _SPOT_PAIRS),
    Exchange("gateio", False, 2, _SPOT_PAIRS),
    Exchange("binance_futures", True, 10, _FUTURES_PAIRS, ("BINANCE_FUTURES",)),
    Exchange("bitget_futures", True, 2, _FUTURES_PAIRS),
    Exchange("bitmex", True, 2, (*_USD, *_USDT[:4])),
    Exchange("bybit", True, 5, _FUTURES_PAIRS, ("BYBIT",)),
    Exchange("deribit", True, 1, (*_USD, *_USDC)),
    Exchange("htx_futures", True, 1, _FUTURES_PAIRS),
    Exchange("kucoin_futures", True, 3, _FUTURES_PAIRS),
    Exchange("okx_futures", True, 2, _FUTURES_PAIRS),
)
"""Every exchange of the sandbox; `weight` says how often signals name it."""


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
