"""One call of an API method: its parameters and body read and checked, its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .discovery import Method
from .errors import Json, invalid
from .masks import EVERYTHING, Mask, response_mask
from .messages import read_message

# Where the body stands in the request message; elsewhere it is the message itself.
_BODY_FIELD = {"ValueRange": "data", "Spreadsheet": "spreadsheet"}


@dataclass(slots=True)
class Call:
    """Parameters of path and query by name, repeated ones as lists; `body` read against its schema."""

    method: Method
    parameters: Json
    body: Json = field(default_factory=dict)
    mask: Mask = field(default_factory=lambda: EVERYTHING)

    @property
    def spreadsheet_id(self) -> str:
        name: str = self.parameters["spreadsheetId"]
        return name


@dataclass(frozen=True, slots=True)
class Answer:
    """JSON, or text of another type, or nothing (204)."""

    body: Json | None = None
    text: str | None = None
    content_type: str = "application/json; charset=UTF-8"
    status: int = 200


def read_call(method: Method, path: dict[str, str], query: dict[str, list[str]], body: Any) -> Call:
    """Raises ApiError 400 for what the method does not have."""
    strict = method.id.startswith("sheets.")
    parameters: Json = {**path}
    for name, given in query.items():
        declared = method.parameters.get(name)
        if declared is None:
            if strict:
                raise _unknown_parameter(name)
            continue
        parameters[name] = given if declared.get("repeated") else _value(name, given[-1], declared)
    for name, declared in method.parameters.items():
        if declared.get("pattern") and name not in parameters:
            raise invalid(f"Missing parameter {name}")
    call = Call(method, parameters)
    call.mask = (
        response_mask(parameters.get("fields"), method.response or "", _api(method))
        if method.response
        else {}
    )
    if method.request:
        if body is None:
            body = {}
        call.body = read_message(method.request, body, _BODY_FIELD.get(method.request, ""), _api(method))
    return call


def _api(method: Method) -> str:
    return "sheets.v4" if method.id.startswith("sheets.") else "drive.v3"


def _unknown_parameter(name: str) -> Exception:
    text = (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )
    return invalid(text, [("", text)])


def _value(name: str, given: str, declared: Json) -> Any:
    kind = declared["type"]
    if kind == "boolean":
        if given.lower() not in ("true", "false"):
            raise invalid(f"Invalid value at '{name}' (TYPE_BOOL), \"{given}\"")
        return given.lower() == "true"
    if kind == "integer":
        if not given.lstrip("-").isdigit():
            raise invalid(f"Invalid value at '{name}' (TYPE_INT32), \"{given}\"")
        return int(given)
    if "enum" in declared and given not in declared["enum"]:
        path = f"type.googleapis.com/google.apps.sheets.v4.{name[0].upper()}{name[1:]}"
        raise invalid(f"Invalid value at '{name}' ({path}), \"{given}\"")
    return given
