"""From the API's bytes to signals: what is malformed is set aside, what is odd is kept and flagged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from cqs_sheets.core.signals import read_signal
from cqs_sheets.core.signals.signal import FeedTable, Reject, Signal, SignalKey
from cqs_sheets.values import dataclass, replace

NO_COUNT = -1
"""The count of an envelope that names none that can be read."""

_MAX_MESSAGE = 200
_MAX_VALUES = 4_000_000  # 100,000 signals have some 2 million; each takes up to 100 bytes of memory
_MAX_RAW = 2_000


class NotTheEnvelope(ValueError):
    """A body that is not the API's envelope; `reason` says what it is instead, quoting nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyValues(NotTheEnvelope):
    """A body that would fill the memory."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The frame of every answer. `error` 0 is success; `signals` are unparsed objects."""

    error: int
    message: str
    count: int
    signals: list[object]


class Parsed(NamedTuple):
    """The signals of an answer, each identity once, and what was set aside.

    `complete`: every signal that the API meant is known by its id, so that an absence means
    something; not so with a wrong count, or a reject without an id.
    """

    signals: tuple[Signal, ...]
    rejects: tuple[Reject, ...] = ()
    warnings: tuple[str, ...] = ()
    complete: bool = True


def parse_envelope(body: bytes) -> Envelope:
    """The envelope in a response body. Raises NotTheEnvelope and nothing else, whatever the bytes.

    A failure (`error` other than 0) need not carry signals; a success must.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise TooManyValues(f"an answer of more than {_MAX_VALUES:,} values")
    try:
        value = read_signal.read_json(body)
    except ValueError as problem:
        raise NotTheEnvelope(_not_json(body, problem)) from None
    if not isinstance(value, dict):
        raise NotTheEnvelope("JSON, but not an object")
    if isinstance(value, read_signal.RepeatedNames):
        raise NotTheEnvelope("JSON that names a field twice")
    error = _integer(value.get("error"))
    if error is None:
        raise NotTheEnvelope("JSON without the status field 'error'")
    signals = value.get("signals")
    if not isinstance(signals, list):
        if error == 0:
            raise NotTheEnvelope("JSON without the list 'signals'")
        signals = []
    count = _integer(value.get("count"))
    message = value.get("message")
    text = message if isinstance(message, str) else ""
    text = read_signal.shortened(read_signal.clean(text).strip(), _MAX_MESSAGE)
    return Envelope(error, text, NO_COUNT if count is None else count, signals)


def parse_signals(
    objects: Sequence[object],
    *,
    table: FeedTable,
    zone: tzinfo,
    at: datetime | None = None,
    count: int | None = None,
) -> Parsed:
    """The signals in an envelope's objects, in their order; times without a zone are on the clocks of `zone`.

    `at` is when they were sent: it settles which of two equal hours is meant. `count` is what the
    envelope announced (None: not checked). Of an id that comes twice, the last is kept; a warning
    says so if the two differ. Raises nothing, whatever the objects.
    """
    signals: dict[SignalKey, Signal] = {}
    rejects: list[Reject] = []
    warnings: list[str] = []
    if count is not None and count != len(objects):
        announced = "no count that can be read" if count == NO_COUNT else f"count {count}"
        warnings.append(f"The API announced {announced} but sent {len(objects)} signals.")
    counted = not warnings
    for value in objects:
        try:
            signal = read_signal.read_signal(value, table, zone, at)
        except read_signal.MalformedError as problem:
            raw = read_signal.shortened(read_signal.write_json(value), _MAX_RAW)
            rejects.append(Reject(id=read_signal.id_or_none(value), reason=str(problem), raw=raw))
            continue
        known = signals.get(signal.key)
        if known is not None and known != signal:
            warnings.append(f"Signal {signal.key.id} came twice with different values; the last was kept.")
        signals[signal.key] = signal
    return Parsed(
        signals=tuple(signals.values()),
        rejects=tuple(rejects),
        warnings=tuple(warnings),
        complete=counted and all(reject.id is not None for reject in rejects),
    )


def merge_leverage(base: Iterable[Signal], filtered: Iterable[Signal]) -> list[Signal]:
    """`base` brought up to date by the later answer `filtered`, by key; a known leverage is never lost.

    Signals that only the filtered answer has come after those of `base`.
    """
    merged = {signal.key: signal for signal in base}
    for later in filtered:
        known = merged.get(later.key)
        if later.leverage is None and known is not None and known.leverage is not None:
            later = replace(later, leverage=known.leverage)  # noqa: PLW2901
        merged[later.key] = later
    return list(merged.values())


def _integer(value: object) -> int | None:
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _not_json(body: bytes, problem: ValueError) -> str:
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not start:
        return "an empty body"
    if start == b"<":
        return "a web page instead of JSON"
    return f"broken JSON ({problem})" if start in b"{[" else "not JSON"
