"""A person at the sheet: everything done in one `with` block is seen by the next request as one edit."""

from __future__ import annotations

from dataclasses import replace

from . import structure
from .a1 import Bounds, Box, column_index
from .axis import Delete, Insert, Move
from .cells import Cell, Scalar
from .errors import Json
from .model import Sheet, Spreadsheet, wire_range
from .requests import apply_requests
from .requests.sheets import rename
from .sorting import sort_rows
from .store import stored_value
from .values import clear_range, write_range


class User:
    """Tabs are named by title; rows and columns as on the screen, from 1 and from "A"."""

    def __init__(self, book: Spreadsheet) -> None:
        self.book = book

    def tab(self, title: str) -> Sheet:
        found = self.book.tab(title)
        if found is None:
            raise KeyError(title)
        return found

    def type(self, where: str, *rows: list[Scalar | None]) -> None:
        """Typed in as a person types: `type("Tab!B2", ["1.5", "=B1"])`."""
        sheet, bounds = self.book.resolve(where)
        write_range(self.book, sheet, bounds, {"values": list(rows)}, "USER_ENTERED")

    def put(self, where: str, value: Scalar | None) -> None:
        """One cell, the value as given (a text that begins with = as a formula)."""
        sheet, bounds = self.book.resolve(where)
        row, column = bounds.top or 0, bounds.left or 0
        old, new = sheet.grid.cell(row, column), stored_value(value)
        value, formula = (None, new.formula) if isinstance(new, Cell) else (new, None)
        sheet.grid.put(row, column, replace(old, value=value, formula=formula))

    def clear(self, where: str) -> None:
        clear_range(*self.book.resolve(where))

    def sort(self, title: str, column: str, *, descending: bool = False, header_rows: int = 1) -> None:
        """All rows below the header by one column, whole rows."""
        sheet = self.tab(title)
        box = Box(header_rows, max(sheet.grid.last_row(), header_rows), 0, sheet.grid.column_count)
        order = "DESCENDING" if descending else "ASCENDING"
        sort_rows(self.book, sheet, box, [{"dimensionIndex": column_index(column), "sortOrder": order}])

    def insert_rows(self, title: str, before: int, count: int = 1) -> None:
        like = before - 2 if before > 1 else 0
        structure.insert(self.book, self.tab(title), "ROWS", Insert(before - 1, count), like=like)

    def delete_rows(self, title: str, first: int, count: int = 1) -> None:
        structure.delete(self.book, self.tab(title), "ROWS", Delete(first - 1, first - 1 + count))

    def move_rows(self, title: str, first: int, count: int, before: int) -> None:
        structure.restructure(
            self.book, self.tab(title), "ROWS", Move(first - 1, first - 1 + count, before - 1)
        )

    def insert_columns(self, title: str, before: str, count: int = 1) -> None:
        at = column_index(before)
        structure.insert(self.book, self.tab(title), "COLUMNS", Insert(at, count), like=max(at - 1, 0))

    def delete_columns(self, title: str, first: str, count: int = 1) -> None:
        start = column_index(first)
        structure.delete(self.book, self.tab(title), "COLUMNS", Delete(start, start + count))

    def move_columns(self, title: str, first: str, before: str, count: int = 1) -> None:
        start = column_index(first)
        change = Move(start, start + count, column_index(before))
        structure.restructure(self.book, self.tab(title), "COLUMNS", change)

    def rename_tab(self, title: str, new: str) -> None:
        rename(self.book, self.tab(title), new)

    def delete_tab(self, title: str) -> None:
        self.do({"deleteSheet": {"sheetId": self.tab(title).id}})

    def filter(self, title: str, column: str, hide: list[str], header_row: int = 1) -> None:
        """The basic filter over all columns, these shown values of one column hidden."""
        sheet = self.tab(title)
        where = wire_range(sheet.id, Bounds(header_row - 1, None, None, None))
        spec = {"columnIndex": column_index(column), "filterCriteria": {"hiddenValues": hide}}
        self.do({"setBasicFilter": {"filter": {"range": where, "filterSpecs": [spec]}}})

    def hide_columns(self, title: str, first: str, count: int = 1) -> None:
        start = column_index(first)
        span = {
            "sheetId": self.tab(title).id,
            "dimension": "COLUMNS",
            "startIndex": start,
            "endIndex": start + count,
        }
        change = {"range": span, "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}
        self.do({"updateDimensionProperties": change})

    def do(self, *requests: Json) -> list[Json]:
        """Anything else, in the words of batchUpdate."""
        return apply_requests(self.book, list(requests))
