"""Tables for people: they fit the terminal, and lose their colours where nobody wants them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Context

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from cqs_sheets.core import risk, symbols
from cqs_sheets.core.render import ago, plain_price
from cqs_sheets.core.signal import Record, Signal

_WIDE = 120  # from here on there is room for the horizon and all targets
_WIDTHS = {
    "Opened": 7, "Pair": 13, "Side": 5, "Horizon": 14, "Exchange": 9,
    "Entry": 11, "Stop": 11, "TP1": 11, "TP2": 11, "TP3": 11, "R:R": 5,
}  # fmt: skip
_ONLY_WIDE = frozenset({"Horizon", "TP2", "TP3"})
_NUMBERS = frozenset({"Entry", "Stop", "TP1", "TP2", "TP3", "R:R"})
_DIGITS = 8  # significant ones of an entry: the middle of a zone has more than a screen has room for
_SIDES = {"LONG": "green", "SHORT": "red"}


def console() -> Console:
    """Stdout: width of the terminal, colour by NO_COLOR and whether it is one at all."""
    return Console(highlight=False, soft_wrap=False)


def print_signals(records: Iterable[Record], now: datetime) -> None:
    """The open signals, newest first, with what a trader decides by; `-F` marks a futures exchange."""
    out = console()
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    shown = [name for name in _WIDTHS if out.width >= _WIDE or name not in _ONLY_WIDE]
    for name in shown:
        justify: JustifyMethod = "right" if name in _NUMBERS else "left"
        table.add_column(
            name,
            justify=justify,
            no_wrap=True,
            min_width=min(_WIDTHS[name], len(name)),
            max_width=_WIDTHS[name],
        )
    for record in sorted(records, key=lambda r: r.signal.timestamp, reverse=True):
        cells = _cells(record.signal, now)
        table.add_row(*(cells[name] for name in shown))
    out.print(table)


def _cells(signal: Signal, now: datetime) -> dict[str, Text | str]:
    ratio, entry = risk.reward_to_risk(signal, signal.target1), risk.entry_mid(signal)
    return {
        "Opened": ago(signal.timestamp, now).removesuffix(" ago").removeprefix("just "),
        "Pair": Text(symbols.pair(signal), style="bold"),
        "Side": Text(signal.direction, style=_SIDES.get(signal.direction, "")),
        "Horizon": signal.type,
        "Exchange": signal.exchange.lower().replace("_futures", "-F"),
        "Entry": plain_price(None if entry is None else Context(prec=_DIGITS).plus(entry)),
        "Stop": plain_price(signal.stop_loss),
        "TP1": plain_price(signal.target1),
        "TP2": plain_price(signal.target2),
        "TP3": plain_price(signal.target3),
        "R:R": "" if ratio is None else f"{ratio:.2f}",
    }
