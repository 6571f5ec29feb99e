"""The plan: a pure function of what is wanted and what the target holds, as an object.

A row is added, or one sync-owned cell of a keyed row is updated. Where the template has grown, the
tabs and columns it gained are added too. Nothing is ever deleted, moved or reformatted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.rows.lineage import Lineage, Write, followed_by
from cqs_sheets.core.rows.table import Table
from cqs_sheets.core.templates.template import Template

_LONGEST_TITLE = 31  # in Excel


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """A new row: sync-owned values by column id, in a tab named as in the template."""

    tab: str
    key: str
    values: Mapping[str, CellValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One cell of the row of `key`. In a settings tab, key is the setting and column is "value"."""

    tab: str
    key: str
    column: str
    old: CellValue
    new: CellValue


class NewColumn(NamedTuple):
    """A column to make at the right of a tab's own; in a settings tab, a setting to make below the others."""

    tab: str
    column: str


def free_title(name: str, taken: Collection[str]) -> str:
    """A title for a new tab: its name, or `Signals (CQS)`, `Signals (CQS 2)`...; never that of a volume."""
    used = {title.lower() for title in taken}
    title, number = name, 0
    while title.lower() in used:
        number += 1
        suffix = " (CQS)" if number == 1 else f" (CQS {number})"
        title = name[: _LONGEST_TITLE - len(suffix)] + suffix
    return title


class NewTab(NamedTuple):
    """A tab of the template to make, under a title that is free."""

    tab: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Ordered changes for one target, made for the state `table`.

    `sequence` and the random `word` are the stamp to leave in the target. `new_tabs` and `new_columns` are what
    the template has and this target lacks and shall get: they are made before adds and updates, which may
    fill them.
    `left_deleted` are rows the user deleted, `refusals` reasons for which this plan must not be applied.
    """

    template: Template
    table: Table
    sequence: int
    word: str = ""
    adds: tuple[Add, ...] = ()
    updates: tuple[Update, ...] = ()
    new_tabs: tuple[NewTab, ...] = ()
    new_columns: tuple[NewColumn, ...] = ()
    left_deleted: int = 0
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def lineage(self) -> Lineage:
        """What the target descends from once this is done."""
        return followed_by(self.table.lineage, Write(self.sequence, self.word))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        dropped = self.table.bindings.dropped
        return not (self.adds or self.updates or self.new_tabs or self.new_columns or dropped)

    def makes(self, tab: str) -> bool:
        """Whether it makes that tab."""
        return any(new.tab == tab for new in self.new_tabs)
