"""What goes into the journal and what comes out of it. All times are aware (UTC)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from operator import attrgetter, itemgetter
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cqs_sheets.core.news import News
from cqs_sheets.core.plan.facts import NEVER, Write
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.signal import FeedTable, Record, Records, Reject, Signal, SignalKey, Status
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal.database import Row
from cqs_sheets.values import dataclass, field

_NO_EXTRA: Mapping[str, str] = {}
_ALONE = "default"  # the tenant of a journal that one party has for itself


@dataclass(frozen=True, slots=True)
class SharedJournal:
    """A journal in PostgreSQL, and whose part of it; str shows where it is, never user or password.

    `kept` holds sessions that are used again, for whoever opens it all the time.
    """

    url: Secret
    tenant: str = _ALONE
    kept: list[Any] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        try:
            parts = urlsplit(self.url.reveal())
            where = f"{parts.hostname or 'this machine'}{parts.path}"
        except ValueError:
            where = "an unreadable URL"
        return f"PostgreSQL at {where}" + ("" if self.tenant == _ALONE else f", tenant {self.tenant}")


JournalPlace = Path | SharedJournal
"""Where a journal is: a file of its own, or PostgreSQL."""


class KeptAnswer(NamedTuple):
    """An answer of the API as it came: `feed` is the name, `request` the parameters without the key.

    `table` is the provider's table it is of, which the answer itself does not say.
    """

    id: int
    feed: str
    request: Mapping[str, str]
    table: FeedTable
    at: datetime
    body: bytes


class Poll(NamedTuple):
    """One feed asked once, by as many requests as it took.

    `selection` is the canonical text of the feed's filters and tier. `window` is None when the poll
    failed; `outcome` then is the error's kind, else "ok". `answers` are ids from `keep_answer`.
    Only a `sure` poll (its answers were complete) counts as coverage and can close signals. What an
    answer that was `imported` brings is no news to alerts.
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
    imported: bool = False


class PollResult(NamedTuple):
    """How many signals a poll made new, changed (reopened ones too), closed and aged, and what it saw.

    `second_lives` are those of the new ones whose id had been another signal's, which had ended. `news` says what
    happened to which signal, in its order; that one aged is none.
    """

    new: int
    changed: int
    closed: int
    aged: int
    rejected: int
    seen: frozenset[SignalKey]
    second_lives: tuple[Signal, ...] = ()
    news: tuple[News, ...] = ()


class PastPoll(NamedTuple):
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


class PastReject(NamedTuple):
    """A malformed signal as the journal remembers it."""

    feed: str
    at: datetime
    reject: Reject


class Revision(NamedTuple):
    """What a record was from `at` until its next revision."""

    at: datetime
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """A target as the journal remembers it.

    `sequence` is the highest number of a write that was seen in it (0: none); `stamp` the write that was the
    last when the journal last saw it, `version` what it was then. `writer` begins our own words. All changes
    up to `cursor` are delivered or were declined. `last_write` is when rows were last written,
    `last_heartbeat` when anything was. `shape` names the template's columns as they were then, `zone` the time zone
    of its rows ("" unknown), `title` what people call it ("" as in the config), `rest` by what a
    later run knows that nothing is to be done.
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
    zone: str = ""
    title: str = ""
    rest: str = ""


class Delivered(NamedTuple):
    """A row's last delivered revision, and the sequence numbers of its first and last delivery."""

    revision: int
    added: int
    last: int


class Wanted(NamedTuple):
    """A signal that a target should hold, as of that revision: its record is the one `at` that place of `records`."""

    key: SignalKey
    arrival: int
    revision: int
    delivered: Delivered | None
    records: Records
    at: int

    @property
    def record(self) -> Record:
        """Made when it is asked for, see pages.py."""
        return self.records[self.at]


class Behind(NamedTuple):
    """A target that lacks rows, how many, and since when the oldest of them has been known."""

    name: str
    pending: int
    since: datetime


class Pruned(NamedTuple):
    """How much was dropped."""

    answers: int
    polls: int
    revisions: int
    rejects: int


class Merged(NamedTuple):
    """What another journal brought: signals new here, signals it knew more of, polls.

    `second_lives` are those of the new ones whose id is another signal's here.
    """

    new: int
    changed: int
    polls: int
    second_lives: tuple[Signal, ...] = ()


_compact = json.JSONEncoder(separators=(",", ":")).encode
_quoted = json.encoder.encode_basestring_ascii
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TABLE = "table"
TEXTS = ("exchange", "currency", "coin", "direction", "type")
NUMBERS = (
    "buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask", "risk_level", "leverage",
)  # fmt: skip

_TABLES = {table.value: table for table in FeedTable}
_STATUSES = {status.value: status for status in Status}
_HEAD = '"timestamp":%d,' + ",".join(f'"{name}":%s' for name in TEXTS)
_texts_in: Callable[[Mapping[str, str]], tuple[str, ...]] = itemgetter(*TEXTS)
_texts_of: Callable[[Signal], tuple[str, ...]] = attrgetter(*TEXTS)
_numbers_of: Callable[[Signal], tuple[Decimal | None, ...]] = attrgetter(*NUMBERS)

_LARGE_BODY = 1 << 20  # bytes: packed in a quarter of the time, a third less tightly
_LARGEST_BODY = 1 << 26  # bytes: no answer is so large, a damaged one could unpack to anything

