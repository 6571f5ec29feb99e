"""The formulas of a sheet's cells rewritten as its rows stream by, those that cells share included."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from cqs_sheets.core.grid import column_number
from cqs_sheets.destinations.excel.parts import opc, rowformulas, segments, xmltext
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import MAX_ROW, Area, Reference, filled, map_references
from cqs_sheets.destinations.excel.parts.rowstream import Piece, Stretch, addressed
from cqs_sheets.destinations.excel.parts.workbook import Sheet, Workbook
from cqs_sheets.errors import DataRefused
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, replace

# Matches a cell up to the end of its formula, then the formula's tag and text: a cell that a program wrote with
# attributes in any order, blanks or a formula without text. A parser would be forty times as slow.
_FORMULA_CELL = regex(rb'<c r="([A-Z]+)(\d+)"[^<>]*>\s*<f(?:\s[^<>]*?)?(?:/>|>[^<]*</f>)')
_FORMULA = regex(rb"<f((?:\s[^<>]*?)?)(?:/>|>([^<]*)</f>)")

_NUMBER = regex("([0-9]+)")
_OWN_ROW, _MOVED_ROW = 0, 1  # in place of numbers in a formula
_MOST_KNOWN = 5_000

_SPAN_OF_SHEETS = regex(rb":[^:!<>]{1,200}!")  # Sheet1:Sheet3!A1
_LONGEST_SPAN = 202

Change = Callable[[str, int, int], str]
"""From a cell's formula, its row and its column to what the formula shall be."""


