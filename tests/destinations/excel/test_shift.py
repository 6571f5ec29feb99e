"""Something stands below the signals: it moves down, and everything that speaks of it moves along."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from cqs_sheets.core.plan.plan import Plan
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import DataRefused
from cqs_sheets.run.looking import read_target
from tests.destinations.excel.books import (
    add,
    change,
    fill_signals,
    grid,
    parts,
    signals_book,
    sync,
    with_parts,
)
from tests.make import SIGNALS_TAB

pytestmark = pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # openpyxl says so

SHEET = "xl/worksheets/sheet1.xml"


def full_book(path: Path) -> Path:
    """Signals in rows 4 to 6, a totals row, notes below, and every kind of thing that refers to the notes."""
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 3, totals=True)
    sheet.write("B7", "Total")
    sheet.write_formula("E7", "=SUBTOTAL(109,E4:E6)", None, 279301.5)
    sheet.write("B10", "my note")
    sheet.write_formula("C10", '=B10&" of row "&ROW(B$10)&SUM(E4:E6)', None, "")
    sheet.merge_range("D10:F11", "merged")
    sheet.write_url("B12", "internal:Signals!B10", string="up")
    sheet.write_comment("B10", "a note on a note")
    sheet.data_validation("B10:B12", {"validate": "length", "criteria": ">", "value": 0})
    sheet.conditional_format(
        "B10:B12", {"type": "formula", "criteria": "=$B10=$B$12", "format": book.add_format({"bold": 1})}
    )
    sheet.conditional_format("C10:C12", {"type": "data_bar", "data_bar_2010": True})
    sheet.add_sparkline("G10", {"range": "Signals!B10:F10"})
    sheet.set_h_pagebreaks([3, 11])
    sheet.insert_textbox("H12", "box")
    sheet.set_selection("B10:C11")
    sheet.freeze_panes("B4")
    other = book.add_worksheet("Other one")
    other.write_formula("A1", "=Signals!B10&Signals!$C$10&SUM(Signals!4:6)&SUM(Signals!E:E)", None, "")
    other.write_formula("A2", "=A10", None, 0)
    book.define_name("Note", "=Signals!$B$10")
    book.define_name("'Other one'!Local", "=Signals!$B$10:$C$12")
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=Signals!$B$10:$B$12"})
    other.insert_chart("A5", chart)
    book.close()
    return path


def test_what_stands_below_moves_and_every_reference_follows(tmp_path: Path) -> None:
    path = full_book(tmp_path / "full.xlsx")
    sync(path, adds=[add("7"), add("8")])
    content = parts(path)
    sheet = openpyxl.load_workbook(path)["Signals"]
    other = openpyxl.load_workbook(path)["Other one"]
    assert [sheet.cell(row, 2).value for row in range(4, 13)] == [
        1,
        2,
        3,
        7,
        8,
        "Total",
        None,
        None,
        "my note",
    ]
    assert sheet.tables["Signals"].ref == "B3:J9"
    assert sheet.tables["Signals"].autoFilter.ref == "B3:J8"
    assert sheet["C12"].value == '=B12&" of row "&ROW(B$12)&SUM(E4:E8)'
    assert [str(area) for area in sheet.merged_cells.ranges] == ["D12:F13"]
    assert sheet["B14"].hyperlink.location == "Signals!B12"
    assert sheet["B12"].comment.text == "a note on a note"
    assert other["A1"].value == "=Signals!B12&Signals!$C$12&SUM(Signals!4:8)&SUM(Signals!E:E)"
    assert other["A2"].value == "=A10"
    xml = content[SHEET]
    assert b'<conditionalFormatting sqref="B12:B14">' in xml
    assert b"<formula>$B12=$B$14</formula>" in xml
    assert b"<xm:sqref>C12:C14</xm:sqref>" in xml
    assert b"<xm:f>Signals!B12:F12</xm:f><xm:sqref>G12</xm:sqref>" in xml
    assert b'sqref="B12:B14"><formula1>' in xml
    assert b'<brk id="3" ' in xml
    assert b'<brk id="13" ' in xml
    assert b'activeCell="B12" sqref="B12:C13"' in xml
    assert b'topLeftCell="B4"' in xml
    assert b">Signals!$B$12<" in content["xl/workbook.xml"]
    assert b">Signals!$B$12:$C$14<" in content["xl/workbook.xml"]
    assert b"Signals!$B$12:$B$14" in content["xl/charts/chart1.xml"]
    assert b"<xdr:row>13</xdr:row>" in content["xl/drawings/drawing1.xml"]
    assert b"<x:Row>11</x:Row>" in content["xl/drawings/vmlDrawing1.vml"]


def test_the_totals_row_stays_below_through_many_syncs(tmp_path: Path) -> None:
    path = full_book(tmp_path / "full.xlsx")
    for number in range(20, 30):
        sync(path, adds=[add(str(number))], updates=[change("1", "coin", f"C{number}")])
    rows = grid(path)
    assert [row[1] for row in rows[3:18]] == [1, 2, 3, *range(20, 30), "Total", ""]
    assert openpyxl.load_workbook(path)["Signals"].tables["Signals"].totalsRowCount == 1


def test_notes_directly_below_are_not_written_over_and_keep_their_gap(tmp_path: Path) -> None:
    path = signals_book(tmp_path / "notes.xlsx", below=lambda sheet, last: sheet.write(last + 1, 3, "note"))
    sync(path, adds=[add("7"), add("8")])
    assert [row[1] for row in grid(path)[3:8]] == [1, 2, 3, 7, 8]
    assert grid(path)[9][3] == "note"


def test_things_beside_the_table_stay_where_they_are(tmp_path: Path) -> None:
    path = signals_book(tmp_path / "beside.xlsx", below=lambda sheet, last: sheet.write(last, 12, "beside"))
    sync(path, adds=[add("7")])
    assert grid(path)[6][1] == 7
    assert grid(path)[6][12] == "beside"


def test_shared_formulas_below_are_adjusted_one_by_one(tmp_path: Path) -> None:
    def below(sheet: Any, last: int) -> None:
        for row in range(last + 2, last + 5):
            sheet.write_formula(row, 1, f"=E{row + 1}+E{row}", None, 0)

    path = signals_book(tmp_path / "shared.xlsx", below=below)
    sync(path, adds=[add("7"), add("8"), add("9")])
    sheet = openpyxl.load_workbook(path)["Signals"]
    assert [sheet.cell(row, 2).value for row in (12, 13, 14)] == ["=E12+E11", "=E13+E12", "=E14+E13"]


def test_a_sum_over_several_sheets_is_refused_where_its_cells_would_move(tmp_path: Path) -> None:
    path = tmp_path / "spans.xlsx"
    book = xlsxwriter.Workbook(path)
    before = book.add_worksheet("Before")
    before.write_formula("A1", "=SUM('Before:After 2'!B10)", None, 5)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 3, totals=True)
    sheet.write("B10", 5)
    book.add_worksheet("After 2")
    book.close()
    content = path.read_bytes()
    with pytest.raises(DataRefused, match="span of sheets"):
        sync(path, adds=[add("9")])
    assert path.read_bytes() == content


def test_a_table_in_the_way_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "tables.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 3, totals=True)
    sheet.add_table("L4:N20", {"name": "Mine"})
    book.close()
    before = path.read_bytes()
    with pytest.raises(DataRefused, match="Mine"):
        sync(path, adds=[add("7")])
    assert path.read_bytes() == before


_RELATIONSHIP = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def linked(path: Path, owner: str, kind: str, part: str, content: bytes) -> None:
    """The workbook with another part that `owner` links to, as Excel writes it."""
    folder, _, name = owner.rpartition("/")
    link = f'<Relationship Id="rIdX{kind}" Type="{_RELATIONSHIP}/{kind}" Target="/{part}"/></Relationships>'
    listed = f'<Override PartName="/{part}" ContentType="application/vnd.ms-excel.{kind}+xml"/></Types>'
    with_parts(
        path,
        {
            part: content,
            f"{folder}/_rels/{name}.rels": lambda xml: xml.replace(b"</Relationships>", link.encode()),
            "[Content_Types].xml": lambda xml: xml.replace(b"</Types>", listed.encode()),
        },
    )


def test_the_order_of_calculation_that_excel_wrote_down_goes_with_all_that_speaks_of_it(
    tmp_path: Path,
) -> None:
    path = full_book(tmp_path / "full.xlsx")
    linked(
        path, "xl/workbook.xml", "calcChain", "xl/calcChain.xml", b'<calcChain><c r="C10" i="1"/></calcChain>'
    )
    linked(path, "xl/workbook.xml", "volatileDependencies", "xl/volatileDependencies.xml", b"<volTypes/>")
    sync(path, adds=[add("7")])
    after = parts(path)
    assert not [name for name in after if "calcChain" in name or "volatile" in name]
    assert b"calcChain" not in after["[Content_Types].xml"] + after["xl/_rels/workbook.xml.rels"]
    assert b"volatile" not in after["[Content_Types].xml"] + after["xl/_rels/workbook.xml.rels"]
    assert grid(path)[10][1] == "my note"


def test_a_pivot_table_below_moves_and_one_in_the_way_is_refused(tmp_path: Path) -> None:
    path, part = full_book(tmp_path / "full.xlsx"), "xl/pivotTables/pivotTable1.xml"
    pivot = b'<pivotTableDefinition><location ref="L%d:M20" firstHeaderRow="1"/></pivotTableDefinition>'
    linked(path, SHEET, "pivotTable", part, pivot % 15)
    sync(path, adds=[add("7")])
    assert b'ref="L16:M21"' in parts(path)[part]
    with_parts(path, {part: pivot % 4})
    before = path.read_bytes()
    with pytest.raises(DataRefused, match="a pivot table stands in the way"):
        sync(path, adds=[add("8")])
    assert path.read_bytes() == before


@pytest.mark.parametrize("new_rows", ["bottom", "top"])
def test_many_new_rows_hold_each_what_is_its_own(tmp_path: Path, new_rows: str) -> None:
    tab = TableTab(name="Signals", key="id", columns=SIGNALS_TAB.columns, new_rows=new_rows)
    template = Template(name="many", title="Many rows", tabs=(tab,))
    path = signals_book(tmp_path / "many.xlsx", rows=3)
    numbers = range(10, 343)
    destination = ExcelDestination(path, backups=0)
    table = read_target(destination, template, {"Signals": set(map(str, numbers))})
    adds = tuple(
        add(
            str(number),
            coin=f"<{number} % é>",
            stop=Decimal(number) / 8,
            lev=None if number % 7 else Decimal(3),
        )
        for number in numbers
    )
    destination.apply(Plan(snapshot=table, sequence=1, adds=adds))
    held = {
        row[1]: row for row in openpyxl.load_workbook(path)["Signals"].iter_rows(min_row=4, values_only=True)
    }
    order = [1, 2, 3, *numbers] if new_rows == "bottom" else [*reversed(numbers), 1, 2, 3]
    assert list(held) == order
    for number in numbers:
        shown = held[number]
        assert shown[3:6] == (f"<{number} % é>", number / 8, None if number % 7 else 3)
        assert shown[8] == f"=E{4 + order.index(number)}*2"


def test_new_rows_can_come_on_top(tmp_path: Path) -> None:
    tab = TableTab(name="Signals", key="id", columns=SIGNALS_TAB.columns, new_rows="top")
    template = Template(name="top", title="Newest first", tabs=(tab,))
    path = tmp_path / "top.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 3)
    sheet.conditional_format("E4:E6", {"type": "duplicate", "format": book.add_format({"bold": 1})})
    book.define_name("Stops", "=Signals!$E$4:$E$6")
    book.close()
    for number in (7, 9):
        destination = ExcelDestination(path, backups=0)
        table = read_target(destination, template, {"Signals": {"1"}})
        adds = (add(str(number)), add(str(number + 1)))
        updates = (change("1", "coin", f"C{number}"),)
        destination.apply(Plan(snapshot=table, sequence=number, adds=adds, updates=updates))
    opened = openpyxl.load_workbook(path)
    sheet = opened["Signals"]
    assert [sheet.cell(row, 2).value for row in range(3, 11)] == ["ID", 10, 9, 8, 7, 1, 2, 3]
    assert [sheet.cell(row, 9).value for row in (4, 8, 10)] == ["=E4*2", "=E8*2", "=E10*2"]
    assert sheet["D8"].value == "C9"
    assert sheet["B4"].style_id == sheet["B10"].style_id
    assert sheet.tables["Signals"].ref == "B3:J10"
    assert [str(area.sqref) for area in sheet.conditional_formatting] == ["E4:E10"]
    assert opened.defined_names["Stops"].attr_text == "Signals!$E$4:$E$10"
