"""Writing a sheet's rows in segments: new ones deflated, those that stay copied as they are."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from math import isqrt
from typing import BinaryIO, NamedTuple

from cqs_sheets.destinations.excel.parts import archive, rowformulas, segments
from cqs_sheets.destinations.excel.parts.archive import Member
from cqs_sheets.destinations.excel.parts.rowstream import ROW_NUMBER, Part, Piece, Stretch, pieces, plain_key
from cqs_sheets.destinations.excel.parts.segments import Layout, Resealed, Sealed, Segment, Shapes
from cqs_sheets.destinations.excel.parts.xmltext import has_formula
from cqs_sheets.patterns import regex
from cqs_sheets.values import replace

ENOUGH = 1 << 16
"""Bytes of rows in a segment at least: a few dozen to a few hundred."""

_MOST_SHAPES = 100  # of formulas, in a part
_AT_ONCE = 8  # segments that are copied together
# Matches a formula's text: of hundreds of thousands of cells, which a parser would take a hundred times as long for.
_FORMULA = regex(rb"<f>([^<]*)")


class _Fresh(NamedTuple):
    text: bytes
    last: int = 0
    rows: int = 0
    known: Sequence[int] = ()
    kind: int | None = None


_Done = tuple[bytes, Segment, Shapes]
"""The bytes of a segment in the archive, or of it and of some that follow it; what is remembered of it."""


class Written(NamedTuple):
    """A part that was written: its size and check sum, and how it lies there."""

    size: int
    crc: int
    layout: Layout


def enough(size: int) -> int:
    """Bytes of rows in a segment of a sheet of that size.

    Twice as many in each are half as many to pass over, and twice as much to inflate where something changed: what
    is best grows with the root of the sheet's size.
    """
    return max(ENOUGH, 8 * isqrt(size))


def write(
    file: BinaryIO,
    content: Iterable[Stretch],
    letters: str,
    known: Sequence[int] | None = None,
    *,
    about: int = 0,
) -> Written:
    """Deflate a sheet whose keys stand in that column. Raises TargetChanged if a segment is not what it was.

    `known` has the keys of rows that a pass has read, from row 1 on; 0 where it does not tell. The sheet has `about`
    so many bytes.
    """
    key = plain_key(letters.encode())
    size, crc, lead, found, shapes = 0, 0, -1, list[Segment](), segments.NOTHING
    blocks = _blocks(content, () if known is None else known, enough(about))
    for packed, segment, said in _packed(blocks, key):
        file.write(packed)
        crc = archive.crc32_combine(crc, segment.crc, segment.size)
        size += segment.size
        if lead < 0:
            lead = segment.packed
        elif segment.last:
            many = len(shapes | said) > _MOST_SHAPES
            found.append(segment._replace(kind=segments.OPEN) if many else segment)
            shapes = shapes if many else shapes | said
    file.write(archive.FINAL)
    return Written(size, crc, Layout(lead, found, shapes))


def resealed(
    member: Member, directory: int, content: Iterable[Stretch], letters: str, known: Sequence[int]
) -> Resealed:
    """The `content` of a sheet's part, of an archive with that directory, deflated in memory; `known` may yet grow."""
    spool = io.BytesIO()
    size, crc, layout = write(spool, content, letters, known, about=member.size)
    packed = spool.getvalue()
    return Resealed(
        directory, replace(member, data=0, packed=len(packed), size=size, crc=crc), layout, packed
    )


def _packed(blocks: Iterable[_Fresh | Sealed], key: re.Pattern[bytes]) -> Iterator[_Done]:
    """On one core: more made it no faster on two, at a third more of the processor's time."""
    staying: list[Sealed] = []
    for block in blocks:
        if staying and (len(staying) == _AT_ONCE or isinstance(block, _Fresh)):
            yield from _as_they_are(staying)
            staying = []
        if isinstance(block, _Fresh):
            yield _segment(block, key)
        else:
            staying.append(block)
    if staying:
        yield from _as_they_are(staying)


def _as_they_are(sealed: Sequence[Sealed]) -> Iterator[_Done]:
    raw = segments.raw_of(sealed)
    for block in sealed:
        yield raw, block.segment, block.shapes
        raw = b""


def _segment(block: _Fresh, key: re.Pattern[bytes]) -> _Done:
    text, crc = block.text, archive.codec.crc32
    packed = archive.deflated_block(text)
    found, shapes = formulas_in(text) if block.kind is None else (block.kind, segments.NOTHING)
    keys = _keys(block, key) if block.last else ()
    span = min(keys, default=0), max(keys, default=0)
    return (
        packed,
        Segment(len(packed), len(text), crc(packed), crc(text), block.last, found, *span, keys),
        shapes,
    )


