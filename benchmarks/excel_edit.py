"""Editing a workbook in place against loading and saving it: `python benchmarks/excel_edit.py [rows...]`.

Each contender is a process of its own that changes 50 rows and adds 50: this project on a workbook that another
program saved ("first"), on one that it wrote last and remembers ("second"), and there on top ("newest first");
openpyxl, WolfXL (if installed), and two floors: inflating the sheet and deflating it again with the same codec at
the same level, and copying the file with an fsync, nothing else.
"work" is the edit alone, "process" the whole process with its start and imports. Ratios are made turn by turn, all
sizes in one turn; the slow ones take part in the first two only.
"""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from measure import Ratio, Spent, middle, spent

from cqs_sheets.core.cells import CellType, CellValue
from cqs_sheets.core.plan.plan import Add, Plan, Update
from cqs_sheets.core.templates.template import Column, ColumnKind, TableTab, Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.parts.archive import LEVEL, codec
from cqs_sheets.destinations.excel.parts.package import Package
from cqs_sheets.run.looking import read_target

COLUMNS, CHANGES = 20, 50
TURNS, SLOW_TURNS, MOST_LOADED = 7, 2, 200_000
OURS, LOADERS = ("floor", "copy", "first", "second", "newest first"), ("wolfxl", "openpyxl")
WORDS = ("BTC", "ETH", "LONG", "SHORT", "binance_futures", "SHORT TERM", "MID TERM")


def make(path: Path, rows: int) -> None:
    """A sheet of `rows` signals, 13 numbers and 6 words each, strings shared as Excel does."""
    import xlsxwriter

    chance = random.Random(1)
    book = xlsxwriter.Workbook(path, {"constant_memory": rows > 200_000})
    sheet = book.add_worksheet("Signals")
    sheet.write_row(0, 0, ["ID", *(f"c{at}" for at in range(1, COLUMNS))])
    for row in range(1, rows + 1):
        sheet.write_number(row, 0, 1_000_000 + row)
        for at in range(1, 14):
            sheet.write_number(row, at, round(chance.random() * 10 ** chance.randint(0, 5), 6))
        for at in range(14, COLUMNS):
            sheet.write_string(row, at, chance.choice(WORDS))
    book.close()
    sync(path, ["1000001"], [])  # as every workbook is from its second sync on: its columns are bound


def sync(path: Path, changed: list[str], new: list[str], *, on_top: bool = False) -> None:
    """Read what the file holds of these keys, plan, apply: all that a sync does to it."""
    names = [("id", "ID", CellType.ID), *((f"c{at}", f"c{at}", CellType.NUMBER) for at in range(1, COLUMNS))]
    columns = tuple(
        Column(id=id_, header=header, kind=ColumnKind.FIELD, type=kind) for id_, header, kind in names
    )
    new_rows = "top" if on_top else "bottom"
    tab = TableTab(name="Signals", key="id", columns=columns, new_rows=new_rows)
    template = Template(name="b", title="b", tabs=(tab,))
    values: dict[str, CellValue] = {"c1": Decimal("1.5"), "c15": "new"}
    destination = ExcelDestination(path, backups=0)
    memory = path.with_suffix(".memory")  # what a sync keeps in its journal
    destination.recall(memory.read_bytes() if memory.exists() else b"")
    table = read_target(destination, template, {"Signals": {*changed, *new}})
    applied = destination.apply(
        Plan(
            snapshot=table,
            sequence=(table.sequence or 0) + 1,
            adds=tuple(Add(tab="Signals", key=key, values={"id": Decimal(key), **values}) for key in new),
            updates=tuple(
                Update(tab="Signals", key=key, column="c15", old=None, new="changed") for key in changed
            ),
        )
    )
    memory.write_bytes(applied.memory)


