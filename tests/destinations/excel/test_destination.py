"""Syncs into a workbook of the user's: the right cells, in the right rows, and nothing else."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from cqs_sheets.core.cells import same
from cqs_sheets.core.plan.plan import Plan
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import DataRefused, TargetChanged
from cqs_sheets.export import write_workbook
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.destinations.excel.books import (
    MOMENT,
    ONLY_SIGNALS,
    add,
    change,
    fill_signals,
    grid,
    parts,
    read,
    signals_book,
    sync,
    values,
    version,
    with_parts,
)
from tests.make import record


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return signals_book(tmp_path / "signals.xlsx")


def test_rows_are_read_by_key_wherever_the_table_stands(book: Path) -> None:
    table = read(book, "1", "3", "99")
    tab = table.tabs["Signals"]
    assert {key: row.row for key, row in tab.rows.items()} == {"1": 4, "3": 6}
    assert tab.row_count == 3
    assert tab.columns["id"] == 2
    for column, value in values("3").items():
        assert same(value, tab.rows["3"].values[column]), column


def test_an_update_changes_one_cell_and_keeps_its_format(book: Path) -> None:
    before = openpyxl.load_workbook(book)["Signals"]
    sync(book, updates=[change("2", "stop", Decimal("1.25"))])
    after = openpyxl.load_workbook(book)["Signals"]
    assert after["E5"].value == 1.25
    for row in before.iter_rows():
        for cell in row:
            other = after[cell.coordinate]
            assert other.style_id == cell.style_id
            assert other.value == cell.value or cell.coordinate == "E5"


def test_new_rows_look_like_their_neighbours(book: Path) -> None:
    sync(book, adds=[add("7"), add("8", coin="=ETH")])
    sheet = openpyxl.load_workbook(book)["Signals"]
    assert [sheet.cell(row, 2).value for row in range(4, 9)] == [1, 2, 3, 7, 8]
    for row in (7, 8):
        assert sheet.row_dimensions[row].height == sheet.row_dimensions[6].height
        for at in range(2, 11):
            assert sheet.cell(row, at).style_id == sheet.cell(6, at).style_id
    assert sheet["C8"].value == MOMENT
    assert sheet["D8"].value == "=ETH"
    assert sheet["D8"].data_type == "s"
    assert sheet["I8"].value == "=E8*2"


def test_the_table_its_filter_and_the_sheets_extent_grow(book: Path) -> None:
    sync(book, adds=[add("7"), add("8")])
    sheet = openpyxl.load_workbook(book)["Signals"]
    assert sheet.tables["Signals"].ref == "B3:J8"
    assert sheet.tables["Signals"].autoFilter.ref == "B3:J8"
    assert b'<dimension ref="B3:J8"/>' in parts(book)["xl/worksheets/sheet1.xml"]


def test_a_hidden_neighbours_row_is_not_hidden_in_turn(tmp_path: Path) -> None:
    book = signals_book(
        tmp_path / "hidden.xlsx",
        below=lambda sheet, last: sheet.set_row(last - 1, 21, None, {"hidden": True}),
    )
    sync(book, adds=[add("9")])
    sheet = openpyxl.load_workbook(book)["Signals"]
    assert sheet.row_dimensions[6].hidden
    assert not sheet.row_dimensions[7].hidden
    assert sheet.row_dimensions[7].height == 21


def test_the_blank_row_of_an_empty_table_is_used_first(tmp_path: Path) -> None:
    book = signals_book(tmp_path / "empty.xlsx", rows=0)
    sync(book, adds=[add("5"), add("6")])
    assert [row[1] for row in grid(book)[2:]] == ["ID", 5.0, 6.0]
    assert openpyxl.load_workbook(book)["Signals"].tables["Signals"].ref == "B3:J5"


def test_rows_of_the_users_own_without_a_key_are_not_written_over(tmp_path: Path) -> None:
    def note(sheet: Any, last: int) -> None:
        sheet.write(last - 1, 9, "my own row")
        sheet.write_blank(last - 1, 1, None)

    book = signals_book(tmp_path / "own.xlsx", below=note)
    sync(book, adds=[add("9")])
    rows = grid(book)
    assert rows[5][9] == "my own row"
    assert rows[6][1] == 9


def test_keys_that_became_text_or_numbers_still_match(tmp_path: Path) -> None:
    def as_text(sheet: Any, _: int) -> None:
        sheet.write_string(3, 1, " 1 ")
        sheet.write_formula(4, 1, '="2"', None, "2")
        sheet.write_number(5, 1, 3.0)

    book = signals_book(tmp_path / "text.xlsx", below=as_text)
    assert set(read(book, "1", "2", "3").tabs["Signals"].rows) == {"1", "2", "3"}


def test_duplicates_are_reported_by_row(tmp_path: Path) -> None:
    book = signals_book(tmp_path / "twice.xlsx", below=lambda sheet, _: sheet.write_number(5, 1, 1))
    tab = read(book, "1").tabs["Signals"]
    assert tab.duplicates == {"1": (4, 6)}
    assert tab.rows["1"].row == 4


def test_only_the_named_parts_change(book: Path) -> None:
    before = parts(book)
    sync(book, adds=[add("7")])
    after = parts(book)
    changed = {name for name in before if before[name] != after[name]}
    assert list(before) == list(after)
    assert changed == {"xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/tables/table1.xml"}


def test_an_update_alone_leaves_the_table_alone(book: Path) -> None:
    before = parts(book)
    sync(book, updates=[change("1", "coin", "ETH")])
    after = parts(book)
    assert {name for name in before if before[name] != after[name]} == {
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
    }


def test_a_renamed_moved_or_restyled_column_is_still_found(tmp_path: Path) -> None:
    book = signals_book(tmp_path / "moved.xlsx")
    workbook = openpyxl.load_workbook(book)
    workbook["Signals"]["D3"].value = "My coin"
    workbook["Signals"].tables["Signals"].tableColumns[2].name = "My coin"
    workbook["Signals"].title = "Mine now"
    for name in list(workbook.defined_names.values()):
        name.attr_text = name.attr_text.replace("Signals!", "'Mine now'!")
    workbook.save(book)
    sync(book, updates=[change("1", "coin", "DOGE")])
    assert grid(book, "Mine now")[3][3] == "DOGE"


def test_a_deleted_column_is_not_written(book: Path) -> None:
    with_parts(book, {"xl/workbook.xml": lambda xml: xml.replace(b"Signals!$D$3", b"Signals!#REF!")})
    before = grid(book)
    assert "coin" not in read(book).tabs["Signals"].columns
    sync(book, adds=[add("7")])
    assert grid(book)[6][3] == ""
    assert grid(book)[:6] == before


def test_a_deleted_key_column_is_refused(book: Path) -> None:
    with_parts(book, {"xl/workbook.xml": lambda xml: xml.replace(b"Signals!$B$3", b"Signals!#REF!")})
    with pytest.raises(DataRefused, match="key column"):
        read(book)


def test_a_copy_that_took_the_place_of_a_deleted_sheet_is_bound_by_its_headers(book: Path) -> None:
    with_parts(book, {"xl/workbook.xml": lambda xml: xml.replace(b"Signals!$", b"#REF!$")})
    sync(book, adds=[add("7")])
    assert read(book, "7").tabs["Signals"].rows["7"].row == 7
    assert openpyxl.load_workbook(book).defined_names["cqs.Signals.id"].attr_text == "Signals!$B$3"


def test_a_formula_that_needs_a_deleted_column_is_left_out_with_a_warning(book: Path) -> None:
    with_parts(book, {"xl/workbook.xml": lambda xml: xml.replace(b"Signals!$E$3", b"Signals!#REF!")})
    applied = sync(book, adds=[add("7")])
    assert any("Double" in warning and "stop" in warning for warning in applied.warnings)
    assert openpyxl.load_workbook(book)["Signals"]["I7"].value is None


def test_a_sheet_we_did_not_make_is_found_by_its_headers_and_bound(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "My trades"
    sheet.append(["my notes on top"])
    sheet.append(["note", " id ", "COIN", "Leverage", "first_seen"])
    sheet.append(["a", 1, "BTC", 5, None])
    workbook.save(tmp_path / "own.xlsx")
    book = tmp_path / "own.xlsx"
    sync(book, [add("2", coin="ETH")], [change("1", "lev", Decimal(7))], {"Signals": "My trades"})
    rows = grid(book, "My trades")
    assert rows[2][1:4] == [1, "BTC", 7]
    assert rows[3][1:4] == [2, "ETH", ""]
    assert rows[3][4] == MOMENT
    names = openpyxl.load_workbook(book).defined_names
    assert names["cqs.Signals.coin"].attr_text == "'My trades'!$C$2"


@pytest.mark.parametrize("title", ["My trades", "Signals", "signals"])
@pytest.mark.parametrize("ids", [[], [17]], ids=["prepared", "a trade log of its own"])
def test_a_table_of_few_headers_is_not_taken_for_ours(tmp_path: Path, ids: list[int], title: str) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = title
    sheet.append(["ID", "Date", "Coin", "Lev", "Entry", "Exit", "Fee", "PnL"])
    for number in ids:
        sheet.append([number, None, "BTC", 3, 1, 2, 0, 1])
    book = tmp_path / "own.xlsx"
    workbook.save(book)
    before = grid(book, title)
    sync(book, adds=[add("2")])
    ours = "Signals" if title == "My trades" else "Signals (CQS)"
    assert openpyxl.load_workbook(book).sheetnames == [title, ours]
    assert grid(book, title) == before


def test_a_changed_file_is_not_overwritten(book: Path) -> None:
    destination = ExcelDestination(book)
    table = read_target(destination, ONLY_SIGNALS, {"Signals": {"1"}})
    sync(book, adds=[add("7")])
    after = book.read_bytes()
    with pytest.raises(TargetChanged):
        destination.apply(Plan(snapshot=table, sequence=9, adds=(add("8"),)))
    assert book.read_bytes() == after


def test_a_signed_workbook_is_left_alone_unless_forced(book: Path) -> None:
    with zipfile.ZipFile(book, "a") as archive:
        archive.writestr("_xmlsignatures/sig1.xml", "<Signature/>")
    before = book.read_bytes()
    with pytest.raises(DataRefused, match="digital signature"):
        sync(book, adds=[add("7")])
    assert book.read_bytes() == before
    sync(book, adds=[add("7")], force=True)
    assert grid(book)[6][1] == 7


def test_an_empty_plan_does_not_touch_the_file(book: Path) -> None:
    before = version(book)
    sync(book)
    assert version(book) == before


def test_the_sequence_stamp_is_left_and_read(book: Path) -> None:
    destination = ExcelDestination(book)
    assert destination.stamp("").lineage == ()
    sync(book, adds=[add("7")])
    stamp = destination.stamp("")
    assert [write.number for write in stamp.lineage] == [1]
    assert destination.stamp(stamp.version).lineage == ()


def test_a_workbook_opens_at_its_newest_rows(tmp_path: Path) -> None:
    path = tmp_path / "new.xlsx"
    records = [record(str(number)) for number in range(1, 101)]
    write_workbook(path, load_template("signals"), records, UTC, {})
    pane = openpyxl.load_workbook(path)["Signals"].sheet_view.pane
    assert pane is not None
    assert pane.topLeftCell == "E79"  # the last of 102 rows are in view, the headers above them are frozen


def test_values_a_spreadsheet_cannot_hold_become_text_with_a_warning(book: Path) -> None:
    beyond = Decimal("1E+400")
    applied = sync(book, adds=[add("7", stop=beyond, coin="x" * 40_000)])
    assert len(applied.warnings) == 2
    row = read(book, "7").tabs["Signals"].rows["7"]
    assert row.values["stop"] == format(beyond, "f")
    assert len(str(row.values["coin"])) == 32_767


def test_a_workbook_with_1904_dates_keeps_its_calendar(tmp_path: Path) -> None:
    book = signals_book(tmp_path / "mac.xlsx")
    with_parts(
        book, {"xl/workbook.xml": lambda xml: xml.replace(b"<workbookPr ", b'<workbookPr date1904="1" ')}
    )
    sync(book, adds=[add("7")])
    assert read(book, "7").tabs["Signals"].rows["7"].values["time"] == MOMENT
    assert openpyxl.load_workbook(book)["Signals"]["C7"].value == MOMENT


def test_formulas_of_a_changed_row_get_new_results_and_excel_is_told_to_compute(book: Path) -> None:
    sync(book, updates=[change("1", "stop", Decimal(5))])
    content = parts(book)
    sheet = content["xl/worksheets/sheet1.xml"]
    assert b'<c r="I4"><f>E4*2</f><v>10</v></c>' in sheet
    assert b'<c r="I5"><f>E5*2</f><v>186201</v></c>' in sheet
    assert b'fullCalcOnLoad="1"' in content["xl/workbook.xml"]


def test_the_users_own_calculated_column_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "calculated.xlsx"
    signals_book(path)

    def own(xml: bytes) -> bytes:
        column = b'name="Memo"><calculatedColumnFormula>E4+$A$1</calculatedColumnFormula></tableColumn>'
        return xml.replace(b'name="Memo"/>', column)

    def cells(xml: bytes) -> bytes:
        row = b'<c r="J6"><f>E6+$A$1</f><v>1</v></c></row>'
        return xml.replace(
            b'<c r="I6"><f>E6*2</f><v>186201</v></c></row>', b'<c r="I6"><f>E6*2</f></c>' + row
        )

    with_parts(path, {"xl/tables/table1.xml": own, "xl/worksheets/sheet1.xml": cells})
    sync(path, adds=[add("7")])
    assert openpyxl.load_workbook(path)["Signals"]["J7"].value == "=E7+$A$1"


def test_rules_validations_names_and_charts_of_the_data_grow_with_it(tmp_path: Path) -> None:
    path = tmp_path / "grow.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 3)
    sheet.conditional_format(
        "E4:E6", {"type": "cell", "criteria": ">", "value": 1, "format": book.add_format({"bold": 1})}
    )
    sheet.conditional_format("E4:F5", {"type": "data_bar", "data_bar_2010": True})
    sheet.conditional_format("F4:F6", {"type": "data_bar", "data_bar_2010": True})
    sheet.data_validation("J4:J6", {"validate": "list", "source": ["yes", "no"]})
    sheet.add_sparkline("L1", {"range": "Signals!E4:E6"})
    book.define_name("Stops", "=Signals!$E$4:$E$6")
    book.define_name("First_two", "=Signals!$E$4:$E$5")
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=Signals!$E$4:$E$6", "categories": "=Signals!$B$4:$B$6"})
    book.add_worksheet("Charts").insert_chart("A1", chart)
    book.close()
    sync(path, adds=[add("7"), add("8")])
    content = parts(path)
    sheet_xml, workbook_xml = content["xl/worksheets/sheet1.xml"], content["xl/workbook.xml"]
    assert b'<conditionalFormatting sqref="E4:E8">' in sheet_xml
    assert b'<conditionalFormatting sqref="E4:F5">' in sheet_xml
    assert b"<xm:sqref>F4:F8</xm:sqref>" in sheet_xml
    assert b'sqref="J4:J8"' in sheet_xml
    assert b"<xm:f>Signals!E4:E8</xm:f><xm:sqref>L1</xm:sqref>" in sheet_xml
    assert b">Signals!$E$4:$E$8<" in workbook_xml
    assert b">Signals!$E$4:$E$5<" in workbook_xml
    assert content["xl/charts/chart1.xml"].count(b"$8</c:f>") == 2


def test_dates_in_a_column_without_a_format_are_shown_as_dates(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "Signals"
    sheet.append(["ID", "Time", "Coin", "Stop"])
    workbook.save(tmp_path / "bare.xlsx")
    sync(tmp_path / "bare.xlsx", adds=[add("1"), add("2")])
    shown = openpyxl.load_workbook(tmp_path / "bare.xlsx")["Signals"]
    assert isinstance(shown["B2"].value, datetime)
    assert isinstance(shown["B3"].value, datetime)


def test_a_date_below_a_blank_is_shown_as_a_date_too(tmp_path: Path) -> None:
    """In an archive whose formats are written before its sheets."""
    path = tmp_path / "bare.xlsx"
    workbook = xlsxwriter.Workbook(path)
    workbook.add_worksheet("Signals").write_row("A1", ["ID", "Time", "Coin", "Stop"])
    workbook.close()
    content = parts(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(content, key=lambda name: name != "xl/styles.xml"):
            archive.writestr(name, content[name])
    sync(path, adds=[add("1", time=None), add("2")])
    assert isinstance(openpyxl.load_workbook(path)["Signals"]["B3"].value, datetime)
