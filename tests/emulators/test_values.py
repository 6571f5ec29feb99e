"""The values collection, as recorded against the real service or stated by its documents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.caller import Caller, Refused
from tests.emulators.google_sheets import RunningSheets


@pytest.fixture
def book(sheets: RunningSheets, api: Caller) -> str:
    api.book = sheets.create()
    return api.book


@pytest.mark.usefixtures("book")
def test_a_read_leaves_out_trailing_empties_and_keeps_an_inner_empty_row(api: Caller) -> None:
    reply = api.write(
        "Sheet1!A1", [["A1", "B1", "", "D1"], ["", "b2", "", ""], ["", "", "", ""], ["A4", "", "", "D4"]]
    )
    assert reply == {
        "spreadsheetId": api.book,
        "updatedRange": "Sheet1!A1:D4",
        "updatedRows": 4,
        "updatedColumns": 4,
        "updatedCells": 16,
    }
    assert api.values("Sheet1") == [["A1", "B1", "", "D1"], ["", "b2"], [], ["A4", "", "", "D4"]]


@pytest.mark.usefixtures("book")
def test_an_empty_range_has_no_values_key_and_tells_its_full_extent(api: Caller) -> None:
    assert api.call("GET", api.at("/values/Sheet1")) == {"range": "Sheet1!A1:Z1000", "majorDimension": "ROWS"}
    assert api.call("GET", api.at("/values/Sheet1!D4"))["range"] == "Sheet1!D4"


@pytest.mark.usefixtures("book")
def test_null_leaves_a_cell_alone_and_an_empty_text_empties_it(api: Caller) -> None:
    api.write("A1:B2", [["old", "old"], ["old", "old"]])
    reply = api.write("A1:B2", [[None, "new"], ["", None]])
    assert (reply["updatedRange"], reply["updatedCells"]) == ("Sheet1!A1:B2", 2)
    assert api.values("Sheet1") == [["old", "new"], ["", "old"]]


@pytest.mark.usefixtures("book")
def test_append_starts_under_the_last_island_of_the_last_row(api: Caller) -> None:
    first = api.append("Sheet1", [["x", "", "z"]])
    assert "tableRange" not in first
    second = api.append("Sheet1", [["x", "", "z"]])
    assert second["tableRange"] == "Sheet1!C1"
    assert second["updates"]["updatedRange"] == "Sheet1!C2:E2"


@pytest.mark.usefixtures("book")
def test_append_at_a_cell_writes_under_the_block_that_holds_it(api: Caller) -> None:
    api.write("A1", [["a", 1], ["b", 2], ["c", 3], ["", ""], ["", ""], ["f", 6], ["g", 7]])
    assert api.append("A1", [["new", 9]])["updates"]["updatedRange"] == "Sheet1!A4:B4"
    assert api.append("A6", [["new", 9]])["updates"]["updatedRange"] == "Sheet1!A8:B8"


@pytest.mark.usefixtures("book")
def test_append_with_insert_rows_pushes_what_stands_below(api: Caller) -> None:
    api.write("A1", [["a"], [""], [""], ["below"]])
    api.append("A1", [["b"], ["c"]], insertDataOption="INSERT_ROWS")
    assert api.values("Sheet1") == [["a"], ["b"], ["c"], [], [], ["below"]]


@pytest.mark.usefixtures("book")
def test_append_at_the_end_of_the_grid_adds_rows(api: Caller) -> None:
    api.write("A1000", [["last"]])
    assert api.append("A1000", [["more"]])["updates"]["updatedRange"] == "Sheet1!A1001"
    assert api.get(fields="sheets.properties.gridProperties.rowCount")["sheets"][0]["properties"] == {
        "gridProperties": {"rowCount": 1001}
    }


@pytest.mark.usefixtures("book")
def test_raw_keeps_text_and_user_entered_reads_it(api: Caller) -> None:
    texts = ["007", "=1+2", "TRUE", "'0123", "2026-09-05", "$100.15", "7e30", "-x"]
    api.write("A1", [texts])
    assert api.values("A1:H1", valueRenderOption="UNFORMATTED_VALUE") == [texts]
    api.write("A2", [texts], "USER_ENTERED")
    shown = api.values("A2:H2", valueRenderOption="UNFORMATTED_VALUE")[0]
    assert shown[:7] == [7, 3, True, "0123", 46270, 100.15, 7e30]
    assert api.values("A2:H2", valueRenderOption="FORMULA")[0][1::6] == ["=1+2", "=-x"]
    assert api.values("E2:F2") == [["2026-09-05", "$100.15"]]


def test_user_entered_text_is_read_in_the_locale(sheets: RunningSheets, api: Caller) -> None:
    api.book = sheets.create(locale="de_DE")
    api.write("A1", [["1,5", "1.5", "03.04.2026"]], "USER_ENTERED")
    shown = api.values("A1:C1", valueRenderOption="UNFORMATTED_VALUE")[0]
    assert (shown[0], shown[2]) == (1.5, 46115)
    assert api.values("A1") == [["1,5"]]


@pytest.mark.usefixtures("book")
def test_a_number_keeps_fifteen_digits_not_seventeen(api: Caller) -> None:
    api.write("A1", [[12345678901234567]])
    assert api.values("A1", valueRenderOption="UNFORMATTED_VALUE") == [[12345678901234568]]


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize(
    ("where", "rows", "message"),
    [
        ("AA1", [["x"]], "Range (Sheet1!AA1) exceeds grid limits. Max rows: 1000, max columns: 26"),
        (
            "A1:B2",
            [["x", "x", "x"]],
            "Requested writing within range [A1:B2], but tried writing to column [C]",
        ),
        (
            "'Sheet1'!A1:B2",
            [["x"]] * 3,
            "Requested writing within range ['Sheet1'!A1:B2], but tried writing to row [3]",
        ),
        ("Nowhere!A1", [["x"]], "Unable to parse range: Nowhere!A1"),
        (
            "A1",
            [["x" * 50_001]],
            "Your input contains more than the maximum of 50000 characters in a single cell.",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_the_services_words(
    api: Caller, where: str, rows: list[list[Any]], message: str
) -> None:
    with pytest.raises(Refused) as refused:
        api.write(where, rows)
    assert (refused.value.code, refused.value.message) == (400, message)
    assert api.values("Sheet1") == []


@pytest.mark.usefixtures("book")
def test_fifty_thousand_characters_still_fit(api: Caller) -> None:
    api.write("A1", [["x" * 50_000]])
    assert len(api.values("A1")[0][0]) == 50_000


@pytest.mark.usefixtures("book")
def test_a_read_that_ends_outside_is_clipped_and_one_that_starts_outside_refused(api: Caller) -> None:
    assert api.call("GET", api.at("/values/A999:ZZ"))["range"] == "Sheet1!A999:Z1000"
    with pytest.raises(Refused, match="exceeds grid limits"):
        api.values("A1001:B")


@pytest.mark.usefixtures("book")
def test_a_batch_update_is_all_or_nothing(api: Caller) -> None:
    data = [{"range": "A1", "values": [["x"]]}, {"range": "ZZ1", "values": [["y"]]}]
    with pytest.raises(Refused):
        api.call("POST", api.at("/values:batchUpdate"), {"valueInputOption": "RAW", "data": data})
    assert api.values("Sheet1") == []


@pytest.mark.usefixtures("book")
def test_a_batch_counts_rows_and_columns_once(api: Caller) -> None:
    data = [
        {"range": "A1:D1", "values": [["A", "B", "", "D"]]},
        {"range": "A4:D4", "values": [["A", "B", "", "D"]]},
    ]
    reply = api.call("POST", api.at("/values:batchUpdate"), {"valueInputOption": "RAW", "data": data})
    counts = {key: count for key, count in reply.items() if key.startswith("total")}
    assert counts == {
        "totalUpdatedRows": 2,
        "totalUpdatedColumns": 4,
        "totalUpdatedCells": 8,
        "totalUpdatedSheets": 1,
    }


@pytest.mark.usefixtures("book")
def test_clearing_leaves_the_formats(sheets: RunningSheets, api: Caller) -> None:
    api.write("A1", [["2026-09-05"]], "USER_ENTERED")
    assert api.call("POST", api.at("/values/Sheet1!A1:clear"))["clearedRange"] == "Sheet1!A1"
    assert api.values("Sheet1") == []
    assert sheets.tab(api.book, "Sheet1").formats["A1"]["numberFormat"] == {
        "type": "DATE",
        "pattern": "yyyy-mm-dd",
    }


@pytest.mark.usefixtures("book")
def test_columns_first_and_dates_as_text_on_request(api: Caller) -> None:
    api.write("A1", [["a", "2026-01-02"], ["b"]], "USER_ENTERED")
    assert api.values("Sheet1", majorDimension="COLUMNS") == [["a", "b"], ["2026-01-02"]]
    look = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"}
    assert api.values("B1", **look) == [["2026-01-02"]]
    assert api.values("B1", valueRenderOption="UNFORMATTED_VALUE") == [[46024]]
