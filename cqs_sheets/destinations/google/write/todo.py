"""What is still to do for a plan, and how much of it fits into one batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.rows.plan import Add, NewColumn, NewTab, Plan, Update
from cqs_sheets.destinations.google.read.layout import Layout
from cqs_sheets.destinations.google.write.patches import Misplaced

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
            marks=bool(plan.table.bindings.dropped),
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
