"""The formulas that Google Sheets gets come to the same results as those of the workbook.

LibreOffice works out both, as there is no Google Sheets here: the ranges without an end, which it does not
know, end with the last row.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl.workbook import Workbook

from cqs_sheets.core.templates.template import BlocksTab, ReportTab, TableTab
from cqs_sheets.template_files import load_template
from tests.destinations.forms_google import carried_out, compiled
from tests.emulators.google_sheets import start
from tests.templates.recalculated import Made, Recalculated, recalculated
from tests.templates.wire import sent

DASHBOARD = load_template("dashboard")
SIGNALS = sent(120, scalps=0)
TRADES = 60
LAST_ROW = 1_048_576

_OPEN_RANGE = re.compile(r"('(?:[^']|'')+'!\$[A-Z]+\$\d+:\$[A-Z]+)(?![$\d])")
_POSITIONS = {"Journal": ("row", "orow"), "_calc": ("last.row", "pos.row")}  # found by MATCH, used by INDEX


@pytest.mark.soak
def test_pages_blocks_and_journal_show_the_same_in_both(tmp_path: Path) -> None:
    made = [
        Made(name="excel", template="dashboard", signals=SIGNALS, typed=typed_trades),
        Made(name="google", template="dashboard", signals=SIGNALS, typed=typed_formulas),
    ]
    books = recalculated(made, tmp_path)
    assert books["google"].errors() == []
    for tab in DASHBOARD.tabs:
        if isinstance(tab, BlocksTab | ReportTab) or tab.name == "Journal":
            excel, google = (dict(values(books[name], tab.name)) for name in ("excel", "google"))
            differing = {at for at in excel | google if not alike(excel.get(at), google.get(at))}
            assert {at for at in differing if excel[at] + 1 != google[at]} == set(), tab.name
            assert {column for _, column in differing} == set(positions(tab)), tab.name


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)


def values(book: Recalculated, tab: str) -> Iterator[tuple[tuple[int, int], Any]]:
    for line in book.book[tab].iter_rows():
        yield from (((cell.row, cell.column), cell.value) for cell in line if cell.value is not None)


def positions(tab: object) -> Iterator[int]:
    """The columns with positions in a table's column: Google counts the header too."""
    if isinstance(tab, TableTab):
        yield from (
            at for at, column in enumerate(tab.columns, 1) if column.id in _POSITIONS.get(tab.name, ())
        )
    elif isinstance(tab, BlocksTab):
        at = 1
        for block in tab.blocks:
            for column in block.columns:
                if f"{block.id}.{column.id}" in _POSITIONS.get(tab.name, ()):
                    yield at
                at += 1
            at += 1


def typed_trades(book: Workbook) -> None:
    """Trades of some of the signals in the Journal: open, partly closed and closed."""
    dice = random.Random(11)  # noqa: S311
    journal = DASHBOARD.tab("Journal")
    assert isinstance(journal, TableTab)
    columns = {column.id: at for at, column in enumerate(journal.columns, 1)}
    for index, signal in enumerate(dice.sample(SIGNALS, TRADES)):
        price = float(signal.fields["ask"])
        trade: dict[str, Any] = {
            "sig": signal.fields["id"],
            "entry": price,
            "qty": 2,
            "opened": 46100 + index,
        }
        if signal.fields["id"].isdigit():
            trade["sig"] = int(signal.fields["id"])
        if index % 3:
            trade |= {"x1p": price * dice.uniform(0.95, 1.08), "x1q": dice.choice((0.5, 1))}
            trade |= {"closed": 46101 + index, "setup": dice.choice(("News", "Range"))}
        for name, value in trade.items():
            book["Journal"].cell(3 + index, columns[name]).value = value


def typed_formulas(book: Workbook) -> None:
    """The same, and every formula outside the signals as Google Sheets would have it."""
    typed_trades(book)
    with start() as sheets:
        google = carried_out(compiled(DASHBOARD), sheets)
    for sheet in google.sheets[1:]:
        if sheet.title in book.sheetnames and sheet.title not in ("Signals", "Scalping"):
            for row, column, cell in sheet.grid.occupied():
                if cell.formula:
                    formula = _OPEN_RANGE.sub(rf"\g<1>${LAST_ROW}", cell.formula)
                    book[sheet.title].cell(row + 1, column + 1).value = formula
