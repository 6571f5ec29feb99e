"""The arithmetic of a planned trade: exact decimals in, exact or rounded decimals out, None where undefined.

Entry is the middle of the entry zone, the reference of every distance and ratio. Risk per unit is
|entry - stop|, reward per unit |target - entry|; a reward-to-risk ratio (R multiple) is their quotient.
A stop or target on the wrong side of the entry gives None, never a number that looks right.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import update_wrapper
from typing import TypeVar

from cqs_sheets.core.cells import rounded
from cqs_sheets.core.signals.signal import Signal

_CONTEXT = Context(prec=12, rounding=ROUND_HALF_EVEN)  # a quotient's digits: exact in a spreadsheet's doubles
_REMEMBERED = 256  # more than are worked out together
_SIDE = {"LONG": 1, "SHORT": -1}
_Result = TypeVar("_Result")


def _of_the_last(compute: Callable[[Signal], _Result]) -> Callable[[Signal], _Result]:
    """The same, remembered of the last signals: all that is computed of one rests on a few values."""
    known: dict[int, tuple[Signal, _Result]] = {}

    def remembered(signal: Signal) -> _Result:
        held = known.get(id(signal))
        if held is None or held[0] is not signal:
            if len(known) >= _REMEMBERED:
                known.clear()
            held = known[id(signal)] = (signal, compute(signal))
        return held[1]

    return update_wrapper(remembered, compute)


@_of_the_last
def entry_zone(signal: Signal) -> tuple[Decimal, Decimal] | None:
    """The entry zone as (low, high), whichever way round it was sent; one bound alone is both."""
    start, end = signal.buy_start, signal.buy_end
    if start is None or end is None:
        bound = end if start is None else start
        return None if bound is None else (bound, bound)
    return min(start, end), max(start, end)


@_of_the_last
def entry_mid(signal: Signal) -> Decimal | None:
    """The middle of the entry zone, to the 15 digits of a cell; the ask where no zone was sent."""
    start, end = signal.buy_start, signal.buy_end
    if start is not None and end is not None:
        return rounded((start + end) / 2)
    return start or end or signal.ask


def stop_share(signal: Signal) -> Decimal | None:
    """Distance from the entry to the stop as a share of the entry; None on the wrong side."""
    return _quotient(to_stop(signal), entry_mid(signal))


def target_share(signal: Signal, target: Decimal | None) -> Decimal | None:
    """Distance from the entry to a target as a share of the entry; None on the wrong side."""
    return _quotient(to_target(signal, target), entry_mid(signal))


def reward_to_risk(signal: Signal, target: Decimal | None) -> Decimal | None:
    """Reward / risk to one target, from the middle of the zone."""
    return _quotient(to_target(signal, target), to_stop(signal))


@_of_the_last
def to_stop(signal: Signal) -> Decimal | None:
    """The risk per unit; None without a stop, or where it is on the wrong side."""
    return _distance(signal, signal.stop_loss, towards=-1)


def to_target(signal: Signal, target: Decimal | None) -> Decimal | None:
    """The reward per unit at a target; None without one, or where it is on the wrong side."""
    return _distance(signal, target, towards=1)


def _distance(signal: Signal, price: Decimal | None, *, towards: int) -> Decimal | None:
    entry, side = entry_mid(signal), _SIDE.get(signal.direction)
    if not entry or price is None or side is None:
        return None
    distance = price - entry if side == towards else entry - price
    return distance if distance > 0 else None


def _quotient(dividend: Decimal | None, divisor: Decimal | None) -> Decimal | None:
    if dividend is None or divisor is None:
        return None
    return _CONTEXT.divide(dividend, divisor).normalize(_CONTEXT)
