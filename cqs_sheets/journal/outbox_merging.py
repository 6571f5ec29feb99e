"""Two journals' outboxes made one: everything is told once, and nothing that still has to be told is lost.

Two machines that watched the same market each noted what happened, at other moments and in other words: entries are
the same where they tell the same. What one of them has sent, the other need not send.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cqs_sheets.core.alerts import Kind
from cqs_sheets.core.report import utc_text
from cqs_sheets.core.signals.coverage import Window, merge
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal.database import Database
from cqs_sheets.journal.model import from_stamp

_RANKS = {"sent": 0, "sending": 1, "waiting": 2, "given up": 3}  # the lower, the more is known of its way
_TOLD = ("sent", "sending")
_SECOND = timedelta(seconds=1)  # times are told in whole ones
_OF_SIGNALS = (Kind.NEW, Kind.CHANGED, Kind.CLOSED, Kind.TARGET, Kind.STOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A row of the outbox; `id` is None for one of the other journal, `arrival` the signal's number here."""

    id: int | None
    at: int
    kind: Kind
    arrival: int | None
    revision: int | None
    detail: Mapping[str, str]
    state: str
    tries: int
    sent: int | None

    @property
    def rank(self) -> tuple[int, bool]:
        return _RANKS[self.state], self.id is None

    @property
    def subject(self) -> tuple[object, ...]:
        """What it is about: entries of one subject follow each other."""
        if self.kind in (Kind.CHANGED, Kind.CLOSED):
            return (self.arrival, Kind.CLOSED)
        if self.kind in (Kind.FAILING, Kind.RECOVERED):
            return (self.detail["what"],)
        return (self.arrival, self.kind, self.detail.get("level"))

    @property
    def word(self) -> tuple[object, ...]:
        """What it says of that; the next one that says it again says nothing new."""
        return (self.kind, self.revision if self.kind is Kind.CHANGED else None)

    @property
    def window(self) -> Window:
        """Of a gap: the time that nobody asked for."""
        return Window(*(datetime.fromisoformat(self.detail[name]).astimezone(UTC) for name in ("from", "to")))


def take_outbox(
    database: Database, other: Database, arrivals: Mapping[int, int], *, own: bool = False
) -> None:
    """Take over what another journal's alerts have told or still have to; `arrivals` are its signals' numbers here.

    Of alerts alone that both know, by config and name; where the other is this machine's `own`, of all, and what failed
    there fails here. Coverage is merged already.
    """
    alerts = other.execute("SELECT id, config, name, since FROM alerts ORDER BY id")
    for theirs, config, name, since in alerts:
        known = database.execute("SELECT id FROM alerts WHERE config = ? AND name = ?", (config, name))
        if not known and not own:
            continue
        alert = known[0][0] if known else database.insert(
            "INSERT INTO alerts (config, name, since) VALUES (?, ?, ?)", (config, name, since))  # fmt: skip
        # what came between the two beginnings is still to be told
        database.change("UPDATE alerts SET since = ? WHERE id = ? AND since > ?", (since, alert, since))
        ours = list(_entries(database, alert))
        both = [*ours, *_taken(_entries(other, theirs), arrivals)]
        kept = [
            *_once(one for one in both if one.kind is not Kind.GAP),
            *_gaps(database, [one for one in both if one.kind is Kind.GAP]),
        ]
        _write(database, alert, ours, sorted(kept, key=lambda one: one.at))
    if own:
        _take_troubles(database, other)


def _entries(database: Database, alert: int) -> Iterator[_Entry]:
    """The entries of an alert, without what no version ever made."""
    rows = database.execute(
        "SELECT id, at, kind, arrival, revision, detail, state, tries, sent FROM outbox WHERE alert = ?",
        (alert,),
    )
    for entry, at, kind, arrival, revision, detail, state, tries, sent in rows:
        try:
            found = _Entry(id=entry, at=at, kind=Kind(kind), arrival=arrival, revision=revision,
                           detail=_texts(detail), state=state, tries=tries, sent=sent)  # fmt: skip
            _check(found)
        except (ValueError, KeyError, TypeError, OverflowError, DataRefused):
            continue
        yield found


def _check(entry: _Entry) -> None:
    from_stamp(entry.at)
    if entry.kind is Kind.GAP:
        _ = entry.window
    _ = entry.rank, entry.subject
    if (entry.kind in _OF_SIGNALS) is (entry.arrival is None):
        raise ValueError(entry.kind)


