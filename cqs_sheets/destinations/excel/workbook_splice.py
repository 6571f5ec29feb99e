"""New sheets and names spliced into a workbook part; all else in it stays as it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from cqs_sheets.destinations.excel.xmltext import attributes, escape_attribute

LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_LINKS = "http://purl.oclc.org/ooxml/officeDocument/relationships"

_ROOT = re.compile(rb"<workbook\b[^>]*>")
_SHEETS = re.compile(rb"<sheets(?:\s[^>]*)?>")
_SHEET = re.compile(rb"<sheet\s[^>]*>")
_VIEWS = re.compile(rb"<bookViews[\s>]")
_PROTECTION = re.compile(rb"<workbookProtection\b[^>]*>")
_NAME = re.compile(rb"<definedName(\s[^>]*[^/])>.*?</definedName>", re.DOTALL)
_NAMES = re.compile(rb"<definedNames(?:\s[^>]*)?(?:/>|>(.*?)</definedNames>)", re.DOTALL)
_BEFORE_NAMES = (b"externalReferences", b"functionGroups", b"sheets")
_TRUE = ("1", "true", "on")


def links_namespace(xml: bytes) -> str:
    """What the kinds of links begin with in this workbook: a Strict one has its own."""
    return STRICT_LINKS if b"http://purl.oclc.org/ooxml/spreadsheetml/main" in xml else LINKS


def is_protected(xml: bytes) -> bool:
    """Whether sheets may not be added."""
    match = _PROTECTION.search(xml)
    return match is not None and attributes(match[0]).get("lockStructure") in _TRUE


def with_sheets(xml: bytes, sheets: Sequence[tuple[str, str]]) -> bytes:
    """Sheets (name, id of the link) added behind the others."""
    namespace = links_namespace(xml)
    prefix, declared = _prefix(xml, namespace)
    number = max((int(attributes(tag).get("sheetId", "0")) for tag in _SHEET.findall(xml)), default=0)
    elements = b"".join(
        b'<sheet%s name="%s" sheetId="%d" %s:id="%s"/>'
        % (declared, escape_attribute(name), number + at, prefix, link.encode())
        for at, (name, link) in enumerate(sheets, 1)
    )
    end = xml.index(b"</sheets")
    return _with_view(xml[:end] + elements + xml[end:])


def _prefix(xml: bytes, namespace: str) -> tuple[bytes, bytes]:
    """The prefix of links, and its declaration if the root has none."""
    root = _ROOT.search(xml)
    declared = re.search(
        rb"""\sxmlns:([\w.-]+)\s*=\s*["']%s["']""" % re.escape(namespace.encode()), root[0] if root else b""
    )
    return (declared[1], b"") if declared else (b"r", b' xmlns:r="%s"' % namespace.encode())


def _with_view(xml: bytes) -> bytes:
    """New sheets are shown in the workbook's first window, so it must have one."""
    match = _SHEETS.search(xml)
    if match is None or _VIEWS.search(xml):
        return xml
    return xml[: match.start()] + b"<bookViews><workbookView/></bookViews>" + xml[match.start() :]


def with_names(xml: bytes, elements: Sequence[bytes], *, instead_of: Collection[str]) -> bytes:
    """Elements of defined names added behind the others; workbook-wide ones of these names (lower case) go."""

    def kept(match: re.Match[bytes]) -> bytes:
        values = attributes(match[1])
        gone = "localSheetId" not in values and values.get("name", "").lower() in instead_of
        return b"" if gone else match[0]

    xml = _NAME.sub(kept, xml) if instead_of else xml
    new, match = b"".join(elements), _NAMES.search(xml)
    if match is not None and match[1] is not None:
        return xml[: match.end(1)] + new + xml[match.end(1) :]
    block = b"<definedNames>" + new + b"</definedNames>"
    if match is not None:
        return xml[: match.start()] + block + xml[match.end() :]
    at = next(end for name in _BEFORE_NAMES if (end := _end_of(xml, name)))
    return xml[:at] + block + xml[at:]


def _end_of(xml: bytes, element: bytes) -> int:
    match = re.search(rb"<%s(?:\s[^>]*)?/>|</%s\s*>" % (element, element), xml)
    return match.end() if match else 0


def name_elements(xml: bytes, sheets_before: int) -> dict[str, bytes]:
    """The defined names of a workbook part as elements, by name; sheet indexes moved by the sheets before."""

    def moved(match: re.Match[bytes]) -> bytes:
        return match[1] + b"%d" % (int(match[2]) + sheets_before)

    return {
        attributes(match[1])["name"] + attributes(match[1]).get("localSheetId", ""): re.sub(
            rb'(\slocalSheetId=")(\d+)', moved, match[0], count=1
        )
        for match in _NAME.finditer(xml)
    }
