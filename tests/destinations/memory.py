"""A target in memory: the protocol in its plainest form."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count

from cqs_sheets.core.cells import Alikes, CellValue, is_alike, key_text
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Facts, Lineage, Made, MarkedTab, SheetFacts, Spot, Where, top
from cqs_sheets.core.plan.plan import (
    SETTING_VALUE,
    HeldRow,
    Plan,
    Snapshot,
    Stamp,
    TabState,
    ids_by_tab,
    made_after,
    parts,
)
from cqs_sheets.core.templates.template import SettingsTab, Tab, TableTab, Template
from cqs_sheets.destinations import Applied
from cqs_sheets.errors import TargetChanged

_FIRST_ROW = 2
_SETTING_NAME = "name"


class MemoryDestination:
    """Rows in lists, as a user could edit them: `tabs` maps a tab's name to its rows.

    A row maps column ids to values, the user's own columns included. `columns` maps a tab's name to the
    ids of the template's columns that are there, `made` is the record of those ever made.
    """

    requests = 0

    def __init__(self) -> None:
        self.tabs: dict[str, list[dict[str, CellValue]]] = {}
        self.columns: dict[str, list[str]] = {}
        self.made: Made | None = None
        self.lineage: Lineage = ()
        self._versions = count(1)
        self._version = ""

    @property
    def sequence(self) -> int | None:
        """The number that the last write left."""
        return top(self.lineage).number if self.lineage else None

    def touch(self) -> None:
        """Say that a user saved the target."""
        self._version = str(next(self._versions))

    def recall(self, memory: bytes) -> None:
        """Nothing is remembered."""

    def stamp(self, known_version: str, *, brief: bool = False) -> Stamp:
        """See base.Destination."""
        del known_version, brief
        return Stamp(exists=bool(self._version), lineage=self.lineage, version=self._version)

    def look(self, stamp: Stamp, marks: Collection[str]) -> Facts:
        """See base.Destination."""
        return Facts(
            exists=stamp.exists,
            sequence=self.sequence,
            lineage=self.lineage,
            version=stamp.version,
            sheets=tuple(SheetFacts(id=name, title=name) for name in self.tabs),
            marks={
                name: ((MarkedTab(columns={id_: Spot(name, 1, at) for at, id_ in enumerate(ids, 1)}),),)
                for name, ids in self.columns.items()
                if name in marks
            },
            made=self.made,
        )

    def headers(self, facts: Facts, titles: Collection[str]) -> Facts:
        """See base.Destination; a target in memory has no headers."""
        del titles
        return facts

    def read(self, facts: Facts, bindings: Bindings, keys: Mapping[str, Collection[str]]) -> Snapshot:
        """See base.Destination."""
        if facts.version != self._version:
            raise TargetChanged("The target changed while the sync was working on it.")
        states = {
            tab.name: self._state(tab, keys.get(tab.name, ()))
            for tab in bindings.template.tabs
            if tab.name in self.tabs and isinstance(tab, TableTab | SettingsTab)
        }
        return Snapshot(
            exists=bool(self._version),
            sequence=self.sequence,
            lineage=self.lineage,
            version=self._version,
            bindings=bindings,
            tabs=states,
            made=self.made,
        )

    def _state(self, tab: TableTab | SettingsTab, keys: Collection[str]) -> TabState:
        rows = self.tabs[tab.name]
        settings = isinstance(tab, SettingsTab)
        key_column, columns = self._layout(tab)
        places: dict[str, list[int]] = {}
        for number, row in enumerate(rows, start=_FIRST_ROW):
            key = key_text(row.get(key_column))
            if key is not None:
                places.setdefault(key, []).append(number)
        missing = set() if settings else set(keys) - places.keys()
        alike = Alikes(missing).among({text: at for text, at in places.items() if text not in keys})
        places |= {key: list(each.rows) for key, each in alike.items() if each.sure}
        places = {key: at for key, at in places.items() if settings or key in keys}
        return TabState(
            name=tab.name,
            columns={column: position for position, column in enumerate(columns, start=1)},
            rows={
                key: HeldRow(
                    row=numbers[0],
                    values={column: rows[numbers[0] - _FIRST_ROW].get(column) for column in columns},
                )
                for key, numbers in places.items()
            },
            duplicates={key: tuple(numbers) for key, numbers in places.items() if len(numbers) > 1},
            alike=alike,
            row_count=len(rows),
        )

    def _layout(self, tab: TableTab | SettingsTab) -> tuple[str, list[str]]:
        if isinstance(tab, SettingsTab):
            return _SETTING_NAME, [SETTING_VALUE]
        there = self.columns.get(tab.name, ())
        return tab.key, [column.id for column in tab.columns if column.read and column.id in there]

    def keys_where(
        self, facts: Facts, bindings: Bindings, wanted: Mapping[str, Where]
    ) -> Mapping[str, Collection[str]]:
        """See base.Destination."""
        del facts
        return {
            tab.name: {
                key
                for row in self.tabs.get(tab.name, ())
                if key_text(row.get(wanted[tab.name].column)) in wanted[tab.name].texts
                and not row.get(wanted[tab.name].blank)
                and (key := key_text(row.get(tab.key)))
            }
            for tab in bindings.template.tables
            if tab.name in wanted
        }

    def entries(
        self, facts: Facts, bindings: Bindings, columns: Mapping[str, Collection[str]]
    ) -> Mapping[str, Sequence[Mapping[str, CellValue]]]:
        """See base.Destination."""
        del facts
        return {
            tab.name: [
                {id_: row.get(id_) for id_ in columns[tab.name]}
                for row in self.tabs.get(tab.name, ())
                if row.get(tab.key) is not None
            ]
            for tab in bindings.template.tables
            if tab.name in columns
        }

    def all_keys(self, facts: Facts, bindings: Bindings) -> Mapping[str, Collection[str]]:
        """See base.Destination."""
        del facts
        return {
            tab.name: {key for row in self.tabs.get(tab.name, ()) if (key := key_text(row.get(tab.key)))}
            for tab in bindings.template.fed_tabs
        }

    def apply(self, plan: Plan) -> Applied:
        """See base.Destination."""
        if plan.snapshot.version != self._version:
            raise TargetChanged("The target changed while the sync was working on it.")
        self._create(plan)
        for update in plan.updates:
            self._row(plan.template, update.tab, update.key)[update.column] = update.new
        for add in plan.adds:
            there = self.columns[add.tab]
            row = {column: value for column, value in add.values.items() if column in there}
            tab = plan.template.tab(add.tab)
            on_top = isinstance(tab, TableTab) and tab.new_rows == "top"
            self.tabs[add.tab].insert(0 if on_top else len(self.tabs[add.tab]), row)
        self.lineage = plan.lineage
        self.made = made_after(plan)
        self.touch()
        return Applied(version=self._version)

    def _create(self, plan: Plan) -> None:
        """Make the tabs and columns that a plan names."""
        for made in plan.new_tabs:
            tab = plan.template.tab(made.tab)
            self.tabs[tab.name] = []
            self.columns[tab.name] = []
            self._extend(tab, sorted(parts(tab)))
        for name, new in ids_by_tab(plan).items():
            if name in self.tabs:
                self._extend(plan.template.tab(name), new)

    def _extend(self, tab: Tab, new: Sequence[str]) -> None:
        if isinstance(tab, SettingsTab):
            self.tabs[tab.name] += [{_SETTING_NAME: name, SETTING_VALUE: None} for name in new]
        self.columns[tab.name] += new

    def _row(self, template: Template, tab_name: str, key: str) -> dict[str, CellValue]:
        tab = template.tab(tab_name)
        key_column = tab.key if isinstance(tab, TableTab) else _SETTING_NAME
        rows = self.tabs[tab_name]
        exact = (row for row in rows if key_text(row.get(key_column)) == key)
        return next(exact, None) or next(row for row in rows if is_alike(key_text(row.get(key_column)), key))
