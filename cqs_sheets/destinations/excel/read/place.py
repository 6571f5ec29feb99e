"""Where a template's tab lives in a workbook today: its sheet, its header row, its columns, its table."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, cells_of, decode
from cqs_sheets.destinations.excel.parts.names import column_name
from cqs_sheets.destinations.excel.parts.refs import column_number
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces
from cqs_sheets.destinations.excel.parts.strings import SharedStrings
from cqs_sheets.destinations.excel.parts.tables import SheetTable, tables_of
from cqs_sheets.destinations.excel.parts.workbook import CellAddress, Sheet, Workbook
from cqs_sheets.errors import DataRefused

_HEADER_SEARCH_ROWS = 20
_FEWEST_MATCHES = 3  # the key and two more: fewer may be a coincidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A tab as found. `columns` maps the ids of those that are there to their position (1-based).

    `bound` says whether our hidden names point at them; if not they were found by their headers.
    """

    tab: TableTab
    sheet: Sheet
    header_row: int
    columns: Mapping[str, int]
    table: SheetTable | None
    bound: bool

    @property
    def left(self) -> int:
        """The first column of the table, or of our columns."""
        return self.table.area.left if self.table else min(self.columns.values())

    @property
    def right(self) -> int:
        """The last column of the table, or of our columns."""
        return self.table.area.right if self.table else max(self.columns.values())


def find_place(
    workbook: Workbook, strings: SharedStrings, tab: TableTab, *, other_tabs: Collection[str] = ()
) -> Place | None:
    """Where the tab is, or None if it has not been made yet.

    Sheets named like `other_tabs` are not taken for it. Raises DataRefused if it was there and its
    sheet or its key column is gone.
    """
    names = workbook.global_names()
    bound = {column.id: names.get(column_name(tab.name, column.id).lower()) for column in tab.columns}
    if not any(bound.values()):
        return _by_headers(workbook, strings, tab, other_tabs)
    cells = {
        column_id: name.cell for column_id, name in bound.items() if name and not name.deleted and name.cell
    }
    if not cells:
        raise _gone(tab, "its sheet was deleted")
    key = cells.get(tab.key)
    if key is None:
        raise _gone(tab, f"its key column ({tab.column(tab.key).header}) was deleted")
    sheet = workbook.sheet(key.sheet)
    if sheet is None:
        raise _gone(tab, f"its sheet {key.sheet!r} is not there")
    columns = {
        column_id: cell.column
        for column_id, cell in cells.items()
        if cell.sheet.lower() == key.sheet.lower() and cell.row == key.row
    }
    if len(set(columns.values())) < len(columns):
        raise _gone(tab, "two of its columns stand in one place")
    return _place(workbook, tab, sheet, key.row, columns, bound=True)


def _place(
    workbook: Workbook, tab: TableTab, sheet: Sheet, row: int, columns: Mapping[str, int], *, bound: bool
) -> Place:
    key = columns[tab.key]
    tables = tables_of(workbook.draft, sheet.part)
    table = next((each for each in tables if each.area.contains(row, key)), None)
    if table and (not table.header_rows or table.area.top != row):
        raise _gone(tab, f"its header is inside the table {table.name!r}, not its first row")
    if table:
        columns = {name: at for name, at in columns.items() if table.area.left <= at <= table.area.right}
    return Place(tab=tab, sheet=sheet, header_row=row, columns=columns, table=table, bound=bound)


def _by_headers(
    workbook: Workbook, strings: SharedStrings, tab: TableTab, other_tabs: Collection[str]
) -> Place | None:
    taken = {name.lower() for name in other_tabs}
    named = workbook.sheet(tab.name)
    candidates = [named] if named else [each for each in workbook.sheets if each.name.lower() not in taken]
    fewest = 1 if named else _FEWEST_MATCHES
    best: tuple[int, Sheet, int, dict[str, int]] | None = None
    for sheet in candidates:
        for row, texts in _header_rows(workbook, strings, sheet):
            columns = _match(tab, texts)
            if tab.key not in columns or len(columns) < fewest or (best and len(columns) <= best[0]):
                continue
            mostly_ours = 2 * len(columns) > len(texts)
            if named or mostly_ours or _has_no_keys(workbook, sheet, row, columns[tab.key]):
                best = (len(columns), sheet, row, columns)
            if len(columns) == len(tab.columns):
                break
    if best:
        return _place(workbook, tab, best[1], best[2], best[3], bound=False)
    if named:
        header = tab.column(tab.key).header
        raise _gone(
            tab, f"the sheet {named.name!r} has no column {header!r}, so its rows cannot be told apart"
        )
    return None


def _has_no_keys(workbook: Workbook, sheet: Sheet, header_row: int, key_column: int) -> bool:
    """Whether a table was prepared but not filled: one with ids of its own may be a record of other things."""
    filled = re.compile(
        rb'<c r="%s(\d+)"(?:\s[^>]*[^/>])?>\s*<(?:v|is|f)\b' % column_letters(key_column).encode()
    )
    return not any(
        int(match[1]) > header_row
        for piece in pieces(workbook.draft.chunks(sheet.part))
        if piece.part is Part.ROWS
        for match in filled.finditer(addressed(piece).text)
    )


def _match(tab: TableTab, texts: Mapping[int, str]) -> dict[str, int]:
    """Columns by the header texts of one row: the template's header, its column id or its source."""
    free = {text.strip().lower(): at for at, text in sorted(texts.items(), reverse=True) if text.strip()}
    found: dict[str, int] = {}
    for wanted in ("header", "id", "source"):
        for column in tab.columns:
            name = str(getattr(column, wanted)).strip().lower()
            if column.id not in found and name in free:
                found[column.id] = free.pop(name)
    return found


def _header_rows(
    workbook: Workbook, strings: SharedStrings, sheet: Sheet
) -> Iterator[tuple[int, dict[int, str]]]:
    """The texts of a sheet's first rows, by column."""
    rows: list[list[CellXml]] = []
    for piece in pieces(workbook.draft.chunks(sheet.part)):
        if piece.part is Part.ROWS:
            top = b"</row>".join(piece.text.split(b"</row>", _HEADER_SEARCH_ROWS)[:_HEADER_SEARCH_ROWS])
            found = addressed(piece._replace(text=top)).text.split(b"</row>")
            rows = [cells for cells in map(cells_of, found) if cells]
            break
    texts = strings.texts(
        {index for cells in rows for cell in cells if (index := cell.shared_index) is not None}
    )
    for cells in rows:
        values = ((cell, decode(cell, kind=CellType.TEXT, epoch_1904=False, strings=texts)) for cell in cells)
        yield (
            cells[0].row,
            {column_number(cell.column.decode()): str(value) for cell, value in values if value is not None},
        )


def other_tabs(template: Template, tab: TableTab) -> list[str]:
    """The names of a template's other tabs: their sheets are not taken for this one's."""
    return [other.name for other in template.tabs if other.name != tab.name]


def header_cell(place: Place, column_id: str) -> CellAddress:
    """The header cell of a column that is there."""
    return CellAddress(place.sheet.name, place.header_row, place.columns[column_id])


def _gone(tab: TableTab, detail: str) -> DataRefused:
    return DataRefused(
        f"The tab {tab.name} of the template cannot be updated: {detail}.",
        meaning="Nothing was written; the rows wait in the journal.",
        hint="Undo the change or restore a backup (.bak.xlsx); or name another target, which is made anew.",
    )
