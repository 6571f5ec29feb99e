"""What nobody has seen Google do, asked one by one; each answer is a line of a page that a person can send us.

Everything happens in a tab made for it, which is deleted at the end, and so is all metadata left on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp

Json = dict[str, Any]

TAB = 77_001_301
_COPY = TAB + 1
_ID = 1_077_001_301
_TITLE = "cqs live"
_COLUMNS = (
    "sheets(properties(sheetId),data(startRow,startColumn,columnMetadata(developerMetadata(metadataKey))))"
)
_BLOCKS = "sheets(properties(sheetId),data(startRow,startColumn,rowData(values(effectiveValue))))"
_RULES = "sheets(properties(sheetId),conditionalFormats(ranges),merges)"
_TABLES = "sheets(properties(sheetId),tables(tableId,range))"


@dataclass(frozen=True, slots=True)
class Bench:
    """One spreadsheet with a tab of ten rows and six columns to try things on."""

    http: SheetsHttp
    book: str

    def do(self, *requests: Json, **more: Any) -> Json:
        """Carry out a batch. Raises failures.Refused."""
        body = {"requests": list(requests), **more}
        fields = f"updatedSpreadsheet({_BLOCKS})" if more else "spreadsheetId"
        return self.http.write(f"{self.book}:batchUpdate", fields=fields, body=body, name=self.book)

    def tries(self, *requests: Json) -> str:
        """ "accepted", or Google's words."""
        try:
            self.do(*requests)
        except failures.Refused as error:
            return f"refused: {error}"
        return "accepted"

    def look(self, fields: str, *filters: Json) -> list[Json]:
        """What is shown of the tab. Raises failures.Refused."""
        body = {"dataFilters": list(filters) or [{"gridRange": {"sheetId": TAB}}]}
        answer = self.http.ask(f"{self.book}:getByDataFilter", fields=fields, body=body, name=self.book)
        return [sheet for sheet in answer.get("sheets", []) if sheet["properties"].get("sheetId", 0) == TAB]

    def found(self, key: str) -> list[Json]:
        """All metadata of one key, as a search finds it."""
        path, body = f"{self.book}/developerMetadata:search", {"dataFilters": [_lookup(key)]}
        answer = self.http.ask(path, fields="matchedDeveloperMetadata", body=body, name=self.book)
        return [each["developerMetadata"] for each in answer.get("matchedDeveloperMetadata", [])]


