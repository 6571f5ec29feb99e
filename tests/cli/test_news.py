"""What sync, watch and the tables say of signals: all of it, each price whole, at any width."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from cqs_sheets.cli.terminal.news import SignalLine, signal_lines
from cqs_sheets.cli.terminal.tables import signals_table
from cqs_sheets.core.news import Happened, News
from cqs_sheets.core.render import plain_price
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.core.signals.signal import Record, Status
from tests.cli.command import Shell
from tests.make import NOON, record

WIDTHS = (80, 100, 120, 160)


def priced(id_: str, coin: str, *prices: str, **more: Any) -> Record:
    low, high, stop, *targets = map(Decimal, prices)
    names = ("target1", "target2", "target3")
    given: dict[str, Any] = dict.fromkeys(names) | dict(zip(names, targets, strict=False))
    return record(id_, coin=coin, buy_start=low, buy_end=high, stop_loss=stop, ask=low, **given, **more)


MARKETS = [
    priced("1", "BTC", "94250.5", "94400", "93100.12345678", "95500", "96200.25", "97000"),
    priced("2", "ONDO", "0.11512", "0.1153", "0.1101234567891", "0.12", "0.125"),
    priced("3", "SATS", "0.0000000324033", "0.0000000324133", "0.000000031632", "0.0000000329298"),
    priced("4", "PEPE", "0.000000000012", "0.0000000000125", "0.000000000011", "0.000000000013"),
    priced("5", "IDR", "1634000000", "1634500000", "1600000000", "1650000000", "1700000000", "1800000000.25"),
    priced("6", "VERYLONGCOINNAME1000X", "123456.1", "123456.9", "93100.000000000001", "150000"),
]


def told(records: list[Record]) -> list[SignalLine]:
    return [SignalLine(signal=each.signal, word="new", color="green") for each in records]


def shown(records: list[Record], width: int | None) -> list[str]:
    return [Text.from_ansi(line).plain for line in signal_lines(told(records), BUILT_IN, width)]


def prices_in(text: str) -> set[Decimal]:
    return {Decimal(word) for word in re.findall(r"(?<![\w:])\d[\d.]*(?:e-\d+)?(?!\w)", text)}


def all_prices(each: Record) -> set[Decimal]:
    signal = each.signal
    prices = (
        signal.buy_start,
        signal.buy_end,
        signal.stop_loss,
        signal.target1,
        signal.target2,
        signal.target3,
    )
    return {price for price in prices if price}


@pytest.mark.parametrize("width", [None, *WIDTHS])
@pytest.mark.parametrize("records", [MARKETS, MARKETS[:1], MARKETS[1:4], MARKETS[5:]])
def test_every_price_is_there_in_full_at_any_width(records: list[Record], width: int | None) -> None:
    lines = shown(records, width)
    assert max(map(len, lines)) <= (width or 1000)
    assert set().union(*map(all_prices, records)) <= prices_in("\n".join(lines))
    for each in records:
        assert f"{each.signal.coin}/USDT" in "\n".join(lines)


def test_in_a_file_each_is_one_line_with_its_address() -> None:
    lines = shown(MARKETS, None)
    assert len(lines) == len(MARKETS)
    assert lines[0] == (
        "new  BTC/USDT  LONG  94250.5 - 94400  stop 93100.12345678  TP 95500 96200.25 97000  R:R 0.96"
        "  Binance  https://www.binance.com/en/trade/BTC_USDT?type=spot"
    )


def test_on_a_terminal_the_pair_is_the_link() -> None:
    [line] = signal_lines(told(MARKETS[:1]), BUILT_IN, 120)
    assert "\x1b]8;;https://www.binance.com/en/trade/BTC_USDT?type=spot\x1b\\" in line
    assert len(Text.from_ansi(line).plain) <= 120


def test_points_stand_below_each_other_where_there_is_room() -> None:
    lines = shown(MARKETS[:2], 120)
    assert len({line.index("stop") for line in lines if "stop" in line}) == 1
    assert len({line.index(".", line.index("stop")) for line in lines if "stop" in line}) == 1


@pytest.mark.parametrize("journal", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("records", [MARKETS, MARKETS[:1], MARKETS[1:4], []])
def test_a_table_shows_stop_and_target_in_full(records: list[Record], width: int, journal: bool) -> None:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(signals_table(records, NOON + timedelta(minutes=5), width, journal=journal))
    text = capture.get()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for each in records:
        assert {each.signal.stop_loss, each.signal.target1} <= prices_in(text)
        if journal:
            assert re.search(rf"(?m)\b{each.signal.key.id}\s+open\b", text)


def test_a_change_says_what_it_was() -> None:
    before = MARKETS[0]
    signal = replace(before.signal, stop_loss=Decimal(92000), target1=Decimal(95600))
    after = replace(before, signal=signal, revision=2)
    news = News(what=Happened.CHANGED, record=after, before=before)
    assert news.changes == "stop was 93100.12345678, TP1 was 95500"


def test_an_end_says_how_long_it_was_open_and_a_return_that_it_is_back() -> None:
    ended = replace(MARKETS[0], status=Status.CLOSED, last_seen=NOON + timedelta(minutes=12))
    assert News(what=Happened.CLOSED, record=ended, before=MARKETS[0]).changes == "open for 12 min"
    again = News(what=Happened.CHANGED, record=MARKETS[0], before=replace(ended, status=Status.AGED))
    assert again.changes == "open again, was aged"


def test_a_sync_names_each_new_signal_with_all_that_a_trader_needs(shell: Shell) -> None:
    done = shell.run("sync", "--to", "a.xlsx")
    lines = [line for line in done.stdout.splitlines() if line.startswith("new  ")]
    journal = shell.run("journal", "export", "--format", "jsonl").stdout
    assert len(lines) == len(journal.splitlines())
    assert f"a.xlsx: a new workbook made, {len(lines)} added" in done.stdout
    exported = [json.loads(line) for line in journal.splitlines()]
    for label, field in ((" stop ", "stop_loss"), (" TP ", "target1")):
        assert sum(label in line for line in lines) == sum(bool(each[field]) for each in exported)


def test_a_dry_run_reads_like_a_diff(shell: Shell) -> None:
    shell.run("sync", "--template", "raw", "--type", "SHORT TERM")
    done = shell.run("sync", "--dry-run", "--template", "raw")
    added = [line for line in done.stdout.splitlines() if line.startswith("+ Signals ")]
    assert added
    aim = re.compile(r"\w+ \w+ (?:LONG|SHORT) [A-Z/ ]+ zone [\d.]+ [\d.]+( stop [\d.]+)? TP [\d.]+")
    assert all(aim.search(line) for line in added)
    assert not any(line.startswith("new ") for line in done.stdout.splitlines())


def test_signals_that_a_target_does_not_want_are_explained(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text(
        '[[target]]\nto = "a.xlsx"\nwhere = { direction = "SHORT" }\n'
    )
    line = next(line for line in shell.run("sync").stdout.splitlines() if line.startswith("a.xlsx:"))
    new, declined = map(int, re.findall(r"\((\d+) new, (\d+) not for this target\)", line)[0])
    added = int(re.findall(r"(\d+) added", line)[0])
    assert declined
    assert new == added + declined


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("signals.csv", "journal export --format csv -o signals.csv"),
        ("old.xls", "Save it as .xlsx"),
        ("absent/signals.xlsx", "Make the folder"),
        ("macros.xlsm", "something.xlsx"),
    ],
)
def test_a_target_that_can_never_be_written_is_told_before_the_api_is_asked(
    shell: Shell, target: str, hint: str
) -> None:
    for command in ("sync", "watch"):
        done = shell.run(command, "--to", target, CQS_API_URL="http://127.0.0.1:9")
        assert done.returncode == 65
        assert done.stderr.count("error: ") == 1
        assert hint in done.stderr
    assert not shell.home.exists()


def test_a_template_that_is_not_there_is_told_before_the_api_is_asked(shell: Shell) -> None:
    done = shell.run("sync", "--template", "singals", CQS_API_URL="http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
    assert "Did you mean signals?" in done.stderr


def test_real_and_invented_signals_never_stand_in_one_workbook(shell: Shell) -> None:
    assert shell.run("sync", "--sandbox", "--to", "a.xlsx").returncode == 0
    assert shell.run("sync", "--to", "b.xlsx").returncode == 0
    before = [(shell.folder / name).read_bytes() for name in ("a.xlsx", "b.xlsx")]
    real, invented = shell.run("sync", "--to", "a.xlsx"), shell.run("sync", "--sandbox", "--to", "b.xlsx")
    assert (real.returncode, invented.returncode) == (65, 65)
    assert "holds invented signals of the sandbox" in real.stderr
    assert "holds real signals" in invented.stderr
    assert "--to" in real.stderr
    assert [(shell.folder / name).read_bytes() for name in ("a.xlsx", "b.xlsx")] == before
    assert shell.run("sync", "--sandbox", "--to", "a.xlsx").returncode == 0
    examined = shell.run("doctor", "--to", "a.xlsx")
    assert examined.returncode == 65
    assert "holds invented signals of the sandbox" in examined.stdout


def test_an_export_says_what_it_wrote(shell: Shell) -> None:
    shell.run("sync")
    count = len(shell.run("journal", "export", "--format", "jsonl").stdout.splitlines())
    for form in ("csv", "xlsx"):
        told_ = shell.run("journal", "export", "--format", form, "-o", f"all.{form}").stdout
        assert told_.startswith(f"Wrote all.{form}: {count} signals, ")


def test_plain_prices_have_no_exponent() -> None:
    assert plain_price(Decimal("1E-12")) == "0.000000000001"
