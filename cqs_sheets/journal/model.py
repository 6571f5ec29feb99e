"""What goes into the journal and what comes out of it. All times are aware (UTC)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cqs_sheets.core.rows.lineage import NEVER, Write
from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.signal import Record, Reject, Signal, SignalKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer of the API as it came: `feed` is the name, `request` the parameters without the key."""

    id: int
    feed: str
    request: Mapping[str, str]
    at: datetime
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One feed asked once, by as many requests as it took.

    `selection` is the canonical text of the feed's filters and tier. `window` is None when the poll
    failed; `outcome` then is the error's kind, else "ok". `answers` are ids from `keep_answer`.
    Only a `sure` poll (its answers were complete) counts as coverage and can close signals.
    """

    feed: str
    selection: str
    at: datetime
    window: Window | None
    outcome: str = "ok"
    answers: Sequence[int] = ()
    signals: Sequence[Signal] = ()
    rejects: Sequence[Reject] = ()
    sure: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """How many signals a poll made new, changed (reopened ones too), closed and aged, and what it saw.

    `second_lives` are those of the new ones whose id had been another signal's, which had ended.
    """

    new: int
    changed: int
    closed: int
    aged: int
    rejected: int
    seen: frozenset[SignalKey]
    second_lives: tuple[Signal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPoll:
    """A poll as the journal remembers it."""

    feed: str
    selection: str
    at: datetime
    window: Window | None
    outcome: str
    sure: bool
    new: int
    changed: int
    closed: int
    aged: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PastReject:
    """A malformed signal as the journal remembers it."""

    feed: str
    at: datetime
    reject: Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a record was from `at` until its next revision."""

    at: datetime
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """A target as the journal remembers it.

    `sequence` is the highest number of a write that was seen in it (0: none); `stamp` the write that was the
    last when the journal last saw it, `version` what it was then. `writer` begins our own words. All changes
    up to `cursor` are delivered or were declined. `last_write` is when rows were last written,
    `last_heartbeat` when anything was. `shape` names the template's columns as they were then.
    """

    id: int
    name: str
    sequence: int = 0
    stamp: Write = NEVER
    writer: str = ""
    version: str = ""
    cursor: int = 0
    last_write: datetime | None = None
    last_heartbeat: datetime | None = None
    shape: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A row's last delivered revision, and the sequence numbers of its first and last delivery."""

    revision: int
    added: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A record a target should hold; `change` grows with each change over the whole journal."""

    record: Record
    delivered: Delivered | None
    change: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """How much was dropped."""

    answers: int
    polls: int
    revisions: int
    rejects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What another journal brought: signals new here, signals it knew more of, polls."""

    new: int
    changed: int
    polls: int