def formulas_in(text: bytes) -> tuple[int, Shapes]:
    """Which of the segments' kinds these rows are; if SETTLED, what their formulas say."""
    if not has_formula(text):
        return segments.PLAIN, segments.NOTHING
    if b"<f " in text or b"<f/" in text:
        return segments.OPEN, segments.NOTHING
    if text.count(b"</f>") == text.count(b"</f></c>"):
        formulas = b"\n".join(_FORMULA.findall(text)).replace(b"://", b"")
        return segments.OPEN if b":" in formulas else segments.CALM, segments.NOTHING
    shapes = _settled(text)
    return segments.SETTLED if shapes else segments.OPEN, shapes


def _settled(text: bytes) -> Shapes:
    """What formulas say, if each has its result and looks at no other row; nothing otherwise."""
    last, shapes = dict[bytes, bytes](), set[bytes]()
    found = rowformulas.formulas(text)
    for column, row, formula, result in found:
        if not result:
            return segments.NOTHING
        if column not in last or rowformulas.says(last[column], row) != formula:
            if b":" in rowformulas.without_texts(formula) or rowformulas.looks_beyond(formula, row):
                return segments.NOTHING  # a range on another sheet may have to grow
            last[column] = rowformulas.shape(formula, row)
            shapes.add(last[column])
    return frozenset(shapes) if len(found) == text.count(b"</f>") else segments.NOTHING


def _keys(block: _Fresh, key: re.Pattern[bytes]) -> Sequence[int]:
    if block.known and 0 not in block.known and len(block.known) == block.rows:
        ends = key.search(block.text), key.search(block.text, block.text.rfind(b"<row"))
        if [each and each[1] for each in ends] == [b"%d" % block.known[at] for at in (0, -1)]:
            return block.known
    found = key.findall(block.text)
    return tuple(map(int, found)) if len(found) == block.rows else ()


def _blocks(content: Iterable[Stretch], known: Sequence[int], enough: int) -> Iterator[_Fresh | Sealed]:
    """What stands in front of the rows, segments of them, the last few with all that is behind them (`last` 0)."""
    waiting, before, last = b"", 0, 0
    for piece in _joined(pieces(content), enough):
        if piece.part is Part.HEAD:
            yield _Fresh(piece.text)
        elif piece.part is Part.TAIL:
            yield _Fresh(waiting + piece.text)
        elif piece.sealed:
            if waiting:
                yield _Fresh(waiting, last, last - before)
            waiting, before = b"", piece.last
            yield piece.sealed
        elif piece.unread and len(piece.text) >= ENOUGH:
            if waiting:
                yield _Fresh(waiting, last, last - before)
                before = last
            waiting, last = b"", piece.last
            yield _Fresh(piece.text, last, last - before, kind=piece.kind)
            before = last
        elif not waiting and enough // 2 < len(piece.text) < 2 * enough:
            before = last = piece.last
            keys = known[piece.before : last] if piece.intact else ()
            yield _Fresh(piece.text, last, last - piece.before, keys)
        else:
            waiting, last = waiting + piece.text, piece.last
            while (at := _cut(waiting, enough)) > 0:
                number = ROW_NUMBER.match(waiting, waiting.rfind(b"<row", 0, at))
                if number is None:
                    break
                end = int(number[1])
                yield _Fresh(waiting[:at], end, end - before)
                waiting, before = waiting[at:], end


def _joined(rows: Iterable[Piece], enough: int) -> Iterator[Piece]:
    """The same, with pieces that came so out of a part put together until they are nearly enough."""
    held, size = list[Piece](), 0
    for piece in rows:
        if piece.intact:
            held.append(piece)
            size += piece.size
        if held and (not piece.intact or size * 4 >= enough * 3):
            yield _one(held)
            held, size = [], 0
        if not piece.intact:
            yield piece


def _one(held: Sequence[Piece]) -> Piece:
    if len(held) == 1:
        return held[0]
    piece = Piece(Part.ROWS, b"".join(each.text for each in held), held[0].before, held[-1].last)
    piece.intact = True
    return piece


def _cut(text: bytes, enough: int) -> int:
    """Where a row begins, with enough in front of it; -1 if there is not as much."""
    return text.find(b"<row ", enough) if len(text) > enough else -1
