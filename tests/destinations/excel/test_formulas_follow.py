"""Formulas of the user's, when rows arrive: each cell keeps its own, ranges over the data grow, names stay names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.formula.translate import Translator

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.plan.plan import Plan
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.edit.tabs import add_tabs
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.errors import DataRefused
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.destinations.excel.books import add, change, fill_signals, parts, sync, with_parts
from tests.make import SIGNALS_TAB

SIGNALS, OTHER = "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"


def book_with(
    path: Path, here: Mapping[str, str], elsewhere: Mapping[str, str] = {}, *, totals: bool = False
) -> Path:
    """Signals in B4:J6, and formulas of the user's on that sheet and on another."""
    book = xlsxwriter.Workbook(path)
    sheet, other = book.add_worksheet("Signals"), book.add_worksheet("Other")
    fill_signals(book, sheet, 3, totals=totals)
    for cells, formulas in ((sheet, here), (other, elsewhere)):
        for cell, formula in formulas.items():
            cells.write_formula(cell, formula, None, 0)
    book.define_name("XRP1", "=0.5")
    book.define_name("XLM15", "=Signals!$E$4")
    book.close()
    return path


def share(path: Path, part: str, block: str) -> Path:
    """Let the formulas of a block be one that its cells share, as Excel writes what is filled right or down."""
    area = Span.parse(block)
    cells = [f"{column_letters(column)}{row}" for row in area.rows for column in area.columns]

    def shared(xml: bytes) -> bytes:
        for cell in cells:
            own = rb'<f t="shared" ref="%s" si="0">\2</f>' % block.encode()
            new = own if cell == cells[0] else b'<f t="shared" si="0"/>'
            xml, count = re.subn(rb'(<c r="%s"[^>]*>)<f>([^<]*)</f>' % cell.encode(), rb"\1" + new, xml)
            assert count == 1
        return xml

    return with_parts(path, {part: shared})


def sync_on_top(path: Path, *keys: str) -> None:
    tab = TableTab(name="Signals", key="id", columns=SIGNALS_TAB.columns, new_rows="top")
    template = Template(name="top", title="Newest first", tabs=(tab,))
    destination = ExcelDestination(path, backups=0)
    table = read_target(destination, template, {"Signals": set(keys)})
    adds = tuple(add(key) for key in keys)
    destination.apply(Plan(snapshot=table, sequence=(table.sequence or 0) + 1, adds=adds))


def formulas(path: Path, sheet: str = "Signals") -> dict[str, str]:
    """Every formula by its cell, those that share one told each for itself."""
    found: dict[str, str] = {}
    for row in openpyxl.load_workbook(path)[sheet].iter_rows():
        found |= {
            cell.coordinate: cell.value
            for cell in row
            if isinstance(cell.value, str) and cell.value[:1] == "="
        }
    return found


def filled(first: str, block: str) -> dict[str, str]:
    area = Span.parse(block)
    origin = f"{column_letters(area.left)}{area.top}"
    cells = [f"{column_letters(column)}{row}" for row in area.rows for column in area.columns]
    return {cell: Translator(first, origin).translate_formula(cell) for cell in cells}


@pytest.mark.parametrize("top", [False, True], ids=["below", "on top"])
@pytest.mark.parametrize(
    ("block", "moved_below", "moved_on_top"),
    [("E8:H8", "E10:H10", "E10:H10"), ("E30:H31", "E30:H31", "E32:H33"), ("E1:H2", "E1:H2", "E1:H2")],
    ids=["right below", "far below", "above"],
)
def test_a_formula_filled_right_stays_each_columns_own(
    tmp_path: Path, block: str, moved_below: str, moved_on_top: str, *, top: bool
) -> None:
    sums = filled("=SUM(E$4:E$6)+$B$4", block)
    path = share(book_with(tmp_path / "book.xlsx", sums), SIGNALS, block)
    (sync_on_top if top else lambda path, *keys: sync(path, adds=[add(key) for key in keys]))(path, "7", "8")
    first = "=SUM(E$4:E$8)+$B$6" if top else "=SUM(E$4:E$8)+$B$4"
    wanted = filled(first, moved_on_top if top else moved_below)
    assert {cell: formulas(path).get(cell) for cell in wanted} == wanted


