"""Tables for people: they fit the terminal, and lose their colours where nobody wants them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cqs_sheets.core import risk, symbols
from cqs_sheets.core.render import ago, plain_price
from cqs_sheets.core.signal import Record, Signal

_WIDE = 110  # from here on there is room for the second and third target


def console() -> Console:
    """Stdout: width of the terminal, colour by NO_COLOR and whether it is one at all."""
    return Console(highlight=False, soft_wrap=False)


def print_signals(records: Iterable[Record], now: datetime) -> None:
    """The open signals, newest first, with what a trader decides by."""
    out = console()
    wide = out.width >= _WIDE
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("Opened", "Pair", "Side"):
        table.add_column(name, no_wrap=True)
    if wide:
        table.add_column("Horizon", no_wrap=True)
    table.add_column("Exchange", no_wrap=True, overflow="ellipsis")
    numbers = (
        ("Entry", "Stop", "TP1", "TP2", "TP3", "R:R", "Risk") if wide else ("Entry", "Stop", "TP1", "R:R")
    )
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for record in sorted(records, key=lambda r: r.signal.timestamp, reverse=True):
        table.add_row(*_cells(record.signal, now, wide=wide))
    out.print(table)


def _cells(signal: Signal, now: datetime, *, wide: bool) -> list[Text | str]:
    ratio = risk.reward_to_risk(signal, signal.target1)
    levels = [risk.entry_mid(signal), signal.stop_loss, signal.target1]
    if wide:
        levels += [signal.target2, signal.target3]
    return [
        ago(signal.timestamp, now).removesuffix(" ago"),
        Text(symbols.pair(signal), style="bold"),
        Text(signal.direction, style={"LONG": "green", "SHORT": "red"}.get(signal.direction, "")),
        *([signal.type] if wide else []),
        symbols.exchange_name(signal),
        *(plain_price(level) for level in levels),
        f"{ratio:.2f}" if ratio is not None else "",
        *([_digits(signal.risk_level)] if wide else []),
    ]


def _digits(number: Decimal | None) -> str:
    return "" if number is None else format(number, "f")
