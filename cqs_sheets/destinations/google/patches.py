"""Cells of rows that exist already: how they are overwritten so that every mistake can be seen and undone.

A row can be addressed by its position only (no request finds a row by its content), and a person may
sort between our read and our write. So a batch first copies the rows it is going to touch, from the key
to the last cell that it replaces, to a hidden scratch tab, and its answer shows the rows' keys and the
copies: what stood there at that very moment. If it was another row, the copy goes back, in a batch that
is verified alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cqs_sheets.core.plan import Update
from cqs_sheets.destinations.google import marks
from cqs_sheets.destinations.google.cells import encode
from cqs_sheets.destinations.google.compile_template import runs
from cqs_sheets.destinations.google.formulas import column_letters, quoted
from cqs_sheets.destinations.google.layout import Cell, Layout, Scratch, TabPlace

Json = dict[str, Any]

_TITLE = "_cqs"
_ROWS = 100
_COLUMNS = 52
_SHIFT = 1  # column 0 of the scratch tab stays empty and carries the mark: the others follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One cell of a row that exists, and the ExtendedValue that goes into it.

    In a settings tab, `key` is the setting. `slot` is the scratch tab's row for what was there (None in
    a tab that the same batch makes). `undoes` is the mistake it takes back: `content` is then what
    stood there before.
    """

    tab: str
    key: str
    column: str
    cell: Cell
    content: Json
    slot: int | None = None
    undoes: Misplaced | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """A patch that hit another row: the one of key `found` (None: of no key), where `before` had stood."""

    patch: Patch
    found: str | None
    before: Json

    def undoing(self, layout: Layout) -> Patch:
        """The patch that takes it back, at today's position of the row it hit."""
        place = layout.tabs.get(self.patch.tab)
        cell = self.patch.cell
        if place and self.found is not None and self.found in place.rows:
            cell = replace(cell, row=place.rows[self.found][0])
        return replace(self.patch, cell=cell, content=self.before, slot=None, undoes=self)


def undoing(mistakes: Iterable[Misplaced], layout: Layout) -> list[Patch]:
    """The patches that take mistakes back; `mistakes` are the oldest first.

    Of several in one cell the oldest knows what belongs there, the newest what stands there now.
    """
    patches: dict[Cell, Patch] = {}
    for mistake in mistakes:
        patch = mistake.undoing(layout)
        older = patches.get(patch.cell)
        if older and older.undoes:
            now = replace(older.undoes.patch, content=mistake.patch.content)
            patch = replace(older, undoes=replace(older.undoes, patch=now))
        patches[patch.cell] = patch
    return list(patches.values())


def patches_of(updates: Iterable[Update], layout: Layout) -> Iterator[Patch]:
    """The patches of updates at today's positions; what is no longer there is left out."""
    for update in updates:
        place = layout.tabs.get(update.tab)
        cell = _cell(place, update) if place else layout.names.get(update.key.lower())
        if cell:
            yield Patch(
                tab=update.tab,
                key=update.key,
                column=update.column,
                cell=cell,
                content=encode(update.new),
            )


def _cell(place: TabPlace, update: Update) -> Cell | None:
    if update.key not in place.rows or update.column not in place.columns:
        return None
    row, column = place.rows[update.key][0], place.columns[update.column]
    return Cell(sheet_id=place.sheet_id, row=row, column=column)


def with_slots(patches: Iterable[Patch]) -> list[Patch]:
    """The same with rows of the scratch tab that hold nothing which is still needed, one for each row."""
    found = list(patches)
    needed = [wrong.patch.slot for patch in found if (wrong := patch.undoes)]
    first = 1 + max((slot for slot in needed if slot is not None), default=-1)
    rows = dict.fromkeys((patch.cell.sheet_id, patch.cell.row) for patch in found)
    slots = {row: slot for slot, row in enumerate(rows, start=first)}
    return [replace(patch, slot=slots[patch.cell.sheet_id, patch.cell.row]) for patch in found]


def scratch_for(patches: Sequence[Patch], layout: Layout, sheet_id: int) -> tuple[list[Json], Scratch]:
    """The requests that make the scratch tab, or make it large enough for the patches."""
    rows = 1 + max(patch.slot or 0 for patch in patches)
    columns = 1 + _SHIFT + max(max(_span(patch, layout)) for patch in patches)
    scratch = layout.scratch
    if scratch is None:
        rows, columns = max(rows, _ROWS), max(columns, _COLUMNS)
        grid = {"rowCount": rows, "columnCount": columns}
        properties = {"sheetId": sheet_id, "title": _TITLE, "hidden": True, "gridProperties": grid}
        mark = marks.bind(marks.SCRATCH, "1", sheet_id, "COLUMNS", 0)
        made = Scratch(sheet_id=sheet_id, title=_TITLE, row_count=rows, column_count=columns)
        return [{"addSheet": {"properties": properties}}, mark], made
    growth = {"ROWS": rows - scratch.row_count, "COLUMNS": columns - scratch.column_count}
    requests = [
        {"appendDimension": {"sheetId": scratch.sheet_id, "dimension": axis, "length": more}}
        for axis, more in growth.items()
        if more > 0
    ]
    return requests, replace(
        scratch, row_count=max(rows, scratch.row_count), column_count=max(columns, scratch.column_count)
    )


