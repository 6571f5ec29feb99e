"""`cqs-sheets init`: with options, with questions, and what becomes of the answers."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from cqs_sheets import config, sandbox
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.cli.terminal import Terminal
from tests.emulators.google_sheets import RunningSheets, start


@pytest.fixture
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


def settings(shell: Shell, name: str = "cqs-sheets.toml") -> config.Settings:
    return config.load(config=shell.folder / name, environ={}, cwd=shell.folder)


def equity(path: Path) -> object:
    book = openpyxl.load_workbook(path)
    [(sheet, cell)] = book.defined_names["Equity"].destinations
    return book[sheet][cell.replace("$", "")].value


def test_without_a_terminal_and_options_everything_has_a_sensible_default(shell: Shell) -> None:
    done = run_inside(shell, "init", TZ="Europe/Berlin")
    assert done.returncode == 0, done.stderr
    made = settings(shell)
    assert [target.to for target in made.targets] == ["signals.xlsx"]
    assert str(made.zone) == "Europe/Berlin"
    assert made.feeds[0].exchange == ()
    assert "All is well." in done.stdout
    assert "Next: cqs-sheets sync" in done.stdout
    assert not (shell.folder / "signals.xlsx").exists()


def test_every_answer_is_an_option(shell: Shell) -> None:
    (shell.folder / "key").write_text(sandbox.ACTIVE_KEY)
    done = run_inside(
        shell, "init", "--yes", "--to", "mine.xlsx", "--template", "raw", "--exchange", "binance", "--exchange", "okx",
        "--currency", "USDT", "--type", "SHORT TERM", "--timezone", "Asia/Tokyo", "--key-file", "key", "-c", "my.toml",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = settings(shell, "my.toml")
    feed, target = made.feeds[0], made.targets[0]
    assert (feed.exchange, feed.currency, feed.type) == (("binance", "okx"), ("USDT",), ("SHORT TERM",))
    assert (target.to, target.template, str(made.zone)) == ("mine.xlsx", "raw", "Asia/Tokyo")
    assert made.api.key.reveal() == sandbox.ACTIVE_KEY
    assert "--config" in done.stdout


def test_the_config_explains_itself_as_the_sample_does(shell: Shell) -> None:
    run_inside(shell, "init", "--exchange", "binance")
    text = (shell.folder / "cqs-sheets.toml").read_text()
    for line in config.sample().splitlines():
        comment = line.partition("  # ")[2] or (line if line.startswith("# ") else "")
        assert comment.strip() in text


def test_a_config_that_is_there_is_never_overwritten_unasked(shell: Shell) -> None:
    path = shell.folder / "cqs-sheets.toml"
    path.write_text("# mine\n")
    done = run_inside(shell, "init")
    assert done.returncode == 2
    assert "--force" in done.stderr
    assert path.read_text() == "# mine\n"
    with Terminal(shell, "init") as terminal:
        terminal.answer("Replace it?", "n")
    assert path.read_text() == "# mine\n"
    assert run_inside(shell, "init", "--force").returncode == 0
    assert settings(shell).targets


def test_it_writes_the_config_that_a_sync_will_read(shell: Shell) -> None:
    done = run_inside(shell, "init", "--to", "mine.xlsx", CQS_CONFIG="conf/cqs.toml")
    assert settings(shell, "conf/cqs.toml").targets[0].path == shell.folder / "conf" / "mine.xlsx"
    assert "Next: cqs-sheets sync, or" in done.stdout


def test_wrong_options_are_told_all_at_once_and_nothing_is_written(shell: Shell) -> None:
    done = run_inside(shell, "init", "--exchange", "binace", "--timezone", "Berlin", "--type", "SHORT")
    assert done.returncode == 2
    for expected in ("'binance'", "Europe/Berlin", "SHORT TERM"):
        assert expected in done.stderr
    assert run_inside(shell, "init", "--template", "signal").returncode == 2
    assert run_inside(shell, "init", "--account-size", "much").returncode == 2
    assert not (shell.folder / "cqs-sheets.toml").exists()


def test_a_person_is_asked_for_everything_and_led_to_a_full_sheet(shell: Shell) -> None:
    with Terminal(shell, "init", TZ="UTC") as terminal:
        terminal.answer("Number", "1")
        terminal.answer("Which file?", "trades.pdf")
        terminal.read("ends in .xlsx")
        terminal.answer("Which file?", "trades.xlsx")
        shown = terminal.read("Number")
        numbers = [line.split()[0] for line in shown.splitlines() if " signals " in line]
        terminal.type(numbers[0])
        terminal.answer("Exchanges", "binace")
        terminal.read("did you mean 'binance'?")
        terminal.answer("Exchanges")
        terminal.answer("Currencies", "usdt, BTC")
        terminal.answer("Horizons [", "short term,Mid Term, long term, short/mid term")
        terminal.answer("Time zone", "Berlin")
        terminal.read("Europe/Berlin")
        terminal.answer("Time zone", "Europe/Berlin")
        terminal.answer("Number", "1")
        terminal.answer("account size", "12,500")
        terminal.read("All is well.")
        terminal.answer("first sync", "y")
        terminal.read("Equity in the tab Settings is 12,500 now")
    made = settings(shell)
    assert made.feeds[0].currency == ("USDT", "BTC")
    assert made.feeds[0].type == ("SHORT TERM", "MID TERM", "LONG TERM", "SHORT/MID TERM")
    assert str(made.zone) == "Europe/Berlin"
    assert equity(shell.folder / "trades.xlsx") == 12500


def test_a_subscription_id_goes_into_a_file_of_its_own_and_nowhere_else(shell: Shell) -> None:
    options = ("init", "--to", "a.xlsx", "--template", "raw", "--exchange", "binance", "--currency", "USDT",
               "--type", "MID TERM", "--timezone", "UTC", "--no-sync")  # fmt: skip
    with Terminal(shell, *options) as terminal:
        terminal.answer("Number", "2")
        terminal.answer("Which file?", "secrets/key")
        terminal.answer("Subscription ID", "two words")
        terminal.read("one word")
        terminal.answer("Subscription ID", sandbox.ACTIVE_KEY)
        terminal.read("All is well")
    path = shell.folder / "secrets" / "key"
    assert path.read_text().strip() == sandbox.ACTIVE_KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sandbox.ACTIVE_KEY not in terminal.screen
    assert sandbox.ACTIVE_KEY not in (shell.folder / "cqs-sheets.toml").read_text()
    assert settings(shell).api.key.reveal() == sandbox.ACTIVE_KEY


def test_the_first_sync_can_be_asked_for(shell: Shell) -> None:
    done = run_inside(shell, "init", "--yes", "--sync", "--account-size", "250.5")
    assert done.returncode == 0, done.stderr
    assert equity(shell.folder / "signals.xlsx") == 250.5
    run_inside(shell, "sync", "--restore")
    book = openpyxl.load_workbook(shell.folder / "signals.xlsx")
    ids = [row[0] for row in book["Signals"].iter_rows(min_row=3, values_only=True) if row[0]]
    assert len(ids) == len(set(ids))
    assert equity(shell.folder / "signals.xlsx") == 250.5


def test_an_account_size_waits_in_the_sheet_where_no_sync_is_done(shell: Shell) -> None:
    assert "Equity in the tab Settings" in run_inside(shell, "init", "--yes").stdout
    assert "Equity" not in run_inside(shell, "init", "--yes", "--force", "--template", "raw").stdout


def test_a_google_sheet_is_filled_with_the_account_size_in_it(shell: Shell, sheets: RunningSheets) -> None:
    book = sheets.create()
    done = run_inside(
        shell, "init", "--yes", "--to", book, "--sync", "--account-size", "7000", CQS_SHEETS_URL=sheets.url
    )
    assert done.returncode == 0, done.stderr
    assert ["Account equity", 7000] in [line[:2] for line in sheets.tab(book, "Settings").entered]


@pytest.mark.parametrize(
    ("document", "account"),
    [
        ({"type": "service_account", "client_email": "robot@p.iam.gserviceaccount.com"}, "robot@p."),
        (
            {
                "type": "external_account",
                "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-"
                "/serviceAccounts/wif@p.iam.gserviceaccount.com:generateAccessToken",
            },
            "wif@p.",
        ),
    ],
    ids=["service account", "federation"],
)
def test_a_credentials_file_tells_whom_to_share_with(
    shell: Shell, document: dict[str, str], account: str
) -> None:
    (shell.folder / "google.json").write_text(json.dumps(document))
    done = run_inside(shell, "init", "--yes", "--google-credentials", "google.json")
    assert f"Share the sheet with {account}" in done.stdout
    assert f"GOOGLE_APPLICATION_CREDENTIALS={shell.folder / 'google.json'}" in done.stdout


def test_a_person_is_waited_for_until_the_sheet_is_shared(shell: Shell) -> None:
    (shell.folder / "google.json").write_text(
        json.dumps({"type": "service_account", "client_email": "robot@p.iam.gserviceaccount.com"})
    )
    with Terminal(shell, "init", "--to", "mine.xlsx", "--template", "raw", "--exchange", "okx", "--currency", "USDT",
                  "--type", "MID TERM", "--timezone", "UTC", "--key-command", "echo FREE", "--no-sync",
                  "--google-credentials", "google.json") as terminal:  # fmt: skip
        terminal.read("Share the sheet with robot@p.iam")
        terminal.answer("Press Enter")
        terminal.read("All is well.")


@pytest.mark.parametrize("content", ["{}", "[]", "no json", '{"type": "service_account"}'])
def test_a_file_that_holds_no_credentials_is_refused(shell: Shell, content: str) -> None:
    (shell.folder / "google.json").write_text(content)
    done = run_inside(shell, "init", "--yes", "--google-credentials", "google.json")
    assert done.returncode == 2
    assert "holds no credentials" in done.stderr


@pytest.mark.parametrize(
    ("number", "expected"),
    [("1", "Service Accounts"), ("2", "Let the provider act"), ("3", "Desktop app")],
)
def test_each_way_into_google_is_explained(shell: Shell, number: str, expected: str) -> None:
    sheet = "https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789/edit"
    with Terminal(shell, "init", "--to", sheet, "--template", "raw", "--exchange", "okx", "--currency", "USDT",
                  "--type", "MID TERM", "--timezone", "UTC", "--key-command", "echo FREE") as terminal:  # fmt: skip
        terminal.answer("Who writes to the sheet?", number)
        terminal.read(expected)
        terminal.answer("Where is that file?", "absent.json")
        terminal.read("no such file")
        terminal.read("Where is that file?")
        terminal.leave()
        assert terminal.finish() == 130