class CellFormulas:
    """Rewrites the formulas of one sheet, its pieces of rows in order.

    A formula that cells share is written out where it is not the same for all of them any more, with
    `write_out` everywhere: a cell's own formula is the first one's, moved by rows and columns.
    `own_tag` may rewrite the tag of a formula that fills several cells (an array's). With
    `ranges_only` formulas without a range are not changed, which saves looking at each.
    """

    def __init__(
        self,
        change: Change,
        *,
        write_out: bool = False,
        ranges_only: bool = False,
        own_tag: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._change = change
        self._write_out = write_out
        self._ranges_only = ranges_only
        self._own_tag = own_tag
        self._masters: dict[str, tuple[int, int, str]] = {}
        self._written_out: set[str] = set()

    def rows(self, piece: Piece) -> bytes:
        """A stretch of rows with its formulas changed."""
        if not xmltext.has_formula(piece.text):
            return piece.text
        return _FORMULA_CELL.sub(self._cell, addressed(piece).text)

    def _cell(self, match: re.Match[bytes]) -> bytes:
        row, column = int(match[2]), column_number(match[1].decode())
        return _FORMULA.sub(lambda formula: self._formula(formula, row, column), match[0])

    def _formula(self, match: re.Match[bytes], row: int, column: int) -> bytes:
        values = xmltext.attributes(match[1])
        text = xmltext.unescape(match[2] or b"")
        if values.get("t") == "shared":
            return self._shared(match[0], values.get("si", ""), text, row, column)
        tag = b"<f" + match[1] + b">"
        if self._own_tag and "ref" in values:
            tag = self._own_tag(tag)
        after = self._change(text, row, column)
        if after == text and tag == b"<f" + match[1] + b">":
            return match[0]
        return tag + xmltext.escape(after) + b"</f>"

    def _shared(self, written: bytes, index: str, text: str, row: int, column: int) -> bytes:
        if text:
            self._masters[index] = (row, column, text)
            self._written_out.discard(index)
        plain = self._write_out or index in self._written_out
        if not plain and index not in self._masters:
            return written  # no program can tell what it says
        first_row, first_column, first = self._masters.get(index) or _unknown(index)
        if not plain and self._ranges_only and ":" not in first:
            return written
        text = filled(first, row - first_row, column - first_column)
        after = self._change(text, row, column)
        if after == text and not plain:
            return written
        if (row, column) == (first_row, first_column):
            self._written_out.add(index)
        return b"<f>" + xmltext.escape(after) + b"</f>"


def _unknown(index: str) -> NoReturn:
    raise xmltext.Malformed("the formula that cells share", index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """`by` rows inserted in a sheet above row `at`.

    Ranges that begin with `absorbing`'s first row and hold all its rows take the new ones in, in any of its
    columns: they are the data itself, which grows at its top.
    """

    sheet: Sheet
    at: int
    by: int
    absorbing: Area | None = None

    def row(self, number: int) -> int:
        """A row's number after the insertion; DataRefused if it falls off the sheet."""
        moved = number + self.by if number >= self.at else number
        if moved > MAX_ROW:
            raise refused(self.sheet.name, "its last rows would fall off the sheet")
        return moved

    def area(self, area: Area, *, ranged: bool = True) -> Area:
        """A range of the data's (a rule, a filter, a sum) after the insertion; one that is not `ranged` is a cell."""
        moved = self.moved(area)
        return replace(moved, top=area.top) if self.absorbs(area, ranged=ranged) else moved

    def moved(self, area: Area) -> Area:
        """Cells after the insertion; new rows among them belong to them, new ones above do not."""
        if area.bottom < self.at:
            return area
        return Area(self.row(area.top), area.left, min(area.bottom + self.by, MAX_ROW), area.right)

    def absorbs(self, area: Area, *, ranged: bool = True) -> bool:
        """Whether the new rows become part of a range, at its top."""
        data = self.absorbing
        if (
            data is None
            or area.top != data.top
            or not (area.top < area.bottom or (ranged and area.is_column))
        ):
            return False
        return area.bottom >= data.bottom and area.left <= data.right and data.left <= area.right

    def splits(self, area: Area) -> bool:
        """Whether the insertion is inside a range, tearing it."""
        return area.top < self.at <= area.bottom

    def text(self, written: str, *, cells: bool = False) -> str:
        """Ranges as attributes hold them, separated by blanks; of `cells` themselves, or of the data."""
        return " ".join(self._range(each, cells=cells) for each in written.split(" "))

    def _range(self, written: str, *, cells: bool) -> str:
        try:
            area = Area.parse(written)
        except ValueError:
            return written
        moved = self.moved(area) if cells else self.area(area)
        return written if moved == area else str(moved)

    def formula(self, formula: str, home: str, at: tuple[int, int] | None = None) -> str:
        """A formula of sheet `home`, in its cell `at` (row and column), after the insertion.

        A range beside the data grows where one over the same rows of the data does: they are computed with together.
        """
        grown = set[tuple[int, int]]()

        def rows(reference: Reference) -> tuple[int, int]:
            before = reference.top, reference.bottom
            if self._is_elsewhere(reference, home):
                return before
            moved = self._of_the_data(reference, at) if at else None
            if moved:
                return moved
            data = self.absorbing
            in_a_row = at is not None and data is not None and data.top <= at[0] <= data.bottom
            top, bottom = self._rows_of(reference, columns=not in_a_row)
            if bottom - top > reference.bottom - reference.top and top == self.at:
                grown.add(before)
            return (reference.top if before in grown else top), bottom

        after = map_references(formula, rows)
        return map_references(formula, rows) if grown else after

    def in_cells_of(self, home: str) -> Change:
        """`formula` for the cells of a sheet; of those that differ in nothing but their own row one is worked out.

        What becomes of a number hangs on nothing but which are that of the row, and on which side of it the insertion
        and the ends of the data are.
        """
        known: dict[object, list[str | int]] = {}
        data = self.absorbing
        edges = (self.at, data.top, data.bottom) if data else (self.at,)
        of_the_data = home.lower() == self.sheet.name.lower()

        def change(formula: str, row: int, column: int) -> str:
            own, moved = str(row), str(row + self.by)
            words = _NUMBER.split(formula)
            beside = [(row > edge, row < edge) for edge in edges]
            alike = (column, *[_OWN_ROW if each == own else each for each in words], *beside)
            if alike in known:
                return "".join(
                    [(own, moved)[each] if isinstance(each, int) else each for each in known[alike]]
                )
            after = self.formula(formula, home, (row, column) if of_the_data else None)
            found = _NUMBER.split(after)
            if len(found) == len(words) and len(known) < _MOST_KNOWN:
                places = {own: _OWN_ROW, moved: _MOVED_ROW}
                known[alike] = [
                    places.get(new, new) if old == own else new for old, new in zip(words, found, strict=True)
                ]
            return after

        return change

    def name(self, formula: str, home: str) -> str:
        """What a name stands for; rows without `$` are told from the cell that uses it, and stay as far from there."""

        def rows(reference: Reference) -> tuple[int, int]:
            if self._is_elsewhere(reference, home) or not (reference.top_fixed or reference.bottom_fixed):
                return reference.top, reference.bottom
            top, bottom = self._rows_of(reference)
            return (
                top if reference.top_fixed else reference.top,
                bottom if reference.bottom_fixed else reference.bottom,
            )

        return map_references(formula, rows)

    def rule(self, formula: str) -> str:
        """A formula of a rule over the data, which begins where it began: what has no `$` is told from there."""

        def rows(reference: Reference) -> tuple[int, int]:
            if self._is_elsewhere(reference, self.sheet.name):
                return reference.top, reference.bottom
            top, bottom = self._rows_of(reference)
            runs = reference.top_fixed != reference.bottom_fixed and self._begins_with_the_data(reference)
            return (
                top if reference.top_fixed and not runs else reference.top,
                bottom if reference.bottom_fixed else reference.bottom,
            )

        return map_references(formula, rows)

    def _is_elsewhere(self, reference: Reference, home: str) -> bool:
        sheet = reference.sheet or home
        if ":" in sheet and reference.bottom >= self.at:
            raise refused(self.sheet.name, "a formula refers to it through a span of sheets")
        return sheet.lower() != self.sheet.name.lower()

    def _rows_of(self, reference: Reference, *, columns: bool = True) -> tuple[int, int]:
        """`columns`: a range of one cell that is all the data grows with it."""
        moved = self.area(
            Area(reference.top, reference.left, reference.bottom, reference.right),
            ranged=columns and reference.is_column,
        )
        return moved.top, moved.bottom

    def _of_the_data(self, reference: Reference, at: tuple[int, int]) -> tuple[int, int] | None:
        """Of a formula in a data row: a running total takes the new rows in, a window over some rows does not."""
        data, (row, column) = self.absorbing, at
        if data is None or not data.top <= row <= data.bottom or not reference.left:
            return None
        mixed = reference.top_fixed != reference.bottom_fixed
        if mixed and reference.top_fixed and self._begins_with_the_data(reference):
            return reference.top, self.row(reference.bottom)
        ends_here = reference.bottom == row and not reference.bottom_fixed
        begins_here = reference.top == row and not reference.top_fixed
        if (ends_here or begins_here) and (mixed or data.left <= column <= data.right):
            return self.row(reference.top), self.row(reference.bottom)
        return None

    def _begins_with_the_data(self, reference: Reference) -> bool:
        data = self.absorbing
        inside = data and data.left <= reference.left and reference.right <= data.right
        return bool(inside) and data is not None and reference.top == data.top


def refused(sheet: str, detail: str) -> DataRefused:
    """The refusal to move rows that cannot be moved safely."""
    return DataRefused(
        f"New rows do not fit in {sheet}: {detail}, and the rows below would have to move.",
        meaning="The file was left as it was; the rows wait in the journal.",
        hint="Move what stands below the signals further down, or to another tab.",
    )


FormulaChange = Callable[[str, str], str]
"""From a formula and the sheet it belongs to ("" for none) to what it shall be."""

# Each pattern goes over XML of any program, prefixed or not, attributes in any order; group 1 stands before the
# formula, group 2 is it. A parser would write the whole part anew; so all that is not meant keeps its bytes.
#
# Matches the formulas of rules, validations and sparklines, and whatever else calls a formula `f`.
RULE_FORMULA = regex(
    rb"(<(?:\w+:)?(?:f|formula[12]?)(?:\s[^<>]*)?>)([^<]*)(?=</(?:\w+:)?(?:f|formula[12]?)>)"
)
_CHART_PART = regex(r"(?i)(?:^|/)charts?/(?:chart|chartex)[^/]*\.xml$")
# Matches what series, titles and labels are taken from, also of series that a filter hides.
_CHART_FORMULA = regex(rb"(<(?:\w+:)?(?:n?f|sqref)(?:\s[^<>]*)?>)([^<]*)(?=</(?:\w+:)?(?:n?f|sqref)>)")


def attribute_pattern(names: bytes) -> re.Pattern[bytes]:
    """Matches attributes up to their value, and it; in one kind of quotes, as titles hold the other."""
    return re.compile(rb"""(\s(?:%s)\s*=\s*["'])((?<=")[^"]*|(?<=')[^']*)""" % names)


# Matches what fills a table's column and its totals; what a text box or a picture of cells shows; what controls are
# linked to, in both places that Excel keeps them.
_SHOWN = attribute_pattern(b"textlink|cellRange")
_PARAMETER = attribute_pattern(b"cell")
_PART_FORMULAS = {
    "table": (
        regex(rb"(<(?:\w+:)?(?:calculatedColumnFormula|totalsRowFormula)(?:\s[^<>]*)?>)([^<]*)(?=</)"),
    ),
    "drawing": (_SHOWN,),
    "ctrlProp": (attribute_pattern(rb"fmla(?:Link|Range|Txbx|Group)"),),
    "vmlDrawing": (regex(rb"(<(?:\w+:)?Fmla(?:Link|Range|Txbx|Group|Pict)(?:\s[^<>]*)?>)([^<]*)(?=</)"),),
}


def map_formulas(xml: bytes, pattern: re.Pattern[bytes], change: Callable[[str], str]) -> bytes:
    """Rewrite the formulas that a pattern finds (group 1 before, group 2 the formula)."""

    def changed(match: re.Match[bytes]) -> bytes:
        before = xmltext.unescape(match[2])
        after = change(before)
        if after == before:
            return match[0]
        written = xmltext.escape(after).replace(b'"', b"&quot;")
        return match[1] + (written.replace(b"'", b"&apos;") if match[1].endswith(b"'") else written)

    return pattern.sub(changed, xml)


def map_text(xml: bytes, pattern: re.Pattern[bytes], change: Callable[[str], str]) -> bytes:
    """The same for ranges, which have no entities; bytes that are no UTF-8 stay what they are."""

    def changed(match: re.Match[bytes]) -> bytes:
        after = change(match[2].decode("utf-8", "surrogateescape"))
        return match[1] + after.encode("utf-8", "surrogateescape")

    return pattern.sub(changed, xml)


def edit_part(draft: Draft, part: str, change: Callable[[bytes], bytes]) -> None:
    """Put a part into the draft as changed, if it is there and has changed."""
    if part in draft:
        before = xmltext.plain_part(draft.read(part))
        after = change(before)
        if after != before:
            draft.put(part, after)


def map_charts(draft: Draft, change: Callable[[str], str]) -> None:
    """Rewrite the references of every chart's series, and of the text boxes in it."""
    for name in [name for name in draft.names if _CHART_PART.search(name)]:
        edit_part(draft, name, lambda xml: map_formulas(xml, _CHART_FORMULA, change))
        for link in opc.relationships(draft, name):
            if link.kind == "chartUserShapes":
                edit_part(draft, link.target, lambda xml: map_formulas(xml, _SHOWN, change))


def map_linked_formulas(draft: Draft, workbook: Workbook, change: FormulaChange) -> None:
    """Rewrite the formulas in the parts that sheets link to (tables, text boxes, form controls), and of queries."""
    if (connections := workbook.linked("connections")) is not None:
        edit_part(draft, connections, _with(_PARAMETER, change, ""))
    for sheet in workbook.sheets:
        for link in opc.relationships(draft, sheet.part):
            for pattern in _PART_FORMULAS.get(link.kind, ()) if not link.external else ():
                edit_part(draft, link.target, _with(pattern, change, sheet.name))


def _with(pattern: re.Pattern[bytes], change: FormulaChange, home: str) -> Callable[[bytes], bytes]:
    return lambda xml: map_formulas(xml, pattern, lambda formula: change(formula, home))


def mentions(draft: Draft, other: Sheet, title: str) -> bool:
    """Whether a sheet's part says another sheet's title at all, or names a span of sheets, which it may be in.

    A title that can be spelled in several ways (entities, large letters beyond ASCII) may be any that is said.
    """
    name = title.lower().encode() if re.fullmatch(r"[\w .-]+", title, re.ASCII) else b"!"
    rest = b""
    for chunk in xmltext.canonical(_with_formulas(draft.content(other.part)())):
        text = (rest + chunk).lower()
        if name in text or _SPAN_OF_SHEETS.search(text):
            return True
        rest = chunk[-max(len(name), _LONGEST_SPAN) :]
    return False


def _with_formulas(content: Iterable[Stretch]) -> Iterator[bytes]:
    """A part without the rows of which it is known that they say nothing else than the others."""
    for each in content:
        if isinstance(each, bytes):
            yield each
        elif isinstance(each, Piece):
            yield b"" if each.kind == segments.PLAIN else each.sample
        elif each.shapes:
            yield b" ".join(each.shapes).replace(rowformulas.ROW, b"")
        elif each.segment.kind != segments.PLAIN:
            yield each.text
