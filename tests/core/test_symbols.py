"""A pair is spelt as each tool spells it, or not at all."""

from __future__ import annotations

import re
from datetime import UTC
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.signals.exchanges import (
    BUILT_IN,
    CLOSED,
    EXCHANGES,
    FUTURES,
    SPELLINGS,
    PairSpelling,
    Symbols,
)
from cqs_sheets.core.signals.fields import source
from tests.make import record, signal


@pytest.mark.parametrize(
    ("exchange", "coin", "quote", "tradingview", "ccxt_id", "ccxt", "url_end"),
    [
        ("binance", "BTC", "USDT", "BINANCE:BTCUSDT", "binance", "BTC/USDT", "/BTC_USDT?type=spot"),
        ("binance_futures", "SOL", "USDT", "BINANCE:SOLUSDT.P", "binanceusdm", "SOL/USDT:USDT", "/SOLUSDT"),
        ("binance_futures", "SOL", "USDC", "BINANCE:SOLUSDC.P", "binanceusdm", "SOL/USDC:USDC", "/SOLUSDC"),
        ("bitget_futures", "BTC", "USDT", "BITGET:BTCUSDT.P", "bitget", "BTC/USDT:USDT", "/usdt/BTCUSDT"),
        ("bitmex", "BTC", "USD", "", "", "", ""),  # closed
        (
            "binance_futures",
            "SHIB",
            "USDT",
            "BINANCE:1000SHIBUSDT.P",
            "binanceusdm",
            "1000SHIB/USDT:USDT",
            "/1000SHIBUSDT",
        ),
        ("binance", "SHIB", "USDT", "BINANCE:SHIBUSDT", "binance", "SHIB/USDT", "/SHIB_USDT?type=spot"),
        (
            "bybit",
            "SHIB",
            "USDT",
            "BYBIT:SHIB1000USDT.P",
            "bybit",
            "SHIB1000/USDT:USDT",
            "/usdt/SHIB1000USDT",
        ),
        (
            "bybit",
            "pepe",
            "USDT",
            "BYBIT:1000PEPEUSDT.P",
            "bybit",
            "1000PEPE/USDT:USDT",
            "/usdt/1000PEPEUSDT",
        ),
        ("bybit", "XRP", "USDT", "BYBIT:XRPUSDT.P", "bybit", "XRP/USDT:USDT", "/usdt/XRPUSDT"),
        ("bybit", "XRP", "USD", "BYBIT:XRPUSD.P", "bybit", "XRP/USD:XRP", "/inverse/XRPUSD"),
        ("deribit", "BTC", "USD", "DERIBIT:BTCUSD.P", "deribit", "BTC/USD:BTC", "/BTC-PERPETUAL"),
        ("htx_futures", "TRX", "USDT", "HTX:TRXUSDT.P", "htx", "TRX/USDT:USDT", "=TRX-USDT"),
        ("kucoin_futures", "ETH", "USDT", "KUCOIN:ETHUSDT.P", "kucoinfutures", "ETH/USDT:USDT", "/ETHUSDTM"),
        ("kucoin_futures", "BTC", "USDT", "", "kucoinfutures", "BTC/USDT:USDT", "/XBTUSDTM"),
        ("okx_futures", "LTC", "USDT", "OKX:LTCUSDT.P", "okx", "LTC/USDT:USDT", "/ltc-usdt-swap"),
        ("huobi", "LTC", "USDT", "HTX:LTCUSDT", "htx", "LTC/USDT", "/ltc_usdt?type=spot"),
    ],
)
def test_a_pair_is_spelt_as_each_tool_spells_it(
    exchange: str, coin: str, quote: str, tradingview: str, ccxt_id: str, ccxt: str, url_end: str
) -> None:
    made = signal(exchange=exchange.upper(), coin=coin, currency=quote)
    assert BUILT_IN.tradingview(made) == tradingview
    assert (BUILT_IN.ccxt_id(made), BUILT_IN.ccxt(made)) == (ccxt_id, ccxt)
    assert BUILT_IN.url(made).endswith(url_end)


@pytest.mark.parametrize("exchange", sorted(FUTURES.keys() - CLOSED))
def test_every_futures_exchange_of_the_guide_is_known_with_its_main_contract(exchange: str) -> None:
    quote = "USD" if exchange == "deribit" else "USDT"
    made = signal(exchange=exchange, coin="ETH", currency=quote)
    assert BUILT_IN.tradingview(made).endswith(".P")
    assert BUILT_IN.ccxt(made).startswith(f"ETH/{quote}:")
    assert urlsplit(BUILT_IN.url(made)).scheme == "https"


