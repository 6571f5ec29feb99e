"""`status --watch`: one page, made of a look at the journal every two seconds; nothing else is asked or changed."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.terminal.tables import PRICES, console, drawn, room, signal_cells
from cqs_sheets.core.alerts import headline
from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.render import coverage_days
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.coverage import Coverage
from cqs_sheets.core.signals.exchanges import Symbols
from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.core.text import ago, duration, harmless, plural
from cqs_sheets.errors import CqsError, Interrupted, UsageError
from cqs_sheets.journal import Journal
from cqs_sheets.run import Session
from cqs_sheets.run.rest import remembered
from cqs_sheets.values import dataclass, replace

_SIDES = {"l": "LONG", "s": "SHORT"}
_KEYS = "1-9 chart   l LONG   s SHORT   e exchange   t horizon   a all   q quit"
_BAR = {"#": "green", "+": "yellow", ".": "red"}
_COLUMNS = ("", "Age", "Pair", "Side", "Horizon", "Exchange", *PRICES, "R:R", "R")
_WIDE = ("Horizon", "TP2", "TP3", "Exchange")  # given up in this order where there is no room
_EVERY = timedelta(seconds=2)
_GLANCE = 0.2  # seconds between looks at the keyboard
_ALERTS = 4
_LATE = timedelta(minutes=20)

Key = Callable[[], str]
"""The key that was pressed since it was last asked, "" for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLine:
    """One thing with how it is; `bad` where somebody should look at it."""

    name: str
    state: str
    bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalView:
    """What the journal told at `now`; open signals with their R, where outcomes are judged and prices known."""

    now: datetime
    zone: tzinfo
    polls: Sequence[StatusLine]
    coverage: Coverage
    signals: Sequence[tuple[Record, Decimal | None]]
    targets: Sequence[StatusLine]
    alerts: Sequence[StatusLine]
    troubles: Sequence[StatusLine]


@dataclass(frozen=True, slots=True)
class SignalFilter:
    """Which signals are shown; empty is all."""

    side: str = ""
    exchange: str = ""
    horizon: str = ""

    def takes(self, record: Record) -> bool:
        """Whether a signal is shown."""
        signal = record.signal
        wanted = (self.side, signal.direction), (self.exchange, signal.exchange), (self.horizon, signal.type)
        return all(not asked or asked == value for asked, value in wanted)

    def pressed(self, key: str, look: JournalView) -> SignalFilter:
        """What is shown after a key; one that means nothing changes nothing."""
        signals = [record.signal for record, _ in look.signals]
        if key == "a":
            return SignalFilter()
        if key in _SIDES:
            return replace(self, side="" if self.side == _SIDES[key] else _SIDES[key])
        if key == "e":
            return replace(self, exchange=_next(self.exchange, {signal.exchange for signal in signals}))
        if key == "t":
            return replace(self, horizon=_next(self.horizon, {signal.type for signal in signals}))
        return self


def shown(look: JournalView, chosen: SignalFilter) -> list[tuple[Record, Decimal | None]]:
    """The signals that are shown, newest first."""
    taken = [one for one in look.signals if chosen.takes(one[0])]
    return sorted(taken, key=lambda one: one[0].signal.timestamp, reverse=True)


def page(look: JournalView, chosen: SignalFilter, width: int, height: int) -> Group:
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


def _top(look: JournalView) -> Iterator[Text]:
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


def _below(look: JournalView) -> Iterator[Text]:
    yield Text()
    for heading, lines in (("Targets", look.targets), ("Alerts", look.alerts), ("Trouble", look.troubles)):
        for number, line in enumerate(lines):
            name = heading if number == 0 else ""
            state = Text(harmless(f"{line.name}: {line.state}"), style="red" if line.bad else "")
            yield Text.assemble((f"{name:<9}", "bold"), state)


def _table(rows: Sequence[tuple[Record, Decimal | None]], now: datetime, width: int) -> Table:
    records = [record for record, _ in rows]
    numbers = map(str, range(1, len(rows) + 1))
    more = {
        "": [number if len(number) == 1 else "" for number in numbers],  # as many as there are keys
        "Age": [ago(one.signal.timestamp, now).removesuffix(" ago").removeprefix("just ") for one in records],
        "R": ["" if r_now is None else f"{r_now:+.2f}" for _, r_now in rows],
    }
    cells = signal_cells(records, now, short=False) | more
    names = [name for name in _COLUMNS if any(cells[name]) or name == ""]
    for name in (*_WIDE, "R:R", "Age"):
        if room(cells, names) > width and name in names:
            names.remove(name)
    if room(cells, names) > width:
        cells = signal_cells(records, now, short=True) | more
    return drawn(cells, names, dim=("", "Age"))


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


def _next(current: str, values: set[str]) -> str:
    """The value after this one, in order; none after the last."""
    later = [value for value in sorted(values) if value > current]
    return later[0] if later else ""


