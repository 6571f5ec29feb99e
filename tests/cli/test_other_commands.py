"""`fetch`, `status`, `journal`, `templates`, `sandbox`."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
import requests
from pyarrow import parquet

from cqs_sheets import sandbox
from cqs_sheets.core.render import plain_price
from tests.cli.command import HANGS, Shell


def test_fetch_prints_a_table_that_fits_the_terminal(shell: Shell) -> None:
    for width in (80, 120):
        lines = shell.run("fetch", COLUMNS=str(width)).stdout.splitlines()
        assert {"Pair", "Side", "Entry", "Stop", "TP1"} <= set(lines[0].split())
        assert len(lines) > 3
        assert max(map(len, lines)) <= width
        assert "…" not in "".join(lines[:1])


@pytest.mark.parametrize("format_", ["json", "jsonl", "csv"])
@pytest.mark.usefixtures("clock")  # between the two questions no signal comes or goes
def test_fetch_gives_scripts_every_field(shell: Shell, server: sandbox.RunningSandbox, format_: str) -> None:
    out = shell.run("fetch", "--format", format_).stdout
    asked = requests.get(
        f"{server.url}/getSignal/", params={"api_key": "FREE", "interval": "20"}, timeout=5
    ).json()
    if format_ == "json":
        found = json.loads(out)
    elif format_ == "jsonl":
        found = [json.loads(line) for line in out.splitlines()]
    else:
        found = list(csv.DictReader(io.StringIO(out)))
    by_id = {(row["table"], row["id"]): row for row in found}
    for sent in asked["signals"]:
        assert by_id["main", sent["id"]]["ask"] == sent["ask"]
        assert by_id["main", sent["id"]]["timestamp"] == sent["timestamp"]


def test_fetch_writes_nothing_at_all(shell: Shell) -> None:
    shell.run("fetch")
    assert {path.name for path in shell.folder.iterdir()} <= {"tmp"}


def test_a_csv_never_carries_a_formula(shell: Shell, tmp_path: Path) -> None:
    answer = {
        "error": 0, "message": "Success", "count": 1,
        "signals": [{"id": "1", "timestamp": "2026-05-24 12:00:00", "exchange": "=HYPERLINK(1)", "currency": "USDT",
                     "coin": "BTC", "direction": "LONG", "ask": "1"}],
    }  # fmt: skip
    (tmp_path / "answer.json").write_text(json.dumps(answer))
    shell.run("journal", "import", "answer.json")
    (row,) = csv.DictReader(io.StringIO(shell.run("journal", "export", "--format", "csv").stdout))
    assert row["exchange"] == "'=HYPERLINK(1)"


@pytest.mark.usefixtures("clock")
def test_status_before_and_after_the_first_sync(shell: Shell) -> None:
    assert "No poll yet" in shell.run("status").stdout
    assert not shell.home.exists()
    shell.run("sync")
    state = json.loads(shell.run("status", "--json").stdout)
    assert state["coverage"]["covered_seconds"] == 1200
    assert state["targets"][0]["pending"] == 0
    assert state["polls"][0]["outcome"] == "ok"
    text = shell.run("status", COLUMNS="80").stdout
    assert "Covered without a gap" in text
    assert max(map(len, text.splitlines())) <= 80


def test_who_looks_for_a_trials_signals_is_told_where_they_are(shell: Shell) -> None:
    assert "--sandbox" not in shell.run("status").stdout
    shell.run("sync", "--sandbox", "--template", "raw")
    assert "add --sandbox" in shell.run("status").stdout
    assert "add --sandbox" in shell.run("journal", "show").stderr
    assert "add --sandbox" not in shell.run("status", "--sandbox").stdout


def test_status_tells_what_waits_for_a_locked_target(shell: Shell) -> None:
    (shell.folder / "signals.xlsx").write_text("no workbook")
    shell.run("sync")
    state = json.loads(shell.run("status", "--json").stdout)
    assert state["targets"][0]["pending"] > 0


def test_the_journal_can_be_exported_and_taken_in_elsewhere(
    shell: Shell, server: sandbox.RunningSandbox
) -> None:
    body = requests.get(
        f"{server.url}/getSignal/", params={"api_key": "FREE", "interval": "20"}, timeout=5
    ).content
    (shell.folder / "answer.json").write_bytes(body)
    done = shell.run("journal", "import", "answer.json")
    count = json.loads(body)["count"]
    assert f"{count} new" in done.stdout
    assert "0 new" in shell.run("journal", "import", "answer.json").stdout
    lines = shell.run("journal", "export", "--format", "jsonl").stdout.splitlines()
    published = sorted(json.loads(body)["signals"], key=lambda signal: str(signal["timestamp"]))
    assert [json.loads(line)["timestamp"] for line in lines] == [signal["timestamp"] for signal in published]
    assert {json.loads(line)["id"] for line in lines} == {signal["id"] for signal in published}
    shell.run("journal", "export", "--format", "xlsx", "-o", "all.xlsx")
    sheet = openpyxl.load_workbook(shell.folder / "all.xlsx")["Signals"]
    assert sheet.max_row == count + 1


def test_another_machines_journal_is_taken_in(shell: Shell, tmp_path: Path) -> None:
    laptop = str(tmp_path / "laptop")
    shell.run("sync", CQS_HOME=laptop)
    done = shell.run("journal", "import", f"{laptop}/journal.sqlite3")
    assert "new signals, 0 brought up to date, 1 poll more" in done.stdout
    caught = shell.run("journal", "export", "--format", "csv", CQS_HOME=laptop).stdout
    assert shell.run("journal", "export", "--format", "csv").stdout == caught


def test_an_old_answer_undoes_nothing_and_a_second_life_is_told(shell: Shell) -> None:
    def saved(name: str, time: str, coin: str, stop: str) -> str:
        sent = {"id": "5", "timestamp": time, "exchange": "binance", "currency": "USDT", "coin": coin}
        sent |= {"direction": "LONG", "ask": "1", "buy_start": "1", "buy_end": "1", "stop_loss": stop}
        answer = {"error": 0, "message": "Success", "count": 1, "signals": [sent]}
        (shell.folder / name).write_text(json.dumps(answer))
        return name

    def held() -> list[tuple[str, str, str]]:
        lines = shell.run("journal", "export", "--format", "jsonl").stdout.splitlines()
        return sorted((each["id"], each["coin"], each["stop_loss"]) for each in map(json.loads, lines))

    late, other = saved("late.json", "2026-05-24 12:00:00", "ETH", "0.9"), "2026-05-23 11:00:00"
    shell.run("journal", "import", late)
    done = shell.run("journal", "import", saved("older.json", other, "BTC", "0.8"))
    assert (
        "older.json: Id 5 had ended and came back as another signal (BTC/USDT LONG, binance)" in done.stderr
    )
    assert held() == [("5", "ETH", "0.9"), ("5#2", "BTC", "0.8")]
    again = shell.run("journal", "import", late, saved("old.json", "2026-05-24 11:59:00", "ETH", "0.7"))
    assert (again.stderr, held()) == ("", [("5", "ETH", "0.9"), ("5#2", "BTC", "0.8")])


def test_an_import_takes_all_files_or_none(shell: Shell) -> None:
    good = {"error": 0, "message": "", "count": 0, "signals": []}
    (shell.folder / "good.json").write_text(json.dumps(good))
    (shell.folder / "bad.json").write_text("<html>")
    done = shell.run("journal", "import", "good.json", "bad.json")
    assert done.returncode == 65
    assert "bad.json" in done.stderr
    assert "Nothing was imported" in done.stderr


def test_export_by_date(shell: Shell) -> None:
    shell.run("sync")
    assert shell.run("journal", "export", "--format", "jsonl", "--since", "2099-01-01").stdout == ""
    assert shell.run("journal", "export", "--format", "jsonl", "--until", "2099-01-01").stdout


def test_the_journal_shows_signals_and_their_revisions(shell: Shell) -> None:
    shell.run("sync")
    newest = json.loads(shell.run("journal", "export", "--format", "jsonl").stdout.splitlines()[-1])
    assert newest["coin"] in shell.run("journal", "show").stdout
    shown = shell.run("journal", "show", newest["id"]).stdout
    assert "revision 1" in shown
    assert f"{newest['id']} (table {newest['table']})" in shown
    assert plain_price(Decimal(newest["ask"])) in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_verify_and_prune(shell: Shell) -> None:
    shell.run("sync")
    assert "whole" in shell.run("journal", "verify").stdout
    done = shell.run("journal", "prune", "--older-than", "1")
    assert done.returncode == 0
    assert "Dropped 0 raw answers" in done.stdout
    shell.run("sync")
    book = openpyxl.load_workbook(shell.folder / "signals.xlsx")
    ids = [row[0] for row in book["Signals"].iter_rows(min_row=3, values_only=True)]
    assert len(ids) == len(set(ids))


def test_templates_are_listed_shown_copied_and_checked(shell: Shell) -> None:
    assert {line.split()[0] for line in shell.run("templates", "list").stdout.splitlines()} >= {
        "raw",
        "signals",
    }
    assert "Take?" in shell.run("templates", "show", "signals").stdout
    pages = shell.run("templates", "show", "dashboard").stdout
    for shown in ("figures", "charts", "lists", "computed for pages", "Equity", ", hidden"):
        assert shown in pages
    nowhere = shell.run("templates", "copy", "signals", "absent/mine.toml")
    assert nowhere.returncode == 77
    assert "absent/mine.toml cannot be written: No such file or directory." in nowhere.stderr
    assert shell.run("templates", "copy", "signals", "mine.toml").returncode == 0
    assert shell.run("templates", "copy", "signals", "mine.toml").returncode == 2
    assert "nothing to mend" in shell.run("templates", "check", "mine.toml").stdout
    assert shell.report("--template", "mine.toml")["targets"][0]["added"] > 0


def test_a_preview_is_a_full_workbook(shell: Shell) -> None:
    done = shell.run("templates", "preview", "raw", "look.xlsx")
    assert done.returncode == 0, done.stderr
    book = openpyxl.load_workbook(shell.folder / "look.xlsx")
    assert book["Signals"].max_row > 150


@pytest.mark.skipif(os.name != "posix", reason="signals to another process are POSIX")
def test_the_sandbox_serves_until_it_is_stopped(shell: Shell) -> None:
    with shell.start("sandbox", "--port", "0", "--seed", "4", "--fault", "http-503@1") as serving:
        assert serving.stdout
        url = serving.stdout.readline().strip()
        statuses = [
            requests.get(f"{url}/getSignal/", params={"api_key": "FREE"}, timeout=5).status_code
            for _ in range(2)
        ]
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=HANGS)
    assert statuses == [503, 200]
    assert serving.returncode == 0


def test_an_export_to_parquet_holds_exact_prices_and_times(shell: Shell) -> None:
    shell.run("sync")
    rows = [
        json.loads(line) for line in shell.run("journal", "export", "--format", "jsonl").stdout.splitlines()
    ]
    done = shell.run("journal", "export", "--format", "parquet", "-o", "all.parquet")
    assert done.returncode == 0, done.stderr
    held = parquet.read_table(shell.folder / "all.parquet").to_pylist()
    assert [row["id"] for row in held] == [row["id"] for row in rows]
    assert [row["ask"] for row in held] == [Decimal(row["ask"]) for row in rows]
    assert [f"{row['timestamp']:%Y-%m-%d %H:%M:%S}" for row in held] == [row["timestamp"] for row in rows]
    assert [row["target3"] is None for row in held] == [row["target3"] is None for row in rows]
    assert not list(shell.folder.glob(".*.new"))


@pytest.mark.parametrize("form", ["xlsx", "parquet"])
def test_what_is_no_text_wants_a_file(shell: Shell, form: str) -> None:
    done = shell.run("journal", "export", "--format", form)
    assert done.returncode == 2
    assert f"-o FILE.{form}" in done.stderr


def test_a_log_file_has_a_line_per_step_and_the_report(shell: Shell) -> None:
    shell.run("sync", "--log-file", "log.jsonl")
    shell.run("sync", "-q", "--log-file", "log.jsonl")
    lines = [json.loads(line) for line in (shell.folder / "log.jsonl").read_text().splitlines()]
    reports = [line["report"] for line in lines if "report" in line]
    assert [report["outcome"] for report in reports] == ["ok", "ok"]
    assert any(line["logger"] == "cqs_sheets.api.client" for line in lines)
    assert {"time", "level", "logger", "message"} <= set(lines[0])


def test_a_log_file_that_cannot_be_written_is_told_before_anything_is_done(shell: Shell) -> None:
    done = shell.run("sync", "--log-file", "absent/log.jsonl")
    assert done.returncode == 77
    assert f"{Path('absent/log.jsonl')} cannot be written" in done.stderr
    assert not (shell.folder / "signals.xlsx").exists()


@pytest.mark.parametrize("columns", [80, 120, 140])
def test_the_table_fits_the_terminal(shell: Shell, columns: int) -> None:
    done = shell.run("fetch", COLUMNS=str(columns))
    lines = done.stdout.splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= columns
    assert "…" not in done.stdout
    assert ("TP2" in lines[0]) is (columns >= 100)


def test_a_table_that_refreshes_wants_a_terminal(shell: Shell) -> None:
    done = shell.run("fetch", "--watch")
    assert done.returncode == 2
    assert "terminal" in done.stderr


def test_a_table_on_a_terminal_refreshes_in_place_until_it_is_stopped(shell: Shell) -> None:
    pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        shell.command("fetch", "--watch", "--every", "15s"), env=shell.environ | {"TERM": "xterm"},
        cwd=shell.folder, stdin=theirs, stdout=theirs, stderr=theirs,
    ) as running:  # fmt: skip
        seen = b""
        while b"Ctrl-C ends it" not in seen or b"Pair" not in seen:
            seen += os.read(ours, 65536)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=HANGS) == 0
    os.close(ours)
    os.close(theirs)
