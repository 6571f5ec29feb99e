"""Records in any number, each made when it is asked for: as objects those of all signals would fill the memory."""

from __future__ import annotations

import marshal
import zlib

from cqs_sheets.core.signals.signal import Record
from cqs_sheets.journal.database import Row
from cqs_sheets.journal.model import record_from

_PAGE = 100  # records that are packed together
_AT_HAND = 4  # pages: rows that are asked for in turn may stand on two or three


class Pages:
    """Rows as they came out of the journal, a full page of them packed; each stands for its record.

    They are what they were when they were read, whatever the journal says since. What was made of the pages looked
    at last is kept.
    """

    def __init__(self) -> None:
        self._full: list[bytes | list[Row | Record]] = []
        self._last: list[Row | Record] = []
        self._at_hand: dict[int, list[Row | Record]] = {}

    def add(self, found: Row | Record) -> int:
        """Put a row of RECORD, or a record that is there in any case, behind the others; its place."""
        at = len(self._full) * _PAGE + len(self._last)
        self._last.append(found)
        if len(self._last) == _PAGE:
            rows = not any(isinstance(each, Record) for each in self._last)
            self._full.append(zlib.compress(marshal.dumps(self._last), 1) if rows else self._last)
            self._last = []
        return at

    def __getitem__(self, at: int) -> Record:
        """The record at a place. Raises DataRefused if its row makes no sense."""
        number, place = divmod(at, _PAGE)
        page = self._at_hand.get(number) or self._taken_up(number)
        found = page[place]
        if not isinstance(found, Record):
            found = page[place] = record_from(found)
        return found

    def _taken_up(self, number: int) -> list[Row | Record]:
        if number == len(self._full):
            return self._last
        page = self._full[number]
        if isinstance(page, bytes):
            page = marshal.loads(zlib.decompress(page))  # noqa: S302 - what `add` packed
            if len(self._at_hand) == _AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
            self._at_hand[number] = page
        return page
