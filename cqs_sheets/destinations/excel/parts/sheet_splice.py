"""Elements spliced into what stands before and behind a worksheet's rows, where its schema wants them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from cqs_sheets.destinations.excel.parts.malformed import whole
from cqs_sheets.destinations.excel.parts.splice import appended_to, outline
from cqs_sheets.destinations.excel.parts.xmltext import attributes, with_attribute

_ORDER = (
    "sheetData",
    "sheetCalcPr",
    "sheetProtection",
    "protectedRanges",
    "scenarios",
    "autoFilter",
    "sortState",
    "dataConsolidate",
    "customSheetViews",
    "mergeCells",
    "phoneticPr",
    "conditionalFormatting",
    "dataValidations",
    "hyperlinks",
    "printOptions",
    "pageMargins",
    "pageSetup",
    "headerFooter",
    "rowBreaks",
    "colBreaks",
    "customProperties",
    "cellWatches",
    "ignoredErrors",
    "smartTags",
    "drawing",
    "legacyDrawing",
)  # what comes later comes later
_OPENED = b"<worksheet><sheetData>"
_COLUMNS = re.compile(rb"<cols(?:\s[^>]*)?>(.*?)</cols>|<cols\s*/>", re.DOTALL)
_COLUMN = re.compile(rb"<col\s[^>]*>")
_END_OF_HEAD = b"<sheetData>"


def with_columns(head: bytes, columns: Mapping[int, bytes]) -> bytes:
    """The head of a sheet in which these columns (1-based) are as their `<col>` tags say."""
    match = _COLUMNS.search(head)
    kept = [part for tag in _COLUMN.findall(match[0]) for part in _outside(tag, columns)] if match else []
    added = [(at, _over(tag, at, at)) for at, tag in columns.items()]
    tags = b"".join(tag for _, tag in sorted((*kept, *added)))
    start, end = match.span() if match else (len(head) - len(_END_OF_HEAD),) * 2
    return head[:start] + b"<cols>" + tags + b"</cols>" + head[end:]


def _outside(tag: bytes, columns: Mapping[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """A tag for each stretch of its columns that is not given anew."""
    values = attributes(tag)
    first, last = whole(values.get("min")), whole(values.get("max"))
    for at in sorted(at for at in columns if first <= at <= last):
        if first < at:
            yield first, _over(tag, first, at - 1)
        first = at + 1
    if first <= last:
        yield first, _over(tag, first, last)


def _over(tag: bytes, first: int, last: int) -> bytes:
    return with_attribute(with_attribute(tag, "min", str(first)), "max", str(last))


def with_element(tail: bytes, tag: str, xml: bytes) -> bytes:
    """The tail of a sheet with one more element `tag`, behind those of its kind; DataRefused if it is malformed."""
    document = _OPENED + tail
    before = _ORDER[: _ORDER.index(tag) + 1]
    at = max(each.end for each in outline(document).children if each.tag in before)
    return document[len(_OPENED) : at] + xml + document[at:]


def with_validations(tail: bytes, validations: Sequence[bytes]) -> bytes:
    """The tail of a sheet with more data validations."""
    return appended_to(_OPENED + tail, "dataValidations", validations, _ORDER)[len(_OPENED) :]


def has_element(tail: bytes, tag: str) -> bool:
    """Whether the tail of a sheet has such an element."""
    return outline(_OPENED + tail).child(tag) is not None
