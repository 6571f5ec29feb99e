"""The words of the API's guide: signal types, exchange codes, quote currencies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

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
    return likely if SequenceMatcher(None, folded, likely.casefold()).ratio() >= _TYPO else None
