"""A sheet made by hand: the sync binds to the headers it recognises and writes nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from cqs_sheets.core.plan.plan import Plan
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.run.looking import read_target
from tests.destinations.excel.books import grid, parts, with_parts
from tests.make import TEMPLATE, record, wanted_rows

HEADERS = ["Coin", "ID", "TIMESTAMP", "Verdict", "stop", "half"]
"""Known by header, column id or source, in any case; the fourth and the last are the user's."""

Beside = Callable[[Any, int], None]


def half(sheet: Any, row: int) -> None:
    """The user's formula: half the stop of its row (0-based)."""
    sheet.write_formula(row, 5, f"=E{row + 1}/2", None, 1)


def nothing(sheet: Any, row: int) -> None:
    sheet.write_blank(row, 5, None)


def own_book(
    folder: Path, *, title: str = "Trades", top: int = 0, rows: int = 3, beside: Beside = half, table: bool = False,
    headers: Sequence[str] = HEADERS,
) -> Path:  # fmt: skip
    """A workbook with a sheet of the user's own rows 901, 902... under headers in row `top` (0-based)."""
    path = folder / "mine.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Plans").write(0, 0, "my plans")
    sheet = book.add_worksheet(title)
    if top:
        sheet.write(0, 0, "What I trade")
    sheet.write_row(top, 0, headers)
    for row in range(top + 1, top + 1 + rows):
        sheet.write_row(row, 0, ["XRP", 900 + row - top, "", "good", 10])
        beside(sheet, row)
    if table:
        columns = [{"header": header} for header in headers]
        sheet.add_table(top, 0, top + rows, len(headers) - 1, {"name": "Mine", "columns": columns})
    book.close()
    return path


def sync(path: Path, *ids: int, title: str = "Trades", **changes: Any) -> Plan:
    destination = ExcelDestination(path, backups=0, lock_wait=0)
    rows = [row for id_ in ids for row in wanted_rows(TEMPLATE, record(str(id_), **changes), UTC)]
    table = read_target(destination, TEMPLATE, {"Signals": {row.key for row in rows}}, {"Signals": title})
    plan = make_plan(rows, table, sequence=(table.sequence or 0) + 1, settings={"Feed_status": "ok"})
    if not plan.empty:
        destination.apply(plan)
    return plan


def formulas(path: Path, column: str = "F", title: str = "Trades") -> list[Any]:
    return [cell.value for cell in openpyxl.load_workbook(path)[title][column]]


@pytest.mark.parametrize("top", [0, 4])
@pytest.mark.parametrize("title", ["Trades", "Signals", "Börse 2026"])
def test_it_is_found_wherever_its_headers_stand(tmp_path: Path, top: int, title: str) -> None:
    path = own_book(tmp_path, top=top, title=title)
    sync(path, 1, 2, title=title)
    rows = grid(path, title)[top:]
    assert [row[:2] for row in rows] == [
        ["Coin", "ID"],
        *(["XRP", n] for n in (901, 902, 903)),
        ["BTC", 1],
        ["BTC", 2],
    ]
    assert [row[3] for row in rows[1:]] == ["good"] * 3 + [""] * 2


def test_nothing_else_in_the_workbook_is_written(tmp_path: Path) -> None:
    path = own_book(tmp_path)
    before = parts(path)
    sync(path, 1)
    after = parts(path)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"xl/worksheets/sheet2.xml", "xl/workbook.xml", "xl/styles.xml"}
    assert after.keys() == before.keys()
    assert openpyxl.load_workbook(path).sheetnames == ["Plans", "Trades"]


def test_a_tab_that_was_adopted_gets_no_others_later_either(tmp_path: Path) -> None:
    path = own_book(tmp_path)
    sync(path, 1)
    sync(path, 2)
    assert openpyxl.load_workbook(path).sheetnames == ["Plans", "Trades"]


def test_it_is_still_found_when_its_headers_are_renamed_and_moved(tmp_path: Path) -> None:
    path = own_book(tmp_path)
    sync(path, 1)
    book = openpyxl.load_workbook(path)
    book["Trades"]["A1"], book["Trades"]["E1"] = "Münze", "Stopp"
    book.save(path)
    sync(path, 1, coin="ETH")
    assert [row[0] for row in grid(path, "Trades")] == ["Münze", "XRP", "XRP", "XRP", "ETH"]


