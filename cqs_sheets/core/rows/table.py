"""What a target holds now, as far as a plan needs to know.

A destination reads it; nothing in it belongs to the user: values of the user's columns are never
read into a plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.rows.binding import Bindings
from cqs_sheets.core.rows.facts import Made
from cqs_sheets.core.rows.lineage import Lineage

SETTING_VALUE = "value"
"""The one column of a settings tab: its rows are keyed by setting name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """A keyed row: its row number (1-based, as the user sees it) and its sync-owned values."""

    row: int
    values: Mapping[str, CellValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class TabState:
    """One template tab as found in a target.

    `columns`: column id -> position (1-based), for those that are there; a template column that
    is not in it is not written (the user deleted it, or it was never made).
    `rows` holds only keys that were asked for. `duplicates`: key -> every row number it stands in.
    """

    name: str
    columns: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, HeldRow] = field(default_factory=dict)
    duplicates: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    row_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A target as it stands.

    `sequence` is the number that the last write left in the target (None: never written by us), `lineage`
    the writes it descends from.
    `version` names this state of the target: apply refuses (TargetChanged) if it has moved on.
    `tabs` has the template's tabs that exist, by the template's tab name; `bindings` say which sheets the
    table tabs are, `titles` how all sheets are called. `made` is the record of what we ever made there (None:
    there is none, so nothing can be said to be new; see upgrade.py). `seen` is the destination's own.
    """

    exists: bool
    bindings: Bindings
    sequence: int | None = None
    lineage: Lineage = ()
    version: str = ""
    tabs: Mapping[str, TabState] = field(default_factory=dict)
    titles: tuple[str, ...] = ()
    made: Made | None = None
    warnings: tuple[str, ...] = ()
    seen: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The cheap look at a target: does it exist, is it as we left it, which writes does it descend from.

    `seen` is the destination's own, for the look that may follow.
    """

    exists: bool
    lineage: Lineage = ()
    version: str = ""
    seen: object = field(default=None, compare=False, repr=False)
