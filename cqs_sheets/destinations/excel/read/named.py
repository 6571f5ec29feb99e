"""Single cells: where settings stand, and cells read by their address, in one pass over each sheet."""

from __future__ import annotations

from collections.abc import Collection

from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.templates.template import SettingsTab
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, cells_of
from cqs_sheets.destinations.excel.parts.names import column_name
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.rowstream import Part, addressed, pieces, row_xml
from cqs_sheets.destinations.excel.parts.workbook import CellAddress, Sheet, Workbook


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
