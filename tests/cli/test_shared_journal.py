"""Two machines with one journal in PostgreSQL: what one has caught and written, the other knows."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.command import Shell
from tests.e2e.runs import Clock
from tests.postgres import Server

PASSWORD = "hunter2-secret"


@pytest.fixture
def laptop(shell: Shell, postgres_server: Server) -> Shell:
    return machine(shell, "laptop", postgres_server, uuid4().hex)


def machine(shell: Shell, name: str, server: Server, tenant: str) -> Shell:
    folder = shell.folder / name
    folder.mkdir()
    config = f'[journal]\nurl_env = "DESK_JOURNAL"\ntenant = "{tenant}"\n[[target]]\nto = "signals.xlsx"\n'
    (folder / "cqs-sheets.toml").write_text(config)
    url = server.url().replace("@", f":{PASSWORD}@")
    return replace(shell, folder=folder, variables={**shell.variables, "DESK_JOURNAL": url})


def beside(laptop: Shell, name: str) -> Shell:
    """Another machine with the same config: its home and its folder are others."""
    folder = laptop.folder.parent / name
    folder.mkdir()
    shutil.copy(laptop.folder / "cqs-sheets.toml", folder)
    return replace(laptop, folder=folder)


def status(shell: Shell) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shell.run("status", "--json").stdout)
    return found


def test_a_laptop_and_a_runner_share_coverage_and_deliveries(laptop: Shell, clock: Clock) -> None:
    first = laptop.report()
    assert first["exit_code"] == 0
    added = first["targets"][0]["added"]
    assert added > 3
    runner = beside(laptop, "runner")
    assert status(runner)["coverage"] == status(laptop)["coverage"]
    shutil.copy(laptop.folder / "signals.xlsx", runner.folder)  # as a synced folder brings it
    [known] = status(runner)["targets"]
    assert (known["pending"], known["last_write"] is not None) == (0, True)
    clock.pass_(minutes=2)
    second = runner.report()
    assert second["coverage"]["gap_seconds"] == 0
    assert second["targets"][0]["added"] == second["api"]["new"] < added
    shutil.copy(runner.folder / "signals.xlsx", laptop.folder)
    third = laptop.report()
    assert (third["targets"][0]["added"], third["targets"][0]["updated"]) == (0, 0)
    assert not (laptop.home / "journal.sqlite3").exists()


@pytest.mark.usefixtures("clock")
def test_every_command_works_on_it_and_none_shows_the_password(laptop: Shell) -> None:
    dry = laptop.report("--dry-run")
    assert dry["targets"][0]["added"] > 3
    assert "No poll yet" in laptop.run("status").stdout
    laptop.report()
    for words in (
        ["status"], ["doctor"], ["journal", "show"], ["journal", "verify"], ["journal", "prune"],
        ["journal", "export", "--format", "csv"], ["sync", "--dry-run"],
        ["journal", "copy", "env:DESK_JOURNAL", "copy.sqlite3"],
    ):  # fmt: skip
        done = laptop.run(*words)
        assert done.returncode == 0, (words, done.stderr)
        assert PASSWORD not in done.stdout + done.stderr
    assert "PostgreSQL at" in laptop.run("doctor").stdout
    (laptop.home).mkdir(exist_ok=True)
    copied = laptop.run("journal", "import", "copy.sqlite3")
    assert "0 new signals, 0 brought up to date, 0 polls more" in copied.stdout


def test_a_journal_that_was_a_file_goes_on_in_postgresql(
    shell: Shell, postgres_server: Server, clock: Clock
) -> None:
    before = shell.report()
    assert before["targets"][0]["added"] > 3
    (shell.folder / "cqs-sheets.toml").write_text(f'[journal]\ntenant = "{uuid4().hex}"\n')
    url = {"CQS_JOURNAL": postgres_server.url()}
    done = shell.run("journal", "copy", str(shell.home / "journal.sqlite3"), "env:CQS_JOURNAL", **url)
    assert (done.returncode, "Copied and compared" in done.stdout) == (0, True)
    clock.pass_(minutes=1)
    after = shell.report(**url)
    assert after["targets"][0]["added"] == after["api"]["new"]
    assert after["coverage"]["since"] == before["coverage"]["since"]


@pytest.mark.parametrize(
    ("words", "variables", "told"),
    [
        (["status"], {"CQS_JOURNAL": "mysql://u:hunter2-secret@h/d"}, "expected a URL such as postgresql://"),
        (["journal", "copy", "postgresql://u:hunter2-secret@h/d", "x"], {}, "a password in an argument"),
        (["journal", "copy", "env:NOT_THERE", "x"], {}, "NOT_THERE"),
        (["journal", "copy", "nowhere.sqlite3", "x"], {}, "is no journal"),
    ],
)
def test_what_names_no_journal_is_refused(
    shell: Shell, words: list[str], variables: dict[str, str], told: str
) -> None:
    done = shell.run(*words, **variables)
    assert done.returncode in (2, 65)
    assert told in done.stderr
    assert PASSWORD not in done.stderr


def test_a_variable_that_the_config_names_must_be_there(shell: Shell) -> None:
    Path(shell.folder / "cqs-sheets.toml").write_text('[journal]\nurl_env = "DESK_JOURNAL"\n')
    done = shell.run("status")
    assert done.returncode == 2
    assert "line 2" in done.stderr
    assert "DESK_JOURNAL is not set" in done.stderr


def test_a_journal_that_is_away_ends_a_sync_with_75_and_is_told(shell: Shell) -> None:
    done = shell.run("sync", CQS_JOURNAL="postgresql://trader:hunter2-secret@127.0.0.1:1/journal")
    assert done.returncode == 75
    assert "is away" in done.stderr
    assert PASSWORD not in done.stderr


def test_all_tenants_are_told_at_one_look(laptop: Shell, postgres_server: Server) -> None:
    laptop.report()
    other = machine(replace(laptop, folder=laptop.folder), "other", postgres_server, uuid4().hex)
    (other.folder / "signals.xlsx").mkdir()  # nothing can be written there
    assert other.report()["exit_code"] == 65
    told = json.loads(laptop.run("status", "--all", "--json").stdout)["tenants"]
    tenants = {one["tenant"]: one for one in told}
    mine, theirs = (
        tomllib.loads((one.folder / "cqs-sheets.toml").read_text())["journal"]["tenant"]
        for one in (laptop, other)
    )
    assert (tenants[mine]["behind"], tenants[mine]["pending"]) == (0, 0)
    assert tenants[theirs]["behind"] == 1
    assert tenants[theirs]["pending"] > 3
    assert "signals.xlsx" in tenants[theirs]["slowest"]
    fresh = machine(replace(laptop, folder=laptop.folder), "fresh", postgres_server, uuid4().hex)
    assert f"{theirs}: last poll" in fresh.run("status", "--all").stdout
    shown = laptop.run("status", "--all")
    assert f"{mine}: last poll" in shown.stdout
    assert "pending in 1 target, longest" in shown.stdout
    assert PASSWORD not in shown.stdout + shown.stderr
    assert laptop.run("status", "--all", CQS_JOURNAL="").returncode == 0
