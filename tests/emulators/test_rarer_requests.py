"""The endpoints and requests that clients use now and then."""

from __future__ import annotations

import pytest

from tests.emulators.caller import Caller, Json, Refused
from tests.emulators.google_sheets import RunningSheets
from tests.emulators.test_structure import mark


@pytest.fixture
def tab(sheets: RunningSheets, api: Caller) -> Caller:
    api.book = sheets.create(tabs={"T": [["id", "f"], [1, "=A2*2"], [2, "=A3*2"]]}, size=(20, 8))
    return api


def area(top: int, bottom: int, left: int, right: int) -> Json:
    return {
        "sheetId": 0,
        "startRowIndex": top,
        "endRowIndex": bottom,
        "startColumnIndex": left,
        "endColumnIndex": right,
    }


def test_many_ranges_are_read_and_cleared_at_once(tab: Caller) -> None:
    answer = tab.call("GET", tab.at("/values:batchGet"), ranges=["T!A1:B1", "T!A2:A3"])
    assert [one["values"] for one in answer["valueRanges"]] == [[["id", "f"]], [["1"], ["2"]]]
    cleared = tab.call("POST", tab.at("/values:batchClear"), {"ranges": ["T!A2", "T!A3"]})
    assert cleared["clearedRanges"] == ["T!A2", "T!A3"]
    assert tab.values("T!A1:A") == [["id"]]


def test_values_are_written_and_cleared_by_what_a_filter_finds(tab: Caller) -> None:
    tab.batch(mark("COLUMNS", 0, "key"))
    lookup = {"developerMetadataLookup": {"metadataKey": "key"}}
    body = {"valueInputOption": "RAW", "data": [{"dataFilter": lookup, "values": [["ID"], [7]]}]}
    reply = tab.call("POST", tab.at("/values:batchUpdateByDataFilter"), body)
    assert reply["responses"][0]["updatedRange"] == "T!A1:A2"
    assert reply["responses"][0]["dataFilter"] == lookup
    assert tab.values("T!A1:A") == [["ID"], ["7"], ["2"]]
    tab.call("POST", tab.at("/values:batchClearByDataFilter"), {"dataFilters": [lookup]})
    assert tab.values("T!A1:A") == []


def test_a_write_can_answer_with_what_now_stands_there(tab: Caller) -> None:
    reply = tab.write("T!D1", [["=1/4"]], "USER_ENTERED", includeValuesInResponse="true")
    assert reply["updatedData"] == {"range": "T!D1", "majorDimension": "ROWS", "values": [["0.25"]]}


def test_a_tab_is_copied_within_and_between_spreadsheets(sheets: RunningSheets, tab: Caller) -> None:
    twin = tab.batch({"duplicateSheet": {"sourceSheetId": 0, "newSheetName": "Twin", "insertSheetIndex": 1}})
    assert twin["replies"][0]["duplicateSheet"]["properties"]["title"] == "Twin"
    other = sheets.create("Other")
    copied = tab.call("POST", tab.at("/sheets/0:copyTo"), {"destinationSpreadsheetId": other})
    assert copied["title"] == "Copy of T"
    assert sheets.tab(other, "Copy of T").entered == sheets.tab(tab.book, "Twin").entered


def test_a_copy_adjusts_relative_references_and_a_cut_does_not(tab: Caller) -> None:
    tab.batch(
        {
            "copyPaste": {
                "source": area(1, 2, 1, 2),
                "destination": area(1, 4, 2, 3),
                "pasteType": "PASTE_FORMULA",
            }
        },
        {
            "cutPaste": {
                "source": area(2, 3, 1, 2),
                "destination": {"sheetId": 0, "rowIndex": 9, "columnIndex": 1},
            }
        },
    )
    assert tab.values("T!C2:C4", valueRenderOption="FORMULA") == [["=B2*2"], ["=B3*2"], ["=B4*2"]]
    assert tab.values("T!B3:B10", valueRenderOption="FORMULA")[-1] == ["=A3*2"]


def test_columns_are_sized_hidden_grouped_and_fitted(tab: Caller) -> None:
    span = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 2}
    size = {
        "range": span,
        "properties": {"pixelSize": 40, "hiddenByUser": True},
        "fields": "pixelSize,hiddenByUser",
    }
    tab.batch({"updateDimensionProperties": size}, {"addDimensionGroup": {"range": span}})
    shown = tab.get(fields="sheets(columnGroups,data.columnMetadata)")["sheets"][0]
    assert shown["data"][0]["columnMetadata"][1] == {"pixelSize": 40, "hiddenByUser": True}
    assert shown["columnGroups"][0]["depth"] == 1
    tab.batch({"autoResizeDimensions": {"dimensions": span}}, {"deleteDimensionGroup": {"range": span}})
    widths = tab.get(fields="sheets.data.columnMetadata.pixelSize")["sheets"][0]["data"][0]["columnMetadata"]
    assert widths[0]["pixelSize"] != 40
    assert tab.get(fields="sheets.columnGroups") == {"sheets": [{}]}


