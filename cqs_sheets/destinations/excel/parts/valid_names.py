"""Names that Excel accepts for sheets and tables, and that nobody else has taken."""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST_SHEET_NAME = 31

_NOT_IN_A_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_NOT_IN_A_NAME = re.compile(r"[^\w.]")
_READS_AS_A_CELL = re.compile(r"(?i)[a-z]{1,3}[0-9]+|r[0-9]*(?:c[0-9]*)?|c[0-9]*|true|false")


def sheet_name(wanted: str, taken: Iterable[str] = ()) -> str:
    """`wanted` as the name of a sheet; `Signals (2)` if `taken` has it (case aside)."""
    name = _NOT_IN_A_SHEET_NAME.sub("_", wanted).strip("'") or "Sheet"
    used = {each.lower() for each in taken} | {"history"}  # Excel keeps that one for itself
    candidate, count = name[:LONGEST_SHEET_NAME], 1
    while candidate.lower() in used:
        count += 1
        suffix = f" ({count})"
        candidate = name[: LONGEST_SHEET_NAME - len(suffix)] + suffix
    return candidate


def table_name(wanted: str, taken: Iterable[str] = ()) -> str:
    """`wanted` as the name of a table; `Signals_2` if a table or a defined name in `taken` has it."""
    name = _NOT_IN_A_NAME.sub("_", wanted)[:200]
    if not name or not (name[0].isalpha() or name[0] == "_") or _READS_AS_A_CELL.fullmatch(name):
        name = f"_{name}"
    used = {each.lower() for each in taken}
    candidate, count = name, 1
    while candidate.lower() in used:
        count += 1
        candidate = f"{name}_{count}"
    return candidate
