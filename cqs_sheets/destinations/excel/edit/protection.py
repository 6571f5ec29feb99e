"""A protected sheet is written only as Excel would let its user: unlocked cells, and rows where those are allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from cqs_sheets.core.grid import column_number
from cqs_sheets.destinations.excel.edit.rows import RowEdit, column_styles
from cqs_sheets.destinations.excel.parts.cellxml import cells_of
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import Area, address
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces, row_xml
from cqs_sheets.destinations.excel.parts.workbook import Sheet
from cqs_sheets.destinations.excel.parts.xmltext import attributes, whole
from cqs_sheets.errors import ROWS_WAIT, DataRefused
from cqs_sheets.patterns import regex

# Match tags behind a sheet's rows, attributes in any order; texts in quotes there hold no such tag. A parser
# would have to read all rows before.
_PROTECTION = regex(rb"<sheetProtection\s[^>]*>")
_FREE_RANGE = regex(rb"<protectedRange\s[^>]*>")
_TRUE = ("1", "true")
_SECRETS = ("password", "hashValue", "algorithmName")


def check_protection(
    draft: Draft,
    sheet: Sheet,
    edits: Mapping[int, RowEdit],
    is_unlocked: Callable[[int], bool],
    *,
    moves_rows: bool = False,
    grows_table: bool = False,
) -> None:
    """DataRefused if the sheet is protected against what is to be done; `is_unlocked` tells of a cell format."""
    head, tail = _frame(draft, sheet)
    if not is_protected(tail):
        return
    match = _PROTECTION.search(tail)
    values = attributes(match[0]) if match else {}
    if grows_table:
        raise _refused(sheet, "no rows can be added to its table")
    if moves_rows and values.get("insertRows", "1") in _TRUE:
        raise _refused(sheet, "no rows can be inserted in it")
    free = [area for tag in _FREE_RANGE.findall(tail) for area in _free(attributes(tag))]
    styles = column_styles(head)
    for row, present, of_row in _rows(draft, sheet, edits):
        for column, edit in edits[row].cells.items():
            style = present.get(column, styles.get(column) if of_row is None else of_row)
            is_free = any(area.contains(row, column) for area in free)
            if edit.content is not None and not (is_free or is_unlocked(style or 0)):
                raise _refused(sheet, f"its cell {address(row, column)} is locked")


def is_protected(tail: bytes) -> bool:
    """Whether what stands behind a sheet's rows protects it."""
    match = _PROTECTION.search(tail)
    return match is not None and attributes(match[0]).get("sheet") in _TRUE


def _frame(draft: Draft, sheet: Sheet) -> tuple[bytes, bytes]:
    head = tail = b""
    for piece in pieces(draft.chunks(sheet.part)):
        if piece.part is Part.HEAD:
            head = piece.text
        elif piece.part is Part.TAIL:
            tail = piece.text
    return head, tail


def _free(values: Mapping[str, str]) -> Iterator[Area]:
    """What everybody may edit: a range without a password."""
    if not any(name in values for name in _SECRETS):
        yield from (Area.parse(written) for written in values.get("sqref", "").split())


def _rows(
    draft: Draft, sheet: Sheet, edits: Mapping[int, RowEdit]
) -> Iterator[tuple[int, dict[int, int | None], int | None]]:
    """The rows to edit: the formats of the cells that are there, and that of the row."""
    waiting = sorted(edits)
    for piece in pieces(draft.chunks(sheet.part)):
        if piece.part is not Part.ROWS or not waiting or waiting[0] > piece.last:
            continue
        text = addressed(piece).text
        due = [row for row in waiting if row <= piece.last]
        waiting = waiting[len(due) :]
        for row in due:
            xml = row_xml(text, row)
            values = attributes(xml[: xml.find(b">") + 1])
            of_row = whole(values["s"]) if values.get("customFormat") in _TRUE and "s" in values else None
            yield row, {column_number(cell.column.decode()): cell.style for cell in cells_of(xml)}, of_row
    yield from ((row, {}, None) for row in waiting)


def _refused(sheet: Sheet, detail: str) -> DataRefused:
    return DataRefused(
        f"{sheet.name} is protected: {detail}.",
        meaning=ROWS_WAIT,
        hint="Review > Unprotect Sheet; or unlock the cells of the signals (Format Cells > Protection).",
    )
