"""Judging 100,000 signals on 90 days of one-minute candles of 50 markets, against a plain Python loop.

    python -m benchmarks.outcomes [--signals 100000] [--markets 50] [--days 90]

The plain loop looks at every candle in turn with the same exact rules, and is timed on a sample; both give
the same results there. Where numba is installed, so is a compiled loop over every candle, with whole numbers and
without readings: whatever it finds ambiguous it leaves, all else must be the same. Ends with 1 if the ratio to
the plain loop is under 50 or more than 500 MB were held.
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
from cqs_sheets.core.outcomes.judge import Outcome, judge
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Setup, Story, setup_of
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


Columns = Sequence[Sequence[int]]
"""Opens, highs, lows and closes."""


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


def walk(dice: random.Random, minutes: int) -> Columns:
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


WORDS = ("missed", "invalidated", "unfilled", "won", "partial", "stopped", "expired", "waiting", "open", None)
"""What the compiled loop's codes mean; None: ambiguous, left to others."""


def compiled(story: Sequence[int], candles: Columns) -> tuple[int, int]:  # noqa: C901, PLR0911, PLR0912 - one loop
    """The loop that numba compiles: code and targets hit of one signal, its levels those of a LONG."""
    first, end, whole, side, near, stop, one, two, three = story
    opens, highs, lows = candles
    entered, hits = False, 0
    for at in range(first, end):
        begun, high, low = side * opens[at], side * highs[at], side * lows[at]
        if side < 0:
            high, low = low, high
        if not entered:
            if at == first and begun <= stop:
                return 1, 0
            if begun >= one:
                return 0, 0
            if begun > near and low <= near and high >= one:
                return 9, 0
            if begun > near and high >= one:
                return 0, 0
            if low > near:
                continue
            entered = True
            if low <= stop:
                return (9 if begun <= near and begun > stop and high >= one else 5), 0
        elif begun <= stop:
            return (4 if hits else 5), hits
        while hits < 3 and begun >= (one if hits == 0 else two if hits == 1 else three):
            hits += 1
        target = one if hits == 0 else two if hits == 1 else three
        if hits < 3 and low <= stop:
            return (9 if high >= target else 4 if hits else 5), hits
        while hits < 3 and high >= (one if hits == 0 else two if hits == 1 else three):
            hits += 1
        if hits == 3:
            return 3, 3
    if whole:
        return (2 if not entered else 4 if hits else 6), hits
    return (8 if entered else 7), hits


def by_numba(
    stories: Sequence[Story], outcomes: Sequence[Outcome], markets: Sequence[Candles], each: int
) -> str:
    """How long numba takes for all; its results are held against ours."""
    try:
        import numba  # type: ignore[import-not-found,unused-ignore]
        import numpy as np  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return "numba is not installed: not compared"
    fast = numba.njit(compiled)
    columns = [
        tuple(np.array(each, dtype=np.int64) * 100 for each in (one._opens, one._highs, one._lows))  # noqa: SLF001
        for one in markets
    ]
    drawn = []
    for told in stories:
        setup = setup_of(told, Rules())
        assert isinstance(setup, Setup)
        _, levels = setup.versions[0]
        prices = (levels.orders[0], levels.stop or 0, *levels.targets)
        units = [int(price) // 10**14 for price in prices]
        last = FIRST + len(columns[0][0])
        first, end = setup.clock - FIRST, min(setup.end, last) - FIRST
        drawn.append((first, end, setup.end <= last, setup.side, *units))
    fast(drawn[0], columns[0])  # compiles
    begun = time.process_time()
    found = [fast(one, columns[at // each]) for at, one in enumerate(drawn)]
    took = time.process_time() - begun
    left = sum(code == 9 for code, _ in found)
    for (code, hits), ours in zip(found, outcomes, strict=True):
        # without a candle before its end a signal is unknown to us, which is no matter of speed
        if code != 9 and not ours.ambiguous and ours.outcome != "unknown":
            assert (WORDS[code], hits) == (ours.outcome, ours.targets_hit)
    return f"compiled by numba: {took:.1f} s, {took / len(drawn) * 1e6:.0f} µs a signal, {left} left as ambiguous"


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
    print(by_numba(stories, outcomes, markets, each))
    return 0 if ratio >= LIMIT and held <= MEMORY else 1


if __name__ == "__main__":
    sys.exit(main())
