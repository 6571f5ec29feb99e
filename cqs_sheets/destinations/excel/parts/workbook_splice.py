"""New sheets and names spliced into a workbook part; all else in it stays as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from cqs_sheets.destinations.excel.parts.malformed import whole
from cqs_sheets.destinations.excel.parts.splice import appended_to, items
from cqs_sheets.destinations.excel.parts.xmltext import attributes, escape_attribute

LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_LINKS = "http://purl.oclc.org/ooxml/officeDocument/relationships"

_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_ORDER = (
    "fileVersion",
    "fileSharing",
    "workbookPr",
    "mc:AlternateContent",
    "workbookProtection",
    "bookViews",
    "sheets",
    "functionGroups",
    "externalReferences",
    "definedNames",
)  # what comes later comes later
_ROOT = re.compile(rb"<workbook\b[^>]*>")
_PROTECTION = re.compile(rb"<workbookProtection\b[^>]*>")
_NAME = re.compile(rb"<definedName(\s[^>]*[^/])>.*?</definedName>", re.DOTALL)
_LOCAL = re.compile(rb'(\slocalSheetId=")(\d+)')
_TRUE = ("1", "true", "on")


def links_namespace(xml: bytes) -> str:
    """What the kinds of links begin with in this workbook: a Strict one has its own."""
    return STRICT_LINKS if _STRICT in xml else LINKS


def is_protected(xml: bytes) -> bool:
    """Whether sheets may not be added."""
    match = _PROTECTION.search(xml)
    return match is not None and attributes(match[0]).get("lockStructure") in _TRUE


class NewSheet(NamedTuple):
    """A sheet to add: its name, the id of the link to its part."""

    name: str
    link: str
    hidden: bool


def with_sheets(xml: bytes, sheets: Sequence[NewSheet]) -> bytes:
    """Sheets added behind the others; a workbook without a window gets one."""
    prefix, declared = _link_prefix(xml)
    numbers = [whole(attributes(sheet).get("sheetId", "0")) for sheet in items(xml, "sheets")]
    elements = [
        b'<sheet%s name="%s" sheetId="%d"%s %s:id="%s"/>'
        % (
            declared,
            escape_attribute(sheet.name),
            number,
            b' state="hidden"' if sheet.hidden else b"",
            prefix,
            sheet.link.encode(),
        )
        for number, sheet in enumerate(sheets, max(numbers, default=0) + 1)
    ]
    if not items(xml, "bookViews"):
        xml = appended_to(xml, "bookViews", [b"<workbookView/>"], _ORDER)
    return appended_to(xml, "sheets", elements, _ORDER)


def _link_prefix(xml: bytes) -> tuple[bytes, bytes]:
    """The prefix of links, and its declaration if the root has none."""
    namespace = links_namespace(xml).encode()
    root = _ROOT.search(xml)
    pattern = rb"""\sxmlns:([\w.-]+)\s*=\s*["']%s["']""" % re.escape(namespace)
    declared = re.search(pattern, root[0]) if root else None
    return (declared[1], b"") if declared else (b"r", b' xmlns:r="%s"' % namespace)


def with_names_of(xml: bytes, donor: bytes, *, sheets_before: int) -> bytes:
    """The defined names of another workbook, whose sheets now come last, added; they replace namesakes."""
    new = {
        _wide_name(match): _LOCAL.sub(lambda local: _moved(local, sheets_before), match[0])
        for match in _NAME.finditer(donor)
    }
    kept = _NAME.sub(lambda match: match[0] if _wide_name(match) not in new else b"", xml)
    return appended_to(kept, "definedNames", list(new.values()), _ORDER)


def _wide_name(match: re.Match[bytes]) -> str:
    """A name every sheet knows, in lower case; names of one sheet are kept apart by their tag."""
    values = attributes(match[1])
    return match[0].decode("utf-8", "replace") if "localSheetId" in values else values.get("name", "").lower()


def _moved(local: re.Match[bytes], by: int) -> bytes:
    return local[1] + b"%d" % (int(local[2]) + by)
