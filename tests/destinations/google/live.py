"""A person with a spreadsheet open, seen and played through Google's own interface: the real one, or any.

`pytest -m live` runs the conformance suite so, in the spreadsheet CQS_LIVE_SPREADSHEET (its id), with the
credentials that Google's tools find (GOOGLE_APPLICATION_CREDENTIALS and so on) or, where CQS_SHEETS_URL
names an emulator, with none. Take one made for this: the tabs Signals, Settings and _cqs come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from tests.destinations.google.user import moment
from tests.make import SIGNALS_TAB

Json = dict[str, Any]

OURS = ("Signals", "Settings", "_cqs")
_HEADERS = {column.header for column in SIGNALS_TAB.columns}
_CELLS = (
    "sheets(properties(sheetId,title),data(startRow,startColumn,"
    "rowData(values(userEnteredValue,userEnteredFormat(numberFormat)))))"
)


class LiveUser:
    """A user of a real spreadsheet; `titles` are its tabs before we came."""

    def __init__(self, http: SheetsHttp, book: str) -> None:
        self.http = http
        self.book = book
        self.destination = GoogleDestination(book, http=http)

    def titles(self) -> dict[str, int]:
        """The ids of all tabs by title."""
        answer = self.http.read(self.book, fields="sheets(properties(sheetId,title))", name=self.book)
        found = (sheet["properties"] for sheet in answer["sheets"])
        return {each["title"]: each.get("sheetId", 0) for each in found}

    def clean(self) -> None:
        """As if we had never been there."""
        ours = [sheet_id for title, sheet_id in self.titles().items() if title in OURS]
        lookups = [marks.lookup(key) for key in (marks.SEQUENCE, marks.RECORD, marks.AT, marks.LOOSE)]
        self._do(
            *({"deleteSheet": {"sheetId": sheet_id}} for sheet_id in ours),
            *({"deleteDeveloperMetadata": {"dataFilter": each}} for each in lookups),
        )

    def rows(self) -> list[dict[str, Any]]:
        _, header, lines = self._table()
        places = {column.id: header.index(column.header) for column in SIGNALS_TAB.columns}
        found = [{id_: _at(line, at) for id_, at in places.items()} for line in lines]
        return [line for line in found if line["id"] is not None]

    def setting(self, name: str) -> object:
        answer = self.http.read(self.book, fields="namedRanges(name,range)", name=self.book)
        (span,) = [each["range"] for each in answer["namedRanges"] if each["name"] == name]
        ((line,),) = [lines for _, lines in self._read({"gridRange": span})]
        return line[0]

    def type_memo(self, key: str, text: str) -> None:
        _first, header, _ = self._table()
        start = {"sheetId": self._id(), "rowIndex": self._row(key), "columnIndex": header.index("Memo")}
        rows = [{"values": [{"userEnteredValue": {"stringValue": text}}]}]
        self._do({"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}})

    def retype_key(self, key: str, value: str | float) -> None:
        _first, header, _ = self._table()
        start = {"sheetId": self._id(), "rowIndex": self._row(key), "columnIndex": header.index("ID")}
        entered = {"stringValue" if isinstance(value, str) else "numberValue": value}
        rows = [{"values": [{"userEnteredValue": entered}]}]
        self._do({"updateCells": {"start": start, "rows": rows, "fields": "userEnteredValue"}})

    def delete_row(self, key: str) -> None:
        self._do({"deleteDimension": {"range": self._span(self._row(key))}})

    def reverse_rows(self) -> None:
        first, _, _ = self._table()
        for line in self.rows():
            source = self._span(self._row(str(line["id"])))
            self._do({"moveDimension": {"source": source, "destinationIndex": first}})

    def duplicate_row(self, key: str) -> None:
        first, header, _ = self._table()
        last = first + len(self.rows())
        columns = {"sheetId": self._id(), "startColumnIndex": 0, "endColumnIndex": len(header)}
        source, target = (
            {**columns, "startRowIndex": row, "endRowIndex": row + 1} for row in (self._row(key), last)
        )
        self._do(
            {"insertDimension": {"range": self._span(last), "inheritFromBefore": True}},
            {"copyPaste": {"source": source, "destination": target}},
        )

    def remember(self) -> Callable[[], None]:
        pytest.skip("Google's versions cannot be restored by a program")

    def _do(self, *requests: Json) -> None:
        body = {"requests": list(requests)}
        self.http.write(f"{self.book}:batchUpdate", fields="spreadsheetId", body=body, name=self.book)

    def _read(self, where: Json) -> Iterator[tuple[int, list[list[Any]]]]:
        """The blocks of cells at a place: their first row, and what a person sees."""
        answer = self.http.read(
            f"{self.book}:getByDataFilter", fields=_CELLS, body={"dataFilters": [where]}, name=self.book
        )
        for sheet in answer["sheets"]:
            for block in sheet["data"]:
                rows = [row.get("values", []) for row in block.get("rowData", [])]
                yield block.get("startRow", 0), [[_shown(cell) for cell in row] for row in rows]

    def _table(self) -> tuple[int, list[Any], list[list[Any]]]:
        """The number of the first row below the header, from 0; the header; all lines below it."""
        ((_, lines),) = self._read({"a1Range": "Signals"})
        header = next(at for at, line in enumerate(lines) if set(map(str, line)) >= _HEADERS)
        return header + 1, lines[header], lines[header + 1 :]

    def _id(self) -> int:
        return self.titles()["Signals"]

    def _row(self, key: str) -> int:
        first, header, lines = self._table()
        at = header.index("ID")
        return first + next(row for row, line in enumerate(lines) if str(_at(line, at)) == key)

    def _span(self, row: int) -> Json:
        return {"sheetId": self._id(), "dimension": "ROWS", "startIndex": row, "endIndex": row + 1}


def _at(line: list[Any], column: int) -> Any:
    return line[column] if column < len(line) else None


def _shown(cell: Json) -> str | bool | Decimal | datetime | None:
    """A cell as a person understands it: formulas as text, times as times."""
    value: Any = next(iter(cell.get("userEnteredValue", {}).values()), None)
    if isinstance(value, bool | str) or value is None:
        return value
    kind = cell.get("userEnteredFormat", {}).get("numberFormat", {}).get("type", "")
    number = Decimal(str(value))
    shown: datetime | Decimal = moment(number) if kind in ("DATE", "TIME", "DATE_TIME") else number
    return shown
