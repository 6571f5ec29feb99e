"""A target that is as the last sync left it, with nothing waiting for it: neither its template nor its rows are read.

It is what most runs find, every minute: they import nothing that plans, reads or writes a sheet.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING

from cqs_sheets import __version__
from cqs_sheets.config import TargetSettings
from cqs_sheets.core.plan.facts import Lineage
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.destinations.excel.filesystem import is_undisturbed
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import Journal, TargetState
from cqs_sheets.template_files import sources
from cqs_sheets.values import dataclass, field

if TYPE_CHECKING:
    from cqs_sheets.core.plan.plan import Plan

_BEATS = "+"  # ends the mark of a target whose settings are refreshed in between


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What became of one target: the `error` that ended it, if one did, and the rows that are still `pending`.

    `title` is what people call it ("" as in the config). Of the signals that were `offered` to it for the first
    time, so many it `declined`, as they are not for it. `told` says what else was done.
    """

    plan: Plan | None = None
    error: CqsError | None = None
    requests: int = 0
    pending: int = 0
    title: str = ""
    offered: int = 0
    declined: int = 0
    told: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def remembered(journal: Journal, settings: TargetSettings, lineage: Lineage = ()) -> TargetState:
    """What the journal knows of a target; `lineage` is what a workbook says of itself, for a shared journal.

    One workbook with another template is another target: what was delivered to the tabs of the one
    says nothing about the tabs of the other. When feeds, `where` or `tabs` change, all signals are looked
    at again.
    """
    return journal.target(_known_as(journal, settings, lineage), _selection(settings))


def lacking(
    journal: Journal,
    targets: Iterable[TargetSettings],
    now: datetime,
    shows_settings: Callable[[TargetSettings], bool],
) -> list[TargetSettings]:
    """The targets that were never written, have rows to get, or are due for a sign of life; longest unwritten first."""
    known = journal.standings()
    found: list[tuple[float, TargetSettings]] = []
    for settings in targets:
        selection, last, behind = known.get(_known_as(journal, settings, ()), ("", None, True))
        pending = behind
        if last and (selection != _selection(settings) or (behind and settings.feeds is not None)):
            pending = journal.pending(remembered(journal, settings), settings.feeds) > 0
        beats = settings.heartbeat and now - (last or now) >= timedelta(seconds=settings.heartbeat)
        if last is None or pending or (beats and shows_settings(settings)):
            found.append((last.timestamp() if last else 0.0, settings))
    return [settings for _, settings in sorted(found, key=itemgetter(0))]


def _selection(settings: TargetSettings) -> str:
    chosen = (settings.feeds, sorted(settings.where.items()))
    return repr((*chosen, sorted(settings.tabs.items())) if settings.tabs else chosen)


def _known_as(journal: Journal, settings: TargetSettings, lineage: Lineage) -> str:
    """A target's name in the journal. Machines that share one know a workbook by its content: paths differ."""
    if not journal.shared or settings.path is None:
        return f"{settings.identity} as {settings.template}"
    ending = f" as {settings.template.replace(os.sep, '/').rpartition('/')[2]}"
    known = journal.known_as(lineage, ending) if lineage else None
    return known or f"{platform.node()}:{settings.identity}{ending}"


def is_heartbeat_due(settings: TargetSettings, state: TargetState, now: datetime) -> bool:
    """Whether it is time to refresh the settings of a target that shows some."""
    every = timedelta(seconds=settings.heartbeat)
    return bool(every) and (state.last_heartbeat is None or now - state.last_heartbeat >= every)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Tells targets at rest, by marks that were left when they had got all. `surroundings`: all else that rows show.

    `looks` is False where rows are to be looked at in any case.
    """

    journal: Journal
    clock: Callable[[], datetime]
    surroundings: str
    looks: bool = True
    turn: Lock = field(default_factory=Lock)

    def mark(self, settings: TargetSettings, *, beats: bool) -> str:
        """What to leave for a target that has all it shall have; "" if its template must be read each time."""
        texts = sources(settings.template)
        spelling = "" if settings.symbols == BUILT_IN else repr(settings.symbols)
        whole = "\0".join((__version__, self.surroundings, spelling, *texts))
        found = hashlib.sha256(whole.encode()).hexdigest()[:20] if texts else ""
        return found + _BEATS if found and beats else found

    def known(self, settings: TargetSettings) -> TargetState | None:
        """What is remembered of a target whose template and surroundings still are those of its mark."""
        if settings.path is None or self.journal.shared:
            return None
        try:
            with self.turn:
                state = remembered(self.journal, settings)
            marked = state.rest and state.rest.removesuffix(_BEATS) == self.mark(settings, beats=False)
        except CqsError:  # told when the target has its turn
            return None
        return state if marked else None

    def found(self, settings: TargetSettings) -> Delivery | None:
        """What there is to tell of a workbook that is the version the journal knows, and lacks nothing; else None."""
        state = self.known(settings) if self.looks else None
        if state is None or settings.path is None or state.cursor == 0:
            return None
        with self.turn:
            if state.cursor < self.journal.newest_change():
                return None
        if state.rest.endswith(_BEATS) and is_heartbeat_due(settings, state, self.clock()):
            return None
        return Delivery(title=state.title) if is_undisturbed(settings.path, state.version) else None
