"""What the formulas in a stretch of rows look at: of their own sheet the same row and no other, or more than that."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cqs_sheets.patterns import regex

# Matches a formula in its cell, whose address comes first: column, row, attributes, what it says ("" for one that
# follows another cell's), the tag of its result and that one's first letter. It meets rows by the hundred thousand, of
# which few hold a formula: a parser would take longer than the whole edit.
_FORMULA = regex(
    rb'<c r="([A-Z]+)(\d+)"([^>]*)>\s*<f(?:\s[^>]*?)?(?:/>|>([^<]*)</f>)(?:\s*(<v\b)[^<>]*>([^<])?)?'
)
# Matches what may be a cell, and its row: a name that looks like one, too, but no function.
_PLACE = regex(rb"([A-Za-z]{1,3})(\$?)([0-9]+)(?![\w.(])")
_ELSEWHERE = regex(rb"(?:'[^']*'|[\w.\x80-\xff]+)!\$?[A-Za-z]{0,3}\$?[0-9]*(?::\$?[A-Za-z]{0,3}\$?[0-9]*)?")
_BEYOND = (b":", b"!", b"[", b"INDIRECT(", b"OFFSET(")
ROW = b"\0"
"""In a shape, in place of its row's number: no formula can hold it."""

Cell = tuple[bytes, bytes]
"""Column and row."""


def formulas(rows: bytes) -> Sequence[tuple[bytes, bytes, bytes, bool]]:
    """Column, row, formula (blank: another cell's), and whether a result is stored with it; an empty text is one."""
    return [
        (column, row, formula, bool(tag and (begun or b'"str"' in attributes)))
        for column, row, attributes, formula, tag, begun in _FORMULA.findall(rows)
    ]


def without_texts(formula: bytes) -> bytes:
    """A formula without the texts in it."""
    return b"".join(formula.replace(b"&quot;", b'"').split(b'"')[::2])


def looks_beyond(formula: bytes, row: bytes) -> bool:
    """Whether a formula of that row looks at other cells of its sheet than the row's; also where nobody can tell."""
    if not formula.strip():
        return True
    text = _ELSEWHERE.sub(b"", without_texts(formula))
    return any(each in text for each in _BEYOND) or any(place[2] != row for place in _PLACE.findall(text))


def shape(formula: bytes, row: bytes) -> bytes:
    """What a formula says in any row: the same for all that differ in nothing but the number of their own."""
    return _PLACE.sub(lambda place: place[1] + place[2] + (ROW if place[3] == row else place[3]), formula)


def says(shape: bytes, row: bytes) -> bytes:
    """The formula of such a shape in a row."""
    return shape.replace(ROW, row)


def resting_on(found: Collection[Cell], rows: bytes) -> set[Cell]:
    """Cells with formulas, and all others of their rows with formulas that look at them, near or far."""
    resting, rest = set(found), {row for _, row in found}
    waiting = {
        (column, row): {(place[0].upper(), place[2]) for place in _PLACE.findall(without_texts(formula))}
        for column, row, formula, _ in formulas(rows)
        if row in rest
    }
    while more := {cell for cell, places in waiting.items() if cell not in resting and places & resting}:
        resting |= more
    return resting
