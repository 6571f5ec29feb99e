"""Each wrong turn leads back by its own message: what it says to do is done, and then it works."""

from __future__ import annotations

import errno
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.emulators.google_sheets import start


def test_no_key_where_the_config_says_it_is(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nkey_file = "key"\n')
    done = run_inside(shell, "sync")
    assert done.returncode == 2
    assert "line 2 (api > key_file)" in done.stderr
    (shell.folder / "key").write_text("FREE\n")
    assert run_inside(shell, "sync").returncode == 0


def test_a_wrong_key(shell: Shell) -> None:
    done = run_inside(shell, "sync", CQS_API_KEY="A" * 32)
    assert done.returncode == 77
    assert "copy it exactly" in done.stderr
    variable, value = re.search(r"(CQS_API_KEY)=(FREE)", done.stderr).groups()  # type: ignore[union-attr]
    assert run_inside(shell, "sync", **{variable: value}).returncode == 0
    assert run_inside(shell, "sync", CQS_API_KEY=sandbox.ACTIVE_KEY).returncode == 0


def test_a_sheet_that_is_not_shared(shell: Shell) -> None:
    with start() as sheets:
        book = sheets.create(access="none")
        done = run_inside(shell, "sync", "--to", book, CQS_SHEETS_URL=sheets.url)
        assert done.returncode == 77
        assert "Share the spreadsheet" in done.stderr
        sheets.share(book, "writer")
        done = run_inside(shell, "sync", "--to", book, CQS_SHEETS_URL=sheets.url)
        assert done.returncode == 0
        assert " added" in done.stdout


def test_the_report_counts_every_request_to_a_sheet_reads_as_well(shell: Shell) -> None:
    with start() as sheets:
        book = sheets.create()
        for _ in range(2):
            sheets.forget()
            done = run_inside(shell, "sync", "--to", book, "--json", CQS_SHEETS_URL=sheets.url)
            (target,) = json.loads(done.stdout)["targets"]
            assert target["requests"] == len(sheets.exchanges) > 0


def test_a_workbook_that_is_open_in_excel(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[[target]]\nto = "signals.xlsx"\nlock_wait = "0s"\n')
    run_inside(shell, "sync", "--type", "SHORT TERM")
    lock = shell.folder / "~$signals.xlsx"
    lock.write_bytes(b"\x03Ann".ljust(165, b" "))
    done = run_inside(shell, "sync", "--type", "MID TERM")
    assert done.returncode == 75
    assert "Ann has it open in Excel" in done.stderr
    assert "Close it" in done.stderr
    lock.unlink()
    assert shell.report("--type", "MID TERM")["targets"][0]["added"] > 0


def test_a_typo_in_the_config(shell: Shell) -> None:
    path = shell.folder / "cqs-sheets.toml"
    path.write_text('[[feed]]\nname = "all"\nexchagne = ["binance"]\n')
    done = run_inside(shell, "sync")
    assert done.returncode == 2
    found = re.search(r"line (\d+).*`exchagne`.*did you mean `(\w+)`", done.stderr)
    assert found, done.stderr
    lines = path.read_text().splitlines()
    lines[int(found[1]) - 1] = lines[int(found[1]) - 1].replace("exchagne", found[2])
    path.write_text("\n".join(lines))
    assert run_inside(shell, "sync").returncode == 0


def test_the_way_to_the_key_is_the_one_that_the_config_names(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nkey_file = "key"\n')
    (shell.folder / "key").write_text("A" * 32)
    done = run_inside(shell, "sync")
    assert done.returncode == 77
    assert "copy it exactly from the premium dashboard into the file that key_file names" in done.stderr


def test_a_clock_that_is_wrong_is_named_by_the_first_sync(shell: Shell) -> None:
    with sandbox.start(clock=lambda: datetime.now(UTC) + timedelta(minutes=7)) as server:
        done = run_inside(shell, "sync", CQS_API_URL=server.url)
    assert done.returncode == 0
    assert "This computer's clock is 7 min behind the API's." in done.stderr


def test_a_full_disk_is_no_matter_of_permission(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    run_inside(shell, "sync")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    monkeypatch.setattr("cqs_sheets.export._write_all", full)
    before = {path.name for path in shell.folder.iterdir()}
    for command in (["init", "--yes"], ["journal", "export", "--format", "csv", "-o", "all.csv"]):
        done = run_inside(shell, *command)
        assert done.returncode == 75, command
        assert "Free some space" in done.stderr
    assert {path.name for path in shell.folder.iterdir()} == before


def test_an_init_that_the_doctor_finds_wrong_does_not_end_well(shell: Shell) -> None:
    done = run_inside(shell, "init", "--yes", "--no-sync", CQS_API_URL="http://127.0.0.1:9")
    assert done.returncode == 69
    assert (shell.folder / "cqs-sheets.toml").exists()


def test_an_encrypted_workbook_is_called_encrypted(shell: Shell) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le")
    (shell.folder / "mine.xlsx").write_bytes(ole)
    done = run_inside(shell, "sync", "--to", "mine.xlsx")
    assert done.returncode == 65
    assert "mine.xlsx: The workbook is encrypted" in done.stderr
