"""The guide's words and what is near them."""

from __future__ import annotations

import pytest

from cqs_sheets.core.signals.exchanges import (
    CURRENCIES,
    EXCHANGES,
    FUTURES,
    TYPES,
    exchange_name,
    is_futures,
    misspelt,
    nearest,
)


def test_the_types_are_the_guides() -> None:
    assert TYPES == ("SHORT TERM", "SHORT/MID TERM", "SCALPING", "MID TERM", "LONG TERM")


def test_the_futures_codes_are_the_guides() -> None:
    assert dict(FUTURES) == {
        "binance_futures": "Binance Futures",
        "bitget_futures": "Bitget Futures",
        "bitmex": "BitMEX",
        "bybit": "Bybit",
        "deribit": "Deribit",
        "htx_futures": "HTX Futures",
        "kucoin_futures": "KuCoin Futures",
        "okx_futures": "OKX Futures",
    }


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("binance", "Binance"),
        ("BINANCE_FUTURES", "Binance Futures"),
        ("Kucoin", "KuCoin"),
        ("gateio", "Gate"),
        ("newplace", "newplace"),
        ("NewPlace", "NewPlace"),
        ("", ""),
    ],
)
def test_an_exchange_has_a_name_for_people(code: str, name: str) -> None:
    assert exchange_name(code) == name


def test_futures_are_told_from_spot_in_any_casing() -> None:
    assert is_futures("BYBIT")
    assert is_futures("okx_futures")
    assert not is_futures("okx")
    assert not is_futures("newplace_futures")


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("SHORT TREM", "SHORT TERM"),
        ("scalp", "SCALPING"),
        ("short term", "SHORT TERM"),
        ("SHORT-MID TERM", "SHORT/MID TERM"),
        ("mid-term", "MID TERM"),
        ("xyz", None),
        ("", None),
    ],
)
def test_the_nearest_type(word: str, near: str | None) -> None:
    assert nearest(word, TYPES) == near


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("binace", "binance"),
        ("biannce", "binance"),
        ("Binance-Futures", "binance_futures"),
        ("binancefutures", "binance_futures"),
        ("kucion", "kucoin"),
        ("bybti", "bybit"),
        ("deribt", "deribit"),
        ("bybit_futures", None),
        ("bitmart", None),
        ("some_exchange", None),
        ("whitebit", None),
        ("bingx_futures", None),
        ("newplace", None),
    ],
)
def test_a_slip_is_told_from_another_exchange(word: str, meant: str | None) -> None:
    others = [
        code for code in EXCHANGES if code != word
    ]  # one that is added is no slip of those there before
    assert misspelt(word, others) == meant


@pytest.mark.parametrize(
    ("word", "meant"), [("usdt", "USDT"), ("USTD", "USDT"), ("BCT", "BTC"), ("USDD", None), ("GBP", None)]
)
def test_a_slip_is_told_from_another_currency(word: str, meant: str | None) -> None:
    assert misspelt(word, CURRENCIES) == meant
