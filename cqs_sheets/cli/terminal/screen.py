"""The page of `status --watch`: what is drawn of a look at the journal, and what a key does to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cqs_sheets.core.prices import aligned, row_texts
from cqs_sheets.core.render import ago, coverage_days, duration, harmless, plural
from cqs_sheets.core.signals import exchanges as symbols
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.coverage import Coverage
from cqs_sheets.core.signals.signal import Record

_SIDES = {"l": "LONG", "s": "SHORT"}
_KEYS = "1-9 chart   l LONG   s SHORT   e exchange   t horizon   a all   q quit"
_STYLES = {"LONG": "green", "SHORT": "red"}
_BAR = {"#": "green", "+": "yellow", ".": "red"}
_PRICES = ("Entry", "Stop", "TP1", "TP2", "TP3")
_WIDE = ("Horizon", "TP2", "TP3", "Exchange")  # given up in this order where there is no room


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing with how it is; `bad` where somebody should look at it."""

    name: str
    state: str
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the journal told at `now`; open signals with their R, where outcomes are judged and prices known."""

    now: datetime
    zone: tzinfo
    polls: Sequence[Line]
    coverage: Coverage
    signals: Sequence[tuple[Record, Decimal | None]]
    targets: Sequence[Line]
    alerts: Sequence[Line]
    troubles: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which signals are shown; empty is all."""

    side: str = ""
    exchange: str = ""
    horizon: str = ""

    def takes(self, record: Record) -> bool:
        """Whether a signal is shown."""
        signal = record.signal
        return all(
            not wanted or wanted == value
            for wanted, value in (
                (self.side, signal.direction),
                (self.exchange, signal.exchange),
                (self.horizon, signal.type),
            )
        )

    def pressed(self, key: str, look: Look) -> Chosen:
        """What is shown after a key; one that means nothing changes nothing."""
        signals = [record.signal for record, _ in look.signals]
        if key == "a":
            return Chosen()
        if key in _SIDES:
            return replace(self, side="" if self.side == _SIDES[key] else _SIDES[key])
        if key == "e":
            return replace(self, exchange=_next(self.exchange, {signal.exchange for signal in signals}))
        if key == "t":
            return replace(self, horizon=_next(self.horizon, {signal.type for signal in signals}))
        return self


def shown(look: Look, chosen: Chosen) -> list[tuple[Record, Decimal | None]]:
    """The signals that are shown, newest first."""
    taken = [one for one in look.signals if chosen.takes(one[0])]
    return sorted(taken, key=lambda one: one[0].signal.timestamp, reverse=True)


def page(look: Look, chosen: Chosen, width: int, height: int) -> Group:
    """All of it within so many columns and lines; what has no room is told by its number."""
    top = [_cut(line, width) for line in _top(look)]
    below = [_cut(line, width) for line in _below(look)]
    rows = shown(look, chosen)
    room = max(1, height - len(top) - len(below) - 4)
    visible = rows[:room]
    hidden = f", {len(rows) - room} more below" if len(rows) > room else ""
    words = " ".join(filter(None, (chosen.side, chosen.exchange, chosen.horizon)))
    title = Text(f"{plural(len(rows), 'open signal')}{f' ({words})' if words else ''}{hidden}", style="bold")
    filler = [Text()] * max(0, room - len(visible) - (0 if visible else 1))
    table = _table(visible, look.now, width) if visible else Text("None just now.", style="dim")
    return Group(*top, _cut(title, width), table, *filler, *below, _cut(Text(_KEYS, style="dim"), width))


def _top(look: Look) -> Iterator[Text]:
    clock = look.now.astimezone(look.zone)
    state = "; ".join(f"{poll.name} {poll.state}" for poll in look.polls) or "no poll yet"
    bad = any(poll.bad for poll in look.polls)
    yield Text.assemble(
        ("cqs-sheets  ", "bold"), f"{clock:%Y-%m-%d %H:%M:%S}  ", (state, "red" if bad else "")
    )
    days = coverage_days(look.coverage, look.now, 1, look.zone)
    bar = Text("today  ")
    for sign in days[-1].cells if days else "":
        bar.append(sign, style=_BAR.get(sign, ""))
    missed = days[-1].gap_seconds if days else 0
    bar.append(
        f"  {duration(missed)} missed" if missed else "  nothing missed" if days else "not watched yet"
    )
    yield bar
    yield Text()


def _below(look: Look) -> Iterator[Text]:
    yield Text()
    for heading, lines in (("Targets", look.targets), ("Alerts", look.alerts), ("Trouble", look.troubles)):
        for number, line in enumerate(lines):
            name = heading if number == 0 else ""
            state = Text(harmless(f"{line.name}: {line.state}"), style="red" if line.bad else "")
            yield Text.assemble((f"{name:<9}", "bold"), state)


def _table(rows: Sequence[tuple[Record, Decimal | None]], now: datetime, width: int) -> Table:
    cells = _cells(rows, now, short=False)
    names = [name for name in cells if any(cells[name]) or name == ""]
    for name in (*_WIDE, "R:R", "Age"):
        if _room(cells, names) > width and name in names:
            names.remove(name)
    if _room(cells, names) > width:
        cells = _cells(rows, now, short=True)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for name in names:
        number = name in (*_PRICES, "R:R", "R")
        table.add_column(
            Text(name), no_wrap=True, justify="right" if number and name not in _PRICES else "left"
        )
    for row in zip(*(cells[name] for name in names), strict=True):
        table.add_row(*(Text(text, style=_style(name, text)) for name, text in zip(names, row, strict=True)))
    return table


def _cells(
    rows: Sequence[tuple[Record, Decimal | None]], now: datetime, *, short: bool
) -> dict[str, list[str]]:
    """The texts of all columns."""
    cells: dict[str, list[str]] = {}
    for number, (record, r_now) in enumerate(rows, start=1):
        signal = record.signal
        prices = (risk.entry_mid(signal), signal.stop_loss, signal.target1, signal.target2, signal.target3)
        ratio = risk.reward_to_risk(signal, signal.target1)
        row = {
            "": str(number) if number < 10 else "",  # noqa: PLR2004 - as many as there are keys
            "Age": ago(signal.timestamp, now).removesuffix(" ago").removeprefix("just "),
            "Pair": symbols.pair(signal),
            "Side": signal.direction,
            "Horizon": signal.type,
            "Exchange": signal.exchange.lower().replace("_futures", "-F"),
            **dict(zip(_PRICES, row_texts(prices, short=short), strict=True)),
            "R:R": "" if ratio is None else f"{ratio:.2f}",
            "R": "" if r_now is None else f"{r_now:+.2f}",
        }
        for name, text in row.items():
            cells.setdefault(name, []).append(harmless(text))
    return cells | {name: aligned(cells[name]) for name in _PRICES if any(cells.get(name, ()))}


def _style(name: str, text: str) -> str:
    if name == "R":
        return "red" if text.startswith("-") else "green"
    return "bold" if name == "Pair" else "dim" if name in ("", "Age") else _STYLES.get(text, "")


def _room(cells: dict[str, list[str]], names: Sequence[str]) -> int:
    return sum(max([len(name), *map(cell_len, cells[name])]) + 1 for name in names)


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


def _next(current: str, values: set[str]) -> str:
    """The value after this one, in order; none after the last."""
    later = [value for value in sorted(values) if value > current]
    return later[0] if later else ""
