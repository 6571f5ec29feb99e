"""A spreadsheet as JSON and back, so that what a client once left in it can lie in a file.

Written field by field as the model has them: what it gains later takes its default, and `switches` are
those of the emulator that takes it in.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from .cells import Cell, Stored
from .errors import Json
from .grid import Grid
from .model import Metadata, Sheet, Spreadsheet
from .store import Store


def dump(book: Spreadsheet) -> Json:
    """The whole spreadsheet; a cell is its plain constant, or an object of what is attached to it."""
    saved = _fields(book, but={"switches", "sheets", "metadata", "ids_before"})
    return saved | {
        "created": book.created.isoformat(),
        "modified": book.modified.isoformat(),
        "metadata": [asdict(entry) for entry in book.metadata],
        "sheets": [_sheet(sheet) for sheet in book.sheets],
    }


def load(saved: Json, store: Store) -> Spreadsheet:
    """Put a spreadsheet into a store, in the place of one with its id."""
    book = Spreadsheet(
        **saved | {
            "created": datetime.fromisoformat(saved["created"]),
            "modified": datetime.fromisoformat(saved["modified"]),
            "metadata": [Metadata(**entry) for entry in saved["metadata"]],
            "sheets": [_loaded(sheet) for sheet in saved["sheets"]],
            "switches": store.switches,
        }
    )  # fmt: skip
    with store.lock:
        store.books[book.id] = book
    return book


def _fields(item: Any, but: set[str]) -> Json:
    return {each.name: getattr(item, each.name) for each in fields(item) if each.name not in but}


def _sheet(sheet: Sheet) -> Json:
    grid = _fields(sheet.grid, but={"rows"})
    rows = [[_cell(stored) for stored in row] for row in sheet.grid.rows]
    return _fields(sheet, but={"grid"}) | {"grid": grid | {"rows": rows}}


def _cell(stored: Stored) -> Any:
    if not isinstance(stored, Cell):
        return stored
    return {name: value for name, value in asdict(stored).items() if value is not None}


def _loaded(saved: Json) -> Sheet:
    grid = Grid(**saved["grid"])
    grid.rows = [[Cell(**each) if isinstance(each, dict) else each for each in row] for row in grid.rows]
    sizes = {axis: {int(at): size for at, size in saved[axis].items()} for axis in ("rows", "columns")}
    return Sheet(**saved | {"grid": grid} | sizes)
