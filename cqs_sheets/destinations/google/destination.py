"""The Google Sheets destination: two reads and one write for a sync with news, one read without."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cqs_sheets.core.cells import CellType, CellValue, key_text
from cqs_sheets.core.rows.orphans import status_column
from cqs_sheets.core.rows.plan import Plan
from cqs_sheets.core.rows.table import SETTING_VALUE, HeldRow, Stamp, Table, TabState
from cqs_sheets.core.rows.upgrade import record_from
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.core.templates.template import Setting, SettingsTab, TableTab, Template
from cqs_sheets.destinations.base import Applied
from cqs_sheets.destinations.google.read.adoption import adopt, read_titles
from cqs_sheets.destinations.google.read.cells import MOST_CHARACTERS, decode, is_inexact
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace
from cqs_sheets.destinations.google.read.looking import check_nothing_lost, look
from cqs_sheets.destinations.google.read.rollover import MOST_TAB_CELLS
from cqs_sheets.destinations.google.read.values import (
    Line,
    box_of_column,
    box_of_rows,
    model_rows,
    read_boxes,
    read_formulas,
    with_models,
)
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.destinations.google.write.batches import Composer
from cqs_sheets.destinations.google.write.notes import mistakes_among, noted
from cqs_sheets.destinations.google.write.patches import Misplaced, Patch
from cqs_sheets.destinations.google.write.witness import cells_read, witness_areas
from cqs_sheets.destinations.google.write.writing import Writer
from cqs_sheets.errors import DataRefused, TargetChanged

Json = dict[str, Any]
Held = dict[str, dict[str, dict[str, CellValue]]]

_UNSURE = "?"  # follows the version while nobody knows whether its write hit the right rows
_TIMES = frozenset({"DATE", "TIME", "DATE_TIME"})


class GoogleDestination:
    """A spreadsheet in Google Sheets; see destinations.base.Destination.

    `gid` picks the tab that a table made by hand is looked for in. `zone_name` is shown in Settings. A tab
    goes on in another one at `most_cells`. A person's edits never make apply refuse: what they displace is
    found by the write's own answer and put right, or by the next run if this one dies before it is.
    TargetChanged is raised when another sync has written.
    """

    def __init__(
        self,
        spreadsheet_id: str,
        *,
        http: SheetsHttp,
        gid: int | None = None,
        zone_name: str = "UTC",
        most_cells: int = MOST_TAB_CELLS,
        nonce: Callable[[], str] = lambda: uuid.uuid4().hex[:8],
    ) -> None:
        self._id = spreadsheet_id
        self._http = http
        self._gid = gid
        self._zone_name = zone_name
        self._most_cells = most_cells
        self._nonce = nonce
        self._known = ""  # the version that is known to have been verified
        self._stamped: Layout | None = None  # what stamp() saw, for the read() that follows
        self._layout: Layout | None = None  # what the last plan was made for
        self._mistakes: tuple[Misplaced, ...] = ()  # of an earlier write, seen by the last read()

    @property
    def requests(self) -> int:
        """See base.Destination."""
        return self._http.requests

    def stamp(self, known_version: str) -> Stamp:
        """One read, which the `read` that may follow makes use of."""
        self._known = known_version
        self._stamped = look(self._http, self._id)
        layout = self._stamped
        return Stamp(exists=bool(layout.marks), sequence=layout.sequence, version=self._version(layout))

    def _version(self, layout: Layout) -> str:
        return layout.version + _UNSURE if self._suspects(layout) else layout.version

    def _suspects(self, layout: Layout) -> list[Patch]:
        """The patches of a write that nobody has verified yet, as far as we know."""
        return [] if layout.version == self._known else noted(layout)

    def read(self, template: Template, keys: Mapping[str, Collection[str]]) -> Table:
        """What the spreadsheet holds of these keys and of the synced settings; one more read at most.

        A spreadsheet that we never wrote to takes one more, and two if it has a table made by hand: once.
        """
        stamped, self._stamped = self._stamped, None
        layout = self._bound(stamped or look(self._http, self._id), template)
        held, layout = self._held(template, layout, keys)
        self._layout = layout
        tabs = {}
        for tab in template.tabs:
            if isinstance(tab, TableTab) and any(layout.volumes(tab.name)):
                tabs[tab.name] = _table_state(
                    tab.name, list(layout.volumes(tab.name)), held.get(tab.name, {})
                )
            elif isinstance(tab, SettingsTab) and (state := _settings_state(tab, layout)):
                tabs[tab.name] = state
        return Table(
            exists=bool(layout.marks),
            sequence=layout.sequence,
            version=self._version(layout),
            tabs=tabs,
            made=record_from(layout.record),
        )

    def _held(
        self, template: Template, layout: Layout, keys: Mapping[str, Collection[str]]
    ) -> tuple[Held, Layout]:
        """The values of the rows that hold these keys, by tab and key; the layout with the user's formulas."""
        asked = {
            (place.sheet_id, place.rows[key][0]): (tab, place, key)
            for tab in template.tabs
            if isinstance(tab, TableTab)
            for key in keys.get(tab.name, ())
            if (place := layout.holder(tab.name, key))
        }
        suspects = self._suspects(layout)
        growing = [
            place
            for tab in template.fed_tabs
            if layout.is_users_own(tab.name)
            for place in layout.volumes(tab.name)
            if any(not layout.holder(tab.name, key) for key in keys.get(tab.name, ()))
        ]
        lines, layout = self._lines(layout, asked, witness_areas(suspects, layout), growing)
        held: Held = {}
        for at, (tab, place, key) in asked.items():
            line = lines.get(at, {})
            if key_text(decode(line.get(place.key_column))) != key:
                raise _rearranged()
            held.setdefault(tab.name, {})[key] = dict(_decoded(tab, place, line))
        self._mistakes = mistakes_among(suspects, layout, cells_read(lines))
        _correct(held, template, self._mistakes)
        return held, layout

    def _lines(
        self,
        layout: Layout,
        asked: Collection[tuple[int, int]],
        areas: Sequence[Json],
        growing: Sequence[TabPlace],
    ) -> tuple[dict[tuple[int, int], Line], Layout]:
        """Rows and areas by one read, along with the formulas of tables that are the user's own and `growing`."""
        rows: dict[int, list[int]] = {}
        for sheet_id, row in asked:
            rows.setdefault(sheet_id, []).append(row)
        boxes = [
            box
            for sheet_id, found in rows.items()
            if (place := layout.sheet(sheet_id))
            for box in box_of_rows(place, found)
        ]
        boxes += areas
        models = [box for place in growing if (box := model_rows(place))]
        if not models:
            return (read_boxes(self._http, self._id, boxes) if boxes else {}), layout
        lines, formulas = read_formulas(self._http, self._id, [*boxes, *models])
        known = {place.name: with_models(place, formulas) for place in growing}
        return lines, replace(layout, tabs={**layout.tabs, **known})

    def open_keys(self, template: Template) -> Mapping[str, Collection[str]]:
        """See base.Destination: one read of the columns of status."""
        layout = self._stamped or look(self._http, self._id)
        columns = {
            place.sheet_id: (tab.name, place, place.columns[status])
            for tab in template.fed_tabs
            if (status := status_column(tab))
            for place in layout.volumes(tab.name)
            if status in place.columns and place.rows
        }
        boxes = [box_of_column(place, at) for _, place, at in columns.values()]
        lines = read_boxes(self._http, self._id, boxes) if boxes else {}
        found: dict[str, set[str]] = {}
        for sheet_id, (name, place, at) in columns.items():
            keys = found.setdefault(name, set())
            for key, rows in place.rows.items():
                if lines.get((sheet_id, rows[0]), {}).get(at) == Status.OPEN.value:
                    keys.add(key)
        return found

    def apply(self, plan: Plan) -> Applied:
        """Carry out the plan; see writing.Writer. Raises TargetChanged if another sync wrote since the read."""
        if plan.refusals:
            raise DataRefused(
                plan.refusals[0], meaning="Nothing was written.", hint="Look, then run with --force."
            )
        layout, self._layout = self._layout, None
        if layout is None or self._version(layout) != plan.table.version:
            raise TargetChanged(
                "The spreadsheet was written by another sync since it was read.",
                meaning="Nothing was written; the rows wait in the journal.",
                hint="Let one machine at a time write to a spreadsheet.",
            )
        composer = Composer(
            template=plan.template,
            spreadsheet_id=self._id,
            zone_name=self._zone_name,
            most_cells=self._most_cells,
        )
        writer = Writer(
            http=self._http,
            spreadsheet_id=self._id,
            composer=composer,
            look=lambda: self._bound(look(self._http, self._id), plan.template),
            titles=lambda: read_titles(self._http, self._id),
            nonce=self._nonce(),
        )
        written = writer.write(plan, layout, self._mistakes)
        warnings = tuple(dict.fromkeys((*_mended(self._mistakes), *writer.warnings, *_oddities(plan))))
        self._known, self._mistakes = written.version, ()
        return Applied(version=written.version, warnings=warnings)

    def _bound(self, layout: Layout, template: Template) -> Layout:
        """The same, with tables made by hand where we never wrote. Raises DataRefused if a fed tab is unreadable."""
        check_nothing_lost(layout, template)
        if layout.marks:
            return layout
        adopted = adopt(self._http, self._id, layout, template, self._gid)
        check_nothing_lost(adopted, template)
        return adopted


