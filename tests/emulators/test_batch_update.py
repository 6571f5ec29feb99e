"""spreadsheets.batchUpdate: validated first, all or nothing, replies in the order of the requests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.caller import Caller, Json, Refused
from tests.emulators.google_sheets import RunningSheets, start
from tests.emulators.sheets.model import Switches


@pytest.fixture
def tab(sheets: RunningSheets, api: Caller) -> int:
    api.book = sheets.create(tabs={"T": [["id", "price"], ["a", 1], ["b", 2]]}, size=(10, 4))
    return 0


def texts(*rows: list[str]) -> list[Json]:
    return [{"values": [{"userEnteredValue": {"stringValue": text}} for text in row]} for row in rows]


def append(*rows: list[str]) -> Json:
    return {"appendCells": {"sheetId": 0, "rows": texts(*rows), "fields": "userEnteredValue"}}


@pytest.mark.usefixtures("tab")
def test_one_bad_request_undoes_the_whole_batch_and_is_named(api: Caller) -> None:
    with pytest.raises(Refused) as refused:
        api.batch(append(["c"]), {"deleteSheet": {"sheetId": 77}}, append(["d"]))
    assert refused.value.message == "Invalid requests[1].deleteSheet: No sheet with id: 77"
    assert api.values("T!A1:A") == [["id"], ["a"], ["b"]]


@pytest.mark.usefixtures("tab")
def test_replies_mirror_the_requests(api: Caller) -> None:
    replies = api.batch(
        append(["c"]), {"addSheet": {"properties": {"title": "New", "sheetId": 5}}}, append(["d"])
    )
    assert [list(reply) for reply in replies["replies"]] == [[], ["addSheet"], []]
    assert replies["replies"][1]["addSheet"]["properties"] == {
        "sheetId": 5,
        "title": "New",
        "index": 1,
        "sheetType": "GRID",
        "gridProperties": {"rowCount": 1000, "columnCount": 26},
    }


UNKNOWN = "Invalid JSON payload received. Unknown name \"sheetid\" at 'requests[0].append_cells': Cannot find field."
NOT_A_NUMBER = "Invalid value at 'requests[0].update_cells.range.start_row_index' (TYPE_INT32), \"x\""
NOT_ONE_OF = (
    "Invalid value at 'requests[0].insert_dimension.range.dimension' "
    '(type.googleapis.com/google.apps.sheets.v4.Dimension), "ROW"'
)


@pytest.mark.usefixtures("tab")
@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"appendCells": {"sheetid": 0}}, UNKNOWN),
        ({"updateCells": {"range": {"startRowIndex": "x"}}}, NOT_A_NUMBER),
        ({"insertDimension": {"range": {"dimension": "ROW"}}}, NOT_ONE_OF),
    ],
)
def test_what_the_schema_does_not_know_is_refused_by_its_path(
    api: Caller, request_: Json, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        api.batch(request_)
    assert refused.value.message == message
    assert refused.value.error["status"] == "INVALID_ARGUMENT"
    assert refused.value.error["details"][0]["fieldViolations"][0]["description"] == message


@pytest.mark.usefixtures("tab")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (None, "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)"),
        ("userEnteredValue,colour", "Invalid field: colour"),
    ],
)
def test_an_update_needs_a_mask_of_known_fields(api: Caller, fields: str | None, message: str) -> None:
    with pytest.raises(Refused) as refused:
        api.batch({"appendCells": {"sheetId": 0, "rows": texts(["x"]), "fields": fields}})
    assert refused.value.message == f"Invalid requests[0].appendCells: {message}"


@pytest.mark.usefixtures("tab")
def test_appended_rows_follow_the_last_row_with_data_and_grow_the_grid(
    sheets: RunningSheets, api: Caller
) -> None:
    api.batch(append(*[[f"r{number}"] for number in range(9)]))
    assert [row[0] for row in api.values("T!A3:A")] == ["b", *[f"r{number}" for number in range(9)]]
    assert sheets.book(api.book).sheets[0].grid.row_count == 12


@pytest.mark.usefixtures("tab")
def test_appended_rows_add_no_columns(api: Caller) -> None:
    with pytest.raises(
        Refused, match=r"Attempting to write column: 4, beyond the last requested column of: 3"
    ):
        api.batch(append(["1", "2", "3", "4", "5"]))


@pytest.mark.usefixtures("tab")
def test_a_cell_update_touches_the_masked_fields_only(sheets: RunningSheets, api: Caller) -> None:
    with sheets.edit(api.book) as user:
        user.do(
            {
                "updateCells": {
                    "range": _range(1, 2, 1, 2),
                    "rows": [{"values": [{"note": "mine"}]}],
                    "fields": "note",
                }
            }
        )
    new = {"userEnteredValue": {"numberValue": 9}, "userEnteredFormat": {"textFormat": {"bold": True}}}
    start_at = {"sheetId": 0, "rowIndex": 1, "columnIndex": 1}
    api.batch({"updateCells": {"start": start_at, "rows": [{"values": [new]}], "fields": "userEnteredValue"}})
    cell = sheets.tab(api.book, "T").cells["B2"]
    assert (cell.value, cell.note, cell.format) == (9, "mine", None)


def _range(top: int, bottom: int, left: int, right: int) -> Json:
    return {
        "sheetId": 0,
        "startRowIndex": top,
        "endRowIndex": bottom,
        "startColumnIndex": left,
        "endColumnIndex": right,
    }


@pytest.mark.usefixtures("tab")
def test_rows_that_do_not_fill_the_range_clear_the_rest(api: Caller) -> None:
    update = {"range": _range(1, 3, 0, 2), "rows": texts(["only"]), "fields": "userEnteredValue"}
    api.batch({"updateCells": update})
    assert api.values("T") == [["id", "price"], ["only"]]


@pytest.mark.usefixtures("tab")
def test_rows_beyond_the_range_or_the_grid_are_refused(api: Caller) -> None:
    for where in ({"range": _range(1, 2, 0, 2)}, {"start": {"sheetId": 0, "rowIndex": 9, "columnIndex": 0}}):
        with pytest.raises(Refused, match=r"Attempting to write row: .*, beyond the last requested row of: "):
            api.batch({"updateCells": {**where, "rows": texts(["x"], ["y"]), "fields": "userEnteredValue"}})


@pytest.mark.usefixtures("tab")
def test_a_masked_field_that_is_not_given_is_cleared_and_its_neighbours_stay(
    sheets: RunningSheets, api: Caller
) -> None:
    style = {
        "textFormat": {"bold": True, "italic": True},
        "numberFormat": {"type": "NUMBER", "pattern": "0.0"},
    }
    full = {"note": "n", "userEnteredFormat": style}
    api.batch({"repeatCell": {"range": _range(1, 2, 0, 1), "cell": full, "fields": "*"}})
    less = {"userEnteredFormat": {"numberFormat": {"type": "TEXT"}}}
    fields = "note,userEnteredFormat(textFormat.bold,numberFormat)"
    api.batch({"repeatCell": {"range": _range(1, 2, 0, 1), "cell": less, "fields": fields}})
    cell = sheets.tab(api.book, "T").cells["A2"]
    assert (cell.note, cell.format) == (
        None,
        {"textFormat": {"italic": True}, "numberFormat": {"type": "TEXT"}},
    )


@pytest.mark.usefixtures("tab")
def test_text_that_looks_like_a_formula_stays_text(api: Caller) -> None:
    api.batch(append(["=1+1", "+1", "-x", "@y"]))
    data = api.get(ranges="T!A4:D4", fields="sheets.data.rowData.values(userEnteredValue,effectiveValue)")
    cells = data["sheets"][0]["data"][0]["rowData"][0]["values"]
    assert [cell["userEnteredValue"] for cell in cells] == [
        {"stringValue": t} for t in ("=1+1", "+1", "-x", "@y")
    ]
    assert all(cell["userEnteredValue"] == cell["effectiveValue"] for cell in cells)


@pytest.mark.usefixtures("tab")
def test_a_write_answers_with_the_parts_of_the_spreadsheet_asked_for(api: Caller) -> None:
    reply = api.call(
        "POST",
        api.at(":batchUpdate"),
        {
            "requests": [append(["c"])],
            "includeSpreadsheetInResponse": True,
            "responseRanges": ["T!A1:A"],
            "responseIncludeGridData": True,
        },
        fields="updatedSpreadsheet(sheets(data(rowData(values(userEnteredValue)))))",
    )
    rows = reply["updatedSpreadsheet"]["sheets"][0]["data"][0]["rowData"]
    assert reply.keys() == {"updatedSpreadsheet"}
    assert [row["values"][0]["userEnteredValue"]["stringValue"] for row in rows] == ["id", "a", "b", "c"]


@pytest.mark.usefixtures("tab")
@pytest.mark.parametrize(
    ("edges", "name"),
    [
        ({"startRowIndex": 10, "startColumnIndex": 0, "endColumnIndex": 2}, "T!A11:B"),
        ({"startRowIndex": 10, "endRowIndex": 11, "startColumnIndex": 0, "endColumnIndex": 2}, "T!A11:B11"),
        ({"startRowIndex": 0, "endRowIndex": 2, "startColumnIndex": 4}, "T!E1:2"),
    ],
)
def test_a_range_that_starts_outside_the_grid_is_refused(
    api: Caller, edges: dict[str, int], name: str
) -> None:
    repeat = {"range": {"sheetId": 0, **edges}, "cell": {}, "fields": "note"}
    with pytest.raises(Refused) as refused:
        api.batch({"repeatCell": repeat})
    limits = f"Range ({name}) exceeds grid limits. Max rows: 10, max columns: 4"
    assert refused.value.message == f"Invalid requests[0].repeatCell: {limits}"


@pytest.mark.usefixtures("tab")
def test_a_range_that_only_ends_outside_is_taken(sheets: RunningSheets, api: Caller) -> None:
    api.batch({"repeatCell": {"range": _range(8, 40, 0, 1), "cell": {"note": "n"}, "fields": "note"}})
    assert sheets.book(api.book).sheets[0].grid.row_count == 10
    assert {name for name, cell in sheets.tab(api.book, "T").cells.items() if cell.note} == {"A9", "A10"}


@pytest.mark.usefixtures("tab")
def test_a_repeated_formula_counts_its_references_on(api: Caller) -> None:
    formula = {"userEnteredValue": {"formulaValue": "=B2*$B$1+Other!A2"}}
    api.batch({"repeatCell": {"range": _range(1, 3, 2, 3), "cell": formula, "fields": "userEnteredValue"}})
    assert api.values("T!C2:C3", valueRenderOption="FORMULA") == [
        ["=B2*$B$1+Other!A2"],
        ["=B3*$B$1+Other!A3"],
    ]


@pytest.mark.usefixtures("tab")
def test_ten_million_cells_are_the_limit_of_a_workbook(api: Caller) -> None:
    grow = {"sheetId": 0, "gridProperties": {"rowCount": 2_500_001}}
    with pytest.raises(Refused, match="number of cells in the workbook above the limit of 10000000 cells"):
        api.batch({"updateSheetProperties": {"properties": grow, "fields": "gridProperties.rowCount"}})


@pytest.mark.usefixtures("tab")
def test_a_title_that_is_taken_is_refused(api: Caller) -> None:
    with pytest.raises(Refused) as refused:
        api.batch({"addSheet": {"properties": {"title": "t"}}})
    text = 'A sheet with the name "t" already exists. Please enter another name.'
    assert refused.value.message == f"Invalid requests[0].addSheet: {text}"


@pytest.mark.usefixtures("tab")
def test_a_request_that_is_not_emulated_says_so(api: Caller) -> None:
    with pytest.raises(Refused, match=r"does not know requests\[0\]\.addSlicer") as refused:
        api.batch({"addSlicer": {}})
    assert refused.value.code == 501


@pytest.mark.parametrize(("counts", "place"), [(False, "A3"), (True, "A6")])
def test_whether_formats_count_as_data_for_appended_rows_is_a_switch(counts: bool, place: str) -> None:
    with start(switches=Switches(formats_count_as_data=counts)) as running, Caller(running) as api:
        api.book = running.create(tabs={"T": [["id"], ["a"]]})
        bold = {"userEnteredFormat": {"textFormat": {"bold": True}}}
        api.batch({"repeatCell": {"range": _range(0, 5, 0, 1), "cell": bold, "fields": "userEnteredFormat"}})
        api.batch(append(["new"]))
        assert running.tab(api.book, "T").cells[place].value == "new"


def rule(**extra: Any) -> Json:
    condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": "=$B2>1"}]}
    return {
        "ranges": [{"sheetId": 0, "startRowIndex": 1, "endRowIndex": 9}],
        "booleanRule": {"condition": condition, "format": {"backgroundColor": {"red": 1}}},
        **extra,
    }


@pytest.mark.usefixtures("tab")
def test_everything_a_template_puts_on_a_tab_is_kept_and_shown(api: Caller) -> None:
    area = _range(0, 10, 0, 4)
    chart = {
        "spec": {
            "title": "P",
            "basicChart": {
                "chartType": "LINE",
                "series": [{"series": {"sourceRange": {"sources": [_range(0, 10, 1, 2)]}}}],
            },
        },
        "position": {"overlayPosition": {"anchorCell": {"sheetId": 0, "rowIndex": 2, "columnIndex": 3}}},
    }
    api.batch(
        {"addConditionalFormatRule": {"rule": rule(), "index": 0}},
        {"setBasicFilter": {"filter": {"range": area}}},
        {"addNamedRange": {"namedRange": {"name": "prices", "range": _range(1, 10, 1, 2)}}},
        {
            "addProtectedRange": {
                "protectedRange": {"range": area, "warningOnly": True, "description": "sync"}
            }
        },
        {"addBanding": {"bandedRange": {"range": area, "rowProperties": {"firstBandColor": {"red": 1}}}}},
        {"mergeCells": {"range": _range(4, 5, 0, 2), "mergeType": "MERGE_ALL"}},
        {"addChart": {"chart": chart}},
        {
            "setDataValidation": {
                "range": _range(1, 9, 3, 4),
                "rule": {"condition": {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "x"}]}},
            }
        },
        {"updateBorders": {"range": _range(0, 1, 0, 4), "bottom": {"style": "SOLID", "color": {"red": 1}}}},
        {
            "updateDimensionProperties": {
                "range": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1},
                "properties": {"pixelSize": 222},
                "fields": "pixelSize",
            }
        },
    )
    tab = api.get(includeGridData=True)["sheets"][0]
    assert {
        "conditionalFormats",
        "basicFilter",
        "protectedRanges",
        "bandedRanges",
        "merges",
        "charts",
        "data",
    } <= tab.keys()
    assert tab["data"][0]["columnMetadata"][0] == {"pixelSize": 222}
    assert tab["data"][0]["rowData"][2]["values"][3]["dataValidation"]["condition"]["type"] == "ONE_OF_LIST"
    header = tab["data"][0]["rowData"][0]["values"][0]["userEnteredFormat"]["borders"]
    assert header["bottom"]["colorStyle"] == {"rgbColor": {"red": 1}}
    assert "sheetId" not in tab["merges"][0]