@pytest.mark.parametrize("block", ["A1:D1", "A1:A4", "B2:D5"], ids=["right", "down", "both"])
def test_so_on_another_sheet(tmp_path: Path, block: str) -> None:
    path = book_with(tmp_path / "book.xlsx", {}, filled("=SUM(Signals!E$4:E$6)-Signals!B4", block))
    sync(share(path, OTHER, block), adds=[add("7"), add("8")])
    assert formulas(path, "Other") == filled("=SUM(Signals!E$4:E$8)-Signals!B4", block)
    sync_on_top(path, "9")
    assert formulas(path, "Other")[block[:2]] == "=SUM(Signals!E$4:E$9)-Signals!B5"


def test_one_of_them_may_grow_alone(tmp_path: Path) -> None:
    path = book_with(tmp_path / "book.xlsx", {}, filled("=SUM(Signals!E2:E4)", "A1:A4"))
    sync(share(path, OTHER, "A1:A4"), adds=[add("7")])
    sums = ["SUM(Signals!E2:E4)", "SUM(Signals!E3:E5)", "SUM(Signals!E4:E7)", "SUM(Signals!E5:E7)"]
    assert list(formulas(path, "Other").values()) == [f"={each}" for each in sums]


GROWING = {
    "=SUM(E4:E6)": "=SUM(E4:E9)",
    "=SUM($E$3:$E$6)": "=SUM($E$3:$E$9)",
    "=SUM(E5:E6)": "=SUM(E5:E9)",
    "=COUNTIF(B4:J6,1)": "=COUNTIF(B4:J9,1)",
    "=VLOOKUP(1,A4:L6,3,FALSE)": "=VLOOKUP(1,A4:L9,3,FALSE)",
    "=SUM(Signals!E4:Signals!E6)": "=SUM(Signals!E4:Signals!E9)",
    "=SUMPRODUCT(N4:N6,E4:E6)": "=SUMPRODUCT(N4:N9,E4:E9)",
    "=SUM(E4:E5)": "=SUM(E4:E5)",
    "=SUM(E6)+E6": "=SUM(E6)+E6",
    "=SUM(M4:M6)": "=SUM(M4:M6)",
    "=SUM(E:E)+XRP1+XLM15": "=SUM(E:E)+XRP1+XLM15",
    '=IF(E4>1,"E4:E6",SUM(E4:E6))': '=IF(E4>1,"E4:E6",SUM(E4:E9))',
}


@pytest.mark.parametrize(
    "at", ["C20", "L1", "L5", "L6", "C8"], ids=["below", "above", "beside", "last", "near"]
)
@pytest.mark.parametrize("before", GROWING)
def test_a_range_that_ends_with_the_data_grows_wherever_it_is_said(
    tmp_path: Path, before: str, at: str
) -> None:
    window = at in ("L5", "L6") and before == "=SUM(E5:E6)"  # beside the data, over some of its rows
    path = book_with(tmp_path / "book.xlsx", {at: before})
    sync(path, adds=[add("7"), add("8"), add("9")])
    moved = {"C8": "C11"}.get(at, at)
    assert formulas(path)[moved] == (before if window else GROWING[before])


@pytest.mark.parametrize("before", GROWING)
def test_so_does_one_over_all_the_data_that_grows_on_top(tmp_path: Path, before: str) -> None:
    path = book_with(tmp_path / "book.xlsx", {"P1": before})
    sync_on_top(path, "7", "8", "9")
    below = {
        "=SUM(E5:E6)": "=SUM(E8:E9)",
        "=SUM(E4:E5)": "=SUM(E7:E8)",
        "=SUM(E6)+E6": "=SUM(E9)+E9",
        "=SUM(M4:M6)": "=SUM(M7:M9)",
        '=IF(E4>1,"E4:E6",SUM(E4:E6))': '=IF(E7>1,"E4:E6",SUM(E4:E9))',
    }
    assert formulas(path)["P1"] == below.get(before, GROWING[before])


@pytest.mark.parametrize("top", [False, True], ids=["below", "on top"])
def test_names_grow_and_those_told_from_the_cell_that_uses_them_stay(tmp_path: Path, *, top: bool) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    fill_signals(book, book.add_worksheet("Signals"), 3)
    told = {"price_here": "Signals!$E1", "above": "Signals!E1048576", "beside": "Signals!E4:J6"}
    grown = {"all_of_it": "Signals!$A$4:$L$6", "two": "Signals!$E$4:$E$6,Signals!$I$4:$I$6"}
    for name, text in (told | grown).items():
        book.define_name(name, f"={text}")
    book.close()
    (sync_on_top if top else lambda path, *keys: sync(path, adds=[add(key) for key in keys]))(path, "7", "8")
    names = openpyxl.load_workbook(path).defined_names
    assert {name: names[name].attr_text for name in told} == told
    assert {name: names[name].attr_text for name in grown} == {
        name: text.replace("$6", "$8") for name, text in grown.items()
    }


