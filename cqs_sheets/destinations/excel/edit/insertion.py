"""Rows inserted in a sheet: what that does to ranges, addresses and formulas."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cqs_sheets.destinations.excel.parts.references import Reference, map_references
from cqs_sheets.destinations.excel.parts.refs import MAX_ROW, Area
from cqs_sheets.destinations.excel.parts.workbook import Sheet
from cqs_sheets.errors import DataRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """`by` rows inserted in a sheet above row `at`.

    Ranges that begin with `absorbing`'s first row and lie in its columns take the new rows in: they
    are the data itself, which grows at its top.
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

    def area(self, area: Area) -> Area:
        """A range of the data's (a rule, a filter, a sum) after the insertion."""
        moved = self.moved(area)
        return replace(moved, top=area.top) if self.absorbs(area) else moved

    def moved(self, area: Area) -> Area:
        """Cells after the insertion; new rows among them belong to them, new ones above do not."""
        if area.bottom < self.at:
            return area
        return Area(self.row(area.top), area.left, min(area.bottom + self.by, MAX_ROW), area.right)

    def absorbs(self, area: Area) -> bool:
        """Whether the new rows become part of a range, at its top."""
        data = self.absorbing
        if data is None or area.top != data.top or area.top == area.bottom:
            return False
        return area.bottom >= data.bottom and data.left <= area.left and area.right <= data.right

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
        """A formula of sheet `home`, in its cell `at` (row and column), after the insertion."""

        def rows(reference: Reference) -> tuple[int, int]:
            if self._is_elsewhere(reference, home):
                return reference.top, reference.bottom
            moved = self._of_the_data(reference, at) if at else None
            return moved or self._rows_of(reference)

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

    def _rows_of(self, reference: Reference) -> tuple[int, int]:
        moved = self.area(Area(reference.top, reference.left, reference.bottom, reference.right))
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
