"""How each exchange spells its pairs: TradingView's symbol, ccxt's names, the exchange's own trading page.

Only what is known to be so stands here. A pair that no market of its exchange takes gets blanks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
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


def _spot(ccxt_id: str, tradingview: str, url: str, *, quotes: tuple[str, ...] = ()) -> tuple[Market, ...]:
    prefix = f"{tradingview}:{{COIN}}{{QUOTE}}"
    return (Market(ccxt_id=ccxt_id, ccxt="{COIN}/{QUOTE}", tradingview=prefix, url=url, quotes=quotes),)


def _linear(
    ccxt_id: str,
    tradingview: str,
    url: str,
    *,
    quotes: tuple[str, ...] = ("USDT",),
    coins: tuple[str, ...] = (),
) -> Market:
    """Perpetuals settled in their quote."""
    return Market(
        ccxt_id=ccxt_id, ccxt="{COIN}/{QUOTE}:{QUOTE}", tradingview=tradingview, url=url, quotes=quotes, coins=coins
    )  # fmt: skip


def _inverse(ccxt_id: str, tradingview: str, url: str, *, coins: tuple[str, ...] = ()) -> Market:
    """Perpetuals quoted in USD and settled in their coin."""
    return Market(
        ccxt_id=ccxt_id, ccxt="{COIN}/USD:{COIN}", tradingview=tradingview, url=url, quotes=("USD",), coins=coins
    )  # fmt: skip


_HTX = _spot("htx", "HTX", "https://www.htx.com/trade/{coin}_{quote}?type=spot")
_OKX = _spot("okx", "OKX", "https://www.okx.com/trade-spot/{coin}-{quote}")

SPOT_MARKETS: Mapping[str, tuple[Market, ...]] = {
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

FUTURES_MARKETS: Mapping[str, tuple[Market, ...]] = {
    "binance_futures": (
        _linear(
            "binanceusdm", "BINANCE:{COIN}{QUOTE}.P", "https://www.binance.com/en/futures/{COIN}{QUOTE}",
            quotes=("USDT", "USDC"),
        ),
    ),
    "bitget_futures": (
        _linear("bitget", "BITGET:{COIN}{QUOTE}.P", "https://www.bitget.com/futures/usdt/{COIN}USDT"),
    ),
    "bitmex": (  # calls BTC XBT; what it quotes in USD it settles in BTC
        _linear("bitmex", "BITMEX:XBTUSDT.P", "https://www.bitmex.com/app/trade/XBTUSDT", coins=("BTC",)),
        _linear("bitmex", "BITMEX:{COIN}USDT.P", "https://www.bitmex.com/app/trade/{COIN}USDT"),
        _inverse("bitmex", "BITMEX:XBTUSD.P", "https://www.bitmex.com/app/trade/XBTUSD", coins=("BTC",)),
        Market(
            ccxt_id="bitmex", ccxt="{COIN}/USD:BTC", tradingview="BITMEX:{COIN}USD.P",
            url="https://www.bitmex.com/app/trade/{COIN}USD", quotes=("USD",),
        ),
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

MARKETS: Mapping[str, tuple[Market, ...]] = {**SPOT_MARKETS, **FUTURES_MARKETS}
"""Exchange code in lower case -> its markets; of those that take a pair, the first one counts."""
