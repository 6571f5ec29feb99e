"""A worksheet part as a stream: what stands before its rows, whole rows a few hundred at a time, the rest.

The format lets writers leave out a row's or cell's address (`<row r="5"`, `<c r="B5"`) or put it
anywhere among the attributes. `addressed` gives a stretch in which each has it, and has it first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import chain
from operator import ge
from typing import NamedTuple, cast

from cqs_sheets.core.grid import column_number
from cqs_sheets.destinations.excel.parts import segments
from cqs_sheets.destinations.excel.parts.references import MAX_ROW, address
from cqs_sheets.destinations.excel.parts.segments import Sealed
from cqs_sheets.destinations.excel.parts.xmltext import Malformed, attributes, canonical, sound_part, whole
from cqs_sheets.errors import DataRefused
from cqs_sheets.patterns import regex

# They match the tags of rows and cells in canonical spelling (xmltext), with attributes in any order or without the
# address. A sheet may hold a million rows, of which a few are wanted: a parser would make objects of all of them, and
# write anew what is only passed on.
_OPEN = regex(rb"<sheetData(?:\s[^>]*?)?(/?)>")
_CLOSE = b"</sheetData"
_EDGE = len(_CLOSE) - 1
_ROW_START = regex(rb"<row[\s/>]")
ROW_NUMBER = regex(rb'<row r="(\d{1,9})\d*"')  # more digits are past the grid as well
_UNADDRESSED = regex(rb'<(?:c|row)(?=[\s/>])(?! r="[A-Z0-9])')
_TAG = regex(rb"<(row|c)((?:\s[^<>]*?)?)(/?)>")
_ADDRESS = regex(rb"""\s*\br\s*=\s*(?:"[^"]*"|'[^']*')""")
_CELL_ADDRESS = regex(r"([A-Za-z]{1,3})([0-9]+)")
_LONGEST_ROW = 64 << 20
_LONGEST_HEAD = 16 << 20
_CHUNK = 1 << 16


class Part(Enum):
    """Which stretch of a worksheet a piece belongs to."""

    HEAD = "head"
    ROWS = "rows"
    TAIL = "tail"


class Unread(NamedTuple):
    """Rows that are made once their text is asked for; one of them is known, `size` and `kind` of all are by that.

    Their formulas differ in nothing but the numbers of rows.
    """

    make: Callable[[], bytes]
    sample: bytes
    size: int
    kind: int


class Piece:
    """A stretch of the part. HEAD ends with `<sheetData>`, TAIL begins with `</sheetData>`; each comes once.

    ROWS pieces hold whole rows, numbered after `before` and up to `last`. One that is `sealed` is inflated when its
    text is asked for, one that is `unread` is made then. One that is `intact` came so out of the part that was split.
    """

    __slots__ = ("_text", "before", "intact", "last", "part", "sealed", "unread")

    def __init__(self, part: Part, text: bytes | Sealed | Unread, before: int = 0, last: int = 0) -> None:
        self.part = part
        self.before = before
        self.last = last
        self.intact = False
        self.sealed: Sealed | None = None
        self.unread: Unread | None = None
        self._text = b""
        if isinstance(text, bytes):
            self._text = text
        elif isinstance(text, Sealed):
            self.sealed = text
        else:
            self.unread = text

    @property
    def text(self) -> bytes:
        """Its text."""
        if self.sealed and not self._text:
            self._text = self.sealed.text
        if self.unread and not self._text:
            self._text = self.unread.make()
        return self._text

    @property
    def sample(self) -> bytes:
        """Its text, or so much of it that each of its formulas is there once."""
        return self.unread.sample if self.unread else self.text

    @property
    def kind(self) -> int:
        """What is known of its formulas without a look: one of the segments' kinds."""
        known = self.sealed.segment if self.sealed else self.unread
        return known.kind if known else segments.OPEN

    @property
    def shapes(self) -> segments.Shapes:
        """What its formulas say, where each is known to have its result without a look; else nothing."""
        return self.sealed.shapes if self.sealed else segments.NOTHING

    def put(self, text: bytes) -> Piece:
        """The same rows with another text."""
        return Piece(self.part, text, self.before, self.last)

    def edited(self, text: bytes) -> Piece:
        """The same rows with their `text` as it is now; still sealed if that is no other."""
        return self if text is self._text or text == self.text else self.put(text)

    def content(self, text: bytes | None = None) -> bytes | Sealed:
        """What stands for it, or for its `text` as it is now, in a stream that is to be split anew."""
        piece = self if text is None else self.edited(text)
        return piece.sealed or piece.text

    @property
    def size(self) -> int:
        """How many bytes its text has."""
        known = self.sealed or self.unread
        return known.size if known else len(self._text)


