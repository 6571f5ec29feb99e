"""How the parts of a package hang together: relationships and content types (ECMA-376 part 2)."""

from __future__ import annotations

import posixpath
from itertools import count

from cqs_sheets.destinations.excel.parts.archive import damaged
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.splice import appended
from cqs_sheets.destinations.excel.parts.xmltext import attributes, canonical_part, escape_attribute, unescape
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass

# They match the entries of relationships and content types, with or without an end tag; attributes in any order. Parts
# are small, but kept byte for byte where nothing is added, which a parser does not do.
_RELATIONSHIP = regex(rb"<Relationship\s[^>]*>(?:\s*</Relationship>)?")
_OVERRIDE = regex(rb"<Override\s[^>]*>(?:\s*</Override>)?")
_CONTENT_TYPES = "[Content_Types].xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """One link of a part: `kind` is the last word of its type, `target` a part (or an outside address)."""

    id: str
    kind: str
    target: str
    external: bool = False


def relationships_part(part: str) -> str:
    """Where the links of a part are kept; `""` stands for the package itself."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def relationships(draft: Draft, part: str) -> list[Relationship]:
    """The links of a part, in the file's order; none if it has no such part."""
    source = relationships_part(part)
    if source not in draft:
        return []
    found = []
    for tag in _RELATIONSHIP.findall(canonical_part(draft.read(source))):
        values = attributes(tag)
        external = values.get("TargetMode") == "External"
        target = values.get("Target", "")
        found.append(
            Relationship(
                id=values.get("Id", ""),
                kind=values.get("Type", "").rsplit("/", 1)[-1],
                target=target if external else absolute(part, target),
                external=external,
            )
        )
    return found


def absolute(part: str, target: str) -> str:
    """A link's target as a part's name, seen from the part that holds the link."""
    joined = posixpath.normpath(posixpath.join("/", posixpath.dirname(part), target.replace("\\", "/")))
    return joined.lstrip("/")


def workbook_part(draft: Draft) -> str:
    """The name of the main part."""
    for link in relationships(draft, ""):
        if link.kind == "officeDocument" and link.target in draft:
            return link.target
    raise damaged("the archive holds no Excel workbook")


def drop_part(draft: Draft, owner: str, part: str) -> None:
    """Remove a part, the link of `owner` to it and its content type."""
    draft.remove(part)
    source = relationships_part(owner)
    ours = [
        tag
        for tag in _RELATIONSHIP.findall(canonical_part(draft.read(source)))
        if absolute(owner, attributes(tag).get("Target", "")).lower() == part.lower()
    ]
    _without(draft, source, ours)
    types = canonical_part(draft.read(_CONTENT_TYPES))
    name = f"/{part}".lower()
    _without(
        draft,
        _CONTENT_TYPES,
        [tag for tag in _OVERRIDE.findall(types) if attributes(tag).get("PartName", "").lower() == name],
    )


def _without(draft: Draft, part: str, tags: list[bytes]) -> None:
    content = canonical_part(draft.read(part))
    for tag in tags:
        content = content.replace(tag, b"", 1)
    if tags:
        draft.put(part, content)


def content_type_of(draft: Draft, part: str) -> str:
    """The content type that is stated for one part, or "" if only its file extension has one."""
    types = canonical_part(draft.read(_CONTENT_TYPES))
    for tag in _OVERRIDE.findall(types):
        values = attributes(tag)
        if values.get("PartName", "").lower() == f"/{part}".lower():
            return unescape(values.get("ContentType", "").encode())
    return ""


_DEFAULT = regex(rb"<Default\s[^>]*>")
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
