"""The first read: one request that shows where everything stands, and all keys.

Only the key column, the header row and the metadata of columns cross the wire: about 55 bytes a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cqs_sheets.core.cells import CellValue, key_text
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.cells import decode_extended
from cqs_sheets.destinations.google.read.filters import FILTER, settable
from cqs_sheets.destinations.google.read.layout import Cell, Claim, Layout, Scratch, TabPlace
from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp

Json = dict[str, Any]

CELLS = (
    "data(startRow,startColumn,rowData(values(effectiveValue)),"
    "columnMetadata(developerMetadata(metadataId,metadataKey,metadataValue)))"
)
SHEETS = f"sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),{FILTER},{CELLS})"
NAMES = "namedRanges(name,range)"
_OWN = "developerMetadata(metadataId,metadataKey,metadataValue)"
_FIELDS = f"{_OWN},{NAMES},{SHEETS}"
_FILTERS = [marks.lookup(key) for key in (marks.KEY, marks.HEADER, marks.SCRATCH)]
_ALWAYS_THERE = 2  # of those, once we have written


def look(http: SheetsHttp, spreadsheet_id: str) -> Layout:
    """The spreadsheet as it stands now, empty if none of our marks is there. Raises CqsError.

    That Google answers where a lookup finds nothing is nowhere promised: refused, it is asked for less.
    Nor is that it shows the spreadsheet's own metadata along with what lies on columns: then it is asked again.
    """
    path = f"{spreadsheet_id}:getByDataFilter"
    for filters in (_FILTERS, _FILTERS[:_ALWAYS_THERE]):
        try:
            answer = http.ask(path, fields=_FIELDS, body={"dataFilters": filters}, name=spreadsheet_id)
        except failures.Refused:
            continue
        if "developerMetadata" not in answer and answer.get("sheets"):
            answer |= http.read(spreadsheet_id, fields=_OWN, name=spreadsheet_id)
        return read_layout(answer)
    return Layout()


def read_layout(answer: Json) -> Layout:
    """The layout in an answer to `look`."""
    claims: dict[str, tuple[Claim, ...]] = {}
    values: dict[Cell, CellValue] = {}
    scratch: Scratch | None = None
    for sheet in answer.get("sheets", []):
        if _marked(sheet, marks.SCRATCH):
            scratch = _scratch(sheet)
            continue
        name, claim = _tab(sheet)
        if claim:
            claims[name] = (*claims.get(name, ()), claim)
        values |= dict(_column_values(sheet))
    entries = answer.get("developerMetadata", [])
    records = (entry.get("metadataValue", "") for entry in entries if entry["metadataKey"] == marks.RECORD)
    return Layout(
        marks=marks.read_marks(entries),
        record=next(records, ""),
        claims=claims,
        names=dict(read_names(answer)),
        values=values,
        scratch=scratch,
    )


def read_names(answer: Json) -> Iterator[tuple[str, Cell]]:
    """The named ranges of a spreadsheet, each by its first cell; names in lower case."""
    for named in answer.get("namedRanges", []):
        span = named.get("range", {})
        row, column = span.get("startRowIndex", 0), span.get("startColumnIndex", 0)
        yield named["name"].lower(), Cell(sheet_id=span.get("sheetId", 0), row=row, column=column)


def _bound_columns(block: Json) -> dict[str, tuple[int, int]]:
    """What lies on the columns of a block of cells: "<tab>.<column id>" -> column, id of the metadata."""
    found: dict[str, tuple[int, int]] = {}
    for at, column in enumerate(block.get("columnMetadata", []), start=block.get("startColumn", 0)):
        for entry in column.get("developerMetadata", []):
            if entry["metadataKey"] == marks.COLUMN:
                found.setdefault(entry.get("metadataValue", ""), (at, int(entry["metadataId"])))
    return found


def _marked(block_or_sheet: Json, key: str) -> str | None:
    """The value of our mark `key` on the only column of a block, or of any such block of a sheet."""
    for block in block_or_sheet.get("data", [block_or_sheet]):
        columns = block.get("columnMetadata", [])
        for entry in columns[0].get("developerMetadata", []) if len(columns) == 1 else ():
            if entry["metadataKey"] == key:
                return str(entry.get("metadataValue", ""))
    return None


def _scratch(sheet: Json) -> Scratch:
    properties = sheet["properties"]
    grid = properties["gridProperties"]
    rows = (row for block in sheet.get("data", []) for row in block.get("rowData", []) if row.get("values"))
    texts = (decode_extended(row["values"][0]) for row in rows)
    return Scratch(
        notes=tuple(text for text in texts if isinstance(text, str)),
        sheet_id=properties.get("sheetId", 0),
        title=properties["title"],
        row_count=grid["rowCount"],
        column_count=grid["columnCount"],
    )


def _tab(sheet: Json) -> tuple[str, Claim | None]:
    """A table tab's name and what it claims; None for a tab of another kind."""
    keys = [block for block in sheet.get("data", []) if _marked(block, marks.KEY)]
    headers = [block for block in sheet.get("data", []) if not _marked(block, marks.KEY)]
    columns = {name: found for block in headers for name, found in _bound_columns(block).items()}
    if not keys:
        name = next(iter(columns), "").rpartition(".")[0]
        lost = "the column with the signals' ids was deleted"
        return name, _claim(sheet, name, columns, headers, lost=lost) if columns else None
    name, made_for = marks.tab_and_sheet(_marked(keys[0], marks.KEY) or "")
    keyed = _bound_columns(keys[0])
    if name not in {value.rpartition(".")[0] for value in keyed}:
        return name, None  # a column that is read, but holds no keys: settings
    copied = made_for not in (None, sheet["properties"].get("sheetId", 0))
    if not headers:
        return name, _claim(sheet, name, keyed, headers, lost="its header row was deleted", copied=copied)
    claim = _claim(sheet, name, columns, headers, copied=copied)
    return name, replace(claim, place=_place(name, sheet, keys[0], claim.header_row, columns))


