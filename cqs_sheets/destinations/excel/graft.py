"""Tabs of a template added to a workbook that is there already.

They are drawn into a workbook of their own, and its parts are then carried over: new sheets, tables
and notes as new parts, formats behind the workbook's own, names and sheets at the end of their lists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from cqs_sheets.core.template import Template
from cqs_sheets.destinations.excel import opc
from cqs_sheets.destinations.excel.additions import add_default_type, add_part, free_part, link
from cqs_sheets.destinations.excel.create import build_workbook
from cqs_sheets.destinations.excel.names import SEQUENCE
from cqs_sheets.destinations.excel.package import Draft, Package
from cqs_sheets.destinations.excel.style_merge import Merged, merge_styles
from cqs_sheets.destinations.excel.tables import read_table
from cqs_sheets.destinations.excel.workbook import Workbook
from cqs_sheets.destinations.excel.workbook_splice import (
    LINKS,
    STRICT_LINKS,
    is_protected,
    links_namespace,
    name_elements,
    with_names,
    with_sheets,
)
from cqs_sheets.destinations.excel.xmltext import attributes, canonical_part, with_attribute
from cqs_sheets.errors import DataRefused

_MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT_MAIN = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_PLACES = {
    "worksheet": "xl/worksheets/sheet{}.xml",
    "table": "xl/tables/table{}.xml",
    "comments": "xl/comments{}.xml",
    "styles": "xl/styles{}.xml",
}
_VML_PLACE = "xl/drawings/vmlDrawing{}.vml"

_ROOT = re.compile(rb"<workbook\b[^>]*>")
_OVERRIDE = re.compile(rb"<Override\s[^>]*>")
_TABLE = re.compile(rb"<table\s[^>]*>")
_FORMATTED = re.compile(rb"<(?:c|row|col)\s[^>]*>")
_CELL_FORMAT = re.compile(rb'(\s(?:s|style)=")(\d+)')
_RULE_FORMAT = re.compile(rb'(\sdxfId=")(\d+)')


def add_tabs(draft: Draft, template: Template, tabs: Sequence[str]) -> tuple[str, ...]:
    """Add the sheets of these template tabs behind those of the draft; returns what to tell the user.

    A sheet whose name is taken gets another (`Settings (2)`), so does a table; a name of the user's
    that a setting would have (`Equity`) stays theirs, and formulas then use it. Raises DataRefused if
    the workbook's structure is protected, or a name the sync would write to is the user's.
    """
    workbook = Workbook(draft)
    if is_protected(workbook.xml):
        raise DataRefused(
            "The workbook's structure is protected, so no sheet can be added to it.",
            meaning="Nothing was written; the signals stay in the journal.",
            hint="Unprotect it (Review > Protect Workbook) for one run, or name another target.",
        )
    return _Graft(draft, workbook).run(template, tabs)


class _Graft:
    """Carries the sheets of a workbook that openpyxl wrote over to another."""

    def __init__(self, draft: Draft, workbook: Workbook) -> None:
        self._draft = draft
        self._workbook = workbook
        self._links = links_namespace(workbook.xml)
        self._strict = self._links == STRICT_LINKS
        parts = {
            each.target
            for sheet in workbook.sheets
            for each in opc.relationships(draft, sheet.part)
            if each.kind == "table" and each.target in draft
        }
        self._tables = {read_table(draft, part).name for part in parts}
        self._table_id = max((_table_id(draft, part) for part in parts), default=0)
        # names that point nowhere any more may be made anew
        self._names = {key: name.name for key, name in workbook.global_names().items() if not name.deleted}

    def run(self, template: Template, tabs: Sequence[str]) -> tuple[str, ...]:
        theirs = self._settings_taken(template, tabs)
        made = build_workbook(
            template,
            tabs=tabs,
            taken=[name.name for name in self._workbook.names if not name.deleted] + [*self._tables],
            taken_sheets=self._workbook.order,
        )
        with Package.open(made) as package:
            donor = Draft(package)
            self._carry(donor, Workbook(donor))
        return tuple(
            f"The workbook has a name {name} of its own: formulas of the new tabs use what it stands for,"
            " not the cell of that name in Settings."
            for name in theirs
        )

    def _settings_taken(self, template: Template, tabs: Sequence[str]) -> list[str]:
        """The user's names that settings would have; DataRefused where that cannot be lived with."""
        settings = template.settings_tab
        if settings is None or settings.name not in tabs:
            return []
        tables = {name.lower() for name in self._tables}
        for setting in settings.settings:
            key = setting.name.lower()
            if key in tables or (setting.synced and key in self._names):
                raise DataRefused(
                    f"The workbook already has a {'table' if key in tables else 'name'} called {setting.name},"
                    f" as a setting of the template {template.name} is.",
                    meaning="Nothing was written; the signals stay in the journal.",
                    hint="Rename yours in Excel (Formulas > Name Manager), or name another target.",
                )
        return [setting.name for setting in settings.settings if setting.name.lower() in self._names]

    def _carry(self, donor: Draft, source: Workbook) -> None:
        styles = self._merge_styles(donor, source)
        sheets = []
        for sheet in source.sheets:
            part = self._carry_sheet(donor, sheet.part, styles)
            sheets.append((sheet.name, self._link(self._workbook.part, part, "worksheet")))
        elements = name_elements(source.xml, len(self._workbook.order))
        elements.pop(SEQUENCE)
        xml = with_sheets(self._workbook.xml, sheets)
        self._draft.put(
            self._workbook.part,
            with_names(xml, list(elements.values()), instead_of={*map(str.lower, elements)}),
        )

    def _merge_styles(self, donor: Draft, source: Workbook) -> Merged:
        added = donor.read(source.linked("styles") or "")
        part = self._workbook.linked("styles")
        if part is None:
            styles = Merged(canonical_part(added), 0, 0)
            new = self._add("styles", styles.xml)
            self._link(self._workbook.part, new, "styles")
            return styles
        styles = merge_styles(self._draft.read(part), added)
        self._draft.put(part, styles.xml)
        return styles

    def _carry_sheet(self, donor: Draft, part: str, styles: Merged) -> str:
        def formatted(tag: re.Match[bytes]) -> bytes:
            return _moved(tag[0], _CELL_FORMAT, styles.cell_formats)

        xml = _moved(_FORMATTED.sub(formatted, donor.read(part)), _RULE_FORMAT, styles.rule_formats)
        sheet = self._add("worksheet", xml)
        for each in opc.relationships(donor, part):
            content = donor.read(each.target)
            if each.kind == "table":
                self._table_id += 1
                content = _with_table_id(content, self._table_id)
            self._link(sheet, self._add(each.kind, content), each.kind, each.id)
        return sheet

    def _add(self, kind: str, content: bytes) -> str:
        """A part in the workbook's own dialect."""
        if kind not in _PLACES:
            name = free_part(self._draft, _VML_PLACE)
            add_default_type(self._draft, "vml", _VML_TYPE)
            self._draft.put(name, content)
            return name
        if self._strict:
            content = content.replace(_MAIN, _STRICT_MAIN).replace(LINKS.encode(), STRICT_LINKS.encode())
        name = free_part(self._draft, _PLACES[kind])
        add_part(self._draft, name, content, f"{_TYPES}{kind}+xml")
        return name

    def _link(self, owner: str, part: str, kind: str, link_id: str = "") -> str:
        return link(self._draft, owner, part, f"{self._links}/{kind}", link_id)


def _table_id(draft: Draft, part: str) -> int:
    match = _TABLE.search(canonical_part(draft.read(part)))
    return int(attributes(match[0]).get("id", "0")) if match else 0


def _with_table_id(xml: bytes, number: int) -> bytes:
    return _TABLE.sub(lambda match: with_attribute(match[0], "id", str(number)), xml, count=1)


def _moved(xml: bytes, pattern: re.Pattern[bytes], by: int) -> bytes:
    return pattern.sub(lambda match: match[1] + b"%d" % (int(match[2]) + by), xml)