@pytest.mark.parametrize("top", [False, True], ids=["below", "on top"])
def test_so_does_a_range_over_the_only_row(tmp_path: Path, *, top: bool) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 1)
    ranges = ["SUM(E4:E4)", "SUM($E$4:$E$4)", "E4+SUM(E4)", "SUM(E4:H4)", "SUM(E$4:E4)"]
    for at, text in enumerate(ranges):
        sheet.write_formula(0, 11 + at, f"={text}", None, 0)
    sheet.write_formula("L4", "=SUM(E4:E4)", None, 0)
    rule = {"type": "formula", "criteria": "=COUNTIF(E$4:E4,E4)>1", "format": book.add_format({"bold": 1})}
    sheet.conditional_format("E4:E4", rule)
    book.close()
    (sync_on_top if top else lambda path, *keys: sync(path, adds=[add(key) for key in keys]))(path, "7", "8")
    found, moved = formulas(path), (lambda text: text.replace("4", "6")) if top else str
    wanted = ["SUM(E4:E6)", "SUM($E$4:$E$6)", *map(moved, ranges[2:])]
    assert [found[f"{column}1"] for column in "LMNOP"] == [f"={text}" for text in wanted]
    assert found[moved("L4")] == moved("=SUM(E4:E4)")
    assert re.findall(rb'<conditionalFormatting sqref="([^"]*)', parts(path)[SIGNALS]) == [b"E4:E6"]
    assert b"COUNTIF(E$4:E4,E4)&gt;1" in parts(path)[SIGNALS]


@pytest.mark.parametrize("top", [False, True], ids=["below", "on top"])
def test_rules_over_more_than_our_columns_grow(tmp_path: Path, *, top: bool) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 3)
    rule = {"type": "formula", "criteria": "=$E4>1", "format": book.add_format({"bold": 1})}
    sheet.conditional_format("A4:L6", rule)
    sheet.data_validation("I4:M6", {"validate": "custom", "value": "=$E4>2"})
    book.close()
    (sync_on_top if top else lambda path, *keys: sync(path, adds=[add(key) for key in keys]))(path, "7", "8")
    xml = parts(path)[SIGNALS]
    assert b'sqref="A4:L8"><cfRule' in xml
    assert b'sqref="I4:M8"' in xml
    assert b"<formula>$E4&gt;1<" in xml
    assert b"<formula1>$E4&gt;2<" in xml


def test_running_totals_and_windows_in_the_data_stay_what_they_are(tmp_path: Path) -> None:
    rows = (4, 5, 6)
    running = {f"K{row}": f"=SUM(E$4:E{row})" for row in rows}
    window = {f"L{row}": f"=AVERAGE(E{row - 1}:E{row})" for row in rows}
    share_of_all = {f"M{row}": f"=E{row}/SUM(E$4:E$6)" for row in rows}
    path = book_with(tmp_path / "book.xlsx", running | window | share_of_all)
    sync(path, adds=[add("7")])
    found = formulas(path)
    assert {cell: found[cell] for cell in (running | window)} == running | window
    assert [found[cell] for cell in share_of_all] == [f"=E{row}/SUM(E$4:E$7)" for row in rows]


