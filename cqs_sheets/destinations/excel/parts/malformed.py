"""What a stranger's workbook says where a number or an address should stand."""

from __future__ import annotations

import re
from xml.parsers import expat

from cqs_sheets.errors import DataRefused

_WHOLE = re.compile(r"-?[0-9]{1,10}")
_MOST_SHOWN = 40


class Malformed(DataRefused, ValueError):
    """A value that cannot be read: whoever can do without it catches the ValueError, else the workbook is refused."""

    def __init__(self, kind: str, found: str | None) -> None:
        shown = "nothing" if found is None else repr(found[:_MOST_SHOWN])
        super().__init__(
            f"The workbook cannot be edited safely: {shown} stands where {kind} should.",
            meaning="The file was left as it was.",
            hint="Open it in Excel and save it again, or name another target.",
        )


def whole(found: str | None) -> int:
    """The whole number that an attribute holds; Malformed if it is none, or beyond any that a workbook has."""
    text = found.strip() if found is not None else ""
    if not _WHOLE.fullmatch(text):
        raise Malformed("a number", found)
    return int(text)


def sound_row(row: bytes) -> bytes:
    """The element of a row as given; Malformed if it is not one well-formed element."""
    try:
        expat.ParserCreate().Parse(row, True)
    except expat.ExpatError:
        raise Malformed("a row", row.decode("utf-8", "replace")) from None
    return row
