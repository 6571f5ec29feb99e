"""What an alert tells: one thing that happened, as a title and a text, plain or in Markdown, or as one line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from cqs_sheets.core.alerts.kinds import Kind
from cqs_sheets.core.prices import plain_price
from cqs_sheets.core.render import duration, plural
from cqs_sheets.core.report import utc_text
from cqs_sheets.core.signals import exchanges as symbols
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.fields import uid
from cqs_sheets.core.signals.signal import Record, Signal
from cqs_sheets.values import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
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
class Voice:
    """How pairs are spelt, and on whose clocks times are told."""

    symbols: symbols.Symbols
    zone: tzinfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of a try: no `reason` is success. `unsure`: it failed, and may have arrived all the same."""

    reason: str = ""
    unsure: bool = False


Send = Callable[[Message], Sent]
"""Sends a message; never raises for what a service or a network does."""

_MOST_LINES = 20  # the narrowest service takes 2,000 characters
_MARKS = re.compile(r"([\\`*_\[])")  # those that every service lets escape
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
    "buy_start",
    "buy_end",
    "target1",
    "target2",
    "target3",
    "stop_loss",
    "ask",
    "risk_level",
    "leverage",
)


def message_of(news: Sequence[News], voice: Voice, *, given_up: int = 0) -> Message:
    """One message of its own for one thing, a digest for several.

    `given_up`: how many earlier ones could not be sent in time, and are told of by their number only.
    """
    told = [f"{plural(given_up, 'earlier alert')} could not be sent in time."] if given_up else []
    told += [_AGAIN] if any(one.again for one in news) else []
    if len(news) == 1:
        title, lines, mark = headline(news[0]), list(_lines(news[0], voice)), ""
    else:
        counts = Counter(one.kind.value for one in news)
        title = f"{len(news)} alerts: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
        lines, mark = [line_of(one, voice) for one in news[-_MOST_LINES:]], "- "
        if len(news) > _MOST_LINES:
            told.insert(
                0, f"These are the newest {_MOST_LINES}; the others are in the sheets and the journal."
            )
    return Message(
        title=title,
        text="\n".join([*lines, *told]),
        markdown="\n".join([*(f"{mark}{_escaped(line)}  " for line in lines), *told]),
        events=[event_of(one, voice) for one in news],
    )


def headline(news: News) -> str:
    """What happened to what, in one short line."""
    if news.record is not None:
        signal, level = news.record.signal, news.detail.get("level", "")
        head = f"Target {level} hit" if news.kind is Kind.TARGET and level else _HEADS[news.kind]
        return f"{head}: {signal.direction} {symbols.pair(signal)}"
    what = news.detail.get("what", "")
    return {
        Kind.GAP: "Signals may have been missed",
        Kind.FAILING: f"Failing: {what}",
        Kind.RECOVERED: f"Works again: {what}",
    }.get(news.kind, "A test of cqs-sheets")


def line_of(news: News, voice: Voice) -> str:
    """All that a digest has room for."""
    if news.record is None:
        return f"{headline(news)}. {' '.join(_about(news, voice))}"
    signal = news.record.signal
    parts = [headline(news), *(_changes(news) if news.before else ())]
    if news.kind is Kind.NEW:
        parts += [part for part in (_zone(signal), _stop(signal), _targets(signal)) if part]
    return ", ".join([*parts, *_result(news)])


def event_of(news: News, voice: Voice) -> dict[str, Any]:
    """The same for a program: see docs/reference/alert.schema.json. Prices are exact decimal texts."""
    signal = news.record.signal if news.record else None
    return {
        "id": news.id,
        "kind": news.kind.value,
        "at": utc_text(news.at),
        "title": headline(news),
        "detail": dict(news.detail),
        "signal": _signal_json(news.record, signal, voice) if news.record and signal else None,
        "before": {name: _value(news.before.signal, name) for name in _changed(news)}
        if news.before
        else None,
    }


