"""Rows of a sheet changed or added, spliced into the stream of those that stay as they are."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from cqs_sheets.core.grid import column_letters, column_number
from cqs_sheets.destinations.excel.parts import sealing
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, Encoded, cells_of
from cqs_sheets.destinations.excel.parts.references import Area
from cqs_sheets.destinations.excel.parts.rowstream import (
    Part,
    Piece,
    Stretch,
    Unread,
    addressed,
    addressed_row,
    check_order,
    pieces,
    row_span,
)
from cqs_sheets.destinations.excel.parts.xmltext import attributes, sound_row, whole, with_attribute
from cqs_sheets.errors import DataRefused
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

_ROW_TAG = regex(rb"<row\b[^>]*?(/?)>")
_ROW_NUMBER = regex(rb'<row r="(\d{1,9})\d*"')  # more digits are past the grid as well
_DIMENSION = regex(rb"<dimension\s[^>]*>")
_COLUMN_STYLE = regex(rb"<col\s[^>]*>")
_PANE = regex(rb"<pane\s[^>]*>")
_VIEW = regex(rb"<sheetView\s[^>]*>")
_LETTERS = regex("[A-Z]{1,3}")
_COPIED = ("s", "customFormat", "ht", "customHeight", "thickTop", "thickBot")
_CACHED = regex(rb"(</f>|<f(?:\s[^>]*)?/>)\s*<v(?:\s[^>]*)?(?:/>|>[^<]*</v>)")

Edit = Callable[[bytes], bytes]


class CellEdit(NamedTuple):
    """New content of a cell, None to leave what is there.

    `style` is for a cell that is not there yet, with `restyle` also for one that is. With `if_blank`
    a cell that holds something stays as it is.
    """

    content: Encoded | None
    style: int | None = None
    restyle: bool = False
    if_blank: bool = False


@dataclass(slots=True)
class RowEdit:
    """What changes in a row: cells by column, and the row's attributes should it have to be made.

    Cells that could not be changed safely are reported in `kept`, by address.
    """

    cells: dict[int, CellEdit] = field(default_factory=dict)
    attributes: bytes = b""
    kept: set[str] = field(default_factory=set)


class EditsOnDemand(Mapping[int, RowEdit]):
    """The edits of many rows, each made when it is needed: as objects they would fill the memory.

    What `make` returns for a row must not depend on when it is asked. `written` is the XML of rows in a row that are
    not there yet: the same, but without an object for each of their cells; None where there is no such short cut.
    Formulas of such rows differ in nothing but the numbers of rows.
    """

    def __init__(
        self,
        rows: Collection[int],
        make: Callable[[int], RowEdit],
        written: Callable[[Sequence[int]], bytes] | None = None,
    ) -> None:
        self._rows = rows
        self._make = make
        self.written = written

    def __getitem__(self, row: int) -> RowEdit:
        return self._make(row)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Proof:
    """That the keys in the rows which an edit touches are those from before and the `added` ones.

    The sum of their hashes tells: the keys themselves would be many megabytes.
    """

    def __init__(self, column: int, added: Iterable[Encoded]) -> None:
        letters = column_letters(column).encode()
        self._key_cell = re.compile(rb'<c r="%s\d+"(?:\s[^>]*?)?(?:/>|>(.*?)</c>)' % letters, re.DOTALL)
        self._due = sum(hash(each.content) for each in added)
        self._awaited, self._all_came = 0, False

    def awaited(self, make: Callable[[], bytes]) -> Callable[[], bytes]:
        """What makes new rows, so that they are looked at when they are made, be it after all others came."""
        self._awaited += 1

        def made() -> bytes:
            rows = make()
            self.look(b"", rows)
            self._awaited -= 1
            self._check()
            return rows

        return made

    def look(self, before: bytes, after: bytes) -> None:
        """A stretch as it was and as it will be, each cell with its address."""
        self._due += sum(map(hash, self._keys(before))) - sum(map(hash, self._keys(after)))

    def _keys(self, rows: bytes) -> Iterator[bytes]:
        for content in self._key_cell.findall(rows):
            if content:
                yield _CACHED.sub(rb"\1", content) if b"<f" in content else content

    def check(self) -> None:
        """All rows came: raises DataRefused if one is missing or too many, once those are made that are awaited."""
        self._all_came = True
        self._check()

    def _check(self) -> None:
        if self._all_came and not self._awaited and self._due:
            raise untrue()


def untrue() -> DataRefused:
    """What must never be: the rows that are about to be put in place are not those that were meant."""
    return DataRefused(
        "The edited sheet would not hold exactly the rows that it held, and the new ones: this is a bug.",
        meaning="Nothing was written; the rows wait in the journal.",
        hint="Please report it, with the workbook if you can. Another target can be written meanwhile: --to FILE.",
    )


def rewritten(
    source: Callable[[], Iterable[Stretch]],
    edits: Mapping[int, RowEdit],
    head: Edit,
    tail: Edit,
    rows: Callable[[Piece], bytes] = lambda piece: piece.text,
    proof: Proof | None = None,
) -> Iterator[Piece]:
    """A worksheet part with rows changed or added by number, and its head, tail and other rows edited.

    `proof` looks at every stretch that was changed, and raises DataRefused behind the last.
    """
    waiting, last = sorted(edits), 0
    for piece in pieces(source()):
        if piece.part is Part.HEAD:
            yield piece.put(head(piece.text))
        elif piece.part is Part.ROWS:
            last = piece.last
            due = waiting[: bisect_right(waiting, last)]
            waiting = waiting[len(due) :]
            if not due and piece.kind:
                yield piece
                continue
            text = rows(piece)
            if due:
                check_order(piece)
                text = _spliced(piece.put(text), due, edits, proof)
            yield piece.edited(text)
        else:
            yield from _new_pieces(waiting, last, edits, proof)
            if proof:
                proof.check()
            yield piece.put(tail(piece.text))


def _new_pieces(
    numbers: Sequence[int], last: int, edits: Mapping[int, RowEdit], proof: Proof | None
) -> Iterator[Piece]:
    """Rows behind all others, made when their text is asked for: who is after formulas needs no more than the first."""
    if not numbers:
        return
    sample = _new_rows(numbers[:1], edits)
    some = max(1, sealing.enough(len(sample) * len(numbers)) * 5 // 4 // len(sample))
    alike = isinstance(edits, EditsOnDemand) and edits.written is not None
    for start in range(0, len(numbers), some):
        part = numbers[start : start + some]
        make: Callable[[], bytes] = partial(_new_rows, part, edits)
        make = proof.awaited(make) if proof else make
        waiting = Unread(make, sample, len(sample) * len(part), sealing.formulas_in(sample)[0])
        yield Piece(Part.ROWS, waiting if alike else make(), last, part[-1])
        last = part[-1]


def _spliced(piece: Piece, due: list[int], edits: Mapping[int, RowEdit], proof: Proof | None) -> bytes:
    spans = _spans(piece.text, due)
    if any(start < 0 for start, _ in spans):
        piece = addressed(piece)
        spans = _spans(piece.text, due)
    done: list[bytes] = []
    position = 0
    for number, (start, end) in zip(due, spans, strict=True):
        if start < 0:
            start = end = _first_after(piece.text, number, position)  # noqa: PLW2901
        if not done:
            first = position = start
        row = piece.text[start:end]
        done.append(piece.text[position:start])
        done.append(_edited_row(row, number, edits[number]) if row else _new_rows([number], edits))
        position = end
    after = b"".join(done)
    if proof:  # between the ends of the text, which stay
        looked = (Piece(Part.ROWS, each, due[0] - 1) for each in (piece.text[first:position], after))
        proof.look(*(addressed(each).text for each in looked))
    return b"".join((piece.text[:first], after, piece.text[position:]))


def _spans(text: bytes, numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Where each row begins and ends; (-1, -1) for one that is not there."""
    spans, position = [], 0
    for number in numbers:
        spans.append(row_span(text, number, position))
        position = max(position, spans[-1][1])
    return spans


