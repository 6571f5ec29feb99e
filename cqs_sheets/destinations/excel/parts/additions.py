"""New parts in a package: a free name, a content type, a link from the part they belong to."""

from __future__ import annotations

import posixpath
import re
from itertools import count

from cqs_sheets.destinations.excel.parts.opc import content_type as content_type_of
from cqs_sheets.destinations.excel.parts.opc import relationships, relationships_part
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.splice import appended
from cqs_sheets.destinations.excel.parts.xmltext import attributes, canonical_part, escape_attribute

_CONTENT_TYPES = "[Content_Types].xml"
_DEFAULT = re.compile(rb"<Default\s[^>]*>")
_OVERRIDE = re.compile(rb"<Override\s[^>]*>")
_NO_LINKS = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
)
_LINKS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"


def free_part(draft: Draft, pattern: str) -> str:
    """The first name of the pattern (`xl/tables/table{}.xml`) that no part has, nor any content type names."""
    tags = _OVERRIDE.findall(canonical_part(draft.read(_CONTENT_TYPES)))
    stated = {attributes(tag).get("PartName", "").lower() for tag in tags}
    return next(
        name
        for number in count(1)
        if (name := pattern.format(number)) not in draft and f"/{name}".lower() not in stated
    )


def add_part(draft: Draft, name: str, content: bytes, content_type: str) -> None:
    """A part with a content type of its own, unless that is stated already."""
    draft.put(name, content)
    if content_type_of(draft, name) == content_type:
        return
    element = b'<Override PartName="%s" ContentType="%s"/>'
    values = (escape_attribute(f"/{name}"), escape_attribute(content_type))
    _append(draft, _CONTENT_TYPES, element % values)


def add_default_type(draft: Draft, extension: str, content_type: str) -> None:
    """The content type of all parts of an extension, unless one is stated."""
    types = canonical_part(draft.read(_CONTENT_TYPES))
    stated = {attributes(tag).get("Extension", "").lower() for tag in _DEFAULT.findall(types)}
    if extension not in stated:
        element = b'<Default Extension="%s" ContentType="%s"/>'
        _append(
            draft, _CONTENT_TYPES, element % (escape_attribute(extension), escape_attribute(content_type))
        )


def link(draft: Draft, owner: str, part: str, kind: str, link_id: str = "") -> str:
    """Let `owner` link to `part`, by a kind given as its whole address; returns the link's (new) id."""
    taken = {each.id for each in relationships(draft, owner)}
    new = link_id or next(each for number in count(len(taken) + 1) if (each := f"rId{number}") not in taken)
    source = relationships_part(owner)
    if source not in draft:
        draft.put(source, _NO_LINKS)
        add_default_type(draft, "rels", _LINKS_TYPE)
    target = posixpath.relpath(f"/{part}", f"/{posixpath.dirname(owner)}")
    element = b'<Relationship Id="%s" Type="%s" Target="%s"/>'
    values = (escape_attribute(new), escape_attribute(kind), escape_attribute(target))
    _append(draft, source, element % values)
    return new


def _append(draft: Draft, part: str, element: bytes) -> None:
    draft.put(part, appended(canonical_part(draft.read(part)), element))
