"""A person who tidies up a whole target, tab by tab: one interface for a workbook and a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import openpyxl
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.workbook import Workbook
from openpyxl.worksheet.table import Table
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.cells import CellValue
from cqs_sheets.destinations import Destination
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.read.layout import column_letters
from tests.destinations.google.user import Clock, connect
from tests.emulators.google_sheets import RunningSheets
from tests.emulators.google_sheets import User as Hand
from tests.upgrade.books import Book, of_spreadsheet, of_workbook

_CELL = re.compile(r"\$([A-Z]+)\$(\d+)")


class Person(Protocol):
    """Rows and columns count from 1; a tab is named by its title."""

    def destination(self) -> Destination: ...
    def look(self) -> Book: ...
    def add(self, title: str, rows: Sequence[Sequence[str]]) -> None: ...
    def rename(self, title: str, new: str) -> None: ...
    def copy(self, title: str, new: str) -> None: ...
    def delete(self, title: str) -> None: ...
    def reverse(self, title: str, header: int) -> None: ...
    def insert_row(self, title: str, at: int) -> None: ...
    def insert_column(self, title: str, at: int) -> None: ...
    def make_table(self, title: str, top: int, bottom: int, right: int) -> None: ...
    def put(self, title: str, row: int, column: int, text: str) -> None: ...
    def clear_row(self, title: str, row: int) -> None: ...
    def delete_column(self, title: str, at: int) -> None: ...
    def drop_marks(self, title: str) -> None: ...


class ExcelPerson:
    """One with a workbook, in a program that keeps our names right."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def destination(self) -> Destination:
        return ExcelDestination(self.path, backups=0, lock_wait=0)

    def look(self) -> Book:
        return of_workbook(self.path) if self.path.exists() else {}

    def add(self, title: str, rows: Sequence[Sequence[str]]) -> None:
        book = openpyxl.load_workbook(self.path) if self.path.exists() else Workbook()
        if "Sheet" in book.sheetnames:
            book["Sheet"].title = "Sheet1"
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
        book.save(self.path)

    def rename(self, title: str, new: str) -> None:
        def edit(book: Workbook) -> None:
            book[title].title = new
            self._names(book, title, lambda cell: cell, new)

        self._edit(edit)

    def copy(self, title: str, new: str) -> None:
        def edit(book: Workbook) -> None:
            book.copy_worksheet(book[title]).title = new

        self._edit(edit)

    def delete(self, title: str) -> None:
        def edit(book: Workbook) -> None:
            if len(book.sheetnames) == 1:
                book.create_sheet("Sheet1")
            del book[title]
            for name in book.defined_names.values():
                if _sheet_of(name.attr_text) == title:
                    name.attr_text = "#REF!"

        self._edit(edit)

    def reverse(self, title: str, header: int) -> None:
        def edit(book: Workbook) -> None:
            sheet = book[title]
            rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=header + 1)]
            while rows and not any(value is not None for value in rows[-1]):
                rows.pop()
            for number, values in enumerate(reversed(rows), start=header + 1):
                for column, value in enumerate(values, start=1):
                    sheet.cell(number, column).value = value

        self._edit(edit)

    def insert_row(self, title: str, at: int) -> None:
        def edit(book: Workbook) -> None:
            book[title].insert_rows(at)
            self._moved(book, title, lambda row: row + (row >= at), lambda column: column)

        self._edit(edit)

    def insert_column(self, title: str, at: int) -> None:
        def edit(book: Workbook) -> None:
            book[title].insert_cols(at)
            self._moved(book, title, lambda row: row, lambda column: column + (column >= at))

        self._edit(edit)

    def make_table(self, title: str, top: int, bottom: int, right: int) -> None:
        def edit(book: Workbook) -> None:
            sheet = book[title]
            if not sheet.tables and not sheet.auto_filter.ref:
                for column in range(1, right + 1):
                    if sheet.cell(top, column).value is None:
                        sheet.cell(top, column).value = f"Column{column}"
                name = f"T{sum(len(each.tables) for each in book.worksheets)}"
                sheet.add_table(
                    Table(displayName=name, ref=f"A{top}:{get_column_letter(right)}{max(bottom, top + 1)}")
                )

        self._edit(edit)

    def put(self, title: str, row: int, column: int, text: str) -> None:
        def edit(book: Workbook) -> None:
            book[title].cell(row, column).value = text

        self._edit(edit)

    def clear_row(self, title: str, row: int) -> None:
        def edit(book: Workbook) -> None:
            for cell in book[title][row]:
                if not str(cell.value).startswith("="):
                    cell.value = None

        self._edit(edit)

    def delete_column(self, title: str, at: int) -> None:
        """The last one of a table: nothing stands beside it."""

        def edit(book: Workbook) -> None:
            sheet: Worksheet = book[title]
            letters = get_column_letter(at)
            sheet.delete_cols(at)
            for name in book.defined_names.values():
                if _sheet_of(name.attr_text) == title and f"${letters}$" in name.attr_text:
                    name.attr_text = "#REF!"
            for table in sheet.tables.values():
                table.ref = table.ref.replace(f":{letters}", f":{get_column_letter(at - 1)}")
                if table.autoFilter:
                    table.autoFilter.ref = table.ref
                del table.tableColumns[-1]

        self._edit(edit)

    def drop_marks(self, title: str) -> None:
        def edit(book: Workbook) -> None:
            for key, name in list(book.defined_names.items()):
                if _sheet_of(name.attr_text) == title:
                    del book.defined_names[key]

        self._edit(edit)

    def _moved(
        self, book: Workbook, title: str, rows: Callable[[int], int], columns: Callable[[int], int]
    ) -> None:
        def moved(match: re.Match[str]) -> str:
            column = columns(column_index_from_string(match[1]))
            return f"${get_column_letter(column)}${rows(int(match[2]))}"

        self._names(book, title, lambda text: _CELL.sub(moved, text), title)
        sheet: Worksheet = book[title]
        for table in sheet.tables.values():
            edges = [
                _CELL.sub(moved, re.sub(r"([A-Z]+)(\d+)", r"$\1$\2", edge)) for edge in table.ref.split(":")
            ]
            table.ref = ":".join(edges).replace("$", "")
            if table.autoFilter:
                table.autoFilter.ref = table.ref
            width = len(sheet[table.ref][0])
            if width > len(table.tableColumns):
                del table.tableColumns[:]
                table._initialise_columns()
                for cell, column in zip(sheet[table.ref][0], table.tableColumns, strict=True):
                    cell.value = cell.value or f"Column{cell.column}"
                    column.name = str(cell.value)

    def _names(self, book: Workbook, title: str, moved: Callable[[str], str], new: str) -> None:
        for name in book.defined_names.values():
            if _sheet_of(name.attr_text) == title:
                cells = name.attr_text.rpartition("!")[2]
                quoted = new.replace("'", "''")
                name.attr_text = f"'{quoted}'!{moved(cells)}"

    def _edit(self, edit: Callable[[Workbook], None]) -> None:
        book = openpyxl.load_workbook(self.path)
        edit(book)
        book.save(self.path)


