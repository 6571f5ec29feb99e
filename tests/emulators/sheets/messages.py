"""Requests read, and answers checked, against the discovery schemas, with the service's own complaints.

A request is read as the real parser does it: camelCase or snake_case names, null as absent, numbers
in strings. What comes out has camelCase names and the right types. An answer is checked strictly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from .discovery import document
from .errors import Json, invalid

Problems = list[tuple[str, str]]
Reader = Callable[[Any, str, Problems], Any]
Checker = Callable[[Any, str, list[str]], None]

# In the reference ("Union field … can be only one of") but not in the discovery document.
ONE_OF: dict[str, tuple[str, ...]] = {
    "Request": (),
    "ExtendedValue": (),
    "DataFilter": (),
    "DeveloperMetadataLocation": ("spreadsheet", "sheetId", "dimensionRange"),
    "ColorStyle": ("rgbColor", "themeColor"),
    "UpdateCellsRequest": ("start", "range"),
    "AutoResizeDimensionsRequest": ("dimensions", "dataSourceSheetDimensions"),
    "UpdateDimensionPropertiesRequest": ("range", "dataSourceSheetRange"),
}
_API = "type.googleapis.com/google.apps.sheets.v4."
_INT64 = re.compile(r"-?\d+$")


def read_message(name: str, value: Any, field: str = "", api: str = "sheets.v4") -> Json:
    """The body of a request as schema `name`; `field` is where it stands in the request ("data").

    Raises ApiError 400 that names every field in the wrong.
    """
    problems: Problems = []
    parsed: Json = _reader(api, name)(value, field, problems)
    if problems:
        raise invalid("\n".join(text for _, text in problems), problems)
    return parsed


def check_message(name: str, value: Any, api: str = "sheets.v4") -> list[str]:
    """What in an answer is not as schema `name` says; empty when it is right."""
    wrong: list[str] = []
    _checker(api, name)(value, "$", wrong)
    return wrong


def snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


def _unknown(name: str, at: str) -> tuple[str, str]:
    where = f" at '{at}'" if at else ""
    return at, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'


def _bad(value: Any, at: str, kind: str, problems: Problems) -> None:
    shown = json.dumps(value)
    problems.append((at, f"Invalid value at '{at}' ({kind}), {shown}"))


@cache
def _reader(api: str, name: str) -> Reader:
    schema = document(api)["schemas"][name]
    fields: dict[str, tuple[str, str, dict[str, Any]]] = {}
    for key, sub in schema.get("properties", {}).items():
        fields[key] = fields[snake(key)] = (key, snake(key), sub)
    union = ONE_OF.get(name)
    readers: dict[str, Reader] = {}

    def read(value: Any, at: str, problems: Problems) -> Any:
        if not isinstance(value, dict):
            _bad(value, at, _API + name, problems)
            return {}
        result: Json = {}
        for given, item in value.items():
            if given not in fields:
                problems.append(_unknown(given, at))
            elif item is not None:
                key, snaked, sub = fields[given]
                reader = readers.get(key) or readers.setdefault(key, _reader_of(api, key, sub))
                result[key] = reader(item, f"{at}.{snaked}" if at else snaked, problems)
        if union is not None:
            _check_union(name, union, result, at, problems)
        return result

    return read


def _check_union(name: str, union: tuple[str, ...], result: Json, at: str, problems: Problems) -> None:
    given = [key for key in result if not union or key in union]
    if len(given) > 1:
        text = f"Invalid value at '{at}' (oneof), oneof field 'kind' is already set. Cannot set '{given[1]}'"
        problems.append((at, text))
    if name == "Request" and not given:
        problems.append((at, "Must specify at least one request."))


def _reader_of(api: str, key: str, schema: Json) -> Reader:
    if "$ref" in schema:
        return _reader(api, schema["$ref"])
    kind = schema.get("type")
    if kind == "array":
        return _list_reader(
            _reader_of(api, key, schema["items"]), nested=schema["items"].get("type") == "array"
        )
    if kind == "object":
        extra = schema.get("additionalProperties")
        return _map_reader(_reader_of(api, key, extra)) if isinstance(extra, dict) else _as_given
    if "enum" in schema:
        return _enum_reader(key, schema["enum"])
    return {"boolean": _boolean, "integer": _integer, "number": _number, "string": _string}.get(
        str(kind), _as_given
    )


def _as_given(value: Any, _at: str, _problems: Problems) -> Any:
    return value


def _list_reader(item: Reader, *, nested: bool) -> Reader:
    def read(value: Any, at: str, problems: Problems) -> Any:
        if not isinstance(value, list):
            _bad(value, at, "type.googleapis.com/google.protobuf.ListValue" if nested else _API, problems)
            return []
        return [item(one, f"{at}[{index}]", problems) for index, one in enumerate(value)]

    return read


def _map_reader(item: Reader) -> Reader:
    def read(value: Any, at: str, problems: Problems) -> Any:
        return {key: item(one, f"{at}.{key}", problems) for key, one in value.items()}

    return read


def _enum_reader(key: str, names: list[str]) -> Reader:
    def read(value: Any, at: str, problems: Problems) -> Any:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
            return names[value]
        if value not in names:
            _bad(value, at, _API + key[0].upper() + key[1:], problems)
        return value

    return read


def _boolean(value: Any, at: str, problems: Problems) -> Any:
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        _bad(value, at, "TYPE_BOOL", problems)
    return value


def _integer(value: Any, at: str, problems: Problems) -> Any:
    if isinstance(value, str) and _INT64.match(value):
        value = int(value)
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not whole or isinstance(value, bool) or not -(2**31) <= value < 2**31:
        _bad(value, at, "TYPE_INT32", problems)
        return 0
    return int(value)


def _number(value: Any, at: str, problems: Problems) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    if isinstance(value, bool) or not isinstance(value, int | float):
        _bad(value, at, "TYPE_DOUBLE", problems)
        return 0
    return value


def _string(value: Any, at: str, problems: Problems) -> Any:
    if not isinstance(value, str):
        _bad(value, at, "TYPE_STRING", problems)
    return value


@cache
def _checker(api: str, name: str) -> Checker:
    schema = document(api)["schemas"][name]
    properties = schema.get("properties", {})
    checkers: dict[str, Checker] = {}

    def check(value: Any, at: str, wrong: list[str]) -> None:
        if type(value) is not dict:
            wrong.append(f"{at}: {value!r} is not a {name}")
            return
        for key, item in value.items():
            checker = checkers.get(key)
            if checker is None:
                if key not in properties:
                    wrong.append(f"{at}.{key}: no such field of {name}")
                    continue
                checker = checkers[key] = _checker_of(api, properties[key])
            checker(item, key, wrong)

    return check


def _checker_of(api: str, schema: Json) -> Checker:
    if "$ref" in schema:
        return _checker(api, schema["$ref"])
    if schema.get("type") == "array":
        return _list_checker(_checker_of(api, schema["items"]))
    if "enum" in schema:
        return _scalar_checker(f"one of {schema['enum']}", frozenset(schema["enum"]).__contains__)
    kind = schema.get("type", "any")
    return _scalar_checker(f"a {kind}", _SCALARS.get(kind, lambda _value: True))


_SCALARS: dict[str, Callable[[Any], bool]] = {
    "integer": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: type(value) is bool,
    "string": lambda value: type(value) is str,
}


def _list_checker(item: Checker) -> Checker:
    def check(value: Any, at: str, wrong: list[str]) -> None:
        if type(value) is not list:
            wrong.append(f"{at}: {value!r} is not a list")
            return
        for one in value:
            item(one, at, wrong)

    return check


def _scalar_checker(kind: str, holds: Callable[[Any], bool]) -> Checker:
    def check(value: Any, at: str, wrong: list[str]) -> None:
        if not holds(value):
            wrong.append(f"{at}: {value!r} is not {kind}")

    return check