def test_a_table_takes_appended_rows_and_its_deletion_takes_rules_along(tab: Caller) -> None:
    tab.batch({"addTable": {"table": {"name": "Signals", "tableId": "t1", "range": area(0, 3, 0, 2)}}})
    row = {"values": [{"userEnteredValue": {"numberValue": 3}}]}
    tab.batch({"appendCells": {"tableId": "t1", "rows": [row], "fields": "userEnteredValue"}})
    assert tab.get(fields="sheets.tables.range.endRowIndex")["sheets"][0]["tables"] == [
        {"range": {"endRowIndex": 4}}
    ]
    rule = {"ranges": [area(1, 4, 0, 1)], "booleanRule": {"condition": {"type": "NOT_BLANK"}, "format": {}}}
    tab.batch({"addConditionalFormatRule": {"rule": rule}})
    with pytest.raises(Refused, match="A table already exists in this range"):
        tab.batch({"addTable": {"table": {"range": area(2, 9, 0, 2)}}})
    tab.batch({"deleteTable": {"tableId": "t1"}})
    assert tab.get(fields="sheets(tables,conditionalFormats)") == {"sheets": [{}]}


def test_rules_are_replaced_moved_and_deleted_by_their_place(tab: Caller) -> None:
    def rule(kind: str) -> Json:
        return {"ranges": [area(1, 4, 0, 1)], "booleanRule": {"condition": {"type": kind}, "format": {}}}

    def kinds() -> list[str]:
        shown = tab.get(fields="sheets.conditionalFormats.booleanRule.condition.type")["sheets"][0]
        return [one["booleanRule"]["condition"]["type"] for one in shown["conditionalFormats"]]

    for kind in ("BLANK", "NOT_BLANK"):
        tab.batch({"addConditionalFormatRule": {"rule": rule(kind), "index": 0}})
    tab.batch({"updateConditionalFormatRule": {"sheetId": 0, "index": 0, "newIndex": 1}})
    assert kinds() == ["BLANK", "NOT_BLANK"]
    tab.batch({"updateConditionalFormatRule": {"index": 0, "rule": rule("TEXT_IS_EMAIL")}})
    tab.batch({"deleteConditionalFormatRule": {"sheetId": 0, "index": 1}})
    assert kinds() == ["TEXT_IS_EMAIL"]
    with pytest.raises(Refused, match="No conditional format on sheet: 0 at index: 5"):
        tab.batch({"deleteConditionalFormatRule": {"sheetId": 0, "index": 5}})


def test_named_ranges_are_read_by_name_and_checked(tab: Caller) -> None:
    reply = tab.batch({"addNamedRange": {"namedRange": {"name": "ids", "range": area(1, 3, 0, 1)}}})[
        "replies"
    ][0]
    assert tab.values("ids") == [["1"], ["2"]]
    named = {**reply["addNamedRange"]["namedRange"], "range": area(1, 2, 0, 1)}
    tab.batch({"updateNamedRange": {"namedRange": named, "fields": "range"}})
    assert tab.values("ids") == [["1"]]
    for name in ("two words", "A1", "ids"):
        with pytest.raises(Refused, match=r"invalid|already exists"):
            tab.batch({"addNamedRange": {"namedRange": {"name": name, "range": area(0, 1, 0, 1)}}})
    tab.batch({"deleteNamedRange": {"namedRangeId": named["namedRangeId"]}})
    with pytest.raises(Refused, match="Unable to parse range: ids"):
        tab.values("ids")


def test_protected_bandings_and_filter_views_change_and_go_by_their_ids(tab: Caller) -> None:
    added = tab.batch(
        {"addProtectedRange": {"protectedRange": {"range": area(0, 1, 0, 8), "warningOnly": True}}},
        {"addBanding": {"bandedRange": {"range": area(0, 9, 0, 8), "rowProperties": {}}}},
        {"addFilterView": {"filter": {"title": "mine", "range": area(0, 9, 0, 8)}}},
    )["replies"]
    protected = added[0]["addProtectedRange"]["protectedRange"]["protectedRangeId"]
    banded = added[1]["addBanding"]["bandedRange"]["bandedRangeId"]
    view = added[2]["addFilterView"]["filter"]["filterViewId"]
    described = {"protectedRangeId": protected, "description": "sync"}
    tab.batch(
        {"updateProtectedRange": {"protectedRange": described, "fields": "description"}},
        {
            "updateBanding": {
                "bandedRange": {"bandedRangeId": banded, "range": area(0, 5, 0, 8)},
                "fields": "range",
            }
        },
        {"updateFilterView": {"filter": {"filterViewId": view, "title": "new"}, "fields": "title"}},
    )
    shown = tab.get(
        fields="sheets(protectedRanges.description,bandedRanges.range.endRowIndex,filterViews.title)"
    )
    assert shown["sheets"][0] == {
        "protectedRanges": [{"description": "sync"}],
        "bandedRanges": [{"range": {"endRowIndex": 5}}],
        "filterViews": [{"title": "new"}],
    }
    tab.batch(
        {"deleteProtectedRange": {"protectedRangeId": protected}},
        {"deleteBanding": {"bandedRangeId": banded}},
        {"deleteFilterView": {"filterId": view}},
    )
    assert tab.get(fields="sheets(protectedRanges,bandedRanges,filterViews)") == {"sheets": [{}]}


