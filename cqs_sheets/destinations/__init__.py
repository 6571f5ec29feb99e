"""The one interface of every kind of target; tests/destinations holds the suite all must pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:  # whoever only looks whether a target changed needs none of this
    from cqs_sheets.core.cells import CellValue
    from cqs_sheets.core.plan.binding import Bindings, How
    from cqs_sheets.core.plan.facts import Facts, Where
    from cqs_sheets.core.plan.plan import Plan, Snapshot, Stamp
    from cqs_sheets.core.templates.template import TableTab


class Applied(NamedTuple):
    """What a write did: the target's new version, what to tell the user, and what the next sync may `recall`."""

    version: str
    warnings: tuple[str, ...] = ()
    memory: bytes = b""


class Protection(NamedTuple):
    """A protection that refuses our writes: its `range` ("B2:F200", or "the whole tab") and our columns in it."""

    range: str
    description: str
    columns: tuple[str, ...]


class InspectedTab(NamedTuple):
    """A fed tab, or one that it was continued in, as a doctor looks at it; rows count from 1.

    `title` is what the tab is called today, `how` its sheet was known for it. `columns`: column id -> letters.
    `made` are ids of columns that were ever made there, None if that is not on record. `rows` counts the keyed
    rows, `last_row` is the last of them (0: not looked for), `duplicates` maps a key in several rows to these.
    """

    tab: TableTab
    title: str
    header_row: int
    how: How
    columns: Mapping[str, str]
    rows: int
    duplicates: Mapping[str, Sequence[int]]
    last_row: int = 0
    made: frozenset[str] | None = None
    protected: tuple[Protection, ...] = ()


class Destination(Protocol):
    """Finds out what one target holds, at growing depth (stamp, look, headers, read), and carries out a plan (apply).

    It decides nothing about tabs: which sheet is which tab is worked out in the core from what `look` finds.
    What a step needs of the one before travels in what that returned (`seen`).

    All methods raise errors.DataRefused (the target holds what we refuse to touch),
    errors.TargetBusy (locked or away; nothing was written) or errors.AccessRefused.
    """

    @property
    def requests(self) -> int:
        """How many requests over the network this thread has sent so far; 0 for a file."""
        ...

    def stamp(self, known_version: str, *, brief: bool = False) -> Stamp:
        """The cheap look; `known_version` is what the last Applied or Snapshot said.

        Where the target still is that version, its content need not be opened and `sequence`
        may be None. `brief`: likely nothing follows it.
        """
        ...

    def recall(self, memory: bytes) -> None:
        """What the last write left to be remembered of the version that the target still is; it only saves time."""
        ...

    def look(self, stamp: Stamp, marks: Collection[str]) -> Facts:
        """The marks of tabs that are called `marks`, and the sheets that carry them (or all there are)."""
        ...

    def headers(self, facts: Facts, titles: Collection[str]) -> Facts:
        """The same with all sheets, and with the first rows of those with one of `titles` (in any case)."""
        ...

    def read(self, facts: Facts, bindings: Bindings, keys: Mapping[str, Collection[str]]) -> Snapshot:
        """What the target holds of these keys (template tab name -> keys) and of the settings.

        Raises errors.TargetChanged if the target is no longer as `facts` say.
        """
        ...

    def keys_where(
        self, facts: Facts, bindings: Bindings, wanted: Mapping[str, Where]
    ) -> Mapping[str, Collection[str]]:
        """The keys of the rows that are wanted, by tab; none where the column is not there.

        A look at every row, for what the journal cannot tell. `read` may follow.
        """
        ...

    def entries(
        self, facts: Facts, bindings: Bindings, columns: Mapping[str, Collection[str]]
    ) -> Mapping[str, Sequence[Mapping[str, CellValue]]]:
        """Some columns' cells (tab -> their ids) in all rows, by column id; for tabs of the user's own."""
        ...

    def all_keys(self, facts: Facts, bindings: Bindings) -> Mapping[str, Collection[str]]:
        """The keys of all rows, by tab; for the rare time when every row is to be written anew."""
        ...

    def apply(self, plan: Plan) -> Applied:
        """Make all changes of the plan in one atomic step, and leave its sequence in the target.

        Raises errors.TargetChanged, with nothing written, if the target is not the one the plan
        was made for.
        """
        ...
