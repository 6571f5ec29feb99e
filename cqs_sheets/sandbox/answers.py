"""What goes back over the wire: the envelope of the guide, as a plain HTTP answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from http import HTTPStatus
from typing import Final

JSON_TYPE: Final = "application/json; charset=utf-8"


class ErrorCode(IntEnum):
    """The guide's `error` values."""

    OK = 0
    BAD_REQUEST = 1
    CANNOT_VALIDATE = 4
    REFUSED = 5
    RATE_LIMITED = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer without the headers that every answer has (Date, Content-Length)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def with_headers(self, **headers: str) -> Answer:
        """Return the same answer with `headers` set; `_` in a name stands for `-`."""
        added = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **added})


def as_json(value: object, status: int = HTTPStatus.OK) -> Answer:
    """Answer with `value` as UTF-8 JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, {"Content-Type": JSON_TYPE}, body)


def envelope(signals: Sequence[Mapping[str, object]]) -> Answer:
    """Answer with signals, or with the guide's words for none."""
    return as_json(
        {
            "error": ErrorCode.OK,
            "message": "Success" if signals else "No new signals available",
            "count": len(signals),
            "signals": signals,
        }
    )


def failure(code: ErrorCode, message: str, status: int = HTTPStatus.OK) -> Answer:
    """Answer with a failure in the envelope; the guide's failures are HTTP 200."""
    return as_json({"error": code, "message": message, "count": 0, "signals": []}, status)
