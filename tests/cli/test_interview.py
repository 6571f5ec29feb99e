"""What `init` asks, answer by answer; the whole of it on a terminal is in test_init.py."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from cqs_sheets import config
from cqs_sheets.cli import interview
from cqs_sheets.cli.interview import prepare_google
from cqs_sheets.destinations.google.wire.auth import TOKEN_FILE
from cqs_sheets.errors import AccessRefused
from cqs_sheets.run import config_folder
from tests.cli.command import Shell
from tests.cli.inside import called_inside
from tests.destinations.google.test_signing_in import Browser, TokenServer, allowing, google

__all__ = ["google"]

SHEET = "https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789/edit"
_Answer = TypeVar("_Answer")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    home = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "GOOGLE_APPLICATION_CREDENTIALS": "",
    }
    return Shell(tmp_path, home)


def ask(shell: Shell, question: Callable[[], _Answer], *typed: str) -> tuple[_Answer, str]:
    """What comes of a question to somebody who types these lines, all of them, and what they read."""
    answers: list[_Answer] = []

    def program() -> None:
        sys.stdin = io.StringIO("".join(f"{line}\n" for line in typed))
        answers.append(question())
        assert sys.stdin.read() == ""

    done = called_inside(program, shell)
    return answers[0], done.stdout + done.stderr


def test_a_sheets_address_is_asked_for_until_it_is_one(shell: Shell) -> None:
    found, read = ask(shell, interview._ask_target, "2", "signals.xlsx", SHEET)
    assert found == SHEET
    assert "looks like https://docs.google.com/spreadsheets/d/..." in read


def test_a_command_that_prints_the_key_is_asked_for_until_it_is_one(shell: Shell) -> None:
    found, read = ask(shell, lambda: interview._ask_key(shell.folder), "3", "pass 'show", "pass show cqs")
    assert found == {"key_command": "pass show cqs"}
    assert "cannot be split into words" in read


def test_who_sets_the_variable_is_asked_no_more(shell: Shell) -> None:
    assert ask(shell, lambda: interview._ask_key(shell.folder), "4")[0] == {}


def test_a_key_file_that_is_there_is_used_as_it_is(shell: Shell) -> None:
    (shell.folder / "key").write_text("MINE")
    found, read = ask(shell, lambda: interview._ask_key(shell.folder), "2", "key")
    assert found == {"key_file": "key"}
    assert "used as it is" in read
    assert (shell.folder / "key").read_text() == "MINE"


def test_a_key_file_that_cannot_be_made_is_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interview, "ask_text", lambda *_, **__: "A-KEY-OF-MINE")  # that one is not shown
    (shell.folder / "file").touch()
    with pytest.raises(AccessRefused, match="cannot be written") as told:
        interview._make_key_file(shell.folder / "file" / "key")
    assert "A-KEY-OF-MINE" not in str(told.value)


def test_who_has_signed_in_is_asked_nothing_of_google(shell: Shell) -> None:
    def again() -> None:
        config_folder().mkdir(parents=True)
        (config_folder() / TOKEN_FILE).touch()
        prepare_google(None, None, asking=True)

    assert "you are signed in already" in ask(shell, again)[1]


def test_without_a_terminal_the_variable_is_named(shell: Shell) -> None:
    read = ask(shell, lambda: prepare_google(None, None, asking=False))[1]
    assert "set GOOGLE_APPLICATION_CREDENTIALS to a service account's file" in read


def test_a_service_accounts_file_is_asked_for_until_it_is_one_and_used_at_once(shell: Shell) -> None:
    (shell.folder / "wrong.json").write_text("{}")
    (shell.folder / "right.json").write_text('{"type": "service_account", "client_email": "robot@p.example"}')

    def named() -> str | None:
        prepare_google(None, None, asking=True)
        return config.process_environ().get("GOOGLE_APPLICATION_CREDENTIALS")

    found, read = ask(shell, named, "1", "absent.json", "wrong.json", "right.json", "")
    assert found == str(shell.folder / "right.json")
    for told in ("There is no such file.", "holds no credentials", "Share the sheet with robot@p.example"):
        assert told in read


def test_who_answers_later_goes_on_without(shell: Shell) -> None:
    assert "Desktop app" in ask(shell, lambda: prepare_google(None, None, asking=True), "3", "")[1]
    assert "Library" not in ask(shell, lambda: prepare_google(None, None, asking=True), "4")[1]


def test_a_file_that_the_environment_names_is_not_named_again(shell: Shell) -> None:
    file = shell.folder / "right.json"
    file.write_text('{"type": "service_account", "client_email": "robot@p.example"}')
    shell.variables["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
    read = ask(shell, lambda: prepare_google(None, None, asking=False))[1]
    assert "robot@p.example" in read
    assert "For every later run" not in read


def test_who_signs_in_as_oneself_has_a_token_for_their_eyes_only(
    shell: Shell, google: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = {
        "client_id": "id", "client_secret": "hush", "auth_uri": "https://accounts.google.com/auth",
        "token_uri": google.url,
    }  # fmt: skip
    (shell.folder / "client.json").write_text(json.dumps({"installed": client}))
    (shell.folder / "wrong.json").write_text(json.dumps({"web": client}))
    browser = Browser(allowing)
    monkeypatch.setattr("webbrowser.open", browser)

    def token() -> Path:
        prepare_google(None, None, asking=True)
        return config_folder() / TOKEN_FILE

    file, read = ask(shell, token, "3", "wrong.json", "client.json")
    browser.finish()
    assert "is not the file of a Desktop app client" in " ".join(read.split())
    assert "if none opens, go to:\nhttps://accounts.google.com/auth?" in read
    assert f"The token is in {file}" in read
    assert json.loads(file.read_text())["refresh_token"] == "r"
    assert "hush" not in read
