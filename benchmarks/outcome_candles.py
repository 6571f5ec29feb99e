"""Judging live signals on candles that are fetched as they are needed, from the sandbox over HTTP by the real ccxt.

    python -m benchmarks.outcome_candles [--signals 200] [--days 20]

First all that happened since, then five minutes more, as a sync does it. Ends with 1 if fewer than ten times as
many minutes would have been fetched without hours, or if a sync takes more than 1.3 times what its requests take.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from cqs_sheets import sandbox
from cqs_sheets.core.outcomes.judge import State
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Setup, Story, setup_of
from cqs_sheets.core.signals.signal import FeedTable, Signal, SignalKey
from cqs_sheets.market.exchanges import Budget, Exchanges
from cqs_sheets.market.store import CandleStore, Row
from cqs_sheets.run.judging import Case, Judging, Market, market_of
from cqs_sheets.sandbox.prices import EXCHANGES

START = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
FEWER, SLOWER = 10.0, 1.3
CODES = ("binance", "binance_futures", "bybit")
COINS = ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "AVAX", "LINK", "LTC", "TRX", "1INCH")


class Timed(Exchanges):
    """Exchanges, and the seconds that asking them took, with what ccxt does for it."""

    __slots__ = ("seconds",)
    seconds: float

    def _fetch(self, *words: Any) -> list[Row]:  # noqa: ANN401 - whatever it takes
        begun = time.perf_counter()
        try:
            return super()._fetch(*words)
        finally:
            self.seconds += time.perf_counter() - begun


@dataclass
class Clock:
    """The sandbox's time."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Now."""
        return self.now


def drawn(market: sandbox.Market, number: int, days: int, dice: Random) -> tuple[Market, Case, int]:
    """A signal that is live: its market, its case, and how many minutes it has been so."""
    exchange = dice.choice([each for each in EXCHANGES if each.code in CODES])
    pair = dice.choice([each for each in exchange.pairs if each.coin in COINS and each.currency == "USDT"])
    published = START - timedelta(minutes=dice.randrange(60, days * 1440), seconds=30)
    ask, side = market.prices.at(exchange, pair, int(published.timestamp())), dice.choice((1, -1))
    far = [
        Decimal(pair.price(round(ask * (1 + side * share)))) for share in (0.02, 0.05, 0.09, -0.04, -0.001)
    ]
    signal = Signal(
        key=SignalKey(FeedTable.MAIN, str(number)), timestamp=published, exchange=exchange.code,
        currency=pair.currency, coin=pair.coin, direction="LONG" if side > 0 else "SHORT", buy_start=far[4],
        buy_end=far[4], target1=far[0], target2=far[1], target3=far[2], stop_loss=far[3], type="MID TERM",
        ask=None, risk_level=None,
    )  # fmt: skip
    setup = setup_of(Story(first_seen=published, versions=[(published, signal)]), Rules())
    found = market_of(signal)
    assert isinstance(setup, Setup)
    assert isinstance(found, Market)
    return found, Case(setup, Rules(), State()), int((START - published).total_seconds()) // 60


def sync(
    store: CandleStore, url: str, clock: Clock, cases: Sequence[tuple[Market, Case]]
) -> tuple[Timed, float]:
    """One sync's judging: what it asked, and how long it took in all."""
    exchanges = Timed(store=store, root=url, budget=Budget())
    exchanges.seconds = 0.0
    now = int(clock.now.timestamp()) // 60
    begun = time.perf_counter()
    missing = Judging(store=store, exchanges=exchanges, now=now).judge(cases, lambda _: None)
    assert not missing, missing
    return exchanges, time.perf_counter() - begun


def kept(store: CandleStore, markets: set[Market]) -> int:
    """How many candles there are."""
    known = [store.known(store.market(*market), 0) for market in markets]
    return sum(len(rows) for one in known for _, rows in one.minutes.values()) + sum(
        row is not None for one in known for row in one.hours.values()
    )


def main() -> int:
    """Say the figures; whether they are good enough."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--signals", type=int, default=200)
    options.add_argument("--days", type=int, default=20)
    given = options.parse_args()
    clock, dice = Clock(), Random(1)
    with (
        sandbox.start(seed=1, clock=clock) as server,
        tempfile.TemporaryDirectory() as folder,
        CandleStore.open(Path(folder)) as store,
    ):
        found = [drawn(server.market, number, given.days, dice) for number in range(given.signals)]
        cases = [(market, case) for market, case, _ in found]
        first, took = sync(store, server.url, clock, cases)
        fetched, every = kept(store, {market for market, _ in cases}), sum(minutes for _, _, minutes in found)
        print(f"first: {first.budget.made} requests, {took:.1f} s; {fetched:,} candles instead of {every:,}")
        clock.now += timedelta(minutes=5)
        again, took = sync(store, server.url, clock, cases)
        ratio = took / again.seconds
        print(f"five minutes later: {again.budget.made} requests, {took:.2f} s, {ratio:.2f} times their time")
    print(f"{every / fetched:.1f} times fewer candles")
    return 0 if every / fetched >= FEWER and ratio <= SLOWER else 1


if __name__ == "__main__":
    sys.exit(main())
