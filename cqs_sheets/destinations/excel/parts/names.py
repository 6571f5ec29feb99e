"""The names by which a workbook remembers what is whose: hidden, workbook-scoped defined names.

`cqs.<tab>.<column id>` points at a column's header cell; Excel moves it with the column, renames it
with the sheet and turns it to #REF! when the column is deleted. `cqs.sequence` is a constant, and so
are `cqs.made.1`, `cqs.made.2`...: together the record of what was ever made there (core/rows/upgrade.py),
and `cqs.writes.1`...: the writes that the workbook descends from (core/rows/lineage.py).
"""

from __future__ import annotations

import re

PREFIX = "cqs."
SEQUENCE = "cqs.sequence"
MADE = "cqs.made."
WRITES = "cqs.writes."

_NOT_ALLOWED = re.compile(r"[^\w.]")


def tab_prefix(tab: str) -> str:
    """What the names of all columns of a template's tab begin with."""
    return f"{PREFIX}{_NOT_ALLOWED.sub('_', tab)}."


def column_name(tab: str, column_id: str) -> str:
    """The defined name of a column's header cell; characters a name may not hold become `_`."""
    return tab_prefix(tab) + _NOT_ALLOWED.sub("_", column_id)
