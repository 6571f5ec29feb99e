"""What is odd about a signal's values: said, never mended."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from cqs_sheets.core.signals.json_text import REPLACEMENT
from cqs_sheets.core.signals.risk import entry_zone
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.core.signals.vocabulary import DIRECTIONS, TYPES

_FAR = Decimal("0.1")  # of the ask: a reference price this far outside its entry zone is likely a slip
_LOWEST_RISK, _HIGHEST_RISK = 1, 5


def oddities(signal: Signal) -> tuple[str, ...]:
    """Short statements, each about values that came as they are kept, e.g. "stop on the wrong side"."""
    found = [*_of_words(signal), *_of_numbers(signal)]
    if signal.direction in DIRECTIONS:
        found += _of_levels(signal, rising=signal.direction == "LONG")
    return tuple(found)


def _of_words(signal: Signal) -> Iterator[str]:
    words = {"exchange": signal.exchange, "currency": signal.currency, "type": signal.type}
    for name, text in (words | {"direction": signal.direction}).items():
        if not text:
            yield f"no {name}"
    if signal.direction and signal.direction not in DIRECTIONS:
        yield "unknown direction"
    if signal.type and signal.type not in TYPES:
        yield "unknown type"
    if any(REPLACEMENT in text for text in (signal.key.id, signal.coin, *words.values())):
        yield "text that is not UTF-8"


def _of_numbers(signal: Signal) -> Iterator[str]:
    if signal.risk_level is not None and not _LOWEST_RISK <= signal.risk_level <= _HIGHEST_RISK:
        yield f"risk level outside {_LOWEST_RISK}-{_HIGHEST_RISK}"
    zone = entry_zone(signal)
    if not zone:
        yield "no entry zone"
    elif signal.ask is not None and _distance(signal.ask, zone) > _FAR * signal.ask:
        yield "ask far outside the entry zone"
    targets = (signal.target1, signal.target2, signal.target3)
    if targets == (None, None, None):
        yield "no target"
    elif any(earlier is None and later is not None for earlier, later in pairwise(targets)):
        yield "a target is skipped"


def _of_levels(signal: Signal, *, rising: bool) -> Iterator[str]:
    """Levels against the direction: profits lie above the entry and the stop below it, or mirrored."""
    sign = 1 if rising else -1
    targets = [sign * t for t in (signal.target1, signal.target2, signal.target3) if t is not None]
    bounds = entry_zone(signal) or ((signal.ask,) if signal.ask is not None else ())
    entries = [sign * price for price in bounds]
    if any(later <= earlier for earlier, later in pairwise(targets)):
        yield "targets out of order"
    if entries and any(target <= max(entries) for target in targets):
        yield "target on the wrong side"
    if entries and signal.stop_loss is not None and sign * signal.stop_loss >= min(entries):
        beyond = sign * signal.stop_loss > max(entries)
        yield "stop on the wrong side" if beyond else "stop inside the entry zone"
    start, end = signal.buy_start, signal.buy_end
    if rising and start is not None and end is not None and start > end:
        yield "entry zone reversed"


def _distance(price: Decimal, zone: tuple[Decimal, Decimal]) -> Decimal:
    return max(zone[0] - price, price - zone[1], Decimal(0))