def _first_after(text: bytes, number: int, position: int) -> int:
    for match in _ROW_NUMBER.finditer(text, position):
        if int(match[1]) > number:
            return match.start()
    return len(text)


def _new_rows(numbers: Sequence[int], edits: Mapping[int, RowEdit]) -> bytes:
    if isinstance(edits, EditsOnDemand) and edits.written:
        return edits.written(numbers)
    return b"".join(_new_row(number, edits[number]) for number in numbers)


def _new_row(number: int, edit: RowEdit) -> bytes:
    cells = b"".join(_cell(number, column, edit.cells[column]) for column in sorted(edit.cells))
    return b'<row r="%d"%s>%s</row>' % (number, edit.attributes, cells)


def _edited_row(row: bytes, number: int, edit: RowEdit) -> bytes:
    row = addressed_row(row, number)
    match = _ROW_TAG.match(row)
    assert match is not None  # noqa: S101 - the caller found the row by its tag
    tag, inner = match[0], b"" if match[1] else row[match.end() : -len(b"</row>")]
    values = attributes(tag)
    row_style = values.get("s") if values.get("customFormat") in ("1", "true") else None
    cells = _edited_cells(inner, number, edit, whole(row_style) if row_style else None)
    tag = tag[:-2].rstrip() + b">" if match[1] else tag
    return sound_row(_with_spans(tag, values.get("spans", ""), edit.cells) + cells + b"</row>")


