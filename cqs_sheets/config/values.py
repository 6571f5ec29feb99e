"""Time zones, intervals and URLs: read from text, with what is wrong if they cannot be."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from cqs_sheets.core.secret import is_loopback
from cqs_sheets.core.signals.exchanges import PLACEHOLDERS, PairSpelling, Symbols, nearest
from cqs_sheets.core.signals.query import MAX_INTERVAL, MIN_INTERVAL, currency_problem, exchange_problem
from cqs_sheets.core.toml import Finding, not_one_of, quoted
from cqs_sheets.core.toml.lines import Path
from cqs_sheets.patterns import regex

_MINUTES = regex(r"[0-9]{1,4}")


def problem_of(read: Callable[[Any], object], value: object) -> str | None:
    """What a reader that raises ValueError has against a value, or None."""
    try:
        read(value)
    except ValueError as error:
        return str(error)
    return None


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


def journal_problem(url: str) -> str | None:
    """Why this cannot be the URL of a journal, or None. Never shows it: a password stands in it."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("postgresql", "postgres") and not re.search(r"[\x00-\x20\x7f]", url):
            return None
    except ValueError:
        pass
    return "expected a URL such as postgresql://user:password@host/database (what was found is not shown)"


def holds_password(url: str) -> bool:
    """Whether a password stands in a URL of a journal."""
    parts = urlsplit(url)
    return bool(parts.password) or "password=" in parts.query


def _nearest_zone(name: str) -> str | None:
    """The zone of that city or, failing that, the one spelt most like it."""
    known = sorted(available_timezones(), key=lambda one: (len(one), one))
    ending = "/" + name.strip().replace(" ", "_").casefold()
    return next((one for one in known if f"/{one}".casefold().endswith(ending)), None) or nearest(name, known)


_PATTERNS = ("tradingview", "ccxt", "url")
_BRACED = regex(r"\{([^{}]*)\}")


def symbols_of(tables: Mapping[str, Mapping[str, Any]]) -> Symbols:
    """What checked tables say, by exchange code in lower case."""
    return Symbols(
        own={code.lower(): _spelling(table) for code, table in tables.items()},
        names={code.lower(): table["name"] for code, table in tables.items() if "name" in table},
        aliases={
            code.lower(): {coin.upper(): name.upper() for coin, name in table.get("coins", {}).items()}
            for code, table in tables.items()
        },
    )


def symbol_findings(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """What is wrong with the tables beyond what the schema says."""
    seen: dict[str, str] = {}
    for code, table in tables.items():
        path: Path = ("symbols", code)
        other = seen.setdefault(code.lower(), code)
        if other != code:
            yield path, f"the same exchange as symbols > {other}: the casing of a code does not count"
        if problem := exchange_problem(code):
            yield path, problem
        for name in _PATTERNS:
            if name in table:
                yield from _pattern_findings((*path, name), table[name])
        for position, quote in enumerate(table.get("quotes", ())):
            if problem := currency_problem(quote):
                yield (*path, "quotes", position), problem


def _spelling(table: Mapping[str, Any]) -> PairSpelling:
    said = {name: table[name] for name in (*_PATTERNS, "ccxt_id") if name in table}
    return PairSpelling(**said, quotes=tuple(table.get("quotes", ())))


def _pattern_findings(path: Path, pattern: str) -> Iterator[Finding]:
    for name in _BRACED.findall(pattern):
        if name not in PLACEHOLDERS:
            yield path, not_one_of(f"{{{name}}}", [f"{{{each}}}" for each in PLACEHOLDERS])
    if re.search(r"[{}]", _BRACED.sub("", pattern)):
        yield path, "a brace stands alone: write {COIN}, {QUOTE}, {coin} or {quote}"