def _span(patch: Patch, layout: Layout) -> tuple[int, int]:
    """The columns of a patch's cell and of its row's key."""
    place = layout.tabs.get(patch.tab)
    return patch.cell.column, place.key_column if place else patch.cell.column


def write_kept(patches: Sequence[Patch], scratch: Scratch, layout: Layout) -> list[Json]:
    """The requests that keep the rows, take mistakes back, and write."""
    rows: dict[Cell, list[int]] = {}
    slots: dict[Cell, int] = {}
    for patch in patches:
        row = replace(patch.cell, column=0)
        rows.setdefault(row, []).extend(_span(patch, layout))
        slots[row] = patch.slot or 0
    return [
        *(_keep(row, slots[row], min(found), max(found), scratch) for row, found in rows.items()),
        *(_put_back(patch, scratch) for patch in patches if patch.undoes),
        *(_overwrite_run(run) for run in _runs(patch for patch in patches if not patch.undoes)),
    ]


def _runs(patches: Iterable[Patch]) -> Iterator[list[Patch]]:
    """Patches of neighbouring cells together."""
    run: list[Patch] = []
    for patch in sorted(patches, key=lambda each: (each.cell.sheet_id, each.cell.row, each.cell.column)):
        if run and patch.cell == replace(run[-1].cell, column=run[-1].cell.column + 1):
            run.append(patch)
            continue
        if run:
            yield run
        run = [patch]
    if run:
        yield run


def _overwrite_run(run: Sequence[Patch]) -> Json:
    return update_cells(run[0].cell, [[patch.content for patch in run]])


def overwrite(patch: Patch) -> Json:
    """The request that writes a patch."""
    return update_cells(patch.cell, [[patch.content]])


def update_cells(cell: Cell, rows: Iterable[Iterable[Json]]) -> Json:
    """The request that writes rows of ExtendedValues, formats untouched."""
    start = {"sheetId": cell.sheet_id, "rowIndex": cell.row, "columnIndex": cell.column}
    lines = [
        {"values": [{"userEnteredValue": content} if content else {} for content in contents]}
        for contents in rows
    ]
    return {"updateCells": {"start": start, "rows": lines, "fields": "userEnteredValue"}}


def _keep(row: Cell, slot: int, first: int, last: int, scratch: Scratch) -> Json:
    there = Cell(sheet_id=scratch.sheet_id, row=slot, column=first + _SHIFT)
    return _copy(replace(row, column=first), there, 1 + last - first)


def _put_back(patch: Patch, scratch: Scratch) -> Json:
    kept = patch.undoes.patch if patch.undoes else patch
    there = Cell(sheet_id=scratch.sheet_id, row=kept.slot or 0, column=kept.cell.column + _SHIFT)
    return _copy(there, patch.cell, 1)


def _copy(source: Cell, target: Cell, width: int) -> Json:
    return {"copyPaste": {"source": area(source, 1, width), "destination": area(target, 1, width)}}


def area(cell: Cell, height: int = 1, width: int = 1) -> Json:
    """A GridRange with its upper left corner at `cell`."""
    return {
        "sheetId": cell.sheet_id,
        "startRowIndex": cell.row,
        "endRowIndex": cell.row + height,
        "startColumnIndex": cell.column,
        "endColumnIndex": cell.column + width,
    }


def kept_cell(patch: Patch, layout: Layout) -> Cell:
    """Where the scratch tab keeps what a patch replaced."""
    scratch_id = layout.scratch.sheet_id if layout.scratch else 0
    return Cell(sheet_id=scratch_id, row=patch.slot or 0, column=patch.cell.column + _SHIFT)


def kept_key(patch: Patch, layout: Layout) -> Cell | None:
    """Where it keeps the key of the patch's row; None in a settings tab."""
    key = live_key(patch, layout)
    return replace(kept_cell(patch, layout), column=key.column + _SHIFT) if key else None


def live_key(patch: Patch, layout: Layout) -> Cell | None:
    """Where the key of the patch's row stands in its tab; None in a settings tab."""
    place = layout.tabs.get(patch.tab)
    return replace(patch.cell, column=place.key_column) if place else None


def witness_areas(patches: Sequence[Patch], layout: Layout) -> list[Json]:
    """What must be seen to know which rows the patches hit, as GridRanges: keys and kept cells."""
    rows: dict[tuple[int, int], set[int]] = {}
    for patch in patches:
        for cell in (kept_cell(patch, layout), kept_key(patch, layout), live_key(patch, layout)):
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
