"""Random sheets and random plans, looked at by two other readers; what was applied needs no second plan."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqs_sheets.core.cells import CellValue, same
from cqs_sheets.core.plan.plan import Add, Update
from tests.destinations.excel.books import change, fill_signals, grid, read, sync, values, with_parts
from tests.destinations.excel.test_shapes import (
    SHEET,
    Respell,
    attributes_swapped,
    pretty_printed,
    single_quoted,
)
from tests.make import SIGNALS_TAB

_NO_CONTROLS = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufffe\uffff_"
)
TEXT = st.text(_NO_CONTROLS, max_size=20)
PRICE = st.decimals(0, 10**9, allow_nan=False, places=8)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001
COLUMN = {
    "coin": TEXT,
    "status": st.sampled_from(["open", "closed", "=1+1", "+7", "-", "@", "7e30", "TRUE", "1/2"]),
    "stop": st.none() | PRICE,
    "lev": st.none() | st.integers(1, 125).map(Decimal),
    "seen": MOMENTS,
}
CELL = st.sampled_from(sorted(COLUMN)).flatmap(lambda name: st.tuples(st.just(name), COLUMN[name]))
CHANGES = st.lists(st.tuples(st.integers(0, 30), CELL), max_size=8)
SYNCS = st.lists(st.tuples(st.integers(0, 5), CHANGES), min_size=1, max_size=4)
AT = {column.id: at for at, column in enumerate(SIGNALS_TAB.columns, 1)}


def make(path: Path, rows: int, totals: bool, note: int, respell: Respell | None) -> None:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, rows, totals=totals)
    if note:
        sheet.write(2 + max(rows, 1) + totals + note, 2, "a note")
    book.close()
    if respell:
        with_parts(path, {SHEET: respell})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.integers(0, 12), totals=st.booleans(), note=st.integers(0, 4), syncs=SYNCS,
    respell=st.none() | st.sampled_from([attributes_swapped, single_quoted, pretty_printed]),
)  # fmt: skip
def test_any_plan_on_any_sheet(
    rows: int, totals: bool, note: int, syncs: list[Any], respell: Respell | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        make(path, rows, totals, note, respell)
        wanted: dict[str, dict[str, CellValue]] = {
            str(number): values(str(number)) for number in range(1, rows + 1)
        }
        for count, changes in syncs:
            updates = apply_changes(wanted, changes)
            adds = [new_row(wanted) for _ in range(count)]
            sync(path, adds=adds, updates=updates)
            check(path, wanted, note=bool(note))


def apply_changes(wanted: dict[str, dict[str, CellValue]], changes: list[Any]) -> list[Update]:
    keys = list(wanted)
    made: dict[tuple[str, str], Update] = {}
    for number, (column, value) in changes if keys else ():
        key = keys[number % len(keys)]
        made[key, column] = change(key, column, value, wanted[key][column])
        wanted[key][column] = value
    return list(made.values())


def new_row(wanted: dict[str, dict[str, CellValue]]) -> Add:
    key = str(len(wanted) + 1) if len(wanted) % 3 else f"key {len(wanted) + 1}"
    wanted[key] = values(key, coin=f"coin {key}")
    return Add(tab="Signals", key=key, values=dict(wanted[key]))


def check(path: Path, wanted: Mapping[str, Mapping[str, CellValue]], *, note: bool) -> None:
    held = read(path, *wanted).tabs["Signals"].rows
    assert {key: row.row for key, row in held.items()} == {key: at for at, key in enumerate(wanted, 4)}
    cells, sheet = grid(path), openpyxl.load_workbook(path)["Signals"]
    for row, (key, line) in enumerate(wanted.items(), 4):
        for column, value in line.items():
            assert same(value, held[key].values[column]), (key, column)
            assert alike(value, cells[row - 1][AT[column]]), ("calamine", key, column)
            assert alike(value, sheet.cell(row, AT[column] + 1).value), ("openpyxl", key, column)
    assert sum("a note" in line for line in cells) == note
    bottom = int(sheet.tables["Signals"].ref.rpartition("J")[2]) - (
        sheet.tables["Signals"].totalsRowCount or 0
    )
    assert bottom == 3 + max(len(wanted), 1)


def alike(value: CellValue, shown: object) -> bool:
    """Whether another reader shows what was meant; both read numbers as floats, and blanks their own way."""
    if value in (None, ""):
        return shown in (None, "")
    if isinstance(value, Decimal):
        return isinstance(shown, int | float) and same(value, Decimal(repr(shown)))
    if isinstance(value, datetime):
        if type(shown) is date:  # calamine's midnight
            shown = datetime.combine(shown, time())
        return isinstance(shown, datetime) and abs((value - shown).total_seconds()) < 0.5
    return shown == value
