"""A workbook with everything XlsxWriter can make is synced twenty times: each feature stays as it was."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tests.destinations.excel.books import add, change, fill_signals, grid, parts, sync

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
OURS = {"xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/tables/table1.xml", "xl/charts/chart1.xml"}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    picture = tmp_path / "pixel.png"
    picture.write_bytes(PIXEL)
    path = tmp_path / "everything.xlsx"
    made = xlsxwriter.Workbook(path)
    signals = made.add_worksheet("Signals")
    fill_signals(made, signals, 5)
    decorate(made, signals, picture)
    other = made.add_worksheet("Other")
    fill_other(made, other, picture)
    made.add_chartsheet("Chart").set_chart(chart(made, "pie", "=Other!$A$1:$A$3"))
    hidden = made.add_worksheet("Hidden")
    hidden.very_hidden()
    made.set_properties({"title": "Mine", "author": "Me", "comments": "all of it"})
    made.set_custom_property("Checked", "yes")
    made.define_name("Stops", "=Signals!$E$4:$E$8")
    made.define_name("Other!Local", "=Other!$A$1")
    made.close()
    return path


def chart(made: Any, kind: str, values: str) -> Any:
    series = made.add_chart({"type": kind})
    series.add_series({"values": values, "trendline": {"type": "linear"} if kind == "line" else None})
    series.set_title({"name": f"A {kind} chart"})
    return series


def decorate(made: Any, sheet: Any, picture: Path) -> None:
    bold = made.add_format({"bold": True, "font_color": "red"})
    sheet.write_rich_string("B1", "my ", bold, "bold", " title")
    sheet.insert_chart("M2", chart(made, "line", "=Signals!$E$4:$E$8"))
    sheet.insert_image("M20", picture, {"description": "a picture"})
    sheet.insert_textbox("M30", "a text box")
    sheet.write_comment("B3", "a note")
    sheet.conditional_format("E4:E8", {"type": "3_color_scale"})
    sheet.conditional_format("E4:E8", {"type": "icon_set", "icon_style": "3_arrows"})
    sheet.conditional_format("F4:F8", {"type": "data_bar", "data_bar_2010": True, "bar_only": True})
    sheet.data_validation("J4:J8", {"validate": "list", "source": ["yes", "no"]})
    sheet.add_sparkline("L4", {"range": "Signals!E4:E8", "type": "column", "markers": True})
    sheet.freeze_panes(3, 2)
    sheet.set_column("B:B", 20)
    sheet.set_column("G:G", 10, None, {"level": 1, "hidden": True})
    sheet.set_row(4, 30, None, {"level": 1})
    sheet.unprotect_range("J4:J8", "Mine")
    sheet.set_landscape()
    sheet.repeat_rows(2)
    sheet.print_area("B1:J8")
    sheet.set_header("&LSignals &D")
    sheet.set_tab_color("green")
    sheet.ignore_errors({"number_stored_as_text": "B4:B8"})
    sheet.set_background(picture)


def fill_other(made: Any, sheet: Any, picture: Path) -> None:
    sheet.write_column("A1", [1, 2, 3])
    sheet.write_dynamic_array_formula("C1:C3", "=SORT(A1:A3)", None, 1)
    sheet.write_array_formula("D1:D3", "{=A1:A3*2}", None, 2)
    sheet.write_url("E1", "https://example.org", string="a link")
    sheet.write_boolean("F1", True)
    sheet.write_formula("F2", "=NA()", None, "#N/A")
    sheet.merge_range("A10:C12", "merged")
    sheet.autofilter("A1:A3")
    sheet.filter_column("A", "x > 1")
    sheet.insert_checkbox("G1", True)
    sheet.embed_image("H1", picture)
    sheet.insert_button("I1", {"macro": "say", "caption": "Say"})
    for at, kind in enumerate(("area", "bar", "column", "doughnut", "radar")):
        sheet.insert_chart(20 * at, 12, chart(made, kind, "=Other!$A$1:$A$3"))
    for at, kind in enumerate(("scatter", "stock")):
        drawn = made.add_chart({"type": kind})
        for _ in range(3):
            drawn.add_series({"categories": "=Other!$A$1:$A$3", "values": "=Other!$A$1:$A$3"})
        sheet.insert_chart(20 * at, 24, drawn)


def test_twenty_syncs_change_nothing_but_the_signals(book: Path) -> None:
    before = parts(book)
    for number in range(20):
        sync(book, adds=[add(str(100 + number))], updates=[change("3", "coin", f"C{number}")])
    after = parts(book)
    assert list(after) == list(before)
    assert {name for name in before if before[name] != after[name]} <= OURS
    rows = grid(book)
    assert [row[1] for row in rows[3:28]] == [1, 2, 3, 4, 5, *range(100, 120)]
    assert rows[5][3] == "C19"


def test_what_stands_around_the_rows_is_the_same_but_for_the_ranges_that_grew(book: Path) -> None:
    before = parts(book)
    sync(book, adds=[add("7"), add("8")])
    after = parts(book)
    for name in OURS:
        assert shape(after[name]) == shape(before[name]), name
    assert b"$E$4:$E$10" in after["xl/charts/chart1.xml"]
    assert after["xl/worksheets/sheet1.xml"].count(b"E4:E10") == 2
    assert b"Signals!$B$1:$J$10" in after["xl/workbook.xml"]


def shape(xml: bytes) -> bytes:
    """A part without its rows, our names and the row numbers in ranges."""
    xml = re.sub(rb"<sheetData>.*</sheetData>", b"", xml, flags=re.DOTALL)
    xml = re.sub(rb'<definedName name="cqs\.(?:sequence|(?:made|writes)\.\d+)".*?</definedName>', b"", xml)
    return re.sub(rb"(?<=[A-Z$])(?:8|10)\b", b"N", xml)


def test_the_rows_that_were_not_touched_are_the_same_to_the_byte(book: Path) -> None:
    before = parts(book)["xl/worksheets/sheet1.xml"]
    sync(book, adds=[add("7")], updates=[change("3", "coin", "ETH")])
    after = parts(book)["xl/worksheets/sheet1.xml"]
    rows_before, rows_after = (
        dict(re.findall(rb'(<row r="\d+")(.*?</row>)', xml)) for xml in (before, after)
    )
    assert {row for row in rows_before if rows_before[row] != rows_after[row]} == {b'<row r="6"'}
