"""A drawn workbook as bytes, without a temporary file on the way.

openpyxl writes each sheet to the temporary folder first, and a disk that is full there goes unnoticed: the
workbook is saved with half a sheet in it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping, Sequence
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.utils.indexed_list import IndexedList
from openpyxl.workbook import Workbook
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.templates.formulas import OtherTables
from cqs_sheets.core.templates.pages import settings_page
from cqs_sheets.core.templates.report_pages import compile_page
from cqs_sheets.core.templates.template import SettingsTab, Tab, TableTab, Template, is_hidden
from cqs_sheets.destinations.excel.draw import styles
from cqs_sheets.destinations.excel.draw.page import draw_page
from cqs_sheets.destinations.excel.draw.table import AUTHOR, draw_table, limit_validation, unique_headers
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.references import quoted_sheet
from cqs_sheets.destinations.excel.parts.workbook import SEQUENCE, column_name, sheet_name, table_name
from cqs_sheets.patterns import regex


class _Writer(ExcelWriter):
    """openpyxl's writer, but for where the sheets are kept meanwhile."""

    def write_worksheet(self, ws: Worksheet) -> None:
        ws._drawing = drawing = SpreadsheetDrawing()  # type: ignore[attr-defined]  # noqa: SLF001
        drawing.charts, drawing.images = ws._charts, ws._images  # type: ignore[attr-defined]  # noqa: SLF001
        writer = WorksheetWriter(ws, out=io.BytesIO())
        writer.write()
        ws._rels = writer._rels  # type: ignore[attr-defined]  # noqa: SLF001
        self._archive.writestr(ws.path[1:], writer.read())  # type: ignore[attr-defined]
        self.manifest.append(ws)


def saved(book: Workbook) -> bytes:
    """The .xlsx."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        _Writer(book, archive).save()
    return buffer.getvalue()


_MARGIN = 0.4  # inches of paper
_STYLES = "xl/styles.xml"
# They match the fonts that openpyxl wrote a moment ago: it orders what is in one otherwise than the schema.
_FONT = regex(rb"(?<=<font>).*?(?=</font>)", re.DOTALL)
_FONT_PART = regex(rb"<(\w+)[^>]*/>")
_FONT_ORDER = (b"b", b"i", b"strike", b"u", b"sz", b"color", b"name", b"family", b"scheme")


def draw_workbook(
    template: Template,
    tabs: Sequence[Tab],
    zone_name: str,
    taken_names: Collection[str],
    titles: Mapping[str, str],
    elsewhere: OtherTables,
) -> bytes:
    """The bytes of an .xlsx with these tabs of a template; see build_workbook."""
    look = styles.ThemeStyles(template.theme)
    taken = {name.lower() for name in taken_names}
    references = _references(template, tabs, taken, titles, elsewhere)
    book = _blank(template, look)
    for tab in tabs:
        sheet = book.create_sheet(references.titles[tab.name])
        if isinstance(tab, TableTab):
            draw_table(book, sheet, references.tables[tab.name], look, references)
        elif isinstance(tab, SettingsTab):
            page = settings_page(tab, template.theme, zone_name)
            draw_page(sheet, page, look, references.area)
            _set_up_settings(book, sheet, tab, page.names, taken)
        else:
            page = compile_page(template, tab, area=references.area, column=references.column)
            draw_page(sheet, page, look, references.area)
        _set_up_page(sheet, one_page=not isinstance(tab, TableTab))
    _hide(book, tabs)
    return _with_fonts_in_order(saved(book))


def _set_up_settings(
    book: Workbook,
    sheet: Worksheet,
    tab: SettingsTab,
    names: Mapping[str, tuple[int, int]],
    taken: Collection[str],
) -> None:
    """Name the cells of settings, but for names that are `taken` (in lower case), and limit what is typed."""
    sheet.sheet_view.showGridLines = False
    sheet.freeze_panes = "A2"
    for setting in tab.settings:
        row, column = names[setting.name]
        cell = f"{quoted_sheet(sheet.title)}!${column_letters(column)}${row}"
        mark = column_name(tab.name, setting.name)
        book.defined_names[mark] = DefinedName(mark, attr_text=cell, hidden=True)
        if setting.name.lower() not in taken:
            book.defined_names[setting.name] = DefinedName(setting.name, attr_text=cell)
        if setting.typed and (setting.min is not None or setting.max is not None):
            limits = limit_validation(setting.min, setting.max)
            limits.add(sheet.cell(row, column).coordinate)
            sheet.add_data_validation(limits)


def _references(
    template: Template,
    tabs: Sequence[Tab],
    taken: Collection[str],
    wanted: Mapping[str, str],
    elsewhere: OtherTables,
) -> styles.DrawnReferences:
    """The titles and names that the tabs get, none of them twice: any formula may speak of any tab."""
    settings = template.settings_tab.settings if template.settings_tab else ()
    reserved = {*taken, *(setting.name.lower() for setting in settings)}  # no table is called like a setting
    titles: dict[str, str] = {}
    tables: dict[str, styles.DrawnTable] = {}
    for tab in tabs:
        title = titles[tab.name] = sheet_name(wanted.get(tab.name, tab.name), titles.values())
        if isinstance(tab, TableTab):
            name = table_name(tab.name, reserved)
            reserved.add(name.lower())
            tables[tab.name] = styles.DrawnTable(tab=tab, title=title, name=name, headers=unique_headers(tab))
    return styles.DrawnReferences(tables=tables, titles=titles, elsewhere=elsewhere)


def _hide(book: Workbook, tabs: Sequence[Tab]) -> None:
    """Hide what is to be hidden and open on the first of the others; one sheet has to show, so the first."""
    shown = [at for at, tab in enumerate(tabs) if not is_hidden(tab)] or [0]
    for at, sheet in enumerate(book.worksheets):
        sheet.sheet_state = "visible" if at in shown else "hidden"
        sheet.sheet_view.tabSelected = at == shown[0]
    book.active = shown[0]


def _blank(template: Template, look: styles.ThemeStyles) -> Workbook:
    book = Workbook()
    book.remove(book.worksheets[0])
    book._fonts = IndexedList([look.font()])  # type: ignore[attr-defined]  # noqa: SLF001 - of cells without format
    book.properties.creator = AUTHOR
    book.properties.title = template.title
    book.calculation.fullCalcOnLoad = True
    book.defined_names[SEQUENCE] = DefinedName(SEQUENCE, attr_text="0", hidden=True)
    return book


def _set_up_page(sheet: Worksheet, *, one_page: bool) -> None:
    """Printed across the page and as wide as it; as high as it too, or as many pages as it takes."""
    sheet.page_margins = PageMargins(left=_MARGIN, right=_MARGIN, top=_MARGIN, bottom=_MARGIN)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = int(one_page)
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _with_fonts_in_order(workbook: bytes) -> bytes:
    """The workbook with what its fonts say in the order of the schema: openpyxl has one of its own."""
    with Package.open(workbook) as package:
        draft = Draft(package)
        draft.put(_STYLES, _FONT.sub(_font_in_order, draft.read(_STYLES)))
        buffer = io.BytesIO()
        draft.write(buffer)
    return buffer.getvalue()


def _font_in_order(match: re.Match[bytes]) -> bytes:
    parts = sorted(_FONT_PART.finditer(match[0]), key=lambda part: _FONT_ORDER.index(part[1]))
    return b"".join(part[0] for part in parts)
