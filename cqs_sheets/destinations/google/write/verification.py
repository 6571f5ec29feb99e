"""How an answer tells whether each patch hit the row that it was meant for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cqs_sheets.core.cells import is_alike, key_text, same
from cqs_sheets.core.grid import runs
from cqs_sheets.destinations.google.read.cells import Line, decode, decode_extended, entered, read_boxes
from cqs_sheets.destinations.google.read.layout import Cell, Layout, TabPlace, column_letters, quoted
from cqs_sheets.destinations.google.wire.shapes import GridRange, Json
from cqs_sheets.destinations.google.wire.sheets_http import Spreadsheet
from cqs_sheets.destinations.google.write.newrows import area
from cqs_sheets.destinations.google.write.patches import Misplaced, Patch, is_missing, kept_cell, kept_key
from cqs_sheets.errors import DataRefused
from cqs_sheets.values import replace

VERIFICATION = (
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
    """The patches that hit another row, by the CellData of `verification_areas` and the named cells.

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
        found = layout.spelt.get(patch.tab, {}).get(found or "", found)
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
    return is_alike(found, patch.key) or (found is None and named == patch.cell)


def _same(written: Json, cell: Json) -> bool:
    """Whether a cell holds what was written by mistake (a formula cannot tell, once copied)."""
    if "formulaValue" in written:
        return True
    return same(entered(written), decode_extended(cell))


def check_new_rows(keys: Mapping[Cell, str], cells: Mapping[Cell, Json]) -> None:
    """Raises DataRefused unless the keys of new rows stand where they were put, by the write's own answer."""
    if any(key_text(decode_extended(cells.get(cell, {}))) != key for cell, key in keys.items()):
        raise DataRefused(
            "The write's own answer does not show all new rows where they were put: this is a bug.",
            meaning="What is missing comes with the next sync; nothing was deleted.",
            hint="Look at the rows at the end of the tab, and please report it.",
        )


def live_key(patch: Patch) -> Cell | None:
    """Where the key of the patch's row stands in its tab; None in a settings tab."""
    return None if patch.key_column is None else replace(patch.cell, column=patch.key_column)


def verification_areas(
    patches: Sequence[Patch], layout: Layout, keys: Iterable[Cell] = ()
) -> list[GridRange]:
    """What must be seen to know which rows the patches hit, as GridRanges: keys (of new rows, too) and kept cells."""
    rows: dict[tuple[int, int], set[int]] = {}
    for cell in keys:
        rows.setdefault((cell.sheet_id, cell.column), set()).add(cell.row)
    for patch in patches:
        for each in (kept_cell(patch, layout), kept_key(patch, layout), live_key(patch)):
            if each:
                rows.setdefault((each.sheet_id, each.column), set()).add(each.row)
    return [
        area(Cell(sheet_id=sheet_id, row=first, column=column), height=1 + last - first)
        for (sheet_id, column), found in rows.items()
        for first, last in runs(found)
    ]


def verification_ranges(areas: Iterable[GridRange], layout: Layout) -> list[str]:
    """The same in A1 notation."""
    titles = {place.sheet_id: place.title for place in layout.tabs.values()}
    if layout.scratch:
        titles[layout.scratch.sheet_id] = layout.scratch.title
    ranges = []
    for span in areas:
        letters = column_letters(span["startColumnIndex"])
        rows = f"{letters}{span['startRowIndex'] + 1}:{letters}{span['endRowIndex']}"
        ranges.append(f"{quoted(titles[span['sheetId']])}!{rows}")
    return ranges


def note(nonce: str, patches: Sequence[Patch]) -> str:
    """The note on the patches of one row, by the batch that `nonce` names."""
    return json.dumps([nonce, [_listed(patch) for patch in patches]], separators=(",", ":"), default=float)