def test_formulas_beside_the_data_are_filled_down(tmp_path: Path) -> None:
    path = own_book(tmp_path)
    sync(path, 1, 2)
    assert formulas(path) == ["half", "=E2/2", "=E3/2", "=E4/2", "=E5/2", "=E6/2"]
    sync(path, 3)
    assert formulas(path)[-1] == "=E7/2"


def test_so_is_the_formula_of_an_only_row(tmp_path: Path) -> None:
    path = own_book(tmp_path, rows=1)
    sync(path, 1)
    assert formulas(path) == ["half", "=E2/2", "=E3/2"]


def test_so_are_formulas_of_a_table_that_does_not_state_them(tmp_path: Path) -> None:
    path = own_book(tmp_path, table=True)
    sync(path, 1)
    assert formulas(path)[-2:] == ["=E4/2", "=E5/2"]
    assert openpyxl.load_workbook(path)["Trades"].tables["Mine"].ref == "A1:F5"


def test_so_are_running_totals_and_fixed_references(tmp_path: Path) -> None:
    def total(sheet: Any, row: int) -> None:
        sheet.write_formula(row, 5, f"=SUM(E$2:E{row + 1})+$E$2+N(F{row})", None, 1)

    path = own_book(tmp_path, beside=total)
    sync(path, 1)
    assert formulas(path)[-1] == "=SUM(E$2:E5)+$E$2+N(F4)"


def test_so_are_formulas_that_excel_shares_between_rows(tmp_path: Path) -> None:
    def shared(xml: bytes) -> bytes:
        xml = xml.replace(b"<f>E2/2</f>", b'<f t="shared" ref="F2:F4" si="0">E2/2</f>')
        return re.sub(rb"<f>E[34]/2</f>", b'<f t="shared" si="0"/>', xml)

    path = with_parts(own_book(tmp_path), {"xl/worksheets/sheet2.xml": shared})
    sync(path, 1)
    assert formulas(path)[-1] == "=E5/2"


@pytest.mark.parametrize(
    "last", ["=E4*99", "=E3/2", 7, "=SUM(E2:E4)"], ids=["another", "of another row", "a number", "a total"]
)
def test_a_formula_that_stands_in_one_row_only_is_not_copied(tmp_path: Path, last: object) -> None:
    def odd(sheet: Any, row: int) -> None:
        if row == 3:
            sheet.write(row, 5, last)
        else:
            half(sheet, row)

    path = own_book(tmp_path, beside=odd)
    sync(path, 1)
    assert formulas(path)[-1] is None


def test_a_formula_of_several_cells_is_not_copied(tmp_path: Path) -> None:
    def array(sheet: Any, row: int) -> None:
        sheet.write_array_formula(row, 5, row, 5, f"{{=SUM(E{row + 1}*2)}}")

    path = own_book(tmp_path, beside=array)
    sync(path, 1)
    assert formulas(path)[-1] is None


def test_what_stands_in_the_way_of_a_formula_stays(tmp_path: Path) -> None:
    def months(sheet: Any, row: int) -> None:
        half(sheet, row)
        sheet.write_formula(row, 8, f"=I{row}+1", None, 1)
        if row == 3:
            sheet.write(4, 8, "end of the list")

    path = own_book(tmp_path, beside=months)
    sync(path, 1)
    assert formulas(path, "I")[-1] == "end of the list"


def test_a_column_named_like_a_formula_of_the_template_is_the_users(tmp_path: Path) -> None:
    path = own_book(tmp_path, headers=[*HEADERS[:5], "Double"], beside=half)
    sync(path, 1)
    sync(path, 2)
    assert formulas(path) == ["Double", "=E2/2", "=E3/2", "=E4/2", "=E5/2", "=E6/2"]


def test_with_nothing_typed_in_it_such_a_column_stays_blank(tmp_path: Path) -> None:
    path = own_book(tmp_path, headers=[*HEADERS[:5], "Double"], beside=nothing)
    sync(path, 1)
    assert formulas(path)[1:] == [None] * 4
