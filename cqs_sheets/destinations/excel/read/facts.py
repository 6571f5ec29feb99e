"""What a workbook shows of its sheets: their titles, their first rows, and where our hidden names point."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.grid import column_number
from cqs_sheets.core.plan.facts import Facts, MarkedTab, SheetFacts, Spot
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, SharedStrings, cells_of, decode
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces
from cqs_sheets.destinations.excel.parts.workbook import DefinedName, Sheet, Workbook, tab_prefix

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
            found = addressed(piece._replace(text=top)).text.split(b"</row>")
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
