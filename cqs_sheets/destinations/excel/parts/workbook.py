"""The names by which a workbook remembers what is whose: hidden, workbook-scoped defined names.

`cqs.<tab>.<column id>` points at a column's header cell; Excel moves it with the column, renames it
with the sheet and turns it to #REF! when the column is deleted. `cqs.sequence` is a constant, and so
are `cqs.made.1`, `cqs.made.2`...: together the record of what was ever made there (core/plan/plan.py),
and `cqs.writes.1`...: the writes that the workbook descends from (core/plan/lineage.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import count, takewhile
from typing import NamedTuple

from cqs_sheets.core.plan.facts import Lineage, Made, Write, lineage_from, lineage_text, top
from cqs_sheets.core.plan.plan import record_from, record_text
from cqs_sheets.destinations.excel.parts import opc, xmltext
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import Area, quoted_sheet, split_sheet
from cqs_sheets.errors import DataRefused
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass

PREFIX = "cqs."
SEQUENCE = "cqs.sequence"
MADE = "cqs.made."
WRITES = "cqs.writes."

_NOT_ALLOWED = regex(r"[^\w.]")


def tab_prefix(tab: str) -> str:
    """What the names of all columns of a template's tab begin with."""
    return f"{PREFIX}{_NOT_ALLOWED.sub('_', tab)}."


def column_name(tab: str, column_id: str) -> str:
    """The defined name of a column's header cell; characters a name may not hold become `_`."""
    return tab_prefix(tab) + _NOT_ALLOWED.sub("_", column_id)


LONGEST_SHEET_NAME = 31

_NOT_IN_A_SHEET_NAME = regex(r"[\[\]:*?/\\\x00-\x1f]")
_NOT_IN_A_NAME = regex(r"[^\w.]")
_READS_AS_A_CELL = regex(r"(?i)[a-z]{1,3}[0-9]+|r[0-9]*(?:c[0-9]*)?|c[0-9]*|true|false")


def sheet_name(wanted: str, taken: Iterable[str] = ()) -> str:
    """`wanted` as the name of a sheet; `Signals (2)` if `taken` has it (case aside)."""
    name = _NOT_IN_A_SHEET_NAME.sub("_", wanted).strip("'") or "Sheet"
    used = {each.lower() for each in taken} | {"history"}  # Excel keeps that one for itself
    candidate, count = name[:LONGEST_SHEET_NAME], 1
    while candidate.lower() in used:
        count += 1
        suffix = f" ({count})"
        candidate = name[: LONGEST_SHEET_NAME - len(suffix)] + suffix
    return candidate


def table_name(wanted: str, taken: Iterable[str] = ()) -> str:
    """`wanted` as the name of a table; `Signals_2` if a table or a defined name in `taken` has it."""
    name = _NOT_IN_A_NAME.sub("_", wanted)[:200]
    if not name or not (name[0].isalpha() or name[0] == "_") or _READS_AS_A_CELL.fullmatch(name):
        name = f"_{name}"
    used = {each.lower() for each in taken}
    candidate, count = name, 1
    while candidate.lower() in used:
        count += 1
        candidate = f"{name}_{count}"
    return candidate


# They match the sheets, names and properties of a workbook part in canonical spelling, attributes in any order; a name
# without text is none of ours. A parser would write anew the rest of the part, which is Excel's and the user's.
_SHEET = regex(rb"<sheet\s[^>]*>")
_NAME = regex(rb"<definedName(\s[^>]*[^/])>(.*?)</definedName>", re.DOTALL)
# A name inside what another one stands for, which no program writes: an edit of the outer one would cut the inner.
_NESTED = regex(rb"<definedName\s[^>]*[^/]>[^<]*<definedName\b")
_NAMES = regex(rb"<definedNames(?:\s[^>]*)?(?:/>|>(.*?)</definedNames>)", re.DOTALL)
_PROPERTIES = regex(rb"<workbookPr\b[^>]*>")
_CALCULATION = regex(rb"<calcPr\b[^>]*>")
_BEFORE_NAMES = ("externalReferences", "functionGroups", "sheets")
_TRUE = ("1", "true", "on")
_LONGEST_TEXT = 120  # Excel takes 255 characters; doubled quotes may count as two


class Sheet(NamedTuple):
    """A sheet of the workbook: its name as the user sees it and its part."""

    name: str
    part: str


