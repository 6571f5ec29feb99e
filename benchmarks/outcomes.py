"""Judging 100,000 signals on 90 days of one-minute candles of 50 markets, against a plain Python loop.

    python -m benchmarks.outcomes [--signals 100000] [--markets 50] [--days 90]

The plain loop looks at every candle in turn with the same exact rules, and is timed on a sample; both give
the same results there. Ends with 1 if the ratio is under 50 or more than 500 MB were held.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cqs_sheets.core.outcomes.candles import Candles, Touch
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Story
from cqs_sheets.core.outcomes.verdict import Outcome, judge
from cqs_sheets.core.signals.exchanges import TYPES
from cqs_sheets.core.signals.signal import FeedTable, Signal, SignalKey

START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = int(START.timestamp()) // 60
LIMIT = 50.0
MEMORY = 500
SAMPLE = 400
TICKS = 100
RISK = {
    "SCALPING": Decimal("0.008"),
    "SHORT TERM": Decimal("0.04"),
    "SHORT/MID TERM": Decimal("0.06"),
    "MID TERM": Decimal("0.08"),
    "LONG TERM": Decimal("0.15"),
}
"""Distance of the stop by signal type, as a share of the price: about what the horizon moves."""


class PlainCandles(Candles):
    """The same candles, looked at one by one."""

    def next_touch(self, first: int, end: int, touch: Touch, side: int) -> int:
        """The first candle that reaches one of the two levels, by looking at each."""
        for index in range(first, end):
            bar = self.bar(index, side)
            below = touch.low is not None and bar.low <= touch.low
            if below or (touch.high is not None and bar.high >= touch.high):
                return index
        return end


def walk(dice: random.Random, minutes: int) -> tuple[array[int], ...]:
    """Opens, highs, lows and closes of a random walk of about 60 % volatility a year, in hundredths."""
    columns = tuple(array("q") for _ in range(4))
    price = 100.0 * TICKS
    for _ in range(minutes):
        moves = (price * dice.gauss(0, 0.0006), price * dice.gauss(0, 0.0006))
        way = (price, price + moves[0], price + moves[0] + moves[1])
        for column, one in zip(columns, (way[0], max(way), min(way), way[2]), strict=True):
            column.append(max(1, round(one)))
        price = max(10.0 * TICKS, way[2])
    return columns


def story(number: int, dice: random.Random, candles: Candles, days: int) -> Story:
    """A signal around the price of its minute."""
    at = dice.randrange(days * 1440)
    price, side = Decimal(int(candles.bar(at, 1).close)) / 10**18, dice.choice((1, -1))
    length = dice.choice(TYPES)
    width = price * RISK[length]
    moment = START + timedelta(minutes=at, seconds=30)

    def level(share: str) -> Decimal:
        return (price + side * width * Decimal(share)).quantize(Decimal("0.0001"))

    signal = Signal(
        key=SignalKey(FeedTable.MAIN, str(number)), timestamp=moment, exchange="binance", currency="USDT",
        coin="BTC", direction="LONG" if side > 0 else "SHORT", buy_start=level("-0.2"), buy_end=level("0"),
        target1=level("0.5"), target2=level("1"), target3=level("1.5"), stop_loss=level("-1"), type=length,
        ask=price, risk_level=Decimal(3),
    )  # fmt: skip
    return Story(first_seen=moment, versions=[(moment, signal)])


def timed(work: Callable[[], list[Outcome]]) -> tuple[float, list[Outcome]]:
    """Seconds of the processor, and what came of it."""
    begun = time.process_time()
    done = work()
    return time.process_time() - begun, done


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--signals", type=int, default=100_000)
    parser.add_argument("--markets", type=int, default=50)
    parser.add_argument("--days", type=int, default=90)
    given = parser.parse_args(arguments)
    dice, rules = random.Random(1), Rules()
    minutes = range(FIRST, FIRST + given.days * 1440)
    first = walk(dice, len(minutes))
    others = (walk(dice, len(minutes)) for _ in range(given.markets - 1))
    markets = [Candles(minutes, *columns, decimals=2) for columns in (first, *others)]
    each = given.signals // given.markets
    stories = [story(at, dice, markets[at // each], given.days) for at in range(each * given.markets)]
    ours, outcomes = timed(lambda: [judge(one, rules, markets[at // each]) for at, one in enumerate(stories)])
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plain = PlainCandles(minutes, *first, decimals=2)
    sample = stories[: min(each, SAMPLE)]
    slow, again = timed(lambda: [judge(one, rules, plain) for one in sample])
    assert again == outcomes[: len(sample)]
    one, one_plain = ours / len(stories), slow / len(sample)
    ratio = one_plain / one
    print(f"{len(stories):,} signals on {given.markets} markets of {given.days} days: {ours:.1f} s")
    print(f"a signal: {one * 1e6:.0f} µs; in a plain loop {one_plain * 1e6:.0f} µs")
    print(f"ratio {ratio:.0f} (at least {LIMIT:.0f}), memory {held:.0f} MB (at most {MEMORY})")
    return 0 if ratio >= LIMIT and held <= MEMORY else 1


if __name__ == "__main__":
    sys.exit(main())