def _correct(held: Held, template: Template, mistakes: Sequence[Misplaced]) -> None:
    """What a row will hold once mistakes are taken back; of several in one cell the oldest knows."""
    for wrong in reversed(mistakes):
        values = held.get(wrong.patch.tab, {}).get(wrong.found or "")
        tab = template.tab(wrong.patch.tab) if values else None
        if values and isinstance(tab, TableTab):
            before = next(iter((wrong.before or {}).values()), None)
            values[wrong.patch.column] = decode(before, tab.column(wrong.patch.column).type)


def _mended(mistakes: Sequence[Misplaced]) -> Iterator[str]:
    rows = {(each.patch.tab, each.found) for each in mistakes}
    if rows:
        yield (
            "someone rearranged the sheet during a write that was broken off:"
            f" {len(rows)} row(s) were put right now"
        )


def _table_state(
    name: str, places: Sequence[TabPlace], held: Mapping[str, Mapping[str, CellValue]]
) -> TabState:
    """The volumes of a tab as one; a key that stands in several rows is kept up to date in the first."""
    rows = {key: [row + 1 for place in places for row in place.rows.get(key, ())] for key in held}
    return TabState(
        name=name,
        columns={column: at + 1 for place in reversed(places) for column, at in place.columns.items()},
        rows={key: HeldRow(row=rows[key][0], values=values) for key, values in held.items()},
        duplicates={key: tuple(found) for key, found in rows.items() if len(found) > 1},
        row_count=sum(
            row > place.header_row for place in places for found in place.rows.values() for row in found
        ),
        bound=all(place.bound for place in places),
    )


