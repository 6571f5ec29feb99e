"""The key appears nowhere: everything that a run prints, sends or leaves behind is searched for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from tests.cli.command import Shell

KEY = sandbox.ACTIVE_KEY


def left_behind(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "faults",
    [
        [],
        ["http-503"],
        ["truncated"],
        ["html"],
        ["billing-down"],
        ["redirect"],
        ["dropped"],
        ["not-envelope"],
    ],
    ids=lambda faults: "-".join(faults) or "no fault",
)
def test_the_key_is_nowhere_but_in_the_body_that_is_sent(
    shell: Shell, server: sandbox.RunningSandbox, faults: list[str]
) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nretry_for = "0s"\n')
    server.set_faults(faults)
    for arguments in (
        ["sync", "-v"],
        ["sync", "--json", "-v"],
        ["fetch", "-v"],
        ["status"],
        ["journal", "show"],
    ):
        done = shell.run(*arguments, CQS_API_KEY=KEY)
        assert KEY not in done.stdout + done.stderr, arguments
    for name, content in left_behind(shell.folder).items():
        assert KEY.encode() not in content, name
    for request in server.requests:
        assert request.method == "POST"
        assert KEY not in request.path
        assert KEY not in str(request.query)
        assert KEY not in str(request.headers)
        assert dict(request.form)["api_key"] == KEY


def test_a_refused_key_is_not_repeated(shell: Shell) -> None:
    key = "SubscriptionIdOfSomebody0123456789"
    done = shell.run("sync", "-v", CQS_API_KEY=key)
    assert done.returncode == 77
    assert key not in done.stdout + done.stderr
    assert all(key.encode() not in content for content in left_behind(shell.folder).values())


def test_an_unusable_key_is_not_repeated(shell: Shell) -> None:
    done = shell.run("sync", CQS_API_KEY="secret words here")
    assert done.returncode == 2
    assert "secret words" not in done.stderr


def test_a_crash_file_holds_places_but_no_values(shell: Shell) -> None:
    (shell.folder / "sitecustomize.py").write_text(
        "import cqs_sheets.journal as store\n"
        "def broken(self, poll):\n    raise RuntimeError('the key is ' + __import__('os').environ['CQS_API_KEY'])\n"
        "store.Journal.record_poll = broken\n"
    )
    done = shell.run_apart("sync", CQS_API_KEY=KEY, PYTHONPATH=str(shell.folder))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert KEY not in done.stderr
    (crash,) = shell.temp.glob("cqs-sheets-crash-*.txt")
    if os.name == "posix":
        assert crash.stat().st_mode & 0o777 == 0o600
    text = crash.read_text()
    assert "RuntimeError" in text
    assert "poll.py" in text
    assert KEY not in text


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_the_journal_is_for_its_owner_only(shell: Shell) -> None:
    shell.run("sync")
    assert shell.home.stat().st_mode & 0o777 == 0o700
    assert (shell.home / "journal.sqlite3").stat().st_mode & 0o777 == 0o600
