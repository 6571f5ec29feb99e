"""The formats of one workbook added to those of another, whose own keep their numbers and their bytes."""

from __future__ import annotations

import re
from typing import NamedTuple

from cqs_sheets.destinations.excel.xmltext import canonical_part, with_attribute

_ORDER = (
    "numFmts",
    "fonts",
    "fills",
    "borders",
    "cellStyleXfs",
    "cellXfs",
    "cellStyles",
    "dxfs",
    "tableStyles",
    "colors",
    "extLst",
)
_ITEMS = {
    "numFmts": "numFmt",
    "fonts": "font",
    "fills": "fill",
    "borders": "border",
    "cellXfs": "xf",
    "dxfs": "dxf",
}
# Number 0 (and 1 of the fills) is what a cell without format has: where a list is empty, these come first.
_RESERVED = {
    "fonts": (b"<font/>",),
    "fills": (
        b'<fill><patternFill patternType="none"/></fill>',
        b'<fill><patternFill patternType="gray125"/></fill>',
    ),
    "borders": (b"<border/>",),
    "cellXfs": (b'<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>',),
}
_FIRST_OWN_FORMAT = 164  # lower numbers are built in
_FORMAT_ID = re.compile(rb"""(\snumFmtId\s*=\s*["'])(\d+)""")
_ROOT = re.compile(rb"<styleSheet\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")


class Merged(NamedTuple):
    """The merged part, and by how much the numbers of the added cell formats and rule formats moved."""

    xml: bytes
    cell_formats: int
    rule_formats: int


def merge_styles(own: bytes, added: bytes) -> Merged:
    """`own` styles with all formats of `added` behind its own; both are whole styles parts.

    Raises DataRefused for a part that cannot be edited safely.
    """
    xml, donor = _opened(canonical_part(own)), canonical_part(added)
    first_format = _next_format(xml)
    moved: dict[str, int] = {}
    for name in _ITEMS:
        items = _items(donor, name)
        if name in ("numFmts", "cellXfs"):
            items = [_with_formats_from(item, first_format) for item in items]
        if name == "cellXfs":
            items = [_shifted(item, moved, based=b"<cellStyleXfs" in xml) for item in items]
        xml, moved[name] = _appended(xml, name, items)
    return Merged(xml, moved["cellXfs"], moved["dxfs"])


def _opened(xml: bytes) -> bytes:
    """The same part with an empty root written as two tags."""
    match = _ROOT.search(xml)
    if match and match[0].endswith(b"/>"):
        return xml[: match.end() - 2] + b"></styleSheet>" + xml[match.end() :]
    return xml


def _list(name: str) -> re.Pattern[bytes]:
    tag = name.encode()
    return re.compile(rb"<%s((?:\s[^>]*?)?)(?:/>|>(.*?)</%s\s*>)" % (tag, tag), re.DOTALL)


def _items(xml: bytes, name: str) -> list[bytes]:
    """The elements of a list as openpyxl writes them."""
    match = _list(name).search(xml)
    tag = _ITEMS[name].encode()
    item = re.compile(rb"<%s(?:\s[^>]*)?/>|<%s(?:\s[^>]*)?>.*?</%s>" % (tag, tag, tag), re.DOTALL)
    return item.findall(match[2] or b"") if match else []


def _next_format(xml: bytes) -> int:
    match = _list("numFmts").search(xml)
    taken = [int(number) for _, number in _FORMAT_ID.findall((match and match[2]) or b"")]
    return max(_FIRST_OWN_FORMAT, *(number + 1 for number in taken)) if taken else _FIRST_OWN_FORMAT


def _with_formats_from(item: bytes, first: int) -> bytes:
    def moved(match: re.Match[bytes]) -> bytes:
        number = int(match[2])
        own = number >= _FIRST_OWN_FORMAT
        return match[1] + b"%d" % (number - _FIRST_OWN_FORMAT + first if own else number)

    return _FORMAT_ID.sub(moved, item, count=1)


def _shifted(xf: bytes, moved: dict[str, int], *, based: bool) -> bytes:
    """A cell format that points at the added fonts, fills and borders, and at the own basic style."""
    for attribute, name in (("fontId", "fonts"), ("fillId", "fills"), ("borderId", "borders")):
        xf = re.sub(
            rb'(\s%s=")(\d+)' % attribute.encode(),
            lambda match, by=moved[name]: match[1] + b"%d" % (int(match[2]) + by),  # type: ignore[misc]
            xf,
        )
    end = xf.index(b">") + 1
    return xf if based else with_attribute(xf[:end], "xfId", None) + xf[end:]


def _appended(xml: bytes, name: str, items: list[bytes]) -> tuple[bytes, int]:
    """The part with items behind those of a list, and how many stood there before."""
    match = _list(name).search(xml)
    inner = (match and match[2]) or b""
    before = len(re.findall(rb"<%s[\s/>]" % _ITEMS[name].encode(), inner))
    if not items:
        return xml, before
    reserved = _RESERVED.get(name, ())[before:]
    total = before + len(reserved) + len(items)
    new = inner + b"".join((*reserved, *items))
    tag = name.encode()
    if match is None:
        at = _place_of(xml, name)
        block = b'<%s count="%d">%s</%s>' % (tag, total, new, tag)
        return xml[:at] + block + xml[at:], before + len(reserved)
    opened = with_attribute(b"<%s%s>" % (tag, match[1].rstrip()), "count", str(total))
    block = opened + new + b"</%s>" % tag
    return xml[: match.start()] + block + xml[match.end() :], before + len(reserved)


def _place_of(xml: bytes, name: str) -> int:
    """Where a list that is not there belongs."""
    for follower in _ORDER[_ORDER.index(name) + 1 :]:
        if (match := re.search(rb"<%s[\s/>]" % follower.encode(), xml)) is not None:
            return match.start()
    return xml.rindex(b"</styleSheet")
