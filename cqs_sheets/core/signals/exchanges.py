"""Exchanges: their codes and names, the words of the API, and how each spells a pair elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote as percent_encoded

from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

SCALPING = "SCALPING"
TYPES = ("SHORT TERM", "SHORT/MID TERM", SCALPING, "MID TERM", "LONG TERM")
DIRECTIONS = ("LONG", "SHORT")

FUTURES: Mapping[str, str] = {
    "binance_futures": "Binance Futures",
    "bitget_futures": "Bitget Futures",
    "bitmex": "BitMEX",
    "bybit": "Bybit",
    "deribit": "Deribit",
    "htx_futures": "HTX Futures",
    "kucoin_futures": "KuCoin Futures",
    "okx_futures": "OKX Futures",
}
"""Every futures exchange code of the guide, as most rows spell it -> its display name."""

SPOT: Mapping[str, str] = {
    "binance": "Binance",
    "binance_us": "Binance US",
    "bitfinex": "Bitfinex",
    "bitget": "Bitget",
    "bitstamp": "Bitstamp",
    "bittrex": "Bittrex",
    "coinbase": "Coinbase",
    "gateio": "Gate",
    "htx": "HTX",
    "huobi": "Huobi",
    "kraken": "Kraken",
    "kucoin": "KuCoin",
    "mexc": "MEXC",
    "okex": "OKEx",
    "okx": "OKX",
    "poloniex": "Poloniex",
}
"""Well-known spot codes; the guide gives only examples, so the list is not closed."""

EXCHANGES: Mapping[str, str] = {**SPOT, **FUTURES}

CURRENCIES = ("USDT", "BTC", "USDC", "USD", "BUSD", "FDUSD", "TUSD", "ETH", "BNB", "EUR")
"""Well-known quote currencies; not a closed list either."""

_TYPO = 0.85  # `binace`, `binance-futures` are typos; `binance_us`, `bybit_futures` are other words
_LONG_ENOUGH = 5  # in shorter words one letter is a third of the meaning: TUSD is no typo of USD


def is_futures(code: str) -> bool:
    """Whether an exchange code, in any casing, is one of the guide's futures codes."""
    return code.lower() in FUTURES


def exchange_name(code: str) -> str:
    """The display name of an exchange code in any casing; an unknown code as it is."""
    return EXCHANGES.get(code.lower(), code)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like `word` (casing ignored), or None if none is alike."""
    from difflib import get_close_matches  # noqa: PLC0415 - only for what is misspelt

    by_folded = {candidate.casefold(): candidate for candidate in known}
    alike = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[alike[0]] if alike else None


def misspelt(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is surely a slip of: letters swapped or one wrong, or None."""
    folded = word.casefold()
    for candidate in known:
        other = candidate.casefold()
        if sorted(folded) == sorted(other):
            return candidate
    likely = nearest(word, known)
    if likely is None or min(len(word), len(likely)) < _LONG_ENOUGH:
        return None
    from difflib import SequenceMatcher  # noqa: PLC0415 - only for what is misspelt

    return likely if SequenceMatcher(None, folded, likely.casefold()).ratio() >= _TYPO else None


class PairSpelling(NamedTuple):
    """How a part of an exchange's pairs is spelt; `quotes` and `coins` say which part, empty means all.

    In the patterns `{COIN}` and `{QUOTE}` stand for upper case, `{coin}` and `{quote}` for lower case.
    `tradingview` carries the exchange's prefix and, for perpetuals, the suffix `.P`; `ccxt` is ccxt's
    unified symbol and `ccxt_id` its name of the exchange. None: not said here; "": there is none.
    """

    tradingview: str | None = None
    ccxt: str | None = None
    ccxt_id: str | None = None
    url: str | None = None
    quotes: tuple[str, ...] = ()
    coins: tuple[str, ...] = ()

    def takes(self, coin: str, quote: str) -> bool:
        """Whether this is how that pair is spelt; upper case expected."""
        return (not self.quotes or quote in self.quotes) and (not self.coins or coin in self.coins)


def _spot(
    ccxt_id: str, tradingview: str, url: str, *, quotes: tuple[str, ...] = ()
) -> tuple[PairSpelling, ...]:
    prefix = f"{tradingview}:{{COIN}}{{QUOTE}}"
    return (PairSpelling(ccxt_id=ccxt_id, ccxt="{COIN}/{QUOTE}", tradingview=prefix, url=url, quotes=quotes),)


def _linear(
    ccxt_id: str,
    tradingview: str,
    url: str,
    *,
    quotes: tuple[str, ...] = ("USDT",),
    coins: tuple[str, ...] = (),
) -> PairSpelling:
    """Perpetuals settled in their quote."""
    return PairSpelling(
        ccxt_id=ccxt_id, ccxt="{COIN}/{QUOTE}:{QUOTE}", tradingview=tradingview, url=url, quotes=quotes, coins=coins
    )  # fmt: skip