def test_lists_rules_and_tables_totals_grow_too(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet, other = book.add_worksheet("Signals"), book.add_worksheet("Other")
    fill_signals(book, sheet, 3)
    sheet.data_validation("M1", {"validate": "list", "source": "=$B$4:$B$6"})
    other.data_validation("A1", {"validate": "list", "source": "=Signals!$D$4:$D$6"})
    bold = book.add_format({"bold": 1})
    other.conditional_format(
        "A1:A9", {"type": "formula", "criteria": "=COUNTIF(Signals!$B$4:$B$6,A1)", "format": bold}
    )
    sheet.conditional_format(
        "E4:E6", {"type": "formula", "criteria": "=COUNTIF($E$4:$E$6,$E4)>1", "format": bold}
    )
    book.close()
    sync(path, adds=[add("7")])
    here, there = parts(path)[SIGNALS], parts(path)[OTHER]
    assert b"<formula1>$B$4:$B$7</formula1>" in here
    assert b"<formula>COUNTIF($E$4:$E$7,$E4)&gt;1</formula>" in here
    assert b"<formula1>Signals!$D$4:$D$7</formula1>" in there
    assert b"<formula>COUNTIF(Signals!$B$4:$B$7,A1)</formula>" in there


def test_rules_over_data_that_grows_on_top_look_at_their_own_row(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 3)
    bold = book.add_format({"bold": 1})
    for criteria in ("=$E4>$M$9", "=COUNTIF($E$4:$E$6,$E4)>1", "=COUNTIF(E$4:E4,E4)>1"):
        sheet.conditional_format("E4:E6", {"type": "formula", "criteria": criteria, "format": bold})
    sheet.data_validation("D4:D6", {"validate": "custom", "value": "=LEN(D4)>D3"})
    sheet.conditional_format("L4:L6", {"type": "formula", "criteria": "=$L4>1", "format": bold})
    book.close()
    sync_on_top(path, "7", "8")
    xml = parts(path)[SIGNALS]
    assert b'<conditionalFormatting sqref="E4:E8">' in xml
    told = [each.decode() for each in re.findall(rb"<formula1?>([^<]*)</", xml)]
    assert told == [
        "$E4&gt;$M$11",
        "COUNTIF($E$4:$E$8,$E4)&gt;1",
        "COUNTIF(E$4:E4,E4)&gt;1",
        "$L6&gt;1",
        "LEN(D4)&gt;D3",
    ]


TAIL = b"</sheetData>"
X14 = (
    b'<extLst><ext xmlns:x14="a" xmlns:xm="b" uri="u"><x14:conditionalFormattings><x14:conditionalFormatting>'
    b"<x14:cfRule><xm:f>$B4&gt;$L$%d</xm:f></x14:cfRule><xm:sqref>B4:B%d</xm:sqref></x14:conditionalFormatting>"
    b"</x14:conditionalFormattings></ext></extLst>"
)
SCENARIO = (
    b'<scenarios sqref="%s"><scenario name="s" count="1"><inputCells r="%s" val="1"/></scenario></scenarios>'
)
SOURCES = b'<dataConsolidate><dataRefs><dataRef ref="L9" sheet="Other"/><dataRef ref="%s" sheet="Signals"/></dataRefs></dataConsolidate>'  # fmt: skip  # noqa: E501
KINDS = {
    "scenarios": (SCENARIO % (b"L9", b"L9"), SCENARIO % (b"L11", b"L11")),
    "protected ranges": (
        b'<protectedRanges><protectedRange sqref="L9:M9 L1" name="p"/></protectedRanges>',
        b'<protectedRanges><protectedRange sqref="L11:M11 L1" name="p"/></protectedRanges>',
    ),
    "consolidation": (SOURCES % b"L9:M9", SOURCES % b"L11:M11"),
    "merged": (
        b'<mergeCells count="1"><mergeCell ref="L9:M10"/></mergeCells>',
        b'<mergeCells count="1"><mergeCell ref="L11:M12"/></mergeCells>',
    ),
    "watches": (
        b'<cellWatches><cellWatch r="L9"/></cellWatches>',
        b'<cellWatches><cellWatch r="L11"/></cellWatches>',
    ),
    "ignored errors": (
        b'<ignoredErrors><ignoredError sqref="L9:L12" numberStoredAsText="1"/></ignoredErrors>',
        b'<ignoredErrors><ignoredError sqref="L11:L14" numberStoredAsText="1"/></ignoredErrors>',
    ),
    "x14 rules": (X14 % (9, 6), X14 % (11, 8)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_once_for_several_cells_moves_with_them(tmp_path: Path, kind: str) -> None:
    before, after = KINDS[kind]
    path = book_with(tmp_path / "book.xlsx", {"L9": "=1"})
    with_parts(path, {SIGNALS: lambda xml: xml.replace(TAIL, TAIL + before)})
    sync_on_top(path, "7", "8")
    assert after in parts(path)[SIGNALS]


def test_what_speaks_of_a_sheet_with_blanks_and_quotes_in_its_title_moves(tmp_path: Path) -> None:
    path, title = tmp_path / "book.xlsx", "Bob's trades"
    book = xlsxwriter.Workbook(path)
    sheet, other = book.add_worksheet(title), book.add_worksheet("Other")
    fill_signals(book, sheet, 3)
    other.write_url("A1", "internal:'Bob''s trades'!L9")
    other.insert_textbox("D5", "", {"textlink": "='Bob''s trades'!$L$9"})
    other.write_formula("B1", "='Bob''s trades'!L9", None, 0)
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "='Bob''s trades'!$E$4:$E$6"})
    other.insert_chart("D20", chart)
    book.close()
    hidden = b"<c15:sqref>'Bob''s trades'!$D$4:$D$6</c15:sqref></c:plotArea>"
    camera = b"<a14:cameraTool cellRange=\"'Bob''s trades'!$L$9:$M$9\"/></xdr:wsDr>"
    other_quotes = b"location='&apos;Bob&apos;&apos;s trades&apos;!L9'"
    with_parts(
        path,
        {
            OTHER: lambda xml: re.sub(rb'location="[^"]*"', other_quotes, xml).replace(
                b"<f>'Bob''s trades'", b"<f>&apos;Bob&apos;&apos;s trades&apos;"
            ),
            "xl/workbook.xml": lambda xml: xml.replace(b">Signals!$", b">'Bob''s trades'!$"),
            "xl/charts/chart1.xml": lambda xml: xml.replace(b"</c:plotArea>", hidden),
            "xl/drawings/drawing1.xml": lambda xml: xml.replace(b"</xdr:wsDr>", camera),
        },
    )
    sync_on_top(path, "7", "8")
    after = parts(path)
    assert other_quotes.replace(b"L9", b"L11") in after[OTHER]
    assert b"<f>'Bob''s trades'!L11</f>" in after[OTHER]
    assert b"textlink=\"'Bob''s trades'!$L$11\"" in after["xl/drawings/drawing1.xml"]
    assert camera.replace(b"$9", b"$11") in after["xl/drawings/drawing1.xml"]
    assert b"'Bob''s trades'!$D$4:$D$8</c15:sqref>" in after["xl/charts/chart1.xml"]


@pytest.mark.parametrize("top", [False, True], ids=["below", "on top"])
def test_a_pivot_tables_source_grows(tmp_path: Path, *, top: bool) -> None:
    path, cache = book_with(tmp_path / "book.xlsx", {}), "pivotCache/pivotCacheDefinition1.xml"
    source = b'<pivotCacheDefinition><worksheetSource ref="A3:L6" sheet="signals"/></pivotCacheDefinition>'
    link = b'<Relationship Id="rId99" Type="x/pivotCacheDefinition" Target="%s"/>' % cache.encode()
    with_parts(
        path,
        {
            f"xl/{cache}": source,
            "xl/_rels/workbook.xml.rels": lambda xml: xml.replace(
                b"</Relationships>", link + b"</Relationships>"
            ),
        },
    )
    (sync_on_top if top else lambda path, *keys: sync(path, adds=[add(key) for key in keys]))(path, "7", "8")
    assert parts(path)[f"xl/{cache}"] == source.replace(b"L6", b"L8")


def test_one_sparkline_a_row_stays_in_its_row(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 1)
    sheet.add_sparkline("L4", {"range": "Signals!E4:H4"})
    book.close()
    sync(path, adds=[add("7")])
    assert b"<xm:f>Signals!E4:H4</xm:f>" in parts(path)[SIGNALS]


def refused_as_it_was(path: Path, message: str) -> None:
    before = path.read_bytes()
    with pytest.raises(DataRefused, match=message):
        sync_on_top(path, "7")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "tag",
    [
        b'<f t="dataTable" ref="L9:L12" dt2D="0" dtr="0" r1="L1"/>',
        b'<f t="array" ref="L2:L9">E2:E9</f>',
    ],
    ids=["a data table", "an array across the insertion"],
)
def test_formulas_of_several_cells_that_would_be_torn_are_refused(tmp_path: Path, tag: bytes) -> None:
    path = book_with(tmp_path / "book.xlsx", {"L9": "=1"})
    with_parts(path, {SIGNALS: lambda xml: xml.replace(b"<f>1</f>", tag)})
    refused_as_it_was(path, "a formula of several cells")


