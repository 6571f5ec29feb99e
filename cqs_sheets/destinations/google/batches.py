"""What is still to do for a plan, and the next atomic batch of it."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan import Add, Update
from cqs_sheets.core.template import SettingsTab, Tab, TableTab, Template
from cqs_sheets.destinations.google import failures, marks
from cqs_sheets.destinations.google.compile_settings import compile_settings, setting_cells
from cqs_sheets.destinations.google.compile_template import bindings, compile_table, new_place
from cqs_sheets.destinations.google.layout import Layout, TabPlace
from cqs_sheets.destinations.google.newrows import insert_rows, time_formats
from cqs_sheets.destinations.google.patches import (
    Misplaced,
    Patch,
    overwrite,
    patches_of,
    scratch_for,
    undoing,
    with_slots,
    write_kept,
)

Json = dict[str, Any]

_MOST_BYTES = 1_500_000  # Google advises 2 MB a request
_CELL_BYTES = 55
_UPDATE_BYTES = 900  # a copy, a cell
_SHEET_IDS = (1 << 31) - 1


@dataclass(slots=True, kw_only=True)
class Piece:
    """One atomic batch: its requests, the patches to verify, and the layout if it goes as planned."""

    requests: list[Json] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    after: Layout = field(default_factory=Layout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """Changes that are not in the target yet, and mistakes to take back."""

    adds: tuple[Add, ...] = ()
    updates: tuple[Update, ...] = ()
    undo: tuple[Misplaced, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.adds or self.updates or self.undo)

    @property
    def tabs(self) -> list[str]:
        """The tabs that would change, by the template's names."""
        names = [add.tab for add in self.adds] + [update.tab for update in self.updates]
        return list(dict.fromkeys([*names, *(wrong.patch.tab for wrong in self.undo)]))

    def without(self, layout: Layout) -> Todo:
        """The rest, once rows that have come into the target meanwhile are left out."""
        adds = tuple(
            add for add in self.adds if add.tab not in layout.tabs or add.key not in layout.tabs[add.tab].rows
        )
        return replace(self, adds=adds)

    def cut(self) -> tuple[Todo, Todo]:
        """What fits into the next batch, and the rest: all rows come before changed cells."""
        room = _MOST_BYTES
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Makes batches for one template in one spreadsheet; `zone_name` fills the setting Time_zone."""

    template: Template
    spreadsheet_id: str
    zone_name: str

    def compose(self, todo: Todo, layout: Layout, attempt: int) -> Piece:
        """The batch for all of `todo`, to be carried out where everything stands as in `layout`.

        `attempt` makes ids of new tabs that were not tried before. Raises TargetBusy if Google cannot
        hold so many cells.
        """
        piece = Piece(after=layout)
        made = self._create(piece, {add.tab for add in todo.adds}, attempt)
        self._bind(piece)
        for name in todo.tabs:
            if name in layout.tabs:
                piece.requests += _held(layout.tabs[name], todo)
        for tab in self.template.fed_tabs:
            adds = [add for add in todo.adds if add.tab == tab.name]
            if adds:
                requests, place = insert_rows(adds, tab, piece.after.tabs)
                piece.requests += requests
                piece.after = replace(piece.after, tabs={**piece.after.tabs, tab.name: place})
        self._patch(piece, todo, made, attempt)
        if piece.after.cells > failures.MOST_CELLS:
            raise failures.full(self.spreadsheet_id)
        return piece

    def creates(self, todo: Todo, layout: Layout) -> bool:
        """Whether a batch for `todo` would make tabs."""
        return bool(self._missing({add.tab for add in todo.adds}, layout))

    def _missing(self, used: Collection[str], layout: Layout) -> list[Tab]:
        first = layout.sequence is None
        return [
            tab
            for tab in self.template.tabs
            if not _is_there(tab, layout) and (tab.name in used or (first and not _is_optional(tab)))
        ]

    def _create(self, piece: Piece, used: Collection[str], attempt: int) -> set[int]:
        made = set()
        taken = set(piece.after.titles or ())
        for tab in self._missing(used, piece.after):
            title = _free_title(tab.name, taken)
            taken.add(title.lower())
            sheet_id = self._sheet_id(tab.name, attempt)
            made.add(sheet_id)
            if isinstance(tab, TableTab):
                place = new_place(tab, sheet_id, title)
                piece.requests += compile_table(self.template, tab, place)
                piece.after = replace(piece.after, tabs={**piece.after.tabs, tab.name: place})
            elif isinstance(tab, SettingsTab):
                piece.requests += compile_settings(
                    self.template, tab, sheet_id, title, zone_name=self.zone_name, taken=piece.after.names
                )
                cells = {name.lower(): cell for name, cell in setting_cells(tab, sheet_id).items()}
                piece.after = replace(piece.after, names={**cells, **piece.after.names})
        return made

    def _sheet_id(self, name: str, attempt: int) -> int:
        return 1 + zlib.crc32(f"{self.spreadsheet_id}/{name}/{attempt}".encode()) % (_SHEET_IDS - 1)

    def _bind(self, piece: Piece) -> None:
        """A table made by hand gets our metadata with the first write."""
        for name, place in piece.after.tabs.items():
            if not place.bound:
                piece.requests += bindings(place)
                tab, first = self.template.tab(name), place.header_row + 1
                if isinstance(tab, TableTab) and place.end > first:
                    piece.requests += time_formats(tab, place, first, place.end - first)
                piece.after = replace(
                    piece.after, tabs={**piece.after.tabs, name: replace(place, bound=True)}
                )

    def _patch(self, piece: Piece, todo: Todo, made: Collection[int], attempt: int) -> None:
        layout = piece.after
        wanted = list(patches_of(todo.updates, layout))
        piece.requests += [overwrite(patch) for patch in wanted if patch.cell.sheet_id in made]
        kept = with_slots(
            [
                *undoing(todo.undo, layout),
                *(patch for patch in wanted if patch.cell.sheet_id not in made),
            ]
        )
        if kept:
            requests, scratch = scratch_for(kept, layout, self._sheet_id("scratch", attempt))
            piece.requests += [*requests, *write_kept(kept, scratch, layout)]
            piece.patches = kept
            piece.after = replace(layout, scratch=scratch)


def _held(place: TabPlace, todo: Todo) -> list[Json]:
    """Requests that let the batch fail if the columns it is about stand elsewhere by then.

    The last column is always among them: it moves when another is deleted.
    """
    columns = set(place.ids)
    if not any(add.tab == place.name for add in todo.adds):
        columns &= {each.column for each in todo.updates if each.tab == place.name} | {
            wrong.patch.column for wrong in todo.undo if wrong.patch.tab == place.name
        }
        columns |= set(sorted(place.ids, key=place.columns.__getitem__)[-1:])
        columns |= {column for column in place.ids if place.columns[column] == place.key_column}
    return [
        request
        for column in sorted(columns)
        for request in marks.hold(
            place.ids[column], f"{place.name}.{column}", place.sheet_id, place.columns[column]
        )
    ]


def _is_there(tab: Tab, layout: Layout) -> bool:
    if isinstance(tab, TableTab):
        return tab.name in layout.tabs
    if isinstance(tab, SettingsTab):
        return any(setting.name.lower() in layout.names for setting in tab.settings)
    return True


def _is_optional(tab: Tab) -> bool:
    return isinstance(tab, TableTab) and tab.when_needed


def _free_title(name: str, taken: Collection[str]) -> str:
    title, number = name, 1
    while title.lower() in taken:
        number += 1
        title = f"{name} {number}"
    return title