def _inverse(ccxt_id: str, tradingview: str, url: str, *, coins: tuple[str, ...] = ()) -> PairSpelling:
    """Perpetuals quoted in USD and settled in their coin."""
    return PairSpelling(
        ccxt_id=ccxt_id, ccxt="{COIN}/USD:{COIN}", tradingview=tradingview, url=url, quotes=("USD",), coins=coins
    )  # fmt: skip


_HTX = _spot("htx", "HTX", "https://www.htx.com/trade/{coin}_{quote}?type=spot")
_OKX = _spot("okx", "OKX", "https://www.okx.com/trade-spot/{coin}-{quote}")

SPOT_SPELLINGS: Mapping[str, tuple[PairSpelling, ...]] = {
    "binance": _spot("binance", "BINANCE", "https://www.binance.com/en/trade/{COIN}_{QUOTE}?type=spot"),
    "binance_us": _spot("binanceus", "BINANCEUS", "https://www.binance.us/spot-trade/{coin}_{quote}"),
    "bitfinex": _spot(  # its USDT is called UST
        "bitfinex", "BITFINEX", "https://trading.bitfinex.com/t/{COIN}:{QUOTE}", quotes=("USD", "BTC", "EUR")
    ),
    "bitget": _spot("bitget", "BITGET", "https://www.bitget.com/spot/{COIN}{QUOTE}"),
    "bitstamp": _spot("bitstamp", "BITSTAMP", "https://www.bitstamp.net/trade/{coin}/{quote}/"),
    "coinbase": _spot("coinbase", "COINBASE", "https://www.coinbase.com/advanced-trade/spot/{COIN}-{QUOTE}"),
    "gateio": _spot("gate", "GATEIO", "https://www.gate.com/trade/{COIN}_{QUOTE}"),
    "htx": _HTX,
    "huobi": _HTX,
    "kraken": _spot("kraken", "KRAKEN", "https://pro.kraken.com/app/trade/{coin}-{quote}"),
    "kucoin": _spot("kucoin", "KUCOIN", "https://www.kucoin.com/trade/{COIN}-{QUOTE}"),
    "mexc": _spot("mexc", "MEXC", "https://www.mexc.com/exchange/{COIN}_{QUOTE}"),
    "okex": _OKX,
    "okx": _OKX,
    "poloniex": _spot("poloniex", "POLONIEX", "https://poloniex.com/trade/{COIN}_{QUOTE}"),
}

FUTURES_SPELLINGS: Mapping[str, tuple[PairSpelling, ...]] = {
    "binance_futures": (
        _linear(
            "binanceusdm", "BINANCE:{COIN}{QUOTE}.P", "https://www.binance.com/en/futures/{COIN}{QUOTE}",
            quotes=("USDT", "USDC"),
        ),
    ),
    "bitget_futures": (
        _linear("bitget", "BITGET:{COIN}{QUOTE}.P", "https://www.bitget.com/futures/usdt/{COIN}USDT"),
    ),
    "bybit": (
        _linear("bybit", "BYBIT:{COIN}USDT.P", "https://www.bybit.com/trade/usdt/{COIN}USDT"),
        _inverse("bybit", "BYBIT:{COIN}USD.P", "https://www.bybit.com/trade/inverse/{COIN}USD"),
    ),
    "deribit": (
        _inverse(
            "deribit", "DERIBIT:{COIN}USD.P", "https://www.deribit.com/futures/{COIN}-PERPETUAL",
            coins=("BTC", "ETH"),
        ),
    ),
    "htx_futures": (
        _linear(
            "htx", "HTX:{COIN}USDT.P",
            "https://www.htx.com/futures/linear_swap/exchange#contract_code={COIN}-USDT",
        ),
    ),
    "kucoin_futures": (  # calls BTC XBT
        _linear("kucoinfutures", "", "https://www.kucoin.com/futures/trade/XBTUSDTM", coins=("BTC",)),
        _linear("kucoinfutures", "KUCOIN:{COIN}USDT.P", "https://www.kucoin.com/futures/trade/{COIN}USDTM"),
    ),
    "okx_futures": (
        _linear("okx", "OKX:{COIN}USDT.P", "https://www.okx.com/trade-swap/{coin}-usdt-swap"),
        _inverse("okx", "OKX:{COIN}USD.P", "https://www.okx.com/trade-swap/{coin}-usd-swap"),
    ),
}  # fmt: skip

CLOSED: Mapping[str, str] = {"bitmex": "BitMEX closed on 2026-09-23"}
"""Exchanges that are no more: their codes are still filters of the API, but there is nothing to link to."""

