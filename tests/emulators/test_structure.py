"""Rows and columns come and go, and what points at them goes along."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.emulators.caller import Caller, Json, Refused
from tests.emulators.google_sheets import RunningSheets, Switches, User, start
from tests.emulators.sheets.a1 import column_name
from tests.emulators.sheets.axis import Change, Delete, Insert, Move
from tests.emulators.sheets.formulas import copy_formula, shift_formula
from tests.emulators.sheets.model import Spreadsheet
from tests.emulators.sheets.store import Store, blank_sheet, filled_grid


def mark(axis: str, index: int, key: str, sheet_id: int = 0) -> Json:
    span = {"sheetId": sheet_id, "dimension": axis, "startIndex": index, "endIndex": index + 1}
    entry = {"metadataKey": key, "visibility": "DOCUMENT", "location": {"dimensionRange": span}}
    return {"createDeveloperMetadata": {"developerMetadata": entry}}


@dataclass
class Labelled:
    """Six by six cells, each holding its own name; everything else points at some of them."""

    book: Spreadsheet
    user: User


def labelled() -> Labelled:
    store = Store()
    book = store.new_book("B")
    sheet = blank_sheet("T")
    sheet.grid = filled_grid([[f"r{row}c{column}" for column in range(6)] for row in range(6)], 6, 6)
    watcher = blank_sheet("Watch it", 9)
    watcher.grid = filled_grid([[f"=T!{column_name(i)}{i + 1}" for i in range(6)]], 10, 10)
    book.sheets += [sheet, watcher]
    user = User(book)
    user.do(*[mark("ROWS", index, f"r{index}") for index in range(6)])
    user.do(*[mark("COLUMNS", index, f"c{index}") for index in range(6)])
    return Labelled(book, user)


changes = st.one_of(
    st.builds(Insert, st.integers(0, 5), st.integers(1, 3)),
    st.builds(lambda start, size: Delete(start, start + size), st.integers(0, 5), st.integers(1, 2)),
    st.builds(
        lambda start, size, to: Move(start, start + size, to),
        st.integers(0, 3),
        st.integers(1, 2),
        st.integers(0, 5),
    ),
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["ROWS", "COLUMNS"]), changes), max_size=6))
def test_metadata_and_references_stay_with_their_cells_through_any_edits(
    edits: list[tuple[str, Change]],
) -> None:
    it = labelled()
    for axis, change in edits:
        edit(it.user, axis, change)
    grid = it.book.sheets[0].grid
    values = {(row, column): cell.value for row, column, cell in grid.occupied()}
    for entry in it.book.metadata:
        line = [
            str(v) for place, v in values.items() if place[0 if entry.axis == "ROWS" else 1] == entry.index
        ]
        assert all(entry.key in text for text in line)
    for index in range(6):
        formula = it.book.sheets[1].grid.cell(0, index).formula or ""
        home = next((place for place, value in values.items() if value == f"r{index}c{index}"), None)
        expected = "=T!#REF!" if home is None else f"=T!{column_name(home[1])}{home[0] + 1}"
        assert formula == expected


def edit(user: User, axis: str, change: Change) -> None:
    count = user.tab("T").count(axis)
    if isinstance(change, Insert) and change.at <= count:
        insert = user.insert_rows if axis == "ROWS" else user.insert_columns
        insert("T", change.at + 1 if axis == "ROWS" else column_name(change.at), change.count)  # type: ignore[arg-type]
    elif isinstance(change, Delete) and change.end <= count and change.end - change.start < count:
        user.do({"deleteDimension": {"range": span(axis, change.start, change.end)}})
    elif isinstance(change, Move) and max(change.end, change.before) <= count:
        user.do(
            {
                "moveDimension": {
                    "source": span(axis, change.start, change.end),
                    "destinationIndex": change.before,
                }
            }
        )


def span(axis: str, start_index: int, end_index: int) -> Json:
    return {"sheetId": 0, "dimension": axis, "startIndex": start_index, "endIndex": end_index}


def test_a_move_counts_its_destination_before_the_source_is_taken_out(sheets: RunningSheets) -> None:
    book = sheets.create(tabs={"T": [["a"], ["b"], ["c"], ["d"]]})
    with sheets.edit(book) as user:
        user.do({"moveDimension": {"source": span("ROWS", 0, 2), "destinationIndex": 3}})
    assert sheets.tab(book, "T").entered == [["c"], ["a"], ["b"], ["d"]]


@pytest.mark.parametrize(
    ("change", "formula", "expected"),
    [
        (Insert(2, 1), "=SUM(A1:A5)+A2", "=SUM(A1:A6)+A2"),
        (Insert(5, 1), "=SUM(A1:A5)", "=SUM(A1:A5)"),
        (Insert(0, 2), '=SUM($A$1:A)&"A1"', '=SUM($A$3:A)&"A1"'),
        (Insert(0, 1), "=Other!A1+T!A1+'T'!A:A", "=Other!A1+T!A2+'T'!A:A"),
        (Insert(0, 1), "=LOG10(A1)+R2D2", "=LOG10(A2)+R2D2"),
        (Delete(1, 2), "=SUM(A1:A3)+A2+A3", "=SUM(A1:A2)+#REF!+A2"),
        (Delete(0, 9), "=SUM(A1:A3)", "=SUM(#REF!)"),
        (Move(0, 1, 3), "=A1+A2+A3", "=A3+A1+A2"),
    ],
)
def test_references_in_formulas_follow(change: Change, formula: str, expected: str) -> None:
    assert shift_formula(formula, "T", "T", "ROWS", change) == expected


def test_a_copied_formula_moves_its_relative_references_only() -> None:
    assert copy_formula('=A1*$B$2+$C3&A$4&"A1"', 2, 1) == '=B3*$B$2+$C5&B$4&"A1"'
    assert copy_formula("=A1", -1, 0) == "=#REF!"


def test_ranges_of_every_kind_shift_and_die_with_what_they_lie_on(sheets: RunningSheets) -> None:
    book = sheets.create(tabs={"T": [["h"] * 4] + [["x"] * 4] * 5}, size=(6, 4))
    area = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 6, "startColumnIndex": 1, "endColumnIndex": 2}
    condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": "=$B2>1"}]}
    with sheets.edit(book) as user:
        user.do(
            {"addNamedRange": {"namedRange": {"name": "prices", "range": area}}},
            {"addProtectedRange": {"protectedRange": {"range": area}}},
            {
                "addConditionalFormatRule": {
                    "rule": {"ranges": [area], "booleanRule": {"condition": condition, "format": {}}}
                }
            },
        )
        user.insert_columns("T", "A")
        user.insert_rows("T", 3, 2)
    state = sheets.book(book)
    moved = {**area, "startColumnIndex": 2, "endColumnIndex": 3, "endRowIndex": 8}
    tab = state.sheets[0]
    assert state.named_ranges[0]["range"] == moved
    assert tab.listed("protectedRanges")[0]["range"] == moved
    rule = tab.listed("conditionalFormats")[0]
    assert rule["ranges"] == [moved]
    assert rule["booleanRule"]["condition"]["values"] == [{"userEnteredValue": "=$C2>1"}]
    with sheets.edit(book) as user:
        user.delete_columns("T", "C")
    state = sheets.book(book)
    assert (state.named_ranges, state.sheets[0].listed("protectedRanges")) == ([], [])
    assert state.sheets[0].listed("conditionalFormats") == []


def test_an_inserted_row_takes_the_looks_of_its_neighbour_not_its_values(sheets: RunningSheets) -> None:
    book = sheets.create(tabs={"T": [["a"], ["b"]]})
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}}
    top = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 1}
    with sheets.edit(book) as user:
        user.do({"repeatCell": {"range": top, "cell": bold, "fields": "userEnteredFormat"}})
        user.do({"insertDimension": {"range": span("ROWS", 1, 2), "inheritFromBefore": True}})
    cells = sheets.tab(book, "T").cells
    assert (cells["A2"].value, cells["A2"].format, cells["A3"].value) == (None, cells["A1"].format, "b")


def test_the_first_row_cannot_inherit_from_before_nor_the_end_from_after(
    sheets: RunningSheets, api: Caller
) -> None:
    api.book = sheets.create(size=(5, 5))
    with pytest.raises(Refused, match="inheritFromBefore cannot be true"):
        api.batch({"insertDimension": {"range": span("ROWS", 0, 1), "inheritFromBefore": True}})
    with pytest.raises(Refused, match=r"must be less than the grid size \(5\) if inheritFromBefore is false"):
        api.batch({"insertDimension": {"range": span("ROWS", 5, 6)}})
    api.batch({"insertDimension": {"range": span("ROWS", 5, 6), "inheritFromBefore": True}})
    assert sheets.book(api.book).sheets[0].grid.row_count == 6


@pytest.mark.parametrize(("follows", "expected"), [(True, 3), (False, 1)])
def test_whether_row_metadata_follows_a_sort_is_a_switch(follows: bool, expected: int) -> None:
    with start(switches=Switches(metadata_follows_sort=follows)) as running:
        book = running.create(tabs={"T": [["key"], ["c"], ["a"], ["b"]]})
        with running.edit(book) as user:
            user.do(mark("ROWS", 1, "mine"))
            user.sort("T", "A")
        assert running.book(book).metadata[0].index == expected


def test_a_sort_puts_numbers_before_text_and_empty_cells_last_either_way(sheets: RunningSheets) -> None:
    rows: list[list[str | int | None]] = [["k", "n"], ["b", 1], [None, 2], [10, 3], ["A", 4], [9, 5]]
    book = sheets.create(tabs={"T": rows})
    with sheets.edit(book) as user:
        user.sort("T", "A")
    assert [row[1] for row in sheets.tab(book, "T").entered[1:]] == [5, 3, 4, 1, 2]
    with sheets.edit(book) as user:
        user.sort("T", "A", descending=True)
    assert [row[1] for row in sheets.tab(book, "T").entered[1:]] == [1, 4, 3, 5, 2]


def test_a_formula_sorted_away_still_speaks_of_its_own_row(sheets: RunningSheets) -> None:
    book = sheets.create(tabs={"T": [["k", "f"], ["b", "=A2&$A$1"], ["a", "=A3&$A$1"]]})
    with sheets.edit(book) as user:
        user.sort("T", "A")
    assert sheets.tab(book, "T").entered == [["k", "f"], ["a", "=A2&$A$1"], ["b", "=A3&$A$1"]]


def test_a_renamed_tab_is_followed_by_the_formulas_that_name_it(sheets: RunningSheets) -> None:
    book = sheets.create(tabs={"T": [[1]], "W": [["=T!A1+'T'!B1"]]})
    with sheets.edit(book) as user:
        user.rename_tab("T", "New name")
    assert sheets.tab(book, "W").entered == [["='New name'!A1+'New name'!B1"]]
    assert sheets.titles(book) == ["New name", "W"]


def test_a_tab_index_counts_the_tabs_before_the_move(sheets: RunningSheets) -> None:
    book = sheets.create(tabs={"a": [], "b": [], "c": [], "d": []})
    with sheets.edit(book) as user:
        user.do({"updateSheetProperties": {"properties": {"sheetId": 0, "index": 3}, "fields": "index"}})
    assert sheets.titles(book) == ["b", "c", "a", "d"]