def test_a_data_table_above_all_that_moves_is_in_nobodys_way(tmp_path: Path) -> None:
    path = book_with(tmp_path / "book.xlsx", {"L1": "=1"})
    tag = b'<f t="dataTable" ref="L1:L2" dt2D="0" dtr="0" r1="A1"/>'
    with_parts(path, {SIGNALS: lambda xml: xml.replace(b"<f>1</f>", tag)})
    sync_on_top(path, "7")
    assert tag in parts(path)[SIGNALS]


def test_an_array_over_all_the_data_moves_with_it(tmp_path: Path) -> None:
    path = book_with(tmp_path / "book.xlsx", {"J4": "=1"})
    array = b'<f t="array" ref="J4:J6">E4:E6*2</f>'
    with_parts(path, {SIGNALS: lambda xml: xml.replace(b"<f>1</f>", array)})
    sync_on_top(path, "7", "8")
    assert b'<c r="J6"><f t="array" ref="J6:J8">' in parts(path)[SIGNALS]


@pytest.mark.parametrize(("cell", "row"), [("B4", 4), ("B9", 11)], ids=["at the first row", "scrolled down"])
def test_rows_on_top_come_into_view(tmp_path: Path, cell: str, row: int) -> None:
    path = tmp_path / "book.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    fill_signals(book, sheet, 3)
    sheet.freeze_panes(3, 1, int(cell[1:]) - 1, 1)
    book.close()
    sync_on_top(path, "7", "8")
    assert b'topLeftCell="B%d"' % row in parts(path)[SIGNALS]


