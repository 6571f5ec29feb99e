"""What a workbook holds: its sheets with first rows and marks, the rows of keys, settings, all keys for a doctor."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from cqs_sheets.core.cells import CellType, CellValue, key_text
from cqs_sheets.core.grid import column_letters, column_number
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Facts, Made, MarkedTab, SheetFacts, Spot, Where
from cqs_sheets.core.plan.plan import SETTING_VALUE, HeldRow, TabState
from cqs_sheets.core.templates.template import SettingsTab, TableTab
from cqs_sheets.destinations import InspectedTab
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, SharedStrings, cells_of, decode
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, addressed_row, pieces, row_xml
from cqs_sheets.destinations.excel.parts.styles import CellFormats
from cqs_sheets.destinations.excel.parts.workbook import (
    CellAddress,
    DefinedName,
    Sheet,
    Workbook,
    column_name,
    tab_prefix,
)
from cqs_sheets.destinations.excel.read.place import TabPlace, bound_place, volume_of
from cqs_sheets.destinations.excel.read.scan import Scan, scan
from cqs_sheets.values import replace

_FIRST_ROWS = 40  # a header stands in one of them


def read_facts(draft: Draft, version: str, marks: Collection[str]) -> Facts:
    """The facts of a workbook, with the marks of tabs that are called `marks`."""
    workbook = Workbook(draft)
    return Facts(
        exists=True,
        sequence=workbook.sequence,
        lineage=workbook.lineage,
        version=version,
        sheets=tuple(SheetFacts(id=sheet.name, title=sheet.name) for sheet in workbook.sheets),
        marks={name: found for name in marks if (found := tuple(_volumes(workbook, name)))},
        made=workbook.made,
    )


def with_headers(draft: Draft, facts: Facts, titles: Collection[str]) -> Facts:
    """The same with the first rows of the sheets that have one of `titles`."""
    workbook = Workbook(draft)
    strings = SharedStrings(draft, workbook.linked("sharedStrings"))
    searched = {title.lower() for title in titles}
    sheets = [
        replace(each, rows=dict(_first_rows(workbook, strings, sheet)))
        if (sheet := workbook.sheet(each.id)) and each.title.lower() in searched
        else each
        for each in facts.sheets
    ]
    return replace(facts, sheets=tuple(sheets))


def _volumes(workbook: Workbook, mark: str) -> Iterator[tuple[MarkedTab, ...]]:
    """Names are a workbook's own: a sheet that Excel copies gets none of them, so one sheet claims each volume."""
    names = workbook.global_names()
    number = 1
    while True:
        volume = mark if number == 1 else f"{mark} {number}"
        prefix = tab_prefix(volume).lower()
        columns = {
            found.name[len(prefix) :]: _spot(workbook, found)
            for name, found in names.items()
            if name.startswith(prefix) and "." not in name.removeprefix(prefix)
        }
        if not columns:
            return
        yield (MarkedTab(columns=columns),)
        number += 1


def _spot(workbook: Workbook, name: DefinedName) -> Spot | None:
    cell = None if name.deleted else name.cell
    sheet = workbook.sheet(cell.sheet) if cell else None
    return Spot(sheet.name, cell.row, cell.column) if cell and sheet else None


def _first_rows(
    workbook: Workbook, strings: SharedStrings, sheet: Sheet
) -> Iterator[tuple[int, dict[int, str]]]:
    """The texts of a sheet's first rows, by column."""
    rows: list[list[CellXml]] = []
    for piece in pieces(workbook.draft.chunks(sheet.part)):
        if piece.part is Part.ROWS:
            top = b"</row>".join(piece.text.split(b"</row>", _FIRST_ROWS)[:_FIRST_ROWS])
            found = addressed(piece.put(top)).text.split(b"</row>")
            rows = [cells for cells in map(cells_of, found) if cells]
            break
    indexes = (cell.shared_index for cells in rows for cell in cells)
    texts = strings.texts({index for index in indexes if index is not None})
    for cells in rows:
        values = ((cell, decode(cell, kind=CellType.TEXT, epoch_1904=False, strings=texts)) for cell in cells)
        yield (
            cells[0].row,
            {column_number(cell.column.decode()): str(value) for cell, value in values if value is not None},
        )


