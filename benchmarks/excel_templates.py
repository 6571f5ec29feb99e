"""What a template's charts, formulas and rules cost a sync: `python benchmarks/excel_templates.py [rows]`.

50 rows changed and 50 added in a workbook of the dashboard template, with a sheet of the user's of 20,000 formulas
beside it, against the same in one of `raw` that is as large in bytes: as a file (`file`), and with its signals' sheet
inflated (`sheet`). Both were written by us last and are remembered.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
from measure import Spent, pairs_of, spent, verdict

from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, SignalKey, Status
from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.make import wanted_rows

RICH, PLAIN = "dashboard", "raw"
ROWS, CHANGES, PAIRS, LIMIT, FORMULAS = 100_000, 50, 9, 2.0, 20_000
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLE = 2_000
COINS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LINK", "AVAX", "DOT", "LTC")
EXCHANGES = ("binance", "binance_futures", "kucoin", "bybit", "okx", "kraken")


def record(number: int, revision: int = 1) -> Record:
    """The same signal for the same number; a second revision has ended."""
    chance = random.Random(number)
    price = Decimal(chance.randint(10_000, 99_999_999)).scaleb(-chance.randint(2, 6))

    def times(factor: str) -> Decimal:
        return (price * Decimal(factor)).quantize(price)

    opened = BEGINNING + timedelta(minutes=number)
    signal = Signal(
        key=SignalKey(FeedTable.MAIN, str(1_000_000 + number)), timestamp=opened,
        exchange=chance.choice(EXCHANGES), currency="USDT", coin=chance.choice(COINS), direction="LONG",
        buy_start=times("0.99"), buy_end=times("1.01"), target1=times("1.03"), target2=times("1.05"),
        target3=times("1.08"), stop_loss=times("0.95"), type="SHORT TERM", ask=price,
        risk_level=Decimal(chance.randint(1, 5)),
    )  # fmt: skip
    ended = revision > 1
    return Record(
        signal=signal, status=Status.CLOSED if ended else Status.OPEN, first_seen=opened + timedelta(seconds=70),
        last_seen=opened + timedelta(hours=2) if ended else None, arrival=10**9 + number, revision=revision,
    )  # fmt: skip


def sync(path: Path, template: Template, records: list[Record]) -> None:
    """Read what the file holds of these signals, plan, apply: all that a sync does to it."""
    rows: list[WantedRow] = [row for each in records for row in wanted_rows(template, each, UTC)]
    destination = ExcelDestination(path, backups=0)
    memory = path.with_suffix(".memory")  # what a sync keeps in its journal
    destination.recall(memory.read_bytes() if memory.exists() else b"")
    table = read_target(destination, template, {"Signals": {row.key for row in rows}})
    plan = make_plan(rows, table, sequence=(table.sequence or 0) + 1, settings={})
    memory.write_bytes(destination.apply(replace(plan, refusals=())).memory)


def make(path: Path, name: str, rows: int) -> None:
    """A workbook of that many signals, and the sync after it."""
    template = load_template(name)
    if name == RICH:
        sync(path, template, [record(0)])
        book = openpyxl.load_workbook(path)
        sheet = book.create_sheet("Mine")
        for row in range(1, FORMULAS // 2 + 1):
            sheet.append([row, f"=A{row}*2", f"=INDEX(Signals!$A:$A,A{row})"])
        book.save(path)
    sync(path, template, [record(number) for number in range(rows)])
    sync(path, template, [record(rows)])


def change(path: Path, name: str, rows: int) -> None:
    """50 rows changed and 50 added."""
    template = load_template(name)
    changed = [record(number * (rows // CHANGES), revision=2) for number in range(CHANGES)]
    sync(path, template, [*changed, *(record(2 * rows + number) for number in range(CHANGES))])


def sizes(path: Path) -> tuple[int, int]:
    """Bytes of the file, and of its largest part inflated."""
    with zipfile.ZipFile(path) as archive:
        return path.stat().st_size, max(part.file_size for part in archive.infolist())


def rows_of_equal_bytes(folder: Path, wanted: tuple[int, int]) -> Iterator[tuple[str, int]]:
    """How many rows of the plain template make a file, and a sheet, of the wanted bytes."""
    small, large = folder / "small.xlsx", folder / "large.xlsx"
    make(small, PLAIN, SAMPLE)
    make(large, PLAIN, 10 * SAMPLE)
    for what, few, many, goal in zip(("file", "sheet"), sizes(small), sizes(large), wanted, strict=True):
        each = (many - few) / (9 * SAMPLE)
        yield what, round(SAMPLE + (goal - few) / each)


def cost(source: Path, name: str, rows: int) -> Spent:
    """One such sync, in a process of its own on a copy of the file, which is ours as much."""
    work = source.with_name(f"work-{source.name}")
    shutil.copyfile(source, work)
    work.with_suffix(".memory").unlink(missing_ok=True)
    sync(work, load_template(name), [record(rows + 1)])
    return spent([sys.executable, __file__, "--change", str(work), name, str(rows)])


def compare(rows: int) -> bool:
    """Pairs of both, in turn; whether the limit holds."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rich = folder / "rich.xlsx"
        make(rich, RICH, rows)
        kept = []
        for what, plain_rows in rows_of_equal_bytes(folder, sizes(rich)):
            plain = folder / f"{what}.xlsx"
            make(plain, PLAIN, plain_rows)
            pairs = [(cost(rich, RICH, rows), cost(plain, PLAIN, plain_rows)) for _ in range(PAIRS)]
            megabytes = [f"{size / 1e6:.1f}" for path in (rich, plain) for size in sizes(path)]
            print(f"MB of file, sheet: {', '.join(megabytes[:2])} and {', '.join(megabytes[2:])}")
            name = f"{RICH} {rows:,} rows : {PLAIN} {plain_rows:,} rows, equal bytes of the {what}"
            kept.append(verdict(name, pairs_of(pairs), LIMIT))
        return all(kept)


def main(arguments: list[str]) -> int:
    """Compare, or be one sync's process."""
    if arguments[:1] == ["--change"]:
        change(Path(arguments[1]), arguments[2], int(arguments[3]))
        return 0
    return 0 if compare(int(arguments[0]) if arguments else ROWS) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
