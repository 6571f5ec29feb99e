"""What happened to signals, as a trader wants to hear it: new, changed, closed. That one aged is no news."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from cqs_sheets.core.render import plain_price
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.core.text import duration
from cqs_sheets.values import dataclass

_WORDS = {
    "coin": "coin", "currency": "currency", "direction": "side", "exchange": "exchange", "stop_loss": "stop",
    "target1": "TP1", "target2": "TP2", "target3": "TP3", "type": "horizon", "ask": "ask",
    "risk_level": "risk", "leverage": "leverage",
}  # fmt: skip


class Happened(StrEnum):
    """`CHANGED`: the provider edited it, or it is open again. `CLOSED`: it was seen to end."""

    NEW = "new"
    CHANGED = "changed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What became of one signal in one poll; `before` is what it was until then, None for a new one."""

    what: Happened
    record: Record
    before: Record | None = None

    @property
    def changes(self) -> str:
        """What is different, with what it was: `stop was 0.204`; for a closed one, how long it was open."""
        if self.what is Happened.CLOSED and self.record.last_seen:
            seconds = (self.record.last_seen - self.record.signal.timestamp).total_seconds()
            return f"open for {duration(max(0, seconds))}"
        return ", ".join(_changes(self.before, self.record)) if self.before else ""


def _changes(before: Record, after: Record) -> Iterator[str]:
    if before.status is not Status.OPEN:
        yield f"open again, was {before.status.value}"
    old, new = before.signal, after.signal
    if risk.entry_zone(old) != risk.entry_zone(new):
        yield f"zone was {zone_text(old) or 'blank'}"
    for name, word in _WORDS.items():
        if (was := getattr(old, name)) != getattr(new, name):
            yield f"{word} was {_text(was) or 'blank'}"
    if old.timestamp != new.timestamp:
        yield f"published was {old.timestamp:%Y-%m-%d %H:%M:%S} UTC"


def zone_text(signal: Signal) -> str:
    """`93100-93250`, or the one bound that there is."""
    zone = risk.entry_zone(signal)
    return "" if zone is None else "-".join(dict.fromkeys(map(plain_price, zone)))


def _text(value: Decimal | str | None) -> str:
    return plain_price(value) if isinstance(value, Decimal) else value or ""
