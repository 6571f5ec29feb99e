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
        """A range after the insertion."""
        moved = Area(self.row(area.top), area.left, min(area.bottom + self.by, MAX_ROW), area.right)
        if area.bottom < self.at:
            moved = replace(moved, bottom=area.bottom)
        return replace(moved, top=area.top) if self._absorbs(area) else moved

    def _absorbs(self, area: Area) -> bool:
        data = self.absorbing
        if data is None or area.top != data.top or area.top == area.bottom:
            return False
        return area.bottom >= data.bottom and data.left <= area.left and area.right <= data.right

    def splits(self, area: Area) -> bool:
        """Whether the insertion is inside a range, tearing it."""
        return area.top < self.at <= area.bottom

    def text(self, written: str) -> str:
        """Ranges as attributes hold them, separated by blanks."""
        return " ".join(self._range(each) for each in written.split(" "))

    def _range(self, written: str) -> str:
        try:
            area = Area.parse(written)
        except ValueError:
            return written
        moved = self.area(area)
        return written if moved == area else str(moved)

    def formula(self, formula: str, home: str) -> str:
        """A formula of sheet `home` after the insertion."""

        def rows(reference: Reference) -> tuple[int, int]:
            sheet = reference.sheet or home
            if ":" in sheet and reference.bottom >= self.at:
                raise refused(self.sheet.name, "a formula refers to it through a span of sheets")
            if sheet.lower() != self.sheet.name.lower():
                return reference.top, reference.bottom
            area = Area(reference.top, reference.left, reference.bottom, reference.right)
            moved = self.area(area)
            return moved.top, moved.bottom

        return map_references(formula, rows)


def refused(sheet: str, detail: str) -> DataRefused:
    """The refusal to move rows that cannot be moved safely."""
    return DataRefused(
        f"New rows do not fit in {sheet}: {detail}, and the rows below would have to move.",
        meaning="The file was left as it was; the rows wait in the journal.",
        hint="Move what stands below the signals further down, or to another tab.",
    )
