"""How an answer tells whether each patch hit the row that it was meant for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cqs_sheets.core.cells import key_text, same
from cqs_sheets.core.grid import runs
from cqs_sheets.destinations.google.read.addresses import column_letters, quoted
from cqs_sheets.destinations.google.read.cells import decode, decode_extended
from cqs_sheets.destinations.google.read.layout import Cell, Layout
from cqs_sheets.destinations.google.write.cell_requests import area
from cqs_sheets.destinations.google.write.patches import Misplaced, Patch
from cqs_sheets.destinations.google.write.scratch import is_missing, kept_cell, kept_key

Json = dict[str, Any]

WITNESS = (
    "namedRanges(name,range),sheets(properties(sheetId),"
    "data(startRow,startColumn,rowData(values(userEnteredValue,effectiveValue))))"
)


def misplaced(
    patches: Sequence[Patch],
    layout: Layout,
    cells: Mapping[Cell, Json],
    names: Mapping[str, Cell],
    *,
    later: bool = False,
) -> Iterator[Misplaced]:
    """The patches that hit another row, by the CellData of `witness_areas` and the named cells.

    Where several patches hit one cell, what counts is the last (mistakes are taken back first). The
    rows' keys are taken from the tab itself; if the look came `later` than the write, from the copy
    (unless there is none).
    """
    written = sorted(patches, key=lambda patch: patch.undoes is None)
    for patch in {patch.cell: patch for patch in written}.values():
        before = cells.get(kept_cell(patch, layout), {})
        kept, live = (
            cells.get(cell, {}) if cell else {} for cell in (kept_key(patch, layout), live_key(patch))
        )
        missing = is_missing(kept)
        found = key_text(decode_extended(kept if later and not missing else live))
        if not _hit(patch, found, before, names):
            content = None if missing else before.get("userEnteredValue", {})
            yield Misplaced(patch=patch, found=found, before=content)


def cells_read(lines: Mapping[tuple[int, int], Mapping[int, Any]]) -> dict[Cell, Json]:
    """CellData by place, as `cells_of` has it, from plain values by tab and row."""
    return {
        Cell(sheet_id=sheet_id, row=row, column=column): {"effectiveValue": held, "userEnteredValue": held}
        for (sheet_id, row), line in lines.items()
        for column, value in line.items()
        if (held := _extended(value))
    }


def _extended(value: object) -> Json:
    if value in (None, ""):
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"stringValue" if isinstance(value, str) else "numberValue": value}


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


def live_key(patch: Patch) -> Cell | None:
    """Where the key of the patch's row stands in its tab; None in a settings tab."""
    return None if patch.key_column is None else replace(patch.cell, column=patch.key_column)


def witness_areas(patches: Sequence[Patch], layout: Layout) -> list[Json]:
    """What must be seen to know which rows the patches hit, as GridRanges: keys and kept cells."""
    rows: dict[tuple[int, int], set[int]] = {}
    for patch in patches:
        for cell in (kept_cell(patch, layout), kept_key(patch, layout), live_key(patch)):
            if cell:
                rows.setdefault((cell.sheet_id, cell.column), set()).add(cell.row)
    return [
        area(Cell(sheet_id=sheet_id, row=first, column=column), height=1 + last - first)
        for (sheet_id, column), found in rows.items()
        for first, last in runs(found)
    ]


def witness_ranges(patches: Sequence[Patch], layout: Layout) -> list[str]:
    """The same in A1 notation."""
    titles = {place.sheet_id: place.title for place in layout.tabs.values()}
    if layout.scratch:
        titles[layout.scratch.sheet_id] = layout.scratch.title
    ranges = []
    for span in witness_areas(patches, layout):
        letters = column_letters(span["startColumnIndex"])
        rows = f"{letters}{span['startRowIndex'] + 1}:{letters}{span['endRowIndex']}"
        ranges.append(f"{quoted(titles[span['sheetId']])}!{rows}")
    return ranges