def setting_cells(workbook: Workbook, tab: SettingsTab) -> dict[str, CellAddress]:
    """Where the settings of a tab stand today, by their names.

    They are found by our hidden names: a name such as `Last_sync` may be the user's own.
    """
    names = workbook.global_names()
    found = ((each.name, names.get(column_name(tab.name, each.name).lower())) for each in tab.settings)
    return {setting: name.cell for setting, name in found if name and not name.deleted and name.cell}


def cells_at(
    draft: Draft, workbook: Workbook, addresses: Collection[CellAddress]
) -> dict[CellAddress, CellXml]:
    """The cells that are there, of those asked for."""
    found: dict[CellAddress, CellXml] = {}
    for name in {address.sheet for address in addresses}:
        sheet = workbook.sheet(name)
        wanted = [address for address in addresses if address.sheet == name]
        found.update(_cells_of_sheet(draft, sheet, wanted) if sheet else {})
    return found


def _cells_of_sheet(
    draft: Draft, sheet: Sheet, wanted: Collection[CellAddress]
) -> dict[CellAddress, CellXml]:
    found: dict[CellAddress, CellXml] = {}
    last = max(address.row for address in wanted)
    for piece in pieces(draft.chunks(sheet.part)):
        due = [address for address in wanted if piece.before < address.row <= piece.last]
        text = addressed(piece).text if due and piece.part is Part.ROWS else b""
        for address in due:
            cells = {cell.column: cell for cell in cells_of(row_xml(text, address.row))}
            letters = column_letters(address.column).encode()
            if letters in cells:
                found[address] = cells[letters]
        if piece.last >= last:
            break
    return found


def keys_where(draft: Draft, strings: SharedStrings, place: TabPlace, where: Where) -> set[str]:
    """The keys of the rows of a place that are wanted."""
    if where.column not in place.columns:
        return set()
    rows = set(_rows_where(draft, strings, place, where.column, where.texts))
    blank = place.columns.get(where.blank)
    cells = list(_key_cells(draft, place, rows, blank)) if rows else []
    shared = strings.texts(_shared_indexes(cells))
    values = (decode(cell, kind=CellType.ID, epoch_1904=False, strings=shared) for cell in cells)
    return {key for value in values if (key := key_text(value))}


def _rows_where(
    draft: Draft, strings: SharedStrings, place: TabPlace, column: str, texts: Collection[str]
) -> Iterator[int]:
    """The rows of a place that have one of `texts` in a column; a stretch that holds none of them costs little."""
    shared = strings.such(texts.__contains__)
    signs = [*(text.encode() for text in texts), *(b">%d</v>" % index for index in shared)]
    found = _filled_cell([column_letters(place.columns[column]).encode()])
    for piece in pieces(draft.chunks(place.sheet.part)):
        if piece.part is Part.ROWS and any(sign in piece.text for sign in signs):
            for cell in (each for xml in found.findall(addressed(piece).text) for each in cells_of(xml)):
                index = cell.shared_index
                value = (
                    shared.get(index)
                    if index is not None
                    else decode(cell, kind=CellType.TEXT, epoch_1904=False, strings={})
                )
                if place.header_row < cell.row <= place.last_row and str(value).strip() in texts:
                    yield cell.row


def _filled_cell(letters: Collection[bytes]) -> re.Pattern[bytes]:
    """Matches the cells of some columns once they are addressed; a blank one with a format only is none."""
    return re.compile(rb'<c r="(?:%s)\d+"(?:\s[^>]*[^/>])?>.*?</c>' % b"|".join(letters), re.DOTALL)


def _key_cells(draft: Draft, place: TabPlace, rows: Collection[int], blank: int | None) -> Iterator[CellXml]:
    """The keys of some rows, but for those that hold something in the column `blank`."""
    letters = column_letters(place.columns[place.tab.key]).encode()
    for piece in pieces(draft.chunks(place.sheet.part)):
        due = [row for row in rows if piece.before < row <= piece.last] if piece.part is Part.ROWS else []
        text = addressed(piece).text if due else b""
        for row in due:
            cells = {cell.column: cell for cell in cells_of(row_xml(text, row))}
            filled = cells.get(column_letters(blank).encode()) if blank else None
            if letters in cells and not (filled and filled.holds_something):
                yield cells[letters]


