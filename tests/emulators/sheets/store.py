"""The files of one account, and the one place where a change becomes visible."""

from __future__ import annotations

import random
import string
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from .cells import Cell, Scalar, number
from .errors import Json, forbidden, no_sheet, not_found
from .evaluate import Evaluator, evaluate_trivial
from .grid import Grid
from .model import Sheet, Spreadsheet, Switches
from .themes import spreadsheet_properties

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """All access goes through `lock`, so a request or a user's edit is seen whole or not at all."""

    def __init__(
        self,
        switches: Switches | None = None,
        evaluator: Evaluator = evaluate_trivial,
        clock: Clock = utc_now,
    ) -> None:
        self.lock = threading.RLock()
        self.switches = switches or Switches()
        self.evaluator = evaluator
        self.clock = clock
        self.books: dict[str, Spreadsheet] = {}
        self.commits = 0
        self._random = random.Random(2026)  # noqa: S311 - ids need only look random

    def new_book(self, title: str, spreadsheet_id: str = "") -> Spreadsheet:
        """A spreadsheet without tabs."""
        now = self.clock()
        letters = string.ascii_letters + string.digits + "-_"
        name = spreadsheet_id or "1" + "".join(self._random.choices(letters, k=43))
        book = Spreadsheet(name, spreadsheet_properties(title), now, now, self.switches)
        self.books[name] = book
        return book

    def book(self, spreadsheet_id: str, *, write: bool = False) -> Spreadsheet:
        """Raises ApiError 404, 403 or 400."""
        found = self.books.get(spreadsheet_id)
        if found is None or found.trashed:
            raise not_found()
        if found.access == "none" or (write and found.access != "writer"):
            raise forbidden()
        if found.kind != "sheet":
            raise no_sheet(found.kind)
        return found

    @contextmanager
    def changing(self, spreadsheet_id: str, *, as_user: bool = False) -> Iterator[Spreadsheet]:
        """A copy to change; it takes the place of the original unless the block raises."""
        with self.lock:
            original = self.books[spreadsheet_id] if as_user else self.book(spreadsheet_id, write=True)
            draft = original.copy()
            yield draft
            draft.modified = self.clock()
            self.books[spreadsheet_id] = draft
            self.commits += 1


def blank_sheet(title: str = "Sheet1", sheet_id: int = 0) -> Sheet:
    """The one tab of a new file."""
    return Sheet({"sheetId": sheet_id, "title": title, "sheetType": "GRID", "gridProperties": {}})


def filled_grid(rows: list[list[Scalar | None]], row_count: int, column_count: int) -> Grid:
    """Plain values as given, a text that begins with = as a formula; the grid at least as large as asked."""
    grid = Grid(max(row_count, len(rows)), max(column_count, max(map(len, rows), default=0)))
    for index, row in enumerate(rows):
        grid.set_row(index, [stored_value(item) for item in row])
    return grid


def stored_value(item: Scalar | None) -> Cell | Scalar | None:
    if isinstance(item, str):
        return Cell(formula=item) if item.startswith("=") else item or None
    return item if isinstance(item, bool) or item is None else number(item)


def file_json(book: Spreadsheet) -> Json:
    """The file as Drive v3 shows it."""
    return {
        "kind": "drive#file",
        "id": book.id,
        "name": book.properties["title"],
        "mimeType": "application/vnd.google-apps.spreadsheet",
        "createdTime": _drive_time(book.created),
        "modifiedTime": _drive_time(book.modified),
        "trashed": book.trashed,
        "capabilities": {"canEdit": book.access == "writer"},
        "webViewLink": f"https://docs.google.com/spreadsheets/d/{book.id}/edit?usp=drivesdk",
    }


def _drive_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
