"""What a spreadsheet's locale makes of formulas and conditions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.caller import Caller, Refused
from tests.emulators.google_sheets import RunningSheets


def put(formula: str) -> dict[str, Any]:
    cell = {"userEnteredValue": {"formulaValue": formula}}
    start = {"sheetId": 0, "rowIndex": 0, "columnIndex": 0}
    return {"updateCells": {"start": start, "rows": [{"values": [cell]}], "fields": "userEnteredValue"}}


def limit(text: str) -> dict[str, Any]:
    condition = {"type": "NUMBER_GREATER", "values": [{"userEnteredValue": text}]}
    return {"setDataValidation": {"range": {"sheetId": 0}, "rule": {"condition": condition}}}


def batch(api: Caller, sheets: RunningSheets, locale: str, request: dict[str, Any]) -> str:
    book = sheets.create(locale=locale)
    api.call("POST", f"/v4/spreadsheets/{book}:batchUpdate", {"requests": [request]})
    return book


@pytest.mark.parametrize(
    ("locale", "sent", "kept", "shown"),
    [
        ("en_US", '=HYPERLINK("a;b";"c,d")', '=HYPERLINK("a;b","c,d")', "c,d"),
        ("en_US", '=HYPERLINK("a","c")', '=HYPERLINK("a","c")', "c"),
        ("de_DE", '=HYPERLINK("a";"c")', '=HYPERLINK("a";"c")', "c"),
        ("tr_TR", '=HYPERLINK("a","c")', '=HYPERLINK("a","c")', "#ERROR!"),
        ("de_DE", "=1.5+1", "=1.5+1", "#ERROR!"),
    ],
)
def test_a_comma_parts_arguments_only_where_it_is_no_decimal_mark(
    api: Caller, sheets: RunningSheets, locale: str, sent: str, kept: str, shown: str
) -> None:
    book = batch(api, sheets, locale, put(sent))
    assert sheets.tab(book, "Sheet1").entered == [[kept]]
    answer = api.call("GET", f"/v4/spreadsheets/{book}/values/A1")
    assert answer["values"] == [[shown]]


@pytest.mark.parametrize(("locale", "number", "refused"), [("en_US", "0.5", False), ("de_DE", "0.5", True)])
def test_a_limit_is_read_as_if_it_were_typed(
    api: Caller, sheets: RunningSheets, locale: str, number: str, refused: bool
) -> None:
    batch(api, sheets, locale, limit("=1/2"))
    if refused:
        with pytest.raises(Refused, match="ConditionValue"):
            batch(api, sheets, locale, limit(number))
    else:
        batch(api, sheets, locale, limit(number))
