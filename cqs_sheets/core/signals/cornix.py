"""A signal as a message that Cornix reads: https://help.cornix.io/en/articles/5814956-signal-posting."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cqs_sheets.core.signals import risk, symbols
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.core.signals.symbols import Symbols
from cqs_sheets.core.signals.vocabulary import is_futures

_OWN_NAMES = {("bybit", "USDT"): "Bybit USDT"}  # where Cornix does not call an exchange as everybody does
_LEAST_LEVERAGE = Decimal(1)


def cornix_text(names: Symbols, signal: Signal) -> str:
    """The message, one statement a line.

    A futures signal without leverage says 1x, which is what Cornix would take: without a word on leverage
    it is a spot signal. Blank where zone, stop or every target is missing, or a level is on the wrong
    side: Cornix would refuse it, or read another direction from the prices.
    """
    zone = risk.entry_zone(signal)
    targets = [t for t in (signal.target1, signal.target2, signal.target3) if t is not None]
    right = [risk.stop_share(signal), *(risk.target_share(signal, target) for target in targets)]
    if not zone or not targets or None in right or not (signal.coin and signal.currency):
        return ""
    return "\n".join(_lines(names, signal, zone, targets))


def _lines(
    names: Symbols, signal: Signal, zone: tuple[Decimal, Decimal], targets: list[Decimal]
) -> Iterator[str]:
    yield f"#{symbols.pair(signal)}"
    yield f"Exchanges: {_exchange(names, signal)}"
    yield f"Signal Type: Regular ({signal.direction.capitalize()})"
    leverage = signal.leverage or (_LEAST_LEVERAGE if is_futures(signal.exchange.strip()) else None)
    if leverage:
        yield f"Leverage: Isolated ({_plain(leverage)}X)"
    yield f"Entry Zone: {_plain(zone[0])} - {_plain(zone[1])}"  # without "Zone" two prices are two entries
    yield "Take-Profit Targets:"
    yield from (f"{number}) {_plain(target)}" for number, target in enumerate(targets, start=1))
    yield "Stop Targets:"
    yield f"1) {_plain(signal.stop_loss or Decimal(0))}"


def _exchange(names: Symbols, signal: Signal) -> str:
    own = _OWN_NAMES.get((signal.exchange.strip().lower(), signal.currency.strip().upper()))
    return own or names.exchange_name(signal.exchange)


def _plain(number: Decimal) -> str:
    """A decimal without exponent, as people write it."""
    return format(number, "f")
