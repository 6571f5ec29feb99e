"""`cqs-sheets worker` from its options to its end; what it does meanwhile: test_work.py."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from tests.cli.command import Shell
from tests.postgres import Server

pytest.importorskip("procrastinate", reason="the extra `worker` is not installed")


@pytest.fixture
def shell(tmp_path: Path, server: sandbox.RunningSandbox, postgres_server: Server) -> Shell:
    (tmp_path / "configs").mkdir()
    return Shell(tmp_path, {"CQS_API_URL": server.url, "CQS_JOURNAL": postgres_server.url()})


def test_it_works_for_its_tenants_until_it_is_told_to_stop(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def working(_: object, stopped: Callable[[], bool]) -> None:
        assert not stopped()
        signal.raise_signal(signal.SIGTERM)
        assert stopped()

    monkeypatch.setattr("cqs_sheets.fleet.worker.run_worker", working)
    (shell.folder / "configs" / "desk.toml").write_text(
        '[[target]]\nto = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"\n'
    )
    done = shell.run("worker", "--configs", "configs", "--metrics", "0", "-v", "--log-file", "log.jsonl")
    assert done.returncode == 143, done.stderr
    assert "metrics on http://127.0.0.1:" in done.stderr
    assert (
        f"working for the tenants of {shell.folder / 'configs'}" in (shell.folder / "log.jsonl").read_text()
    )


def test_a_folder_without_a_config_that_can_be_used_starts_none(shell: Shell) -> None:
    (shell.folder / "configs" / "desk.toml").write_text("nonsense = 1\n")
    done = shell.run("worker", "--configs", "configs")
    assert done.returncode == 2
    assert "configs has no config that can be used." in done.stderr
    assert "No worker was started." in done.stderr


def test_configs_of_several_journals_are_refused(shell: Shell, postgres_server: Server) -> None:
    for name in ("ONE", "OTHER"):
        (shell.folder / "configs" / f"{name}.toml").write_text(f'[journal]\nurl_env = "{name}"\n')
    urls = {name: postgres_server.url(database=name.lower()) for name in ("ONE", "OTHER")}
    done = shell.run("worker", "--configs", "configs", **urls | {"CQS_JOURNAL": ""})
    assert done.returncode == 2
    assert "configs of several journals" in done.stderr