def _settings_state(tab: SettingsTab, layout: Layout) -> TabState | None:
    rows = {}
    for setting in tab.settings:
        cell = layout.names.get(setting.name.lower())
        if cell and setting.synced:
            value = decode(layout.values.get(cell), _kind(setting))
            rows[setting.name] = HeldRow(row=cell.row + 1, values={SETTING_VALUE: value})
    return TabState(name=tab.name, rows=rows, row_count=len(rows)) if rows else None


def _kind(setting: Setting) -> CellType:
    return CellType.TIME if setting.format.type in _TIMES else CellType.ID


def _decoded(tab: TableTab, place: TabPlace, line: Mapping[int, object]) -> Iterator[tuple[str, CellValue]]:
    for column in tab.columns:
        if column.synced and column.id in place.columns:
            yield column.id, decode(line.get(place.columns[column.id]), column.type)


def _oddities(plan: Plan) -> Iterator[str]:
    """What could not be written as it is."""
    values = [(add.key, value) for add in plan.adds for value in add.values.values()]
    values += [(update.key, update.new) for update in plan.updates]
    inexact = sorted({key for key, value in values if is_inexact(value)})
    if inexact:
        yield f"kept as text, as a spreadsheet would round it: numbers of {', '.join(inexact[:5])}"
    if any(isinstance(value, str) and len(value) > MOST_CHARACTERS for _, value in values):
        yield f"cut to {MOST_CHARACTERS:,} characters, the most that a cell holds: a text"


def _rearranged() -> TargetChanged:
    return TargetChanged(
        "The spreadsheet was rearranged while it was read.",
        meaning="Nothing was written; the rows wait in the journal.",
        hint="Run the sync again.",
    )
