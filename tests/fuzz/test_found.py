"""What the random trials found, each as small as it gets: the workbook is refused and left as it was."""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
import xlsxwriter

from cqs_sheets.core.cells import CellType
from cqs_sheets.destinations.excel.parts.cellxml import cells_of, decode
from cqs_sheets.destinations.excel.parts.splice import outline
from cqs_sheets.destinations.excel.parts.xmltext import canonical_part, with_attribute
from cqs_sheets.errors import DataRefused
from tests.destinations.excel.books import add, change, fill_signals, grid, signals_book, sync, with_parts
from tests.fuzz.trying import limited_findings

CHART = "xl/charts/chart1.xml"
SHEET, TABLE = "xl/worksheets/sheet1.xml", "xl/tables/table1.xml"
BOOK, STYLES = "xl/workbook.xml", "xl/styles.xml"


def swapped(old: str, new: str) -> Callable[[bytes], bytes]:
    def swap(part: bytes) -> bytes:
        assert old.encode() in part
        return part.replace(old.encode(), new.encode(), 1)

    return swap


FOUND = {
    "a row without a number that is one": (SHEET, swapped('<row r="4"', '<row r="-4"')),
    "a row whose number has 5,000 digits": (SHEET, swapped('<row r="4"', f'<row r="{"9" * 5_000}"')),
    "something like a row among the rows": (SHEET, swapped('<row r="3"', '<rowlike/><row r="3"')),
    "rows that do not end": (SHEET, swapped("</row></sheetData>", "</sheetData>")),
    "cells behind the end of another row": (SHEET, swapped('<row r="5"', '<row r="4x"')),
    "a last row without an end": (
        SHEET,
        lambda part: re.sub(rb'</row><row r="6".*</row>', b'<c r="K5"/>', part, flags=re.DOTALL),
    ),
    "the grid closed inside a cell": (SHEET, swapped("</v></c>", "</v></sheetData></c>")),
    "a cell inside the text of a cell": (
        SHEET,
        swapped('<c r="D5"', '<c r="K5" t="inlineStr"><is><c r="L5"></is></c><c r="D5"'),
    ),
    "a column's format without its columns": (
        SHEET,
        swapped("<sheetData>", '<cols><col style="1"/></cols><sheetData>'),
    ),
    "a table that is nowhere": (TABLE, swapped('ref="B3:J6"', 'ref="nowhere"')),
    "a table smaller than its header": (
        TABLE,
        swapped('ref="B3:J6" totalsRowShown="0"', 'ref="B3" totalsRowCount="1"'),
    ),
    "a table whose header has no number of rows": (TABLE, swapped('totalsRowShown="0"', 'headerRowCount="x"')),
    "a name of a sheet that has no number": (BOOK, swapped("<definedName ", '<definedName localSheetId="x" ')),
    "a name inside what another one stands for": (
        BOOK,
        swapped("Signals!$C$3</", "Signals!$C$3<definedName name='x'>Signals!$B$3</definedName></"),
    ),
    "two of our names at one column": (BOOK, swapped("Signals!$C$3", "Signals!$B$3")),
    "a number format without a number": (
        STYLES,
        swapped("<fonts", '<numFmts><numFmt formatCode="0"/></numFmts><fonts'),
    ),
    "a number format with 5,000 digits": (
        STYLES,
        swapped("<fonts", f'<numFmts><numFmt numFmtId="{"9" * 5_000}" formatCode="0"/></numFmts><fonts'),
    ),
    "rows that come twice": (SHEET, swapped('<row r="6"', '<row r="1"/><row r="2"')),
    "an encoding that is none of text": (STYLES, swapped("UTF-8", "rot13")),
    "an encoding that unpacks": (STYLES, swapped("UTF-8", "zlib")),
}  # fmt: skip


@pytest.mark.parametrize(("part", "damage"), FOUND.values(), ids=FOUND)
def test_it_is_refused_and_left_as_it_was(
    tmp_path: Path, part: str, damage: Callable[[bytes], bytes]
) -> None:
    path = with_parts(signals_book(tmp_path / "book.xlsx"), {part: damage})
    before = path.read_bytes()
    with pytest.raises(DataRefused) as refused:
        sync(path, adds=[add("7")], updates=[change("2", "coin", "ETH")])
    assert refused.value.hint
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_that_holds_more_than_it_counts_is_refused(tmp_path: Path) -> None:
    """Parts that are not counted would be missing from the new archive."""
    path = signals_book(tmp_path / "book.xlsx")
    whole = path.read_bytes()
    end = whole.rindex(b"PK\5\6")
    path.write_bytes(whole[: end + 8] + struct.pack("<HH", 3, 3) + whole[end + 12 :])
    before = path.read_bytes()
    with pytest.raises(DataRefused, match="more than it says"):
        sync(path, adds=[add("7")])
    assert path.read_bytes() == before


