"""A sandbox's past: what a sync a day would have caught, so that a track record has something to tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.journal import Journal
from cqs_sheets.run.poll import imported
from cqs_sheets.sandbox import FREE_KEY, Horizon, Service, Simulation

_DAYS = 30
_APART = timedelta(hours=23, minutes=17)  # so that every hour of the day has its turn
_SERVED = ("binance", "binance_futures", "bybit")  # exchanges whose candles the sandbox has
_QUERY = {"api_key": FREE_KEY, "interval": "20"}


def give_past(journal: Journal, market: Simulation, feed: str, now: datetime) -> None:
    """Let a journal that knows no older signal know some of the last weeks, as they were published then."""
    if any(True for _ in journal.records(until=now - timedelta(days=1))):
        return
    service = Service(market)
    for number in range(_DAYS, 0, -1):
        at = now - number * _APART
        for exchange in _SERVED:
            for table, more in ((FeedTable.MAIN, {}), (FeedTable.SCALPING, {"type": Horizon.SCALPING.value})):
                body = service.answer("GET", "/getSignal/", {**_QUERY, "exchange": exchange, **more}, at).body
                imported(journal, body, feed=feed, table=table, at=at, zone=ZoneInfo("UTC"))
