"""The API's address: what is accepted, and where it leads."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from cqs_sheets.core.addresses import is_loopback
from cqs_sheets.errors import UsageError

DOCUMENTED_PATHS = ("/getSignal/", "/api/v1/getSignal")
"""Two paths to the same handler."""

# An address with other characters could mean one host here and another one in the HTTP library.
_PLAIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/%+-]*)?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def endpoint(url: str) -> str:
    """The address to ask for a setting of the user; without a path, the first documented one.

    Raises UsageError for credentials or a query inside it (a key would end up in logs), for http
    to anything but this computer, and for what is no address; none of it is quoted.
    """
    parts = _split(url.strip())
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        raise _refused("is not a plain https address (no user, password, query or fragment)")
    if not _PLAIN.fullmatch(url.strip()):
        raise _refused("is not a plain https address")
    if parts.scheme == "http" and not leads_here(url):
        raise _refused("is plain http, which is accepted for this computer only (localhost)")
    return parts._replace(path=DOCUMENTED_PATHS[0] if parts.path in ("", "/") else parts.path).geturl()


def leads_here(url: str) -> bool:
    """Whether an address leads to this computer."""
    return is_loopback(urlsplit(url.strip()).hostname or "")


def redirected(url: str, location: str) -> str | None:
    """Where a redirect from `url` leads, or None if that is another origin (scheme, host, port)."""
    try:
        target = urljoin(url, location)
    except ValueError:
        return None
    return target.partition("#")[0] if _origin(target) == _origin(url) else None


def other_documented(url: str) -> str | None:
    """The same place by the other documented path, or None if `url` has a path of its own."""
    parts = urlsplit(url)
    if parts.path not in DOCUMENTED_PATHS:
        return None
    first, second = DOCUMENTED_PATHS
    return parts._replace(path=second if parts.path == first else first).geturl()


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    parts = _split(url)
    return (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)) if parts else None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - looked at because it is checked only then
    except ValueError:
        return None
    return parts if parts.hostname else None


def _refused(why: str) -> UsageError:
    return UsageError(
        f"The API's address {why}.",
        meaning="Nothing was sent.",
        hint="Set CQS_API_URL to an address like https://api.cryptoqualitysignals.com, or leave it unset.",
        kind="url",
    )
