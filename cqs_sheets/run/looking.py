"""A target, and what a look at it shows: which of its sheets are tabs of its template, what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY
from datetime import tzinfo
from functools import cached_property
from types import MappingProxyType

from cqs_sheets.config import TargetSettings
from cqs_sheets.core.plan.binding import Bindings, bind, marks_of, searched_titles
from cqs_sheets.core.plan.facts import Facts
from cqs_sheets.core.plan.plan import Snapshot, Stamp
from cqs_sheets.core.signals.fields import OUTCOMES
from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations import Destination
from cqs_sheets.errors import ROWS_WAIT, DataRefused
from cqs_sheets.journal import TargetState
from cqs_sheets.values import dataclass

_AWAY = ("move it away, and a new one is made", "delete the tabs in it that were made for the sandbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target with all that is needed to write it."""

    settings: TargetSettings
    template: Template
    destination: Destination
    zone: tzinfo


@dataclass
class Looked:
    """A look at a target as deep as it is needed: its facts, and which sheets are the template's tabs."""

    target: Target
    state: TargetState
    stamp: Stamp
    _: KW_ONLY
    restore: bool

    @cached_property
    def facts(self) -> Facts:
        """What is seen of all its sheets. Raises CqsError."""
        template, words = self.target.template, self.target.settings.tabs
        return look(self.target.destination, template, words, self.stamp)

    @cached_property
    def bindings(self) -> Bindings:
        """Which sheets are the template's tabs. Raises CqsError."""
        written = self.state.sequence > 0 and not self.restore
        return bind(self.target.template, self.facts, self.target.settings.tabs, written=written)

    def moved(self) -> bool:
        """Whether the user's word, when it is new, takes a tab to another sheet than its rows are in."""
        new = self.target.settings.tabs and self.state.cursor == 0 and self.stamp.exists
        return bool(new and self.bindings.dropped)


def look(destination: Destination, template: Template, words: Mapping[str, str], stamp: Stamp) -> Facts:
    """What must be seen of a target to know which of its sheets are tabs of the template. Raises CqsError."""
    facts = destination.look(stamp, marks_of(template))
    titles = searched_titles(template, facts, words)
    return destination.headers(facts, titles) if titles else facts


def read_target(
    destination: Destination,
    template: Template,
    keys: Mapping[str, Collection[str]],
    words: Mapping[str, str] = MappingProxyType({}),
    *,
    known_version: str = "",
) -> Snapshot:
    """What a target holds of some keys of a template's tabs; raises CqsError as destinations do."""
    facts = look(destination, template, words, destination.stamp(known_version))
    return destination.read(facts, bind(template, facts, words), keys)


def shows_outcomes(template: Template) -> bool:
    """Whether a template has a column of what became of signals."""
    return any(column.source in OUTCOMES for tab in template.fed_tabs for column in tab.columns)


def holds_invented(settings: TargetSettings) -> DataRefused:
    """Why real signals do not go into a target of the sandbox."""
    return DataRefused(
        f"{settings.name} holds invented signals of the sandbox: real ones are not mixed with them.",
        meaning=ROWS_WAIT,
        hint=f"Name another target with --to, or {_AWAY[settings.path is None]}.",
        kind="sandbox",
    )
