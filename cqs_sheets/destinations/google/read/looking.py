"""The first read: one request that shows where everything stands, and all keys.

Only the key column, the header row and the metadata of columns cross the wire: about 55 bytes a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cqs_sheets.core.cells import CellValue, key_text
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.cells import decode_extended
from cqs_sheets.destinations.google.read.layout import OBJECTS, Cell, Claim, Layout, Scratch, TabPlace
from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.shapes import Json, filters_by, grid_range, sheet_id_of
from cqs_sheets.destinations.google.wire.sheets_http import Spreadsheet
from cqs_sheets.errors import ROWS_WAIT, DataRefused
from cqs_sheets.values import replace

CELLS = (
    f"{OBJECTS},data(startRow,startColumn,rowData(values(effectiveValue)),"
    "columnMetadata(developerMetadata(metadataId,metadataKey,metadataValue)))"
)
SHEETS = f"sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),{CELLS})"
NAMES = "namedRanges(name,range)"
_NAMED = "namedRanges"
_OWN = "developerMetadata(metadataId,metadataKey,metadataValue)"
_FIELDS = f"properties(title),{_OWN},{NAMES},{SHEETS}"
_FILTERS = [marks.lookup(key) for key in (marks.KEY, marks.HEADER, marks.SCRATCH)]
_ALWAYS_THERE = 2  # of those, once we have written
_READ_WHOLE = (marks.KEY, marks.SCRATCH)  # the columns that are
_LOOKS = 3  # while somebody rearranges between two questions


def look(spreadsheet: Spreadsheet, *, written: bool = False) -> Layout:
    """The spreadsheet as it stands now, empty if none of our marks is there. Raises CqsError.

    One request, if Google shows with it all that must be there; up to three where it does not. `written`
    says that we did write there, so that showing nothing at all is too little.
    """
    for _ in range(_LOOKS):
        answer = _asked(spreadsheet)
        if answer is not None:
            layout = read_layout(answer)
            blank = not answer.get("sheets") and not layout.marks
            if _is_whole(answer, layout) or (blank and not written):
                return layout
        searched = _searched(spreadsheet, answer or {})
        if searched is not None:
            return searched
    raise unreadable()


def look_briefly(spreadsheet: Spreadsheet) -> Layout:
    """The title and the marks of the spreadsheet itself: which write was the last. Raises CqsError."""
    return read_layout(spreadsheet.read(f"properties(title),{_OWN}"))


def _asked(spreadsheet: Spreadsheet) -> Json | None:
    """The answer to a look; None if it is refused, as a lookup that finds nothing may be."""
    for filters in (_FILTERS, _FILTERS[:_ALWAYS_THERE]):
        try:
            answer = spreadsheet.ask(_FIELDS, ":getByDataFilter", {"dataFilters": filters})
        except failures.Refused:
            continue
        if "developerMetadata" not in answer and answer.get("sheets"):
            answer |= spreadsheet.read(_OWN)
        return answer
    return None


def _is_whole(answer: Json, layout: Layout) -> bool:
    """Whether a look showed all that was to be seen: a table's columns, in its header row as well."""
    across = {
        entry.id
        for sheet in answer.get("sheets", [])
        for block in sheet.get("data", [])
        if marks.is_row(block)
        for entry in marks.shown({"sheets": [{**sheet, "data": [block]}]})
    }
    claims = [claim for found in layout.claims.values() for claim in found]
    places = [claim.place for claim in claims if claim.place]
    return (
        bool(layout.marks and claims)
        and len(places) == len(claims)
        and all(
            place.ids[column] in across
            for place in places
            for column, at in place.columns.items()
            if at == place.key_column
        )
        and all(
            marks.column_block(sheet, entry.index)
            for sheet in answer.get("sheets", [])
            for entry in marks.shown({"sheets": [sheet]})
            if entry.key in _READ_WHOLE
        )
    )


