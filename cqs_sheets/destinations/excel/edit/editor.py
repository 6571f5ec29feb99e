"""The hidden names of tabs that are bound to other sheets than before: put there, and taken away elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from cqs_sheets.core.cells import CellValue, id_cell
from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Made
from cqs_sheets.core.plan.plan import USERS_OWN, Add, Plan, Update
from cqs_sheets.core.templates.template import SettingsTab, TableTab, Template
from cqs_sheets.destinations.excel.edit.newrows import RowMaker
from cqs_sheets.destinations.excel.edit.protection import check_protection, is_protected
from cqs_sheets.destinations.excel.edit.room import (
    Growth,
    grow_charts,
    grow_formulas,
    grow_names,
    grow_pivots,
    grow_tail,
    make_room,
    nearly_full,
)
from cqs_sheets.destinations.excel.edit.rows import (
    CellEdit,
    EditsOnDemand,
    Proof,
    RowEdit,
    column_styles,
    opened_at,
    rewritten,
    untrue,
    with_dimension,
)
from cqs_sheets.destinations.excel.edit.stale import forget_results
from cqs_sheets.destinations.excel.edit.tabs import add_tabs
from cqs_sheets.destinations.excel.parts.cellxml import SharedStrings, encode
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import Area, address
from cqs_sheets.destinations.excel.parts.styles import CellFormats
from cqs_sheets.destinations.excel.parts.tables import resize_table
from cqs_sheets.destinations.excel.parts.workbook import CellAddress, Sheet, Workbook, column_name, tab_prefix
from cqs_sheets.destinations.excel.read import scan as rollover
from cqs_sheets.destinations.excel.read.place import (
    ColumnReferences,
    TabPlace,
    marked_place,
    marked_volumes,
    volume_of,
)
from cqs_sheets.destinations.excel.read.reader import cells_at, setting_cells
from cqs_sheets.destinations.excel.read.scan import Scan, scan, shared_formulas
from cqs_sheets.errors import ROWS_WAIT, DataRefused
from cqs_sheets.values import replace


def mark(draft: Draft, bindings: Bindings) -> None:
    """Leave the marks of a workbook as its bindings are: from now on they are what tabs are known by."""
    if not (bindings.dropped or bindings.adopted):
        return
    workbook = Workbook(draft)
    for name in bindings.dropped:
        tab = bindings.template.tab(name)
        for volume in list(marked_volumes(workbook, tab)) if isinstance(tab, TableTab) else ():
            workbook.remove_names(tab_prefix(volume.mark_name))
    for name, binding in bindings.adopted.items():
        tab = bindings.template.tab(name)
        if isinstance(tab, TableTab):
            for column_id, at in binding.columns.items():
                cell = CellAddress(binding.sheet, binding.header_row, at)
                workbook.bind(column_name(tab.mark_name, column_id), cell)
    workbook.save()


Edits = Mapping[int, RowEdit]
_ROWS_IN_VIEW = 24  # of the newest, where a sheet opens


class Editor:
    """Edits a draft for one plan. `scans`: passes already made over this very draft, by tab."""

    def __init__(self, draft: Draft, template: Template, scans: Mapping[str, Scan]) -> None:
        self._draft = draft
        self._template = template
        self._scans = dict(scans)
        self._open()
        self._warnings: list[str] = []
        self._kept: defaultdict[Sheet, set[str]] = defaultdict(set)  # has all sheets that are edited
        self._settings: set[str] = set()
        self._made: Made = {}
        self._added = 0
        self._owners: dict[str, str] = {}

    def _open(self) -> None:
        self._workbook = Workbook(self._draft)
        self._strings = SharedStrings(self._draft, self._workbook.linked("sharedStrings"))
        self._formats = CellFormats(self._draft, self._workbook.linked("styles"))

    def apply(self, plan: Plan, made: Made) -> None:
        """Make a plan's changes of rows and cells in the draft, and leave its sequence and the record there.

        DataRefused for what cannot be edited safely.
        """
        self._made = made
        for tab in plan.template.tabs:
            adds = [add for add in plan.adds if add.tab == tab.name]
            updates = [update for update in plan.updates if update.tab == tab.name]
            if isinstance(tab, TableTab) and (adds or updates):
                self._edit_table(tab, adds, updates)
            elif isinstance(tab, SettingsTab) and updates:
                self._edit_settings(tab, updates)
        if self._added != len(plan.adds):
            raise untrue()
        for tab in plan.template.tabs:
            if isinstance(tab, TableTab) and tab.spare_rows:
                self._add_spare_rows(tab)
        self._workbook.leave_stamp(plan.lineage)
        self._workbook.set_made(made)
        self._workbook.recalculate_on_load()
        if self._kept:
            self._workbook.drop_calculation_chain()
            sheets = {sheet.part: sheet for sheet in self._kept}
            forget_results(self._draft, self._workbook, list(sheets.values()), self._settings)
        self._workbook.save()
        if self._kept and self._template.computes:
            self._store_results()

    def _store_results(self) -> None:
        """Store what the template's formulas show, in the sheets that have them."""
        from cqs_sheets.destinations.excel.edit.results import (  # noqa: PLC0415 - for templates that compute
            own_sheets,
            store_results,
        )

        tables = [
            place.sheet
            for tab in self._template.tabs
            if isinstance(tab, TableTab) and self._made.get(tab.mark_name) != USERS_OWN
            for volume in marked_volumes(self._workbook, tab)
            if (place := marked_place(self._workbook, volume))
        ]
        sheets = own_sheets(self._workbook, self._template, tables)
        store_results(self._draft, self._workbook, self._template, sheets)

    @property
    def warnings(self) -> list[str]:
        """What the user should know; complete once the draft has been written."""
        kept = (
            f"{sheet.name}!{cell} was left as it is: other cells share its formula"
            for sheet, cells in self._kept.items()
            for cell in sorted(cells)
        )
        return list(dict.fromkeys((*self._warnings, *kept)))

    def _edit_table(self, tab: TableTab, adds: Sequence[Add], updates: Sequence[Update]) -> None:
        keys = {update.key for update in updates}
        volumes = list(marked_volumes(self._workbook, tab))
        waiting = list(updates)
        for volume in volumes:
            found = self._scan(volume, keys)
            ours = [update for update in waiting if update.key in found.places]
            waiting = [update for update in waiting if update.key not in found.places]
            last = volume is volumes[-1]
            full = last and adds and not rollover.has_room(self._place(volume), found, len(adds))
            new = adds if last and not full else ()
            if ours or new:
                self._edit_volume(volume, new, ours, found)
            if full:
                self._edit_volume(self._next_volume(tab, len(volumes) + 1), adds, (), None)
        if waiting:
            raise _moved(self._place(tab), waiting[0])

    def _scan(self, tab: TableTab, keys: Collection[str]) -> Scan:
        return self._scans.get(tab.name) or scan(self._draft, self._place(tab), self._strings, keys)

    def _next_volume(self, tab: TableTab, number: int) -> TableTab:
        self._workbook.save()
        volume = volume_of(tab, number)
        continued = replace(self._template, tabs=(*self._template.tabs, volume))
        add_tabs(self._draft, continued, {volume.name: volume.name})
        self._open()
        self._warnings.append(f"{tab.name} is full: new rows go to {volume.name}")
        return volume

    def _edit_volume(
        self, tab: TableTab, adds: Sequence[Add], updates: Sequence[Update], found: Scan | None
    ) -> None:
        place = self._place(tab)
        keys = {update.key for update in updates}
        found = found or scan(self._draft, place, self._strings, keys)
        growth, start, shifted, shown = None, 0, False, 0
        if adds:
            room = make_room(self._draft, self._workbook, place, found, len(adds))
            start, growth, shifted = room
            if shifted:
                self._scans.clear()
                place = self._place(tab)
                found = scan(self._draft, place, self._strings, keys, reseals=True)
                if found.resealed:  # rows are moved once, not in each pass that is to come
                    self._draft.put(place.sheet.part, found.resealed.stretches)
        changed, columns = self._updated_rows(place, found, updates)
        new = EditsOnDemand((), dict[int, RowEdit]().__getitem__)
        if adds:
            users_own = self._made.get(place.tab.mark_name) == USERS_OWN
            maker = self._row_maker(
                place, found, growth, users_own=users_own or not tab.fed, filled=frozenset(adds[0].values)
            )
            ordered = reversed(adds) if place.tab.new_rows == "top" else adds
            new = maker.rows(start, [add.values for add in ordered])
            columns.update(maker.columns)
            if place.tab.new_rows != "top" and tab.fed and not users_own:
                shown = max(place.header_row + 1, start + len(adds) - _ROWS_IN_VIEW)
        edits = EditsOnDemand(
            [*changed, *new],
            lambda row: changed[row] if row in changed else new[row],
            new.written,
        )
        if is_protected(found.tail):
            check_protection(
                self._draft,
                place.sheet,
                edits,
                self._formats.is_unlocked,
                moves_rows=shifted,
                grows_table=growth is not None and place.table is not None,
            )
        self._check_alone(place)
        self._added += len(adds)
        if tab.fed:
            self._draft.seal(place.sheet.part, column_letters(place.columns[tab.key]), found.keys)
        self._rewrite(place.sheet, edits, columns, growth, self._proof(place, adds), shown=shown)
        if growth:
            self._grow(place, growth)

    def _check_alone(self, place: TabPlace) -> None:
        """No two tabs are ever written to one sheet."""
        if self._owners.setdefault(place.sheet.part, place.tab.name) != place.tab.name:
            raise untrue()

    def _proof(self, place: TabPlace, adds: Sequence[Add] = ()) -> Callable[[], Proof]:
        column, epoch_1904 = place.columns[place.tab.key], self._workbook.epoch_1904
        return lambda: Proof(column, (encode(id_cell(add.key), epoch_1904=epoch_1904) for add in adds))

    def _place(self, tab: TableTab) -> TabPlace:
        place = marked_place(self._workbook, tab)
        if place is None:
            raise KeyError(tab.name)
        return place

    def _updated_rows(
        self, place: TabPlace, found: Scan, updates: Sequence[Update]
    ) -> tuple[Edits, set[int]]:
        """The edits of rows that are there, and the columns they touch."""
        values: dict[int, dict[int, CellValue]] = {}
        for update in updates:
            rows, column = found.places.get(update.key), place.columns.get(update.column)
            if rows is None or column is None:
                raise _moved(place, update)
            values.setdefault(rows[0], {})[column] = update.new
        title, kept = place.sheet.name, self._kept[place.sheet]
        shown = self._shown_as_times(place, values)

        def edit(row: int) -> RowEdit:
            cells = {column: self._cell(title, row, column, value) for column, value in values[row].items()}
            times = {at: cell for at, cell in cells.items() if shown.get((row, at)) is not None}
            cells |= {at: cell._replace(style=shown[row, at], restyle=True) for at, cell in times.items()}
            return RowEdit(cells, kept=kept)

        return EditsOnDemand(values, edit), {column for row in values.values() for column in row}

    def _shown_as_times(
        self, place: TabPlace, values: Mapping[int, Mapping[int, CellValue]]
    ) -> dict[tuple[int, int], int | None]:
        """The formats of times that come into cells of the user's own sheet, where there was none yet."""
        if self._made.get(place.tab.mark_name) != USERS_OWN:
            return {}
        patterns = {at: place.tab.column(id_).format.pattern for id_, at in place.columns.items()}
        times = {
            CellAddress(place.sheet.name, row, column)
            for row, cells in values.items()
            for column, value in cells.items()
            if isinstance(value, datetime)
        }
        present = cells_at(self._draft, self._workbook, times) if times else {}
        return {
            (at.row, at.column): self._formats.for_time(
                present[at].style if at in present else None, patterns[at.column]
            )
            for at in times
        }

    def _add_spare_rows(self, tab: TableTab) -> None:
        """More rows like the last below a table of the user's own that is nearly full, nothing put in but formulas."""
        try:
            place = self._place(tab)
        except (KeyError, DataRefused):
            return  # the user deleted the tab, or what it is known by
        needed = nearly_full(self._draft, self._strings, place)
        if needed is None:
            return
        found, growth = needed
        first = growth.area.bottom + 1
        maker = self._row_maker(place, found, growth, users_own=True)
        rows = maker.rows(first, [{}] * growth.rows)
        self._rewrite(place.sheet, rows, maker.columns, growth, self._proof(place))
        self._grow(place, growth)

    def _row_maker(
        self, place: TabPlace, found: Scan, growth: Growth | None, *,
        users_own: bool, filled: Collection[str] = (),
    ) -> RowMaker:  # fmt: skip
        return RowMaker(
            place=place,
            models=found.models,
            model_row=found.model_row,
            left=found.left,
            right=found.right,
            users_own=users_own,
            filled=filled,
            styles=column_styles(found.head),
            masters=shared_formulas(self._draft, place, found.model + found.above_model),
            reference=ColumnReferences(self._workbook, self._template).data,
            formats=self._formats,
            epoch_1904=self._workbook.epoch_1904,
            growth=growth,
            warnings=self._warnings,
            kept=self._kept[place.sheet],
        )

    def _edit_settings(self, tab: SettingsTab, updates: Sequence[Update]) -> None:
        self._settings |= {update.key.lower() for update in updates}
        cells = setting_cells(self._workbook, tab)
        places = {update: cells[update.key] for update in updates if update.key in cells}
        present = cells_at(self._draft, self._workbook, set(places.values()))
        by_sheet: dict[Sheet, dict[int, RowEdit]] = {}
        for update, at in places.items():
            if sheet := self._workbook.sheet(at.sheet):
                style = present[at].style if at in present else None
                edits = by_sheet.setdefault(sheet, {})
                row = edits.setdefault(at.row, RowEdit(kept=self._kept[sheet]))
                row.cells[at.column] = self._setting_cell(at, style, update.new)
        for sheet, edits in by_sheet.items():
            columns = {column for edit in edits.values() for column in edit.cells}
            check_protection(self._draft, sheet, edits, self._formats.is_unlocked)
            self._rewrite(sheet, edits, columns, None)

    def _setting_cell(self, at: CellAddress, style: int | None, value: CellValue) -> CellEdit:
        edit = self._cell(at.sheet, at.row, at.column, value)
        shown = self._formats.for_time(style, "") if isinstance(value, datetime) else style
        return edit._replace(style=shown, restyle=True)

    def _cell(self, sheet: str, row: int, column: int, value: CellValue) -> CellEdit:
        encoded = encode(value, epoch_1904=self._workbook.epoch_1904)
        if encoded.warning:
            self._warnings.append(f"{sheet}!{address(row, column)}: {encoded.warning}")
        return CellEdit(encoded)

    def _rewrite(
        self,
        sheet: Sheet,
        edits: Edits,
        columns: Collection[int],
        growth: Growth | None,
        proof: Callable[[], Proof | None] = lambda: None,
        *,
        shown: int = 0,
    ) -> None:
        """`shown` is the first row that the sheet is to open at; 0 leaves that."""
        reach = Area(min(edits), min(columns), max(edits), max(columns))
        before = self._draft.content(sheet.part)

        def head(text: bytes) -> bytes:
            sized = with_dimension(text, reach)
            return opened_at(sized, shown) if shown else sized

        def tail(text: bytes) -> bytes:
            return grow_tail(text, growth) if growth else text

        self._draft.put(
            sheet.part,
            lambda: rewritten(
                before,
                edits,
                head,
                tail,
                growth.cell_formulas(sheet.name) if growth else lambda piece: piece.text,
                proof(),
            ),
        )

    def _grow(self, place: TabPlace, growth: Growth) -> None:
        if place.table:
            resize_table(self._draft, place.table, growth.area.bottom, growth.area.bottom + growth.rows)
        grow_names(self._workbook, growth)
        grow_charts(self._draft, growth)
        grow_pivots(self._draft, self._workbook, growth)
        grow_formulas(self._draft, self._workbook, growth)


def _moved(place: TabPlace, update: Update) -> DataRefused:
    return DataRefused(
        f"The row of {update.key} or its column {update.column} is no longer in {place.sheet.name}.",
        meaning=ROWS_WAIT,
        hint="Run again.",
    )
