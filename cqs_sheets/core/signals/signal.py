"""A signal as the API sent it, and what we know of it since.

Words as in the API's guide: entry zone `buy_start`..`buy_end`, take-profit `target1`..`target3`,
`ask` the reference price at publication, `risk_level` 1-5 (higher = more aggressive).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class FeedTable(StrEnum):
    """The provider's table an id belongs to: ids are sequences of their own in each."""

    MAIN = "main"
    SCALPING = "scalping"


class Status(StrEnum):
    """`CLOSED`: missing from an answer that surely covered it. `AGED`: merely left the window."""

    OPEN = "open"
    CLOSED = "closed"
    AGED = "aged"


_LIFE = re.compile(r"(.+)#([2-9]|[1-9][0-9]{1,8})")


class SignalKey(NamedTuple):
    """A signal's identity: the API's id, with "#2" behind it if that had ended and came back as another signal."""

    table: FeedTable
    id: str

    @property
    def api_id(self) -> str:
        """The id as the API sends it."""
        match = _LIFE.fullmatch(self.id)
        return match[1] if match else self.id

    @property
    def life(self) -> int:
        """Which signal of that id it is: 1 for the first."""
        match = _LIFE.fullmatch(self.id)
        return int(match[2]) if match else 1

    def in_life(self, number: int) -> SignalKey:
        """The identity of another signal of that id."""
        return self._replace(id=self.api_id if number == 1 else f"{self.api_id}#{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One API object, parsed: prices exact, `timestamp` aware (UTC), absent values None.

    `extra` keeps every field the guide does not name, as text. `flags` says what is odd about
    the values (kept as they came), e.g. "stop on the wrong side".
    """

    key: SignalKey
    timestamp: datetime
    exchange: str
    currency: str
    coin: str
    direction: str
    buy_start: Decimal | None
    buy_end: Decimal | None
    target1: Decimal | None
    target2: Decimal | None
    target3: Decimal | None
    stop_loss: Decimal | None
    type: str
    ask: Decimal | None
    risk_level: Decimal | None
    leverage: Decimal | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A malformed signal, set aside: its id if it has one, why, and the text as it came."""

    id: str | None
    reason: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A signal with its history. Times are aware (UTC).

    `last_seen` is None while the signal is open. `arrival` grows by first sight over all
    signals, also across machines and lost journals (milliseconds since 2020, made unique).
    `revision` starts at 1 and grows with each change that a spreadsheet could show.
    """

    signal: Signal
    status: Status
    first_seen: datetime
    last_seen: datetime | None
    arrival: int
    revision: int
