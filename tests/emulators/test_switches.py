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
