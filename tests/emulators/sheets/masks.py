"""Field masks: `a,b(c,d/e),f.g` as a tree; read through it, or write through it."""

from __future__ import annotations

import copy
import re
from typing import Any

from .discovery import document
from .errors import Json, Refusal, invalid

Mask = dict[str, "Mask"]


class NotAMask(ValueError):
    """A text that is no field mask."""


EVERYTHING: Mask = {}
_TOKEN = re.compile(r"[A-Za-z0-9_*]+|[(),./]")


def parse_mask(text: str) -> Mask:
    """An empty tree means everything below. Raises NotAMask."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text) or not tokens:
        raise NotAMask(text)
    tree: Mask = {}
    rest = _fields(tokens, tree)
    if rest:
        raise NotAMask(text)
    return tree


def _fields(tokens: list[str], tree: Mask) -> list[str]:
    while True:
        tokens = _path(tokens, tree)
        if not tokens or tokens[0] != ",":
            return tokens
        tokens = tokens[1:]


def _path(tokens: list[str], tree: Mask) -> list[str]:
    if not tokens or tokens[0] in "(),./":
        raise NotAMask("".join(tokens))
    known, name, tokens = tokens[0] in tree, tokens[0], tokens[1:]
    child = tree.setdefault(name, {})
    whole = known and not child
    if tokens[:1] in (["."], ["/"]):
        tokens = _path(tokens[1:], child)
    elif tokens[:1] == ["("]:
        tokens = _fields(tokens[1:], child)
        if tokens[:1] != [")"]:
            raise NotAMask("".join(tokens))
        tokens = tokens[1:]
    else:
        whole = True
    if whole:
        child.clear()
    return tokens


def check_mask(tree: Mask, schema: str, api: str = "sheets.v4") -> str | None:
    """The first path of the mask that the schema does not have, or None."""
    properties = document(api)["schemas"][schema].get("properties", {})
    for name, child in tree.items():
        if name == "*":
            continue
        if name not in properties:
            return name
        sub = properties[name]
        while sub.get("type") == "array":
            sub = sub["items"]
        wrong = check_mask(child, sub["$ref"], api) if child and "$ref" in sub else None
        if wrong:
            return f"{name}.{wrong}"
    return None


def response_mask(text: str | None, schema: str, api: str = "sheets.v4") -> Mask:
    """The `fields` parameter of a call. Raises ApiError 400 for a field the answer cannot have."""
    if not text:
        return EVERYTHING
    try:
        tree = parse_mask(text)
    except NotAMask:
        wrong: str | None = text
    else:
        wrong = check_mask(tree, schema, api)
    if wrong:
        description = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{wrong}'."
        raise invalid("Request contains an invalid argument.", [(wrong, description)])
    return EVERYTHING if "*" in tree and not tree["*"] else tree


def project(value: Any, tree: Mask) -> Any:
    """Only what the mask names; messages on the way stay, if empty."""
    if not tree:
        return value
    if isinstance(value, list):
        return [project(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    if "*" in tree:
        return {key: project(item, tree["*"]) for key, item in value.items()}
    return {key: project(value[key], tree[key]) for key in value if key in tree}


def wants(tree: Mask, name: str) -> bool:
    return not tree or name in tree or "*" in tree


def below(tree: Mask, name: str) -> Mask:
    """The mask of one member."""
    return tree.get(name) or tree.get("*") or EVERYTHING


def update_mask(text: str | None, schema: str) -> Mask:
    """The `fields` of an update request. Raises Refusal when it is missing or names what is not there."""
    if not text:
        raise Refusal("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    try:
        tree = parse_mask(text)
    except NotAMask:
        raise Refusal(f"Invalid field: {text}") from None
    wrong = check_mask(tree, schema)
    if wrong:
        raise Refusal(f"Invalid field: {wrong}")
    if "*" in tree:
        return {name: {} for name in document("sheets.v4")["schemas"][schema]["properties"]}
    return tree


def merged(target: Json, source: Json, tree: Mask) -> Json:
    """A copy of `target` with the masked fields as in `source`; a field that source lacks is cleared."""
    result = copy.copy(target)
    for name, child in tree.items():
        if child:
            inner = merged(result.get(name) or {}, source.get(name) or {}, child)
            result[name] = inner
        elif name in source:
            result[name] = source[name]
        else:
            result.pop(name, None)
    return result
