"""A target that is as the last sync left it, with nothing waiting for it: neither its template nor its rows are read.

It is what most runs find, every minute: they import nothing that plans, reads or writes a sheet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from cqs_sheets import __version__
from cqs_sheets.config import TargetSettings
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.destinations.excel import filesystem
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import Journal, TargetState
from cqs_sheets.template_files import sources
from cqs_sheets.values import dataclass, field

if TYPE_CHECKING:
    from cqs_sheets.core.plan.plan import Plan
    from cqs_sheets.core.templates.template import Template

_BEATS = "+"  # ends the mark of a template whose settings are refreshed in between


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What became of one target: the `error` that ended it, if one did, and the rows that are still `pending`."""

    plan: Plan | None = None
    error: CqsError | None = None
    requests: int = 0
    pending: int = 0
    warnings: list[str] = field(default_factory=list)


def remembered(journal: Journal, settings: TargetSettings) -> TargetState:
    """What the journal knows of a target.

    One workbook with another template is another target: what was delivered to the tabs of the one
    says nothing about the tabs of the other. When feeds, `where` or `tabs` change, all signals are looked
    at again.
    """
    chosen = (settings.feeds, sorted(settings.where.items()))
    selection = repr((*chosen, sorted(settings.tabs.items())) if settings.tabs else chosen)
    return journal.target(f"{settings.identity} as {settings.template}", selection)


def rest_mark(settings: TargetSettings, template: Template) -> str:
    """What is kept of a target that holds all it shall: while it stays the same, only news are looked for."""
    mark = _mark(settings)
    return mark + _BEATS if mark and template.settings_tab else mark


def _mark(settings: TargetSettings) -> str:
    texts = sources(settings.template)
    spelling = "" if settings.symbols == BUILT_IN else repr(settings.symbols)
    whole = "\0".join((__version__, spelling, *texts))
    return hashlib.sha256(whole.encode()).hexdigest()[:20] if texts else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Tells targets at rest; `looks` is False where rows are to be looked at in any case."""

    journal: Journal
    clock: Callable[[], datetime]
    looks: bool = True
    turn: Lock = field(default_factory=Lock)

    def holds(self, settings: TargetSettings) -> bool:
        """Whether a workbook is the version that the journal knows, and lacks nothing."""
        if not self.looks or settings.path is None:
            return False
        with self.turn:
            state = remembered(self.journal, settings)
            if not state.rest or state.cursor == 0 or state.cursor < self.journal.newest_change():
                return False
        if state.rest.endswith(_BEATS) and is_heartbeat_due(settings, state, self.clock()):
            return False
        undisturbed = filesystem.is_undisturbed(settings.path, state.version)
        return undisturbed and state.rest.removesuffix(_BEATS) == _mark(settings)


def is_heartbeat_due(settings: TargetSettings, state: TargetState, now: datetime) -> bool:
    """Whether it is time to refresh the settings of a target that shows some."""
    every = timedelta(seconds=settings.heartbeat)
    return bool(every) and (state.last_heartbeat is None or now - state.last_heartbeat >= every)
