"""Stored results that a write made a lie are forgotten; those that still hold are kept."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter

from cqs_sheets.destinations.excel.parts import segments
from cqs_sheets.destinations.excel.parts.sealing import formulas_in
from tests.destinations.excel.books import add, change, fill_signals, parts, sync


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "results.xlsx"
    made = xlsxwriter.Workbook(path)
    signals = made.add_worksheet("Signals")
    fill_signals(made, signals, 3)
    signals.write_formula("L4", '=E4&"a:b [c]"', None, "kept")
    signals.write_formula("L5", "=MAX(E4:E6)", None, 1)
    signals.write_formula("M4", "=Other!A2", None, 2)
    signals.write_formula("N4", '=HYPERLINK("https://example.org/"&E4,"kept")', None, "kept, too")
    signals.write_formula("O4", '="https://"&Other!A2', None, 9)
    signals.write_formula("P4", "=Far!A1", None, 10)
    other = made.add_worksheet("Other")
    other.write_formula("A1", "=SUM(Signals!E4:E6)", None, 3)
    other.write_formula("A2", "=1+1", None, 4)
    far = made.add_worksheet("Far")
    far.write_formula("A1", "=Other!A1*2", None, 5)
    table = made.add_worksheet("By table")
    table.write_formula("A1", "=COUNTA(Signals[ID])", None, 6)
    name = made.add_worksheet("By name")
    name.write_formula("A1", "=SUM(Stops)", None, 7)
    alone = made.add_worksheet("Alone")
    alone.write_formula("A1", '=LEN("Signals")', None, 8)
    made.define_name("Stops", "=Signals!$E$4:$E$6")
    made.close()
    return path


def results(path: Path) -> dict[str, list[bytes]]:
    """Per sheet, the stored results of its formulas."""
    sheets = {name: part for name, part in parts(path).items() if "worksheets/sheet" in name}
    return {name[-10:-4]: re.findall(rb"</f><v>([^<]*)</v>", part) for name, part in sheets.items()}


def test_whatever_looks_at_the_changed_sheet_however_far_away_forgets(book: Path) -> None:
    sync(book, updates=[change("2", "stop", Decimal(5))])
    found = results(book)
    assert found["sheet1"] == [b"186201", b"kept", b"kept, too", b"10", b"186201"]
    assert found["sheet2"] == []
    assert found["sheet3"] == []
    assert found["sheet4"] == []
    assert found["sheet5"] == []
    assert found["sheet6"] == [b"8"]


def test_sheets_that_do_not_look_at_it_are_the_same_to_the_byte(book: Path) -> None:
    before = parts(book)
    sync(book, adds=[add("7")])
    assert parts(book)["xl/worksheets/sheet6.xml"] == before["xl/worksheets/sheet6.xml"]
    forgotten = parts(book)
    sync(book, adds=[add("8")])
    changed = {name for name, part in parts(book).items() if part != forgotten[name]}
    sums = "xl/worksheets/sheet2.xml"  # its range grows
    assert changed == {"xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/tables/table1.xml", sums}


def test_a_formula_keeps_its_result_only_if_nothing_that_it_rests_on_may_have_changed(tmp_path: Path) -> None:
    """A write changes E4, and no formula but those of the template is worked out anew."""
    lies = {
        "M1": "E4+1", "M5": "E4+E5+1", "M6": "M5+E6+1", "M7": "$E$4+3", "N5": "M5+2", "O5": 'N5&"x"', "M8": "First+1",
        "M9": 'INDIRECT("E4")', "M10": "OFFSET(E10,-6,0)", "M11": "E$4&Rates!A1", "M12": "first+2",
    }  # fmt: skip
    truths = {
        "P5": 'E5+1&"E4"', "P6": "Rates!A4+E6+7", "P7": "SUM(Rates!A1:A9)+e7", "P8": "'My rates'!$A$4+$E8",
        "P9": "Rate+E9+7", "Q9": "P9+7", "P10": "LOG10(E10)+7", "M13": '"INDIRECT(E4)"&E13',
    }  # fmt: skip
    path = tmp_path / "results.xlsx"
    made = xlsxwriter.Workbook(path)
    signals = made.add_worksheet("Signals")
    fill_signals(made, signals, 12)
    for cell, formula in {**lies, **truths}.items():
        signals.write_formula(cell, f"={formula}", None, 4711)
    for title in ("Rates", "My rates"):
        made.add_worksheet(title).write("A4", 1)
    made.define_name("First", "=Signals!$E$4")
    made.define_name("Rate", "=Rates!$A$4")
    made.close()
    sync(path, updates=[change("1", "stop", Decimal(5))])
    kept = re.findall(
        rb'<c r="([A-Z]+\d+)"[^>]*><f>[^<]*</f><v>4711</v>', parts(path)["xl/worksheets/sheet1.xml"]
    )
    assert {each.decode() for each in kept} == set(truths)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ('<c r="A7"><v>1</v></c>', segments.PLAIN),
        ('<c r="A7"><f>B7*2</f></c>', segments.CALM),
        ('<c r="A7"><f>SUM(B7:C7)</f></c>', segments.OPEN),
        (
            '<c r="A7"><f>B7*2</f><v>4</v></c><c r="B7" t="str"><f>Rates!A1&amp;B$7</f><v>x</v></c>',
            segments.SETTLED,
        ),
        ('<c r="A7"><f>B7*2</f><v>4</v></c><c r="B7"><f>C7</f></c>', segments.OPEN),
        ('<c r="A7"><f>B6*2</f><v>4</v></c>', segments.OPEN),
        ('<c r="A7"><f>B7*2</f><v></v></c>', segments.OPEN),
        ('<c r="A7" t="str"><f>B7&amp;C7</f><v></v></c>', segments.SETTLED),
        ('<c r="A7"><f>SUM(Rates!A1:A9)</f><v>4</v></c>', segments.OPEN),
        ('<c r="A7"><f t="shared" si="0"/><v>4</v></c>', segments.OPEN),
        ('<c r="A7"><f>T[[#This Row],[x]]</f><v>4</v></c>', segments.OPEN),
    ],
)
def test_rows_are_settled_only_if_each_formula_has_a_result_that_no_other_row_makes_a_lie(
    cells: str, kind: int
) -> None:
    rows = f'<row r="7">{cells}</row>'.encode()
    assert formulas_in(rows)[0] == kind
    later = rows + rows.replace(b"7", b"8")
    assert formulas_in(later) == formulas_in(rows)
