"""JSON read without losing anything: numbers keep their digits, repeated names are noticed."""

from __future__ import annotations

import json
import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"
"""Stands for what was not UTF-8."""


class NumberText(str):
    """A JSON number (or NaN, Infinity), as the digits that came."""

    __slots__ = ()


class RepeatedNames(dict[str, object]):
    """A JSON object in which a name occurs twice: which value counts is anyone's guess."""


def read_json(body: bytes) -> object:
    """The value of a JSON text; a byte order mark and stray bytes are tolerated.

    Numbers are NumberText, objects with repeated names RepeatedNames, all text can be encoded as
    UTF-8 (what could not is U+FFFD). Raises ValueError if it is no JSON, or nested too deeply.
    """
    text = body.decode("utf-8-sig", errors="replace")
    try:
        return json.loads(
            text,
            parse_float=NumberText,
            parse_int=NumberText,
            parse_constant=NumberText,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_json(value: object) -> str:
    """Compact JSON of what `read_json` returned, numbers with the digits that came."""
    try:
        return _compact(value)
    except RecursionError:
        return '"nested too deeply"'


def clean(text: str) -> str:
    """`text` with lone surrogates, which no file or database takes, replaced by U+FFFD."""
    return _LONE_SURROGATE.sub(REPLACEMENT, text)


def shortened(text: str, limit: int) -> str:
    """`text` cut to at most `limit` characters, an ellipsis in place of what is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else RepeatedNames(found)


def _compact(value: object) -> str:
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_compact(name)}:{_compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return clean(json.dumps(value, ensure_ascii=False))
