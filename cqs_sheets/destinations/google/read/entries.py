"""Our metadata and where it lies: as a look shows it, or as a search tells it where a look leaves it out.

Nowhere does Google say that a lookup shows more of a column's metadata than what it asked for, that each
lookup gets a block of cells of its own, or that a lookup which finds nothing is no error. So a look is
taken at its word only where it shows all that must be there; else `developerMetadata:search` is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.exchange import Json
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp

_KEYS = (
    marks.KEY,
    marks.HEADER,
    marks.COLUMN,
    marks.SCRATCH,
    marks.SEQUENCE,
    marks.RECORD,
    marks.AT,
    marks.LOOSE,
)
_FOUND = "matchedDeveloperMetadata(developerMetadata(metadataId,metadataKey,metadataValue,location))"


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of our metadata on a row ("ROWS") or column ("COLUMNS"), counted from 0."""

    id: int
    key: str
    value: str
    sheet_id: int
    axis: str
    index: int


def sheet_id_of(sheet: Json) -> int:
    """A tab's id: Google leaves out 0."""
    return int(sheet["properties"].get("sheetId", 0))


def shown(answer: Json) -> Iterator[Entry]:
    """The entries on the columns of an answer's blocks, and the header rows: those blocks that are no column."""
    for sheet in answer.get("sheets", []):
        sheet_id = sheet_id_of(sheet)
        for block in sheet.get("data", []):
            yield from _on_columns(block, sheet_id)
            if is_row(block):
                yield Entry(0, marks.HEADER, "", sheet_id, "ROWS", block.get("startRow", 0))


def _on_columns(block: Json, sheet_id: int) -> Iterator[Entry]:
    for at, column in enumerate(block.get("columnMetadata", []), start=block.get("startColumn", 0)):
        for entry in column.get("developerMetadata", []):
            value = entry.get("metadataValue", "")
            yield Entry(int(entry["metadataId"]), entry["metadataKey"], value, sheet_id, "COLUMNS", at)


def is_row(block: Json) -> bool:
    """Whether a block is a row that was looked up, and no column that was."""
    kinds = {entry.key for entry in _on_columns(block, 0)}
    return len(block.get("columnMetadata", [])) != 1 or not kinds & {marks.KEY, marks.SCRATCH}


def column_block(sheet: Json, column: int) -> Json | None:
    """The block that holds one whole column of a tab and nothing else, if it came."""
    blocks: list[Json] = [
        block
        for block in sheet.get("data", [])
        if block.get("startColumn", 0) == column
        and not block.get("startRow", 0)
        and len(block.get("columnMetadata", [])) == 1
    ]
    return max(blocks, key=lambda block: len(block.get("rowData", [])), default=None)


def search(http: SheetsHttp, spreadsheet_id: str) -> Sequence[Json] | None:
    """All of our metadata, as Google lists it; None if it refuses the question. Raises CqsError."""
    path = f"{spreadsheet_id}/developerMetadata:search"
    body = {"dataFilters": [marks.lookup(key) for key in _KEYS]}
    try:
        answer = http.ask(path, fields=_FOUND, body=body, name=spreadsheet_id)
    except failures.Refused:
        return None
    return [found["developerMetadata"] for found in answer.get("matchedDeveloperMetadata", [])]


def placed(found: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    """The entries of a search that lie on a row or a column."""
    for entry in found:
        span = entry.get("location", {}).get("dimensionRange")
        if span:
            yield Entry(
                int(entry["metadataId"]),
                entry["metadataKey"],
                entry.get("metadataValue", ""),
                int(span.get("sheetId", 0)),
                span.get("dimension", ""),
                int(span.get("startIndex", 0)),
            )
