"""What openpyxl, and WolfXL behind its API, take for what excel_edit.py measures; nothing of ours is imported."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

CHANGES = 50


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


def main(library: str, path: Path, rows: int) -> None:
    """One of them on one file; prints the seconds of its work, of CPU and on the clock."""
    options = {"modify": True} if library == "wolfxl" else {}
    load = partial(importlib.import_module(library).load_workbook, **options)
    cpu, clock = time.process_time(), time.perf_counter()
    load_and_save(path, rows, load)
    print(time.process_time() - cpu, time.perf_counter() - clock)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
