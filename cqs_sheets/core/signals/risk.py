"""The arithmetic of a planned trade: exact decimals in, exact or rounded decimals out, None where undefined.

Entry is the middle of the entry zone, the reference of every distance and ratio. Risk per unit is
|entry - stop|, reward per unit |target - entry|; a reward-to-risk ratio (R multiple) is their quotient.
A stop or target on the wrong side of the entry gives None, never a number that looks right.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from cqs_sheets.core.cells import rounded
from cqs_sheets.core.signals.signal import Signal

_DIGITS = 12  # significant digits of a quotient: exact in a spreadsheet's doubles
_SIDE = {"LONG": 1, "SHORT": -1}


def entry_zone(signal: Signal) -> tuple[Decimal, Decimal] | None:
    """The entry zone as (low, high), whichever way round it was sent; one bound alone is both."""
    bounds = [price for price in (signal.buy_start, signal.buy_end) if price is not None]
    return (min(bounds), max(bounds)) if bounds else None


def entry_mid(signal: Signal) -> Decimal | None:
    """The middle of the entry zone, to the 15 digits of a cell; the ask where no zone was sent."""
    zone = entry_zone(signal)
    return rounded((zone[0] + zone[1]) / 2) if zone else signal.ask


def stop_share(signal: Signal) -> Decimal | None:
    """Distance from the entry to the stop as a share of the entry; None on the wrong side."""
    return _distance(signal, signal.stop_loss, towards=-1)


def target_share(signal: Signal, target: Decimal | None) -> Decimal | None:
    """Distance from the entry to a target as a share of the entry; None on the wrong side."""
    return _distance(signal, target, towards=1)


def reward_to_risk(signal: Signal, target: Decimal | None) -> Decimal | None:
    """Reward / risk to one target, from the middle of the zone."""
    entry = entry_mid(signal)
    if entry is None or target is None or signal.stop_loss is None:
        return None
    if target_share(signal, target) is None or stop_share(signal) is None:
        return None
    return _quotient(abs(target - entry), abs(entry - signal.stop_loss))


def _distance(signal: Signal, price: Decimal | None, *, towards: int) -> Decimal | None:
    entry, side = entry_mid(signal), _SIDE.get(signal.direction)
    if not entry or price is None or side is None or (price - entry) * side * towards <= 0:
        return None
    return _quotient(abs(price - entry), entry)


def _quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec, context.rounding = _DIGITS, ROUND_HALF_EVEN
        return (dividend / divisor).normalize()