def _searched(spreadsheet: Spreadsheet, answer: Json) -> Layout | None:
    """The layout by a search for our metadata, joined with an answer that left something out.

    None if it has changed in between. Raises DataRefused where what is there cannot be found.
    """
    found = marks.search(spreadsheet)
    if found is None:
        answer |= spreadsheet.read(_OWN)
    if not found:
        if marks.read_marks(answer.get("developerMetadata", [])) or answer.get("sheets"):
            raise unreadable()
        return Layout(title=_title(answer))
    entries = list(marks.placed(found))
    columns = [entry for entry in entries if entry.key in _READ_WHOLE]
    sheets = {sheet_id_of(sheet): sheet for sheet in answer.get("sheets", [])}
    if any(not marks.column_block(sheets.get(entry.sheet_id, {}), entry.index) for entry in columns):
        whole = _columns(spreadsheet, columns)
        if whole is None:
            return None
        answer = whole
    elif _NAMED not in answer:
        answer |= spreadsheet.read(NAMES)
    located = [entry for entry in found if entry.get("location", {}).get("dimensionRange")]
    own = [entry for entry in found if entry not in located]
    return read_layout({**answer, "developerMetadata": own}, entries)


def _columns(spreadsheet: Spreadsheet, columns: Sequence[marks.Entry]) -> Json | None:
    """An answer with those columns, asked for by their places; None if one is not there any more."""
    areas = [grid_range(entry.sheet_id, columns=range(entry.index, entry.index + 1)) for entry in columns]
    try:
        answer = spreadsheet.ask(f"{NAMES},{SHEETS}", ":getByDataFilter", filters_by(areas))
    except failures.Refused:
        return None
    seen = {entry.id for entry in marks.shown(answer)}
    there = {sheet_id_of(sheet): sheet for sheet in answer.get("sheets", [])}
    for entry in columns:
        if not marks.column_block(there.get(entry.sheet_id, {}), entry.index) or (
            seen and entry.id not in seen
        ):
            return None
    return answer


def read_layout(answer: Json, entries: Sequence[marks.Entry] | None = None) -> Layout:
    """The layout in an answer to `look`; `entries` are those of a search, if it showed too little."""
    known = list(marks.shown(answer)) if entries is None else entries
    claims: dict[str, tuple[Claim, ...]] = {}
    values: dict[Cell, CellValue] = {}
    scratch: Scratch | None = None
    for sheet in answer.get("sheets", []):
        there = [entry for entry in known if entry.sheet_id == sheet_id_of(sheet)]
        if any(entry.key == marks.SCRATCH for entry in there):
            scratch = _scratch(sheet, there)
            continue
        name, claim = _tab(sheet, there)
        if claim:
            claims[name] = (*claims.get(name, ()), claim)
        else:
            values |= dict(_column_values(sheet, there))
    own = answer.get("developerMetadata", [])
    records = (entry.get("metadataValue", "") for entry in own if entry["metadataKey"] == marks.RECORD)
    return Layout(
        title=_title(answer),
        marks=marks.read_marks(own),
        record=next(records, ""),
        loose=any(entry["metadataKey"] == marks.LOOSE for entry in own),
        claims=claims,
        names=dict(read_names(answer)),
        values=values,
        scratch=scratch,
    )


def _title(answer: Json) -> str:
    return str(answer.get("properties", {}).get("title", ""))


def read_names(answer: Json) -> Iterator[tuple[str, Cell]]:
    """The named ranges of a spreadsheet, each by its first cell; names in lower case."""
    for named in answer.get("namedRanges", []):
        span = named.get("range", {})
        row, column = span.get("startRowIndex", 0), span.get("startColumnIndex", 0)
        yield named["name"].lower(), Cell(sheet_id=span.get("sheetId", 0), row=row, column=column)


def _bound_columns(there: Sequence[marks.Entry]) -> dict[str, marks.Entry]:
    """What lies on the columns of a tab, by "<tab>.<column id>"."""
    found: dict[str, marks.Entry] = {}
    for entry in there:
        if entry.key == marks.COLUMN:
            found.setdefault(entry.value, entry)
    return found


def _scratch(sheet: Json, there: Sequence[marks.Entry]) -> Scratch:
    properties = sheet["properties"]
    grid = properties["gridProperties"]
    column = next(entry.index for entry in there if entry.key == marks.SCRATCH)
    rows = (row for row in (marks.column_block(sheet, column) or {}).get("rowData", []) if row.get("values"))
    texts = (decode_extended(row["values"][0]) for row in rows)
    return Scratch(
        notes=tuple(text for text in texts if isinstance(text, str)),
        sheet_id=sheet_id_of(sheet),
        title=properties["title"],
        row_count=grid["rowCount"],
        column_count=grid["columnCount"],
    )


