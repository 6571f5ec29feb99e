"""Reads parameters off the wire: query strings and form bodies, whatever clients put in them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from cqs_sheets.sandbox.requests_seen import Pairs

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
