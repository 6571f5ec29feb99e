"""A pair's name in other tools: TradingView, ccxt, the exchange's own trading page.

A name we are not sure of is blank, never a guess: a wrong chart is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cqs_sheets.core.signal import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """How one exchange code spells its pairs; `{coin}`, `{quote}` upper case, `{c}`, `{q}` lower.

    `tradingview` carries the exchange prefix and, for perpetuals, the `.P` suffix. `ccxt` is the
    unified symbol. Every field may be blank: then that column stays blank.
    """

    tradingview: str = ""
    ccxt: str = ""
    url: str = ""


_SPOT = "{coin}/{quote}"
_LINEAR = "{coin}/{quote}:{quote}"

VENUES: Mapping[str, Venue] = {
    "binance": Venue(
        tradingview="BINANCE:{coin}{quote}",
        ccxt=_SPOT,
        url="https://www.binance.com/en/trade/{coin}_{quote}?type=spot",
    ),
    "binance_futures": Venue(
        tradingview="BINANCE:{coin}{quote}.P",
        ccxt=_LINEAR,
        url="https://www.binance.com/en/futures/{coin}{quote}",
    ),
    "bitget": Venue(
        tradingview="BITGET:{coin}{quote}",
        ccxt=_SPOT,
        url="https://www.bitget.com/spot/{coin}{quote}",
    ),
    "bitget_futures": Venue(
        tradingview="BITGET:{coin}{quote}.P",
        ccxt=_LINEAR,
        url="https://www.bitget.com/futures/usdt/{coin}{quote}",
    ),
    "bitmex": Venue(
        tradingview="BITMEX:{coin}{quote}.P",
        ccxt=_LINEAR,
        url="https://www.bitmex.com/app/trade/{coin}{quote}",
    ),
    "bybit": Venue(
        tradingview="BYBIT:{coin}{quote}.P",
        ccxt=_LINEAR,
        url="https://www.bybit.com/trade/usdt/{coin}{quote}",
    ),
    "deribit": Venue(
        tradingview="DERIBIT:{coin}{quote}.P",
        ccxt=_LINEAR,
        url="https://www.deribit.com/futures/{coin}_{quote}",
    ),
    "gateio": Venue(
        tradingview="GATEIO:{coin}{quote}",
        ccxt=_SPOT,
        url="https://www.gate.com/trade/{coin}_{quote}",
    ),
    "htx": Venue(
        tradingview="HTX:{coin}{quote}",
        ccxt=_SPOT,
        url="https://www.htx.com/trade/{c}_{q}?type=spot",
    ),
    "htx_futures": Venue(
        tradingview="HTX:{coin}{quote}.P",
        ccxt=_LINEAR,
        url="https://www.htx.com/futures/linear_swap/exchange#contract_code={coin}-{quote}",
    ),
    "kucoin": Venue(
        tradingview="KUCOIN:{coin}{quote}",
        ccxt=_SPOT,
        url="https://www.kucoin.com/trade/{coin}-{quote}",
    ),
    "kucoin_futures": Venue(
        tradingview="KUCOIN:{coin}{quote}.P",
        ccxt=_LINEAR,
        url="https://www.kucoin.com/futures/trade/{coin}{quote}M",
    ),
    "okx": Venue(
        tradingview="OKX:{coin}{quote}",
        ccxt=_SPOT,
        url="https://www.okx.com/trade-spot/{c}-{q}",
    ),
    "okx_futures": Venue(
        tradingview="OKX:{coin}{quote}.P",
        ccxt=_LINEAR,
        url="https://www.okx.com/trade-swap/{c}-{q}-swap",
    ),
}


def venue(exchange: str) -> Venue | None:
    """The venue of an exchange code, in whatever casing it was stored."""
    return VENUES.get(exchange.strip().lower())


def pair(signal: Signal) -> str:
    """`BTC/USDT`; the part that was sent where one is missing."""
    return "/".join(part for part in (signal.coin, signal.currency) if part)


def tradingview_symbol(signal: Signal) -> str:
    """`BINANCE:BTCUSDT.P`, or blank."""
    known = venue(signal.exchange)
    return _spell(known.tradingview, signal) if known else ""


def ccxt_symbol(signal: Signal) -> str:
    """`BTC/USDT:USDT`, or blank."""
    known = venue(signal.exchange)
    return _spell(known.ccxt, signal) if known else ""


def trade_url(signal: Signal) -> str:
    """The pair's page at its exchange, or blank."""
    known = venue(signal.exchange)
    return _spell(known.url, signal) if known else ""


def _spell(pattern: str, signal: Signal) -> str:
    coin, quote = signal.coin.strip(), signal.currency.strip()
    if not (coin.isascii() and coin.isalnum() and quote.isascii() and quote.isalnum()):
        return ""
    return pattern.format(coin=coin.upper(), quote=quote.upper(), c=coin.lower(), q=quote.lower())
