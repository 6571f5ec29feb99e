"""A tab that grew too large goes on in another one: `Signals`, then `Signals 2`, `Signals 3`...

Google limits the cells of a whole spreadsheet, not of a tab. Half of them in one tab is where opening
and sorting it takes minutes already, so there a new one begins. When the spreadsheet itself is full,
no tab helps: that is told (see failures.full), and the rows wait.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from functools import partial

from cqs_sheets.core.plan.plan import Add, NewTab, free_title, made_beside
from cqs_sheets.core.templates.template import (
    BlocksTab,
    ColumnKind,
    ReportTab,
    SettingsTab,
    Tab,
    TableTab,
    Template,
)
from cqs_sheets.destinations.google.compile import NewTab as TabToMake
from cqs_sheets.destinations.google.compile import compile_tabs
from cqs_sheets.destinations.google.compile.table import bindings
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.layout import (
    Cell,
    Layout,
    TabPlace,
    volume_name,
    volume_of,
    volume_title,
)
from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.destinations.google.write import newrows, patches
from cqs_sheets.destinations.google.write.patches import Patch, Todo, scratch_for, write_kept
from cqs_sheets.destinations.google.write.verification import note
from cqs_sheets.values import dataclass, field, replace

MOST_TAB_CELLS = 5_000_000

_ROWS_ABOVE = 3  # of a tab just made, the spare one counted in


def portions(
    tab: TableTab, adds: Sequence[Add], layout: Layout, most_cells: int
) -> Iterator[tuple[TableTab, Sequence[Add]]]:
    """New rows with the volume of the tab (by its name) that they go to; the last ones may not be made yet."""
    number = max(1, sum(1 for _ in layout.volumes(tab.name)))
    while adds:
        name = volume_name(tab.name, number)
        room = _room(tab, layout.tabs.get(name), most_cells)
        if room:
            yield replace(tab, name=name, mark=volume_name(tab.mark_name, number)), adds[:room]
        adds, number = adds[room:], number + 1


def _room(tab: TableTab, place: TabPlace | None, most_cells: int) -> int:
    """The rows that a volume can still take; one that is not made takes at least one."""
    if place is None:
        return max(1, most_cells // len(tab.columns) - _ROWS_ABOVE)
    return max(0, most_cells // place.column_count - place.row_count)


def hold_columns(todo: Todo, layout: Layout, whole: Collection[str]) -> list[Json]:
    """The requests for all tabs that exist and change; of those in `whole` every column is meant."""
    columns = {name: set(layout.tabs[name].ids) for name in whole if name in layout.tabs}
    for update in todo.updates:
        if place := layout.holder(update.tab, update.key):
            columns.setdefault(place.name, set()).add(update.column)
    for wrong in todo.undo:
        if place := layout.sheet(wrong.patch.cell.sheet_id):
            columns.setdefault(place.name, set()).add(wrong.patch.column)
    held = [request for name, found in columns.items() for request in _held(layout.tabs[name], found, layout)]
    return [marks.unpin(), *held] if layout.loose and held else held


def _held(place: TabPlace, columns: Collection[str], layout: Layout) -> list[Json]:
    """The last column is always among them, as it moves when another is deleted; so is the edge of the grid.

    Metadata goes with its column: where the last one is deleted, nothing is left that could be held,
    and what stood beside it takes its place. But then the grid has a column less.
    """
    if not place.ids:
        return []
    last = max(place.ids, key=place.columns.__getitem__)
    keyed = {column for column in place.ids if place.columns[column] == place.key_column}
    requests = marks.touch(place.sheet_id, place.column_count - 1)
    for column in sorted({last, *keyed, *columns} & place.ids.keys()):
        value, at = f"{place.mark}.{column}", place.columns[column]
        if layout.loose:
            requests.append(marks.pin(value, place.sheet_id, at))
        else:
            requests += marks.hold(place.ids[column], value, place.sheet_id, at)
    return requests


Portions = Sequence[tuple[TableTab, Sequence[Add]]]

_MOST_BYTES = 1_500_000  # Google advises 2 MB a request
_SHEET_IDS = (1 << 31) - 1


@dataclass(slots=True, kw_only=True)
class Batch:
    """One atomic batch: its requests, what to verify (patches, keys of new rows), and the layout if it goes as planned.

    `warnings` are for the user once it has happened.
    """

    requests: list[Json] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    keys: dict[Cell, str] = field(default_factory=dict)
    after: Layout = field(default_factory=Layout)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Makes batches for one template in one spreadsheet; `zone_name` fills the setting Time_zone.

    A tab goes on in another one at `most_cells`. The tabs in `users_own` are sheets that we found there, those
    in `dropped` have marks that are of no use any more.
    """

    template: Template
    spreadsheet_id: str
    zone_name: str
    most_cells: int = MOST_TAB_CELLS
    users_own: frozenset[str] = frozenset()
    dropped: tuple[str, ...] = ()

    def compose(self, todo: Todo, layout: Layout, attempt: int, nonce: str) -> Batch:
        """The batch for all of `todo`, to be carried out where everything stands as in `layout`.

        `attempt` makes ids that were not tried before, `nonce` names the batch. Raises TargetBusy if Google
        cannot hold so many cells.
        """
        batch = Batch(after=layout)
        rows = self._portions(todo, layout)
        whole = {tab.name for tab, _ in rows} | {
            place.name for new in todo.new_columns for place in layout.volumes(new.tab)
        }
        batch.requests += hold_columns(todo, layout, whole)
        missing = self._missing(todo, layout, rows)
        # pages read columns that are new, too; where there are none all tabs are made in their order
        late = [each for each in missing if todo.new_columns and self._is_page(each.tab)]
        made = self._create(batch, [each for each in missing if each not in late], attempt)
        self._mark(batch, todo, attempt)
        self._widen(batch, todo)
        made |= self._create(batch, late, attempt) if late else set()
        for tab, adds in rows:
            requests, place = newrows.insert_rows(
                adds, tab, batch.after.tabs, users_own=volume_of(tab.name)[0] in self.users_own
            )
            batch.requests += requests
            batch.after = replace(batch.after, tabs={**batch.after.tabs, tab.name: place})
            for add in adds:
                at = Cell(sheet_id=place.sheet_id, row=place.rows[add.key][-1], column=place.key_column)
                batch.keys[at] = add.key
            batch.warnings += tuple(newrows.without_formula(tab, batch.after.tabs))
        self._patch(batch, todo, made, attempt, nonce)
        if batch.after.cells > failures.MOST_CELLS:
            raise failures.full(self.spreadsheet_id)
        return batch

    def creates(self, todo: Todo, layout: Layout) -> bool:
        """Whether a batch for `todo` would make tabs."""
        return bool(self._missing(todo, layout, self._portions(todo, layout)))

    def room(self, todo: Todo, layout: Layout) -> int:
        """The bytes that changes may take in the next batch: new tabs need theirs."""
        return _MOST_BYTES // 2 if self.creates(todo, layout) else _MOST_BYTES

    def _portions(self, todo: Todo, layout: Layout) -> Portions:
        """The new rows of each volume of each tab."""
        return [
            portion
            for tab in self.template.tables
            for portion in portions(
                tab if tab.name not in self.users_own else _without_formulas(tab),
                [add for add in todo.adds if add.tab == tab.name],
                layout,
                self.most_cells,
            )
        ]

    def _missing(self, todo: Todo, layout: Layout, rows: Portions) -> list[NewTab]:
        """Tabs to make: those that the plan names, as far as they are not there yet, and volumes that rows go to."""
        planned = [new for new in todo.new_tabs if not _is_there(self.template.tab(new.tab), layout)]
        fresh = {new.tab for new in planned}
        if any(isinstance(self.template.tab(name), ReportTab) for name in fresh):
            # a page reads from blocks, and nobody knows where older ones are
            planned += [NewTab(name, name) for name in sorted(self._read_by(fresh) - fresh)]
        own = {tab.name for tab in self.template.tabs}
        volumes = (tab.name for tab, _ in rows if tab.name not in layout.tabs and tab.name not in own)
        return [*planned, *(NewTab(name, volume_title(name)) for name in volumes)]

    def _is_page(self, name: str) -> bool:
        return isinstance(self.template.tab(volume_of(name)[0]), BlocksTab | ReportTab)

    def _read_by(self, pages: Collection[str]) -> set[str]:
        """The tabs of blocks that these pages speak of, themselves or by others."""
        read, added = set[str](), True
        while added:
            texts = [repr(self.template.tab(name)) for name in (*pages, *read)]
            found = {
                tab.name for tab in self.template.tabs
                if isinstance(tab, BlocksTab) and any(f"{{{tab.name}." in text for text in texts)
            }  # fmt: skip
            read, added = read | found, not found <= read
        return read

    def _create(self, batch: Batch, missing: Sequence[NewTab], attempt: int) -> set[int]:
        layout = batch.after
        taken = set(layout.titles or {place.title.lower() for place in layout.tabs.values()})
        new, told = [], list[str]()
        for each in missing:
            title = free_title(each.title, taken)
            if title != each.title:  # the plan did not know of the sheet, as only some titles were asked for
                told.append(made_beside(self._tab(each.tab), title))
            taken.add(title.lower())
            sheet_id = self._sheet_id(title, attempt)
            new.append(TabToMake(tab=self._tab(each.tab), sheet_id=sheet_id, title=title))
        made = compile_tabs(self.template, new, layout.tabs, zone_name=self.zone_name, taken=layout.names)
        batch.warnings += (*told, *made.warnings)
        requests, ids = marks.numbered(made.requests, self._seed(attempt))
        batch.requests += requests
        tables = {name: place.identified(ids) for name, place in made.tables.items()}
        batch.after = replace(layout, tabs={**layout.tabs, **tables}, names={**made.names, **layout.names})
        return {each.sheet_id for each in new}

    def _tab(self, name: str) -> Tab:
        """A tab of the template, or a volume of one."""
        base, number = volume_of(name)
        tab = self.template.tab(base)
        if number == 1 or not isinstance(tab, TableTab):
            return tab
        return replace(tab, name=name, mark=volume_name(tab.mark_name, number))

    def _seed(self, attempt: int) -> str:
        return f"{self.spreadsheet_id}/{attempt}"

    def _sheet_id(self, name: str, attempt: int) -> int:
        return 1 + zlib.crc32(f"{self.spreadsheet_id}/{name}/{attempt}".encode()) % (_SHEET_IDS - 1)

    def _mark(self, batch: Batch, todo: Todo, attempt: int) -> None:
        """Our metadata goes where tabs are bound to from now on; a table made by hand gets the first."""
        for name in self.dropped if todo.marks else ():
            tab = self.template.tab(name)
            if isinstance(tab, TableTab):
                for claim in batch.after.claims.get(tab.mark_name, ()):
                    batch.requests += marks.unbind(tab.mark_name, claim.columns, claim.sheet_id)
        for name, place in batch.after.tabs.items():
            if not place.bound:
                requests, ids = marks.numbered(bindings(place), self._seed(attempt))
                batch.requests += requests
                tab, first = self.template.tab(name), place.header_row + 1
                if isinstance(tab, TableTab) and place.end > first:
                    batch.requests += newrows.time_formats(tab, place, first, place.end - first)
                batch.after = replace(batch.after, tabs={**batch.after.tabs, name: place.identified(ids)})

    def _widen(self, batch: Batch, todo: Todo) -> None:
        """Columns and settings that are new in the template."""
        for tab in self.template.tabs:
            ids = [new.column for new in todo.new_columns if new.tab == tab.name]
            if isinstance(tab, TableTab) and ids:
                for place in list(batch.after.volumes(tab.name)):
                    volume = replace(tab, name=place.name)
                    requests, wider = newrows.new_columns(self.template, volume, ids, batch.after.tabs)
                    batch.requests += requests
                    batch.after = replace(batch.after, tabs={**batch.after.tabs, place.name: wider})
                    made = replace(volume, columns=tuple(map(tab.column, ids)))
                    batch.warnings += tuple(newrows.without_formula(made, batch.after.tabs))
            elif isinstance(tab, SettingsTab) and ids:
                requests, names = newrows.new_settings(
                    self.template, tab, ids, batch.after.names, zone_name=self.zone_name
                )
                batch.requests += requests
                batch.after = replace(batch.after, names={**batch.after.names, **names})

    def _patch(self, batch: Batch, todo: Todo, made: Collection[int], attempt: int, nonce: str) -> None:
        layout = batch.after
        wanted = list(patches.patches_of(todo.updates, layout))
        batch.requests += [patches.overwrite([patch]) for patch in wanted if patch.cell.sheet_id in made]
        kept = patches.with_slots(
            [
                *patches.undoing(todo.undo, layout),
                *(patch for patch in wanted if patch.cell.sheet_id not in made),
            ]
        )
        if kept:
            requests, scratch = scratch_for(kept, layout, self._sheet_id("scratch", attempt))
            batch.requests += [*requests, *write_kept(kept, scratch, layout, partial(note, nonce))]
            batch.patches = kept
            batch.after = replace(layout, scratch=scratch)


def _is_there(tab: Tab, layout: Layout) -> bool:
    """Whether a batch made it that the plan does not know of. Pages carry no mark: they are made as planned."""
    if isinstance(tab, TableTab):
        return tab.name in layout.tabs
    if isinstance(tab, SettingsTab):
        return any(setting.name.lower() in layout.names for setting in tab.settings)
    return False


def _without_formulas(tab: TableTab) -> TableTab:
    """A tab whose formulas are the user's own."""
    columns = tuple(column for column in tab.columns if column.kind is not ColumnKind.FORMULA)
    return replace(tab, columns=columns)