def _sheet_of(reference: str) -> str:
    title = reference.rpartition("!")[0]
    return title[1:-1].replace("''", "'") if title.startswith("'") else title


class GooglePerson:
    """One with a spreadsheet open in a browser, on the emulator."""

    def __init__(self, sheets: RunningSheets) -> None:
        self.sheets = sheets
        self.book = sheets.create()
        self.http = connect(sheets, Clock())

    def destination(self) -> Destination:
        return GoogleDestination(self.book, http=self.http)

    def look(self) -> Book:
        return of_spreadsheet(self.sheets, self.book)

    def add(self, title: str, rows: Sequence[Sequence[str]]) -> None:
        def edit(hand: Hand) -> None:
            hand.do({"addSheet": {"properties": {"title": title}}})
            for number, row in enumerate(rows, start=1):
                for column, text in enumerate(row):
                    hand.put(f"'{title}'!{column_letters(column)}{number}", text)

        self._edit(edit)

    def rename(self, title: str, new: str) -> None:
        self._edit(lambda hand: hand.rename_tab(title, new))

    def copy(self, title: str, new: str) -> None:
        def edit(hand: Hand) -> None:
            hand.do({"duplicateSheet": {"sourceSheetId": hand.tab(title).id, "newSheetName": new}})

        self._edit(edit)

    def delete(self, title: str) -> None:
        self._edit(lambda hand: hand.delete_tab(title))

    def reverse(self, title: str, header: int) -> None:
        def edit(hand: Hand) -> None:
            last = hand.tab(title).grid.last_row()
            for at in range(header + 2, last + 1):
                hand.move_rows(title, at, 1, header + 1)

        self._edit(edit)

    def insert_row(self, title: str, at: int) -> None:
        self._edit(lambda hand: hand.insert_rows(title, at))

    def insert_column(self, title: str, at: int) -> None:
        self._edit(lambda hand: hand.insert_columns(title, column_letters(at - 1)))

    def make_table(self, title: str, top: int, bottom: int, right: int) -> None:
        def edit(hand: Hand) -> None:
            sheet = hand.tab(title)
            span = {"sheetId": sheet.id, "startRowIndex": top - 1, "endRowIndex": max(bottom, top + 1)}
            span |= {"startColumnIndex": 0, "endColumnIndex": right}
            if not sheet.listed("tables"):
                hand.do({"addTable": {"table": {"name": f"T{sheet.id}", "range": span}}})

        self._edit(edit)

    def put(self, title: str, row: int, column: int, text: str) -> None:
        self._edit(lambda hand: hand.put(f"'{title}'!{column_letters(column - 1)}{row}", text))

    def clear_row(self, title: str, row: int) -> None:
        self._edit(lambda hand: hand.delete_rows(title, row))

    def delete_column(self, title: str, at: int) -> None:
        self._edit(lambda hand: hand.delete_columns(title, column_letters(at - 1)))

    def drop_marks(self, title: str) -> None:
        def edit(hand: Hand) -> None:
            located = {
                "metadataLocation": {"sheetId": hand.tab(title).id},
                "locationMatchingStrategy": "INTERSECTING_LOCATION",
            }
            hand.do({"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": located}}})

        self._edit(edit)

    def _edit(self, edit: Callable[[Hand], None]) -> None:
        with self.sheets.edit(self.book) as hand:
            edit(hand)


def texts(book: Book) -> list[tuple[str, CellValue]]:
    """Every text that a person put anywhere, with the title of its tab."""
    found: list[tuple[str, Any]] = []
    for title, grid in book.items():
        found += [(title, value) for value in grid.values() if str(value).startswith("mine ")]
    return sorted(found)
