"""New parts in a package: a free name, a content type, a link from the part they belong to."""

from __future__ import annotations

import posixpath
import re
from itertools import count

from cqs_sheets.destinations.excel.opc import relationships, relationships_part
from cqs_sheets.destinations.excel.package import Draft
from cqs_sheets.destinations.excel.xmltext import attributes, canonical_part, escape_attribute

_CONTENT_TYPES = "[Content_Types].xml"
_DEFAULT = re.compile(rb"<Default\s[^>]*>")
_NO_LINKS = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>'
)


def free_part(draft: Draft, pattern: str) -> str:
    """The first name of the pattern (`xl/tables/table{}.xml`) that no part has."""
    return next(name for number in count(1) if (name := pattern.format(number)) not in draft)


def add_part(draft: Draft, name: str, content: bytes, content_type: str) -> None:
    """A part of its own content type."""
    draft.put(name, content)
    element = b'<Override PartName="%s" ContentType="%s"/>'
    _append(
        draft,
        _CONTENT_TYPES,
        element % (escape_attribute(f"/{name}"), escape_attribute(content_type)),
        b"Types",
    )


def add_default_type(draft: Draft, extension: str, content_type: str) -> None:
    """The content type of all parts of an extension, unless one is stated."""
    types = canonical_part(draft.read(_CONTENT_TYPES))
    stated = (attributes(tag).get("Extension", "").lower() for tag in _DEFAULT.findall(types))
    if extension not in stated:
        element = b'<Default Extension="%s" ContentType="%s"/>'
        _append(
            draft,
            _CONTENT_TYPES,
            element % (escape_attribute(extension), escape_attribute(content_type)),
            b"Types",
        )


def link(draft: Draft, owner: str, part: str, kind: str, link_id: str = "") -> str:
    """Let `owner` link to `part`, by a kind given as its whole address; returns the link's (new) id."""
    taken = {each.id for each in relationships(draft, owner)}
    new = link_id or next(each for number in count(len(taken) + 1) if (each := f"rId{number}") not in taken)
    source = relationships_part(owner)
    if source not in draft:
        draft.put(source, _NO_LINKS)
    target = posixpath.relpath(f"/{part}", f"/{posixpath.dirname(owner)}")
    element = b'<Relationship Id="%s" Type="%s" Target="%s"/>'
    values = (escape_attribute(new), escape_attribute(kind), escape_attribute(target))
    _append(draft, source, element % values, b"Relationships")
    return new


def _append(draft: Draft, part: str, element: bytes, root: bytes) -> None:
    """An element as the last one of a part's root."""
    xml = canonical_part(draft.read(part))
    closing = xml.rfind(b"</" + root)
    if closing < 0:  # the root is empty: <Types/>
        end = xml.rindex(b"/>")
        xml = xml[:end] + b">" + element + b"</" + root + b">" + xml[end + 2 :]
    else:
        xml = xml[:closing] + element + xml[closing:]
    draft.put(part, xml)
