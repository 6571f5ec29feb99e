"""Many signals in one answer: `python -m benchmarks.many_signals [--signals 20000] [--runs 3]`.

A first sync into a new workbook, and one that sees the same signals again, with so many signals in each of the
provider's two tables and with a quarter of them: what a signal costs must not grow with their number. (Of 2,000 each
costs more: what formulas show is worked out in small workbooks alone.) Beside the first sync a floor: `json.loads` of
the same bodies, `executemany` of two rows a signal into SQLite, and XlsxWriter with constant memory writing the cells
of the very workbook. Ends with 1 if a ratio is above its limit.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from benchmarks.measure import Ratio, Spent, middle, spent

LIMITS = {"linear": 1.2, "floor": 0.5, "again": 0.5}
TABLES = ("main", "scalping")
SHEETS = ("Signals", "Scalping")
PAIRS = [(f"C{number}", quote) for number in range(150) for quote in ("USDT", "BTC", "USDC")]
EXCHANGES = (
    "binance",
    "gateio",
    "kucoin",
    "kraken",
    "mexc",
    "okx",
)  # of futures leverages are asked for, too
TYPES = ("SHORT TERM", "MID TERM", "LONG TERM", "SHORT/MID TERM")
OURS = (sys.executable, "-m", "cqs_sheets")
SOME = 1000  # rows


def answer(signals: int, at: datetime, table: str) -> bytes:
    """An answer with so many signals of the last two minutes, sound ones with prices of any size."""
    chance = random.Random(signals)
    found = [_signal(chance, str(number), at, table) for number in range(10**6, 10**6 + signals)]
    return json.dumps({"error": 0, "message": "Success", "count": len(found), "signals": found}).encode()


def _signal(chance: random.Random, number: str, at: datetime, table: str) -> Mapping[str, str]:
    coin, quote = chance.choice(PAIRS)
    digits, side = chance.randint(2, 8), chance.choice(("LONG", "SHORT"))
    price = chance.uniform(1, 10) * 10 ** (6 - digits)
    step = price / 100 if side == "LONG" else -price / 100
    names = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask")
    prices = {
        name: f"{price + step * steps:.{digits}f}"
        for name, steps in zip(names, (-0.1, 0.1, 1, 2, 3, -3, 0), strict=True)
        if table == "main" or name not in ("target2", "target3")
    }
    opened = at - timedelta(seconds=chance.randint(0, 120))
    return {
        "id": number, "timestamp": f"{opened:%Y-%m-%d %H:%M:%S}", "exchange": chance.choice(EXCHANGES),
        "currency": quote, "coin": coin, "direction": side, **prices, "risk_level": str(chance.randint(1, 5)),
        "type": chance.choice(TYPES) if table == "main" else "SCALPING",
    }  # fmt: skip


class Api(BaseHTTPRequestHandler):
    """The API below /NUMBER: the same answer again and again, with so many signals of the table that is asked for."""

    protocol_version = "HTTP/1.1"
    bodies: Mapping[tuple[int, str], bytes] = {}

    def do_GET(self) -> None:
        """One of the bodies."""
        parts = urlsplit(self.path)
        size, table = int(parts.path.strip("/").split("/")[0]), TABLES["type" in parse_qs(parts.query)]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.bodies[size, table])))
        self.end_headers()
        self.wfile.write(self.bodies[size, table])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


def floor(folder: Path) -> None:
    """Read the bodies, keep the signals and write the cells that lie in a folder, and nothing else."""
    journal = sqlite3.connect(folder / "floor.sqlite3")
    journal.execute(
        "CREATE TABLE signals (id TEXT, feed_table TEXT, timestamp TEXT, UNIQUE (id, feed_table))"
    )
    journal.execute(
        "CREATE TABLE revisions (id TEXT, feed_table TEXT, content TEXT, UNIQUE (id, feed_table))"
    )
    for table in TABLES:
        signals = json.loads((folder / f"{table}.json").read_bytes())["signals"]
        rows = [(each["id"], table, each["timestamp"]) for each in signals]
        journal.executemany("INSERT INTO signals VALUES (?, ?, ?)", rows)
        contents = [(each["id"], table, json.dumps(each)) for each in signals]
        journal.executemany("INSERT INTO revisions VALUES (?, ?, ?)", contents)
    journal.commit()
    write_cells(folder)


def write_cells(folder: Path) -> None:
    """The cells that `dump_cells` put into a folder, by XlsxWriter with constant memory."""
    import xlsxwriter

    book = xlsxwriter.Workbook(folder / "floor.xlsx", {"constant_memory": True})
    look = book.add_format({"num_format": "0.00"})
    for title in SHEETS:
        sheet = book.add_worksheet(title)
        for row, values in enumerate(_cells(folder / title)):
            for column, value in enumerate(values):
                if value is None:
                    sheet.write_blank(row, column, None, look)
                elif isinstance(value, float):
                    sheet.write_number(row, column, value, look)
                elif value.startswith("="):
                    sheet.write_formula(row, column, value, look)
                else:
                    sheet.write_string(row, column, value, look)
    book.close()


def _cells(path: Path) -> Iterator[list[str | float | None]]:
    with path.open("rb") as file:
        while rows := pickle.load(file):  # noqa: S301 - what `dump_cells` wrote a moment ago
            yield from rows


def dump_cells(workbook: Path, folder: Path) -> None:
    """What stands in the tables of a workbook, for the floor to write."""
    import openpyxl
    from openpyxl.utils.datetime import to_excel

    def plain(value: object) -> object:
        if isinstance(value, datetime):
            return float(to_excel(value))
        return float(value) if isinstance(value, int | float) else value

    book = openpyxl.load_workbook(workbook, read_only=True)
    for title in SHEETS:
        rows = book[title].iter_rows(values_only=True)
        with (folder / title).open("wb") as file:
            while some := [[plain(value) for value in values] for values in islice(rows, SOME)]:
                pickle.dump(some, file)
            pickle.dump([], file)


class Turn(NamedTuple):
    """What one turn spent at one size."""

    first: Spent
    again: Spent
    floor: Spent


def turn(folder: Path, home: Path, url: str) -> Turn:
    """A sync into a new workbook, another one, and the floor; `folder` has what is the same in all turns."""
    home.mkdir()
    env = {**os.environ, "CQS_HOME": str(home), "CQS_API_URL": url}
    book = home / "book.xlsx"
    sync = [*OURS, "sync", "--to", str(book), "--template", "signals"]
    first, again = spent(sync, env=env), spent(sync, env=env)
    if not (folder / SHEETS[0]).exists():
        dump_cells(book, folder)
    (folder / "floor.sqlite3").unlink(missing_ok=True)
    return Turn(
        first, again, spent([sys.executable, "-m", "benchmarks.many_signals", "--floor", str(folder)])
    )


def measured(sizes: Sequence[int], runs: int) -> dict[int, list[Turn]]:
    """All sizes, in turns."""
    now = datetime.now(UTC)
    Api.bodies = {(size, table): answer(size, now, table) for size in sizes for table in TABLES}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=server.serve_forever, daemon=True).start()
    found: dict[int, list[Turn]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory() as name:
        for (size, table), body in Api.bodies.items():
            folder = Path(name) / str(size)
            folder.mkdir(exist_ok=True)
            (folder / f"{table}.json").write_bytes(body)
        for number in range(runs):
            for size in sizes:
                home = Path(name) / f"{size}-{number}"
                url = f"http://127.0.0.1:{server.server_port}/{size}"
                found[size].append(turn(Path(name) / str(size), home, url))
    server.shutdown()
    return found


def told(found: Mapping[int, Sequence[Turn]]) -> Iterator[bool]:
    """Print what was found; whether each limit is kept."""
    for size, turns in found.items():
        for name in Turn._fields:
            each = middle([getattr(one, name) for one in turns])
            a_signal = each.cpu * 1e6 / size / len(TABLES)
            print(
                f"{size:>8,} x 2 {name:>6}: CPU {each.cpu:6.2f} s, {a_signal:.0f} us a signal,"
                f" clock {each.wall:6.2f} s, {each.peak:.0f} MB"
            )
    (few, small), (many, large) = found.items()
    ratios = {
        "linear": [
            one.first.cpu / many / (other.first.cpu / few) for one, other in zip(large, small, strict=True)
        ],
        "floor": [each.first.cpu / each.floor.cpu for each in large],
        "again": [each.again.cpu / each.first.cpu for each in large],
    }
    names = {
        "linear": f"a signal among {many:,} x 2 : one among {few:,} x 2",
        "floor": f"first sync of {many:,} x 2 : floor",
        "again": "the same signals again : first sync",
    }
    for name, each in ratios.items():
        ratio = Ratio.of(each * 2)  # of one turn, too
        kept = ratio.middle <= LIMITS[name]
        print(f"{names[name]}: CPU {ratio} (at most {LIMITS[name]}: {'ok' if kept else 'TOO MUCH'})")
        yield kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print, or be the floor's process; 1 if a ratio is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--signals", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--floor", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.floor:
        floor(options.floor)
        return 0
    return int(not all(list(told(measured((options.signals // 4, options.signals), options.runs)))))


if __name__ == "__main__":
    sys.exit(main())
