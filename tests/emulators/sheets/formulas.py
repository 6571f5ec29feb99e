"""References inside formulas: moved with their cells, or copied relative to a new place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from .a1 import column_index, column_name, quote_title
from .axis import Change

_TOKEN = re.compile(
    r"""
    (?P<text>"(?:[^"]|"")*")
  | (?P<tab>(?:'(?:[^']|'')+'|[A-Za-z_][A-Za-z0-9_.]*)!)?
    (?P<ref>
        (?<![A-Za-z0-9_.])
        (?: \$?[A-Za-z]{1,3}\$?[1-9][0-9]* (?: : \$?[A-Za-z]{1,3}(?:\$?[1-9][0-9]*)? | :\$?[1-9][0-9]* )?
          | \$?[A-Za-z]{1,3}:\$?[A-Za-z]{1,3}(?:\$?[1-9][0-9]*)?
          | \$?[1-9][0-9]*:\$?[1-9][0-9]* )
        (?![A-Za-z0-9_(!.])
    )
    """,
    re.VERBOSE,
)
_PART = re.compile(r"(\$?)([A-Za-z]{0,3})(\$?)([0-9]*)$")


@dataclass(frozen=True, slots=True)
class Part:
    """One corner of a reference; None where the corner leaves row or column open."""

    column: int | None
    row: int | None
    column_fixed: bool
    row_fixed: bool

    def __str__(self) -> str:
        column = "" if self.column is None else ("$" if self.column_fixed else "") + column_name(self.column)
        return column + ("" if self.row is None else ("$" if self.row_fixed else "") + str(self.row + 1))


@lru_cache(maxsize=10_000)
def _part(text: str) -> Part:
    found = _PART.match(text)
    if found is None:
        raise ValueError(text)
    first, letters, second, digits = found.groups()
    column = column_index(letters) if letters else None
    row_mark = second if letters else first or second
    return Part(column, int(digits) - 1 if digits else None, bool(first and letters), bool(row_mark))


def _rewrite(formula: str, change: Callable[[str | None, list[Part]], list[Part] | None]) -> str:
    def replace(found: re.Match[str]) -> str:
        if found["text"] is not None:
            return found[0]
        tab, parts = found["tab"] or "", [_part(part) for part in found["ref"].split(":")]
        title = tab[:-1].strip("'").replace("''", "'") if tab else None
        moved = change(title, parts)
        return f"{tab}#REF!" if moved is None else tab + ":".join(map(str, moved))

    return _TOKEN.sub(replace, formula)


def shift_formula(formula: str, home: str, changed: str, axis: str, change: Change) -> str:
    """The formula, standing on tab `home`, after rows or columns (`axis`) of tab `changed` moved."""
    if (
        home.casefold() != changed.casefold()
        and changed.replace("'", "''").casefold() not in formula.casefold()
    ):
        return formula  # it does not speak of that tab

    def move(title: str | None, parts: list[Part]) -> list[Part] | None:
        if (title or home).casefold() != changed.casefold():
            return parts
        return _moved(parts, axis, change)

    return _rewrite(formula, move)


def _moved(parts: list[Part], axis: str, change: Change) -> list[Part] | None:
    places = [part.row if axis == "ROWS" else part.column for part in parts]
    if places[0] is None:
        return parts
    if len(parts) == 1:
        index = change.point(places[0])
        return None if index is None else [_placed(parts[0], axis, index)]
    end = places[1]
    span = change.span(places[0], None if end is None else end + 1)
    if span is None:
        return None
    last = parts[1] if end is None or span[1] is None else _placed(parts[1], axis, span[1] - 1)
    return [_placed(parts[0], axis, span[0]), last]


def _placed(part: Part, axis: str, index: int) -> Part:
    column, row = (part.column, index) if axis == "ROWS" else (index, part.row)
    return Part(column, row, part.column_fixed, part.row_fixed)


def copy_formula(formula: str, down: int, right: int) -> str:
    """The formula as a copy `down` rows and `right` columns away: relative references go along."""

    def move(_title: str | None, parts: list[Part]) -> list[Part] | None:
        copies = [_offset(part, down, right) for part in parts]
        outside = any((part.row or 0) < 0 or (part.column or 0) < 0 for part in copies)
        return None if outside else copies

    return _rewrite(formula, move)


def _offset(part: Part, down: int, right: int) -> Part:
    column = part.column if part.column is None or part.column_fixed else part.column + right
    row = part.row if part.row is None or part.row_fixed else part.row + down
    return Part(column, row, part.column_fixed, part.row_fixed)


def rename_tab(formula: str, old: str, new: str) -> str:
    """References to a renamed tab follow it."""
    mark = re.escape(old.replace("'", "''"))
    pattern = re.compile(rf"\"(?:[^\"]|\"\")*\"|(?<![A-Za-z0-9_'.])(?:'{mark}'|{mark})!", re.IGNORECASE)
    return pattern.sub(lambda found: found[0] if found[0][0] == '"' else quote_title(new) + "!", formula)
