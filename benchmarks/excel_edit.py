"""Editing a workbook in place against loading and saving it: `python benchmarks/excel_edit.py [rows...]`.

Each contender is a process of its own that changes 50 rows and adds 50: this project, openpyxl, WolfXL
(if installed), and the floor: inflating the same archive and deflating it again at the same level.
Ratios are to the floor's and to our own time in the same run; peak memory is the process's.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

COLUMNS, CHANGES = 20, 50
WORDS = ("BTC", "ETH", "LONG", "SHORT", "binance_futures", "SHORT TERM", "MID TERM")


def make(path: Path, rows: int) -> None:
    """A sheet of `rows` signals, 13 numbers and 6 words each, strings shared as Excel does."""
    import random

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


def ours(path: Path, rows: int) -> None:
    """Read what the file holds of 100 keys, plan, apply: all that a sync does to it."""
    from cqs_sheets.core.cells import CellType
    from cqs_sheets.core.plan import Add, Plan, Update
    from cqs_sheets.core.template import Column, ColumnKind, TableTab, Template
    from cqs_sheets.destinations.excel.destination import ExcelDestination

    names = [("id", "ID", CellType.ID), *((f"c{at}", f"c{at}", CellType.NUMBER) for at in range(1, COLUMNS))]
    columns = tuple(
        Column(id=id_, header=header, kind=ColumnKind.FIELD, type=kind) for id_, header, kind in names
    )
    template = Template(name="b", title="b", tabs=(TableTab(name="Signals", key="id", columns=columns),))
    changed = [str(1_000_001 + number * (rows // CHANGES)) for number in range(CHANGES)]
    new = [str(9_000_000 + number) for number in range(CHANGES)]
    destination = ExcelDestination(path, backups=0)
    table = destination.read(template, {"Signals": {*changed, *new}})
    destination.apply(
        Plan(
            template=template,
            table=table,
            sequence=1,
            adds=tuple(
                Add(tab="Signals", key=key, values={"id": Decimal(key), "c1": Decimal("1.5"), "c15": "new"})
                for key in new
            ),
            updates=tuple(
                Update(tab="Signals", key=key, column="c15", old=None, new="changed") for key in changed
            ),
        )
    )


def load_and_save(path: Path, rows: int, *, module: str) -> None:
    """The same changes with openpyxl, or WolfXL behind openpyxl's API."""
    library = importlib.import_module(module)
    book = library.load_workbook(path, modify=True) if module == "wolfxl" else library.load_workbook(path)
    sheet = book["Signals"]
    for number in range(CHANGES):
        sheet.cell(row=2 + number * (rows // CHANGES), column=16).value = "changed"
        sheet.cell(row=rows + 2 + number, column=1).value = 9_000_000 + number
        sheet.cell(row=rows + 2 + number, column=2).value = 1.5
        sheet.cell(row=rows + 2 + number, column=16).value = "new"
    book.save(path)


def floor(path: Path) -> None:
    """Inflate every part and deflate it again, with our codec at our level; nothing else."""
    from cqs_sheets.destinations.excel.package import Draft, Package

    with Package.open(path) as package:
        draft = Draft(package)
        for name in package.names:
            draft.put(name, draft.content(name))
        with path.with_suffix(".floor").open("wb+") as file:
            draft.write(file)
            file.flush()
            os.fsync(file.fileno())


def run(contender: str, path: Path, rows: int) -> None:
    """One contender on one file."""
    if contender == "floor":
        floor(path)
    elif contender == "cqs-sheets":
        ours(path, rows)
    else:
        load_and_save(path, rows, module=contender)


def measure(contender: str, source: Path, rows: int, repeats: int) -> tuple[float, float, int]:
    """Best wall-clock seconds of a whole process, its peak memory in MB, and the size of the result."""
    seconds, memory, size = float("inf"), 0.0, 0
    for _ in range(repeats):
        work = source.with_name(f"work-{contender}.xlsx")
        work.write_bytes(source.read_bytes())
        started = time.perf_counter()
        process = subprocess.Popen([sys.executable, __file__, "--run", contender, str(work), str(rows)])
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{contender} failed")
        seconds, memory, size = (
            min(seconds, elapsed),
            max(memory, usage.ru_maxrss / 1024),
            work.stat().st_size,
        )
    return seconds, memory, size


def compare(rows: int) -> None:
    """Every contender on a sheet of that many rows."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.xlsx"
        made = subprocess.run([sys.executable, __file__, "--make", str(source), str(rows)], check=True)
        assert made.returncode == 0
        contenders = ["floor", "cqs-sheets"]
        if rows <= 200_000:
            contenders += [name for name in ("wolfxl", "openpyxl") if importlib.util.find_spec(name)]
        print(f"\n{rows:,} rows x {COLUMNS} columns, {source.stat().st_size / 1e6:.1f} MB")
        found = {name: measure(name, source, rows, 1 if name == "openpyxl" else 3) for name in contenders}
        own = found["cqs-sheets"][0]
        print(f"{'':12}{'seconds':>9}{'peak MB':>9}{'file MB':>9}{'/ ours':>9}{'/ floor':>9}")
        for name, (seconds, memory, size) in found.items():
            ratios = f"{seconds / own:9.1f}{seconds / found['floor'][0]:9.2f}"
            print(f"{name:12}{seconds:9.3f}{memory:9.0f}{size / 1e6:9.1f}{ratios}")


def main(arguments: list[str]) -> None:
    """Compare, or be one contender's process."""
    if arguments[:1] == ["--make"]:
        make(Path(arguments[1]), int(arguments[2]))
    elif arguments[:1] == ["--run"]:
        run(arguments[1], Path(arguments[2]), int(arguments[3]))
    else:
        for rows in [int(argument) for argument in arguments] or [1_000, 100_000]:
            compare(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
