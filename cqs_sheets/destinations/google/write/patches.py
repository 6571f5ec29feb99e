"""Cells of rows that exist already: what goes into them, kept until it is known which rows it hit.

A row can be addressed by its position only (no request finds a row by its content), and a person may sort between
our read and our write. So every write of such a cell can be seen to have missed, and be undone. A hidden tab keeps
what a batch overwrites: a batch first copies the rows it is going to touch, from the key to the last cell that it
replaces, and its answer shows the rows' keys and the copies: what stood there at that very moment. If it was another
row, the copy goes back, in a batch that is verified alike (see verification.py).

Google may not copy rows that a filter hides (it was seen to skip them), so a filter is lifted meanwhile.
Where a copy is missing all the same, as somebody set the filter just then, a sign in its place says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.grid import runs
from cqs_sheets.core.plan.plan import Add, NewColumn, NewTab, Plan, Update
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.cells import encode
from cqs_sheets.destinations.google.read.layout import Cell, Layout, Scratch, TabPlace, hides
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.destinations.google.write.newrows import area, update_cells
from cqs_sheets.values import dataclass, replace

_TITLE = "_cqs"
_ROWS = 100
_COLUMNS = 52
_SHIFT = 1  # column 0 carries the mark and notes: the others follow
_NOT_COPIED = "not copied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One cell of a row that exists, and the ExtendedValue that goes into it.

    In a settings tab, `key` is the setting, and there is no `key_column`. `slot` is the scratch tab's row
    for what was there (None in a tab that the same batch makes). `undoes` is the mistake it takes back:
    `content` is then what stood there before.
    """

    tab: str
    key: str
    column: str
    cell: Cell
    content: Json
    key_column: int | None = None
    slot: int | None = None
    undoes: Misplaced | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """A patch that hit another row: the one of key `found` (None: of no key), where `before` had stood.

    `before` is None if no copy was made of it. `at` is the column, if it hit another one.
    """

    patch: Patch
    found: str | None
    before: Json | None
    at: int | None = None

    def undoing(self, layout: Layout) -> Patch | None:
        """The patch that takes it back, where the row it hit stands today; None if that is gone."""
        cell, key_column = self.patch.cell, self.patch.key_column
        if key_column is not None:
            place = layout.sheet(cell.sheet_id)
            if place is None or (self.at is None and self.patch.column not in place.columns):
                return None
            if self.found is not None and self.found not in place.rows:
                return None
            row = cell.row if self.found is None else place.rows[self.found][0]
            cell = replace(
                cell, row=row, column=place.columns[self.patch.column] if self.at is None else self.at
            )
            key_column = place.key_column
        return replace(
            self.patch, cell=cell, key_column=key_column, content=self.before or {}, slot=None, undoes=self
        )


def undoing(mistakes: Iterable[Misplaced], layout: Layout) -> list[Patch]:
    """The patches that take mistakes back; `mistakes` are the oldest first.

    Of several in one cell the oldest knows what belongs there, the newest what stands there now.
    """
    patches: dict[Cell, Patch] = {}
    for mistake in mistakes:
        patch = mistake.undoing(layout)
        if patch is None:
            continue
        older = patches.get(patch.cell)
        if older and older.undoes:
            now = replace(older.undoes.patch, content=mistake.patch.content)
            patch = replace(older, undoes=replace(older.undoes, patch=now))
        patches[patch.cell] = patch
    return list(patches.values())


def patches_of(updates: Iterable[Update], layout: Layout) -> Iterator[Patch]:
    """The patches of updates at today's positions; what is no longer there is left out."""
    for update in updates:
        table = any(layout.volumes(update.tab))
        place = layout.holder(update.tab, update.key)
        cell = _cell(place, update) if table else layout.names.get(update.key.lower())
        if cell:
            yield Patch(
                tab=update.tab,
                key=update.key,
                column=update.column,
                cell=cell,
                content=encode(update.new),
                key_column=place.key_column if place else None,
            )


def _cell(place: TabPlace | None, update: Update) -> Cell | None:
    if place is None or update.column not in place.columns:
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


def overwrite(run: Sequence[Patch]) -> Json:
    """The request that writes patches of neighbouring cells."""
    return update_cells(run[0].cell, [[patch.content for patch in run]])


_CELL_BYTES = 55
_UPDATE_BYTES = 900  # a copy, a note, a cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """Changes that are not in the target yet, and mistakes to take back; new tabs and columns come first.

    `marks`: those of tabs that are bound elsewhere by now go away.
    """

    adds: tuple[Add, ...] = ()
    updates: tuple[Update, ...] = ()
    undo: tuple[Misplaced, ...] = ()
    marks: bool = False
    new_tabs: tuple[NewTab, ...] = ()
    new_columns: tuple[NewColumn, ...] = ()

    @classmethod
    def of(cls, plan: Plan, undo: tuple[Misplaced, ...]) -> Todo:
        """All of a plan, once mistakes of an earlier write are taken back."""
        return cls(
            adds=plan.adds,
            updates=plan.updates,
            undo=undo,
            marks=bool(plan.snapshot.bindings.dropped),
            new_tabs=plan.new_tabs,
            new_columns=plan.new_columns,
        )

    def __bool__(self) -> bool:
        return bool(self.adds or self.updates or self.undo or self.marks or self.new_tabs or self.new_columns)

    def without(self, layout: Layout) -> Todo:
        """The rest, once rows that have come into the target meanwhile are left out."""
        adds = tuple(add for add in self.adds if not layout.holder(add.tab, add.key))
        return replace(self, adds=adds)

    def cut(self, room: int) -> tuple[Todo, Todo]:
        """What fits into a batch of so many bytes, and the rest: all rows come before changed cells."""
        adds = 0
        for add in self.adds:
            room -= _row_bytes(add)
            if room < 0 and adds:
                break
            adds += 1
        updates = max(0, room // _UPDATE_BYTES) if adds == len(self.adds) else 0
        if not adds and not updates:
            updates = 1
        now = replace(self, adds=self.adds[:adds], updates=self.updates[:updates])
        return now, Todo(adds=self.adds[adds:], updates=self.updates[updates:])


def _row_bytes(add: Add) -> int:
    return sum(_CELL_BYTES + _length(value) for value in add.values.values())


def _length(value: CellValue) -> int:
    return len(value.encode()) if isinstance(value, str) else 20


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
        *(overwrite(run) for run in _runs(patch for patch in patches if not patch.undoes)),
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
    lines: dict[tuple[int, int], dict[int, Patch]] = {}
    for patch in patches:
        lines.setdefault((patch.cell.sheet_id, patch.cell.row), {})[patch.cell.column] = patch
    for line in lines.values():
        for first, last in runs(line):
            yield [line[at] for at in range(first, last + 1)]


def _keep(slot: int, patches: Sequence[Patch], scratch: Scratch) -> Json:
    columns = [column for patch in patches for column in _span(patch)]
    first, last = min(columns), max(columns)
    there = Cell(sheet_id=scratch.sheet_id, row=slot, column=first + _SHIFT)
    return _copy(replace(patches[0].cell, column=first), there, 1 + last - first)


def _put_back(patch: Patch, scratch: Scratch) -> Json:
    kept = patch.undoes.patch if patch.undoes else patch
    if kept.slot is None:
        return overwrite([patch])  # a cell of a new row: nothing had stood there
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
