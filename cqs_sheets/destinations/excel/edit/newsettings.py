"""Settings that are new in a template, appended below those of a Settings tab that we made before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from cqs_sheets.core.grid import column_number
from cqs_sheets.core.plan.plan import NewColumn, Plan, ids_by_tab
from cqs_sheets.core.templates.template import SettingsTab, TableTab, Template
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.excel.edit.newcolumns import AddedColumns, add_columns
from cqs_sheets.destinations.excel.edit.rows import (
    CellEdit,
    RowEdit,
    rewritten,
    row_attributes,
    with_dimension,
)
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, Encoded, cells_of
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.references import Area
from cqs_sheets.destinations.excel.parts.rowstream import Part, pieces, row_xml
from cqs_sheets.destinations.excel.parts.splice import with_validations
from cqs_sheets.destinations.excel.parts.styles import MergedStyles
from cqs_sheets.destinations.excel.parts.tables import tables_of
from cqs_sheets.destinations.excel.parts.workbook import CellAddress, Sheet, Workbook, column_name
from cqs_sheets.destinations.excel.parts.xmltext import attributes, canonical_part, with_attribute
from cqs_sheets.destinations.excel.read.place import marked_place, marked_volumes
from cqs_sheets.destinations.excel.read.reader import setting_cells
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field, replace

_FIRST_SECTION = 4
_VALUE = 2  # the column that a new Settings tab has its values in
_GAP = 2
# Matches a validation in a tab that we have drawn ourselves a moment ago, to copy it as it stands.
_VALIDATION = regex(rb"<dataValidation\s[^>]*?(?:/>|>.*?</dataValidation>)", re.DOTALL)


@dataclass(slots=True)
class _Drawn:
    """New settings as a workbook of their own has them: rows from the first section on, and where each stands."""

    styles: bytes
    rows: dict[int, list[CellXml]] = field(default_factory=dict)
    attributes: dict[int, bytes] = field(default_factory=dict)
    validations: list[bytes] = field(default_factory=list)
    places: Mapping[str, CellAddress] = field(default_factory=dict)

    @property
    def formats(self) -> set[int]:
        return {cell.style or 0 for cells in self.rows.values() for cell in cells}


def add_settings(
    draft: Draft, workbook: Workbook, template: Template, tab: SettingsTab, new: Sequence[str]
) -> AddedColumns:
    """Append these settings; the workbook part is not saved yet.

    One whose name the user has given to something else is left out: formulas mean the user's.
    """
    taken = {each.name.lower() for each in workbook.names if not each.deleted} | _table_names(draft, workbook)
    free = [name for name in new if name.lower() not in taken]
    told = tuple(
        f"{tab.name}: the new setting {name} was not added, as your workbook has that name for something else"
        for name in new
        if name not in free
    )
    home = _home(workbook, tab)
    if free and home:
        _append(draft, workbook, home[0], home[1], _drawn(template, tab, free), tab)
    return AddedColumns(warnings=told)


def _table_names(draft: Draft, workbook: Workbook) -> set[str]:
    return {table.name.lower() for sheet in workbook.sheets for table in tables_of(draft, sheet.part)}


def _home(workbook: Workbook, tab: SettingsTab) -> tuple[Sheet, int] | None:
    """The sheet and the column that most settings are in; None if the user deleted the tab."""
    cells = Counter((cell.sheet, cell.column) for cell in setting_cells(workbook, tab).values())
    for (title, column), _ in cells.most_common(1):
        sheet = workbook.sheet(title)
        return (sheet, max(column, _VALUE)) if sheet else None
    return None


def _drawn(template: Template, tab: SettingsTab, new: Collection[str]) -> _Drawn:
    sections = [
        replace(section, settings=tuple(each for each in section.settings if each.name in new))
        for section in tab.sections
    ]
    part = replace(tab, sections=tuple(section for section in sections if section.settings))
    with Package.open(build_workbook(replace(template, tabs=(part,)))) as package:
        draft = Draft(package)
        workbook = Workbook(draft)
        found = _Drawn(
            styles=canonical_part(draft.read(workbook.linked("styles") or "")),
            places=setting_cells(workbook, part),
        )
        for piece in pieces(draft.chunks(workbook.sheets[0].part)):
            if piece.part is Part.ROWS:
                for cell in cells_of(piece.text):
                    if cell.row >= _FIRST_SECTION:
                        found.rows.setdefault(cell.row, []).append(cell)
                        found.attributes[cell.row] = row_attributes(row_xml(piece.text, cell.row))
            elif piece.part is Part.TAIL:
                found.validations = _VALIDATION.findall(piece.text)
    return found


def _append(
    draft: Draft, workbook: Workbook, sheet: Sheet, value_column: int, drawn: _Drawn, tab: SettingsTab
) -> None:
    part = workbook.linked("styles")
    assert part is not None  # noqa: S101 - we made a tab of this workbook, with formats
    styles = MergedStyles(canonical_part(draft.read(part)), drawn.styles, drawn.formats)
    draft.put(part, styles.xml)
    down = max(piece.last for piece in pieces(draft.chunks(sheet.part))) + _GAP - _FIRST_SECTION
    across = value_column - _VALUE
    edits = {
        row + down: RowEdit(dict(_edits(cells, styles, across)), drawn.attributes[row])
        for row, cells in drawn.rows.items()
    }
    reach = Area(min(edits), 1 + across, max(edits), _VALUE + 1 + across)
    validations = [_moved(xml, down, across) for xml in drawn.validations]
    before = draft.content(sheet.part)
    draft.put(
        sheet.part,
        lambda: rewritten(
            before,
            edits,
            lambda head: with_dimension(head, reach),
            lambda tail: with_validations(tail, validations),
        ),
    )
    for name, cell in drawn.places.items():
        at = CellAddress(sheet.name, cell.row + down, cell.column + across)
        workbook.bind(column_name(tab.name, name), at)
        workbook.bind(name, at, hidden=False)


def _edits(cells: Sequence[CellXml], styles: MergedStyles, across: int) -> Iterator[tuple[int, CellEdit]]:
    for cell in cells:
        content = Encoded(cell.type if cell.content else b"", cell.content)
        at = column_number(cell.column.decode()) + across
        yield at, CellEdit(content, styles.cells[cell.style or 0], restyle=True)


def _moved(validation: bytes, down: int, across: int) -> bytes:
    end = validation.index(b">") + 1
    area = Area.parse(attributes(validation[:end]).get("sqref", ""))
    moved = Area(area.top + down, area.left + across, area.bottom + down, area.right + across)
    return with_attribute(validation[:end], "sqref", str(moved)) + validation[end:]


def upgrade(draft: Draft, plan: Plan) -> tuple[set[NewColumn], list[str]]:
    """Make a plan's new columns and settings; returns those that could not be, and what to tell the user.

    In a tab that the user deleted nothing is made.
    """
    left_out: set[NewColumn] = set()
    warnings: list[str] = []
    for tab_name, new in ids_by_tab(plan).items():
        for outcome in _made(draft, plan.template, tab_name, new):
            left_out |= {NewColumn(tab_name, column) for column in outcome.left_out}
            warnings += outcome.warnings
    return left_out, warnings


def _made(draft: Draft, template: Template, tab_name: str, new: Sequence[str]) -> Iterator[AddedColumns]:
    tab = template.tab(tab_name)
    workbook = Workbook(draft)
    if isinstance(tab, SettingsTab):
        yield add_settings(draft, workbook, template, tab, new)
        workbook.save()
    elif isinstance(tab, TableTab):
        for volume in marked_volumes(workbook, tab):
            if place := marked_place(workbook, volume):
                yield add_columns(draft, workbook, template, place, new)
                workbook.save()
