"""A watch as a process, in trouble."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime

import pytest

from cqs_sheets import sandbox
from cqs_sheets.journal.opening import writer_lock
from tests.cli.command import HANGS, Shell


@pytest.mark.skipif(os.name != "posix", reason="signals to another process are POSIX")
def test_a_signal_ends_the_wait_for_an_api_that_is_away(shell: Shell, server: sandbox.RunningSandbox) -> None:
    server.set_faults(["signals-down"])
    with shell.start("watch", "--every", "10m", "-v") as watching:
        assert watching.stderr
        while "again in" not in watching.stderr.readline():
            pass
        watching.send_signal(signal.SIGTERM)
        _, errors = watching.communicate(timeout=HANGS)
    assert watching.returncode == 143
    assert "Stopped on request" in errors


def test_a_refused_key_ends_the_watch(shell: Shell) -> None:
    done = shell.run("watch", "--every", "30s", CQS_API_KEY=sandbox.INACTIVE_KEY)
    assert done.returncode == 77
    assert "refused the key" in done.stderr


def test_a_look_back_that_is_narrower_than_the_beat_is_warned_of(shell: Shell) -> None:
    narrow = shell.run("watch", "--every", "6m", "--interval", "5", "--for", "1s")
    assert "looks back 5 min only, and comes every 6 min" in narrow.stderr
    wide = shell.run("watch", "--every", "4m", "--interval", "5", "--for", "1s")
    assert wide.stderr == ""


@pytest.mark.soak
def test_a_journal_that_another_process_holds_is_waited_for_and_ends_nothing(shell: Shell) -> None:
    shell.home.mkdir()
    with writer_lock(shell.home / "journal.sqlite3", wait=1, now=datetime.now(UTC)):
        done = shell.run("watch", "--every", "30s", "--for", "1s")
    assert done.returncode == 75
    assert "is in use by process" in done.stderr
    assert "Traceback" not in done.stderr
