"""Google's own description of its API, as google-api-python-client carries it: paths, parameters, schemas."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import unquote

from .errors import Json


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API: its id, its parameters, and the schemas of body and answer."""

    id: str
    verb: str
    pattern: re.Pattern[str]
    parameters: Json
    request: str | None
    response: str | None
    literal: int

    @property
    def is_read(self) -> bool:
        """Counted against the read quota, not the write quota."""
        return self.verb == "GET" or self.id.rsplit(".", 1)[-1] in _READS_BY_POST


_READS_BY_POST = {"getByDataFilter", "batchGetByDataFilter", "search"}


@cache
def document(name: str) -> Json:
    """`name` is sheets.v4 or drive.v3."""
    folder = files("googleapiclient") / "discovery_cache" / "documents"
    parsed: Json = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return parsed


@cache
def methods() -> tuple[Method, ...]:
    """Every method, the most literal path first, so that `…/values:batchGet` wins over `…/{id}`."""
    found: list[Method] = []
    for name in ("sheets.v4", "drive.v3"):
        _collect(document(name), document(name), found)
    return tuple(sorted(found, key=lambda method: -method.literal))


def _collect(root: Json, node: Json, found: list[Method]) -> None:
    for method in node.get("methods", {}).values():
        path = root["servicePath"] + method.get("flatPath", method["path"])
        pattern = re.sub(r"\{\+?(\w+)\}", r"(?P<\1>[^/]+?)", path.replace(".", r"\."))
        found.append(
            Method(
                id=method["id"],
                verb=method["httpMethod"],
                pattern=re.compile(f"/{pattern}"),
                parameters={**root["parameters"], **method.get("parameters", {})},
                request=method.get("request", {}).get("$ref"),
                response=method.get("response", {}).get("$ref"),
                literal=len(re.sub(r"\{[^}]*\}", "", path)),
            )
        )
    for child in node.get("resources", {}).values():
        _collect(root, child, found)


def find_method(verb: str, path: str) -> tuple[Method, dict[str, str]] | None:
    """The method that answers, and its path parameters decoded."""
    for method in methods():
        match = method.pattern.fullmatch(path) if method.verb == verb else None
        if match:
            return method, {key: unquote(value) for key, value in match.groupdict().items()}
    return None