Stretch = bytes | Sealed | Piece
"""A stretch of a part's content. Whoever has split a worksheet and moves no row passes its pieces on, all of them."""


def pieces(content: Iterable[Stretch]) -> Iterator[Piece]:
    """Split a worksheet part; DataRefused if stretches of its rows are not in order or out of the grid.

    Order within a stretch is looked at where rows are told apart: `addressed`, `check_order`.
    """
    stretches = iter(content)
    first = next(stretches, b"")
    if isinstance(first, Piece):
        yield first
        yield from cast("Iterator[Piece]", stretches)
    else:
        yield from _split(chain((first,), cast("Iterator[bytes | Sealed]", stretches)))


def _split(content: Iterable[bytes | Sealed]) -> Iterator[Piece]:
    run = _Run(content)
    stream = canonical(_gathered(run))
    head, rest, empty = _head(stream)
    yield Piece(Part.HEAD, head)
    last = 0
    while not empty:
        for rows, after in _rows(rest, stream, run):
            if rows:
                piece = _numbered(rows, last)
                last = piece.last
                yield piece
            rest = after
        if run.sealed is None:
            break
        for sealed in run.all_sealed():
            if sealed.segment.last <= last:
                raise segments.forgotten()
            piece = Piece(Part.ROWS, sealed, last, sealed.segment.last)
            last = piece.last
            yield piece
        rest, stream = b"", _gathered(run)
    tail = b"".join((_CLOSE + b">" if empty else b"", rest, *stream))
    sound_part(head + tail)
    yield Piece(Part.TAIL, tail)


class _Run:
    """The bytes of a stream up to the next segment, which is in `sealed` then."""

    def __init__(self, content: Iterable[bytes | Sealed]) -> None:
        self._content = iter(content)
        self._held: bytes | None = None
        self.sealed: Sealed | None = None

    def all_sealed(self) -> Iterator[Sealed]:
        """The segment that is in `sealed`, and those that follow it at once."""
        following: bytes | Sealed | None = self.sealed
        self.sealed = None
        while isinstance(following, Sealed):
            yield following
            following = next(self._content, None)
        self._held = following

    def __iter__(self) -> Iterator[bytes]:
        if self._held:
            yield self._held
        for each in self._content:
            if isinstance(each, Sealed):
                self.sealed = each
                return
            yield each


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same in larger chunks: an edited part comes row by row, and each chunk is searched for whole rows."""
    waiting, size = [], 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= _CHUNK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _head(stream: Iterator[bytes]) -> tuple[bytes, bytes, bool]:
    text = bytearray()
    for chunk in stream:
        seen = max(0, len(text) - _CHUNK)  # of a tag that goes on
        text += chunk
        if match := _OPEN.search(text, seen):
            return bytes(text[: match.start()]) + b"<sheetData>", bytes(text[match.end() :]), bool(match[1])
        if len(text) > _LONGEST_HEAD:
            break
    raise _refused("it has no grid of cells")


def _rows(rest: bytes, stream: Iterator[bytes], run: _Run) -> Iterator[tuple[bytes, bytes]]:
    """Stretches of whole rows, each with what is left behind it; the last one is the tail's beginning."""
    chunk, waiting, size, edge = rest, [b""], 0, b""
    while True:
        cut = chunk.rfind(b"<row", 0, -5)
        if cut > 0 and _ROW_START.match(chunk, cut) and _goes_on(chunk, cut):
            yield b"".join((*waiting, memoryview(chunk)[:cut])), b""
            waiting, size = [chunk[cut:]], len(chunk) - cut
        else:
            waiting.append(chunk)
            if _CLOSE in edge + chunk:  # it may have begun in the chunk before
                rest = b"".join(waiting)
                end = rest.find(_CLOSE, max(0, size - len(edge)))
                rows = rest[:end].rstrip()
                if rows and not rows.endswith((b"</row>", b"/>")):
                    raise _refused("its rows do not end")
                yield rows, rest[end:]
                return
            size += len(chunk)
        edge = (edge + chunk[-_EDGE:])[-_EDGE:]
        chunk = next(filter(None, stream), b"")  # an edited part may come with empty pieces
        if not chunk and run.sealed:
            yield b"".join(waiting), b""
            return
        if not chunk or size > _LONGEST_ROW:
            raise _refused("its rows do not end")


