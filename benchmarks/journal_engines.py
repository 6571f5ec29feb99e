"""A journal in PostgreSQL against one in a file: one poll taken in, one delivery noted.

    python -m benchmarks.journal_engines [--history 1000 1000000]

Prints ratios of medians in one run, the engines taking turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg

from cqs_sheets.journal import Journal, JournalPlace
from tests import postgres
from tests.journal.samples import at, poll, signal

_SEEN = 30  # open signals that a usual answer holds, most of them known
_FILL = """INSERT INTO signals (arrival, feed_table, id, timestamp, status, first_seen, last_seen, revision, change,
    seen_at, seen_feed) SELECT n, 'main', 'old' || n, 0, 'aged', 0, 0, 1, n, 0, {feed} FROM numbers"""
_REVISIONS = """INSERT INTO revisions (arrival, revision, at, status, last_seen, content)
    SELECT n, 1, 0, 'aged', 0, :content FROM numbers"""
_MEMBERS = "INSERT INTO members (arrival, feed) SELECT n, {feed} FROM numbers"
_DELIVERED = (
    "INSERT INTO delivered (target, arrival, revision, added, last) SELECT {target}, n, 1, 1, 1 FROM numbers"
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--history", type=int, nargs="*", default=[1_000, 100_000])
    options = parser.parse_args()
    with postgres.running() as server, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found: dict[tuple[str, int], tuple[float, float]] = {}
        for size in options.history:
            places: dict[str, JournalPlace] = {
                "sqlite": Path(folder) / f"{size}.sqlite3",
                "postgres": server.place(),
            }
            journals = {
                name: stack.enter_context(Journal.open(place, clock=lambda: at(0)))
                for name, place in places.items()
            }
            for name, journal in journals.items():
                fill(journal, size, 1 if name == "sqlite" else 0)
            with psycopg.connect(server.url(), autocommit=True) as owner:
                owner.execute("ANALYZE")  # as autovacuum does before long
            times: dict[str, list[tuple[float, float]]] = {name: [] for name in journals}
            for number in range(options.rounds):
                for name, journal in journals.items():
                    times[name].append(one_round(journal, number))
            for name, taken in times.items():
                polls, deliveries = (statistics.median(part) for part in zip(*taken, strict=True))
                found[name, size] = polls, deliveries
                print(
                    f"{name:8} {size:>9,} signals: poll {polls * 1000:6.2f} ms, delivery {deliveries * 1000:6.2f} ms"
                )
        for size in options.history:
            poll_ratio, delivery_ratio = (
                found["postgres", size][part] / found["sqlite", size][part] for part in (0, 1)
            )
            print(
                f"{size:>9,} signals: PostgreSQL / SQLite: poll {poll_ratio:.2f}, delivery {delivery_ratio:.2f}"
            )
        for name in ("sqlite", "postgres"):
            least, most = (found[name, size] for size in (options.history[0], options.history[-1]))
            print(
                f"{name}: largest / smallest: poll {most[0] / least[0]:.2f}, delivery {most[1] / least[1]:.2f}"
            )


def fill(journal: Journal, size: int, file: int) -> None:
    """So many aged signals that a target was given, and the open ones that answers hold."""
    journal.record_poll(poll(-1, *(signal(number, opened=-2) for number in range(_SEEN))))
    target = journal.target("a.xlsx", "raw")
    database = journal._database  # noqa: SLF001 - a million signals by polls would take an hour
    [[content]] = database.execute("SELECT content FROM revisions LIMIT 1")
    [[feed]] = database.execute("SELECT id FROM feeds")
    numbers = (
        f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {size})"  # noqa: S608
        if file
        else f"WITH numbers AS (SELECT generate_series(1, {size}) AS n)"
    )
    with database.transaction():
        database.change("UPDATE signals SET change = change + ?", (size,))
        for sql in (_FILL, _REVISIONS, _MEMBERS, _DELIVERED):
            head, _, rest = sql.format(feed=feed, target=target.id).partition(" SELECT ")
            database.change(f"{head} {numbers} SELECT {rest}", {"content": content})
    database.execute("ANALYZE")  # of a file
    journal.delivered(
        target, sequence=1, version="", rows=[], cursor=journal.newest_change(), at=at(0), wrote=True
    )


def one_round(journal: Journal, number: int) -> tuple[float, float]:
    """Seconds of a poll with one new signal, and of finding and noting what a target lacks."""
    when = number / 60
    signals = [signal(each, opened=-2) for each in range(_SEEN - 1)]
    begun = time.perf_counter()
    journal.record_poll(poll(when, *signals, signal(10_000 + number, opened=when - 1)))
    between = time.perf_counter()
    target = journal.target("a.xlsx", "raw")
    newest = journal.newest_change()
    rows = [(row.record.signal.key, row.record.revision) for row in journal.wanted(target, None)]
    assert rows
    journal.delivered(
        target, sequence=number + 2, version="v", rows=rows, cursor=newest, at=at(when), wrote=True
    )
    return between - begun, time.perf_counter() - between


if __name__ == "__main__":
    main()