def _texts(detail: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in dict(json.loads(detail) if detail else {}).items()}


def _taken(theirs: Iterable[_Entry], arrivals: Mapping[int, int]) -> Iterator[_Entry]:
    for one in theirs:
        if one.arrival is None or one.arrival in arrivals:
            yield replace(one, id=None, arrival=None if one.arrival is None else arrivals[one.arrival])


def _once(entries: Iterable[_Entry]) -> Iterator[_Entry]:
    """Of those that tell the same one after the other, the one that got furthest."""
    runs = defaultdict[tuple[object, ...], list[list[_Entry]]](list)
    for one in sorted(entries, key=lambda one: (one.revision or 0, one.at, one.id is None)):
        mine = runs[one.subject]
        if mine and mine[-1][0].word == one.word:
            mine[-1].append(one)
        else:
            mine.append([one])
    for of_subject in runs.values():
        for run in of_subject:
            yield min(run, key=lambda one: one.rank)


def _gaps(database: Database, entries: Iterable[_Entry]) -> Iterator[_Entry]:
    """Gaps without what was told already, or what the other covered and is none any more."""
    told = defaultdict[str, list[Window]](list)
    for one in sorted(entries, key=lambda one: (one.rank, one.at)):
        feed = one.detail.get("feed", "")
        covered = () if one.state in _TOLD else _covered(database, feed)
        left = [
            part for part in _outside(one.window, (*told[feed], *covered)) if part.end - part.start > _SECOND
        ]
        if not left:
            continue
        told[feed].append(one.window)
        if one.state in _TOLD:
            yield one
        else:
            yield replace(
                one, detail={**one.detail, "from": utc_text(left[0].start), "to": utc_text(left[-1].end)}
            )


def _covered(database: Database, feed: str) -> tuple[Window, ...]:
    """What a feed covered with what it asks for now."""
    rows = database.execute(
        "SELECT feed, start_at, end_at FROM coverage JOIN feeds ON feeds.id = feed WHERE name = ? ORDER BY end_at",
        (feed,),
    )
    return tuple(Window(from_stamp(start), from_stamp(end)) for by, start, end in rows if by == rows[-1][0])


def _outside(window: Window, known: Iterable[Window]) -> Iterator[Window]:
    """The parts of a window that lie in none of the others."""
    start = window.start
    for one in merge(known):
        if one.end > start and one.start < window.end:
            if one.start > start:
                yield Window(start, one.start)
            start = one.end
    if start < window.end:
        yield Window(start, window.end)


def _write(database: Database, alert: int, ours: Iterable[_Entry], kept: Iterable[_Entry]) -> None:
    stays = {one.id: one for one in kept if one.id is not None}
    gone = [(one.id,) for one in ours if one.id not in stays]
    database.change_many("DELETE FROM outbox WHERE id = ?", gone)
    details = [
        (_json(stays[one.id].detail), one.id)
        for one in ours
        if one.id in stays and stays[one.id].detail != one.detail
    ]
    database.change_many("UPDATE outbox SET detail = ? WHERE id = ?", details)
    database.change_many(
        "INSERT INTO outbox (alert, at, kind, arrival, revision, detail, state, tries, sent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (alert, one.at, one.kind.value, one.arrival, one.revision, _json(one.detail),
             one.state, one.tries, one.sent)
            for one in kept if one.id is None
        ],
    )  # fmt: skip


def _json(detail: Mapping[str, str]) -> str:
    return json.dumps(detail) if detail else ""


def _take_troubles(database: Database, other: Database) -> None:
    """What fails for one of both fails here, unless the other has seen it end since: the next step finds out."""
    for what, since, told in other.execute("SELECT what, since, told FROM troubles"):
        database.change(
            "INSERT INTO troubles (what, since, told) VALUES (?, ?, ?) ON CONFLICT (what) DO UPDATE SET"
            " since = CASE WHEN excluded.since < troubles.since THEN excluded.since ELSE troubles.since END,"
            " told = CASE WHEN excluded.told > troubles.told THEN excluded.told ELSE troubles.told END",
            (what, since, told),
        )
    ended = database.execute("SELECT at, detail FROM outbox WHERE kind = ?", (Kind.RECOVERED.value,))
    database.change_many(
        "DELETE FROM troubles WHERE what = ? AND since <= ?",
        [(_texts(detail).get("what", ""), at) for at, detail in ended],
    )
