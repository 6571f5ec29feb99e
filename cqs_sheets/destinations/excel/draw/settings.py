"""The Settings tab drawn with openpyxl: a title, and sections of labelled, named cells."""

from __future__ import annotations

from collections.abc import Collection

from openpyxl.styles import Alignment
from openpyxl.workbook import Workbook
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.templates.template import Setting, SettingsTab
from cqs_sheets.destinations.excel.draw.styles import WIDTH_PADDING, ThemeStyles
from cqs_sheets.destinations.excel.draw.table import limit_validation
from cqs_sheets.destinations.excel.parts.references import quoted_sheet
from cqs_sheets.destinations.excel.parts.workbook import column_name

_SUBTITLE = "Type into the yellow cells. Everything else follows."
_COMPUTED = "@"  # begins the values that the sync writes later
_TITLE_HEIGHT, _ROW_HEIGHT, _SECTION_HEIGHT = 36.0, 21.0, 21.0
_LABEL, _VALUE, _NOTE = 1, 2, 3
_FIRST_SECTION = 4
_INDENTED = Alignment(horizontal="left", vertical="center", indent=1)
_CENTERED = Alignment(horizontal="center", vertical="center")


def draw_settings(
    book: Workbook,
    sheet: Worksheet,
    tab: SettingsTab,
    look: ThemeStyles,
    *,
    zone_name: str,
    taken: Collection[str],
) -> None:
    """Draw a settings tab; names that are `taken` (in lower case) are not defined."""
    for at, width in enumerate(tab.widths, start=1):
        sheet.column_dimensions[column_letters(at)].width = width + WIDTH_PADDING
    sheet.sheet_view.showGridLines = False
    sheet.freeze_panes = "A2"
    _draw_title(sheet, look, tab.name)
    row = _FIRST_SECTION
    for section in tab.sections:
        _draw_section_title(sheet, look, row, section.title)
        for setting in section.settings:
            row += 1
            _draw_setting(sheet, look, row, setting, zone_name)
            cell = f"{quoted_sheet(sheet.title)}!${column_letters(_VALUE)}${row}"
            _name(book, column_name(tab.name, setting.name), cell, hidden=True)
            if setting.name.lower() not in taken:
                _name(book, setting.name, cell, hidden=False)
        row += 2


def _draw_title(sheet: Worksheet, look: ThemeStyles, name: str) -> None:
    sheet.row_dimensions[1].height = _TITLE_HEIGHT
    for at, text in ((_LABEL, name.upper()), (_VALUE, None), (_NOTE, _SUBTITLE)):
        cell = sheet.cell(1, at, text)
        cell.fill = look.fill("ink")
        cell.alignment = _INDENTED
        cell.font = look.title_font("paper") if at == _LABEL else look.font(look.theme.faint_on("ink"))


def _draw_section_title(sheet: Worksheet, look: ThemeStyles, row: int, title: str) -> None:
    sheet.row_dimensions[row].height = _SECTION_HEIGHT
    for at in (_LABEL, _VALUE, _NOTE):
        cell = sheet.cell(row, at, title if at == _LABEL else None)
        cell.font = look.font("muted", bold=True, smaller=1)
        cell.alignment = _INDENTED
        cell.border = look.under("ink", "medium")


def _draw_setting(sheet: Worksheet, look: ThemeStyles, row: int, setting: Setting, zone_name: str) -> None:
    sheet.row_dimensions[row].height = _ROW_HEIGHT
    for at, content in (
        (_LABEL, setting.label),
        (_VALUE, _content(setting, zone_name)),
        (_NOTE, setting.note or None),
    ):
        cell = sheet.cell(row, at, content)
        if isinstance(content, str) and not setting.formula:
            cell.data_type = "s"  # text that begins with "=" too
        cell.border = look.under("line", "thin")
        cell.alignment = _INDENTED
        cell.font = look.font("muted", smaller=1) if at == _NOTE else look.font()
    value = sheet.cell(row, _VALUE)
    value.alignment = _INDENTED if _is_list(setting) else _CENTERED
    value.number_format = setting.format.pattern
    if setting.synced or setting.formula:
        return
    value.font = look.font("input_text", bold=True)
    value.fill = look.fill("input")
    if setting.min is not None or setting.max is not None:
        limits = limit_validation(setting.min, setting.max)
        limits.add(value.coordinate)
        sheet.add_data_validation(limits)


def _is_list(setting: Setting) -> bool:
    """Text of any length: read from its beginning."""
    return setting.format.align == "left" and not setting.format.type


def _content(setting: Setting, zone_name: str) -> str | float | None:
    if setting.formula:
        return setting.formula
    if setting.value == "@zone" or setting.name == "Time_zone":
        return zone_name
    computed = isinstance(setting.value, str) and setting.value.startswith(_COMPUTED)
    return None if computed else setting.value


def _name(book: Workbook, name: str, cell: str, *, hidden: bool) -> None:
    book.defined_names[name] = DefinedName(name, attr_text=cell, hidden=hidden or None)
