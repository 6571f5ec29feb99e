"""Signals in lines of words and prices: the news of a sync, and what no table has room for. No price is ever cut."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple

import click

from cqs_sheets.cli.terminal.output import wanted_color
from cqs_sheets.core.news import Happened, News
from cqs_sheets.core.render import aligned, row_texts
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.exchanges import Symbols, pair
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.core.text import harmless
from cqs_sheets.values import dataclass

_COLORS = {Happened.NEW: "green", Happened.CHANGED: "yellow", Happened.CLOSED: "cyan"}
_SIDES = {"LONG": "green", "SHORT": "red"}
_MOST = 60  # lines; the journal has them all
_LABELS = ("stop", "TP", "-")
_HUGE = 100  # R
_MARGIN = 2  # before what goes on in another line


class _Cell(NamedTuple):
    """A text in a column, `gap` blanks before it; `free`: it may reach over the columns at its right."""

    text: str = ""
    color: str = ""
    gap: int = 2
    bold: bool = False
    dim: bool = False
    link: str = ""
    is_price: bool = False
    free: bool = False


_NONE = _Cell()
_Line = list[_Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalLine:
    """One signal, what is said before it (a time, a word and its colour), and after it."""

    signal: Signal
    stamp: str = ""
    word: str
    color: str
    note: str = ""


def print_news(news: Sequence[News], names: Symbols, stamp: str = "") -> None:
    """Each of the news on stdout; `stamp` (a time) stands before it."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    told = [
        SignalLine(
            signal=each.record.signal,
            stamp=stamp,
            word=each.what.value,
            color=_COLORS[each.what],
            note=each.changes,
        )
        for each in news[:_MOST]
    ]
    for line in signal_lines(told, names, width):
        click.echo(line, color=wanted_color())
    if len(news) > _MOST:
        click.echo(f"and {len(news) - _MOST:,} more: cqs-sheets journal show --limit {len(news)}")


def signal_lines(told: Sequence[SignalLine], names: Symbols, width: int | None) -> Iterator[str]:
    """A styled line for each if columns fit the width, else two, else as many as it takes between words.

    On a terminal a pair is a link to its page. Without a width (a file, another program) each is one line, with the
    address at its end.
    """
    for line in _lines(told, names, width):
        yield "".join(_drawn(cell, links=width is not None) for cell in line).rstrip()


def _lines(told: Sequence[SignalLine], names: Symbols, width: int | None) -> list[_Line]:
    if width is None:
        return [_flat([*_parts(each, names).cells, _Cell(names.url(each.signal))]) for each in told]
    lines = _padded([_parts(each, names).cells for each in told])
    for short in (False, True):
        if all(_width(line) <= width for line in lines):
            return lines
        lines = _padded([line for each in told for line in _parts(each, names, short=short).in_two()])
    if all(_width(line) <= width for line in lines):
        return lines
    return list(_unaligned([_parts(each, names) for each in told], width))