@contextmanager
def bench(http: SheetsHttp, book: str) -> Iterator[Bench]:
    """A tab to try things on; nothing of it is left."""
    made = Bench(http, book)
    grid = {"rowCount": 10, "columnCount": 6}
    rows = [{"values": [_text(f"{column}{row}") for column in "abc"]} for row in range(1, 5)]
    start = {"sheetId": TAB, "rowIndex": 0, "columnIndex": 0}
    made.do(
        {"addSheet": {"properties": {"sheetId": TAB, "title": _TITLE, "gridProperties": grid}}},
        {"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}},
    )
    try:
        yield made
    finally:
        made.tries({"deleteSheet": {"sheetId": _COPY}})
        made.do({"deleteSheet": {"sheetId": TAB}}, *(_delete(key) for key in ("cqs.live.own", "cqs.live.a")))


def _text(text: str) -> Json:
    return {"userEnteredValue": {"stringValue": text}}


def _lookup(key: str) -> Json:
    return {"developerMetadataLookup": {"metadataKey": key}}


def _delete(key: str) -> Json:
    return {"deleteDeveloperMetadata": {"dataFilter": _lookup(key)}}


def _mark(key: str, axis: str = "COLUMNS", index: int = 0, **more: Any) -> Json:
    span = {"sheetId": TAB, "dimension": axis, "startIndex": index, "endIndex": index + 1}
    entry = {"metadataKey": key, "location": {"dimensionRange": span}, "visibility": "DOCUMENT", **more}
    return {"createDeveloperMetadata": {"developerMetadata": entry}}


def _area(top: int, bottom: int, left: int, right: int) -> Json:
    rows = {"startRowIndex": top, "endRowIndex": bottom}
    return {"sheetId": TAB, **rows, "startColumnIndex": left, "endColumnIndex": right}


def other_metadata(on: Bench) -> str:
    """U1: a lookup of one key also shows the other metadata of the column"""
    on.do(_mark("cqs.live.a"), _mark("cqs.live.b"))
    (sheet,) = on.look(_COLUMNS, _lookup("cqs.live.a"))
    columns = [each for block in sheet.get("data", []) for each in block.get("columnMetadata", [])]
    keys = {entry["metadataKey"] for column in columns for entry in column.get("developerMetadata", [])}
    return "yes" if keys == {"cqs.live.a", "cqs.live.b"} else f"no: {sorted(keys)}"


def own_metadata(on: Bench) -> str:
    """U1: such a lookup also shows the metadata of the spreadsheet itself"""
    entry = {"metadataKey": "cqs.live.own", "location": {"spreadsheet": True}, "visibility": "DOCUMENT"}
    on.do(_mark("cqs.live.a"), {"createDeveloperMetadata": {"developerMetadata": entry}})
    body = {"dataFilters": [_lookup("cqs.live.a")]}
    path, fields = f"{on.book}:getByDataFilter", "developerMetadata(metadataKey)"
    answer = on.http.ask(path, fields=fields, body=body, name=on.book)
    return "yes" if answer.get("developerMetadata") else "no"


def nothing_found(on: Bench) -> str:
    """U1: a lookup that finds nothing is accepted"""
    try:
        on.look(_COLUMNS, _lookup("cqs.live.nobody"))
    except failures.Refused as error:
        return f"no: {error}"
    return "yes"


def same_id(on: Bench) -> str:
    """U2: an id of metadata may return within the batch that deletes it"""
    on.do(_mark("cqs.live.a", metadataId=_ID))
    there = {"metadataId": _ID}
    gone = {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": there}}}
    said = on.tries(gone, _mark("cqs.live.a", metadataId=_ID))
    return "yes" if said == "accepted" else f"no: {said}"


def answers(on: Bench) -> str:
    """U3: a write's answer has data for every range it was asked for"""
    ranges = [f"'{_TITLE}'!{cell}" for cell in ("A1", "B2", "C3")]
    note = {"updateCells": {"range": _area(5, 6, 5, 6), "fields": "note"}}
    answer = on.do(note, includeSpreadsheetInResponse=True, responseRanges=ranges)
    sheets = answer.get("updatedSpreadsheet", {}).get("sheets", [])
    blocks = [block for sheet in sheets for block in sheet.get("data", []) if block.get("rowData")]
    return "yes" if len(blocks) == len(ranges) else f"no: {len(blocks)} of {len(ranges)}"


def blocks(on: Bench) -> str:
    """U4: each lookup gets a block of cells of its own"""
    on.do(_mark("cqs.live.a", index=1), _mark("cqs.live.b", "ROWS", 2))
    (sheet,) = on.look(_BLOCKS, _lookup("cqs.live.a"), _lookup("cqs.live.b"))
    corners = [(block.get("startRow", 0), block.get("startColumn", 0)) for block in sheet.get("data", [])]
    return "yes" if sorted(corners) == [(0, 1), (2, 0)] else f"no: {corners}"


def duplicates(on: Bench) -> str:
    """U5: a duplicated tab carries the metadata of the original"""
    on.do(_mark("cqs.live.a", metadataId=_ID))
    on.do({"duplicateSheet": {"sourceSheetId": TAB, "newSheetId": _COPY, "newSheetName": f"{_TITLE} copy"}})
    found = on.found("cqs.live.a")
    same = len({entry["metadataId"] for entry in found}) < len(found)
    return "no" if len(found) == 1 else f"yes, under {'the same id' if same else 'ids of its own'}"


def piled_rules(on: Bench) -> str:
    """U6: a normal paste adds conditional formats"""
    condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": "=TRUE"}]}
    rule = {
        "ranges": [_area(0, 2, 0, 1)],
        "booleanRule": {"condition": condition, "format": {"textFormat": {"bold": True}}},
    }
    on.do({"addConditionalFormatRule": {"rule": rule, "index": 0}})
    on.do({"copyPaste": {"source": _area(0, 1, 0, 1), "destination": _area(6, 7, 3, 4)}})
    (sheet,) = on.look(_RULES)
    ranges = [len(each["ranges"]) for each in sheet.get("conditionalFormats", [])]
    return "no" if ranges == [1] else f"yes: ranges of the rules {ranges}"


def pasted_constants(on: Bench) -> str:
    """U6: pasting formulas pastes cells without one, too"""
    copy = {"source": _area(0, 1, 0, 1), "destination": _area(7, 8, 3, 4), "pasteType": "PASTE_FORMULA"}
    on.do({"copyPaste": copy})
    (sheet,) = on.look(_BLOCKS, {"gridRange": _area(7, 8, 3, 4)})
    cells = [
        cell
        for block in sheet.get("data", [])
        for row in block.get("rowData", [])
        for cell in row.get("values", [])
    ]
    return "yes" if any(cell.get("effectiveValue") for cell in cells) else "no"


def cut_merges(on: Bench) -> str:
    """U6: a copy that cuts a merge is accepted"""
    on.do({"mergeCells": {"range": _area(1, 3, 1, 2), "mergeType": "MERGE_ALL"}})
    copy = {"source": _area(1, 2, 0, 3), "destination": _area(8, 9, 0, 3), "pasteType": "PASTE_FORMULA"}
    said = on.tries({"copyPaste": copy})
    return "yes" if said == "accepted" else f"no: {said}"


def _grown(on: Bench, *requests: Json) -> int:
    """The rows of a table of four once requests were carried out."""
    table = {"name": "cqs_live", "range": _area(0, 4, 0, 3), "tableId": "cqslive"}
    on.do({"addTable": {"table": {key: each for key, each in table.items() if key != "tableId"}}})
    (sheet,) = on.look(_TABLES)
    (made,) = sheet["tables"]
    try:
        on.do(*requests)
        (sheet,) = on.look(_TABLES)
        (now,) = sheet["tables"]
        return int(now["range"]["endRowIndex"]) - int(now["range"].get("startRowIndex", 0))
    finally:
        on.do({"deleteTable": {"tableId": made["tableId"]}})


def _row(index: int) -> Json:
    span = {"sheetId": TAB, "dimension": "ROWS", "startIndex": index, "endIndex": index + 1}
    return {"insertDimension": {"range": span, "inheritFromBefore": True}}


def table_end(on: Bench) -> str:
    """Tables: a row inserted right below one becomes part of it"""
    return "yes" if _grown(on, _row(4)) == 5 else "no"


def table_inside(on: Bench) -> str:
    """Tables: a row inserted inside one becomes part of it"""
    return "yes" if _grown(on, _row(2)) == 5 else "no"


def typed_columns(on: Bench) -> str:
    """Tables: columns can have types, and choices"""
    values = [{"userEnteredValue": choice} for choice in ("one", "two")]
    dropdown = {"condition": {"type": "ONE_OF_LIST", "values": values}}
    columns = [
        {"columnIndex": 0, "columnName": "a1", "columnType": "DOUBLE"},
        {"columnIndex": 1, "columnName": "b1", "columnType": "DROPDOWN", "dataValidationRule": dropdown},
        {"columnIndex": 2, "columnName": "c1"},
    ]
    table = {"name": "cqs_live_typed", "range": _area(0, 4, 0, 3), "columnProperties": columns}
    said = on.tries({"addTable": {"table": table}})
    return "yes" if said == "accepted" else f"no: {said}"


UNKNOWNS: tuple[Callable[[Bench], str], ...] = (
    other_metadata, own_metadata, nothing_found, same_id, answers, blocks, duplicates, piled_rules,
    pasted_constants, cut_merges, table_end, table_inside, typed_columns,
)  # fmt: skip

_BY_HAND = (
    "By hand, please (the sync may not do it): File > Make a copy, and File > Download > .xlsx uploaded again"
    " as a Google Sheet; then run `cqs-sheets doctor --to` each copy's address and send what it says."
)


def asked(http: SheetsHttp, book: str) -> dict[str, str]:
    """Google's answer to every question."""
    said = {}
    for ask in UNKNOWNS:
        with bench(http, book) as made:
            try:
                answer = ask(made)
            except failures.Refused as error:
                answer = f"could not be asked: {error}"
        said[str(ask.__doc__).strip()] = answer
    return said


def page(said: dict[str, str]) -> str:
    """The answers as a page to send."""
    lines = [f"{question}: {answer}" for question, answer in said.items()]
    return "\n".join(["", "What Google does (please send us this page):", *lines, _BY_HAND, ""])
