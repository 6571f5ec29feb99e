"""What may be typed into a cell: choices and limits as Excel's data validation."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule as Condition
from openpyxl.styles import Alignment
from openpyxl.workbook import Workbook
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.table import Table, TableColumn, TableFormula
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.grid import column_letters, runs
from cqs_sheets.core.templates.formulas import resolve
from cqs_sheets.core.templates.template import Column, ColumnKind, Rule, TableTab
from cqs_sheets.destinations.excel.draw import styles
from cqs_sheets.destinations.excel.parts.references import Area, address, quoted_sheet
from cqs_sheets.destinations.excel.parts.workbook import column_name
from cqs_sheets.errors import DataRefused

_LONGEST_LIST = 255


def choice_validation(choices: Sequence[str], header: str) -> DataValidation:
    """A list to pick from; something else is allowed after a question.

    Raises DataRefused if Excel cannot hold the list.
    """
    listed = ",".join(choices)
    if len(listed) > _LONGEST_LIST or any("," in choice for choice in choices):
        raise DataRefused(
            f"The choices of {header!r} do not fit in Excel: 255 characters in all, and none with a comma.",
            meaning="Nothing was written.",
            hint="Shorten them in the template.",
        )
    validation = DataValidation(type="list", formula1='"' + listed.replace('"', '""') + '"', allow_blank=True)
    validation.errorStyle = "warning"
    validation.errorTitle, validation.error = "Not in the list", f"The list has {listed}."[:_LONGEST_LIST]
    validation.showErrorMessage = True
    return validation


def limit_validation(least: float | None, most: float | None) -> DataValidation:
    """A number not below `least` nor above `most`; at least one of them is given."""
    if least is None:
        validation = DataValidation(type="decimal", operator="lessThanOrEqual", formula1=f"{most:.15g}")
        wanted = f"at most {most:g}"
    elif most is None:
        validation = DataValidation(type="decimal", operator="greaterThanOrEqual", formula1=f"{least:.15g}")
        wanted = f"at least {least:g}"
    else:
        validation = DataValidation(
            type="decimal", operator="between", formula1=f"{least:.15g}", formula2=f"{most:.15g}"
        )
        wanted = f"from {least:g} to {most:g}"
    validation.allow_blank = True
    validation.errorTitle, validation.error = "Out of range", f"Type a number {wanted}."
    validation.showErrorMessage = True
    return validation


AUTHOR = "cqs-sheets"
_GROUP_HEIGHT, _HEADER_HEIGHT, _ROW_HEIGHT = 15.0, 30.0, 17.25
_NOTE_WIDTH, _NOTE_LINE, _NOTE_CHARACTERS = 240, 17, 36  # pixels, and what of the text fits in one line


def draw_table(
    book: Workbook,
    sheet: Worksheet,
    drawn: styles.DrawnTable,
    look: styles.ThemeStyles,
    references: styles.DrawnReferences,
) -> None:
    """Draw a table tab: its headers and its blank row, or the spare rows with their formulas."""
    tab, header_row = drawn.tab, drawn.header_row
    rows = range(header_row + 1, header_row + 1 + max(1, tab.spare_rows))
    for at, column in enumerate(tab.columns, start=1):
        _draw_header(sheet, tab, look, header_row, at, drawn.headers[at - 1])
        formula = _spare_formula(drawn, column, references)
        model = _draw_cell(sheet, tab, look, rows[0], at)
        for row in rows:
            cell = sheet.cell(row, at, formula or None)
            styles.style_like(cell, model)
        _draw_column(sheet, column, look, at)
        _bind(
            book,
            sheet,
            column_name(tab.mark_name, column.id),
            address_of=f"${column_letters(at)}${header_row}",
        )
    _set_heights(sheet, tab, header_row, rows)
    _set_view(sheet, tab, header_row, rows)
    _add_table(sheet, drawn, rows, references)
    for rule in tab.rules:
        _add_rule(sheet, drawn, rule, rows, references)
    for at, column in enumerate(tab.columns, start=1):
        _add_validation(sheet, column, Area(rows[0], at, rows[-1], at))


def unique_headers(tab: TableTab) -> tuple[str, ...]:
    """The columns' headers as one table may hold them: not blank, on one line, no two alike (case aside)."""
    taken: set[str] = set()
    headers = []
    for number, column in enumerate(tab.columns, 1):
        plain = " ".join(column.header.split()) or f"Column {number}"
        header, count = plain, 1
        while header.lower() in taken:
            count += 1
            header = f"{plain} {count}"
        taken.add(header.lower())
        headers.append(header)
    return tuple(headers)


def _draw_header(
    sheet: Worksheet, tab: TableTab, look: styles.ThemeStyles, row: int, at: int, text: str
) -> None:
    column = tab.columns[at - 1]
    cell = sheet.cell(row, at, text)
    cell.data_type = "s"  # text that begins with "=" too
    cell.alignment = styles.alignment(
        column.format, vertical="center" if tab.plain else "top"
    )  # above the button
    cell.font = look.font("" if tab.plain else "paper", bold=True)
    if column.note:
        cell.comment = note(column.note)
    if tab.plain:
        return
    background = look.theme.header_role(column.kind)
    cell.fill = look.fill(background)
    starts = at == 1 or tab.columns[at - 2].group != column.group
    above = sheet.cell(row - 1, at, (column.group or None) if starts else None)
    above.data_type = "s" if above.value else "n"
    above.fill = look.fill(background)
    above.font = look.font(look.theme.faint_on(background), bold=True, smaller=2)
    above.alignment = Alignment(horizontal="left", vertical="center", indent=1)
    if starts and at > 1:
        above.border = cell.border = look.before(look.theme.faint_on(background))


