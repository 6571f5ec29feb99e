"""The many ways in which one and the same sheet is written in real files."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from cqs_sheets.core.cells import same
from cqs_sheets.destinations.excel.parts import rowstream
from cqs_sheets.destinations.excel.parts.splice import outline
from cqs_sheets.destinations.excel.parts.xmltext import canonical
from cqs_sheets.errors import DataRefused
from tests.destinations.excel.books import (
    add,
    change,
    grid,
    parts,
    read,
    signals_book,
    sync,
    values,
    with_parts,
)

SHEET = "xl/worksheets/sheet1.xml"
Respell = Callable[[bytes], bytes]


def without_row_numbers(xml: bytes) -> bytes:
    """Excel numbers rows that have no number after the one before; so blank rows must be there."""
    xml = xml.replace(b"<sheetData>", b"<sheetData><row/><row/>")
    return re.sub(rb'<row r="\d+"', b"<row", xml)


def without_cell_addresses(xml: bytes) -> bytes:
    """Likewise cells: so the first one of each row says where it is, and those left out are blank ones."""

    def row(match: re.Match[bytes]) -> bytes:
        cells = {cell[1]: cell[0] for cell in re.finditer(rb'<c r="([A-Z]+)\d+".*?(?:/>|</c>)', match[0])}
        written = b"".join(cells.get(bytes([letter]), b"<c/>") for letter in b"ABCDEFGHIJ")
        return match[1] + re.sub(rb' r="[A-Z]+\d+"', b"", written) + b"</row>"

    return without_row_numbers(re.sub(rb"(<row [^>]*>).*?</row>", row, xml))


def attributes_swapped(xml: bytes) -> bytes:
    return re.sub(rb'<c (r="\w+") ([^>]*?)(/?)>', rb"<c \2 \1\3>", xml)


def single_quoted(xml: bytes) -> bytes:
    return re.sub(rb"(<(?:c|row) [^>]*>)", lambda match: match[0].replace(b'"', b"'"), xml)


def pretty_printed(xml: bytes) -> bytes:
    return re.sub(rb"(<(?:row|c|v|f|is|/row|/c)\b)", rb"\n   \1", xml)


def prefixed(xml: bytes) -> bytes:
    xml = re.sub(rb"<(/?)([A-Za-z])", rb"<\1x:\2", xml)
    return xml.replace(b"xmlns=", b"xmlns:x=")


def strict(xml: bytes) -> bytes:
    return xml.replace(
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    )


def utf16(xml: bytes) -> bytes:
    text = xml.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    return text.encode("utf-16")


def latin1(xml: bytes) -> bytes:
    return xml.replace(b'encoding="UTF-8"', b'encoding="ISO-8859-1"')


def commented(xml: bytes) -> bytes:
    xml = xml.replace(b"</row>", b"<!-- a row --></row>")
    comment = b'<!-- <row r="9"><c r="B9"><v>1</v></c></row> </sheetData> -->'
    return xml.replace(b"<sheetData>", b"<sheetData>" + comment)


def cdata(xml: bytes) -> bytes:
    return re.sub(rb"<v>([^<]*)</v>", rb"<v><![CDATA[\1]]></v>", xml)


def without_dimension_and_spans(xml: bytes) -> bytes:
    return re.sub(rb' spans="[^"]*"', b"", re.sub(rb"<dimension[^>]*/>", b"", xml))


def with_byte_order_mark(xml: bytes) -> bytes:
    return b"\xef\xbb\xbf" + xml


def with_times_spelt_out(xml: bytes) -> bytes:
    """As ISO 8601 and some programs have them."""
    return re.sub(
        rb'<c r="(\w+)"( s="\d+")?><v>46166\.[^<]*</v>', rb'<c r="\1"\2 t="d"><v>2026-05-24T14:32:05</v>', xml
    )


SPELLINGS = [
    without_row_numbers, without_cell_addresses, attributes_swapped, single_quoted, pretty_printed, prefixed, strict,
    utf16, latin1, commented, cdata, without_dimension_and_spans, with_byte_order_mark,
    with_times_spelt_out,
]  # fmt: skip


@pytest.mark.parametrize("respell", SPELLINGS, ids=lambda respell: respell.__name__)
def test_every_spelling_is_read_and_edited_alike(tmp_path: Path, respell: Respell) -> None:
    plain = signals_book(tmp_path / "plain.xlsx")
    book = with_parts(signals_book(tmp_path / "odd.xlsx"), {SHEET: respell})
    for key, row in read(plain, "1", "2", "3").tabs["Signals"].rows.items():
        assert read(book, key).tabs["Signals"].rows[key] == row
    for path in (plain, book):
        sync(
            path,
            adds=[add("7"), add("8", coin="né")],
            updates=[change("2", "coin", "ETH"), change("3", "lev", None)],
        )
        sync(path, adds=[add("9")])
    assert grid(book) == grid(plain)


@pytest.mark.parametrize("respell", [prefixed, utf16, commented], ids=lambda respell: respell.__name__)
def test_the_other_parts_are_read_in_every_spelling_too(tmp_path: Path, respell: Respell) -> None:
    book = signals_book(tmp_path / "odd.xlsx")
    if respell is commented:

        def respell(xml: bytes) -> bytes:
            return xml.replace(b"?>\n", b"?>\n<!-- a comment -->", 1)

    every = ["xl/workbook.xml", "xl/tables/table1.xml", "xl/sharedStrings.xml", "xl/styles.xml"]
    with_parts(book, dict.fromkeys(every, respell))
    sync(book, adds=[add("7")])
    assert read(book, "7").tabs["Signals"].rows["7"].row == 7
    assert openpyxl.load_workbook(book)["Signals"]["B7"].value == 7


def test_rich_text_and_phonetic_hints_are_read_as_the_text_they_show(tmp_path: Path) -> None:
    def rich(xml: bytes) -> bytes:
        runs = b'<r><t>BT</t></r><r><rPr><b/></rPr><t>C</t></r><rPh sb="0" eb="1"><t>no</t></rPh>'
        return xml.replace(b"<si><t>BTC</t></si>", b"<si>" + runs + b"</si>")

    book = with_parts(signals_book(tmp_path / "rich.xlsx"), {"xl/sharedStrings.xml": rich})
    assert read(book, "1").tabs["Signals"].rows["1"].values["coin"] == "BTC"


def test_numbers_written_with_seventeen_digits_are_what_was_meant(tmp_path: Path) -> None:
    def long(xml: bytes) -> bytes:
        return xml.replace(b"<v>93100.5</v>", b"<v>0.10000000000000001</v>")

    book = with_parts(signals_book(tmp_path / "long.xlsx"), {SHEET: long})
    assert str(read(book, "1").tabs["Signals"].rows["1"].values["stop"]) == "0.1"


def test_a_shared_formula_is_followed_in_new_rows_and_its_owner_is_left_alone(tmp_path: Path) -> None:
    def shared(xml: bytes) -> bytes:
        xml = xml.replace(b"<f>E4*2</f>", b'<f t="shared" ref="I4:I6" si="0">E4*2</f>')
        for row in (b"5", b"6"):
            xml = xml.replace(b"<f>E%s*2</f>" % row, b'<f t="shared" si="0"/>')
        # somebody filled the sync's own column with a shared formula
        return re.sub(
            rb'<c r="D4"[^>]*>.*?</c>', b'<c r="D4"><f t="shared" ref="D4:D5" si="1">B4</f><v>1</v></c>', xml
        )

    book = with_parts(signals_book(tmp_path / "shared.xlsx"), {SHEET: shared})
    applied = sync(book, adds=[add("7")], updates=[change("1", "coin", "ETH")])
    assert applied.warnings == ("Signals!D4 was left as it is: other cells share its formula",)
    assert b'<f t="shared" ref="D4:D5" si="1">B4</f>' in parts(book)[SHEET]


def test_a_protected_sheet_is_left_as_its_user_would_have_to(tmp_path: Path) -> None:
    book = signals_book(tmp_path / "locked.xlsx", below=lambda sheet, _: sheet.protect("secret"))
    before = book.read_bytes()
    with pytest.raises(DataRefused, match="Signals is protected"):
        sync(book, adds=[add("7")])
    assert book.read_bytes() == before


def test_what_everybody_may_edit_of_a_protected_sheet_is_edited(tmp_path: Path) -> None:
    def protect(sheet: Any, _last: int) -> None:
        sheet.protect("secret")
        sheet.unprotect_range("G4:G6 D4:D9")

    book = signals_book(tmp_path / "partly.xlsx", below=protect)
    sync(book, updates=[change("2", "coin", "ETH")])
    assert grid(book)[4][3] == "ETH"
    before = book.read_bytes()
    with pytest.raises(DataRefused, match="its cell E5 is locked"):
        sync(book, updates=[change("2", "stop", Decimal(1))])
    with_parts(
        book, {SHEET: lambda xml: xml.replace(b"<protectedRange ", b'<protectedRange password="83AF" ')}
    )
    before = book.read_bytes()
    with pytest.raises(DataRefused, match="its cell D5 is locked"):
        sync(book, updates=[change("2", "coin", "SOL")])
    assert book.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda xml: xml.replace(b'<row r="5"', b'<row r="4"'), "not in order"),
        (lambda xml: xml.replace(b'<row r="6"', b'<row r="9999999"'), "grid"),
        (lambda xml: xml.replace(b"</sheetData>", b""), "rows do not end"),
        (lambda xml: b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + xml, "entities"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused_and_left_untouched(
    tmp_path: Path, damage: Respell, reason: str
) -> None:
    book = with_parts(signals_book(tmp_path / "bad.xlsx"), {SHEET: damage})
    before = book.read_bytes()
    with pytest.raises(DataRefused, match=reason):
        sync(book, adds=[add("7")], updates=[change("1", "coin", "X")])
    assert book.read_bytes() == before


def test_a_key_column_of_blanks_is_no_obstacle(tmp_path: Path) -> None:
    def blanks(xml: bytes) -> bytes:
        rows = b"".join(b'<row r="%d"><c r="B%d"/></row>' % (row, row) for row in range(10, 60_000))
        return xml.replace(b"</sheetData>", rows + b"</sheetData>")

    book = with_parts(signals_book(tmp_path / "blanks.xlsx"), {SHEET: blanks})
    sync(book, adds=[add("7")])
    assert grid(book)[6][1] == 7
    assert all(
        same(value, read(book, "7").tabs["Signals"].rows["7"].values[name])
        for name, value in values("7").items()
    )


def test_a_sheet_that_comes_row_by_row_is_read_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowstream, "_LONGEST_ROW", 200_000)
    rows = [b'<row r="%d"><c r="A%d"><v>1</v></c></row>' % (number, number) for number in range(1, 10_001)]
    sheet = [b"<worksheet><sheetData>", *rows, b"</sheetData></worksheet>"]
    found = [piece for piece in rowstream.pieces(sheet) if piece.part is rowstream.Part.ROWS]
    assert b"".join(piece.text for piece in found) == b"".join(rows)
    assert found[-1].last == 10_000


def test_a_comment_without_an_end_is_not_held_in_memory() -> None:
    part = chain([b"<worksheet><!--"], repeat(b" " * (4 << 20), 18))
    with pytest.raises(DataRefused, match="endless comment"):
        deque(canonical(part), maxlen=0)


def test_a_tag_of_millions_of_attributes_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    part = chain([b"<worksheet"], repeat(b" a" * (1 << 17), 18))
    with pytest.raises(DataRefused, match="endless tag"):
        deque(canonical(part), maxlen=0)
    book = with_parts(
        signals_book(tmp_path / "book.xlsx"),
        {SHEET: lambda xml: xml.replace(b"<row ", b"<row" + b" a" * (1 << 20) + b" ", 1)},
    )
    before = book.read_bytes()
    with pytest.raises(DataRefused, match="endless tag"):
        sync(book, adds=[add("7")])
    assert book.read_bytes() == before


@pytest.mark.parametrize("attributes", [b" a", b" a='>'"])
def test_an_element_with_millions_of_attributes_is_not_parsed(attributes: bytes) -> None:
    with pytest.raises(DataRefused, match="endless tag"):
        outline(b"<styleSheet><fonts%s/></styleSheet>" % (attributes * (1 << 19)))
