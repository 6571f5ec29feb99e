"""Addresses as a formula spells them; Google itself counts rows and columns from 0."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Literal, TypeVar

from cqs_sheets.core import grid
from cqs_sheets.core.cells import CellValue, looks_like_id
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Facts, MarkedTab, SheetFacts, Spot
from cqs_sheets.core.plan.plan import record_from
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations.google.read.marks import Mark, lineage_of
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.values import dataclass, field, replace

Axis = Literal["Row", "Column"]


def column_letters(index: int) -> str:
    """0 -> A, 26 -> AA."""
    return grid.column_letters(index + 1)


def quoted(title: str) -> str:
    """A tab's title in front of a `!`."""
    return "'" + title.replace("'", "''") + "'"


OBJECTS = "basicFilter(range,filterSpecs,tableId),tables(tableId,range)"
"""What a sheet is asked for so that TabPlace.beside can tell of it."""


def _settable(given: Mapping[str, Any]) -> Json | None:
    """The filter as it can be set anew; one that belongs to a table cannot be."""
    if not given or given.get("tableId"):
        return None
    return {"range": given.get("range", {}), "filterSpecs": given.get("filterSpecs", [])}


def hides(given: Json | None) -> bool:
    """Whether a filter hides rows by itself."""
    return given is not None and bool(given["filterSpecs"])


def shifted(given: Json | None, axis: Axis, index: int, many: int, *, joins: bool = False) -> Json | None:
    """The same filter once `many` rows or columns were inserted at `index`; see `_stretched`."""
    if given is None:
        return None
    specs = given["filterSpecs"]
    if axis == "Column":
        specs = [
            spec | {"columnIndex": spec["columnIndex"] + many}
            if spec.get("columnIndex", 0) >= index
            else spec
            for spec in specs
        ]
    return {"range": _stretched(given["range"], axis, index, many, joins=joins), "filterSpecs": specs}


def _stretched(span: Json, axis: Axis, index: int, many: int, *, joins: bool) -> Json:
    """A range once `many` rows or columns were inserted at `index`; right behind it only if that `joins`."""
    start, end = f"start{axis}Index", f"end{axis}Index"
    moved = {start: span.get(start, -1) >= index, end: span.get(end, -1) >= index + (not joins)}
    return {edge: value + many * moved.get(edge, False) for edge, value in span.items()}


@dataclass(frozen=True, slots=True)
class NativeTable:
    """A table's id and its GridRange, of which no edge is left out."""

    id: str
    range: Json

    def shifted(self, axis: Axis, index: int, many: int) -> NativeTable:
        """The same once rows or columns were inserted at `index`: those inside and right behind belong to it."""
        span = self.range
        if axis == "Row":  # rows of ours that stand below it come to belong to it, too
            span = {**span, "endRowIndex": max(span["endRowIndex"], index)}
        return replace(self, range=_stretched(span, axis, index, many, joins=True))

    def set_range(self) -> Json:
        """The request that makes it lie where it is meant to."""
        return {"updateTable": {"table": {"tableId": self.id, "range": self.range}, "fields": "range"}}


def _tables_over(sheet: Json, header_row: int, columns: Collection[int]) -> Iterator[NativeTable]:
    """The tables that hold headers of ours: one as a rule, but each may hold some of our columns only."""
    for each in sheet.get("tables", []):
        table = NativeTable(each["tableId"], {edge: each.get("range", {}).get(edge, 0) for edge in _EDGES})
        _, top, bottom, left, right = table.range.values()
        if top <= header_row < bottom and any(left <= at < right for at in columns):
            yield table


