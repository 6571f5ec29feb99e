"""Developer metadata: as it crosses the wire, and how it is looked up."""

from __future__ import annotations

from typing import Any

from .a1 import Bounds
from .errors import Json, Refusal
from .model import Metadata, Sheet, Spreadsheet, bounds_of

_STARTS = {"ROWS": "row", "COLUMNS": "column"}


def metadata_json(entry: Metadata) -> Json:
    result: Json = {"metadataId": entry.id, "metadataKey": entry.key}
    if entry.value:
        result["metadataValue"] = entry.value
    return {**result, "location": _location_json(entry), "visibility": entry.visibility}


def _location_json(entry: Metadata) -> Json:
    """Tab 0 is not named inside a DimensionRange: so it was recorded for the like of it, GridRange."""
    if entry.axis:
        span: Json = {"sheetId": entry.sheet_id} if entry.sheet_id else {}
        span |= {"dimension": entry.axis, "startIndex": entry.index, "endIndex": entry.index + 1}
        return {"locationType": entry.kind, "dimensionRange": span}
    if entry.sheet_id is not None:
        return {"locationType": "SHEET", "sheetId": entry.sheet_id}
    return {"locationType": "SPREADSHEET", "spreadsheet": True}


def read_location(book: Spreadsheet, given: Json) -> tuple[int | None, str | None, int]:
    """(tab's id, axis, index) of a DeveloperMetadataLocation. Raises Refusal."""
    if "dimensionRange" in given:
        return _row_or_column(book, given["dimensionRange"])
    if "sheetId" in given:
        return book.sheet(given["sheetId"]).id, None, 0
    if given.get("spreadsheet"):
        return None, None, 0
    raise Refusal("A location must be specified.")


def _row_or_column(book: Spreadsheet, given: Json) -> tuple[int, str, int]:
    sheet = book.sheet(given.get("sheetId", 0))
    axis = given.get("dimension")
    if axis not in _STARTS:
        raise Refusal("No dimension specified.")
    if "startIndex" not in given or "endIndex" not in given:
        raise Refusal("DimensionRange must specify both a startIndex and an endIndex")
    if given["endIndex"] != given["startIndex"] + 1:
        raise Refusal("DimensionRange must represent a single row or column")
    if not 0 <= given["startIndex"] < sheet.count(axis):
        raise Refusal(f"DimensionRange.startIndex[{given['startIndex']}] is outside the grid")
    return sheet.id, axis, given["startIndex"]


def look_up(book: Spreadsheet, lookup: Json) -> list[Metadata]:
    """The entries that match a DeveloperMetadataLookup; an empty one matches all. Raises Refusal."""
    return [entry for entry in book.metadata if _plain_match(entry, lookup) and _placed(book, entry, lookup)]


def _plain_match(entry: Metadata, lookup: Json) -> bool:
    asked: dict[str, Any] = {
        "metadataId": entry.id,
        "metadataKey": entry.key,
        "metadataValue": entry.value,
        "visibility": entry.visibility,
        "locationType": entry.kind,
    }
    return all(lookup[name] == value for name, value in asked.items() if name in lookup)


def _placed(book: Spreadsheet, entry: Metadata, lookup: Json) -> bool:
    if "metadataLocation" not in lookup:
        return True
    strategy = lookup.get("locationMatchingStrategy", "")
    given = lookup["metadataLocation"]
    if given.get("spreadsheet") and strategy.startswith("INTERSECTING"):
        text = "DeveloperMetadataLookup.spreadsheet is true, but locationMatchingStrategy was specified as INTERSECTING"
        raise Refusal(text)
    sheet_id, axis, index = read_location(book, given)
    exact = (entry.sheet_id, entry.axis, entry.index) == (sheet_id, axis, index)
    if exact or strategy.startswith("EXACT") or sheet_id is None or entry.sheet_id != sheet_id:
        return exact
    return axis is None or (entry.axis is not None and entry.axis != axis)


def filtered(book: Spreadsheet, data_filter: Json) -> list[tuple[Sheet, Bounds]]:
    """The ranges a DataFilter selects. Raises Refusal."""
    if "a1Range" in data_filter:
        return [book.resolve(data_filter["a1Range"])]
    if "gridRange" in data_filter:
        given = data_filter["gridRange"]
        return [(book.sheet(given.get("sheetId", 0)), bounds_of(given))]
    found = look_up(book, data_filter.get("developerMetadataLookup", {}))
    if not found and book.switches.unmatched_lookups_refused:
        raise Refusal("No developer metadata matches the data filter.")
    return [place for entry in found if (place := _range_of(book, entry))]


def _range_of(book: Spreadsheet, entry: Metadata) -> tuple[Sheet, Bounds] | None:
    if entry.sheet_id is None:
        return None
    sheet = book.sheet(entry.sheet_id)
    if entry.axis == "ROWS":
        return sheet, Bounds(entry.index, entry.index + 1, None, None)
    if entry.axis == "COLUMNS":
        return sheet, Bounds(None, None, entry.index, entry.index + 1)
    return sheet, Bounds()


def search_filter(book: Spreadsheet, data_filter: Json) -> list[Metadata]:
    """What developerMetadata.search finds by one filter: by lookup, or lying on the ranges of the filter."""
    if "developerMetadataLookup" in data_filter:
        return look_up(book, data_filter["developerMetadataLookup"])
    places = filtered(book, data_filter)
    return [entry for entry in book.metadata if any(_lies_on(entry, *place) for place in places)]


def _lies_on(entry: Metadata, sheet: Sheet, bounds: Bounds) -> bool:
    if entry.sheet_id != sheet.id or entry.axis is None:
        return False
    rows = entry.axis == "ROWS"
    start, end = (bounds.top, bounds.bottom) if rows else (bounds.left, bounds.right)
    return (start or 0) <= entry.index and (end is None or entry.index < end)