class Reader:
    """Reads one draft; `scans` are the passes it made, by tab."""

    def __init__(self, draft: Draft, bindings: Bindings) -> None:
        self._draft = draft
        self._bindings = bindings
        self._workbook = Workbook(draft)
        self._strings = SharedStrings(draft, self._workbook.linked("sharedStrings"))
        self._formats = CellFormats(draft, self._workbook.linked("styles"))
        self.scans: dict[str, Scan] = {}

    def tabs(self, keys: Mapping[str, Collection[str]]) -> dict[str, TabState]:
        """The state of every tab that is there and fed, asked for, or holds settings."""
        states: dict[str, TabState] = {}
        for tab in self._bindings.template.tabs:
            if isinstance(tab, TableTab) and (tab.fed or tab.name in keys):
                for place in self._places(tab):
                    state = self._table(place, keys.get(tab.name, ()))
                    states[tab.name] = _joined(states[tab.name], state) if tab.name in states else state
            elif isinstance(tab, SettingsTab) and (settings := self._settings(tab)):
                states[tab.name] = settings
        return states

    def keys_where(self, wanted: Mapping[str, Where]) -> dict[str, set[str]]:
        """The keys of the rows that are wanted, by tab."""
        return {
            name: {
                key
                for place in self._places(tab)
                for key in keys_where(self._draft, self._strings, place, where)
            }
            for name, where in wanted.items()
            if isinstance(tab := self._bindings.template.tab(name), TableTab)
        }

    def entries(self, columns: Mapping[str, Collection[str]]) -> dict[str, list[dict[str, CellValue]]]:
        """Some columns' cells of all rows of tabs; those of another type than the user's own are read as texts."""
        return {
            name: [row for place in self._places(tab) for row in self._entries(place, wanted)]
            for name, wanted in columns.items()
            if isinstance(tab := self._bindings.template.tab(name), TableTab)
        }

    def _entries(self, place: TabPlace, columns: Collection[str]) -> Iterator[dict[str, CellValue]]:
        ids = {column_letters(place.columns[id_]).encode(): id_ for id_ in columns if id_ in place.columns}
        rows: dict[int, dict[str, CellXml]] = {}
        for cell in self._cells_in(place, list(ids)):
            rows.setdefault(cell.row, {})[ids[cell.column]] = cell
        shared = self._strings.texts(_shared_indexes(cell for row in rows.values() for cell in row.values()))
        for row in rows.values():
            yield {id_: self._decode(cell, CellType.ID, shared) for id_, cell in row.items()}

    def all_keys(self) -> dict[str, set[str]]:
        """The keys of all rows of the fed tabs."""
        return {
            tab.name: {key for place in self._places(tab) for key in self._rows_by_key(place)}
            for tab in self._bindings.template.fed_tabs
        }

    def inspect(self, made: Made | None) -> Iterator[InspectedTab]:
        """The fed tabs that are there, with every key in them; some seconds for 100,000 rows."""
        for tab in self._bindings.template.fed_tabs:
            bindings = self._bindings.tabs.get(tab.name, ())
            for binding, place in zip(bindings, self._places(tab), strict=True):
                keys = self._rows_by_key(place)
                yield InspectedTab(
                    tab=place.tab,
                    title=place.sheet.name,
                    header_row=place.header_row,
                    how=binding.how,
                    columns={column: column_letters(at) for column, at in place.columns.items()},
                    rows=sum(map(len, keys.values())),
                    last_row=max((rows[-1] for rows in keys.values()), default=place.header_row),
                    duplicates={key: rows for key, rows in keys.items() if len(rows) > 1},
                    made=(made or {}).get(tab.mark_name),
                )

    def _rows_by_key(self, place: TabPlace) -> dict[str, list[int]]:
        cells = self._cells_in(place, [column_letters(place.columns[place.tab.key]).encode()])
        texts = self._strings.texts(_shared_indexes(cells))
        rows: dict[str, list[int]] = {}
        for cell in cells:
            key = key_text(self._decode(cell, CellType.ID, texts))
            if key is not None:
                rows.setdefault(key, []).append(cell.row)
        return rows

    def _cells_in(self, place: TabPlace, letters: Collection[bytes]) -> list[CellXml]:
        """The cells of some columns that hold something."""
        cell_of_ours = _filled_cell(letters)
        return [
            cell
            for piece in pieces(self._draft.chunks(place.sheet.part))
            if piece.part is Part.ROWS
            for found in cell_of_ours.findall(addressed(piece).text)
            for cell in cells_of(found)
            if place.header_row < cell.row <= place.last_row
        ]

    def _places(self, tab: TableTab) -> Iterator[TabPlace]:
        """Where a tab is, and those it was continued in; nothing if it is not there."""
        for number, binding in enumerate(self._bindings.tabs.get(tab.name, ()), start=1):
            yield bound_place(self._workbook, volume_of(tab, number), binding)

    def _table(self, place: TabPlace, keys: Collection[str]) -> TabState:
        found = scan(self._draft, place, self._strings, keys, reseals=bool(keys))
        numbers = {key: found.places[key][0] for key in found.rows}
        shared = [key for key, row in found.rows.items() if b'"s"' in row or b"'s'" in row]
        cells = (cell for key in shared for cell in _cells(found.rows[key], numbers[key]))
        texts = self._strings.texts(_shared_indexes(cells))
        held = {
            key: HeldRow(row=at, values=self._values(place, _cells(found.rows.pop(key), at), texts))
            for key, at in numbers.items()
        }  # the scan is kept for the write, which needs only where rows stand
        self.scans[place.tab.name] = found
        return TabState(
            name=place.tab.name,
            columns=place.columns,
            rows=held,
            duplicates={key: tuple(at) for key, at in found.places.items() if len(at) > 1},
            alike=found.alike,
            row_count=found.keyed,
        )

    def _values(
        self, place: TabPlace, cells: Collection[CellXml], texts: Mapping[int, str]
    ) -> dict[str, CellValue]:
        by_letters = {cell.column: cell for cell in cells}
        values: dict[str, CellValue] = {}
        for column in place.tab.columns:
            at = place.columns.get(column.id) if column.read else None
            if at is not None:
                cell = by_letters.get(column_letters(at).encode())
                values[column.id] = self._decode(cell, column.type, texts) if cell else None
        return values

    def _decode(self, cell: CellXml, kind: CellType, texts: Mapping[int, str]) -> CellValue:
        return decode(cell, kind=kind, epoch_1904=self._workbook.epoch_1904, strings=texts)

    def _settings(self, tab: SettingsTab) -> TabState | None:
        addresses = setting_cells(self._workbook, tab)
        if not addresses:
            return None
        synced = {
            each.name: addresses[each.name] for each in tab.settings if each.synced and each.name in addresses
        }
        cells = cells_at(self._draft, self._workbook, set(synced.values()))
        texts = self._strings.texts(_shared_indexes(cells.values()))
        rows = {}
        for name, address in synced.items():
            cell = cells.get(address)
            value = self._decode(cell, self._kind(cell), texts) if cell else None
            rows[name] = HeldRow(row=address.row, values={SETTING_VALUE: value})
        return TabState(name=tab.name, rows=rows, row_count=len(rows))

    def _kind(self, cell: CellXml) -> CellType:
        """A setting is a time where it is shown as one."""
        return CellType.TIME if self._formats.shows_time(cell.style) else CellType.ID


def _joined(first: TabState, later: TabState) -> TabState:
    """A tab and the one it was continued in, as one; a key in both is kept up to date in the first."""
    twice = {key: (first.rows[key].row, row.row) for key, row in later.rows.items() if key in first.rows}
    return replace(
        first,
        rows={**later.rows, **first.rows},
        duplicates={**later.duplicates, **twice, **first.duplicates},
        alike={**later.alike, **first.alike},
        row_count=first.row_count + later.row_count,
    )


def _cells(row: bytes, number: int) -> list[CellXml]:
    return cells_of(addressed_row(row, number))


def _shared_indexes(cells: Iterable[CellXml]) -> set[int]:
    return {index for cell in cells if (index := cell.shared_index) is not None}
