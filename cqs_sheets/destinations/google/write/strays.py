"""What a write put into columns that had moved, where Google does not let it hold them.

Such a write marks the columns where it takes them to be. The marks stay on what was really hit, so that
a search afterwards tells, whatever moves then: a cell of a row that was there gets back what stood in it,
a new row is blanked and comes anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cqs_sheets.core.cells import same
from cqs_sheets.core.plan.plan import Add
from cqs_sheets.core.templates.template import ColumnKind, TableTab
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.cells import Line, decode, encode, entered, read_boxes
from cqs_sheets.destinations.google.read.layout import Cell, Layout, TabPlace, volume_of
from cqs_sheets.destinations.google.read.marks import Entry, placed, search
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.destinations.google.wire.sheets_http import Spreadsheet
from cqs_sheets.destinations.google.write.batches import Batch, Composer
from cqs_sheets.destinations.google.write.newrows import area
from cqs_sheets.destinations.google.write.patches import Misplaced, Patch, kept_cell
from cqs_sheets.values import dataclass, replace

Lines = Mapping[tuple[int, int], Line]
_FORMULA = {"formulaValue": "="}


@dataclass(frozen=True, slots=True)
class Strays:
    """Where a write really put the columns of one tab, by column id; `moved` are those that it missed."""

    place: TabPlace
    at: Mapping[str, int]
    moved: frozenset[str]
    formulas: frozenset[str]  # columns of ours that new rows have a formula in

    def doubts(self, wrong: Misplaced) -> bool:
        """Whether what a patch hit must be found out anew: its column was missed, or that of the keys."""
        return (
            wrong.patch.cell.sheet_id == self.place.sheet_id
            and wrong.patch.undoes is None
            and (wrong.patch.column in self.moved or _key(self.place) in self.moved)
        )


def strays_of(spreadsheet: Spreadsheet, batch: Batch, composer: Composer) -> list[Strays]:
    """The tabs of a batch with columns that it missed, by one search."""
    entries = list(placed(search(spreadsheet) or []))
    return [
        found
        for place in batch.after.tabs.values()
        if (found := _strays(place, entries, _formulas(composer, place))).moved
    ]


def left_moved(spreadsheet: Spreadsheet, layout: Layout) -> list[str]:
    """Sheets whose last write hit columns that had moved, and whose sync ended before it could put that right.

    A sync that goes on marks anew what it puts right, so that its marks and the columns are one again.
    """
    entries = list(placed(search(spreadsheet) or []))
    return [place.title for place in layout.tabs.values() if _strays(place, entries, frozenset()).moved]


def _formulas(composer: Composer, place: TabPlace) -> frozenset[str]:
    tab = composer.template.tab(volume_of(place.name)[0])
    if not isinstance(tab, TableTab) or tab.name in composer.users_own:
        return frozenset()
    return frozenset(column.id for column in tab.columns if column.kind is ColumnKind.FORMULA)


def _strays(place: TabPlace, entries: Sequence[Entry], formulas: frozenset[str]) -> Strays:
    prefix = f"{place.mark}."
    pins, columns = (
        {
            entry.value.removeprefix(prefix): entry.index
            for entry in entries
            if entry.key == key and entry.sheet_id == place.sheet_id and entry.value.startswith(prefix)
        }
        for key in (marks.AT, marks.COLUMN)
    )
    moved = frozenset(column for column, at in pins.items() if columns.get(column) != at)
    return Strays(place, pins, moved, formulas)


def mistakes_of(
    spreadsheet: Spreadsheet,
    strays: Strays,
    batch: Batch,
    adds: Sequence[Add],
    fresh: Layout,
    wrong: Sequence[Misplaced],
) -> list[Misplaced]:
    """What must be taken back in one tab, as it stands in `fresh`. One read.

    `wrong` are the patches that hit another row, by the keys in the column that was taken for theirs.
    """
    place = fresh.sheet(strays.place.sheet_id)
    if place is None:
        return []
    patches = [
        patch
        for patch in batch.patches
        if patch.cell.sheet_id == place.sheet_id and patch.column in strays.moved and not patch.undoes
    ]
    columns = [Cell(sheet_id=place.sheet_id, row=0, column=at) for at in strays.at.values()]
    boxes = [area(cell, place.row_count) for cell in columns]
    boxes += [area(kept_cell(patch, batch.after)) for patch in patches]
    lines = read_boxes(spreadsheet, boxes)
    keyed = _key(strays.place) not in strays.moved
    found = {(each.patch.key, each.patch.column): each.found for each in wrong} if keyed else {}
    return [
        *_of_patches(patches, strays, place, batch.after, lines, found),
        *_of_new_rows(adds, strays, place, lines, keyed=keyed),
    ]


def _key(place: TabPlace) -> str:
    return next((column for column, at in place.columns.items() if at == place.key_column), "")


def _of_patches(
    patches: Sequence[Patch],
    strays: Strays,
    place: TabPlace,
    after: Layout,
    lines: Lines,
    found: Mapping[tuple[str, str], str | None],
) -> Iterator[Misplaced]:
    for patch in patches:
        key = found.get((patch.key, patch.column), patch.key)
        at = strays.at[patch.column]
        for row in place.rows.get(key or "", ())[:1]:
            if same(entered(patch.content), decode(lines.get((place.sheet_id, row), {}).get(at))):
                kept = kept_cell(patch, after)
                stood = encode(decode(lines.get((kept.sheet_id, kept.row), {}).get(kept.column)))
                yield Misplaced(patch=patch, found=key, before=stood, at=at)


def _of_new_rows(
    adds: Sequence[Add], strays: Strays, place: TabPlace, lines: Lines, *, keyed: bool
) -> Iterator[Misplaced]:
    """Every cell of the rows that hold, in the columns that were hit, what was written of a new row."""
    for add in adds:
        written = {column: encode(add.values.get(column)) for column in strays.at if column in add.values}
        for row in range(place.header_row + 1, place.row_count):
            line = lines.get((place.sheet_id, row), {})
            if line and all(
                same(entered(content), decode(line.get(strays.at[column])))
                for column, content in written.items()
            ):
                yield from (
                    Misplaced(patch=patch, found=add.key if keyed else None, before={}, at=at)
                    for column, at in strays.at.items()
                    if (patch := _written(add, column, written, strays, row))
                )
                break


def _written(add: Add, column: str, written: Mapping[str, Json], strays: Strays, row: int) -> Patch | None:
    """What was written of a column into a new row; None if nothing was."""
    content = written.get(column) or (_FORMULA if column in strays.formulas else None)
    if not content:
        return None
    cell = Cell(sheet_id=strays.place.sheet_id, row=row, column=strays.place.columns[column])
    key_column = strays.place.key_column
    return Patch(tab=add.tab, key=add.key, column=column, cell=cell, key_column=key_column, content=content)


def with_columns(wrong: Sequence[Misplaced], strays: Sequence[Strays]) -> list[Misplaced]:
    """Undoings that hit another cell, with the column that they really hit."""
    moved = {(each.place.sheet_id, column): each.at[column] for each in strays for column in each.moved}
    return [
        replace(each, at=moved.get((each.patch.cell.sheet_id, each.patch.column), each.at)) for each in wrong
    ]