def _spare_formula(drawn: styles.DrawnTable, column: Column, references: styles.DrawnReferences) -> str:
    """The formula of a column's spare cells: the same in all of them, and in rows that Excel adds below."""
    if not drawn.tab.spare_rows or column.kind is not ColumnKind.FORMULA:
        return ""
    try:
        return resolve(column.formula, cell=drawn.same_row, column=references.column)
    except LookupError:
        return ""


def _draw_cell(
    sheet: Worksheet, tab: TableTab, look: styles.ThemeStyles, row: int, at: int
) -> Cell | MergedCell:
    column = tab.columns[at - 1]
    cell = sheet.cell(row, at)
    cell.number_format = column.format.pattern
    cell.alignment = styles.value_alignment(column.format)
    if not tab.plain:
        cell.font = look.cell_font(column)
        cell.border = look.under("line", "thin")
        if column.kind is ColumnKind.INPUT:
            cell.fill = look.fill("input")
    return cell


def _draw_column(sheet: Worksheet, column: Column, look: styles.ThemeStyles, at: int) -> None:
    """Width, and the format of rows that have no row above to look like."""
    dimension = sheet.column_dimensions[column_letters(at)]
    dimension.width = column.width + styles.WIDTH_PADDING
    dimension.hidden = column.hidden
    dimension.number_format = column.format.pattern
    dimension.alignment = styles.value_alignment(column.format)
    dimension.font = look.cell_font(column)


def _bind(book: Workbook, sheet: Worksheet, name: str, *, address_of: str) -> None:
    text = f"{quoted_sheet(sheet.title)}!{address_of}"
    book.defined_names[name] = DefinedName(name, attr_text=text, hidden=True)


def _set_heights(sheet: Worksheet, tab: TableTab, header_row: int, rows: range) -> None:
    if tab.plain:
        return
    sheet.row_dimensions[header_row - 1].height = _GROUP_HEIGHT
    sheet.row_dimensions[header_row].height = _HEADER_HEIGHT
    for row in rows:
        sheet.row_dimensions[row].height = _ROW_HEIGHT


def _set_view(sheet: Worksheet, tab: TableTab, header_row: int, rows: range) -> None:
    sheet.freeze_panes = address(header_row + 1, tab.freeze_columns + 1)
    sheet.sheet_view.showGridLines = tab.plain
    sheet.print_title_rows = f"1:{header_row}"
    if tab.banner and sheet.oddHeader is not None:
        sheet.oddHeader.center.text = tab.banner
    printed = [at for at, column in enumerate(tab.columns, start=1) if column.id == tab.print_to]
    if printed:
        sheet.print_area = str(Area(1, 1, rows[-1], printed[0]))  # it grows with the rows


def _add_table(
    sheet: Worksheet, drawn: styles.DrawnTable, rows: range, references: styles.DrawnReferences
) -> None:
    area = str(Area(drawn.header_row, 1, rows[-1], len(drawn.headers)))
    table = Table(displayName=drawn.name, name=drawn.name, ref=area)
    table.tableColumns = [TableColumn(id=at, name=header) for at, header in enumerate(drawn.headers, start=1)]
    for filled, column in zip(table.tableColumns, drawn.tab.columns, strict=True):
        if formula := _spare_formula(drawn, column, references):
            filled.calculatedColumnFormula = TableFormula(attr_text=formula.removeprefix("="))
    table.autoFilter = AutoFilter(ref=area) if drawn.tab.filter else None
    sheet.add_table(table)


def _add_rule(
    sheet: Worksheet, drawn: styles.DrawnTable, rule: Rule, rows: range, references: styles.DrawnReferences
) -> None:
    """A conditional format of the rows: it grows with the table. Left out if a column it needs is not there."""

    def cell(name: str) -> str:
        return f"${column_letters(drawn.position(name))}{rows[0]}"

    try:
        formula = resolve(rule.when, cell=cell, column=references.rule_cells)
    except LookupError:
        return
    ranges = " ".join(
        str(Area(rows[0], first, rows[-1], last)) for first, last in runs(map(drawn.position, rule.on))
    )
    condition = Condition(
        type="expression",
        formula=[formula.removeprefix("=")],
        dxf=styles.rule_style(rule.style),
        stopIfTrue=True,
    )
    sheet.conditional_formatting.add(ranges, condition)


def _add_validation(sheet: Worksheet, column: Column, cells: Area) -> None:
    if column.choices:
        validation = choice_validation(column.choices, column.header)
    elif column.min is not None or column.max is not None:
        validation = limit_validation(column.min, column.max)
    else:
        return
    validation.add(str(cells))
    sheet.add_data_validation(validation)


def note(text: str) -> Comment:
    """A note as large as its text."""
    lines = sum(-(-max(1, len(line)) // _NOTE_CHARACTERS) for line in text.splitlines())
    return Comment(text, AUTHOR, width=_NOTE_WIDTH, height=(lines + 1) * _NOTE_LINE)
