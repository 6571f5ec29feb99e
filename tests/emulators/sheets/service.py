"""The methods of the Sheets API, each on the store."""

from __future__ import annotations

from collections.abc import Callable

from .a1 import Bounds
from .calls import Answer, Call
from .errors import Json, Refusal, invalid, not_found
from .masks import below, project, wants
from .metadata import filtered, metadata_json, search_filter
from .model import Sheet, Spreadsheet
from .reading import sheet_properties, spreadsheet_json
from .requests import apply_requests
from .requests.cells import update_cells
from .requests.sheets import copy_of, new_sheet
from .store import Store, blank_sheet
from .values import Look, Written, append_range, clear_range, read_range, totals, write_range

Place = tuple[Sheet, Bounds]


class SheetsService:
    """`methods` maps ids of the discovery document to what they do; each takes a Call under the store's lock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        book, values = "sheets.spreadsheets.", "sheets.spreadsheets.values."
        self.methods: dict[str, Callable[[Call], Answer]] = {
            book + "create": self._create,
            book + "get": self._get,
            book + "getByDataFilter": self._get_by_data_filter,
            book + "batchUpdate": self._batch_update,
            book + "sheets.copyTo": self._copy_to,
            book + "developerMetadata.get": self._metadata_get,
            book + "developerMetadata.search": self._metadata_search,
            values + "get": self._values_get,
            values + "batchGet": self._values_batch_get,
            values + "batchGetByDataFilter": self._values_batch_get_by_data_filter,
            values + "update": self._values_update,
            values + "batchUpdate": self._values_batch_update,
            values + "batchUpdateByDataFilter": self._values_batch_update_by_data_filter,
            values + "append": self._values_append,
            values + "clear": self._values_clear,
            values + "batchClear": self._values_batch_clear,
            values + "batchClearByDataFilter": self._values_batch_clear_by_data_filter,
        }

    def _create(self, call: Call) -> Answer:
        given = call.body
        book = self.store.new_book(given.get("properties", {}).get("title") or "Untitled spreadsheet")
        book.properties = {**book.properties, **given.get("properties", {})}
        book.properties["title"] = book.properties["title"] or "Untitled spreadsheet"
        try:
            for index, sheet in enumerate(given.get("sheets", [])):
                _fill(book, new_sheet(book, sheet.get("properties", {})), sheet.get("data", []), index)
        except Refusal as refusal:
            del self.store.books[book.id]
            raise invalid(str(refusal)) from None
        if not book.sheets:
            book.sheets.append(blank_sheet())
        return Answer(spreadsheet_json(book, call.mask, self.store.evaluator))

    def _get(self, call: Call) -> Answer:
        book = self.store.book(call.spreadsheet_id)
        ranges = call.parameters.get("ranges")
        places = [_resolve(book, text) for text in ranges] if ranges else None
        grid = call.parameters.get("includeGridData", False)
        return Answer(self._shown(book, call, places, grid=grid))

    def _shown(
        self,
        book: Spreadsheet,
        call: Call,
        places: list[Place] | None,
        *,
        grid: bool,
        matched: set[int] | None = None,
    ) -> Json:
        try:
            return spreadsheet_json(book, call.mask, self.store.evaluator, places, grid=grid, matched=matched)
        except Refusal as refusal:
            raise invalid(str(refusal)) from None

    def _get_by_data_filter(self, call: Call) -> Answer:
        book = self.store.book(call.spreadsheet_id)
        filters = call.body.get("dataFilters", [])
        places = _filtered(book, filters)
        matched = None
        if not book.switches.lookups_show_other_metadata:
            matched = {entry.id for one in filters for entry in search_filter(book, one)}
        grid = call.body.get("includeGridData", False)
        return Answer(self._shown(book, call, places, grid=grid, matched=matched))

    def _batch_update(self, call: Call) -> Answer:
        body = call.body
        with self.store.changing(call.spreadsheet_id) as draft:
            replies = apply_requests(draft, body.get("requests", []))
            result: Json = {"spreadsheetId": draft.id, "replies": replies}
            if body.get("includeSpreadsheetInResponse") and wants(call.mask, "updatedSpreadsheet"):
                asked = [_resolve(draft, text) for text in body.get("responseRanges", [])]
                shows = {"all": len(asked), "first": 1, "nothing": 0}[draft.switches.answers_show]
                places = asked[:shows] if asked else None
                inner = below(call.mask, "updatedSpreadsheet")
                grid = body.get("responseIncludeGridData", False)
                shown = spreadsheet_json(draft, inner, self.store.evaluator, places, grid=grid)
                return Answer({**project(result, call.mask), "updatedSpreadsheet": shown})
        return Answer(project(result, call.mask))

    def _copy_to(self, call: Call) -> Answer:
        source_book = self.store.book(call.spreadsheet_id)
        try:
            source = source_book.sheet(int(call.parameters["sheetId"]))
            with self.store.changing(call.body.get("destinationSpreadsheetId", "")) as draft:
                title = f"Copy of {source.title}"
                sheet = copy_of(draft, source, {"title": title})
                return Answer(project(sheet_properties(draft, sheet), call.mask))
        except Refusal as refusal:
            raise invalid(str(refusal)) from None

    def _metadata_get(self, call: Call) -> Answer:
        book = self.store.book(call.spreadsheet_id)
        for entry in book.metadata:
            if str(entry.id) == str(call.parameters["metadataId"]):
                return Answer(project(metadata_json(entry), call.mask))
        raise not_found()

    def _metadata_search(self, call: Call) -> Answer:
        book = self.store.book(call.spreadsheet_id)
        matched: dict[int, Json] = {}
        for data_filter in call.body.get("dataFilters", []):
            try:
                found = search_filter(book, data_filter)
            except Refusal as refusal:
                raise invalid(str(refusal)) from None
            for entry in found:
                known = matched.setdefault(
                    entry.id, {"developerMetadata": metadata_json(entry), "dataFilters": []}
                )
                known["dataFilters"].append(data_filter)
        result: Json = {"matchedDeveloperMetadata": list(matched.values())} if matched else {}
        return Answer(project(result, call.mask))

    def _values_get(self, call: Call) -> Answer:
        book = self.store.book(call.spreadsheet_id)
        place = _resolve(book, call.parameters["range"])
        return Answer(project(self._read(book, place, Look.of(call.parameters)), call.mask))

    def _read(self, book: Spreadsheet, place: Place, look: Look) -> Json:
        try:
            return read_range(book, *place, look, self.store.evaluator)
        except Refusal as refusal:
            raise invalid(str(refusal)) from None

    def _values_batch_get(self, call: Call) -> Answer:
        book = self.store.book(call.spreadsheet_id)
        look = Look.of(call.parameters)
        places = [_resolve(book, text) for text in call.parameters.get("ranges", [])]
        result: Json = {"spreadsheetId": book.id}
        if places:
            result["valueRanges"] = [self._read(book, place, look) for place in places]
        return Answer(project(result, call.mask))

    def _values_batch_get_by_data_filter(self, call: Call) -> Answer:
        book = self.store.book(call.spreadsheet_id)
        look = Look.of(call.body)
        found = [
            {"valueRange": self._read(book, place, look), "dataFilters": [data_filter]}
            for data_filter in call.body.get("dataFilters", [])
            for place in _filtered(book, [data_filter])
        ]
        result: Json = {"spreadsheetId": book.id, **({"valueRanges": found} if found else {})}
        return Answer(project(result, call.mask))

    def _values_update(self, call: Call) -> Answer:
        _check_option(call.parameters)
        with self.store.changing(call.spreadsheet_id) as draft:
            place = _resolve(draft, call.parameters["range"])
            written = _write(
                draft, place, call.parameters["range"], call.body, call.parameters["valueInputOption"]
            )
            reply = self._with_data(draft, written, call.parameters)
        return Answer(project(reply, call.mask))

    def _with_data(self, book: Spreadsheet, written: Written, options: Json) -> Json:
        reply = written.reply(book)
        if not options.get("includeValuesInResponse"):
            return reply
        box = written.box
        where = Bounds(box.top, box.bottom, box.left, box.right)
        return {**reply, "updatedData": self._read(book, (written.sheet, where), Look.of_response(options))}

    def _values_batch_update(self, call: Call) -> Answer:
        _check_option(call.body)
        with self.store.changing(call.spreadsheet_id) as draft:
            given = [(_resolve(draft, one.get("range", "")), one) for one in call.body.get("data", [])]
            result = self._write_all(draft, given, call.body)
        return Answer(project(result, call.mask))

    def _write_all(self, draft: Spreadsheet, given: list[tuple[Place, Json]], body: Json) -> Json:
        option = body["valueInputOption"]
        writes = [
            _write(draft, place, one.get("range", ""), one, option, index)
            for index, (place, one) in enumerate(given)
        ]
        replies = [self._with_data(draft, written, body) for written in writes]
        return {"spreadsheetId": draft.id, **totals(writes), "responses": replies}

    def _values_batch_update_by_data_filter(self, call: Call) -> Answer:
        _check_option(call.body)
        with self.store.changing(call.spreadsheet_id) as draft:
            given = [
                (place, one)
                for one in call.body.get("data", [])
                for place in _filtered(draft, [one.get("dataFilter", {})])
            ]
            result = self._write_all(draft, given, call.body)
        for reply, (_, one) in zip(result["responses"], given, strict=True):
            reply.pop("spreadsheetId")
            reply["dataFilter"] = one.get("dataFilter", {})
        return Answer(project(result, call.mask))

    def _values_append(self, call: Call) -> Answer:
        _check_option(call.parameters)
        with self.store.changing(call.spreadsheet_id) as draft:
            place = _resolve(draft, call.parameters["range"])
            try:
                written, table = append_range(draft, *place, call.body, call.parameters)
            except Refusal as refusal:
                raise invalid(str(refusal)) from None
            reply: Json = {
                "spreadsheetId": draft.id,
                "updates": self._with_data(draft, written, call.parameters),
            }
        return Answer(project({**reply, "tableRange": table} if table else reply, call.mask))

    def _values_clear(self, call: Call) -> Answer:
        with self.store.changing(call.spreadsheet_id) as draft:
            cleared = _clear(_resolve(draft, call.parameters["range"]))
        return Answer(project({"spreadsheetId": call.spreadsheet_id, "clearedRange": cleared}, call.mask))

    def _values_batch_clear(self, call: Call) -> Answer:
        with self.store.changing(call.spreadsheet_id) as draft:
            cleared = [_clear(_resolve(draft, text)) for text in call.body.get("ranges", [])]
        return Answer(project({"spreadsheetId": call.spreadsheet_id, "clearedRanges": cleared}, call.mask))

    def _values_batch_clear_by_data_filter(self, call: Call) -> Answer:
        with self.store.changing(call.spreadsheet_id) as draft:
            cleared = [_clear(place) for place in _filtered(draft, call.body.get("dataFilters", []))]
        return Answer(project({"spreadsheetId": call.spreadsheet_id, "clearedRanges": cleared}, call.mask))


def _fill(book: Spreadsheet, sheet: Sheet, data: list[Json], index: int) -> None:
    """The cells that a new tab is created with."""
    for number, block in enumerate(data):
        corner = {"rowIndex": block.get("startRow", 0), "columnIndex": block.get("startColumn", 0)}
        start = {"sheetId": sheet.id, **corner}
        try:
            update_cells(book, {"start": start, "rows": block.get("rowData", []), "fields": "*"})
        except Refusal as refusal:
            raise Refusal(f"Invalid sheets[{index}].data[{number}]: {refusal}") from None


def _resolve(book: Spreadsheet, text: str) -> Place:
    try:
        sheet, bounds = book.resolve(text)
        sheet.box(bounds)
    except Refusal as refusal:
        raise invalid(str(refusal)) from None
    return sheet, bounds


def _filtered(book: Spreadsheet, filters: list[Json]) -> list[Place]:
    try:
        return [place for data_filter in filters for place in filtered(book, data_filter)]
    except Refusal as refusal:
        raise invalid(str(refusal)) from None


def _write(
    book: Spreadsheet, place: Place, asked: str, given: Json, option: str, index: int | None = None
) -> Written:
    try:
        return write_range(book, *place, given, option, asked)
    except Refusal as refusal:
        raise invalid(str(refusal) if index is None else f"Invalid data[{index}]: {refusal}") from None


def _clear(place: Place) -> str:
    return clear_range(*place)


def _check_option(options: Json) -> None:
    if options.get("valueInputOption") not in ("RAW", "USER_ENTERED"):
        text = "'valueInputOption' is required but not specified"
        raise invalid(text, [("valueInputOption", text)])
