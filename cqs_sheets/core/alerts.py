"""Alerts: what is told of the things that happened, in which messages, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any

from cqs_sheets.core.render import plain_price
from cqs_sheets.core.report import utc_text
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.exchanges import Symbols, pair
from cqs_sheets.core.signals.fields import uid
from cqs_sheets.core.signals.signal import Record, Signal
from cqs_sheets.core.text import duration, plural
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field


class Kind(StrEnum):
    """What happened; the words of `on`, and a test."""

    NEW = "new"
    CHANGED = "changed"
    CLOSED = "closed"
    TARGET = "target"
    STOP = "stop"
    GAP = "gap"
    FAILING = "failing"
    RECOVERED = "recovered"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One entry of the outbox: `record` is the signal it is of, as it was then, `before` what it was before.

    `detail` says the rest in texts. `again`: a try of telling it broke off, so it may have arrived already.
    """

    id: int
    at: datetime
    kind: Kind
    record: Record | None = None
    before: Record | None = None
    detail: Mapping[str, str] = field(default_factory=dict)
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one alert sends at once; `events` for programs."""

    title: str
    text: str
    markdown: str
    events: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How pairs are spelt, and on whose clocks times are told."""

    symbols: Symbols
    zone: tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of a try: no `reason` is success. `unsure`: it failed, and may have arrived all the same."""

    reason: str = ""
    unsure: bool = False


Send = Callable[[Message], Sent]
"""Sends a message; never raises for what a service or a network does."""

_MOST_LINES = 20  # the narrowest service takes 2,000 characters
_MARKS = regex(r"([\\`*_\[])")  # those that every service lets escape
_TAGS = str.maketrans("<>", "()")
_AGAIN = "Perhaps a repeat: the first try broke off."
_HEADS = {
    Kind.NEW: "New", Kind.CHANGED: "Changed", Kind.CLOSED: "Closed", Kind.TARGET: "Target hit", Kind.STOP: "Stop hit",
}  # fmt: skip
_VALUES = {
    "buy_start": "zone from", "buy_end": "zone to", "stop_loss": "stop", "target1": "target 1",
    "target2": "target 2", "target3": "target 3", "leverage": "leverage", "risk_level": "risk",
    "type": "horizon", "coin": "coin", "currency": "quote", "exchange": "exchange", "direction": "side",
}  # fmt: skip
_PRICES = (
    "buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask", "risk_level", "leverage",
)  # fmt: skip


def message_of(notices: Sequence[Notice], wording: Wording, *, given_up: int = 0) -> Message:
    """One message of its own for one thing, a digest for several.

    `given_up`: how many earlier ones could not be sent in time, and are told of by their number only.
    """
    told = [f"{plural(given_up, 'earlier alert')} could not be sent in time."] if given_up else []
    told += [_AGAIN] if any(one.again for one in notices) else []
    if len(notices) == 1:
        title, lines, mark = headline(notices[0]), list(_lines(notices[0], wording)), ""
    else:
        counts = Counter(one.kind.value for one in notices)
        title = f"{len(notices)} alerts: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
        lines, mark = [line_of(one, wording) for one in notices[-_MOST_LINES:]], "- "
        if len(notices) > _MOST_LINES:
            told.insert(
                0, f"These are the newest {_MOST_LINES}; the others are in the sheets and the journal."
            )
    return Message(
        title=title,
        text="\n".join([*lines, *told]),
        markdown="\n".join([*(f"{mark}{_escaped(line)}  " for line in lines), *told]),
        events=[event_of(one, wording) for one in notices],
    )


def headline(notice: Notice) -> str:
    """What happened to what, in one short line."""
    if notice.record is not None:
        signal, level = notice.record.signal, notice.detail.get("level", "")
        head = f"Target {level} hit" if notice.kind is Kind.TARGET and level else _HEADS[notice.kind]
        return f"{head}: {signal.direction} {pair(signal)}"
    what = notice.detail.get("what", "")
    return {
        Kind.GAP: "Signals may have been missed",
        Kind.FAILING: f"Failing: {what}",
        Kind.RECOVERED: f"Works again: {what}",
    }.get(notice.kind, "A test of cqs-sheets")


def line_of(notice: Notice, wording: Wording) -> str:
    """All that a digest has room for."""
    if notice.record is None:
        return f"{headline(notice)}. {' '.join(_about(notice, wording))}"
    signal = notice.record.signal
    parts = [headline(notice), *_changes(notice), *(_levels(signal) if notice.kind is Kind.NEW else ())]
    return ", ".join([*parts, *_result(notice)])


def event_of(notice: Notice, wording: Wording) -> dict[str, Any]:
    """The same for a program: see docs/reference/alert.schema.json. Prices are exact decimal texts."""
    return {
        "id": notice.id,
        "kind": notice.kind.value,
        "at": utc_text(notice.at),
        "title": headline(notice),
        "detail": dict(notice.detail),
        "signal": _signal_json(notice.record, wording) if notice.record else None,
        "before": {name: _value(notice.before.signal, name) for name in _changed(notice)}
        if notice.before
        else None,
    }


def _signal_json(record: Record, wording: Wording) -> dict[str, Any]:
    signal = record.signal
    words = {name: getattr(signal, name) for name in ("exchange", "currency", "coin", "direction", "type")}
    prices = {name: _value(signal, name) for name in _PRICES}
    ratios = _ratios(signal)
    return {
        "id": uid(signal.key), "timestamp": utc_text(signal.timestamp), "status": record.status.value,
        **words, **prices, "pair": pair(signal), "url": wording.symbols.url(signal) or None,
        "reward_to_risk": [None if ratio is None else format(ratio, "f") for ratio in ratios],
    }  # fmt: skip


def _lines(notice: Notice, wording: Wording) -> Iterator[str]:
    if notice.record is None:
        yield from _about(notice, wording)
        return
    signal = notice.record.signal
    yield f"{wording.symbols.exchange_name(signal.exchange)}, {signal.type}".rstrip(", ")
    yield from _result(notice)
    yield from _changes(notice)
    yield from _levels(signal)
    ratios = _ratios(signal)
    if any(ratio is not None for ratio in ratios):
        yield "R:R " + " / ".join("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios if ratio)
    extras = [(signal.leverage, "leverage {}x"), (signal.risk_level, "risk {}")]
    told = [text.format(plain_price(value)) for value, text in extras if value is not None]
    if told:
        yield ", ".join(told)
    if link := wording.symbols.url(signal):
        yield link


def _about(notice: Notice, wording: Wording) -> Iterator[str]:
    """What there is to say where no signal is."""
    if notice.kind is Kind.GAP:
        start, end = (datetime.fromisoformat(notice.detail[name]) for name in ("from", "to"))
        local = [f"{moment.astimezone(wording.zone):%Y-%m-%d %H:%M}" for moment in (start, end)]
        yield (
            f"Nothing asked for {notice.detail.get('feed', 'the feed')} from {local[0]} to {local[1]} ({wording.zone}),"
            f" {duration((end - start).total_seconds())}: what opened and closed in it is not in your sheets."
        )
        return
    yield from (notice.detail[name] for name in ("message", "hint") if notice.detail.get(name))


def _result(notice: Notice) -> Iterator[str]:
    """What became of a trade, where that is what is told."""
    level = notice.detail.get("level", "")
    reached = getattr(notice.record.signal, f"target{level}", None) if notice.record and level else None
    price = notice.detail.get("price") or plain_price(reached)
    if price:
        yield f"at {price}"
    if notice.detail.get("r"):
        yield f"{notice.detail['r']} R"


def _levels(signal: Signal) -> Iterator[str]:
    """The prices of the plan: zone, stop and targets, as far as there are any."""
    if zone := risk.entry_zone(signal):
        yield f"zone {plain_price(zone[0])} - {plain_price(zone[1])}"
    if signal.stop_loss is not None:
        yield f"stop {plain_price(signal.stop_loss)}{_share(risk.stop_share(signal))}"
    targets = [target for target in (signal.target1, signal.target2, signal.target3) if target is not None]
    if targets:
        shown = (f"{plain_price(target)}{_share(risk.target_share(signal, target))}" for target in targets)
        yield f"targets {' / '.join(shown)}"


def _ratios(signal: Signal) -> list[Decimal | None]:
    targets = (signal.target1, signal.target2, signal.target3)
    return [risk.reward_to_risk(signal, target) for target in targets]


def _share(share: Decimal | None) -> str:
    return "" if share is None else f" ({share * 100:.2f} %)"


def _changed(notice: Notice) -> list[str]:
    """The names of the values that were edited."""
    if notice.before is None or notice.record is None:
        return []
    old, new = notice.before.signal, notice.record.signal
    return [name for name in _VALUES if getattr(old, name) != getattr(new, name)]


def _changes(notice: Notice) -> Iterator[str]:
    if notice.before and notice.record:
        for name in _changed(notice):
            old, new = (_value(one.signal, name) or "none" for one in (notice.before, notice.record))
            yield f"{_VALUES[name]} {old} → {new}"
        if notice.before.status is not notice.record.status:
            yield f"{notice.before.status} → {notice.record.status}"


def _value(signal: Signal, name: str) -> str | None:
    value = getattr(signal, name)
    return plain_price(value) if isinstance(value, Decimal) else value


def _escaped(line: str) -> str:
    """Texts come from the feed: none of them is markup. A link stays one."""
    return line if line.startswith("https://") else _MARKS.sub(r"\\\1", line.translate(_TAGS))


LATE = timedelta(minutes=15)
"""What is older than this comes with others like it, as one digest."""

GIVEN_UP = timedelta(days=2)
"""What is older than this is not told any more, but by its number."""

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
_DOUBLINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """What one alert is to tell and when: `quiet` is a stretch of the day, `digest` the least time between two."""

    on: frozenset[str]
    where: Mapping[str, object]
    digest: timedelta
    quiet: tuple[time, time] | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendState:
    """How sending went: failures in a row and the last try, messages of the last minute, the last one of all."""

    failures: int = 0
    tried: datetime | None = None
    last_minute: int = 0
    last_sent: datetime | None = None


def wanted(policy: AlertPolicy, notice: Notice, zone: tzinfo, symbols: Symbols) -> bool:
    """Whether an alert tells this at all."""
    if notice.kind is Kind.TEST:
        return True
    if notice.kind.value not in policy.on or notice.record is None or not policy.where:
        return notice.kind.value in policy.on
    from cqs_sheets.core.plan.rows import passes  # noqa: PLC0415 - a sync that has no news imports no template

    return passes(policy.where, notice.record, zone, symbols)


def due(
    waiting: Sequence[Notice], policy: AlertPolicy, state: SendState, now: datetime, zone: tzinfo
) -> list[Sequence[Notice]]:
    """What to send now, oldest first, each a message: several together are a digest."""
    if not waiting or _is_quiet(policy, now, zone) or _must_pause(state, now):
        return []
    if policy.digest:
        come = state.last_sent is None or now >= state.last_sent + policy.digest
        return [waiting] if come else []
    room = policy.limit - state.last_minute
    if room <= 0:
        return []
    together = len(waiting) > room or waiting[0].at < now - LATE
    return [waiting] if together else [[one] for one in waiting]


def _is_quiet(policy: AlertPolicy, now: datetime, zone: tzinfo) -> bool:
    if policy.quiet is None:
        return False
    begin, end = policy.quiet
    clock = now.astimezone(zone).time()
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def _must_pause(state: SendState, now: datetime) -> bool:
    """Every failure in a row doubles the pause, up to a quarter of an hour."""
    if not state.failures or state.tried is None:
        return False
    pause: timedelta = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(state.failures - 1, _DOUBLINGS))
    return bool(now < state.tried + pause)
