"""Signals and candles for tests of the judge: a test names only what matters to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cqs_sheets.core.outcomes.candles import Candles
from cqs_sheets.core.outcomes.rules import Rules, rules_of
from cqs_sheets.core.outcomes.setup import Story
from cqs_sheets.core.signals.signal import Signal
from tests import make

NOON = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
PUBLISHED = NOON - timedelta(seconds=30)
"""A signal published and seen then has its clock at noon: minute 0 of the tests."""

MINUTE_0 = int(NOON.timestamp()) // 60
_PRICES = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss")

Row = Sequence[Any]
"""A candle: minutes since noon, open, high, low, close."""


def number(text: object) -> Decimal | None:
    return None if text is None else Decimal(str(text))


def signal(direction: str = "LONG", **changes: Any) -> Signal:
    """Entry 100, targets 110, 120 and 130, stop 90, mirrored at 100 for a SHORT; prices as texts or numbers."""
    levels: dict[str, Any] = {
        "buy_start": 100, "buy_end": 100, "target1": 110, "target2": 120, "target3": 130, "stop_loss": 90,
    }  # fmt: skip
    if direction == "SHORT":
        levels = {name: 200 - price for name, price in levels.items()}
    given = levels | changes
    prices = {name: number(given.pop(name)) for name in _PRICES}
    return make.signal(direction=direction, **({"timestamp": PUBLISHED} | prices | given))


def story(
    first: Signal,
    *revisions: tuple[int, Signal],
    first_seen: datetime = PUBLISHED,
    closed: datetime | None = None,
) -> Story:
    """A signal, and what it was changed to at minutes after noon."""
    later = [(NOON + timedelta(minutes=minute), revised) for minute, revised in revisions]
    return Story(first_seen=first_seen, closed=closed, versions=[(first_seen, first), *later])


def candles(
    rows: Iterable[Row], *, decimals: int = 4, until: int | None = None, hours: Iterable[int] = ()
) -> Candles:
    """Candles at minutes after noon; those at the minutes `hours` (since 1970) last an hour."""
    scale = 10**decimals
    exact = [(MINUTE_0 + row[0], *(int(Decimal(str(price)) * scale) for price in row[1:])) for row in rows]
    columns = list(zip(*exact, strict=True)) or [()] * 5
    end = None if until is None else MINUTE_0 + until
    return Candles(*columns, decimals=decimals, until=end, hours=hours)


def quiet(first: int, end: int, price: object = 105) -> list[Row]:
    """Minutes [first, end) in which nothing moves."""
    return [(minute, price, price, price, price) for minute in range(first, end)]


def rules(**table: Any) -> Rules:
    """Rules without costs, but for what is named."""
    return rules_of({"fee": 0, "funding_8h": 0, **table})


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)
