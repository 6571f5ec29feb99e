"""Google's own tables ("Convert to table"): one that lies over our rows, kept over them as they grow.

Whether a row inserted at its end belongs to it is nowhere promised, so its range is set in the same batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]

TABLES = "tables(tableId,range)"


@dataclass(frozen=True, slots=True)
class NativeTable:
    """A table's id and range; rows and columns count from 0, ends are behind the last."""

    id: str
    sheet_id: int
    top: int
    bottom: int
    left: int
    right: int

    def shifted(self, index: int, count: int) -> NativeTable:
        """The same once rows were inserted at `index`: those inside and right below belong to it."""
        if index <= self.top:
            return replace(self, top=self.top + count, bottom=self.bottom + count)
        return replace(self, bottom=max(self.bottom, index) + count)

    def widened(self, index: int, count: int) -> NativeTable:
        """The same once columns were inserted at `index`: those inside and right beside belong to it."""
        if index <= self.left:
            return replace(self, left=self.left + count, right=self.right + count)
        return self if index > self.right else replace(self, right=self.right + count)

    def set_range(self) -> Json:
        """The request that makes it lie where it is meant to."""
        span = {"sheetId": self.sheet_id, "startRowIndex": self.top, "endRowIndex": self.bottom}
        span |= {"startColumnIndex": self.left, "endColumnIndex": self.right}
        return {"updateTable": {"table": {"tableId": self.id, "range": span}, "fields": "range"}}


def table_over(sheet: Json, header_row: int, key_column: int) -> NativeTable | None:
    """The table that holds the header of our keys."""
    for table in _tables(sheet):
        if table.top <= header_row < table.bottom and table.left <= key_column < table.right:
            return table
    return None


def _tables(sheet: Json) -> Iterator[NativeTable]:
    for table in sheet.get("tables", []):
        span = table.get("range", {})
        edges = (span.get(edge, 0) for edge in _EDGES)
        yield NativeTable(table["tableId"], span.get("sheetId", 0), *edges)


_EDGES = ("startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")
