"""Excel's last row: before it, the tab goes on in another one, and keys are known in both."""

from __future__ import annotations

from pathlib import Path

from tests.destinations.excel.books import add, change, grid, parts, read, signals_book, sync, with_parts

LAST = 1_048_576


def full_book(path: Path) -> Path:
    """Three signals, the last of them in the last row but one."""

    def sheet(xml: bytes) -> bytes:
        head, row, tail = xml.partition(b'<row r="6"')
        cells = row + tail.partition(b"</row>")[0]
        moved = cells.replace(b'6"', b'%d"' % (LAST - 1)).replace(b"<f>E6*2</f>", b"<f>1</f>")
        return (
            head
            + moved.replace(b'customHeight="1048575"', b'customHeight="1"')
            + tail[tail.index(b"</row>") :]
        )

    signals_book(path)
    table = {"xl/tables/table1.xml": lambda xml: xml.replace(b"B3:J6", b"B3:J%d" % (LAST - 1))}
    return with_parts(path, {"xl/worksheets/sheet1.xml": sheet, **table})


def test_rows_that_still_fit_fill_the_tab_and_the_next_ones_go_to_a_second(tmp_path: Path) -> None:
    book = full_book(tmp_path / "full.xlsx")
    sync(book, adds=[add("4")])
    assert read(book, "4").tabs["Signals"].rows["4"].row == LAST
    applied = sync(book, adds=[add("5"), add("6")])
    assert any("full" in warning for warning in applied.warnings)
    assert [row[0] for row in grid(book, "Signals 2")[2:]] == [5, 6]
    sync(book, adds=[add("7")], updates=[change("5", "coin", "ETH"), change("4", "coin", "DOGE")])
    rows = grid(book, "Signals 2")[2:]
    assert [row[0] for row in rows] == [5, 6, 7]
    assert rows[0][2] == "ETH"
    tab = read(book, "1", "4", "5", "7").tabs["Signals"]
    assert set(tab.rows) == {"1", "4", "5", "7"}
    assert tab.rows["4"].values["coin"] == "DOGE"
    assert tab.row_count == 7


def test_the_full_tab_is_left_alone_by_rows_for_the_second(tmp_path: Path) -> None:
    book = full_book(tmp_path / "full.xlsx")
    sync(book, adds=[add("4"), add("5")])
    before = parts(book)
    sync(book, adds=[add("6")])
    after = parts(book)
    assert after["xl/worksheets/sheet1.xml"] == before["xl/worksheets/sheet1.xml"]
    assert read(book, "4", "5", "6").tabs["Signals"].row_count == 6