RECORD = """s.arrival, s.feed_table, s.id, s.first_seen, s.status, s.last_seen, s.revision, r.content"""
"""The columns `record_from` reads, of `signals s` and `revisions r`."""

RECORD_WIDTH = 8


@lru_cache(4096)
def to_stamp(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def from_stamp(stamp: int) -> datetime:
    """The aware time (UTC). Raises DataRefused if it is none."""
    try:
        return _EPOCH + stamp * _MICROSECOND
    except OverflowError as error:
        raise damaged("a time") from error


def maybe_stamp(moment: datetime | None) -> int | None:
    """Microseconds since 1970 of an aware time, or NULL for None."""
    return None if moment is None else to_stamp(moment)


def maybe_time(stamp: int | None) -> datetime | None:
    """The aware time (UTC), or None for NULL."""
    return None if stamp is None else from_stamp(stamp)


def maybe_window(start: int | None, end: int | None) -> Window | None:
    """The window, or None for NULLs."""
    return None if start is None or end is None else Window(from_stamp(start), from_stamp(end))


def answer_row(feed: str, request: Mapping[str, str], table: FeedTable, at: datetime, body: bytes) -> Row:
    """The columns feed, at, request, body of an answer; the table stands with the request."""
    packed = zlib.compress(body, 1 if len(body) > _LARGE_BODY else 6)
    return (feed, to_stamp(at), json.dumps({**request, _TABLE: table}), packed)


def answer_from(row: Row) -> KeptAnswer:
    """The answer of a row of id, feed, at, request, body. Raises DataRefused if it cannot be read."""
    answer, feed, at, request, body = row
    try:
        asked = json.loads(request)
        table = FeedTable(asked.pop(_TABLE, FeedTable.MAIN))
        return KeptAnswer(
            id=answer, feed=feed, at=from_stamp(at), request=asked, table=table, body=_unpacked(body)
        )
    except (ValueError, TypeError, AttributeError, OverflowError, zlib.error) as error:
        raise damaged(f"answer {answer}") from error


def _unpacked(body: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    whole = unpacking.decompress(body, _LARGEST_BODY)
    if not unpacking.eof:
        raise ValueError("cut off, or larger than any answer")
    return whole


def content_of(signal: Signal) -> str:
    """All values of a signal but its key, as JSON text; numbers as the exact decimal texts."""
    numbers = zip(NUMBERS, _numbers_of(signal), strict=True)
    parts = [
        _HEAD % (to_stamp(signal.timestamp), *map(_quoted, _texts_of(signal))),
        *[f'"{name}":"{value!s}"' for name, value in numbers if value is not None],
    ]  # by hand, as an encoder takes three times as long for an object of so few values
    if signal.sent:
        parts.append(f'"sent":{_quoted(signal.sent)}')
    if signal.sent_zone:
        parts.append(f'"sent_zone":{_quoted(signal.sent_zone)}')
    if signal.extra:
        parts.append(f'"extra":{_compact(dict(signal.extra))}')
    if signal.flags:
        parts.append(f'"flags":{_compact(list(signal.flags))}')
    return f"{{{','.join(parts)}}}"


def key_of(table: str, signal_id: str) -> SignalKey:
    """The identity in a row. Raises DataRefused if there is no such table."""
    try:
        return SignalKey(_TABLES[table], signal_id)
    except KeyError as error:
        raise damaged(f"signal {signal_id}") from error


def record_from(row: Row) -> Record:
    """The record of a row of RECORD. Raises DataRefused if the row makes no sense."""
    arrival, table, signal_id, first_seen, status, last_seen, revision, content = row
    try:
        return Record(
            signal=_signal_from(SignalKey(_TABLES[table], signal_id), json.loads(content)),
            status=_STATUSES[status],
            first_seen=from_stamp(first_seen),
            last_seen=maybe_time(last_seen),
            arrival=arrival,
            revision=revision,
        )
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, OverflowError) as error:
        raise damaged(f"signal {signal_id}") from error


def damaged(what: str) -> DataRefused:
    """The failure of a row that makes no sense."""
    return DataRefused(
        f"The journal is damaged: what it holds of {what} cannot be read.",
        meaning="It was left as it is; spreadsheets are not affected.",
        hint="Look at it with `cqs-sheets journal verify`; put a backup there or move it away.",
    )


def _signal_from(key: SignalKey, content: dict[str, Any]) -> Signal:
    # the same few words again and again; TypeError where one is no text
    exchange, currency, coin, direction, type_ = map(intern, _texts_in(content))
    numbers = [Decimal(content[name]) if name in content else None for name in NUMBERS]
    buy_start, buy_end, target1, target2, target3, stop_loss, ask, risk_level, leverage = numbers
    return Signal(
        key=key,
        timestamp=from_stamp(content["timestamp"]),
        exchange=exchange,
        currency=currency,
        coin=coin,
        direction=direction,
        buy_start=buy_start,
        buy_end=buy_end,
        target1=target1,
        target2=target2,
        target3=target3,
        stop_loss=stop_loss,
        type=type_,
        ask=ask,
        risk_level=risk_level,
        leverage=leverage,
        extra=content.get("extra", _NO_EXTRA),
        flags=tuple(content.get("flags", ())),
        sent=intern(content.get("sent", "")),
        sent_zone=intern(content.get("sent_zone", "")),
    )  # by name, as a dict of them takes longer
