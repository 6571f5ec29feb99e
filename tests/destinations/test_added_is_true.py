"""`added` is what is there: a writer that loses, doubles or misplaces a row is found out by the write itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.destinations.excel.edit import rows as excel_rows
from cqs_sheets.destinations.google.write import newrows
from cqs_sheets.errors import DataRefused
from tests.destinations.excel.books import add, change, signals_book, sync
from tests.destinations.google.user import GoogleUser
from tests.destinations.test_conformance import row
from tests.destinations.test_conformance import sync as deliver

new_rows, edited_row = excel_rows._new_rows, excel_rows._edited_row


def lost(numbers: Sequence[int], edits: Any) -> bytes:
    return new_rows([number for number in numbers if number != 8], edits)


def doubled(numbers: Sequence[int], edits: Any) -> bytes:
    again = new_rows([number for number in numbers if number == 8], edits)
    return new_rows(numbers, edits) + re.sub(rb'(r="[A-Z]*)8"', rb'\g<1>9"', again)


def of_another_key(numbers: Sequence[int], edits: Any) -> bytes:
    return new_rows(numbers, edits).replace(b"<v>8</v>", b"<v>9</v>")


def overwritten(row: bytes, number: int, edit: Any) -> bytes:
    return edited_row(row, number, edit).replace(b"<v>2</v>", b"<v>7</v>")


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("_new_rows", lost),
        ("_new_rows", doubled),
        ("_new_rows", of_another_key),
        ("_edited_row", overwritten),
        ("_edited_row", lambda *_: b""),
    ],
)
def test_a_workbook_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, broken: Callable[..., bytes]
) -> None:
    path = signals_book(tmp_path / "book.xlsx")
    before = path.read_bytes()
    monkeypatch.setattr(excel_rows, name, broken)
    with pytest.raises(DataRefused, match=r"bug|in order"):
        sync(path, adds=[add("7"), add("8")], updates=[change("2", "coin", "ETH")])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    sync(path, adds=[add("7"), add("8")], updates=[change("2", "coin", "ETH")])


@pytest.mark.parametrize("first", [True, False], ids=["a new tab", "a tab that is there"])
def test_a_spreadsheet_says_what_it_got(monkeypatch: pytest.MonkeyPatch, *, first: bool) -> None:
    user = GoogleUser(Path())
    try:
        if not first:
            deliver(user, row("1"))
        insert = newrows.insert_rows

        def broken(*arguments: Any, **options: Any) -> Any:
            requests, place = insert(*arguments, **options)
            cells = next(each["updateCells"] for each in requests if "updateCells" in each)
            cells["rows"] = cells["rows"][:-1]
            return requests, place

        monkeypatch.setattr(newrows, "insert_rows", broken)
        with pytest.raises(DataRefused, match="does not show all new rows"):
            deliver(user, row("7"), row("8"))
        monkeypatch.undo()
        assert [add.key for add in deliver(user, row("7"), row("8")).adds] == ["8"]
    finally:
        user.close()
