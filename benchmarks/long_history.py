"""Everyday work in a journal of 1,000,000 signals, 10,000 polls and 500 targets against one of 1,000, 10 and 5.

    python -m benchmarks.long_history [--signals 1000000] [--polls 10000] [--targets 500]

Each line is one kind of work, timed in turns in both journals; the figure is the ratio of the medians, divided by
how many times as many signals or targets the work is for (an export is of each signal, a status of each target).
Seconds are of the processor, but for `poll`: what else the machine does counts for little.
Ends with 1 if a ratio is above 3, or if an export or a prune takes more than 64 MiB of memory.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.journal_write import Market, write
from cqs_sheets.core.signals.signal import FeedTable, SignalKey
from cqs_sheets.export import as_csv
from cqs_sheets.journal import Journal, TargetState

LIMIT = 3.0
MOST_MEMORY = 64 << 20
ROUNDS = 9
FIRST_ID = 1_000_000
FEED = ("all", "all/free")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much a journal holds."""

    signals: int
    polls: int
    targets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An open journal, and the market that goes on."""

    journal: Journal
    market: Market
    size: Size

    def target(self, number: int = 0) -> TargetState:
        """A target as the journal remembers it."""
        return self.journal.target(f"target-{number}.xlsx as signals", "all")

    def deliver(self, state: TargetState, rows: Sequence[tuple[SignalKey, int]]) -> None:
        """Note a write of these rows."""
        self.journal.delivered(
            state, sequence=state.sequence + 1, version="v", rows=rows,
            cursor=self.journal.newest_change(), at=self.market.now, wrote=True,
        )  # fmt: skip


def filled(path: Path, size: Size, stack: ExitStack) -> History:
    """A journal of that size, made through its public interface; each target holds a share of the signals."""
    market = Market()
    journal = stack.enter_context(Journal.open(path, clock=lambda: market.now))
    history = History(journal=journal, market=market, size=size)
    for _ in range(size.polls):
        journal.record_poll(market.poll(size.signals // size.polls))
    share = size.signals // size.targets
    for number in range(size.targets):
        ids = range(FIRST_ID + number * share, FIRST_ID + (number + 1) * share)
        history.deliver(history.target(number), [(SignalKey(FeedTable.MAIN, str(id_)), 1) for id_ in ids])
    return history


def poll(history: History) -> float:
    """An answer taken in."""
    return write(history.journal, history.market)


def bring_up_to_date(history: History) -> float:
    """What one target lacks after a poll, and the note that it has been given it."""
    poll(history)
    begun = time.process_time()
    state = history.target()
    history.journal.pending(state, None)
    wanted = history.journal.wanted(state, None)
    history.deliver(state, [(one.record.signal.key, one.record.revision) for one in wanted])
    return time.process_time() - begun


def look(history: History) -> float:
    """What `status` and `journal show` ask."""
    begun = time.process_time()
    history.journal.polls(200)
    history.journal.coverage([FEED])
    history.journal.last_good_poll(*FEED)
    history.journal.open_signals("all")
    history.journal.newest(20)
    return time.process_time() - begun


def look_at_targets(history: History) -> float:
    """What `status` asks about every target."""
    begun = time.process_time()
    for number in range(history.size.targets):
        history.journal.pending(history.target(number), None)
    return time.process_time() - begun


def export(history: History) -> float:
    """Every signal as a line of CSV."""
    begun = time.process_time()
    sum(len(line) for line in as_csv(history.journal.records()))
    return time.process_time() - begun


def prune(history: History) -> float:
    """A day's polls and superseded revisions dropped."""
    begun = time.process_time()
    history.journal.prune(history.market.now - timedelta(days=1))
    return time.process_time() - begun


Work = Callable[[History], float]


def ratio_of(work: Work, small: History, large: History, *, each: float = 1, rounds: int = ROUNDS) -> float:
    """How many times as long it takes in the large journal, for as much work."""
    pairs = [(work(small), work(large)) for _ in range(rounds)]
    few, many = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio: float = many / few / each
    print(
        f"{work.__name__:>18}: {few * 1000:10.2f} ms  {many * 1000:10.2f} ms  ratio {ratio:.2f}", flush=True
    )
    return ratio


def memory_of(work: Work, history: History) -> int:
    """The most bytes of Python objects at a time."""
    tracemalloc.start()
    work(history)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{work.__name__:>18}: at most {peak / 2**20:.1f} MiB of memory", flush=True)
    return peak


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, measure, print; 1 if a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--polls", type=int, default=10_000)
    parser.add_argument("--targets", type=int, default=500)
    options = parser.parse_args(arguments)
    size = Size(signals=options.signals, polls=options.polls, targets=options.targets)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        begun = time.process_time()
        small = filled(Path(folder, "small.sqlite3"), Size(signals=1_000, polls=10, targets=5), stack)
        large = filled(Path(folder, "large.sqlite3"), size, stack)
        print(f"filled in {time.process_time() - begun:.0f} s", flush=True)
        ratios = [ratio_of(work, small, large) for work in (poll, bring_up_to_date, look)]
        ratios.append(ratio_of(look_at_targets, small, large, each=size.targets / small.size.targets))
        ratios.append(ratio_of(export, small, large, each=size.signals / small.size.signals, rounds=1))
        memory = [memory_of(work, large) for work in (export, prune)]
    return int(max(ratios) > LIMIT or max(memory) > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
