"""Where nobody has seen what Google does, the emulator can do either."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.emulators.google_sheets import RunningSheets, Switches, start

SOURCE = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 2, "startColumnIndex": 0, "endColumnIndex": 1}
TARGET = {**SOURCE, "startColumnIndex": 3, "endColumnIndex": 4}


def ask(sheets: RunningSheets, book: str, call: str, body: dict[str, Any]) -> requests.Response:
    headers = {"Authorization": "Bearer made-up"}
    url = f"{sheets.url}/v4/spreadsheets/{book}:{call}"
    return requests.post(url, json=body, headers=headers, timeout=10)


@pytest.mark.parametrize("copies", [True, False])
def test_a_row_that_a_filter_hides_is_copied_or_not(copies: bool) -> None:
    with start(switches=Switches(copies_hidden_rows=copies)) as sheets:
        book = sheets.create(tabs={"Sheet1": [["Coin"], ["BTC"], ["ETH"]]})
        with sheets.edit(book) as hand:
            hand.filter("Sheet1", "A", ["BTC"])
        copy = {"copyPaste": {"source": SOURCE, "destination": TARGET}}
        assert ask(sheets, book, "batchUpdate", {"requests": [copy]}).ok
        assert ("D2" in sheets.tab(book, "Sheet1").cells) is copies


@pytest.mark.parametrize("shown", [True, False])
def test_the_spreadsheets_own_metadata_comes_with_what_a_filter_selects_or_not(shown: bool) -> None:
    with start(switches=Switches(lookups_show_own_metadata=shown)) as sheets:
        book = sheets.create()
        entry = {"metadataKey": "own", "location": {"spreadsheet": True}, "visibility": "DOCUMENT"}
        create = {"createDeveloperMetadata": {"developerMetadata": entry}}
        assert ask(sheets, book, "batchUpdate", {"requests": [create]}).ok
        answer = ask(sheets, book, "getByDataFilter", {"dataFilters": [{"gridRange": {"sheetId": 0}}]})
        assert ("developerMetadata" in answer.json()) is shown


@pytest.mark.parametrize("refused", [True, False])
def test_a_lookup_that_finds_nothing_is_an_error_or_not(refused: bool) -> None:
    with start(switches=Switches(unmatched_lookups_refused=refused)) as sheets:
        book = sheets.create()
        lookup = {"developerMetadataLookup": {"metadataKey": "nobody.knows"}}
        answer = ask(sheets, book, "getByDataFilter", {"dataFilters": [lookup]})
        assert answer.status_code == (400 if refused else 200)


def column_mark(key: str, **more: Any) -> dict[str, Any]:
    span = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    entry = {"metadataKey": key, "visibility": "DOCUMENT", "location": {"dimensionRange": span}, **more}
    return {"createDeveloperMetadata": {"developerMetadata": entry}}


@pytest.mark.parametrize("shown", [True, False])
def test_a_lookup_shows_the_other_metadata_of_a_column_or_not(shown: bool) -> None:
    with start(switches=Switches(lookups_show_other_metadata=shown)) as sheets:
        book = sheets.create()
        assert ask(sheets, book, "batchUpdate", {"requests": [column_mark("a"), column_mark("b")]}).ok
        lookup = {"developerMetadataLookup": {"metadataKey": "a"}}
        answer = ask(sheets, book, "getByDataFilter", {"dataFilters": [lookup], "includeGridData": True})
        (column,) = answer.json()["sheets"][0]["data"][0]["columnMetadata"]
        keys = {entry["metadataKey"] for entry in column["developerMetadata"]}
        assert keys == ({"a", "b"} if shown else {"a"})


@pytest.mark.parametrize("returns", [True, False])
def test_an_id_that_a_batch_frees_is_free_at_once_or_not(returns: bool) -> None:
    with start(switches=Switches(ids_return_within_batch=returns)) as sheets:
        book = sheets.create()
        again = column_mark("a", metadataId=7)
        gone = {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataId": 7}}}}
        assert ask(sheets, book, "batchUpdate", {"requests": [again]}).ok
        assert ask(sheets, book, "batchUpdate", {"requests": [gone, again]}).ok is returns
        assert ask(sheets, book, "batchUpdate", {"requests": [gone]}).ok
        assert ask(sheets, book, "batchUpdate", {"requests": [again]}).ok


@pytest.mark.parametrize(("shown", "many"), [("all", 2), ("first", 1), ("nothing", 0)])
def test_a_writes_answer_shows_what_it_was_asked_for_or_less(shown: str, many: int) -> None:
    with start(switches=Switches(answers_show=shown)) as sheets:
        book = sheets.create(tabs={"T": [["a", "b"]]})
        body = {"includeSpreadsheetInResponse": True, "responseIncludeGridData": True}
        note = {"updateCells": {"range": SOURCE, "fields": "note"}}
        ranges = {"responseRanges": ["T!A1", "T!B1"]}
        answer = ask(sheets, book, "batchUpdate", {**body, **ranges, "requests": [note]}).json()
        found = answer["updatedSpreadsheet"].get("sheets", [])
        assert sum(len(sheet["data"]) for sheet in found) == many


@pytest.mark.parametrize(("blocks", "many"), [("each", 2), ("first", 1), ("merged", 1)])
def test_each_filter_gets_a_block_or_a_tab_one(blocks: str, many: int) -> None:
    with start(switches=Switches(blocks=blocks)) as sheets:
        book = sheets.create(tabs={"T": [["a", "b"], ["c", "d"]]})
        filters = [{"gridRange": SOURCE}, {"gridRange": TARGET}]
        answer = ask(sheets, book, "getByDataFilter", {"dataFilters": filters, "includeGridData": True})
        data = answer.json()["sheets"][0]["data"]
        assert len(data) == many
        assert (len(data[0]["columnMetadata"]) == 4) is (blocks == "merged")


@pytest.mark.parametrize("grows", [True, False])
def test_a_row_right_below_a_table_belongs_to_it_or_not(grows: bool) -> None:
    with start(switches=Switches(tables_grow=grows)) as sheets:
        book = sheets.create(tabs={"T": [["a"], ["b"]]})
        span = {**SOURCE, "startRowIndex": 0}
        row = {"sheetId": 0, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}
        with sheets.edit(book) as hand:
            hand.do({"addTable": {"table": {"name": "Mine", "range": span}}})
            hand.do({"insertDimension": {"range": row, "inheritFromBefore": True}})
            (table,) = hand.tab("T").listed("tables")
            assert table["range"]["endRowIndex"] == (3 if grows else 2)


@pytest.mark.parametrize("piles", [True, False])
def test_a_normal_paste_brings_merges_and_at_times_rules(piles: bool) -> None:
    with start(switches=Switches(pastes_pile_up_rules=piles)) as sheets:
        book = sheets.create(tabs={"T": [["a", "b"], ["c", "d"]]})
        wide = {**SOURCE, "endColumnIndex": 2}
        rule = {"ranges": [wide], "booleanRule": {"condition": {"type": "NOT_BLANK"}, "format": {}}}
        with sheets.edit(book) as hand:
            hand.do({"mergeCells": {"range": wide, "mergeType": "MERGE_ALL"}})
            hand.do({"addConditionalFormatRule": {"rule": rule, "index": 0}})
            target = {**wide, "startRowIndex": 5, "endRowIndex": 6}
            hand.do({"copyPaste": {"source": wide, "destination": target}})
            assert len(hand.tab("T").listed("merges")) == 2
            assert len(hand.tab("T").listed("conditionalFormats")) == (2 if piles else 1)
