"""Results of formulas that a write made a lie are forgotten: whoever opens the file computes them anew.

Excel does so when told to; LibreOffice and readers of values trust what is stored, so it must go.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import NamedTuple

from cqs_sheets.destinations.excel.edit.rows import without_result
from cqs_sheets.destinations.excel.parts import segments
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.rowformulas import (
    Cell,
    formulas,
    looks_beyond,
    resting_on,
    says,
    shape,
    without_texts,
)
from cqs_sheets.destinations.excel.parts.rowstream import Part, Piece, addressed, check_order, pieces
from cqs_sheets.destinations.excel.parts.segments import Shapes
from cqs_sheets.destinations.excel.parts.tables import tables_of
from cqs_sheets.destinations.excel.parts.workbook import PREFIX, DefinedName, Sheet, Workbook
from cqs_sheets.destinations.excel.parts.xmltext import escape, has_formula
from cqs_sheets.errors import DataRefused
from cqs_sheets.patterns import regex

# They match cells with a formula and the result that was kept of it, a formula shared with others (no text) included.
# They meet rows by the hundred thousand, of which few hold a formula: a parser would take longer than the whole edit.
_RESULT = regex(rb"(?:</f>|<f(?:\s[^>]*)?/>)\s*<v\b")
_FORMULA = regex(rb"<f(?:\s[^>]*)?>([^<]*)")  # blank: one that follows another cell's
_FORMULA_CELL = regex(
    rb'<c r="([A-Z]+)(\d+)"[^>]*>\s*<f(?:\s[^>]*?)?(?:/>|>[^<]*</f>)\s*<v\b.*?</c>', re.DOTALL
)
_NO_RANGES = ("_xlnm.", PREFIX)  # begin the names of what is printed or filtered, and our marks


def forget_results(
    draft: Draft, workbook: Workbook, changed: Collection[Sheet], settings: Collection[str]
) -> None:
    """Drop stored results that depend on `changed` sheets or on names of `settings` that were written.

    In a changed sheet formulas that look no further than their own row, and at no other that does, keep theirs, their
    row having been left alone; other sheets that look at it, or at a sheet that does, lose all.
    """
    stale = list(changed)
    words = _words(draft, workbook, stale, settings)
    waiting = [sheet for sheet in workbook.sheets if sheet not in stale]
    while found := [sheet for sheet in waiting if _looks_at(draft, sheet, words)]:
        stale += found
        waiting = [sheet for sheet in waiting if sheet not in found]
        words = _words(draft, workbook, stale, settings)
    for sheet in stale:
        _forget(draft, sheet, words, all_of_them=sheet not in changed)


class _Words(NamedTuple):
    """What formulas say: `pattern` finds it for certain, `names` are its lower-case names of cells."""

    pattern: re.Pattern[bytes]
    names: tuple[bytes, ...]

    def stand_in(self, formulas: bytes) -> bool:
        """Whether any of it is said."""
        if b"!" not in formulas and b"[" not in formulas:  # a quick look
            text = formulas.lower() if self.names else b""
            if not any(name in text for name in self.names):
                return False
        return self.pattern.search(formulas) is not None


def _words(draft: Draft, workbook: Workbook, sheets: Collection[Sheet], settings: Collection[str]) -> _Words:
    """What a formula says when it looks at one of the sheets: its name, its tables', names of its ranges."""
    titles = "|".join(re.escape(sheet.name.replace("'", "''")) for sheet in sheets)
    inside = re.compile(rf"(?i)(?:^|[^\w.])'?(?:{titles})'?!")
    written = [name.cell for name in workbook.names if name.name.lower() in settings]
    pages = {cell.sheet.lower() for cell in written if cell}  # the other settings on them stay what they are

    def is_stale(name: DefinedName) -> bool:
        if name.name.startswith(_NO_RANGES) or not inside.search(name.text):
            return False
        cell = None if ":" in name.text else name.cell
        return cell is None or cell.sheet.lower() not in pages or name.name.lower() in settings

    names = [*(name.name for name in workbook.names if is_stale(name)), *settings]
    tables = [table.name for sheet in sheets for table in tables_of(draft, sheet.part)]
    parts = [rf"(?:{_escaped(titles)})'?!"]
    parts += [rf"\b(?:{'|'.join(map(re.escape, tables))})\[" for _ in tables[:1]]
    parts += [rf"\b(?:{'|'.join(map(re.escape, names))})\b" for _ in names[:1]]
    quick = tuple(dict.fromkeys(escape(name).lower() for name in names))
    return _Words(re.compile("|".join(parts).encode(), re.IGNORECASE), quick)


def _escaped(titles: str) -> str:
    return escape(titles).decode()


def _looks_at(draft: Draft, sheet: Sheet, words: _Words) -> bool:
    try:
        return _says(draft, sheet, words)
    except DataRefused:
        return False  # an odd sheet is none of our business: it keeps what it says


def _says(draft: Draft, sheet: Sheet, words: _Words) -> bool:
    content = draft.content(sheet.part)
    formulas = (b"\n".join(_said(each)) for each in pieces(content()))
    if not any(map(words.stand_in, formulas)):
        return False
    for piece in pieces(content()):
        check_order(piece)
    return True


def _said(piece: Piece) -> Collection[bytes]:
    """What the formulas of a stretch say, each once at least."""
    return piece.shapes or (_FORMULA.findall(piece.text) if _has_formulas(piece) else ())


def _has_formulas(piece: Piece) -> bool:
    return piece.kind != segments.PLAIN and piece.part is Part.ROWS and has_formula(piece.text)


def _may_have_results(piece: Piece) -> bool:
    """Surely not where each formula is a plain one and its cell's end follows: so are those that we write."""
    if piece.kind == segments.CALM or not _has_formulas(piece):
        return False
    text = piece.text
    return b"<f " in text or text.count(b"</f>") != text.count(b"</f></c>")


def _forget(draft: Draft, sheet: Sheet, words: _Words, *, all_of_them: bool) -> None:
    before = draft.content(sheet.part)
    if all_of_them and not any(piece.shapes or _RESULT.search(piece.text) for piece in pieces(before())):
        return
    told = dict[bytes, tuple[bytes, bool]]()  # of the last formula of a column

    def lies(column: bytes, row: bytes, formula: bytes) -> bool:
        alike, lying = told.get(column, (b"", True))
        if not alike or says(alike, row) != formula:
            lying = looks_beyond(formula, row) or words.stand_in(without_texts(formula))
            told[column] = shape(formula, row), lying
        return lying

    @cache
    def all_stay(shapes: Shapes) -> bool:
        return not any(words.stand_in(without_texts(each)) for each in shapes)

    def forgetful() -> Iterator[Piece]:
        for piece in pieces(before()):
            settled = piece.shapes and not all_of_them and all_stay(piece.shapes)
            if settled or not _may_have_results(piece):
                yield piece
                continue
            rows = addressed(piece).text
            found = {
                (column, row)
                for column, row, said, _ in formulas(rows)
                if all_of_them or lies(column, row, said)
            }
            yield _without_results(piece, found if all_of_them else resting_on(found, rows))

    draft.put(sheet.part, forgetful)


def _without_results(piece: Piece, cells: Collection[Cell]) -> Piece:
    if not cells:
        return piece

    def cell(match: re.Match[bytes]) -> bytes:
        return without_result(match[0]) if (match[1], match[2]) in cells else match[0]

    return piece.edited(_FORMULA_CELL.sub(cell, addressed(piece).text))
