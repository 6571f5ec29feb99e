"""A Google Sheet as a target, from the command line, against the emulator."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cli.command import Shell
from tests.emulators.google_sheets import RunningSheets, start


@pytest.fixture
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


@pytest.fixture
def google(shell: Shell, sheets: RunningSheets) -> Shell:
    return Shell(shell.folder, {**shell.variables, "CQS_SHEETS_URL": sheets.url})


def test_a_sheet_is_filled_and_kept_up_to_date(google: Shell, sheets: RunningSheets) -> None:
    book = sheets.create()
    address = f"https://docs.google.com/spreadsheets/d/{book}/edit#gid=0"
    first = google.report("--to", address, "--template", "raw")["targets"][0]
    assert first["outcome"] == "ok"
    assert first["added"] > 0
    assert sheets.titles(book)[:2] == ["Sheet1", "Signals"]
    sheets.forget()
    second = google.report("--to", address, "--template", "raw")["targets"][0]
    assert second["added"] <= first["added"] / 2
    assert sheets.reads <= 2
    assert sheets.writes <= 1


def test_a_sheet_is_called_by_its_title_and_goes_over_to_another_zone(
    google: Shell, sheets: RunningSheets
) -> None:
    book, title = sheets.create("My trades"), "My trades"
    first = google.run("sync", "--to", book).stdout
    assert re.search(rf"(?m)^{title}: tabs Signals, .*made, \d+ added", first)
    assert book not in first
    (google.folder / "cqs-sheets.toml").write_text(f'timezone = "Asia/Tokyo"\n[[target]]\nto = "{book}"\n')
    second = google.run("sync").stdout
    assert f"{title}: " in second
    assert "all times are those of Asia/Tokyo now" in second
    assert title in google.run("status").stdout
    assert google.report()["targets"][0]["updated"] == 0


def test_a_sheet_and_a_workbook_in_one_sync(google: Shell, sheets: RunningSheets) -> None:
    book = sheets.create()
    report = google.report("--to", book, "--to", "signals.xlsx")
    assert [target["outcome"] for target in report["targets"]] == ["ok", "ok"]
    assert report["targets"][0]["added"] == report["targets"][1]["added"]


def test_a_sheet_nobody_shared_is_told_and_the_rows_wait(google: Shell, sheets: RunningSheets) -> None:
    book = sheets.create(access="none")
    report = google.report("--to", book)
    assert report["exit_code"] == 77
    assert report["targets"][0]["pending"] > 0
    assert "share" in report["errors"][0]["hint"].lower()


def test_without_credentials_the_mend_is_told(shell: Shell) -> None:
    done = shell.run(
        "sync", "--to", "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
        GOOGLE_APPLICATION_CREDENTIALS=str(shell.folder / "absent.json"), HOME=str(shell.folder),
    )  # fmt: skip
    assert done.returncode == 77
    assert "GOOGLE_APPLICATION_CREDENTIALS" in done.stderr
    assert "Traceback" not in done.stderr
