"""The Google Sheets destination: two reads and one write for a sync with news, one read without."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from cqs_sheets.core.cells import CellType, CellValue, key_text
from cqs_sheets.core.plan import Plan
from cqs_sheets.core.table import SETTING_VALUE, HeldRow, Stamp, Table, TabState
from cqs_sheets.core.template import Setting, SettingsTab, TableTab, Template
from cqs_sheets.destinations.base import Applied
from cqs_sheets.destinations.google.adoption import adopt, read_titles
from cqs_sheets.destinations.google.batches import Composer, Todo
from cqs_sheets.destinations.google.cells import MOST_CHARACTERS, decode, is_inexact
from cqs_sheets.destinations.google.layout import Layout, TabPlace
from cqs_sheets.destinations.google.looking import look
from cqs_sheets.destinations.google.sheets_http import SheetsHttp
from cqs_sheets.destinations.google.values import read_rows
from cqs_sheets.destinations.google.writing import Writer
from cqs_sheets.errors import DataRefused, TargetChanged

_TIMES = frozenset({"DATE", "TIME", "DATE_TIME"})


class GoogleDestination:
    """A spreadsheet in Google Sheets; see destinations.base.Destination.

    `gid` picks the tab that a table made by hand is looked for in. `zone_name` is shown in Settings.
    A person's edits never make apply refuse: what they displace is found by the write's own answer
    and put right. TargetChanged is raised when another sync has written.
    """

    def __init__(
        self,
        spreadsheet_id: str,
        *,
        http: SheetsHttp,
        gid: int | None = None,
        zone_name: str = "UTC",
        nonce: Callable[[], str] = lambda: uuid.uuid4().hex[:8],
    ) -> None:
        self._id = spreadsheet_id
        self._http = http
        self._gid = gid
        self._zone_name = zone_name
        self._nonce = nonce
        self._stamped: Layout | None = None  # what stamp() saw, for the read() that follows
        self._layout: Layout | None = None  # what the last plan was made for

    def stamp(self, known_version: str) -> Stamp:
        """One read, which the `read` that may follow makes use of."""
        del known_version
        self._stamped = look(self._http, self._id)
        layout = self._stamped
        return Stamp(exists=bool(layout.marks), sequence=layout.sequence, version=layout.version)

    def read(self, template: Template, keys: Mapping[str, Collection[str]]) -> Table:
        """What the spreadsheet holds of these keys and of the synced settings; one more read at most.

        A spreadsheet that we never wrote to takes one or two more, once.
        """
        layout, self._stamped = self._stamped or look(self._http, self._id), None
        if not layout.marks:
            layout = adopt(self._http, self._id, layout, template, self._gid)
        self._layout = layout
        held = self._held(template, layout, keys)
        tabs = {}
        for tab in template.tabs:
            if isinstance(tab, TableTab) and tab.name in layout.tabs:
                tabs[tab.name] = _table_state(tab, layout.tabs[tab.name], held.get(tab.name, {}))
            elif isinstance(tab, SettingsTab) and (state := _settings_state(tab, layout)):
                tabs[tab.name] = state
        return Table(exists=bool(layout.marks), sequence=layout.sequence, version=layout.version, tabs=tabs)

    def _held(
        self, template: Template, layout: Layout, keys: Mapping[str, Collection[str]]
    ) -> dict[str, dict[str, Mapping[str, CellValue]]]:
        """The values of the rows that hold these keys, by tab and key."""
        rows = {
            name: {place.rows[key][0]: key for key in keys.get(name, ()) if key in place.rows}
            for name, place in layout.tabs.items()
        }
        asked = [(layout.tabs[name], list(found)) for name, found in rows.items() if found]
        cells = read_rows(self._http, self._id, asked) if asked else {}
        held: dict[str, dict[str, Mapping[str, CellValue]]] = {}
        for place, _ in asked:
            tab = template.tab(place.name)
            for row, key in rows[place.name].items():
                line = cells.get((place.sheet_id, row), {})
                if key_text(decode(line.get(place.key_column))) != key:
                    raise _rearranged()
                if isinstance(tab, TableTab):
                    held.setdefault(place.name, {})[key] = dict(_decoded(tab, place, line))
        return held

    def apply(self, plan: Plan) -> Applied:
        """Carry out the plan; see writing.Writer. Raises TargetChanged if another sync wrote since the read."""
        if plan.refusals:
            raise DataRefused(
                plan.refusals[0], meaning="Nothing was written.", hint="Look, then run with --force."
            )
        layout, self._layout = self._layout, None
        if layout is None or layout.version != plan.table.version:
            raise TargetChanged(
                "The spreadsheet was written by another sync since it was read.",
                meaning="Nothing was written; the rows wait in the journal.",
                hint="Let one machine at a time write to a spreadsheet.",
            )
        before = self._http.requests
        composer = Composer(template=plan.template, spreadsheet_id=self._id, zone_name=self._zone_name)
        writer = Writer(
            http=self._http,
            spreadsheet_id=self._id,
            composer=composer,
            look=lambda: self._look_for(plan.template),
            nonce=self._nonce(),
        )
        layout = self._with_titles(plan, composer, layout)
        written = writer.write(plan, layout)
        warnings = (*writer.warnings, *_oddities(plan))
        return Applied(version=written.version, requests=self._http.requests - before, warnings=warnings)

    def _look_for(self, template: Template) -> Layout:
        layout = look(self._http, self._id)
        return layout if layout.marks else adopt(self._http, self._id, layout, template, self._gid)

    def _with_titles(self, plan: Plan, composer: Composer, layout: Layout) -> Layout:
        """New tabs need titles that are free; a spreadsheet of ours is asked for its titles only then."""
        todo = Todo(adds=plan.adds, updates=plan.updates)
        if layout.titles is not None or not composer.creates(todo, layout):
            return layout
        return replace(layout, titles=read_titles(self._http, self._id))


def _table_state(tab: TableTab, place: TabPlace, held: Mapping[str, Mapping[str, CellValue]]) -> TabState:
    return TabState(
        name=tab.name,
        columns={column: at + 1 for column, at in place.columns.items()},
        rows={key: HeldRow(row=place.rows[key][0] + 1, values=values) for key, values in held.items()},
        duplicates={
            key: tuple(row + 1 for row in place.rows[key]) for key in held if len(place.rows[key]) > 1
        },
        row_count=sum(row > place.header_row for rows in place.rows.values() for row in rows),
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
