"""How signals and times are written into the journal's columns."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, SignalKey, Status
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal.database import Row
from cqs_sheets.journal.model import KeptAnswer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TEXTS = ("exchange", "currency", "coin", "direction", "type")
_NUMBERS = (
    "buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask", "risk_level", "leverage",
)  # fmt: skip

RECORD = """s.arrival, s.feed_table, s.id, s.first_seen, s.status, s.last_seen, s.revision, r.content"""
"""The columns `record_from` reads, of `signals s` and `revisions r`."""

RECORD_WIDTH = 8


def to_stamp(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def from_stamp(stamp: int) -> datetime:
    """The aware time (UTC)."""
    return _EPOCH + stamp * _MICROSECOND


def maybe_stamp(moment: datetime | None) -> int | None:
    """Microseconds since 1970 of an aware time, or NULL for None."""
    return None if moment is None else to_stamp(moment)


def maybe_time(stamp: int | None) -> datetime | None:
    """The aware time (UTC), or None for NULL."""
    return None if stamp is None else from_stamp(stamp)


def maybe_window(start: int | None, end: int | None) -> Window | None:
    """The window, or None for NULLs."""
    return None if start is None or end is None else Window(from_stamp(start), from_stamp(end))


def answer_row(feed: str, request: Mapping[str, str], at: datetime, body: bytes) -> Row:
    """The columns feed, at, request, body of an answer."""
    return (feed, to_stamp(at), json.dumps(dict(request)), zlib.compress(body))


def answer_from(row: Row) -> KeptAnswer:
    """The answer of a row of id, feed, at, request, body. Raises DataRefused if it cannot be read."""
    answer, feed, at, request, body = row
    try:
        return KeptAnswer(
            id=answer, feed=feed, at=from_stamp(at), request=json.loads(request), body=zlib.decompress(body)
        )
    except (ValueError, OverflowError, zlib.error) as error:
        raise _damaged(f"answer {answer}") from error


def content_of(signal: Signal) -> str:
    """All values of a signal but its key, as JSON text; numbers as the exact decimal texts."""
    content: dict[str, Any] = {"timestamp": to_stamp(signal.timestamp)}
    content |= {name: getattr(signal, name) for name in _TEXTS}
    content |= {name: str(value) for name in _NUMBERS if (value := getattr(signal, name)) is not None}
    if signal.extra:
        content["extra"] = dict(signal.extra)
    if signal.flags:
        content["flags"] = list(signal.flags)
    return json.dumps(content, separators=(",", ":"))


def record_from(row: Row) -> Record:
    """The record of a row of RECORD. Raises DataRefused if the row makes no sense."""
    arrival, table, signal_id, first_seen, status, last_seen, revision, content = row
    try:
        return Record(
            signal=_signal_from(SignalKey(FeedTable(table), signal_id), json.loads(content)),
            status=Status(status),
            first_seen=from_stamp(first_seen),
            last_seen=maybe_time(last_seen),
            arrival=arrival,
            revision=revision,
        )
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, OverflowError) as error:
        raise _damaged(f"signal {signal_id}") from error


def _damaged(what: str) -> DataRefused:
    return DataRefused(
        f"The journal is damaged: what it holds of {what} cannot be read.",
        meaning="It was left as it is; spreadsheets are not affected.",
        hint="Look at it with `cqs-sheets journal verify`; put a backup there or move it away.",
    )


def _signal_from(key: SignalKey, content: dict[str, Any]) -> Signal:
    values = {name: content[name] for name in _TEXTS}
    values |= {name: Decimal(content[name]) if name in content else None for name in _NUMBERS}
    return Signal(
        key=key,
        timestamp=from_stamp(content["timestamp"]),
        extra=content.get("extra", {}),
        flags=tuple(content.get("flags", ())),
        **values,
    )
