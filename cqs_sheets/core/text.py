"""Words for people: counts, lengths of time, sizes; and texts of others, made harmless."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from cqs_sheets.patterns import regex

_UPSETTING = regex("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# What a line of GitHub's log must not begin with, or hold.
_COMMAND = regex(r"^(\s*)::|##(?=\[)", re.MULTILINE)


def plural(count: int, noun: str) -> str:
    """`1 signal`, `2 signals`, `10,000 signals`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 05 min`, `2 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 90:  # noqa: PLR2004 - up to there seconds read better
        return f"{seconds:.0f} s"
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def ago(moment: datetime, now: datetime) -> str:
    """`just now`, `3 min ago`, `2 d 4 h ago`."""
    passed = now - moment
    return "just now" if passed < timedelta(seconds=20) else f"{duration(passed.total_seconds())} ago"


def harmless(text: str) -> str:
    """A text whose controls and changes of direction are spelt out, and that commands nothing on GitHub.

    Line breaks and tabs stay; see `one_line`.
    """
    return _COMMAND.sub(lambda found: "# #" if found[0] == "##" else f"{found[1]}: :", _spelt(text))


def harmless_json(text: str) -> str:
    """The same of JSON, whose values stay what they are."""
    return _spelt(text).replace("##[", "#\\u0023[")


def _spelt(text: str) -> str:
    return _UPSETTING.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def one_line(text: str) -> str:
    """The same on one line: a text of somebody else's forges no lines of its own."""
    return harmless(text.replace("\n", "\\n").replace("\t", " "))


def size_text(size: float) -> str:
    """`900 bytes`, `12.3 MB`."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"  # noqa: PLR2004
        size /= 1000
    return f"{size:.1f} TB"
