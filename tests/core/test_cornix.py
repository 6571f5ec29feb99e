"""A signal as a message that Cornix reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.signals.exchanges import BUILT_IN, FUTURES
from cqs_sheets.core.signals.fields import cornix_text
from tests.make import signal


def text(**changes: Any) -> str:
    return cornix_text(BUILT_IN, signal(**changes))


def test_the_message_is_written_as_cornix_documents_it() -> None:
    assert text(exchange="binance_futures", leverage=Decimal(10)).splitlines() == [
        "#BTC/USDT",
        "Exchanges: Binance Futures",
        "Signal Type: Regular (Long)",
        "Leverage: Isolated (10X)",
        "Entry Zone: 94250.5 - 94400",
        "Take-Profit Targets:",
        "1) 95500",
        "2) 96200",
        "3) 97000",
        "Stop Targets:",
        "1) 93100",
    ]


def test_prices_are_written_without_exponent() -> None:
    low = {"buy_start": Decimal("1.1E-7"), "buy_end": Decimal("1.1E-7"), "stop_loss": Decimal("9E-8")}
    assert "Entry Zone: 0.00000011 - 0.00000011" in text(**low, target2=None, target3=None)


@pytest.mark.parametrize("exchange", FUTURES)
def test_a_futures_signal_always_says_its_leverage_as_it_would_be_taken_for_spot(exchange: str) -> None:
    assert "Leverage: Isolated (1X)" in text(exchange=exchange)
    assert "Leverage" not in text(exchange="binance")


def test_bybit_goes_by_the_name_that_cornix_gives_it() -> None:
    assert "Exchanges: Bybit USDT\n" in text(exchange="bybit")
    assert "Exchanges: Bybit\n" in text(exchange="bybit", currency="USD")


@pytest.mark.parametrize(
    "changes",
    [
        {"stop_loss": None},
        {"buy_start": None, "buy_end": None},
        {"target1": None, "target2": None, "target3": None},
        {"stop_loss": Decimal(95000)},  # above the entry of a LONG
        {"target2": Decimal(94000)},
        {"direction": "SHORT"},
        {"direction": ""},
        {"coin": ""},
    ],
)
def test_there_is_no_message_where_cornix_would_refuse_or_misread_it(changes: dict[str, Any]) -> None:
    assert text(**changes) == ""
