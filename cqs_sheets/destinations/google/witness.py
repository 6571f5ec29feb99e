"""How an answer tells whether each patch hit the row that it was meant for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cqs_sheets.core.cells import key_text, same
from cqs_sheets.destinations.google.cells import decode, decode_extended
from cqs_sheets.destinations.google.layout import Cell, Layout
from cqs_sheets.destinations.google.looking import read_names
from cqs_sheets.destinations.google.patches import Misplaced, Patch, kept_cell, kept_key, live_key

Json = dict[str, Any]

WITNESS = (
    "namedRanges(name,range),sheets(properties(sheetId),"
    "data(startRow,startColumn,rowData(values(userEnteredValue,effectiveValue))))"
)


def misplaced(
    patches: Sequence[Patch], layout: Layout, shown: Json, *, later: bool = False
) -> Iterator[Misplaced]:
    """The patches that hit another row, by what an answer shows of `witness_areas`.

    Where several patches hit one cell, what counts is the last (mistakes are taken back first). The
    rows' keys are taken from the tab itself; if the look came `later` than the write, from the copy
    (which is blank for a row that a filter hid).
    """
    cells = _cells(shown)
    names = dict(read_names(shown))
    written = sorted(patches, key=lambda patch: patch.undoes is None)
    for patch in {patch.cell: patch for patch in written}.values():
        before = cells.get(kept_cell(patch, layout), {})
        kept, live = (
            key_text(decode_extended(cells.get(cell, {}))) if cell else None
            for cell in (kept_key(patch, layout), live_key(patch, layout))
        )
        found = (kept or live) if later else live
        if not _hit(patch, found, before, names):
            yield Misplaced(patch=patch, found=found, before=before.get("userEnteredValue", {}))


def _cells(shown: Json) -> dict[Cell, Json]:
    """CellData by place."""
    cells: dict[Cell, Json] = {}
    for sheet in shown.get("sheets", []):
        sheet_id = sheet["properties"].get("sheetId", 0)
        for block in sheet.get("data", []):
            left = block.get("startColumn", 0)
            for row, data in enumerate(block.get("rowData", []), start=block.get("startRow", 0)):
                for column, cell in enumerate(data.get("values", []), start=left):
                    cells[Cell(sheet_id=sheet_id, row=row, column=column)] = cell
    return cells


def _hit(patch: Patch, found: str | None, before: Json, names: Mapping[str, Cell]) -> bool:
    if patch.undoes:
        return _same(patch.undoes.patch.content, before)
    named = names.get(patch.key.lower())
    return found == patch.key or (found is None and named == patch.cell)


def _same(written: Json, cell: Json) -> bool:
    """Whether a cell holds what was written by mistake (a formula cannot tell, once copied)."""
    if "formulaValue" in written:
        return True
    return same(decode(next(iter(written.values()), None)), decode_extended(cell))
