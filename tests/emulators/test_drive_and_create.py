"""Files found, made, copied and dropped; the whole resource of a new spreadsheet."""

from __future__ import annotations

import pytest

from tests.emulators.caller import Caller, Refused
from tests.emulators.google_sheets import RunningSheets

MIME = "application/vnd.google-apps.spreadsheet"


def test_a_file_made_by_drive_is_a_spreadsheet_with_one_tab(api: Caller) -> None:
    made = api.call("POST", "/drive/v3/files", {"name": "Mine", "mimeType": MIME}, supportsAllDrives="True")
    assert made == {"kind": "drive#file", "id": made["id"], "name": "Mine", "mimeType": MIME}
    api.book = made["id"]
    shown = api.get(includeGridData="false")
    assert shown["properties"]["timeZone"] == "Etc/GMT"
    assert shown["properties"]["defaultFormat"]["textFormat"]["fontFamily"] == "arial,sans,sans-serif"
    assert shown["sheets"] == [
        {
            "properties": {
                "sheetId": 0,
                "title": "Sheet1",
                "index": 0,
                "sheetType": "GRID",
                "gridProperties": {"rowCount": 1000, "columnCount": 26},
            }
        }
    ]


def test_files_are_listed_by_name_and_type_and_gone_when_deleted(sheets: RunningSheets, api: Caller) -> None:
    one = sheets.create("One")
    sheets.create("Two")
    sheets.create("One", access="none")
    query = f'mimeType="{MIME}" and name = "One"'
    listed = api.call("GET", "/drive/v3/files", q=query, fields="files(id,name)")
    assert listed == {"files": [{"id": one, "name": "One"}]}
    api.call("DELETE", f"/drive/v3/files/{one}")
    with pytest.raises(Refused, match=f"File not found: {one}."):
        api.call("GET", f"/drive/v3/files/{one}")


def test_a_copied_file_holds_the_same_cells(sheets: RunningSheets, api: Caller) -> None:
    one = sheets.create("One", {"T": [["a", 1]]})
    copy = api.call("POST", f"/drive/v3/files/{one}/copy", {"name": "Copy"})
    api.call("PATCH", f"/drive/v3/files/{one}", {"name": "Renamed"})
    assert sheets.tab(copy["id"], "T").entered == [["a", 1]]
    assert api.call("GET", f"/drive/v3/files/{one}", fields="name") == {"name": "Renamed"}


def test_tabs_named_at_creation_replace_the_first_one(api: Caller) -> None:
    made = api.call(
        "POST",
        "/v4/spreadsheets",
        {
            "properties": {"title": "Mine", "timeZone": "Europe/Berlin"},
            "sheets": [{"properties": {"title": "Only"}}],
        },
        fields="spreadsheetId,properties(title,timeZone),sheets.properties.title",
    )
    api.book = made.pop("spreadsheetId")
    assert made == {
        "properties": {"title": "Mine", "timeZone": "Europe/Berlin"},
        "sheets": [{"properties": {"title": "Only"}}],
    }


def test_a_new_spreadsheet_can_come_with_cells(api: Caller) -> None:
    cell = {"userEnteredValue": {"numberValue": 1.5}, "userEnteredFormat": {"textFormat": {"bold": True}}}
    data: list[dict[str, object]] = [{"startRow": 1, "startColumn": 1, "rowData": [{"values": [cell]}]}]
    small = {"title": "T", "gridProperties": {"rowCount": 2, "columnCount": 2}}
    api.book = api.call("POST", "/v4/spreadsheets", {"sheets": [{"properties": small, "data": data}]})[
        "spreadsheetId"
    ]
    assert api.values("T") == [[], ["", "1.5"]]
    data[0]["startColumn"] = 2
    text = r"Invalid sheets\[0\]\.data\[0\]: Attempting to write column: 2, beyond the last requested column of: 1"
    with pytest.raises(Refused, match=text):
        api.call("POST", "/v4/spreadsheets", {"sheets": [{"properties": small, "data": data}]})


def test_a_file_can_be_exported_as_csv(sheets: RunningSheets, api: Caller) -> None:
    one = sheets.create(tabs={"T": [["a1", "B2"], [1.5, True]]})
    answer = api.session.get(
        f"{sheets.url}/drive/v3/files/{one}/export", params={"mimeType": "text/csv"}, timeout=5
    )
    assert answer.text == "a1,B2\r\n1.5,TRUE"


def test_a_field_mask_keeps_empty_messages_on_the_way(sheets: RunningSheets, api: Caller) -> None:
    api.book = sheets.create(tabs={"T": [], "Two words": []})
    assert api.get(ranges="'Two words'", fields="sheets.data.rowData.values.note") == {
        "sheets": [{"data": [{}]}]
    }
    with sheets.edit(api.book) as user:
        note = {"rows": [{"values": [{"note": "here"}]}], "fields": "note"}
        sheet_id = user.tab("Two words").id
        user.do({"updateCells": {**note, "start": {"sheetId": sheet_id, "rowIndex": 0, "columnIndex": 0}}})
        user.do({"updateCells": {**note, "start": {"sheetId": sheet_id, "rowIndex": 2, "columnIndex": 1}}})
    data = api.get(ranges="'Two words'", fields="sheets.data.rowData.values.note")["sheets"][0]["data"][0]
    assert data == {"rowData": [{"values": [{"note": "here"}]}, {}, {"values": [{}, {"note": "here"}]}]}


def test_a_basic_filter_hides_rows_from_the_screen_only(sheets: RunningSheets, api: Caller) -> None:
    api.book = sheets.create(tabs={"T": [["coin"], ["BTC"], ["ETH"]]})
    with sheets.edit(api.book) as user:
        user.filter("T", "A", ["BTC"])
    assert api.values("T") == [["coin"], ["BTC"], ["ETH"]]
    rows = api.get(ranges="T!A1:A3", fields="sheets.data.rowMetadata.hiddenByFilter")["sheets"][0]["data"][0]
    assert rows == {"rowMetadata": [{}, {"hiddenByFilter": True}, {}]}


def test_the_sheet_of_a_range_is_left_out_for_the_tab_with_id_zero(
    sheets: RunningSheets, api: Caller
) -> None:
    api.book = sheets.create(tabs={"T": []})
    area = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 2, "startColumnIndex": 0, "endColumnIndex": 2}
    reply = api.batch({"addProtectedRange": {"protectedRange": {"range": area, "warningOnly": True}}})[
        "replies"
    ][0]
    shown = reply["addProtectedRange"]["protectedRange"]
    del area["sheetId"]
    assert shown.pop("protectedRangeId") > 0
    assert shown == {"range": area, "warningOnly": True, "requestingUserCanEdit": True, "editors": {}}