def chart(sources: Json) -> Json:
    return {
        "basicChart": {
            "chartType": "COLUMN",
            "domains": [{"domain": {"sourceRange": {"sources": [area(0, 3, 0, 1)]}}}],
            "series": [{"series": {"sourceRange": {"sources": [sources]}}}],
        }
    }


def test_a_chart_lives_on_when_its_series_is_deleted(sheets: RunningSheets, tab: Caller) -> None:
    position = {"overlayPosition": {"anchorCell": {"sheetId": 0, "rowIndex": 4, "columnIndex": 4}}}
    added = tab.batch({"addChart": {"chart": {"spec": chart(area(0, 3, 1, 2)), "position": position}}})[
        "replies"
    ][0]
    number = added["addChart"]["chart"]["chartId"]
    with sheets.edit(tab.book) as user:
        user.delete_columns("T", "B")
    (shown,) = tab.get(fields="sheets.charts")["sheets"][0]["charts"]
    assert (len(shown["spec"]["basicChart"]["domains"]), shown["spec"]["basicChart"]["series"]) == (1, [])
    assert shown["position"]["overlayPosition"]["anchorCell"]["columnIndex"] == 3
    tab.batch({"updateChartSpec": {"chartId": number, "spec": {**chart(area(0, 3, 2, 3)), "title": "P"}}})
    tab.batch({"updateEmbeddedObjectPosition": {"objectId": number, "newPosition": position, "fields": "*"}})
    assert tab.get(fields="sheets.charts.spec.title")["sheets"][0]["charts"] == [{"spec": {"title": "P"}}]
    tab.batch({"deleteEmbeddedObject": {"objectId": number}})
    with pytest.raises(Refused, match="No embedded object with id"):
        tab.batch({"deleteEmbeddedObject": {"objectId": number}})


def test_a_partial_chart_spec_is_refused(tab: Caller) -> None:
    position = {"overlayPosition": {"anchorCell": {"sheetId": 0}}}
    with pytest.raises(Refused, match="must be set on chartSpec"):
        tab.batch({"addChart": {"chart": {"spec": {"title": "P"}, "position": position}}})


def test_merged_cells_keep_the_first_value_and_can_be_parted(tab: Caller) -> None:
    tab.batch({"mergeCells": {"range": area(0, 2, 0, 2), "mergeType": "MERGE_ROWS"}})
    assert tab.values("T!A1:B2") == [["id"], ["1"]]
    assert len(tab.get(fields="sheets.merges")["sheets"][0]["merges"]) == 2
    tab.batch({"unmergeCells": {"range": area(0, 1, 0, 8)}})
    assert len(tab.get(fields="sheets.merges")["sheets"][0]["merges"]) == 1


def test_the_last_visible_tab_cannot_be_hidden_or_deleted(tab: Caller) -> None:
    with pytest.raises(Refused, match="can't remove all the visible sheets"):
        tab.batch({"deleteSheet": {"sheetId": 0}})
    with pytest.raises(Refused, match="can't hide all the sheets"):
        tab.batch(
            {"updateSheetProperties": {"properties": {"sheetId": 0, "hidden": True}, "fields": "hidden"}}
        )


def test_properties_of_spreadsheet_and_tab_change_under_their_masks(tab: Caller) -> None:
    look = {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}, "tabColorStyle": {"rgbColor": {"red": 1}}}
    tab.batch(
        {"updateSpreadsheetProperties": {"properties": {"locale": "de_DE"}, "fields": "locale"}},
        {
            "updateSheetProperties": {
                "properties": look,
                "fields": "gridProperties/frozenRowCount,tabColorStyle",
            }
        },
    )
    shown = tab.get(fields="properties.locale,sheets.properties(gridProperties,tabColor)")
    assert shown == {
        "properties": {"locale": "de_DE"},
        "sheets": [
            {
                "properties": {
                    "gridProperties": {"rowCount": 20, "columnCount": 8, "frozenRowCount": 1},
                    "tabColor": {"red": 1},
                }
            }
        ],
    }


def test_a_shrunken_grid_loses_what_lay_outside(sheets: RunningSheets, tab: Caller) -> None:
    tab.batch(mark("ROWS", 2, "last"))
    small = {"sheetId": 0, "gridProperties": {"rowCount": 2, "columnCount": 1}}
    tab.batch(
        {"updateSheetProperties": {"properties": small, "fields": "gridProperties(rowCount,columnCount)"}}
    )
    assert tab.values("T") == [["id"], ["1"]]
    assert sheets.book(tab.book).metadata == []