def _tab(sheet: Json, there: Sequence[marks.Entry]) -> tuple[str, Claim | None]:
    """A table tab's name and what it claims; None for a tab of another kind."""
    columns = _bound_columns(there)
    key = _key(there)
    header = next((entry for entry in there if entry.key == marks.HEADER), None)
    if key is None:
        name = next(iter(columns), "").rpartition(".")[0]
        lost = "the column with the signals' ids was deleted"
        return name, _claim(sheet, name, columns, header, lost=lost) if columns else None
    name, made_for = marks.tab_and_sheet(key.value)
    if not any(
        value.rpartition(".")[0] == name and entry.index == key.index for value, entry in columns.items()
    ):
        return name, None  # a column that is read, but holds no keys: settings
    copied = made_for not in (None, sheet_id_of(sheet))
    if header is None:
        lost = "its header row was deleted"
        return name, _claim(sheet, name, columns, header, lost=lost, copied=copied)
    claim = _claim(sheet, name, columns, header, copied=copied)
    return name, replace(claim, place=_place(name, sheet, key, header, columns))


def _key(there: Sequence[marks.Entry]) -> marks.Entry | None:
    """The mark on the column of keys; a copy that was adopted carries that of the original as well."""
    keys = [entry for entry in there if entry.key == marks.KEY]
    own = (entry for entry in keys if marks.tab_and_sheet(entry.value)[1] in (None, entry.sheet_id))
    return next(own, keys[0] if keys else None)


def _claim(
    sheet: Json, name: str, columns: Mapping[str, marks.Entry], header: marks.Entry | None, *,
    lost: str = "", copied: bool = False,
) -> Claim:  # fmt: skip
    return Claim(
        sheet_id=sheet_id_of(sheet),
        title=sheet["properties"]["title"],
        header_row=header.index if header else 0,
        columns={column: entry.index for column, entry in _own(name, columns).items()},
        lost=lost,
        copied=copied,
    )


def _own(mark: str, columns: Mapping[str, marks.Entry]) -> dict[str, marks.Entry]:
    """The columns of one tab, by their ids."""
    return {
        value.removeprefix(f"{mark}."): entry
        for value, entry in columns.items()
        if value.startswith(f"{mark}.")
    }


def _place(
    mark: str, sheet: Json, key: marks.Entry, header: marks.Entry, columns: Mapping[str, marks.Entry]
) -> TabPlace:
    own = _own(mark, columns)
    properties = sheet["properties"]
    places = {column: entry.index for column, entry in own.items()}
    return (
        TabPlace(
            name=mark,
            mark=mark,
            sheet_id=sheet_id_of(sheet),
            title=properties["title"],
            header_row=header.index,
            key_column=key.index,
            columns=places,
            ids={column: entry.id for column, entry in own.items()},
            rows={},
            end=header.index + 1,
            row_count=properties["gridProperties"]["rowCount"],
            column_count=properties["gridProperties"]["columnCount"],
        )
        .beside(sheet)
        .with_rows(keyed_rows(marks.column_block(sheet, key.index) or {}))
    )


def keyed_rows(block: Json) -> dict[str, list[int]]:
    """Every row with something in the key column: the header too, as a careless sort may move it."""
    rows: dict[str, list[int]] = {}
    for row, data in enumerate(block.get("rowData", [])):
        cells = data.get("values")
        key = key_text(decode_extended(cells[0])) if cells else None
        if key is not None:
            rows.setdefault(key, []).append(row)
    return rows


def _column_values(sheet: Json, there: Sequence[marks.Entry]) -> Iterator[tuple[Cell, CellValue]]:
    """The values of a settings tab's column."""
    sheet_id = sheet_id_of(sheet)
    for key in there:
        if key.key != marks.KEY:
            continue
        for row, data in enumerate((marks.column_block(sheet, key.index) or {}).get("rowData", [])):
            if cells := data.get("values"):
                yield Cell(sheet_id=sheet_id, row=row, column=key.index), decode_extended(cells[0])


def unreadable() -> DataRefused:
    """Marks that are there, while Google does not show what they lie on: a second tab is never made in silence."""
    return DataRefused(
        "The spreadsheet was written by cqs-sheets before, but Google does not show where its columns are.",
        meaning=ROWS_WAIT,
        hint="Run it again; if this stays, restore a version (File, Version history) and report it.",
    )