def watch_status(session: Session) -> None:
    """Keep the page on the screen until `q` or Ctrl-C."""
    out = console()
    if not (out.is_terminal and sys.stdin.isatty()):
        raise UsageError(
            "--watch fills a terminal, and this is none.",
            meaning="Nothing was asked and nothing was changed.",
            hint="Leave out --watch, or use --json for a program.",
        )
    chosen, look = SignalFilter(), looked(session)
    with keys() as pressed, Live(console=out, auto_refresh=False, screen=True, transient=True) as live:
        drawn: tuple[object, ...] = ()
        while True:
            key = pressed()
            if key in ("q", "\x1b", "\x03"):
                return
            if key.isdigit():
                open_chart(session.settings.symbols, look, chosen, int(key))
            chosen = chosen.pressed(key, look)
            if utc_now() - look.now >= _EVERY:
                look = looked(session, look)
            now = look, chosen, out.size
            if now != drawn:
                live.update(page(look, chosen, out.width, out.height), refresh=True)
                drawn = now
            try:
                session.sleep(_GLANCE)
            except Interrupted:
                return


def looked(session: Session, before: JournalView | None = None) -> JournalView:
    """What the journal says now; what it said before, with the reason, while it cannot be read."""
    now = utc_now()
    try:
        with Journal.open_readonly(session.journal_path, clock=utc_now) as journal:
            return _look(session, journal, now)
    except CqsError as error:
        if before is None:
            raise
        told = StatusLine(name="journal", state=error.message, bad=True)
        return replace(before, now=now, troubles=[told])


def _look(session: Session, journal: Journal, now: datetime) -> JournalView:
    settings = session.settings
    names = [feed.name for feed in settings.feeds]
    found = list(journal.records(names, status=Status.OPEN))
    rules = settings.outcomes.rules if settings.outcomes else None
    judged = journal.shown_outcomes(rules, [one.arrival for one in found]) if rules else {}
    return JournalView(
        now=now,
        zone=settings.zone,
        polls=list(_polls(journal, names, now)),
        coverage=journal.coverage(settings.selections),
        signals=[(one, live_r(one.signal, judged.get(one.arrival, {}))) for one in found],
        targets=list(_targets(session, journal, now)),
        alerts=list(_alerts(session, journal)),
        troubles=[
            StatusLine(name=what, state=f"failing since {ago(since, now).removesuffix(' ago')}", bad=True)
            for what, since in journal.troubles()
        ],
    )


def live_r(signal: Signal, shown_values: Mapping[str, CellValue]) -> Decimal | None:
    """How far the last price is from the entry, in units of risk; None before the entry and without prices."""
    last, entry = shown_values.get("last_price"), shown_values.get("entry_price")
    stop = signal.stop_loss
    if not isinstance(last, Decimal) or not isinstance(entry, Decimal) or stop is None or entry == stop:
        return None
    moved = (last - entry) / abs(entry - stop)
    return moved if risk.stop_share(signal) is None or stop < entry else -moved


def _polls(journal: Journal, names: list[str], now: datetime) -> Iterator[StatusLine]:
    last = journal.last_polls()
    for name in names:
        if name in last:
            poll = last[name]
            bad = poll.outcome != "ok" or now - poll.at > _LATE
            yield StatusLine(name=name, state=f"asked {ago(poll.at, now)}: {poll.outcome}", bad=bad)
        else:
            yield StatusLine(name=name, state="never asked", bad=True)


def _targets(session: Session, journal: Journal, now: datetime) -> Iterator[StatusLine]:
    for target in session.settings.targets:
        state = remembered(journal, target)
        pending = journal.pending(state, target.feeds)
        written = f"written {ago(state.last_heartbeat, now)}" if state.last_heartbeat else "never written"
        waits = f", {plural(pending, 'row')} waiting" if pending else ""
        yield StatusLine(name=target.name, state=written + waits, bad=pending > 0)


def _alerts(session: Session, journal: Journal) -> Iterator[StatusLine]:
    for alert in journal.alerts(session.settings.alert_owner):
        if alert.reason:
            waits = plural(alert.waiting, "message")
            yield StatusLine(name=alert.name, state=f"not sent: {alert.reason}; {waits} waiting", bad=True)
        for entry in journal.last_alerts(alert.id, _ALERTS)[::-1]:
            when = f"{entry.notice.at.astimezone(session.settings.zone):%H:%M}"
            yield StatusLine(name=alert.name, state=f"{when} {headline(entry.notice)} ({entry.state})")


def open_chart(names: Symbols, look: JournalView, chosen: SignalFilter, number: int) -> None:
    """The chart of the signal that stands there: at TradingView, else its exchange's page, if either is known."""
    for record, _ in shown(look, chosen)[number - 1 : number] if number else ():
        if link := names.chart_url(record.signal) or names.url(record.signal):
            webbrowser.open(link)


@contextmanager
def keys() -> Iterator[Key]:
    """Single keys, without Enter and without showing them."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - of that system alone

        yield lambda: msvcrt.getwch() if msvcrt.kbhit() else ""
        return
    import select  # noqa: PLC0415
    import termios  # noqa: PLC0415
    import tty  # noqa: PLC0415

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def pressed() -> str:
        ready, _, _ = select.select([terminal], [], [], 0)
        return os.read(terminal, 1).decode(errors="ignore") if ready else ""

    tty.setcbreak(terminal)
    try:
        yield pressed
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
