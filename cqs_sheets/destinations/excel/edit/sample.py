"""How new columns look: their tab drawn anew, each column where the workbook has it, to copy from.

The sample's rows are not the workbook's, its columns are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from cqs_sheets.core.grid import column_number
from cqs_sheets.core.templates.template import Column, ColumnKind, TableTab, Template
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.excel.parts import opc
from cqs_sheets.destinations.excel.parts.cellxml import CellXml, cells_of
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.references import Area
from cqs_sheets.destinations.excel.parts.rowstream import Part, pieces
from cqs_sheets.destinations.excel.parts.splice import items
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.parts.xmltext import attributes, canonical_part
from cqs_sheets.destinations.excel.read.place import TabPlace
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field, replace

# They match what we have drawn ourselves with openpyxl a moment ago, in its spelling: columns, rules with the number
# that their formula was given as a mark, validations, shapes of notes. What is taken is copied as it stands.
_COLUMN = regex(rb"<col\s[^>]*>")
_RULE = regex(rb"<cfRule\s[^>]*?dxfId=\"(\d+)\"[^>]*>\s*<formula>1=(\d+)</formula>")
_VALIDATION = regex(rb"<dataValidation\s[^>]*?(?:/>|>.*?</dataValidation>)", re.DOTALL)
_SHAPE = regex(rb"<(?P<tag>\w+:shape)\s.*?</(?P=tag)>", re.DOTALL)
_SHAPE_COLUMN = regex(rb"<\w+:Column>(\d+)</")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The new columns of a drawn tab, by position: cells, widths, validations, notes and their shapes.

    `rules` maps the number of a rule in the template to its conditional format. Formats are indexes
    into `styles`.
    """

    styles: bytes
    above: Mapping[int, CellXml] = field(default_factory=dict)
    headers: Mapping[int, CellXml] = field(default_factory=dict)
    blanks: Mapping[int, CellXml] = field(default_factory=dict)
    columns: Mapping[int, bytes] = field(default_factory=dict)
    validations: Mapping[int, bytes] = field(default_factory=dict)
    notes: Mapping[int, tuple[bytes, bytes]] = field(default_factory=dict)
    rules: Mapping[int, int] = field(default_factory=dict)

    @property
    def formats(self) -> set[int]:
        """Every cell format that is used."""
        cells = (*self.above.values(), *self.headers.values(), *self.blanks.values())
        styles = [attributes(tag).get("style") for tag in self.columns.values()]
        return {cell.style or 0 for cell in cells} | {int(style) for style in styles if style}


def draw_sample(template: Template, place: TabPlace, new: Mapping[str, int]) -> Sample:
    """Draw the tab of a place with `new` columns (id -> position, right of all others)."""
    tab = _as_it_stands(place, new)
    tabs = tuple(tab if each.name == place.tab.name else each for each in template.tabs)
    if tab.name not in {each.name for each in tabs}:
        tabs = (*tabs, tab)  # the tab is a later volume of one that was full
    with Package.open(build_workbook(replace(template, tabs=tabs), tabs=[tab.name])) as package:
        draft = Draft(package)
        return _taken(draft, tab, set(new.values()))


def _as_it_stands(place: TabPlace, new: Mapping[str, int]) -> TableTab:
    """The tab as the workbook has it: deleted columns left out, the user's own as fillers, rules numbered.

    Only new columns are in groups, so that the first of them is titled with its own.
    """
    by_position = {at: place.tab.column(id_) for id_, at in {**place.columns, **new}.items()}
    titles: dict[int, str] = {}
    if place.table:
        titles = {at: column.name for at, column in enumerate(place.table.columns, place.table.area.left)}
    columns = []
    for at in range(1, max(new.values()) + 1):
        column = by_position.get(at) or Column(id=f"filler_{at}", header="", kind=ColumnKind.INPUT)
        group = column.group if column.id in new else ""
        columns.append(replace(column, header=titles.get(at, column.header), group=group))
    rules = [
        replace(rule, on=tuple(id_ for id_ in rule.on if id_ in new), when=f"=1={number}")
        for number, rule in enumerate(place.tab.rules)
    ]
    return replace(place.tab, columns=tuple(columns), rules=tuple(rule for rule in rules if rule.on))


def _taken(draft: Draft, tab: TableTab, new: Collection[int]) -> Sample:
    workbook = Workbook(draft)
    part = workbook.sheets[0].part
    head = rows = tail = b""
    for piece in pieces(draft.chunks(part)):
        if piece.part is Part.HEAD:
            head = piece.text
        elif piece.part is Part.ROWS:
            rows += piece.text
        else:
            tail = piece.text
    header = 1 if tab.plain else 2
    cells = [(column_number(cell.column.decode()), cell) for cell in cells_of(rows)]
    by_row = {row: {at: cell for at, cell in cells if cell.row == row and at in new} for row in range(4)}
    widths = {int(attributes(tag)["min"]): tag for tag in _COLUMN.findall(head)}
    return Sample(
        styles=canonical_part(draft.read(workbook.linked("styles") or "")),
        above=by_row[header - 1],
        headers=by_row[header],
        blanks=by_row[header + 1],
        columns={at: tag for at, tag in widths.items() if at in new},
        validations={at: xml for at, xml in _validations(tail) if at in new},
        notes={at: note for at, note in _notes(draft, part) if at in new},
        rules={int(number): int(index) for index, number in _RULE.findall(tail)},
    )


def _validations(tail: bytes) -> Iterator[tuple[int, bytes]]:
    for xml in _VALIDATION.findall(tail):
        yield Area.parse(attributes(_tag(xml)).get("sqref", "").split(" ")[0]).left, xml


def _notes(draft: Draft, part: str) -> Iterator[tuple[int, tuple[bytes, bytes]]]:
    """Notes and the shapes they are shown in."""
    links = {each.kind: each.target for each in opc.relationships(draft, part)}
    if "comments" not in links:
        return
    drawn = (match[0] for match in _SHAPE.finditer(draft.read(links["vmlDrawing"])))
    shapes = {int(match[1]) + 1: shape for shape in drawn if (match := _SHAPE_COLUMN.search(shape))}
    for xml in items(canonical_part(draft.read(links["comments"])), "commentList"):
        at = Area.parse(attributes(_tag(xml))["ref"]).left
        yield at, (xml, shapes[at])


def _tag(xml: bytes) -> bytes:
    return xml[: xml.index(b">") + 1]
