"""A spreadsheet and its tabs; a copy is cheap, so that a batch works on one and is thrown away if it fails."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field, replace
from datetime import datetime

from .a1 import Bounds, Box, name_bounds, parse_cells, split_title
from .errors import Json, Refusal
from .grid import Grid

MAX_CELLS = 10_000_000
MAX_COLUMNS = 18_278
OBJECT_LISTS = (
    "merges",
    "conditionalFormats",
    "filterViews",
    "protectedRanges",
    "charts",
    "bandedRanges",
    "tables",
    "rowGroups",
    "columnGroups",
)


@dataclass(frozen=True, slots=True)
class Switches:
    """Where the evidence is thin, both behaviours; the defaults are what was seen or stated.

    metadata_follows_sort: one live probe of 2026 saw row metadata go with its row's values.
    formats_count_as_data: appendCells also looks at formats, notes and validations; unknown.
    new_rows_inherit: rows added at the end take formats and validations of the row above; unknown.
    copies_hidden_rows: copyPaste minds no filter; one user found rows that a filter hides left out.
    unmatched_lookups_refused: reading by a metadata lookup that finds nothing is an error; values are
    read without one, for the rest it is unknown.
    lookups_show_own_metadata: what a filter selects does not limit the spreadsheet's own metadata; unknown.
    lookups_show_other_metadata: nor the metadata of the rows and columns that it selects; the guide reads
    as if only what matched came back.
    blocks: a tab's cells come in one block for each filter or range ("each"), in the first one's only
    ("first"), or in one that spans them all ("merged"); unknown.
    ids_return_within_batch: a metadata id that a batch frees is free for the rest of it; unknown.
    answers_show: a write's answer has data for all ranges that it was asked for ("all"), the first, or none.
    duplicates_keep_metadata: a duplicated tab carries that of the original, under new ids; unknown.
    pastes_pile_up_rules: a normal paste adds the source's conditional formats to the target's; unknown.
    formulas_paste_values: pasting formulas pastes cells without one, too, as the screen's menu does.
    partial_merges_refused: a copy that cuts a merge is refused, as the screen does; unknown.
    tables_grow: a row inserted right below a table becomes part of it; users found that it does not.
    """

    metadata_follows_sort: bool = True
    formats_count_as_data: bool = False
    new_rows_inherit: bool = True
    copies_hidden_rows: bool = True
    unmatched_lookups_refused: bool = False
    lookups_show_own_metadata: bool = True
    lookups_show_other_metadata: bool = True
    blocks: str = "each"
    ids_return_within_batch: bool = True
    answers_show: str = "all"
    duplicates_keep_metadata: bool = False
    pastes_pile_up_rules: bool = False
    formulas_paste_values: bool = True
    partial_merges_refused: bool = False
    tables_grow: bool = False


@dataclass(frozen=True, slots=True)
class Metadata:
    """Developer metadata; `axis` is ROWS or COLUMNS with `index`, else the tab or the spreadsheet."""

    id: int
    key: str
    value: str
    visibility: str
    sheet_id: int | None = None
    axis: str | None = None
    index: int = 0

    @property
    def kind(self) -> str:
        if self.axis:
            return "ROW" if self.axis == "ROWS" else "COLUMN"
        return "SPREADSHEET" if self.sheet_id is None else "SHEET"


@dataclass(slots=True)
class Sheet:
    """One tab: properties, cells, sizes of rows and columns, and everything that lies on ranges."""

    properties: Json
    grid: Grid = field(default_factory=Grid)
    rows: dict[int, Json] = field(default_factory=dict)
    columns: dict[int, Json] = field(default_factory=dict)
    objects: dict[str, list[Json]] = field(default_factory=dict)
    basic_filter: Json | None = None

    @property
    def id(self) -> int:
        number: int = self.properties["sheetId"]
        return number

    @property
    def title(self) -> str:
        text: str = self.properties["title"]
        return text

    def listed(self, kind: str) -> list[Json]:
        """The objects of one kind (`merges`, `charts`, …), to be changed in place."""
        return self.objects.setdefault(kind, [])

    def sizes(self, axis: str) -> dict[int, Json]:
        return self.rows if axis == "ROWS" else self.columns

    def count(self, axis: str) -> int:
        return self.grid.row_count if axis == "ROWS" else self.grid.column_count

    def copy(self) -> Sheet:
        objects, basic_filter = copy.deepcopy((self.objects, self.basic_filter))
        return Sheet(
            copy.deepcopy(self.properties),
            self.grid.copy(),
            dict(self.rows),
            dict(self.columns),
            objects,
            basic_filter,
        )

    def box(self, bounds: Bounds) -> Box:
        """Clipped to the grid. Raises Refusal when it starts outside."""
        rows, columns = self.grid.row_count, self.grid.column_count
        top, left = bounds.top or 0, bounds.left or 0
        if top >= rows or left >= columns:
            name = name_bounds(self.title, bounds)
            raise Refusal(f"Range ({name}) exceeds grid limits. Max rows: {rows}, max columns: {columns}")
        bottom = rows if bounds.bottom is None else min(bounds.bottom, rows)
        right = columns if bounds.right is None else min(bounds.right, columns)
        return Box(top, max(top, bottom), left, max(left, right))


@dataclass(slots=True)
class Spreadsheet:
    """A file of tabs; `access` is what the caller may do: writer, reader or none.

    `kind` is "sheet", or what else a file in Drive may be: "office" or "other".
    """

    id: str
    properties: Json
    created: datetime
    modified: datetime
    switches: Switches
    sheets: list[Sheet] = field(default_factory=list)
    named_ranges: list[Json] = field(default_factory=list)
    metadata: list[Metadata] = field(default_factory=list)
    access: str = "writer"
    kind: str = "sheet"
    owner: str = "sync@emulator.iam.gserviceaccount.com"
    trashed: bool = False
    next_id: int = 1
    ids_before: frozenset[int] = frozenset()  # of metadata, when the batch that is carried out began

    def copy(self) -> Spreadsheet:
        return replace(
            self,
            properties=copy.deepcopy(self.properties),
            sheets=[sheet.copy() for sheet in self.sheets],
            named_ranges=copy.deepcopy(self.named_ranges),
            metadata=self.metadata[:],
        )

    def new_id(self) -> int:
        """An id for anything but cells: random-looking, the same in every run."""
        self.next_id += 1
        return random.Random(self.next_id).randrange(10_000_000, 2_000_000_000)  # noqa: S311

    def sheet(self, sheet_id: int) -> Sheet:
        for sheet in self.sheets:
            if sheet.id == sheet_id:
                return sheet
        raise Refusal(f"No grid with id: {sheet_id}")

    def tab(self, title: str) -> Sheet | None:
        return next((sheet for sheet in self.sheets if sheet.title.casefold() == title.casefold()), None)

    def grid_range(self, given: Json) -> tuple[Sheet, Box]:
        """A GridRange, clipped. Raises Refusal for an unknown tab or a start outside the grid."""
        sheet = self.sheet(given.get("sheetId", 0))
        return sheet, sheet.box(bounds_of(given))

    def resolve(self, text: str) -> tuple[Sheet, Bounds]:
        """A1 notation, a tab's title, a named range or a table. Raises Refusal as the service words it."""
        title, cells = split_title(text)
        sheet = self.tab(title) if title is not None else None
        if title is None:
            found = self._named(text) or self._unqualified(text)
        elif sheet:
            bounds = parse_cells(cells) if cells else Bounds()
            found = (sheet, bounds) if bounds else self._named(cells)
        else:
            found = None
        if found:
            return found
        raise Refusal(f"Unable to parse range: {text}")

    def _named(self, name: str) -> tuple[Sheet, Bounds] | None:
        for named in self.named_ranges:
            if named["name"].casefold() == name.casefold():
                return self.sheet(named["range"].get("sheetId", 0)), bounds_of(named["range"])
        return None

    def _unqualified(self, text: str) -> tuple[Sheet, Bounds] | None:
        sheet = self.tab(text)
        if sheet:
            return sheet, Bounds()
        bounds = parse_cells(text)
        return (self.sheets[0], bounds) if bounds else None

    def check_size(self) -> None:
        """Raises Refusal beyond the limits of a workbook."""
        cells = sum(sheet.grid.row_count * sheet.grid.column_count for sheet in self.sheets)
        if cells > MAX_CELLS:
            raise Refusal(
                f"This action would increase the number of cells in the workbook above the limit of {MAX_CELLS} cells."
            )
        if any(sheet.grid.column_count > MAX_COLUMNS for sheet in self.sheets):
            raise Refusal(
                "This action would increase the number of columns in the sheet above the limit of "
                f"{MAX_COLUMNS} columns."
            )


def bounds_of(given: Json) -> Bounds:
    """The bounds of a GridRange."""
    return Bounds(
        given.get("startRowIndex"),
        given.get("endRowIndex"),
        given.get("startColumnIndex"),
        given.get("endColumnIndex"),
    )


def wire_range(sheet_id: int, bounds: Bounds | Box) -> Json:
    """A GridRange as stored: always with the tab's id."""
    edges = {
        "startRowIndex": bounds.top,
        "endRowIndex": bounds.bottom,
        "startColumnIndex": bounds.left,
        "endColumnIndex": bounds.right,
    }
    return {"sheetId": sheet_id, **{name: edge for name, edge in edges.items() if edge is not None}}
