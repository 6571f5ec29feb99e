"""One pass over a sheet: which rows hold the wanted keys, where its data ends, what lies below.

Untouched rows cost one regular expression over their bytes and nothing more.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import repeat

from cqs_sheets.core.cells import Alike, Alikes, CellType, key_text, looks_like_id
from cqs_sheets.core.grid import column_letters, column_number
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, SharedStrings, cells_of, decode
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import MAX_ROW
from cqs_sheets.destinations.excel.parts.rowstream import (
    Part,
    Piece,
    addressed,
    cell_in,
    pieces,
    plain_key,
    row_span,
    row_xml,
)
from cqs_sheets.destinations.excel.parts.segments import Resealed, Segment
from cqs_sheets.destinations.excel.parts.xmltext import Malformed
from cqs_sheets.destinations.excel.read.place import TabPlace
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

_LITERAL = regex(rb'<c r="([A-Z]+)(\d+)"(?:\s[^>]*[^/>])?>\s*<(?:v|is)\b')
_ANYTHING = regex(rb'<c r="([A-Z]+)(\d+)"(?:\s[^>]*[^/>])?>\s*<(?:v|is|f)\b')

_NEIGHBOURS = 5  # rows that tell how a column usually looks

_LONGEST_NUMBER = 15  # digits: a longer one is an id that was rounded

Match = tuple[bytes, bytes, bytes]


@dataclass(slots=True)
class Scan:
    """What a pass found.

    `rows` has the XML of each wanted key's first row, `places` every row number it stands in; a key that is written
    in another way is in `alike`, and in the others only if it is sure.
    `last` is the last data row with content (the header's row if there is none), `models` the XML of
    the rows that new ones shall look like, by number, `model_row` the last of them, `keys` those of rows from 1 on that
    are plain numbers (0: not known), `occupied` the first
    row below the data that is not free. The data is in the columns `left` to `right`: a table's, or ours
    and those that have a header right beside them. `resealed` spares the write another pass.
    """

    last: int
    rows: dict[str, bytes] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)
    alike: dict[str, Alike] = field(default_factory=dict)
    keyed: int = 0
    keys: array[int] = field(default_factory=lambda: array("Q"))
    models: dict[int, bytes] = field(default_factory=dict)
    model_row: int = 0
    left: int = 0
    right: int = 0
    occupied: int | None = None
    bottom: int = 0
    head: bytes = b""
    tail: bytes = b""
    resealed: Resealed | None = None

    @property
    def model(self) -> bytes:
        """The row that new ones shall look like, b"" if there is none."""
        return self.models.get(self.model_row, b"")

    @property
    def above_model(self) -> bytes:
        """The one above it."""
        return self.models.get(self.model_row - 1, b"")


def scan(
    draft: Draft,
    place: TabPlace,
    strings: SharedStrings,
    keys: Collection[str],
    *,
    column: str = "",
    reseals: bool = False,
) -> Scan:
    """Look for `keys` in the key column of a place, or in another one.

    With `reseals` rows that nothing is remembered of are sealed as they are read, for the write that is to follow.
    """
    return _Scanner(place, strings, keys, column).run(draft, reseals=reseals)


class _Scanner:
    def __init__(
        self, place: TabPlace, strings: SharedStrings, keys: Collection[str], column: str = ""
    ) -> None:
        self._place = place
        self._keyed = column in ("", place.tab.key)
        self._strings = strings
        self._keys = frozenset(keys)
        self._numbers = {key.encode(): key for key in self._keys}
        self._wanted = {int(key) for key in self._keys if key.isascii() and key.isdigit()}
        self._in_order = sorted(self._wanted)
        self._shared: dict[int, str] | None = None
        self._ids: dict[int, str] | None = None
        self._alikes = Alikes(self._keys)
        self._last_data = place.last_row
        self._found = Scan(last=place.header_row, left=place.left, right=place.right)
        self._ended = 0  # the row that is no data of ours any more
        self._model: tuple[int, Piece, Piece | None] | None = None
        self._previous: Piece | None = None
        letters = column_letters(place.columns[column or place.tab.key]).encode()
        self._plain_key = plain_key(letters)
        self._key_cell = re.compile(
            rb'%s(\d{1,9})\d*"((?:\s[^>]*[^/>])?)>(.*?)</c>' % cell_in(letters), re.DOTALL
        )

    def run(self, draft: Draft, *, reseals: bool) -> Scan:
        part = self._place.sheet.part
        seen = self._seen(pieces(draft.content(part)()))
        if reseals:
            letters = column_letters(self._place.columns[self._place.tab.key])
            self._found.resealed = draft.resealed(part, seen, letters, self._found.keys)
        deque(seen, maxlen=0)
        self._match_changed()
        if self._model:
            row, *near = self._model
            self._found.model_row = row
            for each in range(max(row - _NEIGHBOURS, self._place.header_row) + 1, row + 1):
                found = (row_xml(piece.text, each) for piece in near if piece)
                self._found.models[each] = next(filter(None, found), b"")
        return self._found

    def _seen(self, rows: Iterable[Piece]) -> Iterator[Piece]:
        for piece in rows:
            if piece.part is Part.HEAD:
                self._found.head = piece.text
            elif piece.part is Part.TAIL:
                self._found.tail = piece.text
            elif piece.last >= self._place.header_row:
                if piece.before < self._place.header_row and self._place.table is None:
                    self._find_columns(piece)
                if piece.last > self._place.header_row:
                    self._rows(piece)
                    self._previous = piece
            self._found.bottom = max(self._found.bottom, piece.last)
            yield piece

    def _match_changed(self) -> None:
        """Rows of changed keys are found by their texts; what is sure is found by its key from now on."""
        places, rows = self._found.places, self._found.rows
        changed = {text: places.pop(text) for text in places.keys() - self._keys}
        texts = {text: rows.pop(text) for text in changed}
        if not changed:
            return
        found = Alikes(self._keys - places.keys()).among(changed)
        for key, each in found.items():
            if each.sure:
                places[key], rows[key] = changed[each.text], texts[each.text]
        self._found.alike = found

    def _find_columns(self, piece: Piece) -> None:
        header = addressed(piece).text
        filled = {
            column_number(cell.column.decode())
            for cell in cells_of(row_xml(header, self._place.header_row))
            if cell.holds_something or cell.formula is not None
        }
        while self._found.left - 1 in filled:
            self._found.left -= 1
        while self._found.right + 1 in filled:
            self._found.right += 1

    def _rows(self, piece: Piece) -> None:
        """Where every row has a number for a key, only those that are wanted cost us anything."""
        whole = piece.before >= self._place.header_row and piece.last <= self._last_data and not self._ended
        known = piece.sealed.segment if piece.sealed and whole and self._keyed else None
        if known and len(known.keys) == piece.last - piece.before and not self._is_in(known):
            self._found.keyed += len(known.keys)
            self._ends_at(piece.last, piece)
            return
        numbers = self._plain_key.findall(piece.text)
        if (
            whole
            and 0 < len(numbers) == piece.last - piece.before
            and (self._numbers.keys().isdisjoint(numbers) or self._found_by_place(piece, numbers))
        ):
            self._found.keyed += len(numbers)
            self._found.keys.extend(repeat(0, piece.before - len(self._found.keys)))
            self._found.keys.extend(map(int, numbers))
            self._ends_at(piece.last, piece)
        else:
            self._rows_one_by_one(piece)

    def _is_in(self, known: Segment) -> bool:
        """Whether a segment has a wanted key. Few have one that lies among theirs, so few are looked through."""
        at = bisect_left(self._in_order, known.least)
        near = at < len(self._in_order) and self._in_order[at] <= known.most
        return near and not self._wanted.isdisjoint(known.keys)

    def _found_by_place(self, piece: Piece, numbers: Sequence[bytes]) -> bool:
        """Take wanted rows where every row has a number for a key; False, and nothing taken, if that is not sure."""
        places = enumerate(numbers, piece.before + 1)
        hits = [(row, self._numbers[number]) for row, number in places if number in self._numbers]
        taken = [(row, key, row_xml(piece.text, row)) for row, key in hits]
        if any(self._plain_key.findall(xml) != [key.encode()] for _, key, xml in taken):
            return False
        for row, key, xml in taken:
            self._found.places.setdefault(key, []).append(row)
            self._found.rows.setdefault(key, xml)
        return True

    def _rows_one_by_one(self, piece: Piece) -> None:
        matches = self._key_cell.findall(piece.text)
        if len(matches) != piece.last - piece.before:
            piece = addressed(piece)
            matches = self._key_cell.findall(piece.text)
        if piece.before < self._place.header_row or piece.last > self._last_data:
            matches = [match for match in matches if self._in_data(int(match[0]))]
        matches = _without_trailing_blanks(matches)
        position = 0
        for number, key in self._hits(matches):
            rows = self._found.places.setdefault(key, [])
            rows.append(number)
            if len(rows) == 1:
                start, position = row_span(piece.text, number, position)
                if start < 0:
                    raise _astray(number)
                self._found.rows[key] = piece.text[start:position]
        self._found.keyed += len(matches)
        if self._place.table is None:
            matches = self._of_the_data(matches)
        behind = piece.text
        if matches:
            self._ends_at(int(matches[-1][0]), piece)
            behind = behind[_end_of_row(behind, matches[-1][0]) :]
        self._rest(behind, piece)

    def _of_the_data(self, matches: list[Match]) -> list[Match]:
        """Without totals, notes and other tables below: a row that ends or begins a run and holds no id.

        A row without id between two that have one is the user's own entry.
        """
        if self._ended and not (
            matches and int(matches[0][0]) == self._ended + 1 and self._is_id(matches[0])
        ):
            return []
        self._ended = 0
        kept: list[Match] = []
        for run in _runs(matches):
            last = int(kept[-1][0]) if kept else self._found.last
            end = len(run)
            while end and not self._is_id(run[end - 1]):
                end -= 1
            if int(run[0][0]) > last + 1 and not self._is_id(run[0]):
                end = 0
            elif end == 0 and last == self._place.header_row:
                end = len(run)  # no id at all right below the header: they are what the user calls so
            kept += run[:end]
            if end < len(run):
                may_go_on = end + 1 == len(run) and run[end] is matches[-1]
                self._ended = int(run[end][0]) if may_go_on else MAX_ROW
                break
        return kept

    def _is_id(self, match: Match) -> bool:
        """Whether a key cell may hold an id: no formula."""
        _, attributes, content = match
        if b"<f" in content:
            return False
        cell = CellXml(b"", 0, attributes, content, 0, 0)
        index = cell.shared_index
        if index is not None:
            if self._ids is None:
                self._ids = self._strings.such(looks_like_id)
            return index in self._ids
        value = decode(cell, kind=CellType.TEXT, epoch_1904=False, strings={})
        return looks_like_id(str(value))

    def _in_data(self, row: int) -> bool:
        return self._place.header_row < row <= self._last_data

    def _ends_at(self, row: int, piece: Piece) -> None:
        self._found.last = row
        self._model = (row, piece, self._previous)
        if self._place.table is None:
            self._found.occupied = None

    def _rest(self, behind: bytes, piece: Piece) -> None:
        """Rows without a key: data of the user's inside a table, or something below the data."""
        first = self._place.header_row + 1
        if self._model is None and self._place.table and b'<row r="%d"' % first in piece.text:
            self._model = (first, piece, self._previous)
        if self._place.table:
            literals = reversed(_LITERAL.findall(behind))
            last = next((row for row in self._in_columns(literals) if self._in_data(row)), None)
            if last is not None:
                self._ends_at(last, piece)
        if self._found.occupied is None:
            below = self._last_data if self._place.table else self._found.last
            anything = (match.groups() for match in _ANYTHING.finditer(behind))
            self._found.occupied = next((row for row in self._in_columns(anything) if row > below), None)

    def _in_columns(self, cells: Iterable[Sequence[bytes]]) -> Iterator[int]:
        for letters, row in cells:
            if self._found.left <= column_number(letters.decode()) <= self._found.right:
                yield int(row)

    def _hits(self, matches: list[Match]) -> Iterator[tuple[int, str]]:
        numbers = self._numbers
        for number, attributes, content in matches:
            number_cell = b"t=" not in attributes or b't="n"' in attributes  # LibreOffice writes the default
            if number_cell and content.startswith(b"<v>"):
                raw = content[3:-4]
                key = numbers.get(raw)
                if key is None and (len(raw) > _LONGEST_NUMBER or not raw.isdigit()):
                    key = self._odd_key(attributes, content)
            else:
                key = self._odd_key(attributes, content)
            if key is not None:
                yield int(number), key

    def _odd_key(self, attributes: bytes, content: bytes) -> str | None:
        """A wanted key, or the text of a cell that may stand for one."""
        cell = CellXml(b"", 0, attributes, content, 0, 0)
        index = cell.shared_index
        if index is not None:
            if self._shared is None:
                self._shared = self._strings.such(self._is_wanted) if self._keys else {}
            return self._shared.get(index)
        value = decode(cell, kind=CellType.ID, epoch_1904=False, strings={})
        key = key_text(value if not isinstance(value, Decimal) or value.is_finite() else None)
        return key if key is not None and self._is_wanted(key) else None

    def _is_wanted(self, text: str) -> bool:
        return text in self._keys or (bool(self._keys) and bool(self._alikes.of(text)[0]))


def _end_of_row(text: bytes, number: bytes) -> int:
    start = text.rfind(b'<row r="%s"' % number)
    end = text.find(b"</row>", start)
    if start < 0 or end < 0:
        raise _astray(int(number))
    return end


def _astray(number: int) -> Malformed:
    return Malformed("a cell of its own row", str(number))


def _runs(matches: list[Match]) -> Iterator[list[Match]]:
    """Rows that follow each other."""
    start = 0
    for at in range(1, len(matches) + 1):
        if at == len(matches) or int(matches[at][0]) != int(matches[at - 1][0]) + 1:
            yield matches[start:at]
            start = at


def _without_trailing_blanks(matches: list[Match]) -> list[Match]:
    while matches and not CellXml(b"", 0, *matches[-1][1:], 0, 0).holds_something:
        matches.pop()
    return matches


def shared_formulas(draft: Draft, place: TabPlace, model: bytes) -> dict[int, CellXml]:
    """The shared formulas that rows follow: index -> the cell they are written for.

    One more pass over the sheet, made only if the row follows any.
    """
    wanted = {cell.shared_formula for cell in cells_of(model) if cell.formula == b""} - {None}
    found: dict[int, CellXml] = {}
    for piece in pieces(draft.chunks(place.sheet.part)) if wanted else ():
        for text in addressed(piece).text.split(b"</c>") if b't="shared"' in piece.text else ():
            cell = next(iter(cells_of(text[text.rfind(b"<c ") :] + b"</c>")), None)
            index = cell.shared_formula if cell else None
            if cell and cell.formula and index is not None and index in wanted:
                found[index] = cell
    return found


def has_room(place: TabPlace, found: Scan, count: int) -> bool:
    """Whether a tab takes `count` more rows before Excel's last one; what stands below may have to move."""
    totals = place.table.totals_rows if place.table else 0
    below = found.bottom if found.occupied or totals else 0
    return max(found.last, below) + count + totals <= MAX_ROW
