"""Tables for people: they fit the terminal, and lose their colours where nobody wants them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from cqs_sheets.cli.terminal.news import SignalLine, ratio_text, signal_lines
from cqs_sheets.core.render import aligned, computed, row_texts
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.exchanges import BUILT_IN, pair
from cqs_sheets.core.signals.signal import Record, Status
from cqs_sheets.core.text import ago, harmless

_COLUMNS = (
    "Age", "Id", "Status", "Pair", "Side", "Horizon", "Exchange",
    "Entry", "Stop", "Stop %", "TP1", "TP1 %", "TP2", "TP3", "R:R",
)  # fmt: skip
PRICES = ("Entry", "Stop", "TP1", "TP2", "TP3")
_NUMBERS = (*PRICES, "Stop %", "TP1 %", "R:R", "R")
_EXTRA = ("TP2", "TP3", "Stop %", "TP1 %", "Horizon")  # shown where there is room, in this order
_NEEDED = ("Age", "Exchange", "R:R")  # given up in this order before a price would not fit
_OF_THE_JOURNAL = ("Id", "Status")
_STYLES = {
    "LONG": "green", "SHORT": "red", Status.OPEN: "green", Status.CLOSED: "cyan", Status.AGED: "dim",
}  # fmt: skip


def console() -> Console:
    """Stdout: width of the terminal, colour by NO_COLOR and whether it is one at all."""
    old_windows = None if sys.stdout.isatty() else False  # rich takes a pipe on Windows for a console of old
    out = Console(highlight=False, markup=False, emoji=False, soft_wrap=False, legacy_windows=old_windows)
    out.push_render_hook(_Harmless())
    return out


class _Harmless(RenderHook):
    """Whatever a table holds, it upsets no terminal: the last look at each piece of text."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Each one as it is, but for its texts."""
        return [_Spelt(each) for each in renderables]


class _Spelt:
    def __init__(self, held: ConsoleRenderable) -> None:
        self._held = held

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for text, style, control in console.render(self._held, options):
            yield Segment(text if control else harmless(text), style, control)


def plain_table(*names: str) -> Table:
    """A table of words: a heading and no lines."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def print_signals(records: Iterable[Record], now: datetime, *, journal: bool = False) -> None:
    """Signals on stdout; see `signals_table`."""
    out = console()
    out.print(signals_table(records, now, out.width, journal=journal))


def signals_table(
    records: Iterable[Record], now: datetime, width: int, *, journal: bool = False
) -> Table | Text:
    """Signals, newest first, with what a trader decides by; `-F` marks a futures exchange.

    `journal` adds their ids, and how they stand. Prices are exact, each row in one notation, and never cut: as many
    columns are shown as leave room for that. Where even the needed ones leave none, each signal has lines of its own.
    """
    rows = sorted(records, key=lambda record: record.signal.timestamp, reverse=True)
    shown = [name for name in _COLUMNS if name not in _EXTRA and (journal or name not in _OF_THE_JOURNAL)]
    cells = signal_cells(rows, now, short=False)
    if room(cells, [*shown, *(name for name in _EXTRA[:2] if any(cells[name]))]) > width:
        cells = signal_cells(rows, now, short=True)
    for name in _NEEDED:
        if room(cells, shown) > width and name in shown:
            shown.remove(name)
    if room(cells, shown) > width:
        return _in_lines(rows, now, width, journal=journal)
    for name in _EXTRA:
        if any(cells[name]) and room(cells, [*shown, name]) <= width:
            shown.append(name)
    return drawn(cells, sorted(shown, key=_COLUMNS.index))


def _in_lines(records: Sequence[Record], now: datetime, width: int, *, journal: bool) -> Text:
    told = [
        SignalLine(
            signal=record.signal,
            stamp=_age(record.signal.timestamp, now),
            word=f"{record.signal.key.id} {record.status.value}" if journal else record.status.value,
            color="",
        )
        for record in records
    ]
    return Text("\n").join(map(Text.from_ansi, signal_lines(told, BUILT_IN, width)))


def signal_cells(records: Sequence[Record], now: datetime, *, short: bool) -> dict[str, list[str]]:
    """The texts of all columns, those of prices aligned."""
    rows = [_cells(record, now, short=short) for record in records]
    cells = {name: [row[name] for row in rows] for name in _COLUMNS}
    return cells | {name: aligned(cells[name]) if any(cells[name]) else cells[name] for name in PRICES}


def _cells(record: Record, now: datetime, *, short: bool) -> dict[str, str]:
    signal = record.signal
    ratio = risk.reward_to_risk(signal, signal.target1)
    prices = (
        computed(risk.entry_mid(signal)),
        signal.stop_loss,
        signal.target1,
        signal.target2,
        signal.target3,
    )
    texts = {
        "Age": _age(signal.timestamp, now),
        "Id": signal.key.id,
        "Status": record.status.value,
        "Pair": pair(signal),
        "Side": signal.direction,
        "Horizon": signal.type,
        "Exchange": signal.exchange.lower().replace("_futures", "-F"),
        "Stop %": _percent(risk.stop_share(signal)),
        "TP1 %": _percent(risk.target_share(signal, signal.target1)),
        "R:R": ratio_text(ratio),
    }
    return {name: harmless(text) for name, text in texts.items()} | dict(
        zip(PRICES, row_texts(prices, short=short), strict=True)
    )


def room(cells: dict[str, list[str]], names: Collection[str]) -> int:
    """How wide these columns are side by side."""
    widths = (max([len(name), *map(cell_len, cells[name])]) for name in names)
    return sum(widths) + len(names) - 1


def drawn(
    cells: dict[str, list[str]], names: Sequence[str], *, dim: Collection[str] = ("Stop %", "TP1 %")
) -> Table:
    """These columns as a table without lines, some of them dim."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for name in names:
        width = max(map(cell_len, cells[name]), default=0)
        table.add_column(Text(f"{name:>{width}}" if name in _NUMBERS else name), no_wrap=True)
        if name in _NUMBERS and name not in PRICES:
            cells[name] = [f"{text:>{max(width, len(name))}}" for text in cells[name]]
    for row in zip(*(cells[name] for name in names), strict=True):
        table.add_row(
            *(
                Text(text, style="dim" if name in dim else _style(name, text.strip()))
                for name, text in zip(names, row, strict=True)
            )
        )
    return table


def _style(name: str, text: str) -> str:
    if name == "R":
        return "red" if text.startswith("-") else "green"
    return "bold" if name == "Pair" else _STYLES.get(text, "")


def _age(moment: datetime, now: datetime) -> str:
    """`now`, `12m`, `3h05`, `2d4h`."""
    told = ago(moment, now)
    return "now" if told == "just now" else told.removesuffix(" ago").replace(" min", "m").replace(" ", "")


def _percent(share: Decimal | None) -> str:
    """How far from the entry; blank on its wrong side."""
    return "" if share is None else f"{share * 100:.2f}"
