"""Signals, polls and a clock to try the journal with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.signal import FeedTable, Reject, Signal, SignalKey
from cqs_sheets.journal import Poll

NOON = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def at(count: float) -> datetime:
    """That many minutes after noon."""
    return NOON + minutes(count)


def key(number: int, table: FeedTable = FeedTable.MAIN) -> SignalKey:
    return SignalKey(table, str(number))


def signal(
    number: int = 1, *, opened: float = -5, table: FeedTable = FeedTable.MAIN, **values: Any
) -> Signal:
    """A signal opened that many minutes after noon."""
    usual: dict[str, Any] = {
        "exchange": "binance",
        "currency": "USDT",
        "coin": "BTC",
        "direction": "LONG",
        "buy_start": Decimal("94250.5"),
        "buy_end": Decimal(94400),
        "target1": Decimal(95500),
        "target2": None,
        "target3": None,
        "stop_loss": Decimal(93100),
        "type": "SHORT TERM",
        "ask": Decimal("0.000012345"),
        "risk_level": Decimal(3),
    }
    return Signal(key=key(number, table), timestamp=at(opened), **{**usual, **values})


def poll(
    when: float = 0,
    *signals: Signal,
    look_back: float = 20,
    feed: str = "swing",
    selection: str = "all/free",
    rejects: Sequence[Reject] = (),
    answers: Sequence[int] = (),
    sure: bool = True,
) -> Poll:
    """A good poll that many minutes after noon."""
    return Poll(
        feed=feed,
        selection=selection,
        at=at(when),
        window=Window(at(when - look_back), at(when)),
        signals=signals,
        rejects=rejects,
        answers=answers,
        sure=sure,
    )


def failed_poll(when: float, outcome: str = "api") -> Poll:
    return Poll(feed="swing", selection="all/free", at=at(when), window=None, outcome=outcome)