class CellAddress(NamedTuple):
    """Where a defined name of one cell points."""

    sheet: str
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class DefinedName:
    """A defined name and what it stands for; `local` is the sheet's index if only one sheet knows it."""

    name: str
    text: str
    local: int | None = None

    @property
    def deleted(self) -> bool:
        """Whether what it pointed at has been deleted."""
        return "#REF!" in self.text

    @property
    def cell(self) -> CellAddress | None:
        """The single cell it points at, if it does."""
        try:
            sheet, rest = split_sheet(self.text.lstrip("="))
            area = Area.parse(rest)
        except ValueError:
            return None
        return CellAddress(sheet, area.top, area.left)


NameChange = Callable[[str, str], str]
"""From what a name stands for, and the sheet it belongs to ("" for all), to what it shall stand for."""


@lru_cache(maxsize=2)  # a sync asks a dozen times, of the part as it was and as it becomes
def _names_of(xml: bytes) -> tuple[DefinedName, ...]:
    found = []
    for tag, text in _NAME.findall(xml):
        values = xmltext.attributes(tag)
        local = values.get("localSheetId")
        name = values.get("name", ""), xmltext.unescape(text)
        found.append(DefinedName(*name, None if local is None else xmltext.whole(local)))
    return tuple(found)


class Workbook:
    """The workbook part of a draft. Edits are written back to the draft by `save`."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.part = opc.workbook_part(draft)
        self._xml = xmltext.canonical_part(draft.read(self.part))
        self._before = self._xml
        if _NESTED.search(self._xml):
            raise DataRefused(
                "The workbook is damaged: a defined name stands inside another one.",
                meaning="Nothing was changed; the rows wait for the next sync.",
                hint="Open it in your spreadsheet program, save it, and run the sync again.",
            )
        links = {link.id: link for link in opc.relationships(draft, self.part)}
        self.sheets: list[Sheet] = []
        self.order: list[str] = []
        for tag in _SHEET.findall(self._xml):
            values = xmltext.attributes(tag)
            self.order.append(values.get("name", ""))
            link = links.get(next((text for name, text in values.items() if name.endswith(":id")), ""))
            if link is not None and link.kind == "worksheet" and link.target in draft:
                self.sheets.append(Sheet(values.get("name", ""), link.target))
        self.links = tuple(links.values())
        properties = _PROPERTIES.search(self._xml)
        self.epoch_1904 = (
            properties is not None and xmltext.attributes(properties[0]).get("date1904") in _TRUE
        )

    @property
    def xml(self) -> bytes:
        """The part as it stands."""
        return self._xml

    def sheet(self, name: str) -> Sheet | None:
        """The worksheet of that name (case does not matter, as in Excel)."""
        return next((sheet for sheet in self.sheets if sheet.name.lower() == name.lower()), None)

    def linked(self, kind: str) -> str | None:
        """The part the workbook links to by that kind, e.g. sharedStrings."""
        return next(
            (link.target for link in self.links if link.kind == kind and link.target in self.draft), None
        )

    @property
    def names(self) -> list[DefinedName]:
        """Every defined name."""
        return list(_names_of(self._xml))

    def global_names(self) -> dict[str, DefinedName]:
        """The workbook-scoped names by lower-case name."""
        return {name.name.lower(): name for name in self.names if name.local is None}

    @property
    def sequence(self) -> int | None:
        """The number our last write left."""
        name = self.global_names().get(SEQUENCE)
        text = name.text.strip().lstrip("=") if name else ""
        return xmltext.whole(text) if text.isascii() and text.isdigit() else None

    @property
    def lineage(self) -> Lineage:
        """The writes it descends from; one of version 0.1.0, which left a number alone, is the last of them."""
        sequence = self.sequence
        if sequence is None:
            return ()
        found = lineage_from(self._hidden_text(WRITES))
        older = tuple(write for write in found if write.number < sequence)
        return found if found and top(found).number == sequence else (*older, Write(sequence))

    def leave_stamp(self, lineage: Lineage) -> None:
        """Keep the writes it descends from, and the number of the last one."""
        self.set_hidden_name(SEQUENCE, str(top(lineage).number))
        self._set_hidden_text(WRITES, lineage_text(lineage))

    @property
    def made(self) -> Made | None:
        """The record of what we ever made here, None if there is none."""
        return record_from(self._hidden_text(MADE))

    def set_made(self, made: Made) -> None:
        """Keep the record."""
        self._set_hidden_text(MADE, record_text(made))

    def _hidden_text(self, prefix: str) -> str:
        names = self.global_names()
        kept = takewhile(bool, (names.get(f"{prefix}{number}") for number in count(1)))
        return "".join(name.text.lstrip("=")[1:-1].replace('""', '"') for name in kept if name)

    def _set_hidden_text(self, prefix: str, text: str) -> None:
        """Keep a text in pieces as long as a formula may hold one; pieces of a longer one before it are emptied."""
        pieces = [text[start : start + _LONGEST_TEXT] for start in range(0, len(text), _LONGEST_TEXT)]
        names = self.global_names()
        for number in count(len(pieces) + 1):
            if f"{prefix}{number}" not in names:
                break
            pieces.append("")
        for number, piece in enumerate(pieces, start=1):
            doubled = piece.replace('"', '""')
            self.set_hidden_name(f"{prefix}{number}", f'"{doubled}"')

    def set_hidden_name(self, name: str, text: str) -> None:
        """Make or change a workbook-scoped name; a new one is hidden."""
        self._set_name(name, text, b' hidden="1"')

    def _set_name(self, name: str, text: str, hidden: bytes) -> None:
        for match in _NAME.finditer(self._xml):
            values = xmltext.attributes(match[1])
            if values.get("name", "").lower() == name.lower() and "localSheetId" not in values:
                self._xml = self._xml[: match.start(2)] + xmltext.escape(text) + self._xml[match.end(2) :]
                return
        self._insert_name(
            b'<definedName name="%s"%s>%s</definedName>'
            % (xmltext.escape_attribute(name), hidden, xmltext.escape(text))
        )

    def bind(self, name: str, cell: CellAddress, *, hidden: bool = True) -> None:
        """Let a name point at a cell; one that is new is hidden, or for the user and formulas to see."""
        area = Area(cell.row, cell.column, cell.row, cell.column)
        text = f"{quoted_sheet(cell.sheet)}!{area.absolute}"
        self._set_name(name, text, b' hidden="1"' if hidden else b"")

    def remove_names(self, prefix: str) -> None:
        """Remove the workbook-scoped names that are `prefix` and one more word."""

        def kept(match: re.Match[bytes]) -> bytes:
            values = xmltext.attributes(match[1])
            name = values.get("name", "").lower()
            gone = name.startswith(prefix.lower()) and "." not in name[len(prefix) :]
            return b"" if gone and "localSheetId" not in values else match[0]

        self._xml = _NAME.sub(kept, self._xml)

    def map_names(self, change: NameChange) -> None:
        """Rewrite what every name stands for."""

        def changed(match: re.Match[bytes]) -> bytes:
            values = xmltext.attributes(match[1])
            local = values.get("localSheetId")
            home = (
                self.order[xmltext.whole(local)]
                if local is not None and 0 <= xmltext.whole(local) < len(self.order)
                else ""
            )
            before = xmltext.unescape(match[2])
            after = change(before, home)
            opened = match[0][: match.start(2) - match.start()]
            return match[0] if after == before else opened + xmltext.escape(after) + b"</definedName>"

        self._xml = _NAME.sub(changed, self._xml)

    def recalculate_on_load(self) -> None:
        """Have Excel compute every formula when it opens the file."""
        match = _CALCULATION.search(self._xml)
        if match:
            tag = xmltext.with_attribute(match[0], "fullCalcOnLoad", "1")
            self._xml = self._xml[: match.start()] + tag + self._xml[match.end() :]
        else:
            at = self._end_of("definedNames", *_BEFORE_NAMES)
            self._xml = self._xml[:at] + b'<calcPr fullCalcOnLoad="1"/>' + self._xml[at:]

    def drop_calculation_chain(self) -> None:
        """Leave out the order of calculation: Excel makes it anew."""
        if chain := self.linked("calcChain"):
            opc.drop_part(self.draft, self.part, chain)

    def save(self) -> None:
        """Put the part into the draft if it has changed."""
        if self._xml != self._before:
            self.draft.put(self.part, self._xml)
            self._before = self._xml

    def _insert_name(self, element: bytes) -> None:
        match = _NAMES.search(self._xml)
        if match and match[1] is not None:
            at = match.end(1)
            self._xml = self._xml[:at] + element + self._xml[at:]
            return
        block = b"<definedNames>" + element + b"</definedNames>"
        if match:
            self._xml = self._xml[: match.start()] + block + self._xml[match.end() :]
            return
        at = self._end_of(*_BEFORE_NAMES)
        self._xml = self._xml[:at] + block + self._xml[at:]

    def _end_of(self, *elements: str) -> int:
        for element in elements:
            tag = element.encode()
            if (match := re.search(rb"<%s(?:\s[^>]*)?/>|</%s\s*>" % (tag, tag), self._xml)) is not None:
                return match.end()
        end = self._xml.rfind(b"</workbook")
        if end < 0:
            raise xmltext.Malformed("the end of the workbook part", None)
        return end
