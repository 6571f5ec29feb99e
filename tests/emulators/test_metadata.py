"""Developer metadata: lookups as measured on the live service, and reads by what they find."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.caller import Caller, Json, Refused
from tests.emulators.google_sheets import RunningSheets
from tests.emulators.test_structure import mark


@pytest.fixture
def marked(sheets: RunningSheets, api: Caller) -> Caller:
    api.book = sheets.create(tabs={"T": [["id", "coin"], [1, "BTC"], [2, "ETH"]], "Other": []})
    tab = {"metadataKey": "tab", "visibility": "DOCUMENT", "location": {"sheetId": 0}}
    whole = {
        "metadataKey": "book",
        "metadataValue": "7",
        "visibility": "DOCUMENT",
        "location": {"spreadsheet": True},
    }
    api.batch(
        mark("ROWS", 1, "row"),
        mark("COLUMNS", 1, "column"),
        {"createDeveloperMetadata": {"developerMetadata": tab}},
        {"createDeveloperMetadata": {"developerMetadata": whole}},
    )
    return api


def found(api: Caller, **lookup: Any) -> list[str]:
    body = {"dataFilters": [{"developerMetadataLookup": lookup}]}
    answer = api.call("POST", api.at("/developerMetadata:search"), body)
    return [match["developerMetadata"]["metadataKey"] for match in answer.get("matchedDeveloperMetadata", [])]


def row(index: int) -> Json:
    return {"dimensionRange": {"sheetId": 0, "dimension": "ROWS", "startIndex": index, "endIndex": index + 1}}


@pytest.mark.parametrize(
    ("lookup", "keys"),
    [
        ({}, ["row", "column", "tab", "book"]),
        ({"metadataKey": "row"}, ["row"]),
        ({"locationType": "COLUMN"}, ["column"]),
        ({"locationType": "SPREADSHEET"}, ["book"]),
        ({"metadataLocation": {"sheetId": 0}, "locationMatchingStrategy": "EXACT_LOCATION"}, ["tab"]),
        (
            {"metadataLocation": {"sheetId": 0}, "locationMatchingStrategy": "INTERSECTING_LOCATION"},
            ["row", "column", "tab"],
        ),
        ({"metadataLocation": row(1), "locationMatchingStrategy": "EXACT_LOCATION"}, ["row"]),
        ({"metadataLocation": row(1)}, ["row", "column"]),
        ({"metadataLocation": row(2), "locationMatchingStrategy": "EXACT_LOCATION"}, []),
        ({"metadataKey": "book", "metadataValue": "8"}, []),
    ],
)
def test_a_lookup_matches_what_it_names(marked: Caller, lookup: Json, keys: list[str]) -> None:
    assert found(marked, **lookup) == keys


def test_a_lookup_of_the_whole_spreadsheet_cannot_intersect(marked: Caller) -> None:
    with pytest.raises(Refused, match="locationMatchingStrategy was specified as INTERSECTING"):
        found(
            marked, metadataLocation={"spreadsheet": True}, locationMatchingStrategy="INTERSECTING_LOCATION"
        )


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ({"startIndex": 1, "endIndex": 3}, "DimensionRange must represent a single row or column"),
        ({}, "DimensionRange must specify both a startIndex and an endIndex"),
    ],
)
def test_metadata_lies_on_one_row_or_column(marked: Caller, edges: Json, message: str) -> None:
    span = {"sheetId": 0, "dimension": "ROWS", **edges}
    entry = {"metadataKey": "k", "visibility": "DOCUMENT", "location": {"dimensionRange": span}}
    with pytest.raises(Refused, match=message):
        marked.batch({"createDeveloperMetadata": {"developerMetadata": entry}})


def test_values_can_be_read_by_the_column_that_carries_a_key(marked: Caller) -> None:
    body = {
        "dataFilters": [{"developerMetadataLookup": {"metadataKey": "column"}}],
        "valueRenderOption": "UNFORMATTED_VALUE",
    }
    answer = marked.call("POST", marked.at("/values:batchGetByDataFilter"), body)
    assert answer["valueRanges"][0]["valueRange"]["range"] == "T!B1:B1000"
    assert answer["valueRanges"][0]["valueRange"]["values"] == [["coin"], ["BTC"], ["ETH"]]
    assert answer["valueRanges"][0]["dataFilters"] == body["dataFilters"]


def test_the_spreadsheet_can_be_read_by_data_filter(marked: Caller) -> None:
    filters = [{"developerMetadataLookup": {"metadataKey": "column"}}, {"a1Range": "T!A1:A"}]
    answer = marked.call(
        "POST",
        marked.at(":getByDataFilter"),
        {"dataFilters": filters},
        fields="sheets(properties.title,data(startColumn,rowData.values.userEnteredValue))",
    )
    (tab,) = answer["sheets"]
    assert tab["properties"] == {"title": "T"}
    assert [data.get("startColumn", 0) for data in tab["data"]] == [1, 0]
    assert tab["data"][1]["rowData"][1] == {"values": [{"userEnteredValue": {"numberValue": 1}}]}


def test_a_get_carries_metadata_where_it_lies(marked: Caller) -> None:
    answer = marked.get(
        ranges="T!A2:B2", fields="developerMetadata.metadataKey,sheets(developerMetadata,data(rowMetadata))"
    )
    assert answer["developerMetadata"] == [{"metadataKey": "book"}]
    assert answer["sheets"][0]["developerMetadata"][0]["location"] == {"locationType": "SHEET", "sheetId": 0}
    marks = answer["sheets"][0]["data"][0]["rowMetadata"][0]["developerMetadata"]
    assert [entry["metadataKey"] for entry in marks] == ["row"]


def test_metadata_goes_silently_with_its_row_its_column_or_its_tab(
    sheets: RunningSheets, marked: Caller
) -> None:
    with sheets.edit(marked.book) as user:
        user.delete_rows("T", 2)
    assert found(marked) == ["column", "tab", "book"]
    with sheets.edit(marked.book) as user:
        user.delete_tab("T")
    assert found(marked) == ["book"]


def test_metadata_can_be_changed_and_deleted_by_lookup(marked: Caller) -> None:
    (entry,) = [one for one in marked.running.book(marked.book).metadata if one.key == "book"]
    change = {
        "dataFilters": [{"developerMetadataLookup": {"metadataId": entry.id}}],
        "developerMetadata": {"metadataValue": "8"},
        "fields": "metadataValue",
    }
    reply = marked.batch({"updateDeveloperMetadata": change})["replies"][0]
    assert reply["updateDeveloperMetadata"]["developerMetadata"][0]["metadataValue"] == "8"
    assert marked.call("GET", marked.at(f"/developerMetadata/{entry.id}"))["metadataKey"] == "book"
    marked.batch(
        {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataKey": "book"}}}}
    )
    assert "book" not in found(marked)
    with pytest.raises(Refused, match="Requested entity was not found"):
        marked.call("GET", marked.at(f"/developerMetadata/{entry.id}"))
