"""What to ask the API: feeds (filters polled together) and the single requests they come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from cqs_sheets.core.signals.exchanges import (
    CURRENCIES,
    EXCHANGES,
    SCALPING,
    TYPES,
    is_futures,
    misspelt,
    nearest,
)
from cqs_sheets.core.signals.signal import FeedTable, Signal
from cqs_sheets.errors import UsageError
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass

MIN_INTERVAL = 1
MAX_INTERVAL = 20
"""The look-back window's bounds, in minutes."""

_CODE = regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_CURRENCY = regex(r"[A-Z0-9]{2,12}")


def interval_problem(minutes: int) -> str | None:
    """Why the API would refuse this look-back window, or None."""
    if MIN_INTERVAL <= minutes <= MAX_INTERVAL:
        return None
    return f"interval {minutes} is outside {MIN_INTERVAL}..{MAX_INTERVAL} minutes"


def type_problem(text: str) -> str | None:
    """Why this is no signal type, with the nearest one and all valid ones, or None."""
    if text in TYPES:
        return None
    return f"unknown type {text!r}{_did_you_mean(nearest(text, TYPES))} (valid: {', '.join(TYPES)})"


def exchange_problem(code: str) -> str | None:
    """Why this is surely no exchange code, or None.

    Known codes pass in any casing (the API compares with the stored value exactly, and casings
    vary), slips of known codes are refused. Other well-formed codes cannot be proven wrong.
    """
    if code.lower() in EXCHANGES:
        return None
    slip = misspelt(code, EXCHANGES)
    if slip is None and _CODE.fullmatch(code):
        return None
    known = ", ".join(EXCHANGES)
    return f"unknown exchange {code!r}{_did_you_mean(slip or nearest(code, EXCHANGES))} (known: {known})"


def currency_problem(code: str) -> str | None:
    """Why this is surely no quote currency, or None; well-formed unknown ones cannot be proven wrong."""
    if code in CURRENCIES:
        return None
    slip = misspelt(code, CURRENCIES)
    if slip is None and _CURRENCY.fullmatch(code):
        return None
    known = ", ".join(CURRENCIES)
    return f"unknown currency {code!r}{_did_you_mean(slip or nearest(code, CURRENCIES))} (known: {known})"


@dataclass(frozen=True, slots=True)
class Query:
    """One request: the signals opened in the last `interval` minutes that pass the filters.

    None as a filter means all. Raises UsageError for what the API would surely refuse.
    """

    interval: int
    exchange: str | None = None
    currency: str | None = None
    type: str | None = None

    def __post_init__(self) -> None:
        _refuse(
            [
                interval_problem(self.interval),
                exchange_problem(self.exchange) if self.exchange is not None else None,
                currency_problem(self.currency) if self.currency is not None else None,
                type_problem(self.type) if self.type is not None else None,
            ]
        )

    def parameters(self) -> dict[str, str]:
        """The request's fields by the guide's names, the key not among them."""
        filters = {"exchange": self.exchange, "currency": self.currency, "type": self.type}
        return {"interval": str(self.interval)} | {name: text for name, text in filters.items() if text}


@dataclass(frozen=True, slots=True)
class Feed:
    """Filters that are polled together; an empty tuple means all. Duplicates and blanks are dropped.

    Raises UsageError naming every filter that is surely wrong.
    """

    name: str
    exchange: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    leverage: bool = False

    def __post_init__(self) -> None:
        for name in ("exchange", "currency", "type"):
            object.__setattr__(self, name, tuple(dict.fromkeys(text for text in getattr(self, name) if text)))
        _refuse(
            [
                *map(exchange_problem, self.exchange),
                *map(currency_problem, self.currency),
                *map(type_problem, self.type),
            ]
        )


def queries(feed: Feed, interval: int, *, free: bool) -> list[Query]:
    """The requests of one poll: one per combination of filters.

    A free feed without `type` asks twice, as the free scalps stand in a table of their own.
    """
    everything: tuple[str | None, ...] = (None, SCALPING) if free else (None,)
    filters = product(feed.exchange or (None,), feed.currency or (None,), feed.type or everything)
    return [Query(interval, exchange, currency, kind) for exchange, currency, kind in filters]


def table_of(query: Query, *, free: bool) -> FeedTable:
    """The provider's table that answers this query."""
    return FeedTable.SCALPING if free and query.type == SCALPING else FeedTable.MAIN


def selection(feed: Feed, *, free: bool) -> str:
    """What a feed covers, as canonical text: the same for the same filters and tier in any order."""
    parts = [("exchange", feed.exchange), ("currency", feed.currency), ("type", feed.type)]
    filters = [f"{name}={','.join(sorted(values)) or '*'}" for name, values in parts]
    return ";".join(["free" if free else "premium", *filters])


def leverage_queries(feed: Feed, interval: int, signals: Iterable[Signal]) -> list[Query]:
    """The requests that fetch missing leverages: one per futures code seen (and table it was seen in).

    The code is sent as stored. A feed that already filters by it has had its answer. Filters with
    several values are left out here, so the answers can hold signals the feed does not want:
    keep those that `wants` tells.
    """
    if not feed.leverage:
        return []
    lacking = {
        (signal.key.table, signal.exchange): None
        for signal in signals
        if signal.leverage is None and is_futures(signal.exchange) and signal.exchange not in feed.exchange
    }
    kinds = {FeedTable.MAIN: _single(feed.type), FeedTable.SCALPING: SCALPING}
    return [Query(interval, code, _single(feed.currency), kinds[table]) for table, code in lacking]


def wants(feed: Feed, signal: Signal) -> bool:
    """Whether a signal passes the feed's filters, casing ignored."""
    pairs = (
        (feed.exchange, signal.exchange),
        (feed.currency, signal.currency),
        (feed.type, signal.type),
    )
    return all(not wanted or value.casefold() in map(str.casefold, wanted) for wanted, value in pairs)


def warnings(feed: Feed, *, free: bool) -> list[str]:
    """What may be wrong with a feed, but cannot be proven so."""
    unknown = [
        *(f"exchange {code!r}" for code in feed.exchange if code.lower() not in EXCHANGES),
        *(f"currency {code!r}" for code in feed.currency if code not in CURRENCIES),
    ]
    exactly = "is not known here; it must match the API's value exactly"
    found = [f"feed {feed.name!r}: {what} {exactly}" for what in unknown]
    if free and feed.type == (SCALPING,) and "bitmex" in map(str.lower, feed.exchange):
        found.append(f"feed {feed.name!r}: the free feed never holds BitMEX scalps")
    return found


def _single(values: Sequence[str]) -> str | None:
    return values[0] if len(values) == 1 else None


def _did_you_mean(word: str | None) -> str:
    return f", did you mean {word!r}?" if word else ""


def _refuse(problems: Iterable[str | None]) -> None:
    found = [problem for problem in problems if problem]
    if found:
        raise UsageError("; ".join(found), meaning="The API was not asked.", hint="Correct the filters.")
