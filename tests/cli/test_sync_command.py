"""`cqs-sheets sync` and `watch` from the outside."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import openpyxl
import pytest

from cqs_sheets import sandbox
from tests.cli.command import HANGS, Shell

REPORT = {
    "version": int, "outcome": str, "exit_code": int, "dry_run": bool, "started": str, "seconds": float,
    "api": dict, "coverage": dict, "targets": list, "warnings": list, "errors": list,
}  # fmt: skip
API = {"requests", "signals", "new", "changed", "closed", "rejected", "rejects"}
COVERAGE = {"since", "covered_seconds", "gap_seconds", "gaps"}
TARGET = {
    "target", "template", "outcome", "added", "updated", "closed", "unchanged", "left_deleted", "pending",
    "requests", "seconds",
}  # fmt: skip
GUIDE_ORDER = [
    "id", "timestamp", "exchange", "currency", "coin", "direction", "buy_start", "buy_end", "target1", "target2",
    "target3", "stop_loss", "type", "ask", "risk_level", "leverage", "status", "first_seen", "last_seen",
]  # fmt: skip


def rows(path: Path, tab: str = "Signals") -> list[tuple[object, ...]]:
    return list(openpyxl.load_workbook(path)[tab].iter_rows(values_only=True))


def test_without_options_it_writes_signals_xlsx_here(shell: Shell) -> None:
    done = shell.run("sync")
    assert done.returncode == 0, done.stderr
    assert "added" in done.stdout
    assert (shell.folder / "signals.xlsx").exists()


def test_the_report_keeps_its_contract_and_stands_alone_on_stdout(shell: Shell) -> None:
    report = shell.report("--to", "a.xlsx", "--to", "b.xlsx", "--template", "raw")
    assert {name: type(value) for name, value in report.items()} == REPORT
    assert set(report["api"]) == API
    assert set(report["coverage"]) == COVERAGE
    assert [set(target) for target in report["targets"]] == [TARGET, TARGET]
    assert [target["target"] for target in report["targets"]] == ["a.xlsx", "b.xlsx"]
    assert report["coverage"]["covered_seconds"] in range(1195, 1201)
    assert report["targets"][0]["added"] == report["api"]["new"] == report["api"]["signals"] > 0


def test_the_raw_template_is_the_api_as_it_is(shell: Shell, server: sandbox.RunningSandbox) -> None:
    del server
    shell.run("sync", "--to", "raw.xlsx", "--template", "raw")
    header, *lines = rows(shell.folder / "raw.xlsx")
    assert list(header) == GUIDE_ORDER
    assert all(isinstance(line[0], int) for line in lines)
    assert {line[16] for line in lines} == {"open"}
    assert {line[18] for line in lines} == {None}
    assert rows(shell.folder / "raw.xlsx", "Scalping")[0] == header


def test_nothing_new_leaves_the_file_untouched(shell: Shell, server: sandbox.RunningSandbox) -> None:
    shell.run("sync", "--template", "raw", "--interval", "20")
    server.set_faults([])
    path = shell.folder / "signals.xlsx"
    before = path.stat()
    report = shell.report("--template", "raw", "--type", "LONG TERM", "--currency", "EUR")
    assert report["api"]["signals"] == 0
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_another_template_in_the_same_workbook_gets_every_row_too(shell: Shell) -> None:
    first = shell.report("--template", "raw")["targets"][0]["added"]
    mine = shell.folder / "mine.toml"
    mine.write_text(
        'format = 1\nname = "mine"\n[[tabs]]\nname = "Coins"\nkind = "table"\nsource = "signals"\nkey = "id"\n'
        'columns = [{ id = "id", header = "Number", field = "id" }, { id = "coin", header = "What", field = "coin" }]\n'
    )
    shell.report("--template", "mine.toml")
    ids = {line[0] for line in rows(shell.folder / "signals.xlsx")[1:]}
    coins = {line[0] for line in rows(shell.folder / "signals.xlsx", "Coins") if isinstance(line[0], int)}
    assert len(ids) > first / 2
    assert ids <= coins


def test_the_last_version_is_kept_beside_the_workbook(shell: Shell) -> None:
    shell.run("sync", "--template", "raw", "--type", "SHORT TERM")
    first = (shell.folder / "signals.xlsx").read_bytes()
    shell.run("sync", "--template", "raw", "--type", "MID TERM")
    assert (shell.folder / "signals.bak.xlsx").read_bytes() == first
    assert {path.name for path in shell.folder.iterdir()} == {
        "signals.xlsx",
        "signals.bak.xlsx",
        "home",
        "tmp",
    }


def test_a_dry_run_shows_rows_and_writes_nothing(shell: Shell) -> None:
    done = shell.run("sync", "--dry-run")
    assert done.returncode == 0
    assert "+ Signals" in done.stdout
    assert "would be" in done.stdout
    assert {path.name for path in shell.folder.iterdir()} <= {"tmp"}


def test_sandbox_signals_have_a_journal_of_their_own(shell: Shell) -> None:
    assert shell.run("sync", "--sandbox").returncode == 0
    assert (shell.home / "sandbox" / "journal.sqlite3").exists()
    assert not (shell.home / "journal.sqlite3").exists()


def test_filters_reach_the_api(shell: Shell, server: sandbox.RunningSandbox) -> None:
    shell.run(
        "sync", "--exchange", "binance", "--currency", "USDT", "--type", "SHORT TERM", "--interval", "7"
    )
    sent = server.requests[0].params
    assert (sent["exchange"], sent["currency"], sent["type"], sent["interval"]) == (
        "binance",
        "USDT",
        "SHORT TERM",
        "7",
    )


def test_a_config_file_decides(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text(
        """
        timezone = "Europe/Berlin"
        [[feed]]
        name = "spot"
        exchange = ["binance"]
        [[target]]
        to = "book.xlsx"
        template = "signals"
        where = { direction = "LONG" }
        """
    )
    report = shell.report()
    assert [target["target"] for target in report["targets"]] == ["book.xlsx"]
    sides = {line[3] for line in rows(shell.folder / "book.xlsx")[2:]}
    assert sides == {"LONG"}
    book = openpyxl.load_workbook(shell.folder / "book.xlsx")
    [(sheet, cell)] = book.defined_names["Time_zone"].destinations
    assert book[sheet][cell.replace("$", "")].value == "Europe/Berlin"


def test_verbose_tells_each_request_on_stderr(shell: Shell) -> None:
    done = shell.run("sync", "-v", "--json")
    json.loads(done.stdout)
    assert "getSignal" in done.stderr or "signals" in done.stderr


def test_quiet_says_nothing(shell: Shell) -> None:
    done = shell.run("sync", "-q")
    assert (done.stdout, done.stderr) == ("", "")


def test_github_gets_summary_annotations_and_outputs(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nretry_for = "0s"\n')
    files = {
        "GITHUB_STEP_SUMMARY": str(shell.folder / "summary.md"),
        "GITHUB_OUTPUT": str(shell.folder / "output"),
    }
    shell.run("sync", GITHUB_ACTIONS="true", **files)
    assert "| signals.xlsx |" in (shell.folder / "summary.md").read_text()
    outputs = dict(line.split("=", 1) for line in (shell.folder / "output").read_text().splitlines())
    assert set(outputs) == {"outcome", "added", "updated", "gap_seconds"}
    done = shell.run("sync", GITHUB_ACTIONS="true", CQS_API_URL="http://127.0.0.1:9", **files)
    assert "::error title=cqs-sheets::" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals to another process are POSIX")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watch_ends_on_a_signal_after_its_step(shell: Shell, sent: signal.Signals, code: int) -> None:
    with shell.start("watch", "--every", "30s", "--json") as watching:
        assert watching.stdout
        first = (
            watching.stdout.readline()
        )  # the first report is being printed: now it waits for the next beat
        assert first == "{\n"
        while '"errors"' not in watching.stdout.readline():
            pass
        watching.send_signal(sent)
        _, errors = watching.communicate(timeout=HANGS)
    assert watching.returncode == code, errors
    assert len(rows(shell.folder / "signals.xlsx")) > 3


def test_watch_ends_by_itself_before_the_next_beat(shell: Shell) -> None:
    done = shell.run("watch", "--every", f"{HANGS * 2:.0f}s", "--for", "1s")
    assert done.returncode == 0
    assert done.stdout.count("signals.xlsx:") == 1