def noted(layout: Layout) -> list[Patch]:
    """The patches of the newest batch, if it overwrote cells."""
    if not layout.scratch or not layout.marks:
        return []
    found = []
    for text in layout.scratch.notes:
        try:
            nonce, listed = json.loads(text)
            found += [_patch(each) for each in listed] if nonce == layout.marks[-1].nonce else []
        except (ValueError, TypeError):
            continue  # typed by a person
    return [patch for patch in found if not _settled(patch, layout)]


def mistakes_among(
    patches: Sequence[Patch], layout: Layout, cells: Mapping[Cell, Json]
) -> tuple[Misplaced, ...]:
    """What those patches did to other rows and must be taken back, the oldest first; by cells seen today.

    What cannot be known any more counts as right: a row whose copy a filter kept from being made.
    """
    known = [
        patch
        for patch in patches
        if not (place := kept_key(patch, layout)) or not is_missing(cells.get(place, {}))
    ]
    wrong = [
        each for each in misplaced(known, layout, cells, layout.names, later=True) if each.before is not None
    ]
    still = [each.patch.undoes for each in wrong if each.patch.undoes]
    return (*still, *wrong)


def _settled(patch: Patch, layout: Layout) -> bool:
    """A setting that shows what was written: its cell may have moved since."""
    cell = layout.names.get(patch.key.lower())
    if patch.key_column is not None or patch.undoes or cell is None:
        return False
    return same(entered(patch.content), layout.values.get(cell))


def _listed(patch: Patch) -> list[Any]:
    cell, wrong = patch.cell, patch.undoes
    return [
        [patch.tab, patch.key, patch.column],
        [cell.sheet_id, cell.row, cell.column, patch.key_column],
        patch.content,
        patch.slot,
        [_listed(wrong.patch), wrong.found, wrong.before, wrong.at] if wrong else None,
    ]


def _patch(listed: Sequence[Any]) -> Patch:
    (tab, key, column), (sheet_id, row, at, key_column), content, slot, wrong = listed
    undoes = None
    if wrong:
        mistake, found, before, *at = wrong
        undoes = Misplaced(patch=_patch(mistake), found=found, before=before, at=at[0] if at else None)
    return Patch(
        tab=tab,
        key=key,
        column=column,
        cell=Cell(sheet_id=sheet_id, row=row, column=at),
        key_column=key_column,
        content=content,
        slot=slot,
        undoes=undoes,
    )


def located(spreadsheet: Spreadsheet, mistakes: Sequence[Misplaced], layout: Layout) -> tuple[Misplaced, ...]:
    """The mistakes at today's rows; without those whose row is gone. One read if any row has no key."""
    places = {id(each): _place(each, layout) for each in mistakes}
    boxes = [
        area(replace(each.patch.cell, row=0, column=place.columns[each.patch.column]), place.row_count)
        for each in mistakes
        if (place := places[id(each)])
    ]
    lines = read_boxes(spreadsheet, boxes)
    found = []
    for each in mistakes:
        place = places[id(each)]
        row = _row(each, place, lines) if place else each.patch.cell.row
        if row is not None:
            moved = replace(each.patch, cell=replace(each.patch.cell, row=row))
            found.append(replace(each, patch=moved))
    return tuple(found)


def _place(mistake: Misplaced, layout: Layout) -> TabPlace | None:
    """The tab of a row without a key."""
    if mistake.found is not None or mistake.patch.key_column is None or mistake.at is not None:
        return None
    place = layout.sheet(mistake.patch.cell.sheet_id)
    return place if place and mistake.patch.column in place.columns else None


def _row(mistake: Misplaced, place: TabPlace, lines: dict[tuple[int, int], Line]) -> int | None:
    """The first row without a key that shows what was written, where it was written if possible."""
    written = entered(mistake.patch.content)
    column = place.columns[mistake.patch.column]
    rows: list[int] = [mistake.patch.cell.row, *range(place.header_row + 1, place.row_count)]
    keyed = {row for rows in place.rows.values() for row in rows}
    for row in rows:
        shown = decode(lines.get((place.sheet_id, row), {}).get(column))
        if row not in keyed and same(written, shown):
            return row
        if written is None:
            return None  # any blank row could be it
    return None
