"""What a workbook holds of a template's tabs: the rows of wanted keys, and the synced settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cqs_sheets.core.cells import CellType, CellValue
from cqs_sheets.core.table import SETTING_VALUE, HeldRow, TabState
from cqs_sheets.core.template import Setting, SettingsTab, TableTab, Template
from cqs_sheets.destinations.excel.cellxml import CellXml, cells_of, decode
from cqs_sheets.destinations.excel.named import cells_at
from cqs_sheets.destinations.excel.package import Draft
from cqs_sheets.destinations.excel.place import Place, find_place, other_tabs
from cqs_sheets.destinations.excel.refs import column_letters
from cqs_sheets.destinations.excel.rowstream import addressed_row
from cqs_sheets.destinations.excel.scan import Scan, scan
from cqs_sheets.destinations.excel.strings import SharedStrings
from cqs_sheets.destinations.excel.timeformat import TimeFormats
from cqs_sheets.destinations.excel.workbook import CellAddress, Workbook


class Reader:
    """Reads one draft for one template; `scans` are the passes it made, by tab."""

    def __init__(self, draft: Draft, template: Template) -> None:
        self._draft = draft
        self._template = template
        self._workbook = Workbook(draft)
        self._strings = SharedStrings(draft, self._workbook.linked("sharedStrings"))
        self._formats = TimeFormats(draft, self._workbook.linked("styles"))
        self.scans: dict[str, Scan] = {}

    @property
    def sequence(self) -> int | None:
        """The stamp of our last write."""
        return self._workbook.sequence

    def tabs(self, keys: Mapping[str, Collection[str]]) -> dict[str, TabState]:
        """The state of every tab that is there and fed, asked for, or holds settings."""
        states: dict[str, TabState] = {}
        for tab in self._template.tabs:
            if isinstance(tab, TableTab) and (tab.fed or tab.name in keys):
                others = other_tabs(self._template, tab)
                place = find_place(self._workbook, self._strings, tab, other_tabs=others)
                if place:
                    states[tab.name] = self._table(place, keys.get(tab.name, ()))
            elif isinstance(tab, SettingsTab) and (state := self._settings(tab)):
                states[tab.name] = state
        return states

    def _table(self, place: Place, keys: Collection[str]) -> TabState:
        found = scan(self._draft, place, self._strings, keys)
        rows = {key: cells_of(addressed_row(row, found.places[key][0])) for key, row in found.rows.items()}
        found.rows.clear()  # the scan is kept for the write, which needs only where they stand
        self.scans[place.tab.name] = found
        texts = self._strings.texts(_shared_indexes([cell for cells in rows.values() for cell in cells]))
        return TabState(
            name=place.tab.name,
            columns=place.columns,
            rows={
                key: HeldRow(row=found.places[key][0], values=self._values(place, cells, texts))
                for key, cells in rows.items()
            },
            duplicates={key: tuple(at) for key, at in found.places.items() if len(at) > 1},
            row_count=found.keyed,
        )

    def _values(
        self, place: Place, cells: Collection[CellXml], texts: Mapping[int, str]
    ) -> dict[str, CellValue]:
        by_letters = {cell.column: cell for cell in cells}
        values: dict[str, CellValue] = {}
        for column in place.tab.columns:
            at = place.columns.get(column.id) if column.synced else None
            if at is not None:
                cell = by_letters.get(column_letters(at).encode())
                values[column.id] = self._decode(cell, column.type, texts) if cell else None
        return values

    def _decode(self, cell: CellXml, kind: CellType, texts: Mapping[int, str]) -> CellValue:
        return decode(cell, kind=kind, epoch_1904=self._workbook.epoch_1904, strings=texts)

    def _settings(self, tab: SettingsTab) -> TabState | None:
        names = self._workbook.global_names()
        addresses: dict[Setting, CellAddress] = {}
        for setting in tab.settings:
            name = names.get(setting.name.lower())
            if name and not name.deleted and name.cell:
                addresses[setting] = name.cell
        if not addresses:
            return None
        wanted = {address for setting, address in addresses.items() if setting.synced}
        cells = cells_at(self._draft, self._workbook, wanted)
        texts = self._strings.texts(_shared_indexes(list(cells.values())))
        rows = {}
        for setting, address in addresses.items():
            if setting.synced:
                cell = cells.get(address)
                value = self._decode(cell, self._kind(cell), texts) if cell else None
                rows[setting.name] = HeldRow(row=address.row, values={SETTING_VALUE: value})
        return TabState(name=tab.name, rows=rows, row_count=len(rows))

    def _kind(self, cell: CellXml) -> CellType:
        """A setting is a time where it is shown as one."""
        return CellType.TIME if self._formats.shows_time(cell.style) else CellType.ID


def _shared_indexes(cells: Collection[CellXml]) -> set[int]:
    return {index for cell in cells if (index := cell.shared_index) is not None}