_EDGES = ("sheetId", "startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell's place; rows and columns count from 0 everywhere in this package."""

    sheet_id: int
    row: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TabPlace:
    """A table tab as it stands. `rows`: key -> every row it stands in. `end` is behind the last keyed row.

    A tab that grew too large goes on in others (see write/batches.py), each with a place of its own.

    `ids` are those of the metadata on its columns; none in a tab just made or found by its headers
    (`bound` False: no metadata lies on it yet). `mark` is what metadata calls it.
    """

    name: str
    mark: str
    sheet_id: int
    title: str
    header_row: int
    key_column: int
    columns: Mapping[str, int]
    rows: Mapping[str, Sequence[int]]
    end: int
    row_count: int
    column_count: int
    ids: Mapping[str, int] = field(default_factory=dict)
    bound: bool = True
    filter: Json | None = None  # Google's, if it can be set anew
    tables: tuple[NativeTable, ...] = ()  # Google's own that lie over the rows
    models: frozenset[int] = frozenset()  # columns of the user's own formulas that new rows are to have
    patterns: frozenset[int] = frozenset()  # columns of prices that they gave a number format

    def with_rows(self, rows: Mapping[str, Sequence[int]]) -> TabPlace:
        """The same with these keyed rows."""
        return replace(self, rows=rows, end=1 + _last_row(rows, self.header_row))

    def beside(self, sheet: Json) -> TabPlace:
        """The same with the filter and the tables of Google's that lie there."""
        tables = tuple(_tables_over(sheet, self.header_row, self.columns.values()))
        return replace(self, filter=_settable(sheet.get("basicFilter", {})), tables=tables)

    def respelt(self, keys: Mapping[str, str]) -> TabPlace:
        """The same with `keys` for texts that stand for them."""
        if keys.keys().isdisjoint(self.rows):
            return self
        return replace(self, rows={keys.get(text, text): rows for text, rows in self.rows.items()})

    def identified(self, ids: Mapping[str, int]) -> TabPlace:
        """The same with our metadata on its columns; `ids` of it by "<tab>.<column id>"."""
        return replace(
            self, bound=True, ids={column: ids[f"{self.mark}.{column}"] for column in self.columns}
        )

    def grown(self, index: int, keys: Sequence[str]) -> TabPlace:
        """The same after a row was inserted at `index` for each key."""
        many = len(keys)
        moved = {key: [row + many * (row >= index) for row in rows] for key, rows in self.rows.items()}
        for row, key in enumerate(keys, start=index):
            moved.setdefault(key, []).append(row)
        return replace(
            self,
            rows=moved,
            end=max(self.end, index) + many,
            row_count=self.row_count + many,
            filter=shifted(self.filter, "Row", index, many),
            tables=tuple(table.shifted("Row", index, many) for table in self.tables),
        )


def _last_row(rows: Mapping[str, Sequence[int]], header_row: int) -> int:
    """The last row of ours: a total, a note or another table further down in the column of ids is no part of it.

    Such a thing begins with a word that is no id, with a blank above it or no id below it.
    """
    keys = {row: key for key, found in rows.items() for row in found if row > header_row}
    last = header_row
    for row in sorted(keys):
        if not looks_like_id(keys[row]) and (row - 1 not in keys or not looks_like_id(keys.get(row + 1, ""))):
            if row > header_row + 1:
                break
            continue
        last = row
    return last


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A tab that carries our marks; without a `place` they are of no use, and `lost` says why.

    `columns`: column id -> position. `copied`: the marks were made for another tab, of which this is a copy.
    """

    sheet_id: int
    title: str
    columns: Mapping[str, int]
    header_row: int = 0
    place: TabPlace | None = None
    lost: str = ""
    copied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The hidden tab that keeps what a write replaces until it is verified; see write/patches.py."""

    sheet_id: int
    title: str
    row_count: int
    column_count: int
    notes: tuple[str, ...] = ()


T = TypeVar("T")

_VOLUME = "#"  # not " ": a template may well have tabs "Signals" and "Signals 2"


def volume_name(tab: str, number: int) -> str:
    """The name of a tab's first, second... volume, as metadata has it."""
    return tab if number == 1 else f"{tab}{_VOLUME}{number}"


def volume_of(name: str) -> tuple[str, int]:
    """The template's tab and the number of a volume."""
    tab, _, number = name.partition(_VOLUME)
    return tab, int(number or 1)


def _volumes(found: Mapping[str, T], tab: str) -> Iterator[T]:
    """What is known of a tab's volumes, in their order, up to the first of which nothing is."""
    for number in count(1):
        name = volume_name(tab, number)
        if name not in found:
            return
        yield found[name]


def volume_title(name: str) -> str:
    """What a volume is called on the screen."""
    return name.replace(_VOLUME, " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A spreadsheet at one moment; `title` is its own.

    `sequence` is None if we never wrote there. `names` are its named cells, `values` the values of
    those in a column we read. `titles` and `grids` (tab id -> rows and columns) are known only if the
    spreadsheet was asked for them. `record` says what we ever made there (see core.plan.plan); "" if nothing
    does. `claims` are the tabs that carry marks, by what these call them; `tabs` those of them that are bound.
    """

    title: str = ""
    marks: tuple[Mark, ...] = ()
    claims: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    tabs: Mapping[str, TabPlace] = field(default_factory=dict)
    names: Mapping[str, Cell] = field(default_factory=dict)
    values: Mapping[Cell, CellValue] = field(default_factory=dict)
    scratch: Scratch | None = None
    titles: frozenset[str] | None = None
    grids: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    record: str = ""
    spelt: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # tab -> text of a key cell -> its key
    loose: bool = False  # columns cannot be held: a write is compared with them afterwards

    def facts(self, marks: Iterable[str]) -> Facts:
        """What the core has to know of it to bind tabs: those that are called `marks`."""
        sheets = {each.sheet_id: each.title for found in self.claims.values() for each in found}
        return Facts(
            exists=True,
            sequence=self.sequence,
            lineage=lineage_of(self.marks),
            version=self.version,
            sheets=tuple(SheetFacts(id=str(id_), title=title) for id_, title in sheets.items()),
            marks={
                mark: tuple(tuple(map(_marked, claims)) for claims in found)
                for mark in marks
                if (found := list(_volumes(self.claims, mark)))
            },
            made=record_from(self.record),
        )

    def bound(self, bindings: Bindings, adopted: Mapping[str, TabPlace]) -> Layout:
        """The same with the tabs that `bindings` name, and those that were `adopted` without marks.

        What was made since the bindings were worked out is among them.
        """
        tabs = dict(adopted)
        for tab in bindings.template.tabs:
            if isinstance(tab, TableTab) and tab.name not in adopted:
                known = bindings.tabs.get(tab.name, ())
                tabs |= {
                    place.name: place for place in self._places(tab, [int(each.sheet) for each in known])
                }
        return replace(self, tabs=tabs)

    def _places(self, tab: TableTab, sheets: Sequence[int]) -> Iterator[TabPlace]:
        """The volumes of a tab, the first of them on `sheets`."""
        for number, claims in enumerate(_volumes(self.claims, tab.mark_name), start=1):
            places = [each.place for each in claims if each.place and not each.copied]
            if len(sheets) >= number:
                places = [place for place in places if place.sheet_id == sheets[number - 1]]
            if len(places) != 1:
                return
            yield replace(places[0], name=volume_name(tab.name, number))

    def respelt(self, spelt: Mapping[str, Mapping[str, str]]) -> Layout:
        """The same, where keys are known that were changed in their cells."""
        if not spelt:
            return self
        tabs = {name: place.respelt(spelt.get(volume_of(name)[0], {})) for name, place in self.tabs.items()}
        return replace(self, spelt=spelt, tabs=tabs)

    def volumes(self, tab: str) -> Iterator[TabPlace]:
        """The places of a template's tab, in the order in which they were filled."""
        return _volumes(self.tabs, tab)

    def holder(self, tab: str, key: str) -> TabPlace | None:
        """The place of the tab that has a row of that key."""
        return next((place for place in self.volumes(tab) if key in place.rows), None)

    def sheet(self, sheet_id: int) -> TabPlace | None:
        """The table tab of that id."""
        return next((place for place in self.tabs.values() if place.sheet_id == sheet_id), None)

    @property
    def sequence(self) -> int | None:
        """The number of the newest write."""
        return self.marks[-1].sequence if self.marks else None

    @property
    def version(self) -> str:
        """Names the newest write: a person's edits do not count, they are looked at when we write."""
        return f"{self.marks[-1].sequence}/{self.marks[-1].nonce}" if self.marks else ""

    @property
    def cells(self) -> int:
        """The cells of the tabs that are known, blank ones included."""
        scratch = self.scratch.row_count * self.scratch.column_count if self.scratch else 0
        return scratch + sum(place.row_count * place.column_count for place in self.tabs.values())


def _marked(claim: Claim) -> MarkedTab:
    return MarkedTab(
        columns={
            column: Spot(str(claim.sheet_id), claim.header_row + 1, at + 1)
            for column, at in claim.columns.items()
        },
        lost=claim.lost,
        copied=claim.copied,
    )
