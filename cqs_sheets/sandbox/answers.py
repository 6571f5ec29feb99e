"""Who may ask (the literal FREE, and the sandbox's own subscriptions), how requests are read, and answers made."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from cqs_sheets.sandbox.signals import Pool

FREE_KEY: Final = "FREE"

ACTIVE_KEY: Final = "sandboxVIPactive0000000000000001"
"""A premium subscription that is paid for: sees VIP."""

INACTIVE_KEY: Final = "sandboxVIPinactive00000000000002"
"""A premium subscription that was switched off: error 5."""

EXPIRED_KEY: Final = "sandboxVIPexpired000000000000003"
"""A premium subscription that ran out when the market opened: error 5."""

FREE_POOLS: Final = frozenset({Pool.FREE, Pool.FREEMIUM})
VIP_POOLS: Final = frozenset({Pool.VIP})


@dataclass(frozen=True, slots=True)
class Subscription:
    """A premium subscription: its id is the API key; `expires` is an aware time, None for never."""

    key: str = field(repr=False)
    active: bool = True
    expires: datetime | None = None

    def valid_at(self, now: datetime) -> bool:
        """Whether the key opens the VIP pool at `now`."""
        return self.active and (self.expires is None or now < self.expires)


SUBSCRIPTIONS: Final = (
    Subscription(ACTIVE_KEY),
    Subscription(INACTIVE_KEY, active=False),
    Subscription(EXPIRED_KEY, expires=datetime(2025, 1, 1, tzinfo=UTC)),
)
"""The subscriptions of a sandbox that is given no others."""


def pools_for(key: str, subscriptions: Sequence[Subscription], now: datetime) -> frozenset[Pool] | None:
    """Return the pools `key` sees at `now`, or None when it is not a valid key. Case counts."""
    if key == FREE_KEY:
        return FREE_POOLS
    if any(known.key == key and known.valid_at(now) for known in subscriptions):
        return VIP_POOLS
    return None


Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it was sent.

    `query` and `form` keep order and repeats; header names are lower case; `at` is the sandbox's
    clock; `faults` are the faults that struck it.
    """

    at: datetime
    method: str
    path: str
    query: Pairs
    form: Pairs
    headers: Mapping[str, str] = field(repr=False)
    faults: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, str]:
        """Parameters as the service takes them: the form goes before the query, the last counts."""
        return {**dict(self.query), **dict(self.form)}


class RequestLog:
    """The latest requests, at most `most` of them. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._seen: deque[SeenRequest] = deque(maxlen=most)
        self._lock = threading.Lock()

    def add(self, request: SeenRequest) -> None:
        """Keep `request`, dropping the oldest when full."""
        with self._lock:
            self._seen.append(request)

    def latest(self) -> list[SeenRequest]:
        """Return the requests kept, oldest first."""
        with self._lock:
            return list(self._seen)


MOST_BODY_BYTES: Final = 64 * 1024
MOST_FIELDS: Final = 100

_FORM_TYPE = "application/x-www-form-urlencoded"


class RefusedError(Exception):
    """The request cannot be read: an HTTP status and a message for the answer."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def split_target(target: str) -> tuple[str, Pairs]:
    """Split a request target, as http.server decoded it, into path and query parameters."""
    try:
        parts = urlsplit(target)
    except ValueError:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Bad request target") from None
    return parts.path, fields_of(parts.query.encode("latin-1", "replace"))


def fields_of(raw: bytes) -> Pairs:
    """Decode URL-encoded fields; bytes that are no UTF-8 become U+FFFD."""
    try:
        text = raw.decode("utf-8", "replace")
        return tuple(parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS))
    except ValueError:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"Bad parameter: more than {MOST_FIELDS} parameters"
        ) from None


def is_form(content_type: str | None) -> bool:
    """Whether a body of this type holds form fields; a body without a type is taken for one."""
    return content_type is None or content_type.partition(";")[0].strip().lower() == _FORM_TYPE


def body_length(content_length: str | None, transfer_encoding: str | None) -> int:
    """Return how many bytes of body follow; RefusedError when that is not told or too many."""
    if transfer_encoding is not None:
        raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "Send the body with Content-Length")
    if content_length is None:
        return 0
    digits = content_length.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Bad Content-Length")
    if len(digits.lstrip("0")) > len(str(MOST_BODY_BYTES)) or int(digits) > MOST_BODY_BYTES:
        message = f"The body is over {MOST_BODY_BYTES} bytes"
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
    return int(digits)


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