def _signal_json(record: Record, signal: Signal, voice: Voice) -> dict[str, Any]:
    words = {name: getattr(signal, name) for name in ("exchange", "currency", "coin", "direction", "type")}
    prices = {name: _value(signal, name) for name in _PRICES}
    ratios = [
        risk.reward_to_risk(signal, target) for target in (signal.target1, signal.target2, signal.target3)
    ]
    return {
        "id": uid(record), "timestamp": utc_text(signal.timestamp), "status": record.status.value,
        **words, **prices, "pair": symbols.pair(signal), "url": voice.symbols.url(signal) or None,
        "reward_to_risk": [None if ratio is None else format(ratio, "f") for ratio in ratios],
    }  # fmt: skip


def _lines(news: News, voice: Voice) -> Iterator[str]:
    if news.record is None:
        yield from _about(news, voice)
        return
    signal = news.record.signal
    yield f"{voice.symbols.exchange_name(signal.exchange)}, {signal.type}".rstrip(", ")
    yield from _result(news)
    yield from (_changes(news) if news.before else ())
    yield from (line for line in (_zone(signal), _stop(signal), _targets(signal)) if line)
    ratios = [
        risk.reward_to_risk(signal, target) for target in (signal.target1, signal.target2, signal.target3)
    ]
    if any(ratio is not None for ratio in ratios):
        yield "R:R " + " / ".join("-" if ratio is None else f"{ratio:.2f}" for ratio in ratios if ratio)
    extras = [(signal.leverage, "leverage {}x"), (signal.risk_level, "risk {}")]
    told = [text.format(plain_price(value)) for value, text in extras if value is not None]
    if told:
        yield ", ".join(told)
    link = voice.symbols.url(signal)
    if link:
        yield link


def _about(news: News, voice: Voice) -> Iterator[str]:
    """What there is to say where no signal is."""
    if news.kind is Kind.GAP:
        start, end = (datetime.fromisoformat(news.detail[name]) for name in ("from", "to"))
        local = [f"{moment.astimezone(voice.zone):%Y-%m-%d %H:%M}" for moment in (start, end)]
        yield (
            f"Nothing asked for {news.detail.get('feed', 'the feed')} from {local[0]} to {local[1]} ({voice.zone}),"
            f" {duration((end - start).total_seconds())}: what opened and closed in it is not in your sheets."
        )
        return
    yield from (news.detail[name] for name in ("message", "hint") if news.detail.get(name))


def _result(news: News) -> Iterator[str]:
    """What became of a trade, where that is what is told."""
    level = news.detail.get("level", "")
    reached = getattr(news.record.signal, f"target{level}", None) if news.record and level else None
    price = news.detail.get("price") or plain_price(reached)
    if price:
        yield f"at {price}"
    if news.detail.get("r"):
        yield f"{news.detail['r']} R"


def _zone(signal: Signal) -> str:
    zone = risk.entry_zone(signal)
    return f"zone {plain_price(zone[0])} - {plain_price(zone[1])}" if zone else ""


def _stop(signal: Signal) -> str:
    if signal.stop_loss is None:
        return ""
    return f"stop {plain_price(signal.stop_loss)}{_share(risk.stop_share(signal))}"


def _targets(signal: Signal) -> str:
    targets = [target for target in (signal.target1, signal.target2, signal.target3) if target is not None]
    shown = (f"{plain_price(target)}{_share(risk.target_share(signal, target))}" for target in targets)
    return f"targets {' / '.join(shown)}" if targets else ""


def _share(share: Decimal | None) -> str:
    return "" if share is None else f" ({share * 100:.2f} %)"


def _changed(news: News) -> list[str]:
    """The names of the values that were edited."""
    if news.before is None or news.record is None:
        return []
    old, new = news.before.signal, news.record.signal
    return [name for name in _VALUES if getattr(old, name) != getattr(new, name)]


def _changes(news: News) -> Iterator[str]:
    if news.before and news.record:
        for name in _changed(news):
            old, new = (_value(one.signal, name) or "none" for one in (news.before, news.record))
            yield f"{_VALUES[name]} {old} → {new}"
        if news.before.status is not news.record.status:
            yield f"{news.before.status} → {news.record.status}"


def _value(signal: Signal, name: str) -> str | None:
    value = getattr(signal, name)
    return plain_price(value) if isinstance(value, Decimal) else value


def _escaped(line: str) -> str:
    """Texts come from the feed: none of them is markup. A link stays one."""
    return line if line.startswith("https://") else _MARKS.sub(r"\\\1", line.translate(_TAGS))
