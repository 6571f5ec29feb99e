"""A1 notation and half-open boxes of cells (0-based)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CELLS = re.compile(r"\$?([A-Za-z]{0,3})\$?([1-9]\d*)?(?::\$?([A-Za-z]{0,3})\$?([1-9]\d*)?)?$")
_PLAIN_TITLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
_LOOKS_LIKE_CELL = re.compile(r"([A-Za-z]{1,3}[0-9]+|[Rr][0-9]*[Cc][0-9]*)$")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Half-open; None is unbounded on that side."""

    top: int | None = None
    bottom: int | None = None
    left: int | None = None
    right: int | None = None

    @property
    def is_one_cell(self) -> bool:
        if self.top is None or self.left is None:
            return False
        return self.bottom == self.top + 1 and self.right == self.left + 1


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open and bounded: rows top..bottom-1, columns left..right-1."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    def holds(self, other: Box) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def meets(self, other: Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def column_name(index: int) -> str:
    """0 -> A, 26 -> AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def column_index(name: str) -> int:
    index = 0
    for letter in name.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def split_title(text: str) -> tuple[str | None, str]:
    """`'My tab'!A1` -> ("My tab", "A1"); without a tab (None, text)."""
    quoted = re.match(r"'((?:[^']|'')*)'(?:!(.*))?$", text, re.DOTALL)
    if quoted:
        return quoted[1].replace("''", "'"), quoted[2] or ""
    if "!" in text:
        title, _, cells = text.rpartition("!")
        return title, cells
    return None, text


def parse_cells(text: str) -> Bounds | None:
    """`B2:C`, `2:4`, `A:A`, `B7`; None if it is not one."""
    found = _CELLS.match(text)
    if not found or not (found[1] or found[2]):
        return None
    first_column, first_row, last_column, last_row = found.groups()
    if ":" not in text:
        return _single(first_column, first_row)
    if not (last_column or last_row):
        return None
    left, right = _ordered(column_index(first_column) if first_column else None, _end(last_column))
    top, bottom = _ordered(int(first_row) - 1 if first_row else None, int(last_row) if last_row else None)
    return Bounds(top, bottom, left, right)


def _single(column: str, row: str | None) -> Bounds | None:
    if not column or not row:
        return None
    left, top = column_index(column), int(row) - 1
    return Bounds(top, top + 1, left, left + 1)


def _end(column: str | None) -> int | None:
    return column_index(column) + 1 if column else None


def _ordered(start: int | None, end: int | None) -> tuple[int | None, int | None]:
    if start is not None and end is not None and start >= end:
        return end - 1, start + 1
    return start, end


def quote_title(title: str) -> str:
    """The title as the service writes it before the `!`."""
    if _PLAIN_TITLE.match(title) and not _LOOKS_LIKE_CELL.match(title):
        return title
    return "'" + title.replace("'", "''") + "'"


def name_box(title: str, box: Box) -> str:
    """`Sheet1!A1:Z1000`; one cell is `Sheet1!D4`."""
    first = f"{column_name(box.left)}{box.top + 1}"
    last = f"{column_name(box.right - 1)}{box.bottom}"
    return f"{quote_title(title)}!{first}" + (f":{last}" if last != first else "")


def name_bounds(title: str, bounds: Bounds) -> str:
    """As the service writes a range, open sides left out: `T!A1001:B`, `T!AA1:2`."""
    left, top = bounds.left or 0, bounds.top or 0
    first = f"{column_name(left)}{top + 1}"
    column = column_name(bounds.right - 1) if bounds.right else ""
    last = f"{column}{bounds.bottom or ''}"
    return f"{quote_title(title)}!{first}" + (f":{last}" if last and last != first else "")
