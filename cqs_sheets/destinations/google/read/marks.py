"""Developer metadata: how columns, header rows and writes are known again, whatever the user does.

`cqs.column` = "<tab>.<column id>" lies on each column, `cqs.key` = "<tab>" on the column that is read
to find rows, `cqs.header` = "<tab>" on the header row, `cqs.scratch` on a column of the scratch tab.
`cqs.made` is the record of what we ever made there (see core.plan.plan).

Where Google refuses an id that the same batch has freed, columns cannot be held (`cqs.loose` on the
spreadsheet says so): then `cqs.at` lies where a write took a column to be, and is compared afterwards.

`cqs.sequence` = "<sequence>/<lineage>/<batch>/<nonce>" is left by every write, under an id that is made
from sequence and batch; the nonce is the write's word and a try, the lineage what it descends from
(core.plan.facts; version 0.1.0 left none). Google refuses an id that is there, and with it the whole
batch: so no write can happen twice, however often it is sent, and of two syncs with the same number only
one can win. The marks of the last few writes are kept for that; the sequence of a spreadsheet is that of
the newest.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cqs_sheets.core.plan.facts import Lineage, Write, followed_by, lineage_from, lineage_text
from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.shapes import Dimension, Json, dimension_range, sheet_id_of
from cqs_sheets.destinations.google.wire.sheets_http import Spreadsheet
from cqs_sheets.values import dataclass

COLUMN = "cqs.column"
KEY = "cqs.key"
HEADER = "cqs.header"
SCRATCH = "cqs.scratch"
SEQUENCE = "cqs.sequence"
RECORD = "cqs.made"
AT = "cqs.at"
LOOSE = "cqs.loose"

LAST = 0  # the batch that completes a write, and the only one of most

_PASSING = "cqs.edge"
_FIRST_ID = 1 << 30
_IDS = (1 << 30) - 1
_BATCHES = 997  # a prime: neighbouring writes of many batches do not meet
_KEPT = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """One write (or batch of one) that happened. `sequence` 0: no write was ever completed."""

    id: int
    sequence: int
    nonce: str
    lineage: Lineage = ()


def mark_id(sequence: int, batch: int) -> int:
    """The id of the mark that a batch of a write leaves."""
    return _FIRST_ID + (sequence * _BATCHES + batch) % _IDS


def free_batch(sequence: int, before: Iterable[Mark]) -> int:
    """A number for another batch of a write, of which some may have been left by a run that broke off."""
    taken = {mark.id for mark in before}
    return next(batch for batch in range(LAST + 1, _BATCHES) if mark_id(sequence, batch) not in taken)


def read_marks(entries: Iterable[Json]) -> tuple[Mark, ...]:
    """The marks among a spreadsheet's metadata, oldest first."""
    found = []
    for entry in entries:
        sequence, _, rest = str(entry.get("metadataValue", "")).partition("/")
        if entry.get("metadataKey") == SEQUENCE and sequence.isascii() and sequence.isdigit():
            *before, batch, nonce = ("0", *rest.split("/"))[-3:]
            lineage = lineage_from("".join(before))
            if not lineage and batch == str(LAST):  # of version 0.1.0
                lineage = (Write(int(sequence), nonce),)
            found.append(Mark(int(entry["metadataId"]), int(sequence), nonce, lineage))
    return tuple(sorted(found, key=lambda mark: (mark.sequence, mark.id)))


def lineage_of(marks: Iterable[Mark]) -> Lineage:
    """The writes that a spreadsheet with these marks, oldest first, descends from."""
    found: Lineage = ()
    for mark in marks:
        if len(mark.lineage) > 1:
            found = mark.lineage
        elif mark.lineage and mark.lineage[0] not in found:  # the first of all, or one of version 0.1.0
            found = followed_by(found, mark.lineage[0])
    return found


def leave_mark(
    number: int, *, lineage: Lineage, shown: int, batch: int, nonce: str, before: Iterable[Mark]
) -> list[Json]:
    """Requests that leave the mark of write `number`, which shows `shown`, and remove those no longer of use."""
    value = f"{shown}/{lineage_text(lineage)}/{batch}/{nonce}"
    stale = (mark.id for mark in before if mark.sequence < number - _KEPT)
    return [
        _made(SEQUENCE, value, _EVERYWHERE, mark_id(number, batch)),
        *(_deleted({"metadataId": old}) for old in stale),
    ]


_EVERYWHERE = {"spreadsheet": True}


def _made(key: str, value: str, location: Json, entry_id: int | None = None) -> Json:
    """The request that puts metadata somewhere, under an id of our choice or one of Google's."""
    entry: Json = {"metadataKey": key, "metadataValue": value, "location": location, "visibility": "DOCUMENT"}
    entry |= {} if entry_id is None else {"metadataId": entry_id}
    return {"createDeveloperMetadata": {"developerMetadata": entry}}


