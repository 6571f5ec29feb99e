"""`fetch`, `status`, `journal`, `templates`, `sandbox`."""

from __future__ import annotations

import csv
import io
import json
import signal
from pathlib import Path

import openpyxl
import pytest
import requests

from cqs_sheets import sandbox
from tests.cli.command import Shell


def test_fetch_prints_a_table_that_fits_the_terminal(shell: Shell) -> None:
    for width in (80, 120):
        lines = shell.run("fetch", COLUMNS=str(width)).stdout.splitlines()
        assert lines[0].split()[:3] == ["Opened", "Pair", "Side"]
        assert len(lines) > 3
        assert max(map(len, lines)) <= width
        assert "…" not in "".join(lines[:1])


@pytest.mark.parametrize("format_", ["json", "jsonl", "csv"])
def test_fetch_gives_scripts_every_field(shell: Shell, server: sandbox.RunningSandbox, format_: str) -> None:
    out = shell.run("fetch", "--format", format_).stdout
    if format_ == "json":
        found = json.loads(out)
    elif format_ == "jsonl":
        found = [json.loads(line) for line in out.splitlines()]
    else:
        found = list(csv.DictReader(io.StringIO(out)))
    asked = requests.get(
        f"{server.url}/getSignal/", params={"api_key": "FREE", "interval": "20"}, timeout=5
    ).json()
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


def test_status_before_and_after_the_first_sync(shell: Shell) -> None:
    assert "No poll yet" in shell.run("status").stdout
    assert not shell.home.exists()
    shell.run("sync")
    state = json.loads(shell.run("status", "--json").stdout)
    assert state["coverage"]["covered_seconds"] in range(1195, 1201)
    assert state["targets"][0]["pending"] == 0
    assert state["polls"][0]["outcome"] == "ok"
    text = shell.run("status", COLUMNS="80").stdout
    assert "Covered without a gap" in text
    assert max(map(len, text.splitlines())) <= 80


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
    assert [json.loads(line)["id"] for line in lines] == [s["id"] for s in json.loads(body)["signals"]]
    shell.run("journal", "export", "--format", "xlsx", "-o", "all.xlsx")
    sheet = openpyxl.load_workbook(shell.folder / "all.xlsx")["Signals"]
    assert sheet.max_row == count + 1


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
    assert f"ask={newest['ask']}" in shown


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
    assert shell.run("templates", "copy", "signals", "mine.toml").returncode == 0
    assert shell.run("templates", "copy", "signals", "mine.toml").returncode == 2
    assert "nothing to mend" in shell.run("templates", "check", "mine.toml").stdout
    assert shell.report("--template", "mine.toml")["targets"][0]["added"] > 0


@pytest.mark.parametrize("name", ["raw", "signals"])
def test_a_preview_is_a_full_workbook(shell: Shell, name: str) -> None:
    done = shell.run("templates", "preview", name, "look.xlsx")
    assert done.returncode == 0, done.stderr
    book = openpyxl.load_workbook(shell.folder / "look.xlsx")
    assert book["Signals"].max_row > 150


def test_the_sandbox_serves_until_it_is_stopped(shell: Shell) -> None:
    with shell.start("sandbox", "--port", "0", "--seed", "4", "--fault", "http-503@1") as serving:
        assert serving.stdout
        url = serving.stdout.readline().strip()
        statuses = [
            requests.get(f"{url}/getSignal/", params={"api_key": "FREE"}, timeout=5).status_code
            for _ in range(2)
        ]
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=10)
    assert statuses == [503, 200]
    assert serving.returncode == 0