def _unaligned(parts: Sequence[_Parts], width: int) -> Iterator[_Line]:
    """Each in a line of its entry and one of its aims, as long as they are."""
    starts = _padded([each.about for each in parts])
    for each, about in zip(parts, starts, strict=True):
        margin = about[0].gap + len(about[0].text) + _MARGIN
        yield from _wrapped(_flat([*about, *each.entry]), width, margin)
        first, *rest = _flat(each.aims) or [_NONE]
        yield from _wrapped([first._replace(gap=margin), *rest], width, margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What is told of one signal, in groups of cells."""

    about: _Line
    zone: _Line
    stop: _Line
    targets: _Line
    ratio: _Cell
    exchange: _Cell
    note: _Cell

    @property
    def cells(self) -> _Line:
        """All of it in a line."""
        return [*self.about, *self.entry, *self.aims]

    @property
    def entry(self) -> _Line:
        """Where it is entered, and left with a loss."""
        return [*self.zone, _label("stop", self.stop), *self.stop]

    @property
    def aims(self) -> _Line:
        """The targets and all that follows."""
        return [_label("TP", self.targets), *self.targets, self.ratio, self.exchange, self.note]

    def in_two(self) -> Iterator[_Line]:
        """In two lines with their prices in the same columns; a note in one of its own."""
        yield [*self.about, _NONE, *self.entry]
        first, second, third = self.targets
        label = _label("TP", self.targets)
        yield [_NONE, _NONE, self.exchange, self.ratio, label, first, _NONE, second, _NONE, third]
        if self.note.text:
            yield [_NONE, _NONE, self.note]


def _parts(told: SignalLine, names: Symbols, *, short: bool = False) -> _Parts:
    signal = told.signal
    ratio = risk.reward_to_risk(signal, signal.target1)
    low, high = risk.entry_zone(signal) or (None, None)
    prices = [low, None if low == high else high, signal.stop_loss]
    prices += [signal.target1, signal.target2, signal.target3]
    first, last, stop, *targets = (
        _Cell(text, gap=1, is_price=True) for text in row_texts(prices, short=short)
    )
    return _Parts(
        about=[
            _Cell(told.stamp, gap=0, dim=True),
            _Cell(told.word, gap=2 if told.stamp else 0, color=told.color),
            _Cell(harmless(pair(signal)), bold=True, link=names.url(signal)),
            _Cell(harmless(signal.direction), color=_SIDES.get(signal.direction, "")),
        ],
        zone=[first._replace(gap=2), _Cell("-" if last.text else "", gap=1), last],
        stop=[stop],
        targets=targets,
        ratio=_Cell("" if ratio is None else f"R:R {ratio_text(ratio)}"),
        exchange=_Cell(harmless(names.exchange_name(signal.exchange)), dim=True),
        note=_Cell(harmless(told.note), color=told.color, free=True),
    )


def ratio_text(ratio: Decimal | None) -> str:
    """Reward to risk, `1.42`; beyond 100 without decimals."""
    return "" if ratio is None else f"{ratio:.2f}" if ratio < _HUGE else f"{ratio:,.0f}"


def _label(text: str, prices: _Line) -> _Cell:
    return _Cell(text if any(price.text for price in prices) else "", dim=True)


def _flat(line: _Line) -> _Line:
    return [cell for cell in line if cell.text]


def _padded(lines: Sequence[_Line]) -> list[_Line]:
    """The lines with their columns below each other; one that is blank in all of them is left out."""
    columns = [list(column) for column in zip_longest(*lines, fillvalue=_NONE)]
    kept = [_column(column) for column in columns if any(cell.text for cell in column)]
    return [list(line) for line in zip(*kept, strict=True)]


def _column(cells: Sequence[_Cell]) -> _Line:
    if any(cell.is_price for cell in cells):
        texts = aligned([cell.text for cell in cells])
    else:
        width = max((_places(cell.text) for cell in cells if not cell.free), default=0)
        texts = [cell.text + " " * (width - _places(cell.text)) for cell in cells]
    gap = max(cell.gap for cell in cells if cell.text)
    return [cell._replace(text=text, gap=gap) for cell, text in zip(cells, texts, strict=True)]


def _width(line: _Line) -> int:
    filled = [at for at, cell in enumerate(line) if cell.text.strip()]
    shown = line[: filled[-1] + 1] if filled else []
    return sum(cell.gap + _places(cell.text) for cell in shown[:-1]) + sum(
        cell.gap + _places(cell.text.rstrip()) for cell in shown[-1:]
    )


def _places(text: str) -> int:
    """How many places of a terminal a text takes."""
    if text.isascii():
        return len(text)

    from rich.cells import cell_len  # noqa: PLC0415 - for coins with names of other letters

    return cell_len(text)


def _wrapped(line: _Line, width: int, indent: int) -> Iterator[_Line]:
    """Lines of whole cells, those after the first behind a margin; a label goes with what it is the label of."""
    current: _Line = []
    for number, cell in enumerate(line):
        nexts = line[number : number + 2] if cell.text in _LABELS else [cell]
        if current and _width([*current, *nexts]) > width:
            yield current
            current = [cell._replace(gap=indent)]
        else:
            current.append(cell)
    if current:
        yield current


def _drawn(cell: _Cell, *, links: bool) -> str:
    text = cell.text.rstrip()
    styled = click.style(text, fg=cell.color or None, bold=cell.bold or None, dim=cell.dim or None)
    if links and cell.link and text:
        styled = f"\x1b]8;;{cell.link}\x1b\\{styled}\x1b]8;;\x1b\\"  # a terminal that knows no links shows the text
    return " " * cell.gap + (styled if text else "") + " " * (len(cell.text) - len(text))
