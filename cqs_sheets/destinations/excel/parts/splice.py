"""Elements put into a part where the schema has their place: in sheets, in the workbook part, anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.parsers import expat

from cqs_sheets.destinations.excel.parts.archive import damaged
from cqs_sheets.destinations.excel.parts.xmltext import (
    attributes,
    check_tags,
    escape_attribute,
    whole,
    with_attribute,
)
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

_LEVELS = 3  # the document's element, its containers, their items
# Matches a tag of any kind, with `>` in quoted values. Elements are found by their depth, so that one is put where the
# schema wants it, and the bytes around it stay; a parser gives no positions in the bytes.
_START_TAG = regex(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")


@dataclass(slots=True)
class Element:
    """An element by its place in the bytes: start tag `start`..`opened`, content up to `closed`, then `end`."""

    tag: str
    start: int
    opened: int
    closed: int = 0
    end: int = 0
    children: list[Element] = field(default_factory=list)

    def child(self, tag: str) -> Element | None:
        """Its first child of that name."""
        return next((each for each in self.children if each.tag == tag), None)


def outline(xml: bytes) -> Element:
    """The document's element with two levels below it; DataRefused if it is not well-formed."""
    parser = expat.ParserCreate()
    top = Element("", 0, 0)
    path = [top]
    deeper = 0

    def started(tag: str, _: object) -> None:
        nonlocal deeper
        if len(path) > _LEVELS:
            deeper += 1
            return
        at = parser.CurrentByteIndex
        match = _START_TAG.match(xml, at)
        element = Element(tag, at, match.end() if match else at)
        path[-1].children.append(element)
        path.append(element)

    def ended(_: str) -> None:
        nonlocal deeper
        if deeper:
            deeper -= 1
            return
        element = path.pop()
        empty = xml.endswith(b"/>", element.start, element.opened)
        element.closed = element.opened if empty else parser.CurrentByteIndex
        element.end = element.opened if empty else xml.index(b">", element.closed) + 1

    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    try:
        parser.Parse(check_tags(xml), True)
    except expat.ExpatError as error:
        raise damaged(f"one of its parts is not well-formed ({error})") from error
    return top.children[0]


def items(xml: bytes, container: str) -> list[bytes]:
    """The children of a container, as written; none if there is no such container."""
    found = outline(xml).child(container)
    return [xml[each.start : each.end] for each in found.children] if found else []


def appended(xml: bytes, new: bytes) -> bytes:
    """The document with `new` as its element's last children."""
    return _with_content(xml, outline(xml), new)


def appended_to(xml: bytes, container: str, new: Sequence[bytes], order: Sequence[str]) -> bytes:
    """The document with `new` at the end of a container, which is made, in its place in `order`, if missing.

    A `count` that the container states is kept right.
    """
    if not new:
        return xml
    root = outline(xml)
    found = root.child(container)
    name = container.encode()
    if found is None:
        earlier = order[: order.index(container)]
        before = [each.end for each in root.children if each.tag in earlier]
        made = b"<%s>%s</%s>" % (name, b"".join(new), name)
        if not root.children:
            return _with_content(xml, root, made)
        at = max(before, default=root.opened)
        return xml[:at] + made + xml[at:]
    tag = xml[found.start : found.opened]
    if "count" in attributes(tag):
        tag = with_attribute(tag, "count", str(len(found.children) + len(new)))
    return _with_content(xml, found, b"".join(new), tag=tag)


def _with_content(xml: bytes, element: Element, new: bytes, *, tag: bytes = b"") -> bytes:
    """The document with more content at the end of an element, which may have been an empty tag."""
    tag = tag or xml[element.start : element.opened]
    if element.end > element.closed:
        content = xml[element.opened : element.closed]
        return xml[: element.start] + tag + content + new + xml[element.closed :]
    name = element.tag.encode()
    opened = tag[:-2].rstrip() + b">"
    return xml[: element.start] + opened + new + b"</%s>" % name + xml[element.end :]


_SHEET_ORDER = (
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
# They match what a sheet says of its columns; ranges of columns may be in any order and leave gaps.
_COLUMNS = regex(rb"<cols(?:\s[^>]*)?>(.*?)</cols>|<cols\s*/>", re.DOTALL)
_COLUMN = regex(rb"<col\s[^>]*>")
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
    before = _SHEET_ORDER[: _SHEET_ORDER.index(tag) + 1]
    at = max(each.end for each in outline(document).children if each.tag in before)
    return document[len(_OPENED) : at] + xml + document[at:]


def with_validations(tail: bytes, validations: Sequence[bytes]) -> bytes:
    """The tail of a sheet with more data validations."""
    return appended_to(_OPENED + tail, "dataValidations", validations, _SHEET_ORDER)[len(_OPENED) :]


def has_element(tail: bytes, tag: str) -> bool:
    """Whether the tail of a sheet has such an element."""
    return outline(_OPENED + tail).child(tag) is not None


LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_LINKS = "http://purl.oclc.org/ooxml/officeDocument/relationships"

_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_WORKBOOK_ORDER = (
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
# They match tags of the workbook part in canonical spelling; `localSheetId` counts sheets, and moves with those added.
_ROOT = regex(rb"<workbook\b[^>]*>")
_PROTECTION = regex(rb"<workbookProtection\b[^>]*>")
_NAME = regex(rb"<definedName(\s[^>]*[^/])>.*?</definedName>", re.DOTALL)
_LOCAL = regex(rb'(\slocalSheetId=")(\d+)')
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
        xml = appended_to(xml, "bookViews", [b"<workbookView/>"], _WORKBOOK_ORDER)
    return appended_to(xml, "sheets", elements, _WORKBOOK_ORDER)


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
    return appended_to(kept, "definedNames", list(new.values()), _WORKBOOK_ORDER)


def _wide_name(match: re.Match[bytes]) -> str:
    """A name every sheet knows, in lower case; names of one sheet are kept apart by their tag."""
    values = attributes(match[1])
    return match[0].decode("utf-8", "replace") if "localSheetId" in values else values.get("name", "").lower()


def _moved(local: re.Match[bytes], by: int) -> bytes:
    return local[1] + b"%d" % (int(local[2]) + by)
