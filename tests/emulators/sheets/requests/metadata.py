"""Developer metadata: create, update, delete."""

from __future__ import annotations

from dataclasses import replace

from tests.emulators.sheets.errors import Json, Refusal
from tests.emulators.sheets.masks import update_mask
from tests.emulators.sheets.metadata import look_up, metadata_json, read_location
from tests.emulators.sheets.model import Metadata, Spreadsheet


def create(book: Spreadsheet, body: Json) -> Json:
    given = body.get("developerMetadata", {})
    if not given.get("metadataKey"):
        raise Refusal("metadataKey must be specified.")
    if given.get("visibility") not in ("DOCUMENT", "PROJECT"):
        raise Refusal("visibility must be specified.")
    number = given.get("metadataId") or book.new_id()
    taken = {entry.id for entry in book.metadata}
    if not book.switches.ids_return_within_batch:
        taken |= book.ids_before
    if number in taken:
        raise Refusal(f"DeveloperMetadata with id {number} already exists.")
    place = read_location(book, given.get("location", {}))
    entry = Metadata(
        number, given["metadataKey"], given.get("metadataValue", ""), given["visibility"], *place
    )
    book.metadata.append(entry)
    return {"developerMetadata": metadata_json(entry)}


def update(book: Spreadsheet, body: Json) -> Json:
    mask = update_mask(body.get("fields"), "DeveloperMetadata")
    given = body.get("developerMetadata", {})
    changed = []
    for entry in _found(book, body.get("dataFilters", [])):
        new = entry
        if "metadataKey" in mask:
            new = replace(new, key=given.get("metadataKey", ""))
        if "metadataValue" in mask:
            new = replace(new, value=given.get("metadataValue", ""))
        if "visibility" in mask:
            new = replace(new, visibility=given.get("visibility", "DOCUMENT"))
        if "location" in mask:
            sheet_id, axis, index = read_location(book, given.get("location", {}))
            new = replace(new, sheet_id=sheet_id, axis=axis, index=index)
        book.metadata[book.metadata.index(entry)] = new
        changed.append(metadata_json(new))
    return {"developerMetadata": changed} if changed else {}


def _found(book: Spreadsheet, filters: list[Json]) -> list[Metadata]:
    found = {
        entry.id: entry for one in filters for entry in look_up(book, one.get("developerMetadataLookup", {}))
    }
    return list(found.values())


def delete(book: Spreadsheet, body: Json) -> Json:
    gone = look_up(book, body.get("dataFilter", {}).get("developerMetadataLookup", {}))
    book.metadata = [entry for entry in book.metadata if entry not in gone]
    return {"deletedDeveloperMetadata": [metadata_json(entry) for entry in gone]} if gone else {}


HANDLERS = {
    "createDeveloperMetadata": create,
    "updateDeveloperMetadata": update,
    "deleteDeveloperMetadata": delete,
}
