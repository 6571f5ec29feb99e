"""`cqs-sheets outcomes`: what the journal holds, judged on candles of a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from cqs_sheets.core.outcomes.statistics import EXCLUDED
from cqs_sheets.export import OUTCOME_COLUMNS, TEXT_COLUMNS
from cqs_sheets.journal import JOURNAL_FILE, Journal, Poll
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.journal.samples import NOON, at, poll, signal

SIGNAL_KEYS = {
    "table", "id", "outcome", "targets_hit", "clock", "entered_at", "entry", "exits", "r_gross", "r_net", "r_worst",
    "r_best", "mfe_r", "mae_r", "ambiguous", "liquidation_first", "as_of",
}  # fmt: skip
SUMMARY_KEYS = {
    "by", "value", "signals", "entered", "excluded", "hit1", "hit2", "hit3", "expectancy_r", "stderr_r",
    "profit_factor", "max_drawdown_r",
}  # fmt: skip

LEVELS: dict[str, Any] = {
    "buy_start": Decimal(98), "buy_end": Decimal(100), "target1": Decimal(110), "target2": Decimal(120),
    "stop_loss": Decimal(90), "type": "SCALPING",
}  # fmt: skip


def long(number: int, **changes: Any) -> Any:
    """A signal of half a minute before noon, seen then: its clock is noon."""
    return signal(number, opened=-0.5, **(LEVELS | changes))


@pytest.fixture
def keep(shell: Shell) -> Callable[..., None]:
    """Puts signals into the journal, as a poll of half a minute before noon (or another time) saw them."""

    def keep(*polls: Poll) -> None:
        with Journal.open(shell.home / JOURNAL_FILE, clock=lambda: at(5)) as journal:
            for one in polls:
                journal.record_poll(one)

    return keep


def write_candles(shell: Shell, *stretches: tuple[int, int, str], market: str = "binance,BTC/USDT") -> None:
    """Stretches of minutes since noon, each with the same `open,high,low,close`."""
    path = shell.folder / "candles.csv"
    rows = [] if path.exists() else ["exchange,symbol,time,open,high,low,close,volume"]
    for first, end, prices in stretches:
        for minute in range(first, end):
            time = NOON + timedelta(minutes=minute)
            rows.append(f"{market},{int(time.timestamp())},{prices},1")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join([*rows, ""]))


def judge(shell: Shell, *options: str, **variables: str) -> CompletedProcess[str]:
    return run_inside(shell, "outcomes", "--candles", "candles.csv", *options, **variables)


def judged(shell: Shell, *options: str) -> dict[str, Any]:
    done = judge(shell, "--format", "json", *options)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture
def traded(shell: Shell, keep: Callable[..., None]) -> Shell:
    """A signal that hit its first target and then the stop, and one that nobody has candles of."""
    keep(poll(-0.4, long(1), long(2, coin="ETH", direction="SHORT")))
    write_candles(
        shell,
        (0, 1, "105,105,99,105"),
        (1, 2, "105,111,105,106"),
        (2, 3, "106,106,89,95"),
        (3, 1500, "95,95,95,95"),
    )
    return shell


def test_json_is_the_contract(traded: Shell) -> None:
    told = judged(traded)
    assert set(told) == {"version", "rules", "signals", "summary"}
    assert told["version"] == 1
    first, second = told["signals"]
    assert set(first) == set(second) == SIGNAL_KEYS
    assert first == {
        "table": "main",
        "id": "1",
        "outcome": "partial",
        "targets_hit": 1,
        "clock": "2026-05-24T12:00:00Z",
        "entered_at": "2026-05-24T12:00:00Z",
        "entry": "100",
        "exits": [
            {"at": "2026-05-24T12:01:00Z", "price": "110", "share": "0.50000000", "why": "target1"},
            {"at": "2026-05-24T12:02:00Z", "price": "90", "share": "0.50000000", "why": "stop"},
        ],
        "r_gross": "0.00000000",
        "r_net": "-0.01000000",  # 0.05 % of 100 and of 110 and 90, in R of 10
        "r_worst": "0.00000000",
        "r_best": "0.00000000",
        "mfe_r": "1.10000000",
        "mae_r": "-1.00000000",
        "ambiguous": False,
        "liquidation_first": False,
        "as_of": "2026-05-25T13:00:00Z",
    }
    assert (second["outcome"], second["as_of"], second["r_net"], second["exits"]) == (
        "unknown",
        None,
        None,
        [],
    )
    assert [set(one) for one in told["summary"]] == [SUMMARY_KEYS] * len(told["summary"])
    whole = told["summary"][0]
    assert (whole["by"], whole["signals"], whole["entered"]) == ("all", 2, 1)
    assert set(whole["excluded"]) == set(EXCLUDED)
    assert whole["hit1"] == {"share": "1.00000000", "low": None, "high": None}
    assert whole["hit3"] == {"share": None, "low": None, "high": None}
    assert (whole["expectancy_r"], whole["stderr_r"], whole["profit_factor"]) == (
        "-0.01000000",
        None,
        "0.00000000",
    )


def test_csv_has_a_row_for_each_signal(traded: Shell) -> None:
    done = judge(traded, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["id"], row["outcome"], row["r_net"]) for row in rows] == [
        ("1", "partial", "-0.01000000"), ("2", "unknown", ""),
    ]  # fmt: skip
    assert tuple(rows[0]) == OUTCOME_COLUMNS
    assert set(TEXT_COLUMNS) <= set(OUTCOME_COLUMNS)
    assert rows[0]["exits"] == "2026-05-24T12:01:00Z target1 at 110; 2026-05-24T12:02:00Z stop at 90"


def test_a_table_tells_the_record_and_what_is_beside_it(traded: Shell) -> None:
    done = judge(traded, COLUMNS="120")
    assert done.returncode == 0, done.stderr
    assert "2 signals, 1 entered and over, on candles to 2026-05-25 13:00 UTC." in done.stdout
    assert "Not in it: 1 unknown." in done.stdout
    assert "With each unknown one at -1 R the expectancy is -0.50 R." in done.stdout
    assert "stop to breakeven" in done.stdout
    assert "from publication" in done.stdout
    assert "until the provider closed it" in done.stdout
    assert "of the time since" in done.stdout  # how much the polls covered
    assert "no candles of ETH/USDT at binance: their signals are unknown" in done.stderr


def test_other_rules_are_shown_beside_the_default_ones(traded: Shell) -> None:
    (traded.folder / "rules.toml").write_text('stop = "breakeven"\nfee = 0\n')
    told = judged(traded, "--rules", "rules.toml")
    assert (told["rules"]["stop"], told["rules"]["fee"]) == ("breakeven", "0")
    assert told["signals"][0]["exits"][-1]["why"] == "breakeven"
    assert told["signals"][0]["r_net"] == "0.50000000"
    assert "by the default rules" in judge(traded, "--rules", "rules.toml").stdout


def test_which_signals(shell: Shell, keep: Callable[..., None]) -> None:
    later = signal(3, opened=2, **LEVELS)
    keep(
        poll(-0.4, long(1), long(2, exchange="Kraken", currency="USD", type="SHORT TERM")),
        poll(2, later, feed="other"),
    )
    write_candles(shell, (0, 10, "105,105,105,105"))

    def ids(*options: str) -> list[str]:
        return [one["id"] for one in judged(shell, "-q", *options)["signals"]]

    assert ids() == ["1", "2", "3"]
    assert ids("--exchange", "KRAKEN") == ["2"]
    assert ids("--currency", "USDT") == ["1", "3"]
    assert ids("--type", "SHORT TERM", "--type", "MID TERM") == ["2"]
    assert ids("--since", "2026-05-24T12:00") == ["3"]
    assert ids("--feed", "other") == ["3"]
    assert ids("--feed", "swing", "--currency", "USD") == ["2"]


def test_the_first_values_count_and_as_revised_is_another_rule(
    shell: Shell, keep: Callable[..., None]
) -> None:
    keep(poll(-0.4, long(1)), poll(2.5, long(1, target1=Decimal(104))))
    write_candles(shell, (0, 1, "101,101,99,101"), (1, 5, "101,101,101,101"), (5, 9, "101,105,101,101"))
    assert judged(shell)["signals"][0]["targets_hit"] == 0
    (shell.folder / "rules.toml").write_text('values = "revised"')
    revised = judged(shell, "--rules", "rules.toml")["signals"][0]
    assert (revised["targets_hit"], revised["exits"][0]["at"]) == (1, "2026-05-24T12:05:00Z")


def test_an_imported_signal_is_judged_from_its_publication(shell: Shell) -> None:
    sent = {
        "id": "9", "timestamp": "2026-05-24 11:59:30", "exchange": "binance", "currency": "USDT", "coin": "BTC",
        "direction": "SHORT", "buy_start": "100", "buy_end": "100", "target1": "90", "stop_loss": "110",
        "ask": "100", "risk_level": "3", "type": "SCALPING",
    }  # fmt: skip
    answer = {"error": 0, "message": "Success", "count": 1, "signals": [sent]}
    (shell.folder / "answer.json").write_text(json.dumps(answer))
    assert run_inside(shell, "journal", "import", "answer.json").returncode == 0
    write_candles(shell, (0, 1, "99,101,99,100"), (1, 2, "100,100,89,90"))
    [found] = judged(shell, "--feed", "imported")["signals"]
    assert (found["clock"], found["outcome"], found["r_gross"]) == (
        "2026-05-24T12:00:00Z",
        "won",
        "1.00000000",
    )


def test_what_cannot_be_judged_is_told_in_a_sentence(shell: Shell, keep: Callable[..., None]) -> None:
    keep(poll(-0.4, long(1, buy_start=None, buy_end=None), long(2, direction="UP"), long(3, type="SOMETIME")))
    write_candles(shell, (0, 10, "105,105,105,105"))
    done = judge(shell, "--format", "json")
    assert [one["outcome"] for one in json.loads(done.stdout)["signals"]] == [None] * 3
    for reason in ("there is no entry zone", "neither LONG nor SHORT", "for which there is no horizon"):
        assert reason in done.stderr


def test_an_empty_journal_is_said_to_be_empty(shell: Shell) -> None:
    write_candles(shell, (0, 10, "105,105,105,105"))
    done = judge(shell)
    assert (done.returncode, done.stdout) == (0, "")
    assert "holds no such signal" in done.stderr
    told = judged(shell)
    assert (told["signals"], [one["by"] for one in told["summary"]]) == ([], ["all"])


def test_without_candles_and_without_the_extra_it_says_what_is_needed(
    shell: Shell, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(poll(-0.5, long(1)))
    monkeypatch.setattr("cqs_sheets.cli.commands.outcomes.extra_is_there", lambda: False)
    done = run_inside(shell, "outcomes")
    assert done.returncode == 2
    assert (
        "--candles FILE.csv, with the header exchange,symbol,time,open,high,low,close,volume" in done.stderr
    )


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--candles", "missing.csv"], 2, "missing.csv cannot be read"),
        (["--candles", "broken.csv"], 65, "broken.csv, line 2: open is 0: a price is above 0"),
        (["--candles", "good.csv", "--rules", "missing.toml"], 2, "missing.toml cannot be read"),
        (
            ["--candles", "good.csv", "--rules", "broken.toml"],
            2,
            "line 1 (split): the three shares add up to 0.9",
        ),
        (["--candles", "good.csv", "--rules", "binary.toml"], 2, "binary.toml is not UTF-8 text"),
        (["--candles", "good.csv", "--feed", "al"], 2, "There is no feed 'al'."),
        (["--candles", "good.csv", "--exchange", "binace"], 2, "binance"),
    ],
)
def test_what_a_file_or_an_option_can_be(shell: Shell, options: list[str], code: int, told: str) -> None:
    header = "exchange,symbol,time,open,high,low,close,volume\n"
    (shell.folder / "good.csv").write_text(header)
    (shell.folder / "broken.csv").write_text(f"{header}binance,BTC/USDT,2026-05-24 12:00,0,1,0,1,1\n")
    (shell.folder / "broken.toml").write_text("split = [0.3, 0.3, 0.3]")
    (shell.folder / "binary.toml").write_bytes(b"\xff")
    done = run_inside(shell, "outcomes", *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr


def test_a_formula_from_the_provider_is_text_in_the_file(shell: Shell, keep: Callable[..., None]) -> None:
    keep(poll(-0.4, long(1, coin="=1+1")))
    write_candles(shell, (0, 10, "105,105,105,105"))
    row = next(csv.DictReader(io.StringIO(judge(shell, "--format", "csv").stdout)))
    assert row["coin"] == "'=1+1"


def test_files_named_from_another_folder(traded: Shell, tmp_path: Path) -> None:
    done = run_inside(traded, "outcomes", "--candles", str(tmp_path / "candles.csv"), "--format", "json")
    assert done.returncode == 0
    assert datetime.fromisoformat(json.loads(done.stdout)["signals"][0]["as_of"]) > NOON
