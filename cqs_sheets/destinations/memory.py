"""A target in memory: the protocol in its plainest form, for tests and for previews of a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import count

from cqs_sheets.core.cells import CellValue, key_text
from cqs_sheets.core.plan import Plan
from cqs_sheets.core.table import SETTING_VALUE, HeldRow, Stamp, Table, TabState
from cqs_sheets.core.template import SettingsTab, TableTab, Template
from cqs_sheets.destinations.base import Applied
from cqs_sheets.errors import TargetChanged

_FIRST_ROW = 2
_SETTING_NAME = "name"


class MemoryDestination:
    """Rows in lists, as a user could edit them: `tabs` maps a tab's name to its rows.

    A row maps column ids to values, the user's own columns included.
    """

    def __init__(self) -> None:
        self.tabs: dict[str, list[dict[str, CellValue]]] = {}
        self.sequence: int | None = None
        self._versions = count(1)
        self._version = ""

    def touch(self) -> None:
        """Say that a user saved the target."""
        self._version = str(next(self._versions))

    def stamp(self, known_version: str) -> Stamp:
        """See base.Destination."""
        del known_version
        return Stamp(exists=bool(self._version), sequence=self.sequence, version=self._version)

    def read(self, template: Template, keys: Mapping[str, Collection[str]]) -> Table:
        """See base.Destination."""
        states = {
            tab.name: self._state(tab, keys.get(tab.name, ()))
            for tab in template.tabs
            if tab.name in self.tabs and isinstance(tab, TableTab | SettingsTab)
        }
        return Table(exists=bool(self._version), sequence=self.sequence, version=self._version, tabs=states)

    def _state(self, tab: TableTab | SettingsTab, keys: Collection[str]) -> TabState:
        rows = self.tabs[tab.name]
        settings = isinstance(tab, SettingsTab)
        key_column, columns = _layout(tab)
        places: dict[str, list[int]] = {}
        for number, row in enumerate(rows, start=_FIRST_ROW):
            key = key_text(row.get(key_column))
            if key is not None and (settings or key in keys):
                places.setdefault(key, []).append(number)
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
            row_count=len(rows),
        )

    def apply(self, plan: Plan) -> Applied:
        """See base.Destination."""
        if plan.table.version != self._version:
            raise TargetChanged("The target changed while the sync was working on it.")
        self._create(plan.template)
        for update in plan.updates:
            self._row(plan.template, update.tab, update.key)[update.column] = update.new
        for add in plan.adds:
            self.tabs.setdefault(add.tab, []).append(dict(add.values))
        self.sequence = plan.sequence
        self.touch()
        return Applied(version=self._version)

    def _create(self, template: Template) -> None:
        for tab in template.tabs:
            if isinstance(tab, SettingsTab):
                blank = [{_SETTING_NAME: setting.name, SETTING_VALUE: None} for setting in tab.settings]
                self.tabs.setdefault(tab.name, [dict(row) for row in blank])
            elif isinstance(tab, TableTab) and not tab.when_needed:
                self.tabs.setdefault(tab.name, [])

    def _row(self, template: Template, tab_name: str, key: str) -> dict[str, CellValue]:
        tab = template.tab(tab_name)
        key_column = tab.key if isinstance(tab, TableTab) else _SETTING_NAME
        return next(row for row in self.tabs[tab_name] if key_text(row.get(key_column)) == key)


def _layout(tab: TableTab | SettingsTab) -> tuple[str, list[str]]:
    if isinstance(tab, SettingsTab):
        return _SETTING_NAME, [SETTING_VALUE]
    return tab.key, [column.id for column in tab.columns if column.synced]
