"""Editing a workbook in place against loading and saving it: `python benchmarks/excel_edit.py [rows...]`.

Each contender is a process of its own that changes 50 rows and adds 50: this project on a workbook that another
program saved ("first"), on one that it wrote last and remembers ("second"), there with all that a command imports
("command"), and there on top ("newest first"); openpyxl, WolfXL (if installed), and three floors: inflating the sheet
and deflating it again with the same codec at the same level; copying the file with an fsync; importing requests and
click, which every sync needs, nothing else. "work" is the edit alone, "process" the whole process with its start and
imports. Ratios are made turn by turn, all sizes in one turn; the slow ones take part in the first two only.
"""

from __future__ import annotations

import importlib.util
import random
import shutil
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from excel_ours import COLUMNS, sync
from measure import Ratio, Spent, middle, spent

TURNS, SLOW_TURNS, MOST_LOADED = 7, 2, 200_000
OURS = ("imports", "floor", "copy", "first", "second", "command", "newest first")
SECOND = ("second", "command", "newest first")  # in a workbook that was written before, and is remembered
LOADERS = ("wolfxl", "openpyxl")
BARE = "import requests, click; print(0, 0)"
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
    file = Path(__file__).with_name("excel_others.py" if contender in LOADERS else "excel_ours.py")
    command = [sys.executable, str(file)]
    if contender in SECOND:
        spent([*command, "first", str(work), str(rows)])
    bare = contender == "imports"
    process = spent([sys.executable, "-c", BARE] if bare else [*command, contender, str(work), str(rows)])
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
    """Compare, or make a workbook."""
    if arguments[:1] == ["--make"]:
        make(Path(arguments[1]), int(arguments[2]))
    else:
        compare([int(each) for each in arguments] or [1_000, 100_000])


if __name__ == "__main__":
    main(sys.argv[1:])
