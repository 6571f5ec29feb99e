"""One poll's journal write, commit included, in a journal of 1,000,000 signals against one of 1,000.

    python -m benchmarks.journal_write [--signals 1000000] [--polls 200]

Both journals are filled through the public interface, then written to in turns; the figure is the
ratio of the medians. Ends with 1 if it is above 2.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.signal import FeedTable, Signal, SignalKey
from cqs_sheets.journal import Journal, Poll

MINUTE = timedelta(minutes=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
LOOK_BACK = 20
SMALL = 1000
LIMIT = 2.0


def signal(number: int, opened: datetime) -> Signal:
    """A signal as the API sends it, with a price of its own."""
    price = Decimal(number % 90_000 + 1) / 8
    return Signal(
        key=SignalKey(FeedTable.MAIN, str(1_000_000 + number)),
        timestamp=opened,
        exchange="binance_futures",
        currency="USDT",
        coin="BTC",
        direction="LONG",
        buy_start=price,
        buy_end=price * 2,
        target1=price * 3,
        target2=price * 4,
        target3=None,
        stop_loss=price / 2,
        type="SHORT TERM",
        ask=price,
        risk_level=Decimal(3),
    )


class Market:
    """Publishes so many signals a minute; each is in the answer for four minutes, then closed."""

    def __init__(self) -> None:
        self.now = START
        self.published = 0
        self.open: list[Signal] = []

    def poll(self, new: int) -> Poll:
        """The poll a minute later, with so many signals new."""
        self.now += MINUTE
        fresh = [signal(self.published + index, self.now - 2 * MINUTE) for index in range(new)]
        self.published += new
        self.open = [one for one in self.open if one.timestamp > self.now - 6 * MINUTE] + fresh
        return Poll(
            feed="all",
            selection="all/free",
            at=self.now,
            window=Window(self.now - LOOK_BACK * MINUTE, self.now),
            signals=tuple(self.open),
        )


def filled(path: Path, signals: int, a_poll: int, stack: ExitStack) -> tuple[Journal, Market]:
    """A journal that has taken up so many signals, `a_poll` at a time."""
    market = Market()
    journal = stack.enter_context(Journal.open(path, clock=lambda: market.now))
    while market.published < signals:
        journal.record_poll(market.poll(min(a_poll, signals - market.published)))
    for _ in range(6):  # let the last large poll close
        journal.record_poll(market.poll(0))
    return journal, market


def write(journal: Journal, market: Market) -> float:
    """Seconds of one usual poll: answer kept, 4 signals new, some seen again, 4 closed."""
    poll = market.poll(4)
    body = b'{"error": 0, "signals": []}' * 100
    begin = time.perf_counter()
    answer = journal.keep_answer("all", {"interval": str(LOOK_BACK)}, poll.at, body)
    journal.record_poll(
        Poll(feed=poll.feed, selection=poll.selection, at=poll.at, window=poll.window,
             signals=poll.signals, answers=[answer])
    )  # fmt: skip
    return time.perf_counter() - begin


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, measure, print; 1 if the ratio is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--polls", type=int, default=200)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        begin = time.perf_counter()
        small = filled(Path(folder) / "small" / "journal.sqlite3", SMALL, 100, stack)
        path = Path(folder) / "large" / "journal.sqlite3"
        large = filled(path, options.signals, 500, stack)
        print(
            f"filled in {time.perf_counter() - begin:.0f} s; {path.stat().st_size / options.signals:.0f} bytes a signal"
        )
        pairs = [(write(*small), write(*large)) for _ in range(options.polls)]
        few, many = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = many / few
    print(f"{SMALL:>9,} signals: {few * 1000:.2f} ms a poll")
    print(f"{options.signals:>9,} signals: {many * 1000:.2f} ms a poll")
    print(f"ratio {ratio:.2f} (limit {LIMIT})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
