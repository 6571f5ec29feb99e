"""Tables for people: they fit the terminal, and lose their colours where nobody wants them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from decimal import Context, Decimal

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from cqs_sheets.core.render import ago, plain_price
from cqs_sheets.core.signals import exchanges as symbols
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.signal import Record, Signal

_WIDTHS = {
    "Opened": 6, "Pair": 13, "Side": 5, "Horizon": 14, "Exchange": 9, "Entry": 11, "Stop": 12, "Stop %": 6,
    "TP1": 12, "TP1 %": 6, "TP2": 10, "TP3": 10, "R:R": 5,
}  # fmt: skip
_NEEDS = {"Horizon": 120, "Stop %": 120, "TP1 %": 120, "TP2": 120, "TP3": 132}  # columns of the terminal
_NUMBERS = frozenset(name for name in _WIDTHS if name[:2] in ("En", "St", "TP", "R:"))
_DIGITS = 8  # significant ones of an entry: the middle of a zone has more than a screen has room for
_SIDES = {"LONG": "green", "SHORT": "red"}


def console() -> Console:
    """Stdout: width of the terminal, colour by NO_COLOR and whether it is one at all."""
    old_windows = None if sys.stdout.isatty() else False  # rich takes a pipe on Windows for a console of old
    return Console(highlight=False, soft_wrap=False, legacy_windows=old_windows)


def plain_table(*names: str) -> Table:
    """A table of words: a heading and no lines."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def print_signals(records: Iterable[Record], now: datetime) -> None:
    """The open signals on stdout; see `signals_table`."""
    out = console()
    out.print(signals_table(records, now, out.width))


def signals_table(records: Iterable[Record], now: datetime, width: int) -> Table:
    """The open signals, newest first, with what a trader decides by; `-F` marks a futures exchange."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    shown = [name for name in _WIDTHS if width >= _NEEDS.get(name, 0)]
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
    return table


def _cells(signal: Signal, now: datetime) -> dict[str, Text | str]:
    ratio, entry = risk.reward_to_risk(signal, signal.target1), risk.entry_mid(signal)
    return {
        "Opened": ago(signal.timestamp, now).removesuffix(" ago").removeprefix("just "),
        "Pair": Text(symbols.pair(signal), style="bold"),
        "Side": Text(signal.direction, style=_SIDES.get(signal.direction, "")),
        "Horizon": signal.type,
        "Exchange": signal.exchange.lower().replace("_futures", "-F"),
        "Entry": _price(None if entry is None else Context(prec=_DIGITS).plus(entry), _WIDTHS["Entry"]),
        "Stop": _price(signal.stop_loss, _WIDTHS["Stop"]),
        "Stop %": _percent(risk.stop_share(signal)),
        "TP1": _price(signal.target1, _WIDTHS["TP1"]),
        "TP1 %": _percent(risk.target_share(signal, signal.target1)),
        "TP2": _price(signal.target2, _WIDTHS["TP2"]),
        "TP3": _price(signal.target3, _WIDTHS["TP3"]),
        "R:R": "" if ratio is None else f"{ratio:.2f}"[:5].rstrip("."),
    }


def _price(price: Decimal | None, width: int) -> str:
    """A price in full; in powers of ten where a column has no room for its zeros."""
    text = plain_price(price)
    return text if price is None or len(text) <= width else f"{price.normalize():e}"


def _percent(share: Decimal | None) -> Text:
    """How far from the entry; blank on its wrong side."""
    return Text("" if share is None else f"{share * 100:.2f}", style="dim")
