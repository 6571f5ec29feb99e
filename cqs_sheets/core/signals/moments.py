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
_CLOCK_NOISE = timedelta(minutes=1)
_UNIX_START = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(2000, 2200)


def moment(text: str, zone: tzinfo, by: datetime | None = None) -> datetime | None:
    """The moment in UTC, or None if the text is no time or lies outside the years 2000-2199.

    `YYYY-MM-DD HH:MM:SS` on the clocks of `zone`; also with T, fractions, an offset of its own,
    or as Unix time in seconds or milliseconds. Of an hour that those clocks showed twice, the one
    that had last come round `by` then is meant; the first without `by`.
    """
    try:
        found = _moment(text, zone, by)
    except (ValueError, OverflowError):
        return None
    return found if found and found.year in _YEARS else None


def _moment(text: str, zone: tzinfo, by: datetime | None) -> datetime | None:
    if _EPOCH.fullmatch(text):
        return _UNIX_START + timedelta(microseconds=int(Decimal(text) * 1_000_000))
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return _UNIX_START + timedelta(milliseconds=int(text))
    if not _TIME.fullmatch(text):
        return None
    found = datetime.fromisoformat(text[:19] + text[19:].replace(" ", ""))
    if found.tzinfo:
        return found.astimezone(UTC)
    first, second = (found.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return second if by is not None and first < second <= by + _CLOCK_NOISE else first
