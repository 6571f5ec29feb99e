"""Durations as people write them in settings: "30s", "60m", "5h50m", "1d"."""

from __future__ import annotations

import re

from cqs_sheets.core.toml.words import quoted

_DURATION = re.compile(r"(?=.)(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?")
_UNIT_SECONDS = (86400, 3600, 60, 1)
DURATION_WORDS = 'a duration such as "30s", "60m" or "5h50m", or 0'


def duration(text: str | int) -> int:
    """Seconds of a duration such as "30s", "60m", "5h50m", "1d" or 0; raises ValueError."""
    if str(text) == "0":
        return 0
    found = _DURATION.fullmatch(str(text))
    if not found:
        raise ValueError(f"expected {DURATION_WORDS}, found {quoted(text)}")
    return sum(int(count or 0) * unit for count, unit in zip(found.groups(), _UNIT_SECONDS, strict=True))


def duration_text(seconds: int) -> str:
    """The shortest text of one unit or several that `duration` reads back: 86400 is "1d", 5400 "1h30m"."""
    told = ""
    for unit, letter in zip(_UNIT_SECONDS, "dhms", strict=True):
        count, seconds = divmod(seconds, unit)
        told += f"{count}{letter}" if count else ""
    return told or "0"
