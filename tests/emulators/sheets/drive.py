"""The few Drive v3 calls by which clients find, make and drop spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

from .calls import Answer, Call
from .errors import ApiError, Json
from .masks import project
from .model import Spreadsheet
from .requests.sheets import copy_of
from .store import Store, blank_sheet, file_json, filled_grid
from .values import Look, read_range

MIME = "application/vnd.google-apps.spreadsheet"
_SHORT = ("kind", "id", "name", "mimeType")
_CONDITION = re.compile(
    r"""\s*(?:and\s+)?(mimeType|name|trashed)\s*=\s*(?:"([^"]*)"|'([^']*)'|(true|false))"""
)


class DriveError(ApiError):
    """Drive words its errors in its own way."""

    def __init__(self, code: int, message: str, reason: str) -> None:
        super().__init__(code, message)
        self.reason = reason

    @property
    def body(self) -> Json:
        one = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"errors": [one], "code": self.code, "message": self.message}}


class DriveService:
    """`methods` as in SheetsService."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.methods: dict[str, Callable[[Call], Answer]] = {
            "drive.files.create": self._create,
            "drive.files.get": self._get,
            "drive.files.list": self._list,
            "drive.files.update": self._update,
            "drive.files.copy": self._copy,
            "drive.files.delete": self._delete,
            "drive.files.export": self._export,
            "drive.comments.list": lambda call: Answer(
                project({"kind": "drive#commentList", "comments": []}, call.mask)
            ),
            "drive.permissions.list": self._permissions,
        }

    def _book(self, file_id: str) -> Spreadsheet:
        book = self.store.books.get(file_id)
        if book is None or book.access == "none":
            raise DriveError(404, f"File not found: {file_id}.", "notFound")
        return book

    def _create(self, call: Call) -> Answer:
        book = self.store.new_book(call.body.get("name") or "Untitled")
        book.sheets.append(blank_sheet())
        return self._answer(book, call)

    def _answer(self, book: Spreadsheet, call: Call) -> Answer:
        shown = file_json(book)
        if "fields" in call.parameters:
            return Answer(project(shown, call.mask))
        return Answer({key: shown[key] for key in _SHORT})

    def _get(self, call: Call) -> Answer:
        return self._answer(self._book(call.parameters["fileId"]), call)

    def _list(self, call: Call) -> Answer:
        asked = {
            found[1]: found[2] or found[3] or found[4]
            for found in _CONDITION.finditer(call.parameters.get("q", ""))
        }
        shown = [file_json(book) for book in self.store.books.values() if book.access != "none"]
        shown.sort(key=lambda item: str(item["modifiedTime"]), reverse=True)
        files = [item for item in shown if all(_holds(item, name, value) for name, value in asked.items())]
        return Answer(
            project({"kind": "drive#fileList", "incompleteSearch": False, "files": files}, call.mask)
        )

    def _update(self, call: Call) -> Answer:
        book = self._book(call.parameters["fileId"])
        if "name" in call.body:
            book.properties = {**book.properties, "title": call.body["name"]}
        book.trashed = call.body.get("trashed", book.trashed)
        return self._answer(book, call)

    def _copy(self, call: Call) -> Answer:
        source = self._book(call.parameters["fileId"])
        title = call.body.get("name") or f"Copy of {source.properties['title']}"
        book = self.store.new_book(title)
        book.properties = {**source.properties, "title": title}
        for sheet in source.sheets:
            copy_of(book, sheet, {"title": sheet.title, "sheetId": sheet.id})
        return self._answer(book, call)

    def _delete(self, call: Call) -> Answer:
        del self.store.books[self._book(call.parameters["fileId"]).id]
        return Answer(status=204)

    def _permissions(self, call: Call) -> Answer:
        book = self._book(call.parameters["fileId"])
        owner = {
            "kind": "drive#permission",
            "id": "1",
            "type": "user",
            "role": "owner",
            "emailAddress": book.owner,
        }
        result: Json = {"kind": "drive#permissionList", "permissions": [owner]}
        return Answer(project(result, call.mask))

    def _export(self, call: Call) -> Answer:
        if call.parameters.get("mimeType") not in ("text/csv", "text/tab-separated-values"):
            raise DriveError(
                501, "The emulator exports text/csv and text/tab-separated-values only", "notImplemented"
            )
        book = self._book(call.parameters["fileId"])
        tab = "\t" if call.parameters["mimeType"] != "text/csv" else ","
        sheet, bounds = book.resolve(book.sheets[0].title)
        rows = read_range(book, sheet, bounds, Look(), self.store.evaluator).get("values", [])
        text = io.StringIO()
        csv.writer(text, delimiter=tab).writerows(rows)
        return Answer(text=text.getvalue().removesuffix("\r\n"), content_type=call.parameters["mimeType"])

    def upload(self, file_id: str, text: str) -> Answer:
        """A CSV replaces the whole content, as the old v2 upload does: one new tab named like the file."""
        book = self._book(file_id)
        sheet = blank_sheet(book.properties["title"], book.new_id())
        rows: list[list[str | int | float | bool | None]] = [
            list(row) for row in csv.reader(io.StringIO(text))
        ]
        sheet.grid = filled_grid(rows, 1000, 26)
        book.sheets = [sheet]
        book.properties = {**book.properties, "timeZone": "America/Los_Angeles"}
        return Answer(
            {"kind": "drive#file", "id": book.id, "title": book.properties["title"], "mimeType": MIME}
        )


def _holds(item: Json, name: str, value: str) -> bool:
    return str(item[name]).lower() == value.lower() if name == "trashed" else item[name] == value
