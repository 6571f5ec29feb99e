"""`status --watch`: it fits the terminal, keys filter and open charts, and the journal alone is read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cqs_sheets import config
from cqs_sheets.cli.terminal.screen import (
    JournalView,
    SignalFilter,
    StatusLine,
    live_r,
    looked,
    open_chart,
    page,
    shown,
)
from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.signals.coverage import Coverage, Window, coverage
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.errors import DataRefused
from cqs_sheets.run import Session
from tests.cli.command import HANGS, Shell
from tests.make import NOON, record, signal

SEEN: Coverage = coverage(
    [[Window(NOON - timedelta(hours=9), NOON - timedelta(hours=4)), Window(NOON - timedelta(hours=3), NOON)]],
    NOON,
)
LOOK = JournalView(
    now=NOON,
    zone=UTC,
    polls=[StatusLine(name="all", state="asked 12 s ago: ok")],
    coverage=SEEN,
    signals=[
        (record("1", coin="BTC"), Decimal("1.234")),
        (
            record(
                "2", coin="ETH", direction="SHORT", exchange="bybit", timestamp=NOON - timedelta(minutes=9)
            ),
            None,
        ),
        (record("3", coin="1000SATS", buy_start=Decimal("0.000034165"), buy_end=None), Decimal("-0.5")),
        *((record(str(number), coin=f"C{number}"), None) for number in range(10, 60)),
    ],
    targets=[StatusLine(name="signals.xlsx", state="written 12 s ago, 3 rows waiting", bad=True)],
    alerts=[StatusLine(name="phone", state="12:00 New: LONG BTC/USDT (sent)")],
    troubles=[StatusLine(name="signals.xlsx", state="failing since 6 min", bad=True)],
)


def drawn(
    look: JournalView, chosen: SignalFilter, width: int, height: int, environ: Mapping[str, str] | None = None
) -> str:
    out = StringIO()
    Console(
        width=width, height=height, file=out, force_terminal=True, _environ=dict(environ or {"NO_COLOR": "1"})
    ).print(page(look, chosen, width, height))
    return out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (50, 16)])
def test_it_fits_the_terminal_and_says_what_it_leaves_out(width: int, height: int) -> None:
    text = "\n".join(line.rstrip() for line in plain(drawn(LOOK, SignalFilter(), width, height)).splitlines())
    lines = text.splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert "more below" in text
    for part in (
        "1 h 00 min missed",
        "asked 12 s ago",
        "3 rows waiting",
        "phone: 12:00 New",
        "failing since",
        "q quit",
    ):
        assert part in text or width < 80


def test_a_signal_shows_its_live_r_and_exact_prices() -> None:
    text = plain(drawn(replace(LOOK, signals=LOOK.signals[:3]), SignalFilter(), 120, 30))
    assert "+1.23" in text
    assert "-0.50" in text
    assert "0.000034165" in text


def test_without_colours_there_is_none() -> None:
    assert "\x1b[3" not in drawn(LOOK, SignalFilter(), 80, 24)
    assert "\x1b[3" in drawn(LOOK, SignalFilter(), 80, 24, {"TERM": "xterm-256color"})


def test_nothing_to_show_is_told() -> None:
    assert "None just now" in drawn(replace(LOOK, signals=[], polls=[]), SignalFilter(), 80, 24)


def test_keys_filter() -> None:
    shorts = SignalFilter().pressed("s", LOOK)
    assert [one.signal.coin for one, _ in shown(LOOK, shorts)] == ["ETH"]
    assert shorts.pressed("s", LOOK) == SignalFilter()
    first = SignalFilter().pressed("e", LOOK)
    assert (first.exchange, first.pressed("e", LOOK).exchange) == ("binance", "bybit")
    assert first.pressed("e", LOOK).pressed("e", LOOK) == SignalFilter()
    assert shorts.pressed("t", LOOK).pressed("a", LOOK) == SignalFilter()
    assert shorts.pressed("?", LOOK) == shorts
    assert "1 open signal (SHORT)" in plain(drawn(LOOK, shorts, 80, 24))


@pytest.mark.parametrize(
    ("direction", "stop", "last", "expected"),
    [
        ("LONG", "90", "105", "0.5"),
        ("LONG", "90", "95", "-0.5"),
        ("SHORT", "110", "95", "0.5"),
        ("SHORT", "110", "120", "-2"),
    ],
)
def test_live_r_is_how_far_the_price_is_in_units_of_risk(
    direction: str, stop: str, last: str, expected: str
) -> None:
    trade = signal(direction=direction, stop_loss=Decimal(stop), buy_start=Decimal(100), buy_end=Decimal(100))
    values: dict[str, CellValue] = {"last_price": Decimal(last), "entry_price": Decimal(100)}
    assert live_r(trade, values) == Decimal(expected)
    assert live_r(trade, {"last_price": Decimal(last)}) is None


def test_a_number_opens_that_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    for number in (0, 1, 2):
        open_chart(BUILT_IN, LOOK, SignalFilter(side="SHORT"), number)
    assert len(opened) == 1
    assert opened[0].endswith("symbol=BYBIT%3AETHUSDT.P")


def test_it_shows_what_the_journal_says_and_while_that_cannot_be_read_what_it_said_before(
    shell: Shell,
) -> None:
    (shell.folder / "cqs-sheets.toml").write_text(
        'timezone = "UTC"\n[[target]]\nto = "a.xlsx"\ntemplate = "raw"\n'
    )
    settings = config.load(config=None, environ=shell.environ, cwd=shell.folder)
    session = Session(
        settings=settings, environment=config.Environment.read({}), sleep=lambda _: None, stop=lambda: None
    )
    assert [line.state for line in looked(session).polls] == ["never asked"]
    assert shell.run("sync").returncode == 0
    look = looked(session)
    assert [(line.state.endswith(": ok"), line.bad) for line in look.polls] == [(True, False)]
    assert [line.state.startswith("written ") for line in look.targets] == [True]
    assert len(look.signals) > 5
    (shell.home / "journal.sqlite3").write_bytes(b"SQLite format 3\0" + bytes(5000))
    after = looked(session, look)
    assert [(line.name, line.bad) for line in after.troubles] == [("journal", True)]
    assert after.signals == look.signals
    with pytest.raises(DataRefused):
        looked(session)


def test_where_there_is_no_terminal_it_says_so(tmp_path: Path) -> None:
    done = Shell(tmp_path).run("status", "--watch")
    assert done.returncode == 2
    assert "--json" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_on_a_terminal_it_is_drawn_until_q_and_changes_nothing(tmp_path: Path) -> None:
    import pty  # noqa: PLC0415 - POSIX

    shell = Shell(tmp_path, {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"})
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        shell.command("status", "--watch"),
        cwd=tmp_path,
        env=shell.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown_bytes = b""
        while b"q quit" not in shown_bytes:
            shown_bytes += os.read(ours, 65536)
        os.write(ours, b"xq")
        assert process.wait(HANGS) == 0
    os.close(ours)
    assert b"\x1b[?1049h" in shown_bytes  # on a screen of its own
    assert not shell.home.exists()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