def test_only_known_exchanges_have_markets() -> None:
    assert set(SPELLINGS) <= set(EXCHANGES)


@pytest.mark.parametrize(
    ("exchange", "coin", "quote"),
    [
        ("newdex", "BTC", "USDT"),  # an exchange we do not know
        ("bittrex", "BTC", "USDT"),  # one that is gone
        ("binance", "BTC$?", "USDT"),  # no coin's name
        ("binance", "BTC", ""),
        ("bitget_futures", "BTC", "USD"),  # a kind of contract we are not sure of
        ("deribit", "DOGE", "USD"),
    ],
)
def test_what_we_are_not_sure_of_is_blank_never_a_guess(exchange: str, coin: str, quote: str) -> None:
    made = signal(exchange=exchange, coin=coin, currency=quote)
    spelt = (BUILT_IN.tradingview(made), BUILT_IN.ccxt_id(made), BUILT_IN.ccxt(made), BUILT_IN.url(made))
    assert spelt == ("", "", "", "")


@given(
    exchange=st.sampled_from([*EXCHANGES, "newdex", ""]),
    coin=st.text(max_size=8),
    quote=st.sampled_from(["USDT", "USD", "btc", "", "{coin}", "A&b=1"]),
)
def test_whatever_is_sent_no_link_holds_more_than_letters_and_digits_of_it(
    exchange: str, coin: str, quote: str
) -> None:
    made = signal(exchange=exchange, coin=coin, currency=quote)
    assert re.fullmatch(r"(https://[A-Za-z0-9._/:?&=#-]+)?", BUILT_IN.url(made))
    assert re.fullmatch(r"([A-Z]+:[A-Z0-9]+(\.P)?)?", BUILT_IN.tradingview(made))


class TestWhatTheUserSays:
    OWN = Symbols(
        own={
            "newdex": PairSpelling(
                tradingview="NEWDEX:{COIN}{QUOTE}", url="https://newdex.example/{coin}-{quote}"
            ),
            "bybit": PairSpelling(url="", quotes=("USDT",)),
        },
        names={"newdex": "New DEX"},
    )

    def test_extends_the_table(self) -> None:
        made = signal(exchange="NewDex")
        assert self.OWN.tradingview(made) == "NEWDEX:BTCUSDT"
        assert self.OWN.url(made) == "https://newdex.example/btc-usdt"
        assert self.OWN.ccxt(made) == ""
        assert self.OWN.exchange_name("NEWDEX") == "New DEX"
        assert self.OWN.exchange_name("okx") == "OKX"

    def test_goes_before_what_is_built_in_only_where_it_speaks(self) -> None:
        linear = signal(exchange="bybit", currency="USDT")
        assert self.OWN.url(linear) == ""
        assert self.OWN.tradingview(linear) == "BYBIT:BTCUSDT.P"
        assert self.OWN.url(signal(exchange="bybit", currency="USD")).endswith("/inverse/BTCUSD")

    def test_reaches_the_columns(self) -> None:
        made = record(exchange="newdex")
        assert source("tv_symbol").read(made, UTC, self.OWN) == "NEWDEX:BTCUSDT"
        assert source("exchange_name").read(made, UTC, self.OWN) == "New DEX"
        assert source("tv_symbol").read(made, UTC) == ""


@pytest.mark.parametrize(
    ("exchange", "coin", "units"),
    [
        ("binance_futures", "SHIB", 1000), ("bybit", "SHIB", 1000), ("bybit", "SATS", 10_000),
        ("binance", "SHIB", 1), ("binance_futures", "1000SHIB", 1), ("binance_futures", "1INCH", 1),
        ("okx", "BTC", 1), ("okx", "LUNA", None), ("okx", "TON", None),
    ],
)  # fmt: skip
def test_how_many_coins_a_contract_holds_is_told_by_its_name_or_not_at_all(
    exchange: str, coin: str, units: int | None
) -> None:
    mine = Symbols(aliases={"okx": {"BTC": "XBT", "LUNA": "LUNA2", "TON": "25TON"}})
    assert mine.units(signal(exchange=exchange, coin=coin, currency="USDT")) == units
