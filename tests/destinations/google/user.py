"""A person with the spreadsheet open in a browser, on the emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.read.layout import column_letters
from cqs_sheets.destinations.google.wire.auth import open_wire
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from tests.emulators.google_sheets import RunningSheets, TabState, start
from tests.emulators.google_sheets import User as Hand
from tests.emulators.sheets.cells import Cell
from tests.make import SIGNALS_TAB

_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a cell's wall time


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class KilledError(BaseException):
    """The process ends here."""


class Client(SheetsHttp):
    """A client that never really sleeps, and can be killed: before or after its nth write from now."""

    def __init__(self, sheets: RunningSheets, clock: Clock, *, retry_for: float = 300.0) -> None:
        super().__init__(
            lambda: open_wire(root=sheets.url, config_folder=Path("nowhere")),
            clock=clock,
            sleep=clock.sleep,
            retry_for=retry_for,
            dice=lambda: 0.5,
        )
        self.dies_before = self.dies_after = 0

    def write(self, path: str, *, fields: str, body: dict[str, Any], name: str) -> dict[str, Any]:
        self.dies_before -= 1
        if self.dies_before == 0:
            raise KilledError
        try:
            return super().write(path, fields=fields, body=body, name=name)
        finally:
            self.dies_after -= 1
            if self.dies_after == 0:
                raise KilledError


def connect(sheets: RunningSheets, clock: Clock, *, retry_for: float = 300.0) -> Client:
    return Client(sheets, clock, retry_for=retry_for)


class GoogleUser:
    """A user of a Google Sheet; `sheets` is the emulator, `book` the spreadsheet's id."""

    def __init__(self, folder: Path, sheets: RunningSheets | None = None) -> None:
        del folder
        self.sheets = sheets or start()
        self.clock = Clock()
        self.book = self.sheets.create()
        self.http = connect(self.sheets, self.clock)
        self.destination = GoogleDestination(self.book, http=self.http)

    @classmethod
    def on(cls, sheets: RunningSheets) -> Self:
        """A user of an emulator that is running already."""
        return cls(Path(), sheets)

    def close(self) -> None:
        self.http.close()
        self.sheets.close()
        assert self.sheets.desk.bugs == []

    @property
    def tab(self) -> TabState:
        return self.sheets.tab(self.book, "Signals")

    def columns(self) -> dict[str, int]:
        """Column ids by the headers on the screen, from 0."""
        for line in self.tab.entered:
            places = {str(text): at for at, text in enumerate(line)}
            if {column.header for column in SIGNALS_TAB.columns} <= places.keys():
                return {column.id: places[column.header] for column in SIGNALS_TAB.columns}
        raise AssertionError("no header row")

    def rows(self) -> list[dict[str, Any]]:
        cells, columns = self.tab.cells, self.columns()
        last = len(self.tab.entered)
        lines = [
            {id_: shown(cells.get(f"{column_letters(at)}{row}")) for id_, at in columns.items()}
            for row in range(self.header_row() + 1, last + 1)
        ]
        return [line for line in lines if line["id"] is not None]

    def header_row(self) -> int:
        """The row of the headers, from 1."""
        headers = {column.header for column in SIGNALS_TAB.columns}
        return next(
            number for number, line in enumerate(self.tab.entered, start=1) if headers <= set(map(str, line))
        )

    def setting(self, name: str) -> object:
        book = self.sheets.book(self.book)
        (named,) = [each for each in book.named_ranges if each["name"] == name]
        where = named["range"]
        cell = book.sheet(where["sheetId"]).grid.cell(where["startRowIndex"], where["startColumnIndex"])
        return shown(cell)

    def row_of(self, key: str) -> int:
        """The row of a key, from 1."""
        letters = column_letters(self.columns()["id"])
        cells = self.tab.cells
        return next(
            row
            for row in range(1, len(self.tab.entered) + 1)
            if str(shown(cells.get(f"{letters}{row}"))) == key
        )

    def type_memo(self, key: str, text: str) -> None:
        where = f"Signals!{column_letters(self.columns()['memo'])}{self.row_of(key)}"
        with self.editing() as hand:
            hand.put(where, text)

    def retype_key(self, key: str, value: str | float) -> None:
        sheet_id = self.sheets.book(self.book).tab("Signals").id  # type: ignore[union-attr]
        start = {"sheetId": sheet_id, "rowIndex": self.row_of(key) - 1, "columnIndex": self.columns()["id"]}
        entered = {"stringValue" if isinstance(value, str) else "numberValue": value}
        rows = [{"values": [{"userEnteredValue": entered}]}]
        with self.editing() as hand:
            hand.do({"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}})

    def delete_row(self, key: str) -> None:
        row = self.row_of(key)
        with self.editing() as hand:
            hand.delete_rows("Signals", row)

    def reverse_rows(self) -> None:
        numbers = {str(line["id"]): number for number, line in enumerate(self.rows())}
        for key in sorted(numbers, key=numbers.__getitem__):
            row = self.row_of(key)
            with self.editing() as hand:
                hand.move_rows("Signals", row, 1, self.header_row() + 1)

    def duplicate_row(self, key: str) -> None:
        row, last = self.row_of(key), self.header_row() + len(self.rows())
        sheet_id = self.sheets.book(self.book).tab("Signals").id  # type: ignore[union-attr]
        span = {"sheetId": sheet_id, "startColumnIndex": 0, "endColumnIndex": len(SIGNALS_TAB.columns)}
        source = {**span, "startRowIndex": row - 1, "endRowIndex": row}
        target = {**span, "startRowIndex": last, "endRowIndex": last + 1}
        with self.editing() as hand:
            hand.insert_rows("Signals", last + 1)
            hand.do({"copyPaste": {"source": source, "destination": target, "pasteType": "PASTE_NORMAL"}})

    def remember(self) -> Callable[[], None]:
        store = self.sheets.desk.store
        copy = store.books[self.book].copy()

        def restore() -> None:
            store.books[self.book] = copy

        return restore

    @contextmanager
    def editing(self) -> Iterator[Hand]:
        with self.sheets.edit(self.book) as hand:
            yield hand


def shown(cell: Cell | None) -> Any:
    """A cell's value as a person understands it: times as times, numbers exactly."""
    if cell is None or not cell.has_content:
        return None
    if cell.formula is not None:
        return cell.formula
    value = cell.value
    if isinstance(value, bool | str) or value is None:
        return value
    kind = (cell.format or {}).get("numberFormat", {}).get("type", "")
    if kind in ("DATE", "TIME", "DATE_TIME"):
        return moment(Decimal(repr(value)))
    return Decimal(repr(value))


def moment(value: Any) -> Any:
    """A serial number as a time; anything else as it is."""
    if not isinstance(value, Decimal):
        return value
    return _DAY_ZERO + timedelta(microseconds=round(value * 86_400_000_000))
