"""Where new rows go: room made for them, and what grows with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from cqs_sheets.core.grid import column_letters, column_number
from cqs_sheets.destinations.excel.edit import insertion
from cqs_sheets.destinations.excel.edit.shift import insert_rows, map_pivot_sources
from cqs_sheets.destinations.excel.parts.cellxml import SharedStrings, cells_of
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import MAX_ROW, Area, Reference, map_references
from cqs_sheets.destinations.excel.parts.rowstream import Part, Piece, Stretch, addressed, pieces, row_xml
from cqs_sheets.destinations.excel.parts.tables import tables_of
from cqs_sheets.destinations.excel.parts.workbook import Sheet, Workbook
from cqs_sheets.destinations.excel.parts.xmltext import attributes, has_formula
from cqs_sheets.destinations.excel.read.place import TabPlace
from cqs_sheets.destinations.excel.read.scan import Scan, scan
from cqs_sheets.errors import ROWS_WAIT, DataRefused
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, replace

# They match ranges behind a sheet's rows (rules, validations, filters, sparklines, x14), prefixed or not, attributes
# in any order; what is no range is left alone. A parser would write anew what is not meant to change.
_SQREF = regex(rb"""(\ssqref\s*=\s*["'])([^"']*)""")
_FILTER_REF = regex(rb"""(<(?:autoFilter|sortState|sortCondition)\s(?:[^>]*?\s)?ref\s*=\s*["'])([^"']*)""")
_EXTENSION = regex(
    rb"<(?:\w+:)?sparkline>.*?</(?:\w+:)?sparkline>|(<(?:\w+:)?sqref>)([^<]*)(?=</(?:\w+:)?sqref>)", re.DOTALL
)
_EXTENSION_FORMULA = regex(rb"(<(?:\w+:)?f>)([^<]*)(?=</(?:\w+:)?f>)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Data of a sheet (`area`, header not included) that gets `rows` more rows at its end."""

    sheet: str
    area: Area
    rows: int

    def concerns(self, area: Area) -> bool:
        """Whether a range ends with the data, in any of its columns, as a column's rule or series does."""
        meets = area.left <= self.area.right and self.area.left <= area.right
        tall = area.top < area.bottom or area.top == self.area.top
        return meets and tall and area.bottom == self.area.bottom

    def grown(self, area: Area) -> Area:
        """The range as it is after the growth."""
        return area.down_to(area.bottom + self.rows) if self.concerns(area) else area

    def series(self, text: str, home: str) -> str:
        """What a chart or a sparkline of sheet `home` shows, grown; a single cell, too, if it is all the data."""
        return self._formula(text, home, lambda area, _: area.top < area.bottom or area.left == area.right)

    def name(self, text: str, home: str) -> str:
        """What a name stands for, grown; not where its rows are told from the cell that uses it."""
        if ":" not in text:  # as each of our marks
            return text
        return self._formula(text, home, lambda area, fixed: area.top < area.bottom and fixed)

    def _formula(self, text: str, home: str, grows: Callable[[Area, bool], bool]) -> str:
        def rows(reference: Reference) -> tuple[int, int]:
            area = Area(reference.top, reference.left, reference.bottom, reference.right)
            ours = (reference.sheet or home).lower() == self.sheet.lower() and reference.left > 0
            if ours and self.concerns(area) and grows(area, reference.bottom_fixed):
                return reference.top, reference.bottom + self.rows
            return reference.top, reference.bottom

        return map_references(text, rows)

    def cell_formula(self, text: str, home: str, row: int, column: int) -> str:
        """A cell's formula with the ranges grown that end with the data, in any of its columns.

        In the data's own rows only those that have all of it, and none that ends, without `$`, in the
        formula's own row: a running total.
        """
        inside = home.lower() == self.sheet.lower() and self.area.top <= row <= self.area.bottom
        own_column = self.area.left <= column <= self.area.right

        def stays(reference: Reference) -> bool:
            mixed = reference.top_fixed != reference.bottom_fixed
            ends_here = reference.bottom == row and not reference.bottom_fixed
            some = reference.top > self.area.top or reference.top == reference.bottom
            return inside and (some or (ends_here and (mixed or own_column)))

        return self._with_ranges(text, home, stays)

    def rule(self, text: str, home: str) -> str:
        """The same for a rule's formula, or a list's source; not for a window over some rows."""

        def stays(reference: Reference) -> bool:
            some = reference.top > self.area.top or reference.top == reference.bottom
            return not reference.bottom_fixed and some

        return self._with_ranges(text, home, stays)

    def _with_ranges(self, text: str, home: str, stays: Callable[[Reference], bool]) -> str:
        """A range beside the data grows where one over the same rows of the data does: they are used together."""
        grown = set[int]()

        def rows(reference: Reference) -> tuple[int, int]:
            top, bottom = reference.top, reference.bottom
            ours = (reference.sheet or home).lower() == self.sheet.lower()
            meets = not reference.left or (
                reference.left <= self.area.right and self.area.left <= reference.right
            )
            tall = top < bottom or (reference.is_column and top == self.area.top)
            ends_with_it = ours and tall and bottom == self.area.bottom and not stays(reference)
            if not ends_with_it or not (meets or top in grown):
                return top, bottom
            grown.add(top)
            return top, bottom + self.rows

        after = map_references(text, rows)
        return map_references(text, rows) if grown else after

    def cell_formulas(self, home: str) -> Callable[[Piece], bytes]:
        """Grows the formulas of a sheet's cells, its pieces of rows in order.

        Nothing is looked at closely but where the number of the last row, or a shared formula, stands.
        """
        number = b"%d" % self.area.bottom
        formulas = insertion.CellFormulas(
            lambda text, row, column: self.cell_formula(text, home, row, column), ranges_only=True
        )
        ends = re.compile(rb"[:!]\$?(?:[A-Za-z]{1,3})?\$?%s(?![0-9])" % number)

        def grown(piece: Piece) -> bytes:
            text = piece.text
            if has_formula(text) and (b"shared" in text or (number in text and ends.search(text))):
                return formulas.rows(piece)
            return text

        return grown


def grow_formulas(draft: Draft, workbook: Workbook, growth: Growth) -> None:
    """The formulas of other sheets than the data's own, in cells and rules, and those of tables and controls."""
    for sheet in workbook.sheets:
        with suppress(DataRefused):  # an odd sheet stays as it is
            if sheet.name.lower() != growth.sheet.lower() and insertion.mentions(draft, sheet, growth.sheet):
                _grow_sheet(draft, sheet, growth)
    insertion.map_linked_formulas(draft, workbook, growth.rule)


def _grow_sheet(draft: Draft, sheet: Sheet, growth: Growth) -> None:
    before = draft.content(sheet.part)

    def grown() -> Iterator[tuple[Stretch, Stretch]]:
        rows = growth.cell_formulas(sheet.name)
        for piece in pieces(before()):
            if piece.part is Part.ROWS:
                yield piece.content(), piece.content(None if piece.kind else rows(piece))
            else:
                yield piece.text, _grown_rules(piece.text, growth, sheet.name)

    if any(old != new for old, new in grown()):
        draft.put(sheet.part, lambda: (new for _, new in grown()))


def _grown_rules(text: bytes, growth: Growth, home: str) -> bytes:
    return insertion.map_formulas(text, insertion.RULE_FORMULA, lambda formula: growth.rule(formula, home))


def grow_tail(tail: bytes, growth: Growth) -> bytes:
    """What stands behind a sheet's rows: conditional formats, validations, filters, x14 extensions."""
    tail = _SQREF.sub(lambda match: match[1] + _grown_list(match[2], growth), tail)
    tail = _FILTER_REF.sub(lambda match: match[1] + _grown_list(match[2], growth), tail)
    tail = _EXTENSION.sub(lambda match: _grown_extension(match, growth), tail)
    return _grown_rules(tail, growth, growth.sheet)


def _grown_extension(match: re.Match[bytes], growth: Growth) -> bytes:
    if match[1]:
        return match[1] + _grown_list(match[2], growth)
    return insertion.map_formulas(
        match[0], _EXTENSION_FORMULA, lambda text: growth.series(text, growth.sheet)
    )


def _grown_list(sqref: bytes, growth: Growth) -> bytes:
    return b" ".join(_grown_range(each, growth) for each in sqref.split(b" "))


def _grown_range(written: bytes, growth: Growth) -> bytes:
    try:
        area = Area.parse(written.decode())
    except ValueError:
        return written
    return str(growth.grown(area)).encode() if growth.concerns(area) else written


def grow_names(workbook: Workbook, growth: Growth) -> None:
    """Names of the user's, print areas and hidden filter ranges that end with the data."""
    workbook.map_names(growth.name)


def grow_pivots(draft: Draft, workbook: Workbook, growth: Growth) -> None:
    """What pivot tables take their data from, where it ends with the data."""

    def grown(written: str) -> str:
        return _grown_range(written.encode(), growth).decode()

    map_pivot_sources(draft, workbook, growth.sheet, grown)


def grow_charts(draft: Draft, growth: Growth) -> None:
    """Series that end with the data."""
    insertion.map_charts(draft, lambda text: growth.series(text, ""))


# Matches merged cells behind a sheet's rows, of which there may be many thousands: a parser would take as long as
# the whole edit. A tag without a sound range is read as A1, which is in nobody's way.
_MERGED = regex(rb"<mergeCell\s[^>]*>")


class Room(NamedTuple):
    """The first new row; how the data grows (None: into rows it has already); whether rows were moved."""

    start: int
    growth: Growth | None
    shifted: bool


def make_room(draft: Draft, workbook: Workbook, place: TabPlace, found: Scan, count: int) -> Room:
    """Find or make room for `count` rows; DataRefused if there is none."""
    first = place.header_row + 1
    end = place.table.last_row if place.table else found.last
    if place.tab.new_rows == "top" and found.last > place.header_row:
        _check_bottom(place, found, end + count)
        columns = Area(first, found.left, end, found.right)
        _check_beside(draft, place, found, first)
        insert_rows(
            draft, workbook, insertion.Insertion(sheet=place.sheet, at=first, by=count, absorbing=columns)
        )
        return Room(first, None, shifted=True)
    start = found.last + 1
    overflow = max(0, start + count - 1 - end)
    if not overflow:
        return Room(start, None, shifted=False)
    _check_bottom(place, found, end + overflow)
    blocked = is_blocked(draft, place, found, end, overflow)
    if blocked:
        _check_beside(draft, place, found, end + 1)
        insert_rows(draft, workbook, insertion.Insertion(sheet=place.sheet, at=end + 1, by=overflow))
    area = Area(first, found.left, max(end, first), found.right)
    growth = Growth(sheet=place.sheet.name, area=area, rows=end + overflow - area.bottom)
    return Room(start, growth, shifted=blocked)


def _check_beside(draft: Draft, place: TabPlace, found: Scan, at: int) -> None:
    """Refuse to tear what stands beside columns of the user's own sheet: rows are inserted across all of it."""
    if place.table is not None:
        return
    filled: dict[int, set[int]] = {}
    for piece in pieces(draft.content(place.sheet.part)()):
        if piece.part is Part.ROWS and piece.before < at <= piece.last + 1:
            text = addressed(piece).text
            filled |= {row: _beside(row_xml(text, row), found) for row in (at - 1, at) if row_xml(text, row)}
    torn = filled.get(at - 1, set()) & filled.get(at, set())
    if torn:
        raise insertion.refused(
            place.sheet.name, f"something stands beside them in column {column_letters(min(torn))}"
        )


def _beside(row: bytes, found: Scan) -> set[int]:
    cells = {column_number(cell.column.decode()): cell for cell in cells_of(row)}
    return {
        at
        for at, cell in cells.items()
        if not found.left <= at <= found.right and (cell.holds_something or cell.formula is not None)
    }


def _check_bottom(place: TabPlace, found: Scan, bottom: int) -> None:
    if max(bottom, found.bottom) > MAX_ROW:
        raise DataRefused(
            f"The tab {place.sheet.name} is full: Excel holds {MAX_ROW:,} rows a tab.",
            meaning=ROWS_WAIT,
            hint="Move old rows to another workbook, or name a new target.",
        )


def is_blocked(draft: Draft, place: TabPlace, found: Scan, end: int, rows: int) -> bool:
    """Whether the rows below the data are taken; one free row is left above what follows."""
    if place.table and place.table.totals_rows:
        return True
    if found.occupied is not None and found.occupied <= end + rows + 1:
        return True
    wanted = Area(end + 1, found.left, end + rows, found.right)
    own = place.table.part if place.table else ""
    others = [table.area for table in tables_of(draft, place.sheet.part) if table.part != own]
    return any(area.meets(wanted) for area in (*others, *_merged(found.tail)))


def _merged(tail: bytes) -> list[Area]:
    return [Area.parse(attributes(tag).get("ref", "A1")) for tag in _MERGED.findall(tail)]


_FEW = 20  # spare rows: with fewer left, more are added


def nearly_full(draft: Draft, strings: SharedStrings, place: TabPlace) -> tuple[Scan, Growth] | None:
    """What new spare rows shall look like, and the growth that they are; None if the table needs or takes none.

    It takes none where anything stands below it: that would have to move. The model is the table's last row.
    """
    table = place.table
    if table is None:
        return None
    end, rows = table.last_row, place.tab.spare_rows
    found = scan(draft, place, strings, ())
    few = end - found.last < min(_FEW, rows)
    if not few or end + rows > MAX_ROW or is_blocked(draft, place, found, end, rows):
        return None
    area = Area(place.header_row + 1, place.left, end, place.right)
    return _like_the_last(draft, place, found, end), Growth(sheet=place.sheet.name, area=area, rows=rows)


def _like_the_last(draft: Draft, place: TabPlace, found: Scan, row: int) -> Scan:
    model = above = b""
    for piece in pieces(draft.chunks(place.sheet.part)):
        if piece.part is Part.ROWS:
            above = row_xml(piece.text, row - 1) or above
            model = row_xml(piece.text, row) or model
    return replace(found, models={row - 1: above, row: model}, model_row=row)
