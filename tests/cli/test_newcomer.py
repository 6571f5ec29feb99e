"""What somebody meets who has never seen this: in their words, on their screen, with the way back."""

from __future__ import annotations

import socket

import pytest

from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.cli.terminal import Terminal
from tests.cli.test_failures import told


def test_an_error_is_wrapped_between_words_on_a_terminal(shell: Shell) -> None:
    with Terminal(shell, "sync", "--exchange", "binace", columns=60) as terminal:
        terminal.finish()
    lines = [line.replace("\x1b[31m", "").replace("\x1b[1m", "") for line in terminal.screen.splitlines()]
    assert len(lines) > 5
    assert max(len(line.replace("\x1b[0m", "")) for line in lines) <= 60
    assert "kucoin_futures," in terminal.screen
    assert all(line.startswith("       ") for line in lines[1:])


def test_an_error_in_a_pipe_is_three_lines_however_long(shell: Shell) -> None:
    done = run_inside(shell, "sync", "--exchange", "binace", COLUMNS="40")
    assert len(done.stderr.splitlines()) == 3


def test_a_sync_in_a_folder_without_config_says_what_comes_of_it(shell: Shell) -> None:
    note = "No cqs-sheets.toml in this folder, so the target is signals.xlsx, a new workbook here."
    assert note not in run_inside(shell, "sync", "-q", "--dry-run").stderr
    assert note not in run_inside(shell, "sync", "--to", "mine.xlsx").stderr
    assert note in run_inside(shell, "sync").stderr
    assert note not in run_inside(shell, "sync").stderr


def test_nothing_is_said_of_a_feed_that_was_not_heard(shell: Shell) -> None:
    assert "in the feed" in run_inside(shell, "sync").stdout
    assert "in the feed" not in run_inside(shell, "sync", CQS_API_KEY="A" * 32).stdout


def test_quiet_is_quiet_about_warnings_too(shell: Shell) -> None:
    assert "CQS_API_KEY is set but empty" in run_inside(shell, "sync", CQS_API_KEY="").stderr
    assert run_inside(shell, "sync", "-q", CQS_API_KEY="").stderr == ""


def test_an_empty_journal_says_how_it_is_filled(shell: Shell) -> None:
    done = run_inside(shell, "journal", "show")
    assert done.stdout == ""
    assert "`cqs-sheets sync` catches the first" in done.stderr


def test_a_dry_run_says_what_would_be(shell: Shell) -> None:
    assert "would be added" in run_inside(shell, "sync", "--dry-run").stdout.splitlines()[-3]


def test_times_for_people_are_not_those_for_scripts(shell: Shell) -> None:
    run_inside(shell, "sync")
    shown = run_inside(shell, "status").stdout
    assert " UTC." in shown
    assert "just now" in shown
    assert "Z" not in shown


def test_a_damaged_workbook_is_named(shell: Shell) -> None:
    (shell.folder / "mine.xlsx").write_text("no workbook")
    done = run_inside(shell, "sync", "--to", "mine.xlsx")
    assert done.returncode == 65
    assert "mine.xlsx" in told(done.stderr)[0]


def test_a_port_that_is_taken(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_inside(shell, "sandbox", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "Name another with --port" in told(done.stderr)[2]


@pytest.mark.parametrize(("every", "bound"), [("5s", "at least 30s"), ("3h", "at most 20m")])
def test_a_duration_out_of_range_is_told_with_the_range(shell: Shell, every: str, bound: str) -> None:
    assert bound in run_inside(shell, "watch", "--every", every).stderr


def test_a_key_file_that_is_not_there_is_told_before_anything_is_written(shell: Shell) -> None:
    done = run_inside(shell, "init", "--yes", "--no-sync", "--key-file", "key")
    assert done.returncode == 2
    assert "There is no key file" in told(done.stderr)[0]
    assert not (shell.folder / "cqs-sheets.toml").exists()


def test_a_key_file_that_is_not_there_is_made_on_a_terminal(shell: Shell) -> None:
    options = ["--to", "a.xlsx", "--template", "raw", "--exchange", "bybit", "--currency", "USDT"]
    more = ["--type", "SCALPING", "--timezone", "UTC", "--key-file", "key", "--no-sync"]
    with Terminal(shell, "init", *options, *more) as terminal:
        terminal.answer("Subscription ID", "FREE")
    assert (shell.folder / "key").read_text() == "FREE\n"
