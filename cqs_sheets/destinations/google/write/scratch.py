"""The hidden tab that keeps what a batch overwrites, until it is known which rows it hit.

A batch first copies the rows it is going to touch, from the key to the last cell that it replaces, and
its answer shows the rows' keys and the copies: what stood there at that very moment. If it was another
row, the copy goes back, in a batch that is verified alike.

Google may not copy rows that a filter hides (it was seen to skip them), so a filter is lifted meanwhile.
Where a copy is missing all the same, as somebody set the filter just then, a sign in its place says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count

from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.layout import Cell, Layout, Scratch, hides
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.destinations.google.write.newrows import area, update_cells
from cqs_sheets.destinations.google.write.patches import Patch
from cqs_sheets.values import replace

_TITLE = "_cqs"
_ROWS = 100
_COLUMNS = 52
_SHIFT = 1  # column 0 carries the mark and notes: the others follow
_NOT_COPIED = "not copied"


def scratch_title(layout: Layout) -> str:
    """What the scratch tab is called: nothing that a tab of the user's is, once those are known."""
    taken = layout.titles or ()
    return next(
        title for number in count(1) if (title := f"{_TITLE} {number}" if number > 1 else _TITLE) not in taken
    )


def scratch_for(patches: Sequence[Patch], layout: Layout, sheet_id: int) -> tuple[list[Json], Scratch]:
    """The requests that make the scratch tab, or make it large enough for the patches."""
    rows = 1 + max(patch.slot or 0 for patch in patches)
    columns = 1 + _SHIFT + max(max(_span(patch)) for patch in patches)
    scratch = layout.scratch
    if scratch is None:
        rows, columns = max(rows, _ROWS), max(columns, _COLUMNS)
        grid = {"rowCount": rows, "columnCount": columns}
        title = scratch_title(layout)
        properties = {"sheetId": sheet_id, "title": title, "hidden": True, "gridProperties": grid}
        mark = marks.bind(marks.SCRATCH, "1", sheet_id, "COLUMNS", 0)
        made = Scratch(sheet_id=sheet_id, title=title, row_count=rows, column_count=columns)
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


def _span(patch: Patch) -> tuple[int, int]:
    """The columns of a patch's cell and of its row's key."""
    return patch.cell.column, patch.cell.column if patch.key_column is None else patch.key_column


def write_kept(
    patches: Sequence[Patch], scratch: Scratch, layout: Layout, note: Callable[[Sequence[Patch]], str]
) -> list[Json]:
    """The requests that keep the rows, take mistakes back, and write; `note` says it of one row's patches."""
    rows: dict[int, list[Patch]] = {}
    for patch in patches:
        rows.setdefault(patch.slot or 0, []).append(patch)
    sheets = {patch.cell.sheet_id for patch in patches}
    filtered = [place for place in layout.tabs.values() if hides(place.filter) and place.sheet_id in sheets]
    return [
        *({"clearBasicFilter": {"sheetId": place.sheet_id}} for place in filtered),
        _write_notes({slot: (note(found), found[0].key_column) for slot, found in rows.items()}, scratch),
        *(_keep(slot, found, scratch) for slot, found in rows.items()),
        *(_put_back(patch, scratch) for patch in patches if patch.undoes),
        *(_overwrite_run(run) for run in _runs(patch for patch in patches if not patch.undoes)),
        *({"setBasicFilter": {"filter": place.filter}} for place in filtered),
    ]


def _write_notes(notes: Mapping[int, tuple[str, int | None]], scratch: Scratch) -> Json:
    """Notes in column 0, a sign where a row's key will be copied to, and nothing else from there on."""
    first = min(notes)
    whole = area(Cell(sheet_id=scratch.sheet_id, row=first, column=0), scratch.row_count - first)
    lines: list[list[Json]] = []
    for slot in sorted(notes):
        text, key_column = notes[slot]
        sign = [] if key_column is None else [{}] * key_column + [_string(_NOT_COPIED)]
        lines.append([_string(text), *sign])
    return {
        "updateCells": {
            "range": whole | {"endColumnIndex": scratch.column_count},
            "rows": [{"values": line} for line in lines],
            "fields": "userEnteredValue",
        }
    }


def _string(text: str) -> Json:
    return {"userEnteredValue": {"stringValue": text}}


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


def _keep(slot: int, patches: Sequence[Patch], scratch: Scratch) -> Json:
    columns = [column for patch in patches for column in _span(patch)]
    first, last = min(columns), max(columns)
    there = Cell(sheet_id=scratch.sheet_id, row=slot, column=first + _SHIFT)
    return _copy(replace(patches[0].cell, column=first), there, 1 + last - first)


def _put_back(patch: Patch, scratch: Scratch) -> Json:
    kept = patch.undoes.patch if patch.undoes else patch
    if kept.slot is None:
        return update_cells(patch.cell, [[patch.content]])  # a cell of a new row: nothing had stood there
    there = Cell(sheet_id=scratch.sheet_id, row=kept.slot or 0, column=kept.cell.column + _SHIFT)
    return _copy(there, patch.cell, 1)


def _copy(source: Cell, target: Cell, width: int) -> Json:
    """Contents only: formats, merges and conditional formats stay where they are."""
    both = {"source": area(source, 1, width), "destination": area(target, 1, width)}
    return {"copyPaste": {**both, "pasteType": "PASTE_FORMULA"}}


def kept_cell(patch: Patch, layout: Layout) -> Cell:
    """Where the scratch tab keeps what a patch replaced."""
    scratch_id = layout.scratch.sheet_id if layout.scratch else 0
    return Cell(sheet_id=scratch_id, row=patch.slot or 0, column=patch.cell.column + _SHIFT)


def kept_key(patch: Patch, layout: Layout) -> Cell | None:
    """Where it keeps the key of the patch's row; None in a settings tab."""
    column = patch.key_column
    return None if column is None else replace(kept_cell(patch, layout), column=column + _SHIFT)


def is_missing(cell: Json) -> bool:
    """Whether a row's copied key shows that nothing was copied."""
    return bool(cell.get("effectiveValue", {}).get("stringValue") == _NOT_COPIED)