def _goes_on(chunk: bytes, cut: int) -> bool:
    """Whether the rows do not end in a chunk; what follows another row at `cut` is a row, and none of the tail."""
    if chunk.endswith(b"</row>", 0, cut):
        return chunk.find(_CLOSE, cut) < 0
    return _CLOSE not in chunk


def _numbered(rows: bytes, previous: int) -> Piece:
    if b"<row" not in rows:
        return Piece(Part.ROWS, rows, previous, previous)
    first, last = _ends(rows)
    if first is None or last is None:
        rows = _with_addresses(rows, previous)
        first, last = _ends(rows)
    if first is None or last is None:
        raise _refused(f"something else than rows stands after row {previous}")
    if not previous < int(first[1]) <= int(last[1]) <= MAX_ROW:
        raise _refused(f"its rows are not in order or past the grid (row {int(last[1])} after {previous})")
    piece = Piece(Part.ROWS, rows, previous, int(last[1]))
    piece.intact = True
    return piece


def _ends(rows: bytes) -> tuple[re.Match[bytes] | None, re.Match[bytes] | None]:
    """The numbers of the first and the last row."""
    return ROW_NUMBER.match(rows, rows.find(b"<row")), ROW_NUMBER.match(rows, rows.rfind(b"<row"))


def addressed(piece: Piece) -> Piece:
    """The same rows, each with its address in front, each cell too; DataRefused if they are not in order."""
    text = piece.text
    if _UNADDRESSED.search(text):
        text = _with_addresses(text, piece.before)
    piece = piece.put(text)
    check_order(piece)
    return piece


def check_order(piece: Piece) -> None:
    """Raises DataRefused if rows, each with its address, are not in order."""
    numbers = [piece.before, *map(int, ROW_NUMBER.findall(piece.text))]
    if any(map(ge, numbers, numbers[1:])):
        raise _refused(f"its rows are not in order (after row {piece.before})")


def _with_addresses(rows: bytes, row: int) -> bytes:
    column = 0

    def addressed(match: re.Match[bytes]) -> bytes:
        nonlocal row, column
        kind, rest, closed = match.groups()
        given = attributes(rest).get("r")
        if kind == b"row":
            row, column = _row_number(given, row), 0
            name = str(row)
        else:
            column = _column_number(given, column)
            name = address(row, column)
        return b'<%s r="%s"%s%s>' % (kind, name.encode(), _ADDRESS.sub(b"", rest, count=1), closed)

    return _TAG.sub(addressed, rows)


def _row_number(given: str | None, previous: int) -> int:
    if given is None:
        return previous + 1
    if (number := whole(given)) < 1:
        raise Malformed("the number of a row", given)
    return number


def _column_number(given: str | None, previous: int) -> int:
    if given is None:
        return previous + 1
    if (match := _CELL_ADDRESS.fullmatch(given)) is None:
        raise _refused(f"a cell is addressed {given!r}")
    return column_number(match[1])


def cell_in(letters: bytes) -> bytes:
    """A pattern of how a cell of that column begins, up to its row's number, the `<c r="` in front looked back at.

    One character is found many times as fast as several, and a column's letter is rarer than what tags begin with.
    """
    return rb'%s(?<=<c r="%s)%s' % (letters[:1], letters[:1], letters[1:])


def plain_key(letters: bytes) -> re.Pattern[bytes]:
    """Matches the keys of a column that are whole numbers, in cells with nothing but a value and a format.

    A longer number is an id that was rounded.
    """
    return re.compile(rb'%s\d+"(?:>| s="\d+">)<v>(\d{1,15})</v>' % cell_in(letters))


def addressed_row(row: bytes, number: int) -> bytes:
    """One row, its cells with their addresses in front."""
    return _with_addresses(row, number - 1) if _UNADDRESSED.search(row) else row


def row_xml(text: bytes, number: int) -> bytes:
    """The element of a row, b"" if the stretch does not have it."""
    start, end = row_span(text, number)
    return text[start:end]


def row_span(text: bytes, number: int, position: int = 0) -> tuple[int, int]:
    """Where the element of a row begins and ends in a stretch; (-1, -1) if it is not there. Raises DataRefused."""
    start = text.find(b'<row r="%d"' % number, position)
    if start < 0:
        return -1, -1
    opened = text.find(b">", start)
    if text[opened - 1 : opened] == b"/":
        return start, opened + 1
    end = text.find(b"</row>", opened)
    if min(opened, end) < 0:
        raise _refused(f"its row {number} does not end")
    return start, end + 6


def _refused(detail: str) -> DataRefused:
    return DataRefused(
        f"The sheet cannot be edited safely: {detail}.",
        meaning="The file was left as it was.",
        hint="Open the workbook in Excel and save it again.",
    )