def ours(path: Path, rows: int, first_new: int, *, on_top: bool = False) -> None:
    """50 rows changed and 50 added, in a workbook that was synced before."""
    changed = [str(1_000_001 + number * (rows // CHANGES)) for number in range(CHANGES)]
    sync(path, changed, [str(first_new + number) for number in range(CHANGES)], on_top=on_top)


def load_and_save(path: Path, rows: int, load: Callable[..., Any]) -> None:
    """The same changes, of rows found by key, with openpyxl or with WolfXL behind openpyxl's API."""
    book = load(path)
    sheet = book["Signals"]
    keys = sheet.iter_rows(min_row=2, min_col=1, max_col=1, values_only=True)
    places = {int(key): row for row, (key,) in enumerate(keys, 2)}
    for number in range(CHANGES):
        sheet.cell(row=places[1_000_001 + number * (rows // CHANGES)], column=16).value = "changed"
        sheet.cell(row=rows + 2 + number, column=1).value = 9_000_000 + number
        sheet.cell(row=rows + 2 + number, column=2).value = 1.5
        sheet.cell(row=rows + 2 + number, column=16).value = "new"
    book.save(path)


def floor(path: Path) -> None:
    """Inflate the sheet and deflate it again."""
    with Package.open(path) as package, path.with_suffix(".floor").open("wb") as file:
        deflater = codec.compressobj(LEVEL, zlib.DEFLATED, -15)
        for chunk in package.chunks("xl/worksheets/sheet1.xml"):
            file.write(deflater.compress(chunk))
        file.write(deflater.flush())


def copy(path: Path) -> None:
    """Copy the file, safely on disk."""
    with path.open("rb") as source, path.with_suffix(".copy").open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        os.fsync(file.fileno())


def run(contender: str, path: Path, rows: int) -> None:
    """One contender on one file; prints the seconds of its work, of CPU and on the clock."""
    load = None
    if contender in LOADERS:
        options = {"modify": True} if contender == "wolfxl" else {}
        load = partial(importlib.import_module(contender).load_workbook, **options)
    cpu, clock = time.process_time(), time.perf_counter()
    if load:
        load_and_save(path, rows, load)
    elif contender in ("floor", "copy"):
        {"floor": floor, "copy": copy}[contender](path)
    else:
        ours(path, rows, 9_000_000 if contender == "first" else 8_000_000, on_top=contender == "newest first")
    print(time.process_time() - cpu, time.perf_counter() - clock)


class Cost(NamedTuple):
    """What the work and the whole process spent, and the MB of the result."""

    work: Spent
    process: Spent
    size: float


def measure(contender: str, source: Path, rows: int) -> Cost:
    """One process."""
    work = source.with_name(f"work-{contender}.xlsx")
    shutil.copyfile(source, work)
    work.with_suffix(".memory").unlink(missing_ok=True)
    command = [sys.executable, __file__, "--run"]
    if contender in ("second", "newest first"):
        spent([*command, "first", str(work), str(rows)])
    process = spent([*command, contender, str(work), str(rows)])
    cpu, clock = map(float, process.output.split())
    return Cost(Spent(cpu, clock, process.peak), process, work.stat().st_size / 1e6)


def compare(sizes: list[int]) -> None:
    """Every contender at every size, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        sources = {rows: Path(folder) / str(rows) / "source.xlsx" for rows in sizes}
        for rows, source in sources.items():
            source.parent.mkdir()
            spent([sys.executable, __file__, "--make", str(source), str(rows)])
        found: dict[tuple[int, str], list[Cost]] = {}
        for turn in range(TURNS):
            for rows, source in sources.items():
                slow = [name for name in LOADERS if importlib.util.find_spec(name)]
                slow = [] if rows > MOST_LOADED or turn >= SLOW_TURNS else slow
                for name in (*OURS, *slow):
                    found.setdefault((rows, name), []).append(measure(name, source, rows))
        for rows in sizes:
            show(rows, {name: costs for (size, name), costs in found.items() if size == rows})
        for few, many in pairwise(sizes):
            print(f"\nsecond sync, {many:,} rows : {few:,} rows, whole process")
            for what, without in (("", 0), (", without what copying the file takes", 1)):
                cpu, clock = (
                    Ratio.of(
                        [
                            (getattr(one.process, kind) - without * getattr(bare.work, kind))
                            / (getattr(other.process, kind) - without * getattr(least.work, kind))
                            for one, bare, other, least in zip(
                                *(found[rows, name] for rows in (many, few) for name in ("second", "copy")),
                                strict=True,
                            )
                        ]
                    )
                    for kind in ("cpu", "wall")
                )
                print(f"  CPU {cpu}, clock {clock}{what}")


def show(rows: int, found: dict[str, list[Cost]]) -> None:
    """One size's table: medians, and the middle ratio with its quarters."""
    print(
        f"\n{rows:,} rows x {COLUMNS} columns, {found['copy'][0].size:.1f} MB; seconds of CPU (on the clock)"
    )
    heads = ("work", "process", "MB", "process : second", "work : floor")
    print(f"{'':14}" + "".join(f"{head:>23}" for head in heads))
    for name, costs in found.items():
        work, process = (middle([getattr(each, what) for each in costs]) for what in ("work", "process"))
        turns = list(zip(costs, found["second"], found["floor"], strict=False))
        ratios = (
            Ratio.of([each.process.cpu / second.process.cpu for each, second, _ in turns]),
            Ratio.of([each.work.cpu / least.work.cpu for each, _, least in turns]),
        )
        spans = (f"{each.cpu:.3f} ({each.wall:.3f})" for each in (work, process))
        figures = (*spans, f"{process.peak:.0f}", *map(str, ratios))
        print(f"{name:14}" + "".join(f"{figure:>23}" for figure in figures))


def main(arguments: list[str]) -> None:
    """Compare, or be one contender's process."""
    if arguments[:1] == ["--make"]:
        make(Path(arguments[1]), int(arguments[2]))
    elif arguments[:1] == ["--run"]:
        run(arguments[1], Path(arguments[2]), int(arguments[3]))
    else:
        compare([int(each) for each in arguments] or [1_000, 100_000])


if __name__ == "__main__":
    main(sys.argv[1:])
