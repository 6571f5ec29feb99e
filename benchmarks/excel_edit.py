"""Editing a workbook in place against loading and saving it: `python benchmarks/excel_edit.py [rows...]`.

Each contender is a process of its own that changes 50 rows and adds 50: this project on a workbook that another
program saved ("first"), and on one that it wrote last and remembers ("second"), openpyxl, WolfXL (if installed),
and two floors: inflating the sheet and deflating it again with the same codec at the same level, and copying the
file with an fsync, nothing else. "work" is the edit alone, "process" the whole process with its start and imports.
At the end: the second sync at each size against that at the first size, without the copy and with it.
"""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cqs_sheets.core.cells import CellType, CellValue
from cqs_sheets.core.plan.plan import Add, Plan, Update
from cqs_sheets.core.templates.template import Column, ColumnKind, TableTab, Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.parts.archive import LEVEL, codec
from cqs_sheets.destinations.excel.parts.package import Package
from cqs_sheets.run.deliver import read_target

COLUMNS, CHANGES = 20, 50
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


def sync(path: Path, changed: list[str], new: list[str]) -> None:
    """Read what the file holds of these keys, plan, apply: all that a sync does to it."""
    names = [("id", "ID", CellType.ID), *((f"c{at}", f"c{at}", CellType.NUMBER) for at in range(1, COLUMNS))]
    columns = tuple(
        Column(id=id_, header=header, kind=ColumnKind.FIELD, type=kind) for id_, header, kind in names
    )
    template = Template(name="b", title="b", tabs=(TableTab(name="Signals", key="id", columns=columns),))
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


def ours(path: Path, rows: int, first_new: int) -> None:
    """50 rows changed and 50 added, in a workbook that was synced before."""
    changed = [str(1_000_001 + number * (rows // CHANGES)) for number in range(CHANGES)]
    sync(path, changed, [str(first_new + number) for number in range(CHANGES)])


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
    """One contender on one file; prints the seconds of its work."""
    load = None
    if contender in ("openpyxl", "wolfxl"):
        options = {"modify": True} if contender == "wolfxl" else {}
        load = partial(importlib.import_module(contender).load_workbook, **options)
    started = time.perf_counter()
    if load:
        load_and_save(path, rows, load)
    elif contender in ("floor", "copy"):
        {"floor": floor, "copy": copy}[contender](path)
    else:
        ours(path, rows, 9_000_000 if contender == "first" else 8_000_000)
    print(time.perf_counter() - started)


class Cost(NamedTuple):
    """Seconds of the work and of the whole process, peak memory and size of the result in MB."""

    work: float
    process: float
    memory: float
    size: float


def measure(contender: str, source: Path, rows: int) -> Cost:
    """One process."""
    work = source.with_name(f"work-{contender}.xlsx")
    shutil.copyfile(source, work)
    if contender == "second":
        subprocess.run(
            [sys.executable, __file__, "--run", "first", str(work), str(rows)],
            check=True,
            capture_output=True,
        )
    started = time.perf_counter()
    command = [sys.executable, __file__, "--run", contender, str(work), str(rows)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seconds = float(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(seconds, elapsed, usage.ru_maxrss / 1024, work.stat().st_size / 1e6)


def compare(rows: int) -> dict[str, Cost]:
    """Every contender on a sheet of that many rows; the best of some, in turn (the slow ones once)."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.xlsx"
        subprocess.run([sys.executable, __file__, "--make", str(source), str(rows)], check=True)
        others = [
            name for name in ("wolfxl", "openpyxl") if rows <= 200_000 and importlib.util.find_spec(name)
        ]
        found: dict[str, Cost] = {}
        for turn in range(5):
            for name in (
                "floor",
                "copy",
                "first",
                "second",
                *(others if turn == 0 or rows <= 10_000 else ()),
            ):
                cost = measure(name, source, rows)
                found[name] = Cost(*map(min, cost, found.get(name, cost)))
        print(f"\n{rows:,} rows x {COLUMNS} columns, {source.stat().st_size / 1e6:.1f} MB")
        heads = ("work s", "process s", "peak MB", "file MB", "work/second", "work/floor", "process/sec.")
        print(" " * 12 + "".join(f"{head:>13}" for head in heads))
        own, least = found["second"], found["floor"]
        for name, cost in found.items():
            figures = (*cost, cost.work / own.work, cost.work / least.work, cost.process / own.process)
            print(f"{name:12}" + "".join(f"{figure:13.2f}" for figure in figures))
    return found


def main(arguments: list[str]) -> None:
    """Compare, or be one contender's process."""
    if arguments[:1] == ["--make"]:
        make(Path(arguments[1]), int(arguments[2]))
    elif arguments[:1] == ["--run"]:
        run(arguments[1], Path(arguments[2]), int(arguments[3]))
    else:
        found = {rows: compare(rows) for rows in [int(each) for each in arguments] or [1_000, 100_000]}
        least, *others = found
        for rows in others:
            one, other = found[least], found[rows]
            whole = other["second"].process / one["second"].process
            bare = (other["second"].process - other["copy"].work) / (one["second"].process - one["copy"].work)
            print(
                f"second sync, {rows:,} rows : {least:,} rows: {whole:.2f}; without copying the file {bare:.2f}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
