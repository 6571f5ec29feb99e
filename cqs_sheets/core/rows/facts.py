"""What a destination sees of a target's sheets, before anything is decided about them.

Sheets are named by ids of their destination's own; rows and columns count from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cqs_sheets.core.rows.lineage import Lineage

Made = Mapping[str, frozenset[str]]
"""What was ever made in a target: template tab -> ids of its columns, or names of its settings."""


class Spot(NamedTuple):
    """A header cell: the id of its sheet, its row and column."""

    sheet: str
    row: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedTab:
    """Our marks of one tab (or of a volume of it): column id -> header cell, None once that was deleted.

    `lost` says what else the marks lack to be of use; "" if nothing. `copied`: they came with a copy of
    the sheet that they were made for.
    """

    columns: Mapping[str, Spot | None]
    lost: str = ""
    copied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFacts:
    """A sheet; `rows` holds the texts of its first rows (row -> column -> text), if they were asked for."""

    id: str
    title: str
    rows: Mapping[int, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A target's sheets and our marks in them.

    `marks`: the name that marks carry (see TableTab.mark) -> volumes in their order -> the sheets that claim
    to be that volume: more than one where sheets were copied. `made` is the record of what we ever made
    there (None: there is none), `lineage` the writes it descends from. `seen` is the destination's own, for
    the reads and the write that follow.
    """

    exists: bool
    sequence: int | None = None
    lineage: Lineage = ()
    version: str = ""
    sheets: tuple[SheetFacts, ...] = ()
    marks: Mapping[str, Sequence[Sequence[MarkedTab]]] = field(default_factory=dict)
    made: Made | None = None
    seen: object = field(default=None, compare=False, repr=False)
