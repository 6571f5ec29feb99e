"""Requests and bytes on the wire for 50 changed and 50 new rows: ours, plain gspread, read-all/rewrite-all.

And for the look of a sync with nothing new, which must not grow with the sheet.

Against the emulator in tests/, which compresses answers as Google does. Bytes count headers and bodies
of both ways. `python -m benchmarks.google_wire [ROWS ...]`
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gspread
import requests
from gspread.http_client import HTTPClient

from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, SignalKey, Status
from cqs_sheets.core.templates.template import ColumnKind, Template
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.wire.auth import open_wire
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.emulators.google_sheets import RunningSheets, start
from tests.make import wanted_rows

_SIZES = (1_000, 10_000, 100_000)
_CHANGED, _NEW = 50, 50
_MOST_REQUESTS, _FEWEST_TIMES = 3, 20
_NOON = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
_COINS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "AVAX", "LINK", "DOT", "LTC")
_EXCHANGES = ("binance", "binance_futures", "kucoin", "bybit", "okx")
_FIRST_ID = 1_800_000
_RESULTS = {"size": 0.1273, "value": 1234.56, "chart": "chart", "trade": "open"}  # of formulas, as shown


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way of updating took."""

    requests: int
    sent: int
    received: int
    seconds: float

    @property
    def bytes(self) -> int:
        """Both ways."""
        return self.sent + self.received


def record(number: int, *, status: Status = Status.OPEN) -> Record:
    """A signal that looks like those of the feed, the same in every run: five digits, levels of their own."""
    dice = random.Random(number)
    tick = Decimal(10) ** -dice.randint(1, 8)
    price = dice.randint(10_000, 99_999) * tick

    def away(least: float, most: float) -> Decimal:
        return (price * Decimal(dice.uniform(least, most))).quantize(tick)

    published = _NOON - timedelta(seconds=2_220 * (100_000 - number) + dice.randint(0, 2_000))
    signal = Signal(
        key=SignalKey(FeedTable.MAIN, str(_FIRST_ID + number)),
        timestamp=published,
        exchange=_EXCHANGES[dice.randrange(len(_EXCHANGES))],
        currency="USDT",
        coin=_COINS[dice.randrange(len(_COINS))],
        direction=dice.choice(("LONG", "SHORT")),
        buy_start=price,
        buy_end=away(1.001, 1.005),
        target1=away(1.005, 1.02),
        target2=away(1.02, 1.04),
        target3=away(1.04, 1.08),
        stop_loss=away(0.95, 0.99),
        type="SHORT TERM",
        ask=away(0.999, 1.004),
        risk_level=Decimal(dice.randint(1, 5)),
    )
    closed = status is not Status.OPEN
    return Record(
        signal=signal,
        status=status,
        first_seen=published + timedelta(seconds=dice.randint(5, 300)),
        last_seen=_NOON if closed else None,
        arrival=number,
        revision=1,
    )


def rows_of(template: Template, records: Iterator[Record]) -> list[WantedRow]:
    """The rows of the first fed tab."""
    return [row for each in records for row in wanted_rows(template, each, UTC)]


def cells(template: Template, row: WantedRow) -> list[object]:
    """A row as a script would hand it over."""
    tab = template.fed_tabs[0]
    return [
        _RESULTS.get(column.id, 1.25)
        if column.kind is ColumnKind.FORMULA
        else _plain(row.values.get(column.id))
        for column in tab.columns
    ]


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat(" ") if isinstance(value, datetime) else "" if value is None else value


