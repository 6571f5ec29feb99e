"""A pair's name in other tools: TradingView, ccxt, the exchange's own trading page.

A name we are not sure of is blank, never a guess: a wrong chart is worse than none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.core.signals.venues import MARKETS, Market
from cqs_sheets.core.signals.vocabulary import exchange_name

PLACEHOLDERS = ("COIN", "QUOTE", "coin", "quote")
"""What a pattern may hold in braces; their case is the case of what they become."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """How pairs are spelt: what the user says of an exchange, and behind it what we know.

    `own` and `names` go by exchange code in lower case. What a market of `own` does not say (None)
    is as it is built in.
    """

    own: Mapping[str, Market] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def exchange_name(self, code: str) -> str:
        """The display name of an exchange code in any casing; an unknown code as it is."""
        return self.names.get(code.strip().lower()) or exchange_name(code)

    def tradingview(self, signal: Signal) -> str:
        """`BINANCE:BTCUSDT.P`, or blank."""
        return self._spelt(signal, "tradingview")

    def ccxt(self, signal: Signal) -> str:
        """The unified symbol of ccxt, `BTC/USDT:USDT`, or blank."""
        return self._spelt(signal, "ccxt")

    def ccxt_id(self, signal: Signal) -> str:
        """The name that ccxt gives the exchange that trades this pair, `binanceusdm`, or blank."""
        return self._spelt(signal, "ccxt_id")

    def url(self, signal: Signal) -> str:
        """The pair's page at its exchange, or blank."""
        return self._spelt(signal, "url")

    def _spelt(self, signal: Signal, what: str) -> str:
        coin, quote = signal.coin.strip(), signal.currency.strip()
        if not (_plain(coin) and _plain(quote)):
            return ""
        names = {
            "COIN": coin.upper(), "QUOTE": quote.upper(), "coin": coin.lower(), "quote": quote.lower(),
        }  # fmt: skip
        markets = self._markets(signal.exchange.strip().lower(), names["COIN"], names["QUOTE"])
        patterns: Iterator[str | None] = (getattr(market, what) for market in markets)
        return next((pattern for pattern in patterns if pattern is not None), "").format_map(names)

    def _markets(self, code: str, coin: str, quote: str) -> Iterator[Market]:
        """What is said of a pair: at most one market of the user's, then at most one built in."""
        own = self.own.get(code)
        if own is not None and own.takes(coin, quote):
            yield own
        known = (market for market in MARKETS.get(code, ()) if market.takes(coin, quote))
        yield from (market for market in [next(known, None)] if market)


BUILT_IN = Symbols()


def pair(signal: Signal) -> str:
    """`BTC/USDT`; the part that was sent where one is missing."""
    return "/".join(part for part in (signal.coin, signal.currency) if part)


def _plain(name: str) -> bool:
    return name.isascii() and name.isalnum()
