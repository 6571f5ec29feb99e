"""Numbers as the API writes them, exact from wire to cell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

_NUMBER = regex(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_MAX_TEXT = 80
_MAX_MAGNITUDE = 30  # no price is beyond 10^±30; a stray exponent would print as a page of zeros


def exact_decimal(text: str) -> Decimal | None:
    """The number a text stands for, without exponent ("1e5" is 100000), or None if it is none.

    Digits are kept as they came, trailing zeros included. Not numbers here: NaN, infinities,
    thousands separators, anything beyond 10^±30.
    """
    if len(text) < _MAX_MAGNITUDE and text.isascii() and text.replace(".", "", 1).isdecimal():
        return Decimal(text)  # nearly all are so plain
    if len(text) > _MAX_TEXT or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    if abs(number.adjusted()) > _MAX_MAGNITUDE:
        return None
    return Decimal(format(number, "f")) if "e" in text or "E" in text else number


_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
_ZONE = r" ?(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_TIME = regex(f"{_CLOCK}(?:{_ZONE})?")
_EPOCH = regex(r"[0-9]{10}(?:\.[0-9]{1,9})?")
_EPOCH_MILLISECONDS = regex(r"[0-9]{13}")
_CLOCK_NOISE = timedelta(minutes=1)
_UNIX_START = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(2000, 2200)


@lru_cache(4096)
def moment(text: str, zone: tzinfo, by: datetime | None = None) -> datetime | None:
    """The moment in UTC, or None if the text is no time or lies outside the years 2000-2199.

    `YYYY-MM-DD HH:MM:SS` on the clocks of `zone`; also with T, fractions, an offset of its own,
    or as Unix time in seconds or milliseconds. Of an hour that those clocks showed twice, the one
    that had last come round `by` then is meant; the first without `by`.
    """
    try:
        found = _moment(text, zone, by)
    except (ValueError, OverflowError):
        return None
    return found if found and found.year in _YEARS else None


def _moment(text: str, zone: tzinfo, by: datetime | None) -> datetime | None:
    if _EPOCH.fullmatch(text):
        return _UNIX_START + timedelta(microseconds=int(Decimal(text) * 1_000_000))
    if _EPOCH_MILLISECONDS.fullmatch(text):
        return _UNIX_START + timedelta(milliseconds=int(text))
    if not _TIME.fullmatch(text):
        return None
    found = datetime.fromisoformat(text[:19] + text[19:].replace(" ", ""))
    if found.tzinfo:
        return found.astimezone(UTC)
    first, second = (found.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return second if by is not None and first < second <= by + _CLOCK_NOISE else first


@lru_cache(4096)
def has_no_zone(text: str) -> bool:
    """Whether a time stamp says on which clocks it is: no Unix time, no offset."""
    return re.fullmatch(_CLOCK, text) is not None


class FeedTable(StrEnum):
    """The provider's table an id belongs to: ids are sequences of their own in each."""

    MAIN = "main"
    SCALPING = "scalping"

    __hash__ = str.__hash__  # that of an Enum is slow, and each identity of a signal has one


class Status(StrEnum):
    """`CLOSED`: missing from an answer that surely covered it. `AGED`: merely left the window."""

    OPEN = "open"
    CLOSED = "closed"
    AGED = "aged"


_LIFE = regex(r"(.+)#([2-9]|[1-9][0-9]{1,8})")


class SignalKey(NamedTuple):
    """A signal's identity: the API's id, with "#2" behind it if that had ended and came back as another signal."""

    table: FeedTable
    id: str

    @property
    def api_id(self) -> str:
        """The id as the API sends it."""
        match = _LIFE.fullmatch(self.id) if "#" in self.id else None
        return match[1] if match else self.id

    @property
    def life(self) -> int:
        """Which signal of that id it is: 1 for the first."""
        match = _LIFE.fullmatch(self.id) if "#" in self.id else None
        return int(match[2]) if match else 1

    def in_life(self, number: int) -> SignalKey:
        """The identity of another signal of that id."""
        return self._replace(id=self.api_id if number == 1 else f"{self.api_id}#{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One API object, parsed: prices exact, `timestamp` aware (UTC), absent values None.

    `extra` keeps every field the guide does not name, as text. `flags` says what is odd about
    the values (kept as they came), e.g. "stop on the wrong side". `sent` is the time stamp as it came, "" where it
    has a zone of its own or is not known any more; `sent_zone` names the zone that it was read in.
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
    sent: str = field(default="", compare=False)
    sent_zone: str = field(default="", compare=False)


class Reject(NamedTuple):
    """A malformed signal, set aside: its id if it has one, why, and the text as it came."""

    id: str | None
    reason: str
    raw: str


_NOT_JUDGED: Mapping[str, str | Decimal | datetime | bool | None] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A signal with its history. Times are aware (UTC).

    `last_seen` is None while the signal is open. `arrival` grows by first sight over all
    signals, also across machines and lost journals (milliseconds since 2020, made unique).
    `revision` starts at 1 and grows with each change that a spreadsheet could show. `judged` is what became
    of it by the rules in force, by the names of the columns' sources, times aware; empty: not known.
    """

    signal: Signal
    status: Status
    first_seen: datetime
    last_seen: datetime | None
    arrival: int
    revision: int
    judged: Mapping[str, str | Decimal | datetime | bool | None] = field(
        default_factory=lambda: _NOT_JUDGED, compare=False
    )


class Records(Protocol):
    """Records by their places; they need not be there before they are asked for."""

    def __getitem__(self, at: int, /) -> Record:
        """The one at a place."""
        ...
