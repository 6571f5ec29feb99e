"""One contender of excel_edit.py, a process of its own that imports nothing of the others.

"command" has what `cqs-sheets sync` imports, too: the API's client with requests, the journal, the command line.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import time
import zlib
from decimal import Decimal
from pathlib import Path

from cqs_sheets.core.cells import CellType, CellValue
from cqs_sheets.core.plan.binding import bind, marks_of, searched_titles
from cqs_sheets.core.plan.plan import Add, Plan, Update
from cqs_sheets.core.templates.template import Column, ColumnKind, TableTab, Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.parts.archive import LEVEL, codec
from cqs_sheets.destinations.excel.parts.package import Package

COLUMNS, CHANGES = 20, 50


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
    facts = destination.look(destination.stamp(""), marks_of(template))
    if titles := searched_titles(template, facts, {}):
        facts = destination.headers(facts, titles)
    table = destination.read(facts, bind(template, facts, {}), {"Signals": {*changed, *new}})
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


def main(contender: str, path: Path, rows: int) -> None:
    """One contender on one file; prints the seconds of its work, of CPU and on the clock."""
    gc.set_threshold(50_000)  # as in every process of ours (cli.settle_in)
    if contender == "command":
        import as_the_command  # noqa: F401 - this contender's alone

        import cqs_sheets.cli.commands.sync  # noqa: F401
    cpu, clock = time.process_time(), time.perf_counter()
    if contender in ("floor", "copy"):
        {"floor": floor, "copy": copy}[contender](path)
    else:
        ours(path, rows, 9_000_000 if contender == "first" else 8_000_000, on_top=contender == "newest first")
    print(time.process_time() - cpu, time.perf_counter() - clock)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
