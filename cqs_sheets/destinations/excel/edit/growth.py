"""Ranges that end with the last data row grow with it: rules, validations, filters, names, charts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from cqs_sheets.destinations.excel.edit.cell_formulas import CellFormulas
from cqs_sheets.destinations.excel.edit.mapping import (
    RULE_FORMULA,
    map_charts,
    map_formulas,
    map_linked_formulas,
    mentions,
)
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import Reference, map_references
from cqs_sheets.destinations.excel.parts.refs import Area
from cqs_sheets.destinations.excel.parts.rowstream import Part, Piece, pieces
from cqs_sheets.destinations.excel.parts.workbook import Sheet, Workbook
from cqs_sheets.errors import DataRefused

_SQREF = re.compile(rb"""(\ssqref\s*=\s*["'])([^"']*)""")
_FILTER_REF = re.compile(
    rb"""(<(?:autoFilter|sortState|sortCondition)\s(?:[^>]*?\s)?ref\s*=\s*["'])([^"']*)"""
)
_EXTENSION = re.compile(
    rb"<(?:\w+:)?sparkline>.*?</(?:\w+:)?sparkline>|(<(?:\w+:)?sqref>)([^<]*)(?=</(?:\w+:)?sqref>)", re.DOTALL
)
_EXTENSION_FORMULA = re.compile(rb"(<(?:\w+:)?f>)([^<]*)(?=</(?:\w+:)?f>)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Data of a sheet (`area`, header not included) that gets `rows` more rows at its end."""

    sheet: str
    area: Area
    rows: int

    def concerns(self, area: Area) -> bool:
        """Whether a range ends with the data, inside its columns, as a column's rule or series does."""
        inside = self.area.left <= area.left and area.right <= self.area.right
        tall = area.top < area.bottom or area.top == self.area.top
        return inside and tall and area.bottom == self.area.bottom

    def grown(self, area: Area) -> Area:
        """The range as it is after the growth."""
        return area.down_to(area.bottom + self.rows) if self.concerns(area) else area

    def formula(self, text: str, home: str, *, single: bool = True) -> str:
        """A formula of sheet `home` with its ranges grown; `single` cells too if they are all the data."""

        def rows(reference: Reference) -> tuple[int, int]:
            area = Area(reference.top, reference.left, reference.bottom, reference.right)
            ours = (reference.sheet or home).lower() == self.sheet.lower() and reference.left > 0
            if ours and self.concerns(area) and (single or area.top < area.bottom):
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
            return inside and (reference.top > self.area.top or (ends_here and (mixed or own_column)))

        return self._with_ranges(text, home, stays)

    def rule(self, text: str, home: str) -> str:
        """The same for a rule's formula, or a list's source; not for a window over some rows."""

        def stays(reference: Reference) -> bool:
            return not reference.bottom_fixed and reference.top > self.area.top

        return self._with_ranges(text, home, stays)

    def _with_ranges(self, text: str, home: str, stays: Callable[[Reference], bool]) -> str:
        def rows(reference: Reference) -> tuple[int, int]:
            top, bottom = reference.top, reference.bottom
            ours = (reference.sheet or home).lower() == self.sheet.lower()
            ends_with_it = top < bottom == self.area.bottom and (
                not reference.left
                or (reference.left <= self.area.right and self.area.left <= reference.right)
            )
            grows = ours and ends_with_it and not stays(reference)
            return (top, bottom + self.rows) if grows else (top, bottom)

        return map_references(text, rows)

    def cell_formulas(self, home: str) -> Callable[[Piece], bytes]:
        """Grows the formulas of a sheet's cells, its pieces of rows in order.

        Nothing is looked at closely but where the number of the last row, or a shared formula, stands.
        """
        number = b"%d" % self.area.bottom
        formulas = CellFormulas(
            lambda text, row, column: self.cell_formula(text, home, row, column), ranges_only=True
        )
        ends = re.compile(rb":\$?(?:[A-Za-z]{1,3})?\$?%s(?![0-9])" % number)

        def grown(piece: Piece) -> bytes:
            text = piece.text
            if (number in text and ends.search(text)) or b"shared" in text:
                return formulas.rows(piece)
            return text

        return grown


def grow_formulas(draft: Draft, workbook: Workbook, growth: Growth) -> None:
    """The formulas of other sheets than the data's own, in cells and rules, and those of tables and controls."""
    for sheet in workbook.sheets:
        with suppress(DataRefused):  # an odd sheet stays as it is
            if sheet.name.lower() != growth.sheet.lower() and mentions(draft, sheet, growth.sheet):
                _grow_sheet(draft, sheet, growth)
    map_linked_formulas(draft, workbook, growth.rule)


def _grow_sheet(draft: Draft, sheet: Sheet, growth: Growth) -> None:
    before = draft.content(sheet.part)

    def grown() -> Iterator[tuple[bytes, bytes]]:
        rows = growth.cell_formulas(sheet.name)
        for piece in pieces(before()):
            in_cells = piece.part is Part.ROWS
            yield piece.text, rows(piece) if in_cells else _grown_rules(piece.text, growth, sheet.name)

    if any(old != new for old, new in grown()):
        draft.put(sheet.part, lambda: (new for _, new in grown()))


def _grown_rules(text: bytes, growth: Growth, home: str) -> bytes:
    return map_formulas(text, RULE_FORMULA, lambda formula: growth.rule(formula, home))


def grow_tail(tail: bytes, growth: Growth) -> bytes:
    """What stands behind a sheet's rows: conditional formats, validations, filters, x14 extensions."""
    tail = _SQREF.sub(lambda match: match[1] + _grown_list(match[2], growth), tail)
    tail = _FILTER_REF.sub(lambda match: match[1] + _grown_list(match[2], growth), tail)
    tail = _EXTENSION.sub(lambda match: _grown_extension(match, growth), tail)
    return _grown_rules(tail, growth, growth.sheet)


def _grown_extension(match: re.Match[bytes], growth: Growth) -> bytes:
    if match[1]:
        return match[1] + _grown_list(match[2], growth)
    return map_formulas(match[0], _EXTENSION_FORMULA, lambda text: growth.formula(text, growth.sheet))


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
    workbook.map_names(lambda text, home: growth.formula(text, home, single=False))


def grow_charts(draft: Draft, growth: Growth) -> None:
    """Series that end with the data."""
    map_charts(draft, lambda text: growth.formula(text, ""))
