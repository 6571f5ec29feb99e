"""Time zones, intervals and URLs: read from text, with what is wrong if they cannot be."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cqs_sheets.core.addresses import is_loopback
from cqs_sheets.core.signals.query import MAX_INTERVAL, MIN_INTERVAL
from cqs_sheets.core.signals.vocabulary import nearest
from cqs_sheets.core.toml.words import quoted

_MINUTES = re.compile(r"[0-9]{1,4}")


def interval(text: str | int) -> int | None:
    """Look-back minutes (1-20), or None for "auto"; raises ValueError."""
    if text == "auto":
        return None
    if _MINUTES.fullmatch(str(text)) and MIN_INTERVAL <= int(text) <= MAX_INTERVAL:
        return int(text)
    raise ValueError(
        f'expected "auto" or minutes from {MIN_INTERVAL} to {MAX_INTERVAL}, found {quoted(text)}'
    )


def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name; raises ValueError with the nearest known name."""
    with suppress(KeyError, ValueError, OSError):
        found = ZoneInfo(name)
        if sys.platform == "linux" or name in available_timezones():  # elsewhere "utc" opens the file UTC
            return found
    near = _nearest_zone(name)
    asked = f"did you mean {quoted(near)}?" if near else 'names look like "UTC" or "Europe/Berlin"'
    raise ValueError(f"unknown time zone {quoted(name)}: {asked}")


def url_problem(url: str, *, loopback_only: bool = False) -> str | None:
    """Why this cannot be a server's root, or None. Never shows the URL: a key may stand in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "this is not a valid URL"
    if re.search(r"[\x00-\x20\x7f\\]", url) or parts.scheme not in ("http", "https") or not host:
        return "expected a URL such as https://host/path"
    if "@" in parts.netloc or "?" in url or "#" in url:
        return "a URL here holds no user name, password, query or fragment: keys are not part of it"
    if loopback_only and not is_loopback(host):
        return "only an address of this machine is allowed here (localhost, 127.0.0.1 or [::1])"
    if parts.scheme == "http" and not is_loopback(host):
        return "plain http is accepted for this machine only: write https"
    return None


def _nearest_zone(name: str) -> str | None:
    """The zone of that city or, failing that, the one spelt most like it."""
    known = sorted(available_timezones(), key=lambda one: (len(one), one))
    ending = "/" + name.strip().replace(" ", "_").casefold()
    return next((one for one in known if f"/{one}".casefold().endswith(ending)), None) or nearest(name, known)
