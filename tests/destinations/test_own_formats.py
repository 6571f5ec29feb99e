"""A number format that the user gave a column of prices stays in new rows, in a workbook as in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from cqs_sheets.core.templates.template import CellFormat
from tests.destinations.google.user import GoogleUser
from tests.destinations.test_conformance import row, sync
from tests.destinations.users import ExcelUser
from tests.make import SIGNALS_TAB, TEMPLATE

PRICE = CellFormat(pattern="0.00##################", decimals="price")
PRICED = replace(
    TEMPLATE,
    tabs=(
        replace(
            SIGNALS_TAB,
            columns=tuple(
                replace(each, format=PRICE) if each.id in ("stop", "lev") else each
                for each in SIGNALS_TAB.columns
            ),
        ),
        *TEMPLATE.tabs[1:],
    ),
)
THEIRS = '"$"#,##0.0'
STOP, LEVERAGE = 4, 5


def add(user: ExcelUser | GoogleUser, *ids: str, on_top: bool = False) -> None:
    template = PRICED.newest_first() if on_top else PRICED
    sync(
        user,
        *(row(id_, stop_loss=Decimal("93100.125"), leverage=Decimal(20)) for id_ in ids),
        template=template,
    )


@pytest.fixture
def google() -> Iterator[GoogleUser]:
    user = GoogleUser(Path())
    yield user
    user.close()


@pytest.mark.parametrize("on_top", [False, True])
def test_in_a_workbook(tmp_path: Path, *, on_top: bool) -> None:
    user = ExcelUser(tmp_path)
    add(user, "1", "2", on_top=on_top)
    book = openpyxl.load_workbook(user.path)
    for number in (3, 4):
        book["Signals"].cell(number, STOP).number_format = THEIRS
    book.save(user.path)
    add(user, "3", on_top=on_top)
    sheet = openpyxl.load_workbook(user.path)["Signals"]
    assert [sheet.cell(number, STOP).number_format for number in (3, 4, 5)] == [THEIRS] * 3
    new = 3 if on_top else 5
    assert sheet.cell(new, LEVERAGE).number_format.startswith("0.000#")


@pytest.mark.parametrize("on_top", [False, True])
def test_in_a_spreadsheet(google: GoogleUser, *, on_top: bool) -> None:
    add(google, "1", "2", on_top=on_top)
    style = {"userEnteredFormat": {"numberFormat": {"type": "CURRENCY", "pattern": THEIRS}}}
    sheet = google.sheets.book(google.book).tab("Signals")
    assert sheet
    span = {"sheetId": sheet.id, "startRowIndex": 2, "endRowIndex": 4}
    span |= {"startColumnIndex": STOP - 1, "endColumnIndex": STOP}
    with google.editing() as hand:
        hand.do({"repeatCell": {"range": span, "cell": style, "fields": "userEnteredFormat.numberFormat"}})
    add(google, "3", on_top=on_top)
    cells = google.tab.cells

    def shown(letters: str, number: int) -> str:
        style = cells[f"{letters}{number}"].format or {}
        return str(style.get("numberFormat", {}).get("pattern", ""))

    assert [shown("D", number) for number in (3, 4, 5)] == [THEIRS] * 3
    assert shown("E", 3 if on_top else 5).startswith("0.000#")