_MANY = regex("10{3,6}")
_THOUSANDS = ("BONK", "CAT", "CHEEMS", "FLOKI", "LUNC", "PEPE", "SATS", "SHIB", "XEC")
ALIASES: Mapping[str, Mapping[str, str]] = {
    "binance_futures": {coin: f"1000{coin}" for coin in _THOUSANDS},
    "bybit": {
        **{coin: f"1000{coin}" for coin in ("BONK", "BTT", "FLOKI", "LUNC", "PEPE", "XEC")},
        "SATS": "10000SATS",
        "SHIB": "SHIB1000",
    },
}
"""Coins whose contracts hold many of them, and what those are called: exchange code -> coin -> its name there."""

SPELLINGS: Mapping[str, tuple[PairSpelling, ...]] = {**SPOT_SPELLINGS, **FUTURES_SPELLINGS}
"""Exchange code in lower case -> its markets; of those that take a pair, the first one counts."""


PLACEHOLDERS = ("COIN", "QUOTE", "coin", "quote")
"""What a pattern may hold in braces; their case is the case of what they become."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """How pairs are spelt: what the user says of an exchange, and behind it what we know.

    `own` and `names` go by exchange code in lower case. What a market of `own` does not say (None)
    is as it is built in. `aliases` are coins that an exchange calls otherwise (code -> coin -> name, upper case).
    """

    own: Mapping[str, PairSpelling] = field(default_factory=dict)
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
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

    def chart_url(self, signal: Signal) -> str:
        """The pair's chart at TradingView, or blank."""
        symbol = self.tradingview(signal)
        return (
            f"https://www.tradingview.com/chart/?symbol={percent_encoded(symbol, safe='')}" if symbol else ""
        )

    def alias(self, signal: Signal) -> str:
        """What the exchange calls the coin, such as a contract of a thousand units; blank if as the API does."""
        return self._alias(signal.exchange.strip().lower(), signal.coin.strip().upper())

    def units(self, signal: Signal) -> int | None:
        """How many coins one unit of its contract holds; None where its name there does not tell."""
        coin, name = signal.coin.strip().upper(), self.alias(signal)
        if not any(letter.isdigit() for letter in name.replace(coin, "", 1)):
            return 1
        count = name.removeprefix(coin) if name.startswith(coin) else name.removesuffix(coin)
        return int(count) if _MANY.fullmatch(count) else None

    def _alias(self, code: str, coin: str) -> str:
        name = self.aliases.get(code, {}).get(coin) or ALIASES.get(code, {}).get(coin, coin)
        return "" if name == coin else name

    def _spelt(self, signal: Signal, what: str) -> str:
        exchange, coin, quote = signal.exchange, signal.coin, signal.currency
        code = exchange.strip().lower() if self.own or self.aliases else ""
        if code in self.own or code in self.aliases:
            return self._pattern(exchange, coin, quote, what)
        return _known(exchange, coin, quote)[what]

    def _pattern(self, exchange: str, coin: str, quote: str, what: str) -> str:
        coin, quote, code = coin.strip(), quote.strip(), exchange.strip().lower()
        if not (_plain(coin) and _plain(quote)):
            return ""
        coin = self._alias(code, coin.upper()) or coin
        names = {
            "COIN": coin.upper(), "QUOTE": quote.upper(), "coin": coin.lower(), "quote": quote.lower(),
        }  # fmt: skip
        spellings = self._spellings(code, names["COIN"], names["QUOTE"])
        patterns: Iterator[str | None] = (getattr(each, what) for each in spellings)
        return next((pattern for pattern in patterns if pattern is not None), "").format_map(names)

    def _spellings(self, code: str, coin: str, quote: str) -> Iterator[PairSpelling]:
        """What is said of a pair: at most one spelling of the user's, then at most one built in."""
        own = self.own.get(code)
        if own is not None and own.takes(coin, quote):
            yield own
        known = (each for each in SPELLINGS.get(code, ()) if each.takes(coin, quote))
        yield from (each for each in [next(known, None)] if each)


BUILT_IN = Symbols()
_SPELT = ("tradingview", "ccxt", "ccxt_id", "url")


@lru_cache(4096)
def _known(exchange: str, coin: str, quote: str) -> Mapping[str, str]:
    """What is built in of a pair, all at once: a feed speaks of the same few again and again."""
    return {what: BUILT_IN._pattern(exchange, coin, quote, what) for what in _SPELT}  # noqa: SLF001


def pair(signal: Signal) -> str:
    """`BTC/USDT`; the part that was sent where one is missing."""
    coin, currency = signal.coin, signal.currency
    return f"{coin}/{currency}" if coin and currency else coin or currency


def _plain(name: str) -> bool:
    return name.isascii() and name.isalnum()
