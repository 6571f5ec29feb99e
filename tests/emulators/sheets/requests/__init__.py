"""The requests of spreadsheets.batchUpdate, one function each."""

from __future__ import annotations

from collections.abc import Callable

from tests.emulators.sheets.errors import ApiError, Json, Refusal, invalid
from tests.emulators.sheets.model import Spreadsheet
from tests.emulators.sheets.separators import spell_request

from . import cells, charts, dimensions, filters, metadata, ranges, sheets, styles

Handler = Callable[[Spreadsheet, Json], Json | None]

HANDLERS: dict[str, Handler] = {
    **sheets.HANDLERS,
    **cells.HANDLERS,
    **dimensions.HANDLERS,
    **filters.HANDLERS,
    **ranges.HANDLERS,
    **styles.HANDLERS,
    **metadata.HANDLERS,
    **charts.HANDLERS,
}


def apply_requests(book: Spreadsheet, requests: list[Json]) -> list[Json]:
    """Apply all in order to `book` (a copy: it is half changed when one fails). Returns the replies.

    Raises ApiError 400 `Invalid requests[2].updateCells: …`, or 501 for a kind not emulated.
    """
    if not requests:
        raise invalid("Must specify at least one request.")
    replies: list[Json] = []
    book.ids_before = frozenset(entry.id for entry in book.metadata)
    for index, request in enumerate(requests):
        ((kind, body),) = request.items()
        handler = HANDLERS.get(kind)
        if handler is None:
            raise ApiError(501, f"The emulator does not know requests[{index}].{kind}")
        try:
            reply = handler(book, spell_request(kind, body, book.properties["locale"]))
        except Refusal as refusal:
            raise invalid(f"Invalid requests[{index}].{kind}: {refusal}") from None
        replies.append({} if reply is None else {kind: reply})
    return replies