def _set_among_blanks(_: Random) -> str:
    return with_attribute(b"<xf" + b" " * 400_000 + b"/>", "count", "2").decode()[-11:]


def test_a_tag_full_of_blanks_takes_no_longer_than_it_is_long() -> None:
    outcomes, found = limited_findings(_set_among_blanks, range(1))
    assert found == []
    assert list(outcomes) == ['count="2"/>']


def _left_open(_: Random) -> str:
    row = b'<c r="A1">%s</c><c r="B1" t="inlineStr">%s</c>' % (b"<v>" * 60_000, b"<t>" * 60_000)
    for cell in cells_of(row):
        decode(cell, kind=CellType.NUMBER, epoch_1904=False, strings={})
    return "read"


def test_tags_left_open_take_no_longer_than_they_are_long() -> None:
    outcomes, found = limited_findings(_left_open, range(1))
    assert found == []
    assert list(outcomes) == ["read"]


def _hostile_parts(_: Random) -> str:
    """Each of these took the square of its length, and minutes."""
    many = 60_000
    hostile: dict[str, dict[str, Callable[[bytes], bytes]]] = {
        "tables' columns": {TABLE: swapped("</tableColumns>", "<tableColumn id='1'>" * many)},
        "sparklines": {SHEET: swapped("</worksheet>", "<x14:sparkline>" * many)},
        "formulas": {SHEET: swapped("</worksheet>", "<f " * many)},
        "rows": {SHEET: swapped('<row r="4"', "<row " * many + '<row r="4"')},
        "values": {SHEET: swapped("<v>", "<v>" + "<v " * many)},
        "a chart's formulas": {CHART: swapped("<c:f>", "<c:f>" + "<c:f " * many)},
        "a row with a long attribute": {SHEET: swapped('<row r="6"', f'<row r="6" a="{">" * (40 << 20)}"')},
        "what stands before a part": {SHEET: swapped("<worksheet", " " * (40 << 20) + "<worksheet")},
        "a comment": {SHEET: swapped("<sheetData>", f"<!--{'x' * (40 << 20)}--><sheetData>")},
    }
    with tempfile.TemporaryDirectory() as folder:
        for number, damage in enumerate(hostile.values()):
            path = with_parts(_with_chart(Path(folder, f"{number}.xlsx")), damage)
            with suppress(DataRefused):
                sync(path, adds=[add("7")], updates=[change("2", "coin", "ETH")])
    return "looked at"


def _with_chart(path: Path) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Signals")
        fill_signals(book, sheet, 3)
        chart = book.add_chart({"type": "line"})
        chart.add_series({"values": "=Signals!$E$4:$E$6"})
        sheet.insert_chart("N3", chart)
    return path


def test_a_hostile_workbook_takes_no_longer_than_it_is_long() -> None:
    outcomes, found = limited_findings(_hostile_parts, range(1))
    assert found == []
    assert list(outcomes) == ["looked at"]


def test_text_that_was_encoded_twice_is_refused() -> None:
    """Once decoded it looks like another encoding to the parser, whose places are not ours then."""
    part = "<workbook><sheets></sheets></workbook>".encode("utf-16-be").decode().encode("utf-16")
    with pytest.raises(DataRefused):
        outline(canonical_part(part))


def test_a_sheet_whose_name_looks_escaped_is_found_again(tmp_path: Path) -> None:
    """What is no text of a cell is taken and written as it stands."""
    path = signals_book(tmp_path / "book.xlsx")
    rename = swapped('<sheet name="Signals"', '<sheet name="_x0041_"')
    with_parts(path, {BOOK: lambda part: re.sub(rb"<definedNames>.*</definedNames>", b"", rename(part))})
    sync(path, adds=[add("7")], words={"Signals": "_x0041_"})
    sync(path, adds=[add("8")])
    assert [row[1] for row in grid(path, "_x0041_")][-2:] == [7, 8]