def look(path: Path, cell: str) -> Any:
    return openpyxl.load_workbook(path)["Signals"][cell]


@pytest.mark.parametrize("highlighted", [4, 5, 6])
def test_a_new_row_looks_like_most_not_like_one_that_is_highlighted(tmp_path: Path, highlighted: int) -> None:
    path = book_with(tmp_path / "book.xlsx", {})
    book = openpyxl.load_workbook(path)
    for row in book["Signals"].iter_rows(min_row=highlighted, max_row=highlighted, min_col=2, max_col=10):
        for cell in row:
            cell.fill = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")
    book.save(path)
    sync(path, adds=[add("7")])
    assert look(path, "B7").fill.fill_type is None
    assert look(path, f"B{highlighted}").fill.fill_type == "solid"
    assert look(path, "B7").font.b


def protect(path: Path, *, unlocked: str = "", insert_rows: bool = False) -> Path:
    book = openpyxl.load_workbook(path)
    sheet = book["Signals"]
    sheet.protection.sheet = True
    sheet.protection.insertRows = not insert_rows
    for row in sheet[unlocked] if unlocked else ():
        for cell in row:
            cell.protection = openpyxl.styles.Protection(locked=False)
    book.save(path)
    return path


def test_a_protected_sheet_is_written_as_excel_lets_its_user(tmp_path: Path) -> None:
    path = protect(book_with(tmp_path / "book.xlsx", {}), unlocked="D4:D6")
    sync(path, updates=[change("1", "coin", "ETH")])
    assert look(path, "D4").value == "ETH"
    before = path.read_bytes()
    with pytest.raises(DataRefused, match="E4 is locked"):
        sync(path, updates=[change("1", "stop", "1")])
    with pytest.raises(DataRefused, match="no rows can be added to its table"):
        sync(path, adds=[add("7")])
    assert path.read_bytes() == before


ODD_ROWS = b'<row r="9"><c r="A9"><v>1</v></c></row><row r="2"><c r="A2"><v>1</v></c></row></sheetData>'


@pytest.mark.parametrize("formula", ["=1", "=SUM(Signals!E4:E6)"])
def test_an_odd_sheet_that_need_not_be_edited_stops_nothing(tmp_path: Path, formula: str) -> None:
    path = book_with(tmp_path / "book.xlsx", {}, {"A1": formula})
    with_parts(path, {OTHER: lambda xml: xml.replace(b"</sheetData>", ODD_ROWS)})
    before = parts(path)[OTHER]
    sync(path, adds=[add("7")])
    assert parts(path)[OTHER] == before
    assert openpyxl.load_workbook(path)["Signals"]["B7"].value == 7


def test_a_tab_is_made_beside_sheets_that_could_not_be_edited(tmp_path: Path) -> None:
    path = tmp_path / "theirs.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("Odd").add_table("A1:B4", {"name": "Mine"})
    book.close()
    odd = {
        SIGNALS: lambda xml: xml.replace(b"</sheetData>", ODD_ROWS),
        "xl/tables/table1.xml": lambda xml: xml.replace(b'ref="A1:B4"', b'ref="A1:B"'),
    }
    before = parts(with_parts(path, odd))
    with Package.open(path) as package:
        draft = Draft(package)
        add_tabs(draft, load_template("raw"), {"Signals": "Signals"})
        with (tmp_path / "ours.xlsx").open("wb") as file:
            draft.write(file)
    after = parts(tmp_path / "ours.xlsx")
    assert after[SIGNALS] == before[SIGNALS]
    assert "xl/tables/table2.xml" in after
