"""What one target still lacks, brought there in one atomic write, and noted in the journal."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, tzinfo
from threading import Lock
from typing import TYPE_CHECKING

from cqs_sheets.config import TargetSettings
from cqs_sheets.core.cells import CellValue, is_changed
from cqs_sheets.core.plan import rows as busiest
from cqs_sheets.core.plan.facts import (
    SANDBOX,
    Choices,
    Lineage,
    Where,
    Write,
    held_up_to,
    of_sandbox,
    top,
    word_of,
    written_by_others,
)
from cqs_sheets.core.plan.plan import Plan, Snapshot, Stamp, Update, shape
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import (
    Keys,
    Lives,
    Rows,
    WantedRow,
    aged,
    passes,
    signals_of,
    status_column,
)
from cqs_sheets.core.plan.taking import Taken, choices, entry_columns, own_keys, taken
from cqs_sheets.core.plan.zones import Rezoning, recorded_zone, zone_named
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.errors import ROWS_WAIT, CqsError, DataRefused, TargetBusy, TargetChanged
from cqs_sheets.journal import Journal, TargetState, Wanted
from cqs_sheets.run.looking import Looked, Target, holds_invented, shows_outcomes
from cqs_sheets.run.rest import Delivery, Rest, is_heartbeat_due, remembered
from cqs_sheets.unexpected import explained
from cqs_sheets.values import dataclass, field, replace

if TYPE_CHECKING:
    from cqs_sheets.core.outcomes.rules import Rules

_log = logging.getLogger(__name__)
_MANY = 1000  # signals, of which all are read at once
_PATIENCE, _GLANCE = 10.0, 0.25  # seconds to wait for another machine's turn, and between looks
_TRIES = 4  # a person saving again and again between our read and our write
_NAMED = 5  # cells that are told
_OPEN = (Status.OPEN.value,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Brings targets up to date from one journal; several at a time may be under way.

    `rules`: by which signals are judged, None where they are not.

    Only one of them speaks to the journal at a time; reading and writing targets is what takes long.
    `sandbox`: the signals are invented.
    """

    journal: Journal
    choices: Choices
    dry_run: bool
    clock: Callable[[], datetime]
    sandbox: bool = False
    rules: Rules | None = None
    random: Callable[[], str] = lambda: uuid.uuid4().hex[:12]
    sleep: Callable[[float], None] = time.sleep
    rest: Rest | None = None
    turn: Lock = field(default_factory=Lock)

    def deliver(self, target: Target, settings: Mapping[str, CellValue], *, make_empty: bool) -> Delivery:
        """Write what the target lacks; a failure is returned, with what was found out before it.

        `make_empty`: make a target that is not there even if there is no row for it yet.
        """
        outcome = Delivery()
        begun = target.destination.requests
        for _ in range(_TRIES):
            try:
                with self._alone(target):
                    self._deliver_once(target, settings, outcome, make_empty=make_empty)
                outcome.error = None
                break
            except TargetChanged as changed:
                outcome.error = changed
                target.destination.recall(b"")
            except Exception as error:  # noqa: BLE001 - the other targets have their turn, whatever it was
                outcome.error = explained(error, target.settings.name)
                break
        outcome.requests = target.destination.requests - begun
        return outcome

    def failed_to_open(self, settings: TargetSettings, error: CqsError) -> Delivery:
        """What became of a target that could not even be opened: its rows wait."""
        try:
            with self.turn:
                state = remembered(self.journal, settings)
                pending = self.journal.pending(state, settings.feeds)
                return Delivery(error=error, pending=pending, title=state.title)
        except CqsError:  # of the journal, which the other targets will tell of, too
            return Delivery(error=error)

    def _state(self, target: Target) -> TargetState:
        lineage: Lineage = ()
        if self.journal.shared and target.settings.path:
            with suppress(CqsError):  # told by the look that follows
                lineage = target.destination.stamp("").lineage
        with self.turn:
            return remembered(self.journal, target.settings, lineage)

    @contextmanager
    def _alone(self, target: Target) -> Iterator[None]:
        """As the only writer of the target among those who share the journal. Raises TargetBusy."""
        if not self.journal.shared or self.dry_run:
            yield
            return
        state, waited = self._state(target), 0.0
        while not self._hold(state):
            if waited >= _PATIENCE:
                raise TargetBusy(
                    f"{target.settings.name} is being written by another machine that shares the journal.",
                    meaning=ROWS_WAIT,
                    hint="Nothing to do: what it lacks is written by that one, or by the next sync.",
                )
            self.sleep(_GLANCE)
            waited += _GLANCE
        try:
            yield
        finally:
            with self.turn, suppress(TargetBusy):  # a session that broke holds nothing any more
                self.journal.release(state)

    def _hold(self, state: TargetState) -> bool:
        with self.turn:
            return self.journal.hold(state)

    def _deliver_once(
        self, target: Target, settings: Mapping[str, CellValue], outcome: Delivery, *, make_empty: bool
    ) -> None:
        state = self._state(target)
        with self.turn:
            outcome.pending = self.journal.pending(state, target.settings.feeds)
        outcome.title = state.title
        heartbeat, now = self._heartbeat_due(state, target), _shape(target)
        rezoned = state.zone not in ("", str(target.zone))
        changed = heartbeat or rezoned or now != state.shape
        brief = not (outcome.pending or changed or self.choices.restore)
        stamp = target.destination.stamp(state.version, brief=brief)
        outcome.title = stamp.title or state.title
        self._refuse_a_mix(target, state, stamp)
        looked = Looked(target, state, stamp, restore=self.choices.restore)
        moved = looked.moved()
        with self.turn:
            newest = self.journal.newest_change()
            rows = list(self._rows(state, stamp, target, moved=moved, outcome=outcome))
        outcome.pending = sum(not row.fill_only for row in rows)
        _log.debug("%s: %d rows to look at", outcome.title or target.settings.name, len(rows))
        orphans = self._orphans(state, stamp, looked)
        chosen = self._chosen(state, stamp, looked)
        wanted = changed or any(orphans.values()) or any(chosen.values())
        something_to_do = rows or (wanted if stamp.exists else make_empty)
        if not something_to_do:
            self._note(target, state, newest, rows, stamp, version=stamp.version)
            return
        if stamp.version == state.version and outcome.error is None:  # else it was not true of the file
            with self.turn:
                memory = self.journal.memory(state)
            target.destination.recall(memory)
        plan = self._plan(looked, rows, orphans, chosen, settings, refresh=heartbeat, outcome=outcome)
        outcome.plan = plan
        outcome.warnings[:0] = plan.warnings
        _refuse_large(plan)
        if self.dry_run:
            return
        if plan.empty:
            self._note(target, state, newest, rows, stamp, version=plan.snapshot.version, shape=now)
        else:
            applied = target.destination.apply(plan)
            outcome.warnings.extend(applied.warnings)
            wrote = Write(plan.sequence, plan.word)
            self._note(
                target, state, newest, rows, stamp,
                version=applied.version, wrote=wrote, shape=now, memory=applied.memory,
            )  # fmt: skip
        outcome.pending = 0

    def _candidates(self, state: TargetState, stamp: Stamp, target: Target, *, moved: bool) -> list[Wanted]:
        """Signals to look at: the changed; those that this version was never given.

        All on a restore, of a lost file, and where a tab has `moved` to another sheet.
        """
        feeds = target.settings.feeds
        lost = not stamp.exists and state.sequence > 0
        if lost or moved or self.choices.restore:
            return self.journal.everything(state, feeds)
        held = self._held(state, stamp)
        return self.journal.wanted(state, feeds, after_stamp=held if held < state.sequence else None)

    def _held(self, state: TargetState, stamp: Stamp) -> int:
        """The number up to which the target holds what it was given: not all of it in a fork or an older version."""
        if not stamp.exists or stamp.version == state.version:
            return state.sequence
        ours = self.journal.stamps(state, stamp.lineage)
        return held_up_to(stamp.lineage, state.stamp, ours, state.sequence)

    def _rows(
        self, state: TargetState, stamp: Stamp, target: Target, *, moved: bool, outcome: Delivery
    ) -> Iterator[WantedRow]:
        """The rows to look at. Where the template was changed these are all: new columns may have to be filled."""
        candidates = self._judged(target, self._candidates(state, stamp, target, moved=moved))
        held = self._held(state, stamp)
        found = list(_wanted(target, candidates, held))
        taken = {row.signal for row in found}
        new = [item.key for item in candidates if item.delivered is None]
        outcome.offered, outcome.declined = len(new), sum(key not in taken for key in new)
        yield from found
        if stamp.exists and state.shape != _shape(target):
            seen = {item.arrival for item in candidates}
            others = self._judged(target, self.journal.everything(state, target.settings.feeds))
            yield from _wanted(
                target, (item for item in others if item.arrival not in seen), held, fill_only=True
            )

    def _judged(self, target: Target, items: list[Wanted]) -> list[Wanted]:
        """The same with what became of each signal, where the template shows it."""
        if self.rules is None or not items or not shows_outcomes(target.template):
            return items
        listed = [item.arrival for item in items] if len(items) < _MANY else None
        found = self.journal.shown_outcomes(self.rules, listed)
        return [
            item._replace(records=(replace(item.record, judged=found.get(item.arrival, {})),), at=0)
            for item in items
        ]

    def _orphans(self, state: TargetState, stamp: Stamp, looked: Looked) -> Keys:
        """Rows that stand open in a target that others wrote to, and whose signals the journal does not know."""
        if not stamp.exists or stamp.version == state.version:
            return {}
        with self.turn:
            ours = self.journal.stamps(state, stamp.lineage)
        if not written_by_others(stamp.lineage, state.stamp, ours):
            return {}
        template = looked.target.template
        columns = {tab.name: status for tab in template.fed_tabs if (status := status_column(tab))}
        wanted = {name: Where(status, _OPEN) for name, status in columns.items()}
        found = looked.target.destination.keys_where(looked.facts, looked.bindings, wanted)
        with self.turn:
            return {
                tab.name: [
                    key
                    for key in found.get(tab.name, ())
                    if not is_changed(key) and not self._knows(tab, key)
                ]
                for tab in template.fed_tabs
            }

    def _chosen(self, state: TargetState, stamp: Stamp, looked: Looked) -> Keys:
        """Rows by which the user took a signal, not done yet: a spreadsheet's version does not tell their edits."""
        target, columns = looked.target, choices(looked.target.template)
        rests = stamp.version == state.version and target.settings.path and state.shape == _shape(target)
        if not columns or not stamp.exists or rests:
            return {}
        return target.destination.keys_where(looked.facts, looked.bindings, columns)

    def _knows(self, tab: TableTab, key: str) -> bool:
        return any(map(self.journal.knows, signals_of(tab, key)))

    def _heartbeat_due(self, state: TargetState, target: Target) -> bool:
        shown = target.template.settings_tab is not None
        return shown and is_heartbeat_due(target.settings, state, self.clock())

    def _plan(
        self, looked: Looked, rows: Sequence[WantedRow], orphans: Keys, chosen: Keys,
        settings: Mapping[str, CellValue], *, refresh: bool, outcome: Delivery,
    ) -> Plan:  # fmt: skip
        target, bindings = looked.target, looked.bindings
        keys = {tab: {*orphans.get(tab, ()), *chosen.get(tab, ())} for tab in {*orphans, *chosen}}
        keys |= {tab: set(found) for tab, found in own_keys(bindings.template, chosen).items()}
        for row in rows:
            keys.setdefault(row.tab, set()).add(row.key)
        snapshot = target.destination.read(looked.facts, bindings, keys)
        rows, snapshot, told = self._in_their_lives(looked, list(rows), keys, snapshot)
        if snapshot.version != looked.stamp.version:
            raise TargetChanged(
                f"{target.settings.name} is being changed while the sync works on it.",
                meaning=ROWS_WAIT,
                hint="Run the sync again when nobody is saving it.",
            )
        outcome.warnings[:] = told
        outcome.told.clear()
        more = list(aged(bindings.template, snapshot, orphans, now=self.clock(), zone=target.zone))
        old = recorded_zone(bindings.template, snapshot) or looked.state.zone
        if snapshot.exists and old not in ("", str(target.zone)) and (clocks := zone_named(old)):
            every = target.destination.all_keys(looked.facts, bindings)
            whole = {name: {*keys.get(name, ()), *every.get(name, ())} for name in {*keys, *every}}
            snapshot = target.destination.read(looked.facts, bindings, whole)
            more += self._rezoned(looked, snapshot, clocks, outcome)
        own = self._taken(looked, snapshot, chosen, outcome)
        return make_plan(
            rows,
            snapshot,
            sequence=max(looked.state.sequence, snapshot.sequence or 0) + 1,
            word=word_of(SANDBOX if self.sandbox else looked.state.writer, self.random()),
            settings={**settings, **self._lists(target)},
            refresh_settings=refresh,
            choices=self.choices,
            more=[*more, *own.notes],
            own=own.adds,
        )

    def _in_their_lives(
        self, looked: Looked, rows: list[WantedRow], keys: dict[str, set[str]], snapshot: Snapshot
    ) -> tuple[Sequence[WantedRow], Snapshot, Sequence[str]]:
        """The rows, those whose id is an earlier signal's in this target under one of their own; what it holds of all.

        Those that are new under it are told.
        """
        lives = Lives(looked.bindings.template)
        moved = [at for at, row in enumerate(rows) if lives.is_anothers(snapshot, row)]
        waiting = moved
        while waiting:
            for at in waiting:
                rows[at] = lives.in_next(rows[at])
                keys[rows[at].tab].add(rows[at].key)
            snapshot = looked.target.destination.read(looked.facts, looked.bindings, keys)
            taken = Counter((row.tab, row.key) for row in rows)
            waiting = [
                at
                for at in waiting
                if taken[rows[at].tab, rows[at].key] > 1 or lives.is_anothers(snapshot, rows[at], moved=True)
            ]
        new = (rows[at] for at in moved if rows[at].key not in snapshot.tabs[rows[at].tab].rows)
        told = [
            f"{row.tab}: id {row.signal.api_id} is that of a signal that had ended, whose row stays; the new one"
            f" has a row of its own, {row.key}"
            for row in new
        ]
        return rows, snapshot, told

    def _taken(self, looked: Looked, snapshot: Snapshot, chosen: Keys, outcome: Delivery) -> Taken:
        """The rows of signals that the user took; what is there already is looked at only if one may be due."""
        if not taken(snapshot, chosen, {}).notes:
            return Taken()
        columns = entry_columns(looked.bindings.template)
        entries = looked.target.destination.entries(looked.facts, looked.bindings, columns)
        found = taken(snapshot, chosen, entries)
        for name, count in Counter(add.tab for add in found.adds).items():
            outcome.told.append(f"{count:,} in {name}, as you took {'it' if count == 1 else 'them'}")
        return found

    def _rezoned(self, looked: Looked, snapshot: Snapshot, old: tzinfo, outcome: Delivery) -> list[Update]:
        """All times of the target, from the clocks of `old` to today's; what is left as it is is told."""
        target = looked.target
        with self.turn:
            everything = self.journal.everything(looked.state, target.settings.feeds)
        before, after = (
            {(row.tab, row.key): row for row in _wanted(replace(target, zone=zone), everything, 0)}
            for zone in (old, target.zone)
        )
        rezoning = Rezoning(
            template=looked.bindings.template,
            snapshot=snapshot,
            old=old,
            new=target.zone,
            before=before,
            after=after,
        )
        changes = list(rezoning.updates())
        if changes:
            outcome.told.append(f"all times are those of {target.zone} now, not of {old} any more")
        if kept := list(dict.fromkeys(rezoning.kept)):
            more = f" and {len(kept) - _NAMED:,} more" if len(kept) > _NAMED else ""
            outcome.warnings.append(
                f"times that were typed there are left as they are, in whatever zone they are meant:"
                f" {'; '.join(kept[:_NAMED])}{more}"
            )
        return changes

    def _refuse_a_mix(self, target: Target, state: TargetState, stamp: Stamp) -> None:
        """Invented signals and real ones never stand in one target. Raises DataRefused."""
        if not stamp.exists or not stamp.lineage or stamp.version == state.version:
            return
        name = target.settings.name
        if not self.sandbox and of_sandbox(stamp.lineage):
            raise holds_invented(target.settings)
        with self.turn:
            ours = self.journal.stamps(state, stamp.lineage)
        if self.sandbox and not of_sandbox(stamp.lineage) and not ours:
            raise DataRefused(
                f"{name} holds real signals: the sandbox's invented ones are not mixed with them.",
                meaning=ROWS_WAIT,
                hint="Name another target with --to, e.g. --to sandbox.xlsx.",
                kind="sandbox",
            )

    def _lists(self, target: Target) -> dict[str, str]:
        """The settings of a target that list what was busiest of late in its own rows."""
        if not busiest.asked(target.template):
            return {}
        with self.turn:
            alike = busiest.looks_at_words(target.template, target.settings.where)
            since = self.clock() - busiest.SPAN
            records = self.journal.recent(target.settings.feeds, since, alike=alike)
            return busiest.busiest(target.template, target.settings.where, records, target.zone)

    def _note(
        self, target: Target, state: TargetState, cursor: int, rows: Iterable[WantedRow], stamp: Stamp,
        *, version: str, wrote: Write | None = None, shape: str | None = None, memory: bytes = b"",
    ) -> None:  # fmt: skip
        if self.dry_run:
            return
        seen = wrote or (top(stamp.lineage) if stamp.lineage else state.stamp)
        with self.turn:
            forked = (
                self._held(state, stamp) < state.sequence
            )  # then no number that we gave is that of these rows
            highest = max(state.sequence + (forked and wrote is None), seen.number)
            self.journal.delivered(
                state,
                sequence=highest,
                version=version,
                rows=((row.signal, row.revision) for row in rows),
                cursor=cursor,
                at=self.clock(),
                wrote=wrote is not None,
                shape=shape,
                stamp=seen,
                zone=str(target.zone) if shape or not state.zone else None,
                title=stamp.title or None,
                rest=self._rest_mark(target) if stamp.exists or wrote else "",
                memory=memory,
            )

    def _rest_mark(self, target: Target) -> str:
        if self.rest is None or shows_outcomes(target.template):
            return ""
        return self.rest.mark(target.settings, beats=target.template.settings_tab is not None)


def _shape(target: Target) -> str:
    """What the cells of a row depend on besides its signal: when it changes, blanks are filled."""
    symbols = target.settings.symbols
    return shape(target.template) + ("" if symbols == BUILT_IN else repr(symbols))


def _wanted(
    target: Target, candidates: Iterable[Wanted], held: int, *, fill_only: bool = False
) -> Iterator[WantedRow]:
    rows = Rows(target.template, target.zone, target.settings.symbols)
    where = target.settings.where
    for item in candidates:
        if not where or passes(where, item.record, target.zone):
            added = item.delivered.added if item.delivered and item.delivered.added <= held else None
            yield from rows.at(
                item.records, item.at, item.key, item.revision, added=added, fill_only=fill_only
            )


def _refuse_large(plan: Plan) -> None:
    if plan.refusals:
        raise DataRefused(
            "This sync would rewrite an unusual share of the sheet: " + "; ".join(plan.refusals) + ".",
            meaning=ROWS_WAIT,
            hint="Look at it with --dry-run. If it is right, add --force.",
            kind="large",
        )
