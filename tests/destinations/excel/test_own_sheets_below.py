"""A sheet made by hand with more than signals on it: totals, notes and other tables stay apart from new rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from cqs_sheets.errors import DataRefused
from tests.destinations.excel.books import parts
from tests.destinations.excel.test_own_sheets import HEADERS, half, sync

More = Callable[[Any, Any], None]
TRADES = "xl/worksheets/sheet1.xml"


def book_with(folder: Path, more: More) -> Path:
    """Headers in A1:F1, the user's rows 901 to 903 in 2 to 4, and what `more` adds."""
    path = folder / "mine.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Trades")
    sheet.write_row(0, 0, HEADERS)
    for row in range(1, 4):
        sheet.write_row(row, 0, ["XRP", 900 + row, "", "good", 10])
        half(sheet, row)
    more(book, sheet)
    book.close()
    return path


def column(path: Path, letter: str) -> list[Any]:
    found = [cell.value for cell in openpyxl.load_workbook(path)["Trades"][letter]]
    while found and found[-1] is None:
        found.pop()
    return found


def totals(label: str, at: int) -> More:
    def write(_: Any, sheet: Any) -> None:
        sheet.write(at, "ABCDEF".index(label), "Totals")
        sheet.write_formula(at, 5, "=SUM(F2:F4)", None, 15)

    return write


@pytest.mark.parametrize(
    "label", ["A", "B", "D"], ids=["beside the ids", "in the ids' column", "in a column of theirs"]
)
@pytest.mark.parametrize("gap", [0, 1])
def test_totals_stay_below_and_cover_the_new_rows(tmp_path: Path, label: str, gap: int) -> None:
    path = book_with(tmp_path, totals(label, 4 + gap))
    sync(path, 1, 2)
    sync(path, 3)
    assert column(path, "B")[1:7] == [901, 902, 903, 1, 2, 3]
    halves = [f"=E{row}/2" for row in range(2, 8)]
    assert column(path, "F") == ["half", *halves, *[None] * gap, "=SUM(F2:F7)"]
    assert column(path, label)[7 + gap] == "Totals"


def test_a_second_table_below_is_not_taken_for_more_rows(tmp_path: Path) -> None:
    def fees(_: Any, sheet: Any) -> None:
        sheet.write_row(6, 0, ["Month", "Fees"])
        for row in range(7, 10):
            sheet.write_row(row, 0, ["May", row])

    path = book_with(tmp_path, fees)
    sync(path, 1, 2, 3, 4)
    found = column(path, "B")
    assert found[:8] == ["ID", 901, 902, 903, 1, 2, 3, 4]
    assert found[found.index("Fees") :] == ["Fees", 7, 8, 9]
    assert found[found.index("Fees") - 1] is None


def test_an_entry_of_the_users_without_an_id_is_one_of_the_rows(tmp_path: Path) -> None:
    path = book_with(tmp_path, lambda _, sheet: sheet.write(2, 1, "by hand"))
    sync(path, 1)
    assert column(path, "B") == ["ID", 901, "by hand", 903, 1]


def months(_: Any, sheet: Any) -> None:
    sheet.write_row(0, 8, ["Month", "Sum"])
    for row in range(1, 9):
        sheet.write_row(row, 8, ["May", row])
        sheet.write_formula(row, 10, f"=J{row + 1}*2", None, 1)


def test_a_table_beside_is_left_alone(tmp_path: Path) -> None:
    path = book_with(tmp_path, months)
    before = [column(path, letter) for letter in "IJK"]
    sync(path, 1, 2)
    assert [column(path, letter) for letter in "IJK"] == before
    assert column(path, "B") == ["ID", 901, 902, 903, 1, 2]


def test_what_would_be_torn_beside_is_refused(tmp_path: Path) -> None:
    def both(book: Any, sheet: Any) -> None:
        totals("A", 4)(book, sheet)
        months(book, sheet)

    path = book_with(tmp_path, both)
    before = path.read_bytes()
    with pytest.raises(DataRefused, match="something stands beside them in column I"):
        sync(path, 1)
    assert path.read_bytes() == before


def test_the_users_rules_lists_and_charts_on_those_columns_grow(tmp_path: Path) -> None:
    def theirs(book: Any, sheet: Any) -> None:
        bold = book.add_format({"bold": 1})
        sheet.conditional_format("F2:F4", {"type": "cell", "criteria": ">", "value": 1, "format": bold})
        sheet.data_validation("D2:D4", {"validate": "list", "source": ["good", "bad"]})
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Trades!$F$2:$F$4"})
        sheet.insert_chart("M2", chart)

    path = book_with(tmp_path, theirs)
    sync(path, 1, 2)
    content = parts(path)
    assert b'<conditionalFormatting sqref="F2:F6">' in content[TRADES]
    assert b'sqref="D2:D6"' in content[TRADES]
    assert b"Trades!$F$2:$F$6" in content["xl/charts/chart1.xml"]


def test_times_look_like_times_also_where_there_was_none_yet(tmp_path: Path) -> None:
    path = book_with(tmp_path, lambda *_: None)
    sync(path, 901)
    sync(path, 1)
    book = openpyxl.load_workbook(path)["Trades"]
    assert isinstance(book["C2"].value, datetime)
    assert isinstance(book["C5"].value, datetime)
    assert book["C2"].value.replace(tzinfo=UTC).year == 2026
