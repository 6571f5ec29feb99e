"""What a target holds, the changes that are planned for it, and the record of what was ever made in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from cqs_sheets.core.cells import Alike, CellValue
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Lineage, Made, Write, followed_by
from cqs_sheets.core.templates.template import SettingsTab, Tab, TableTab, Template
from cqs_sheets.values import dataclass, field

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
    `alike`: the keys that stand there only in another way of writing; a sure one is in `rows` as well.
    """

    name: str
    columns: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[str, HeldRow] = field(default_factory=dict)
    duplicates: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    alike: Mapping[str, Alike] = field(default_factory=dict)
    row_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
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

    `title` is what people call it, "" if it has no name of its own. `seen` is the destination's own, for the look
    that may follow.
    """

    exists: bool
    lineage: Lineage = ()
    version: str = ""
    title: str = ""
    seen: object = field(default=None, compare=False, repr=False)


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


def made_beside(tab: Tab, title: str) -> str:
    """What to tell of a tab made under another title, as a sheet that was not taken for it has its own; or ""."""
    if title == tab.name:
        return ""
    mend = f'; if it is meant, say so: --tab {tab.name}="{tab.name}"' if isinstance(tab, TableTab) else ""
    return (
        f"the sheet {tab.name!r} is not this template's and is left alone, {title!r} is made beside it{mend}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Ordered changes for one target, made for the state `snapshot`.

    `sequence` and the random `word` are the stamp to leave in the target. `new_tabs` and `new_columns` are what
    the template has and this target lacks and shall get: they are made before adds and updates, which may
    fill them.
    `left_deleted` are rows the user deleted, `refusals` reasons for which this plan must not be applied.
    """

    snapshot: Snapshot
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
    def template(self) -> Template:
        """What it is made for, with the marks by which its tabs are known there."""
        return self.snapshot.bindings.template

    @property
    def lineage(self) -> Lineage:
        """What the target descends from once this is done."""
        return followed_by(self.snapshot.lineage, Write(self.sequence, self.word))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        dropped = self.snapshot.bindings.dropped
        return not (self.adds or self.updates or self.new_tabs or self.new_columns or dropped)

    def makes(self, tab: str) -> bool:
        """Whether it makes that tab."""
        return any(new.tab == tab for new in self.new_tabs)


USERS_OWN = frozenset({"*"})
"""The record of a tab that we found and did not make: nothing is ever added to it."""

NEWEST_FIRST = "^"
"""In the record of a tab whose new rows come on top, as the user wants it so."""


def parts(tab: Tab) -> frozenset[str]:
    """What a tab can be given later: the ids of its columns, or the names of its settings."""
    if isinstance(tab, TableTab):
        return frozenset(column.id for column in tab.columns)
    return (
        frozenset(setting.name for setting in tab.settings) if isinstance(tab, SettingsTab) else frozenset()
    )


def new_tabs(snapshot: Snapshot, used: Collection[str]) -> Iterator[NewTab]:
    """The tabs to make, in order: `used` ones that are not there, and those that the target was never given.

    The first write makes all but optional ones. Where a tab is the user's own sheet, none is made that no row goes to.
    """
    record = snapshot.made
    if USERS_OWN in (record or {}).values() or snapshot.bindings.adopted:
        record = None
    elif snapshot.sequence is None and record is None:
        record = {}
    taken = list(snapshot.titles)
    for tab in snapshot.bindings.template.tabs:
        optional = isinstance(tab, TableTab) and tab.when_needed
        due = record is not None and _mark(tab) not in record and not optional
        there = tab.name in snapshot.tabs or tab.name in snapshot.bindings.tabs
        if not there and (due or tab.name in used):
            title = free_title(tab.name, taken)
            taken.append(title)
            yield NewTab(tab.name, title)


def new_columns(snapshot: Snapshot) -> Iterator[NewColumn]:
    """Columns and settings never made in a tab that we made, in order."""
    for tab in snapshot.bindings.template.tabs:
        made = (snapshot.made or {}).get(_mark(tab), USERS_OWN)
        if made == USERS_OWN:
            continue
        if isinstance(tab, TableTab):
            yield from (NewColumn(tab.name, column.id) for column in tab.columns if column.id not in made)
        elif isinstance(tab, SettingsTab):
            yield from (NewColumn(tab.name, each.name) for each in tab.settings if each.name not in made)


def made_after(plan: Plan, left_out: Collection[NewColumn] = ()) -> Made:
    """The record to leave with a plan's write, which could not make the columns in `left_out`.

    A sheet that was adopted is the user's own. All else is settled with the first record, also what was not
    made; but for tabs made when needed.
    """
    record = dict(plan.snapshot.made or {})
    bindings = plan.snapshot.bindings
    for tab in plan.template.tabs:
        optional = isinstance(tab, TableTab) and tab.when_needed
        if tab.name in bindings.adopted:
            record[_mark(tab)] = USERS_OWN
        elif plan.makes(tab.name) or (
            _mark(tab) not in record and (tab.name in plan.snapshot.tabs or not optional)
        ):
            record[_mark(tab)] = parts(tab)
        if isinstance(tab, TableTab) and record.get(_mark(tab), USERS_OWN) != USERS_OWN:
            record[_mark(tab)] = record[_mark(tab)] - {NEWEST_FIRST} | _order(tab)
    for new in plan.new_columns:
        if new not in left_out:
            record[_mark(plan.template.tab(new.tab))] |= {new.column}
    return record


def _order(tab: TableTab) -> frozenset[str]:
    return frozenset({NEWEST_FIRST} if tab.newest_first else ())


def other_order(template: Template, snapshot: Snapshot) -> Iterator[str]:
    """What to tell of tabs that hold rows in another order than new ones will come in."""
    for tab in template.fed_tabs:
        made, state = (snapshot.made or {}).get(tab.mark_name, USERS_OWN), snapshot.tabs.get(tab.name)
        if made == USERS_OWN or state is None or state.row_count < 2:  # noqa: PLR2004 - one row has no order
            continue
        if made & {NEWEST_FIRST} != _order(tab):
            where = "on top of" if tab.new_rows == "top" else "below"
            yield f"{tab.name}: new rows come {where} those that are there: sort these by Time once"


def is_users_own(bindings: Bindings, made: Made | None, tab: TableTab) -> bool:
    """Whether a tab is a sheet of the user's own: its formulas and looks are theirs, too."""
    return tab.name in bindings.adopted or (made or {}).get(tab.mark_name) == USERS_OWN


def _mark(tab: Tab) -> str:
    return tab.mark_name if isinstance(tab, TableTab) else tab.name


def record_text(made: Made) -> str:
    """The record as text, to be kept in the target."""
    return json.dumps({tab: sorted(ids) for tab, ids in made.items()}, separators=(",", ":"))


def record_from(text: str) -> Made | None:
    """The record that `record_text` wrote; None for anything else."""
    try:
        found = json.loads(text)
        return {str(tab): frozenset(map(str, ids)) for tab, ids in found.items()}
    except (ValueError, AttributeError, TypeError):
        return None


def shape(template: Template) -> str:
    """A short text that changes when the template gets (or loses) a tab, a column or a setting."""
    listed = [[tab.name, sorted(parts(tab))] for tab in template.tabs]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


def ids_by_tab(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """The new columns (or settings) of each tab, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for new in plan.new_columns:
        found[new.tab] = (*found.get(new.tab, ()), new.column)
    return found
