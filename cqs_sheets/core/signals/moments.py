"""The API's time stamps as moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
_ZONE = r" ?(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_TIME = re.compile(f"{_CLOCK}(?:{_ZONE})?")
_EPOCH = re.compile(r"[0-9]{10}(?:\.[0-9]{1,9})?")
_EPOCH_MILLISECONDS = re.compile(r"[0-9]{13}")
_UNIX_START = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(2000, 2200)


def moment(text: str, zone: tzinfo) -> datetime | None:
    """The moment in UTC, or None if the text is no time or lies outside the years 2000-2199.

    `YYYY-MM-DD HH:MM:SS` on the clocks of `zone`; also with T, fractions, an offset of its own,
    or as Unix time in seconds or milliseconds.
    """
    try:
        found = _moment(text, zone)
    except (ValueError, OverflowError):
        return None
    return found if found and found.year in _YEARS else None


def _moment(text: str, zone: tzinfo) -> datetime | None:
    if _EPOCH.fullmatch(text):
        return _UNIX_START + timedelta(microseconds=int(Decimal(text) * 1_000_000))
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return _UNIX_START + timedelta(milliseconds=int(text))
    if not _TIME.fullmatch(text):
        return None
    found = datetime.fromisoformat(text[:19] + text[19:].replace(" ", ""))
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