def _edited_cells(inner: bytes, number: int, edit: RowEdit, row_style: int | None) -> bytes:
    present = {column_number(cell.column.decode()): cell for cell in cells_of(inner)}
    done: list[bytes] = []
    position = 0
    for column in sorted({*present, *edit.cells}):
        change, cell = edit.cells.get(column), present.get(column)
        if cell is None:
            assert change is not None  # noqa: S101 - the column comes from one of the two
            style = row_style if change.style is None else change.style
            done.append(_cell(number, column, change._replace(style=style)))
            continue
        done.append(inner[position : cell.start])
        done.append(_edited_cell(inner[cell.start : cell.end], cell, change, edit))
        position = cell.end
    return b"".join((*done, inner[position:]))


def _edited_cell(written: bytes, cell: CellXml, change: CellEdit | None, edit: RowEdit) -> bytes:
    if change is None or change.content is None:
        return without_result(written)
    if change.if_blank and (cell.holds_something or cell.formula is not None):
        return without_result(written)
    if cell.carries_formula_of_others:
        edit.kept.add(f"{cell.column.decode()}{cell.row}")
        return without_result(written)
    style = change.style if change.restyle else cell.style
    return _cell(cell.row, column_number(cell.column.decode()), change._replace(style=style))


def _cell(row: int, column: int, edit: CellEdit) -> bytes:
    style = b"" if edit.style is None else b' s="%d"' % edit.style
    content = edit.content or Encoded(b"", b"")
    kind = b' t="%s"' % content.type if content.type else b""
    opened = b'<c r="%s%d"%s%s' % (column_letters(column).encode(), row, style, kind)
    return opened + (b">" + content.content + b"</c>" if content.content else b"/>")


def without_result(cell: bytes) -> bytes:
    """A formula's cell without its last result, which the change of its row may have made a lie."""
    if b"<f" not in cell:
        return cell
    bare = _CACHED.sub(rb"\1", cell)
    if bare == cell:
        return cell
    end = bare.index(b">") + 1
    return with_attribute(bare[:end], "t", None) + bare[end:]


def _with_spans(tag: bytes, spans: str, cells: Mapping[int, CellEdit]) -> bytes:
    first, _, last = spans.partition(":")
    if " " in spans or not (first.isdigit() and last.isdigit()):
        return with_attribute(tag, "spans", None) if spans else tag
    if int(first) <= min(cells) and max(cells) <= int(last):
        return tag
    return with_attribute(tag, "spans", f"{min(int(first), *cells)}:{max(int(last), *cells)}")


def row_attributes(model: bytes) -> bytes:
    """What a new row takes over from its neighbour's tag: height and format, not being hidden."""
    match = _ROW_TAG.match(model)
    given = attributes(match[0]) if match else {}
    kept = [(name, value) for name, value in given.items() if name in _COPIED or name.endswith(":dyDescent")]
    return b"".join(b' %s="%s"' % (name.encode(), value.encode()) for name, value in kept)


def with_dimension(head: bytes, reach: Area) -> bytes:
    """The head of a sheet whose stated extent includes `reach`."""
    match = _DIMENSION.search(head)
    if match is None:
        return head
    try:
        area = Area.parse(attributes(match[0]).get("ref", ""))
    except ValueError:
        return head
    grown = Area(
        min(area.top, reach.top),
        min(area.left, reach.left),
        max(area.bottom, reach.bottom),
        max(area.right, reach.right),
    )
    tag = match[0] if grown == area else with_attribute(match[0], "ref", str(grown))
    return head[: match.start()] + tag + head[match.end() :]


def opened_at(head: bytes, row: int) -> bytes:
    """The head of a sheet that shows this row first, below what is frozen."""
    match = _PANE.search(head) or _VIEW.search(head)
    if match is None:
        return head
    letters = _LETTERS.match(attributes(match[0]).get("topLeftCell", ""))
    tag = with_attribute(match[0], "topLeftCell", f"{letters[0] if letters else 'A'}{row}")
    return head[: match.start()] + tag + head[match.end() :]


def column_styles(head: bytes) -> dict[int, int]:
    """The format of cells not there yet, by column, for the columns a sheet defines one for."""
    styles: dict[int, int] = {}
    for tag in _COLUMN_STYLE.findall(head):
        values = attributes(tag)
        if "style" in values:
            first, last = whole(values.get("min")), whole(values.get("max"))
            styles.update(dict.fromkeys(range(first, min(last, first + 1024) + 1), whole(values["style"])))
    return styles
