"""Workbooks as users have them, and syncs of the small test template into them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan.plan import Add, Snapshot, Update
from cqs_sheets.destinations import Applied
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.run.looking import read_target
from tests.make import SIGNALS_TAB, TEMPLATE, plan_of

MOMENT = datetime(2026, 5, 24, 14, 32, 5)  # noqa: DTZ001 - a cell's wall time
HEADERS = [column.header for column in SIGNALS_TAB.columns]
ONLY_SIGNALS = type(TEMPLATE)(name="test", title="One tab", tabs=(SIGNALS_TAB,))


def values(key: str, **changes: CellValue) -> dict[str, CellValue]:
    """A whole row of sync-owned values."""
    row: dict[str, CellValue] = {
        "id": Decimal(key) if key.isdigit() else key,
        "time": MOMENT,
        "coin": "BTC",
        "stop": Decimal("93100.5"),
        "lev": None,
        "status": "open",
        "seen": MOMENT,
    }
    return row | changes


def add(key: str, **changes: CellValue) -> Add:
    return Add(tab="Signals", key=key, values=values(key, **changes))


def change(key: str, column: str, new: CellValue, old: CellValue = None) -> Update:
    return Update(tab="Signals", key=key, column=column, old=old, new=new)


def version(path: Path) -> tuple[int, int, int]:
    """What writing or replacing a file changes, and reading it does not."""
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(path: Path, *keys: str) -> Snapshot:
    return read_target(ExcelDestination(path), ONLY_SIGNALS, {"Signals": set(keys)})


def sync(
    path: Path,
    adds: Iterable[Add] = (),
    updates: Iterable[Update] = (),
    words: Mapping[str, str] = MappingProxyType({}),
    **options: Any,
) -> Applied:
    """One write through a fresh destination, as each run of the program is one."""
    destination = ExcelDestination(path, backups=0, lock_wait=0, **options)
    added, updated = tuple(adds), tuple(updates)
    keys = {one.key for one in added} | {one.key for one in updated}
    snapshot = read_target(destination, ONLY_SIGNALS, {"Signals": keys}, words)
    sequence = (snapshot.sequence or 0) + 1
    return destination.apply(plan_of(snapshot, added, updated, sequence=sequence))


def signals_book(path: Path, rows: int = 3, *, below: Callable[[Any, int], None] | None = None) -> Path:
    """A workbook of the user's with a Signals table: header in row 3, in columns B to J."""
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, rows)
    if below:
        below(sheet, 3 + rows)
    book.close()
    return path


def fill_signals(book: Any, sheet: Any, rows: int, *, totals: bool = False) -> None:
    """A table of signals 1, 2, 3... with our hidden names, each column in a format of its own."""
    formats = [
        book.add_format({"num_format": "0", "bold": True}),
        book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
    ]
    styles = {"id": formats[0], "time": formats[1], "seen": formats[1]}
    last = 2 + max(rows, 1) + totals
    columns = [{"header": text} for text in HEADERS]
    options = {"name": "Signals", "columns": columns, "total_row": totals}
    sheet.add_table(2, 1, last, len(HEADERS), options)
    for number in range(1, rows + 1):
        row = 2 + number
        sheet.set_row(row, 21)
        for at, column in enumerate(SIGNALS_TAB.columns, 1):
            value = values(str(number)).get(column.id)
            if column.id == "double":
                sheet.write_formula(row, at, f"=E{row + 1}*2", None, 186201)
            elif isinstance(value, datetime):
                sheet.write_datetime(row, at, value, styles.get(column.id))
            elif value is None:
                sheet.write_blank(row, at, None)
            else:
                sheet.write(
                    row, at, float(value) if isinstance(value, Decimal) else value, styles.get(column.id)
                )
    for at, column in enumerate(SIGNALS_TAB.columns, 1):
        book.define_name(f"cqs.Signals.{column.id}", f"=Signals!${chr(65 + at)}$3")


def grid(path: Path, sheet: str = "Signals") -> list[list[Any]]:
    """All values of a sheet from A1, read by calamine."""
    found = CalamineWorkbook.from_path(path).get_sheet_by_name(sheet)
    return found.to_python(skip_empty_area=False)


def parts(path: Path) -> dict[str, bytes]:
    """Every part of the archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_parts(path: Path, changes: Mapping[str, Callable[[bytes], bytes] | bytes]) -> Path:
    """The workbook with some parts changed or added, everything else as it was."""
    content = parts(path)
    for name, change_part in changes.items():
        content[name] = change_part if isinstance(change_part, bytes) else change_part(content[name])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    path.write_bytes(file.getvalue())
    return path
