"""The one interface of every kind of target; tests/destinations holds the suite all must pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Facts
from cqs_sheets.core.plan.plan import Plan, Stamp, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a write did: the target's new version, and what to tell the user."""

    version: str
    warnings: tuple[str, ...] = ()


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

    def stamp(self, known_version: str) -> Stamp:
        """The cheap look; `known_version` is what the last Applied or Table said.

        Where the target still is that version, its content need not be opened and `sequence`
        may be None.
        """
        ...

    def look(self, stamp: Stamp, marks: Collection[str]) -> Facts:
        """The marks of tabs that are called `marks`, and the sheets that carry them (or all there are)."""
        ...

    def headers(self, facts: Facts, titles: Collection[str]) -> Facts:
        """The same with all sheets, and with the first rows of those with one of `titles` (in any case)."""
        ...

    def read(self, facts: Facts, bindings: Bindings, keys: Mapping[str, Collection[str]]) -> Table:
        """What the target holds of these keys (template tab name -> keys) and of the settings.

        Raises errors.TargetChanged if the target is no longer as `facts` say.
        """
        ...

    def open_keys(self, facts: Facts, bindings: Bindings) -> Mapping[str, Collection[str]]:
        """The keys of the rows whose status is open, by tab; of the tabs that show one.

        A look at every row, for the rare time when the journal cannot tell. `read` may follow.
        """
        ...

    def apply(self, plan: Plan) -> Applied:
        """Make all changes of the plan in one atomic step, and leave its sequence in the target.

        Raises errors.TargetChanged, with nothing written, if the target is not the one the plan
        was made for.
        """
        ...
