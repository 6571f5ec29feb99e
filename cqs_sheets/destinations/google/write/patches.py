"""Cells of rows that exist already: what goes into them, and what has gone into the wrong row.

A row can be addressed by its position only (no request finds a row by its content), and a person may
sort between our read and our write. So every write of such a cell can be seen to have missed, and be
undone: see scratch.py and verification.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan.plan import Add, NewColumn, NewTab, Plan, Update
from cqs_sheets.destinations.google.read.cells import encode
from cqs_sheets.destinations.google.read.layout import Cell, Layout, TabPlace
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.destinations.google.write.newrows import update_cells
from cqs_sheets.values import dataclass, replace


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


def overwrite(patch: Patch) -> Json:
    """The request that writes a patch."""
    return update_cells(patch.cell, [[patch.content]])


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