class Pointed(HTTPClient):
    """gspread's own client, sent to the emulator."""

    root = ""

    def request(self, method: str, endpoint: str, *args: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - as they come
        """The same request, to the emulator."""
        return super().request(method, self.root + urlsplit(endpoint).path, *args, **options)


def measured(sheets: RunningSheets, work: Callable[[], object]) -> Cost:
    """The cost of some work."""
    sheets.forget()
    begun = time.perf_counter()
    work()
    took = time.perf_counter() - begun
    return Cost(len(sheets.exchanges), sheets.bytes_in, sheets.bytes_out, took)


def wanted(template: Template, size: int) -> list[WantedRow]:
    """50 rows spread over the sheet that have closed, and 50 that are new."""
    step = size // _CHANGED
    changed = (record(number, status=Status.CLOSED) for number in range(0, size, step))
    return [
        *rows_of(template, changed),
        *rows_of(template, (record(size + number) for number in range(_NEW))),
    ]


def ours(sheets: RunningSheets, book: str, template: Template, size: int) -> Cost:
    """One sync; the binding of the columns, which happens once, comes before."""
    http = SheetsHttp(lambda: open_wire(root=sheets.url, config_folder=Path()))
    name = template.fed_tabs[0].name

    def sync(rows: list[WantedRow], sequence: int) -> str:
        destination = GoogleDestination(book, http=http)
        table = read_target(destination, template, {name: {row.key for row in rows}})
        return destination.apply(make_plan(rows, table, sequence=sequence, settings={})).version

    sync(rows_of(template, iter([record(size + _NEW)])), 1)
    known = sync(rows_of(template, iter([record(0, status=Status.AGED)])), 2)
    idle = measured(sheets, lambda: _look(GoogleDestination(book, http=http), known))
    cost = measured(sheets, lambda: sync(wanted(template, size), 3))
    http.close()
    print(
        f"{size:>7} rows nothing new     {idle.requests:>3} requests {idle.sent:>11,} B sent"
        f" {idle.received:>11,} B received"
    )
    return cost


def _look(destination: GoogleDestination, known: str) -> None:
    assert destination.stamp(known, brief=True).version == known


def plain_gspread(sheets: RunningSheets, book: str, template: Template, size: int) -> Cost:
    """What a script of ten lines does."""

    def work() -> None:
        sheet = _opened(sheets, book, template)
        key = template.fed_tabs[0].columns[0].header
        places = {str(line[key]): at for at, line in enumerate(sheet.get_all_records(), start=2)}
        new = []
        for row in wanted(template, size):
            if row.key in places:
                sheet.update([cells(template, row)], f"A{places[row.key]}", raw=True)
            else:
                new.append(cells(template, row))
        sheet.append_rows(new)  # type: ignore[arg-type]

    return measured(sheets, work)


def rewrite_all(sheets: RunningSheets, book: str, template: Template, size: int) -> Cost:
    """Read everything, change it in memory, write everything."""

    def work() -> None:
        sheet = _opened(sheets, book, template)
        lines = sheet.get_all_values()
        places = {line[0]: at for at, line in enumerate(lines)}
        for row in wanted(template, size):
            if row.key in places:
                lines[places[row.key]] = cells(template, row)
            else:
                lines.append(cells(template, row))
        sheet.resize(rows=len(lines))
        sheet.update(lines, "A1", raw=True)

    return measured(sheets, work)


def _opened(sheets: RunningSheets, book: str, template: Template) -> gspread.Worksheet:
    Pointed.root = sheets.url
    session = requests.Session()
    session.headers["Authorization"] = "Bearer made-up"
    client = gspread.Client(None, session=session, http_client=Pointed)  # type: ignore[arg-type]
    return client.open_by_key(book).worksheet(template.fed_tabs[0].name)


def compare(template: Template, size: int) -> bool:
    """Print one line for each way; whether ours keeps its promise."""
    tab = template.fed_tabs[0]
    lines: list[Any] = [[column.header for column in tab.columns]]
    lines += [cells(template, row) for row in rows_of(template, map(record, range(size)))]
    costs = {}
    for way in (ours, plain_gspread, rewrite_all):
        with start() as sheets:
            book = sheets.create(tabs={tab.name: lines}, size=(size + 1, len(tab.columns)))
            costs[way.__name__] = way(sheets, book, template, size)
    mine = costs["ours"]
    for name, cost in costs.items():
        print(
            f"{size:>7} rows {name:<14} {cost.requests:>3} requests {cost.sent:>11,} B sent"
            f" {cost.received:>11,} B received {cost.bytes / (_CHANGED + _NEW):>9.1f} B a row"
            f" {cost.bytes / mine.bytes:>7.1f} x {cost.seconds:6.1f} s"
        )
    least = min(cost.bytes for name, cost in costs.items() if name != "ours") / mine.bytes
    kept = mine.requests <= _MOST_REQUESTS and (size < max(_SIZES) or least >= _FEWEST_TIMES)
    print(f"{size:>7} rows: at least {least:.1f} x fewer bytes {'ok' if kept else 'NOT ENOUGH'}")
    return kept


def main() -> int:
    """All sizes; 1 if a promise is not kept."""
    sizes = [int(size) for size in sys.argv[1:]] or list(_SIZES)
    template = load_template("signals")
    kept = [compare(template, size) for size in sizes]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
