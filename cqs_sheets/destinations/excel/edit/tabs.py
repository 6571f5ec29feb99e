"""Tabs of a template added to a workbook that is there already.

They are drawn into a workbook of their own, and its parts are then carried over: new sheets, tables,
notes and charts as new parts, formats behind the workbook's own, names and sheets at the end of their
lists. What has a name or number keeps it, what comes takes another: a table
`Signals_2`. The tabs are drawn with those names, so that formulas, charts and rules speak of them; of tabs
that are not added they speak as the workbook has them. A setting whose name the user has given already
shows what theirs stands for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from cqs_sheets.core.templates.template import Setting, SettingsTab, Tab, Template, is_hidden
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.excel.parts import opc, splice
from cqs_sheets.destinations.excel.parts.opc import add_default_type, add_part, free_part, link
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.styles import EMPTY_STYLES, MergedStyles
from cqs_sheets.destinations.excel.parts.workbook import SEQUENCE, Workbook
from cqs_sheets.destinations.excel.parts.xmltext import attributes, canonical_part, whole, with_attribute
from cqs_sheets.destinations.excel.read.place import ColumnReferences
from cqs_sheets.errors import ROWS_WAIT, DataRefused
from cqs_sheets.patterns import regex
from cqs_sheets.values import replace

_MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT_MAIN = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_DRAWING = regex(rb"http://schemas\.openxmlformats\.org/drawingml/2006/(\w+)")
_STRICT_DRAWING = rb"http://purl.oclc.org/ooxml/drawingml/\1"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_TYPES = {
    "worksheet": f"{_OFFICE}spreadsheetml.worksheet+xml",
    "table": f"{_OFFICE}spreadsheetml.table+xml",
    "comments": f"{_OFFICE}spreadsheetml.comments+xml",
    "styles": f"{_OFFICE}spreadsheetml.styles+xml",
    "drawing": f"{_OFFICE}drawing+xml",
    "chart": f"{_OFFICE}drawingml.chart+xml",
}
_VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_PLACES = {
    "worksheet": "xl/worksheets/sheet{}.xml",
    "table": "xl/tables/table{}.xml",
    "comments": "xl/comments{}.xml",
    "vmlDrawing": "xl/drawings/vmlDrawing{}.vml",
    "drawing": "xl/drawings/drawing{}.xml",
    "chart": "xl/charts/chart{}.xml",
}
_USUAL_STYLES = "xl/styles.xml"

# They match numbers that count within a workbook, in tabs that we have drawn ourselves a moment ago: a table's id,
# formats of cells, rows, columns and rules, shapes. They are set to those of the workbook the tabs are brought into.
_TABLE = regex(rb"<table\s[^>]*>")
_FORMATTED = regex(rb"<(?:c|row|col)\s[^>]*>")
_CELL_FORMAT = regex(rb'(\s(?:s|style)=")(\d+)')
_SHAPES = regex(rb"""idmap\b[^>]*?\bdata\s*=\s*["']([\d,]+)["']""")
_SHAPE = regex(rb"_x0000_s(\d+)")
_SELECTED = regex(rb'\stabSelected="[^"]*"')
_RULE_FORMAT = regex(rb'(\sdxfId=")(\d+)')


def add_tabs(draft: Draft, template: Template, tabs: Mapping[str, str]) -> None:
    """Add the sheets of these template tabs (tab -> title) behind those of the draft.

    Raises DataRefused for a workbook that takes no sheets (protected, or shared in the old way), or
    whose formats cannot be extended safely.
    """
    workbook = Workbook(draft)
    if splice.is_protected(workbook.xml):
        raise _closed("its structure is protected", "Review > Protect Workbook")
    if any(link.kind == "revisionHeaders" for link in workbook.links):
        raise _closed("it is shared in the old way, with tracked changes", "Review > Unshare Workbook")
    _Graft(draft, workbook).run(template, tabs)


def _closed(why: str, menu: str) -> DataRefused:
    return DataRefused(
        f"No tab can be added to the workbook: {why}.",
        meaning=ROWS_WAIT,
        hint=f"Undo that in Excel ({menu}), or name another target.",
    )


def _mirrored(template: Template, taken: Collection[str]) -> Template:
    """The template with the user's settings whose names are taken showing what those stand for."""

    def setting(each: Setting) -> Setting:
        if each.synced or each.name.lower() not in taken:
            return each
        told = f"Your workbook has a name {each.name} of its own: its value is shown here, and used."
        return replace(each, value=None, formula=f"={each.name}", note=told)

    def tab(each: Tab) -> Tab:
        if not isinstance(each, SettingsTab):
            return each
        sections = [replace(part, settings=tuple(map(setting, part.settings))) for part in each.sections]
        return replace(each, sections=tuple(sections))

    return replace(template, tabs=tuple(map(tab, template.tabs)))


class _Graft:
    """Carries the sheets of a workbook that openpyxl wrote over to another."""

    def __init__(self, draft: Draft, workbook: Workbook) -> None:
        self._draft = draft
        self._workbook = workbook
        self._links = splice.links_namespace(workbook.xml)
        self._strict = self._links == splice.STRICT_LINKS
        parts = {
            each.target
            for sheet in workbook.sheets
            for each in opc.relationships(draft, sheet.part)
            if each.kind == "table" and each.target in draft
        }
        tags = [_table_tag(draft, part) for part in parts]
        self._tables = {tag.get("displayName", tag.get("name", "")) for tag in tags}
        self._table_id = max((whole(tag.get("id", "0")) for tag in tags), default=0)
        self._shapes = max(map(_last_shapes, _drawings(draft)), default=0)

    def run(self, template: Template, tabs: Mapping[str, str]) -> None:
        # names that point nowhere any more may be made anew
        names = [name.name for name in self._workbook.names if not name.deleted]
        taken = {name.lower() for name in (*names, *self._tables)}
        made = build_workbook(
            _mirrored(template, taken),
            tabs=tabs,
            taken=taken,
            titles=tabs,
            elsewhere=ColumnReferences(self._workbook, template),
        )
        hidden = [is_hidden(tab) for tab in template.tabs if tab.name in tabs]
        with Package.open(made) as package:
            donor = Draft(package)
            self._carry(donor, Workbook(donor), hidden)

    def _carry(self, donor: Draft, source: Workbook, hidden: Sequence[bool]) -> None:
        styles = self._merge_styles(donor, source)
        sheets = []
        for sheet, is_not_shown in zip(source.sheets, hidden, strict=True):
            part = self._carry_sheet(donor, sheet.part, styles)
            link_id = self._link(self._workbook.part, part, "worksheet")
            sheets.append(splice.NewSheet(sheet.name, link_id, is_not_shown))
        xml = splice.with_sheets(self._workbook.xml, sheets)
        added = _without_stamp(source.xml)
        self._draft.put(
            self._workbook.part, splice.with_names_of(xml, added, sheets_before=len(self._workbook.order))
        )

    def _merge_styles(self, donor: Draft, source: Workbook) -> MergedStyles:
        used = {
            int(number)
            for sheet in source.sheets
            for tag in _FORMATTED.findall(donor.read(sheet.part))
            for _, number in _CELL_FORMAT.findall(tag)
        }
        linked = next((each.target for each in self._workbook.links if each.kind == "styles"), None)
        part = linked or _USUAL_STYLES
        own = canonical_part(self._draft.read(part)) if part in self._draft else EMPTY_STYLES
        styles = MergedStyles(own, canonical_part(donor.read(source.linked("styles") or "")), used)
        self._add("styles", styles.xml, part)
        if linked is None:
            self._link(self._workbook.part, part, "styles")
        return styles

    def _carry_sheet(self, donor: Draft, part: str, styles: MergedStyles) -> str:
        def formatted(tag: re.Match[bytes]) -> bytes:
            return _numbered(tag[0], _CELL_FORMAT, styles.cells)

        xml = _numbered(_FORMATTED.sub(formatted, donor.read(part)), _RULE_FORMAT, styles.rules)
        sheet = self._add("worksheet", _SELECTED.sub(b"", xml))
        for each in opc.relationships(donor, part):
            content = donor.read(each.target)
            if each.kind == "table":
                self._table_id += 1
                content = _with_table_id(content, self._table_id)
            elif each.kind == "vmlDrawing":
                self._shapes += 1
                content = _with_shapes(content, self._shapes)
            new = self._add(each.kind, content)
            self._link(sheet, new, each.kind, each.id)
            if each.kind == "drawing":
                self._carry_charts(donor, each.target, new)
        return sheet

    def _carry_charts(self, donor: Draft, drawing: str, new: str) -> None:
        for each in opc.relationships(donor, drawing):
            self._link(new, self._add(each.kind, donor.read(each.target)), each.kind, each.id)

    def _add(self, kind: str, content: bytes, name: str | None = None) -> str:
        """A part in the workbook's own dialect, by default a new one; returns its name."""
        if self._strict:
            content = content.replace(_MAIN, _STRICT_MAIN).replace(
                splice.LINKS.encode(), splice.STRICT_LINKS.encode()
            )
            content = _DRAWING.sub(_STRICT_DRAWING, content)
        name = name or free_part(self._draft, _PLACES[kind])
        if kind == "vmlDrawing":
            add_default_type(self._draft, "vml", _VML_TYPE)
            self._draft.put(name, content)
        else:
            add_part(self._draft, name, content, _TYPES[kind])
        return name

    def _link(self, owner: str, part: str, kind: str, link_id: str = "") -> str:
        return link(self._draft, owner, part, f"{self._links}/{kind}", link_id)


def _table_tag(draft: Draft, part: str) -> dict[str, str]:
    """What a table is called, and its number: whether it is sound otherwise does not matter here."""
    match = _TABLE.search(canonical_part(draft.read(part)))
    return attributes(match[0]) if match else {}


def _with_table_id(xml: bytes, number: int) -> bytes:
    return _TABLE.sub(lambda match: with_attribute(match[0], "id", str(number)), xml, count=1)


def _drawings(draft: Draft) -> Iterator[bytes]:
    """The old-style drawings that hold notes."""
    return (draft.read(name) for name in draft.names if name.lower().endswith(".vml"))


def _last_shapes(drawing: bytes) -> int:
    """The highest thousand that a drawing numbers its shapes in."""
    return max((int(each) for data in _SHAPES.findall(drawing) for each in data.split(b",")), default=0)


def _with_shapes(drawing: bytes, thousand: int) -> bytes:
    """A drawing with its shapes numbered in a thousand (of 1,024) of its own, as Excel wants them."""
    drawing = _SHAPES.sub(lambda match: match[0].replace(match[1], b"%d" % thousand), drawing)
    return _SHAPE.sub(lambda match: b"_x0000_s%d" % (thousand * 1024 + int(match[1]) % 1024), drawing)


def _numbered(xml: bytes, pattern: re.Pattern[bytes], numbers: Mapping[int, int]) -> bytes:
    return pattern.sub(lambda match: match[1] + b"%d" % numbers[int(match[2])], xml)


def _without_stamp(xml: bytes) -> bytes:
    """A new workbook's part without its sequence: the one it is added to has its own, or none."""
    return re.sub(rb"<definedName name=\"%s\".*?</definedName>" % SEQUENCE.encode(), b"", xml)
