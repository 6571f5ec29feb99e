"""Reproducible chance: every draw comes from a generator seeded by what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence


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