def _deleted(wanted: Json) -> Json:
    """The request that takes all such metadata away."""
    return {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": wanted}}}


def leave_record(text: str, *, exists: bool) -> Json:
    """The request that leaves the record of what was made."""
    if not exists:
        return _made(RECORD, text, _EVERYWHERE)
    change = {"developerMetadata": {"metadataValue": text}, "fields": "metadataValue"}
    return {"updateDeveloperMetadata": {"dataFilters": [lookup(RECORD)], **change}}


def on_sheet(tab: str, sheet_id: int) -> str:
    """What the mark on the key column of a tab says: a copy of the tab says it too, and so gives itself away."""
    return f"{tab}@{sheet_id}"


def tab_and_sheet(value: str) -> tuple[str, int | None]:
    """The tab, and the sheet that the mark was made for; earlier versions left only the first."""
    tab, _, sheet_id = value.rpartition("@")
    return (tab, int(sheet_id)) if tab and sheet_id.isascii() and sheet_id.isdigit() else (value, None)


def unbind(tab: str, columns: Iterable[str], sheet_id: int) -> Iterator[Json]:
    """The requests that take a tab's marks off a sheet."""
    marks = [(HEADER, tab), (KEY, tab), (KEY, on_sheet(tab, sheet_id))]
    marks += [(COLUMN, f"{tab}.{column}") for column in columns]
    for key, value in marks:
        found = {"metadataKey": key, "metadataValue": value, "metadataLocation": {"sheetId": sheet_id}}
        found |= {"locationMatchingStrategy": "INTERSECTING_LOCATION"}
        yield _deleted(found)


def bind(key: str, value: str, sheet_id: int, dimension: Dimension, index: int) -> Json:
    """The request that puts metadata on one row ("ROWS") or column ("COLUMNS")."""
    return _made(key, value, _line(sheet_id, dimension, index))


def _line(sheet_id: int, dimension: Dimension, index: int) -> Json:
    return {"dimensionRange": dimension_range(sheet_id, dimension, index, index + 1)}


def hold(entry_id: int, value: str, sheet_id: int, index: int) -> list[Json]:
    """Requests that fail, and their batch with them, unless this column's metadata still lies at `index`.

    They delete the entry if it is there and make it anew under its id, which Google refuses while the
    old one is somewhere else.
    """
    at = _line(sheet_id, "COLUMNS", index)
    there = {"metadataId": entry_id, "metadataLocation": at, "locationMatchingStrategy": "EXACT_LOCATION"}
    return [_deleted(there), _made(COLUMN, value, at, entry_id)]


def pin(value: str, sheet_id: int, index: int) -> Json:
    """The request that marks where a write takes a column to be."""
    return bind(AT, value, sheet_id, "COLUMNS", index)


def unpin() -> Json:
    """The request that takes all such marks away."""
    return _deleted({"metadataKey": AT})


def leave_loose() -> Json:
    """The request that says for good: columns cannot be held here."""
    return _made(LOOSE, "1", _EVERYWHERE)


def touch(sheet_id: int, index: int) -> list[Json]:
    """Requests that change nothing, and fail unless the tab reaches as far as this column."""
    return [bind(_PASSING, "1", sheet_id, "COLUMNS", index), _deleted({"metadataKey": _PASSING})]


def numbered(requests: Sequence[Json], seed: str) -> tuple[list[Json], dict[str, int]]:
    """The requests with ids of our choice for the metadata of columns, and these ids by its values.

    So that a write of several batches can hold the columns that its first one made.
    """
    ids: dict[str, int] = {}
    found = []
    for request in requests:
        entry = request.get("createDeveloperMetadata", {}).get("developerMetadata", {})
        if entry.get("metadataKey") == COLUMN:
            value = entry["metadataValue"]
            ids[value] = 1 + zlib.crc32(f"{seed}/{value}".encode()) % (_FIRST_ID - 1)
            found.append(_made(COLUMN, value, entry["location"], ids[value]))
        else:
            found.append(request)
    return found, ids


def lookup(key: str) -> Json:
    """The data filter for everything that carries `key`."""
    return {"developerMetadataLookup": {"metadataKey": key}}


_KEYS = (KEY, HEADER, COLUMN, SCRATCH, SEQUENCE, RECORD, AT, LOOSE)
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


def shown(answer: Json) -> Iterator[Entry]:
    """The entries on the columns of an answer's blocks, and the header rows: those blocks that are no column."""
    for sheet in answer.get("sheets", []):
        sheet_id = sheet_id_of(sheet)
        for block in sheet.get("data", []):
            yield from _on_columns(block, sheet_id)
            if is_row(block):
                yield Entry(0, HEADER, "", sheet_id, "ROWS", block.get("startRow", 0))


def _on_columns(block: Json, sheet_id: int) -> Iterator[Entry]:
    for at, column in enumerate(block.get("columnMetadata", []), start=block.get("startColumn", 0)):
        for entry in column.get("developerMetadata", []):
            value = entry.get("metadataValue", "")
            yield Entry(int(entry["metadataId"]), entry["metadataKey"], value, sheet_id, "COLUMNS", at)


def is_row(block: Json) -> bool:
    """Whether a block is a row that was looked up, and no column that was."""
    kinds = {entry.key for entry in _on_columns(block, 0)}
    return len(block.get("columnMetadata", [])) != 1 or not kinds & {KEY, SCRATCH}


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


def search(spreadsheet: Spreadsheet) -> Sequence[Json] | None:
    """All of our metadata, as Google lists it; None if it refuses the question. Raises CqsError."""
    body = {"dataFilters": [lookup(key) for key in _KEYS]}
    try:
        answer = spreadsheet.ask(_FOUND, "/developerMetadata:search", body)
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
