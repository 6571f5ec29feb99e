"""`status --watch`: the journal is looked at every two seconds, and nothing else is asked or changed."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

from rich.live import Live

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.terminal.screen import Chosen, Line, Look, page, shown
from cqs_sheets.cli.terminal.tables import console
from cqs_sheets.core.alerts import headline
from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.render import ago, plural
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.fields import source
from cqs_sheets.core.signals.query import selection
from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.errors import CqsError, Interrupted, UsageError
from cqs_sheets.journal import Journal
from cqs_sheets.run import Session
from cqs_sheets.run.rest import remembered

_EVERY = timedelta(seconds=2)
_GLANCE = 0.2  # seconds between looks at the keyboard
_POLLS = 200
_ALERTS = 4
_LATE = timedelta(minutes=20)
_CHART = "https://www.tradingview.com/chart/?symbol="

Key = Callable[[], str]
"""The key that was pressed since it was last asked, "" for none."""


def watch_status(session: Session) -> int:
    """Keep the page on the screen until `q` or Ctrl-C."""
    out = console()
    if not (out.is_terminal and sys.stdin.isatty()):
        raise UsageError(
            "--watch fills a terminal, and this is none.",
            meaning="Nothing was asked and nothing was changed.",
            hint="Leave out --watch, or use --json for a program.",
        )
    chosen, look = Chosen(), looked(session)
    with keys() as pressed, Live(console=out, auto_refresh=False, screen=True, transient=True) as live:
        drawn: tuple[object, ...] = ()
        while True:
            key = pressed()
            if key in ("q", "\x1b", "\x03"):
                return 0
            if key.isdigit():
                _open_chart(session, look, chosen, int(key))
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
                return 0


def looked(session: Session, before: Look | None = None) -> Look:
    """What the journal says now; what it said before, with the reason, while it cannot be read."""
    now = utc_now()
    try:
        with Journal.open_readonly(session.journal_path, clock=utc_now) as journal:
            return _look(session, journal, now)
    except CqsError as error:
        if before is None:
            raise
        told = Line(name="journal", state=error.message, bad=True)
        return Look(
            now=now, zone=before.zone, polls=before.polls, coverage=before.coverage, signals=before.signals,
            targets=before.targets, alerts=before.alerts, troubles=[told],
        )  # fmt: skip


def _look(session: Session, journal: Journal, now: datetime) -> Look:
    settings = session.settings
    free = settings.api.key.is_free
    names = [feed.name for feed in settings.feeds]
    found = list(journal.records(names, status=Status.OPEN))
    rules = settings.outcomes.rules if settings.outcomes else None
    judged = journal.shown_outcomes(rules, [one.arrival for one in found]) if rules else {}
    return Look(
        now=now,
        zone=settings.zone,
        polls=list(_polls(journal, names, now)),
        coverage=journal.coverage([(feed.name, selection(feed, free=free)) for feed in settings.feeds]),
        signals=[(one, live_r(one.signal, judged.get(one.arrival, {}))) for one in found],
        targets=list(_targets(session, journal, now)),
        alerts=list(_alerts(session, journal)),
        troubles=[
            Line(name=what, state=f"failing since {ago(since, now).removesuffix(' ago')}", bad=True)
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


def _polls(journal: Journal, names: list[str], now: datetime) -> Iterator[Line]:
    last = {poll.feed: poll for poll in journal.polls(_POLLS)}
    for name in names:
        if name in last:
            poll = last[name]
            bad = poll.outcome != "ok" or now - poll.at > _LATE
            yield Line(name=name, state=f"asked {ago(poll.at, now)}: {poll.outcome}", bad=bad)
        else:
            yield Line(name=name, state="never asked", bad=True)


def _targets(session: Session, journal: Journal, now: datetime) -> Iterator[Line]:
    for target in session.settings.targets:
        state = remembered(journal, target)
        pending = journal.pending(state, target.feeds)
        written = f"written {ago(state.last_heartbeat, now)}" if state.last_heartbeat else "never written"
        waits = f", {plural(pending, 'row')} waiting" if pending else ""
        yield Line(name=target.name, state=written + waits, bad=pending > 0)


def _alerts(session: Session, journal: Journal) -> Iterator[Line]:
    for alert in journal.alerts(session.settings.alert_owner):
        if alert.reason:
            waits = plural(alert.waiting, "message")
            yield Line(name=alert.name, state=f"not sent: {alert.reason}; {waits} waiting", bad=True)
        for entry in journal.last_alerts(alert.id, _ALERTS)[::-1]:
            when = f"{entry.notice.at.astimezone(session.settings.zone):%H:%M}"
            yield Line(name=alert.name, state=f"{when} {headline(entry.notice)} ({entry.state})")


def _open_chart(session: Session, look: Look, chosen: Chosen, number: int) -> None:
    rows = shown(look, chosen)
    if 0 < number <= len(rows):
        link = chart_of(session, rows[number - 1][0])
        if link:
            webbrowser.open(link)


def chart_of(session: Session, record: Record) -> str:
    """Where a signal's chart is: at TradingView, else at its exchange; "" if neither is known."""
    settings = session.settings
    name = source("tv_symbol").read(record, settings.zone, settings.symbols)
    return f"{_CHART}{name}" if name else settings.symbols.url(record.signal)


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
