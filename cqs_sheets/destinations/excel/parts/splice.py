"""Children put into a small XML part at the place its schema wants them; the rest stays as it is.

Parts come in canonical form (see xmltext): UTF-8, no document type, no prefix on their own elements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from cqs_sheets.destinations.excel.parts.archive import damaged
from cqs_sheets.destinations.excel.parts.xmltext import attributes, with_attribute

_LEVELS = 3  # the document's element, its containers, their items
_START_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")


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
        parser.Parse(xml, True)
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