def _claim(
    sheet: Json, name: str, columns: Mapping[str, tuple[int, int]], headers: Sequence[Json], *,
    lost: str = "", copied: bool = False,
) -> Claim:  # fmt: skip
    return Claim(
        sheet_id=sheet["properties"].get("sheetId", 0),
        title=sheet["properties"]["title"],
        header_row=headers[0].get("startRow", 0) if headers else 0,
        columns={
            value.removeprefix(f"{name}."): at
            for value, (at, _) in columns.items()
            if value.startswith(f"{name}.")
        },
        lost=lost,
        copied=copied,
    )


def _place(
    mark: str, sheet: Json, keys: Json, header_row: int, columns: Mapping[str, tuple[int, int]]
) -> TabPlace:
    own = {
        value.removeprefix(f"{mark}."): at for value, at in columns.items() if value.startswith(f"{mark}.")
    }
    properties = sheet["properties"]
    return TabPlace(
        name=mark,
        mark=mark,
        sheet_id=properties.get("sheetId", 0),
        title=properties["title"],
        header_row=header_row,
        key_column=keys.get("startColumn", 0),
        columns={column: at for column, (at, _) in own.items()},
        ids={column: entry for column, (_, entry) in own.items()},
        rows={},
        end=header_row + 1,
        row_count=properties["gridProperties"]["rowCount"],
        column_count=properties["gridProperties"]["columnCount"],
        filter=settable(sheet.get("basicFilter", {})),
    ).with_rows(_keyed_rows(keys))


def _keyed_rows(block: Json) -> dict[str, list[int]]:
    """Every row with something in the key column: the header too, as a careless sort may move it."""
    rows: dict[str, list[int]] = {}
    for row, data in enumerate(block.get("rowData", []), start=block.get("startRow", 0)):
        cells = data.get("values")
        key = key_text(decode_extended(cells[0])) if cells else None
        if key is not None:
            rows.setdefault(key, []).append(row)
    return rows


def _column_values(sheet: Json) -> Iterator[tuple[Cell, CellValue]]:
    """The values of a settings tab's column."""
    sheet_id = sheet["properties"].get("sheetId", 0)
    for block in sheet.get("data", []):
        if _marked(block, marks.KEY) is None or _bound_columns(block):
            continue
        for row, data in enumerate(block.get("rowData", []), start=block.get("startRow", 0)):
            cells = data.get("values")
            if cells:
                column = block.get("startColumn", 0)
                yield Cell(sheet_id=sheet_id, row=row, column=column), decode_extended(cells[0])
