"""What may be told to whom: secrets that hide themselves, and hosts that are this machine."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NoReturn

from cqs_sheets.patterns import regex

FREE = "FREE"
_MASK = "***"


class Secret:
    """A text that repr, str and format hide; only `reveal()` gives it away.

    `place` says where it is kept, for advice. It cannot be pickled, copied deeply (and so not put through
    `dataclasses.asdict`) or turned into JSON.
    """

    __slots__ = ("_text", "place")

    def __init__(self, text: str, place: str = "CQS_API_KEY") -> None:
        self._text = text
        self.place = place

    def reveal(self) -> str:
        """The text itself: for the one place that sends it."""
        return self._text

    @property
    def is_free(self) -> bool:
        """Whether this is the literal key of the free tier, which is no secret."""
        return self._text == FREE

    def hide_in(self, text: str) -> str:
        """`text` with this secret masked wherever it occurs; the free key is left as it is."""
        return self.hide_in_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def hide_in_bytes(self, body: bytes) -> bytes:
        """The same in bytes, also where it is escaped as in JSON, percent- or HTML-encoded, or in base64."""
        if self.is_free or not self._text:
            return body
        body = body.replace(self._text.encode(), _MASK.encode())
        if any(sign in body for sign in (b"\\", b"%", b"&")):
            body = _spelt_out(self._text).sub(_MASK.encode(), body)
        for encoded in _in_base64(self._text.encode()):
            body = body.replace(encoded, _MASK.encode())
        return body

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


def _spelt_out(text: str) -> re.Pattern[bytes]:
    """A text each of whose characters may be escaped, twice even, as JSON, URLs and HTML do it."""
    each = (
        rf"(?:{re.escape(sign)}|\\+{re.escape(sign)}|\\+u(?i:{ord(sign):04x})|\\+x(?i:{ord(sign):02x})"
        rf"|%(?:25)*(?i:{ord(sign):02x})"
        rf"|&(?:amp;)?(?:#(?:0*{ord(sign)}|[xX]0*(?i:{ord(sign):x}));{_NAMED.get(sign, '')}))"
        for sign in text
    )
    return re.compile("".join(each).encode())


_NAMED = {
    "&": "|amp;",
    "<": "|lt;",
    ">": "|gt;",
    '"': "|quot;",
    "'": "|apos;",
    "/": "|sol;",
    "+": "|plus;",
    "=": "|equals;",
}


def _in_base64(secret: bytes) -> Iterator[bytes]:
    """What surely stands in the base64 of any text that holds the secret, wherever it begins in it."""
    for before, inside in ((0, 0), (1, 2), (2, 3)):
        encoded = base64.b64encode(bytes(before) + secret)[inside : (before + len(secret)) * 8 // 6]
        if len(encoded) >= _SHORTEST_ENCODED:
            in_url = encoded.replace(b"+", b"%2B").replace(b"/", b"%2F")
            yield from {encoded, encoded.translate(bytes.maketrans(b"+/", b"-_")), in_url}


_SHORTEST_ENCODED = 8
_SIGNS = r"[A-Za-z0-9_\-+/=%\\&#;]"
_LIKE_TOKEN = regex(
    rf"(?=\S*[0-9])(?=\S*[a-z])(?=\S*[A-Z]){_SIGNS}{{20,}}|(?:{_SIGNS}{{2,7}};){{8,}}"
    r"|(?:\\+(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})){8,}|(?:%[0-9a-fA-F]{2}){8,}"
)
_MOST_TOLD = 2000  # characters


def without_tokens(text: str) -> str:
    """What a server says without anything in it that may be a token, an assertion or a key, however spelt."""
    return _LIKE_TOKEN.sub(_MASK, text[:_MOST_TOLD])


API_URL = "https://api.cryptoqualitysignals.com"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name, without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
