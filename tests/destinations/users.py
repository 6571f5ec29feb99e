"""The user's side of each kind of target: how a person with a spreadsheet program changes it.

The conformance suite speaks to destinations through the protocol, and to targets through these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import openpyxl
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations import Destination
from cqs_sheets.destinations.excel import ExcelDestination
from tests.destinations.google.user import GoogleUser
from tests.destinations.memory import MemoryDestination
from tests.make import SIGNALS_TAB, TEMPLATE


class User(Protocol):
    """A person's edits of one target, and a look at it with other eyes than ours."""

    @property
    def destination(self) -> Destination:
        """What the sync is given."""
        ...

    def rows(self) -> list[dict[str, Any]]:
        """The Signals tab's rows by column id, as a person sees them."""
        ...

    def setting(self, name: str) -> object:
        """A cell of the Settings tab."""
        ...

    def type_memo(self, key: str, text: str) -> None:
        """Fill the user's own column in one row."""
        ...

    def retype_key(self, key: str, value: str | float) -> None:
        """Put another text or number where a row's id stands, as another program would save it."""
        ...

    def delete_row(self, key: str) -> None:
        """Remove a row."""
        ...

    def reverse_rows(self) -> None:
        """Sort the other way round."""
        ...

    def duplicate_row(self, key: str) -> None:
        """Copy a row to the end."""
        ...

    def remember(self) -> Callable[[], None]:
        """A version to go back to: calling the result restores it."""
        ...


class MemoryUser:
    """A user of the target in memory."""

    def __init__(self, folder: Path) -> None:
        del folder
        self.destination = MemoryDestination()

    @property
    def _rows(self) -> list[dict[str, CellValue]]:
        return self.destination.tabs["Signals"]

    def rows(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self._rows]

    def setting(self, name: str) -> object:
        return next(row["value"] for row in self.destination.tabs["Settings"] if row["name"] == name)

    def type_memo(self, key: str, text: str) -> None:
        next(row for row in self._rows if str(row["id"]) == key)["memo"] = text
        self.destination.touch()

    def retype_key(self, key: str, value: str | float) -> None:
        row = next(row for row in self._rows if str(row["id"]) == key)
        row["id"] = value if isinstance(value, str) else Decimal(repr(value))
        self.destination.touch()

    def delete_row(self, key: str) -> None:
        self._rows[:] = [row for row in self._rows if str(row["id"]) != key]
        self.destination.touch()

    def reverse_rows(self) -> None:
        self._rows.reverse()
        self.destination.touch()

    def duplicate_row(self, key: str) -> None:
        self._rows.append(dict(next(row for row in self._rows if str(row["id"]) == key)))
        self.destination.touch()

    def remember(self) -> Callable[[], None]:
        tabs = {name: [dict(row) for row in rows] for name, rows in self.destination.tabs.items()}
        lineage = self.destination.lineage

        def restore() -> None:
            self.destination.tabs = {name: [dict(row) for row in rows] for name, rows in tabs.items()}
            self.destination.lineage = lineage
            self.destination.touch()

        return restore


class ExcelUser:
    """A user who opens the workbook in another program, changes it and saves it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "signals.xlsx"
        self.destination = ExcelDestination(self.path)

    def rows(self) -> list[dict[str, Any]]:
        sheet = openpyxl.load_workbook(self.path)["Signals"]
        columns = _columns(sheet)
        first = _header_row(sheet) + 1
        lines = [
            {id_: _plain(sheet.cell(row, at).value) for id_, at in columns.items()}
            for row in range(first, sheet.max_row + 1)
        ]
        return [line for line in lines if line["id"] is not None]

    def setting(self, name: str) -> object:
        book = openpyxl.load_workbook(self.path)
        [(sheet, cell)] = book.defined_names[name].destinations
        return _plain(book[sheet][cell.replace("$", "")].value)

    def type_memo(self, key: str, text: str) -> None:
        def edit(sheet: Worksheet) -> None:
            sheet.cell(_row_of(sheet, key), _columns(sheet)["memo"]).value = text

        self._save(edit)

    def retype_key(self, key: str, value: str | float) -> None:
        def edit(sheet: Worksheet) -> None:
            sheet.cell(_row_of(sheet, key), _columns(sheet)["id"]).value = value

        self._save(edit)

    def delete_row(self, key: str) -> None:
        def edit(sheet: Worksheet) -> None:
            rows = _values(sheet)
            _write(sheet, [row for row in rows if _key(sheet, row) != key], len(rows))

        self._save(edit)

    def reverse_rows(self) -> None:
        def edit(sheet: Worksheet) -> None:
            rows = _values(sheet)
            _write(sheet, rows[::-1], len(rows))

        self._save(edit)

    def duplicate_row(self, key: str) -> None:
        def edit(sheet: Worksheet) -> None:
            rows = _values(sheet)
            copy = next(row for row in rows if _key(sheet, row) == key)
            _write(sheet, [*rows, copy], len(rows))
            for table in sheet.tables.values():
                corner, end = table.ref.split(":")
                column = end.rstrip("0123456789")
                table.ref = f"{corner}:{column}{int(end.removeprefix(column)) + 1}"
                if table.autoFilter:
                    table.autoFilter.ref = table.ref

        self._save(edit)

    def remember(self) -> Callable[[], None]:
        content = self.path.read_bytes()
        return lambda: _write_bytes(self.path, content)

    def _save(self, edit: Callable[[Worksheet], None]) -> None:
        book: Workbook = openpyxl.load_workbook(self.path)
        edit(book["Signals"])
        book.save(self.path)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _header_row(sheet: Worksheet) -> int:
    headers = {column.header for column in SIGNALS_TAB.columns}
    return next(
        row
        for row in range(1, 20)
        if headers <= {str(cell.value) for cell in sheet[row] if cell.value is not None}
    )


def _columns(sheet: Worksheet) -> dict[str, int]:
    tab = TEMPLATE.tab("Signals")
    assert isinstance(tab, TableTab)
    places = {str(cell.value): at for at, cell in enumerate(sheet[_header_row(sheet)], start=1)}
    return {column.id: places[column.header] for column in tab.columns}


def _values(sheet: Worksheet) -> list[list[Any]]:
    first = _header_row(sheet) + 1
    return [[cell.value for cell in sheet[row]] for row in range(first, sheet.max_row + 1)]


def _write(sheet: Worksheet, rows: list[list[Any]], before: int) -> None:
    first = _header_row(sheet) + 1
    width = len(rows[0]) if rows else sheet.max_column
    for number in range(max(before, len(rows))):
        values = rows[number] if number < len(rows) else [None] * width
        for column, value in enumerate(values, start=1):
            sheet.cell(first + number, column).value = value


def _key(sheet: Worksheet, row: list[Any]) -> str:
    return str(row[_columns(sheet)["id"] - 1])


def _row_of(sheet: Worksheet, key: str) -> int:
    column = _columns(sheet)["id"]
    return next(row for row in range(1, sheet.max_row + 1) if str(sheet.cell(row, column).value) == key)


def _plain(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return value


USERS: Mapping[str, Callable[[Path], User]] = {"memory": MemoryUser, "excel": ExcelUser, "google": GoogleUser}
