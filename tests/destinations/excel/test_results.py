"""What the template's formulas show is stored beside them, whatever stands in the rows around."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations.excel.edit.results import store_results
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.export import write_workbook
from cqs_sheets.template_files import load_template
from tests.make import record

SIGNALS = load_template("signals")
TAB = SIGNALS.tab("Signals")
assert isinstance(TAB, TableTab)
AT = {column.id: at for at, column in enumerate(TAB.columns, start=1)}
FIRST, COUNT = 3, 12

Shown = dict[tuple[int, str], Any]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "signals.xlsx"
    write_workbook(path, SIGNALS, [record(str(number)) for number in range(1, COUNT + 1)], UTC, {})
    return path


def shown(path: Path) -> Shown:
    sheet = openpyxl.load_workbook(path, data_only=True)["Signals"]
    rows = range(FIRST, FIRST + COUNT)
    return {(row, id_): sheet.cell(row, at).value for row in rows for id_, at in AT.items()}


def after(path: Path, typed: Callable[[Worksheet], None]) -> Shown:
    """What is shown once another program has dropped all results, something was typed, and they were stored anew."""
    book = openpyxl.load_workbook(path)
    typed(book["Signals"])
    book.save(path)
    with Package.open(path.read_bytes()) as package:
        draft = Draft(package)
        workbook = Workbook(draft)
        store_results(draft, workbook, SIGNALS, workbook.sheets)
        with path.open("w+b") as file:
            draft.write(file)
    return shown(path)


def test_all_rows_are_worked_out_again_after_another_program_saved_them(book: Path) -> None:
    before = shown(book)
    assert all(before[FIRST, id_] for id_ in ("rr", "size", "value", "chart"))
    assert after(book, lambda _: None) == before


def test_a_formula_of_the_users_own_is_left_alone_among_those_of_its_column(book: Path) -> None:
    def typed(sheet: Worksheet) -> None:
        sheet.cell(FIRST + 1, AT["size"]).value = "=VLOOKUP(1,A1:B2,2)"
        sheet.cell(FIRST + 3, AT["size"]).value = "=1+"
        sheet.cell(FIRST + 5, AT["size"]).value = f"=A{FIRST + 5}*9999999"

    before = shown(book)
    unknown = {(FIRST + each, id_): None for each in (1, 3, 5) for id_ in ("size", "value")}
    assert after(book, typed) == {**before, **unknown}


def test_a_number_in_place_of_a_formula_counts(book: Path) -> None:
    def typed(sheet: Worksheet) -> None:
        sheet.cell(FIRST + 2, AT["size"]).value = 7

    before = shown(book)
    changed = {(FIRST + 2, "size"): 7, (FIRST + 2, "value"): 7 * before[FIRST + 2, "entry"]}
    assert after(book, typed) == {**before, **changed}
