"""`cqs-sheets doctor`: every wrong turn is seen, and leads back by its own line."""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from filelock import FileLock

from cqs_sheets import sandbox
from cqs_sheets.config import TargetSettings
from cqs_sheets.config.settings import place_at
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.destinations.excel.filesystem import WorkbookFile
from cqs_sheets.doctor import check_workbook
from cqs_sheets.doctor.finding import Finding, Severity, mended
from cqs_sheets.doctor.journal import check_folder
from cqs_sheets.doctor.surroundings import check_account
from cqs_sheets.journal import Journal
from cqs_sheets.template_files import load_template
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.cli.terminal import Terminal
from tests.emulators.google_sheets import RunningSheets, start

posix_modes = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
FINDING = {"subject", "check", "level", "what", "mend", "details", "fixable", "fixed"}


@pytest.fixture
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


@pytest.fixture
def google(shell: Shell, sheets: RunningSheets) -> Shell:
    return Shell(shell.folder, {**shell.variables, "CQS_SHEETS_URL": sheets.url})


RAW = [column.id for column in load_template("raw").fed_tabs[0].columns]


def examine(shell: Shell, *arguments: str, **variables: str) -> dict[str, Any]:
    """The doctor's JSON; its exit code is in it."""
    done = run_inside(shell, "doctor", "--json", *arguments, **variables)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["exit_code"] == done.returncode
    return found


def lines(found: dict[str, Any], check: str) -> list[dict[str, Any]]:
    return [finding for finding in found["findings"] if finding["check"] == check]


def line(found: dict[str, Any], check: str) -> dict[str, Any]:
    (only,) = lines(found, check)
    return only


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file but SQLite's own scratch files, with its time and size."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in files
        if not path.name.endswith(("-shm", "-wal", ".lock"))
    }


@contextmanager
def sync_at_work(workbook: Path, temp: Path) -> Iterator[None]:
    """Another run holds the lock under which a workbook is written."""
    file = WorkbookFile(workbook, backups=0, force=False, lock_wait=0, sleep=lambda _: None, disk=Disk())
    before, tempfile.tempdir = tempfile.tempdir, str(temp)
    try:
        with file.locked():
            (workbook.parent / f".{workbook.name}.cqs-{platform.node()}.tmp").write_text("half a workbook")
            yield
    finally:
        tempfile.tempdir = before


def test_a_healthy_place_is_told_so_and_left_as_it_is(shell: Shell) -> None:
    run_inside(shell, "sync")
    before = state(shell.folder)
    done = run_inside(shell, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("All is well.")
    assert done.stderr == ""
    assert state(shell.folder) == before


def test_before_the_first_sync_it_says_what_will_be_made(shell: Shell) -> None:
    found = examine(shell)
    assert found["outcome"] == "ok"
    assert "first sync makes" in line(found, "target.file")["what"]
    assert "first sync makes" in line(found, "journal.file")["what"]
    assert not shell.home.exists()


def test_where_outcomes_are_on_it_says_what_they_need(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.folder / "cqs-sheets.toml").write_text("[outcomes]\n", encoding="utf-8")
    with sandbox.start() as server:
        url = {"CQS_MARKETS_URL": server.url}
        run_inside(shell, "fetch", "--exchange", "binance")
        assert "could be asked" in line(examine(shell, **url), "outcomes.market")["what"]
        run_inside(shell, "sync", "--exchange", "binance", **url)
        before = state(shell.home)
        found = examine(shell, **url)
        assert found["outcome"] == "ok"
        assert "binance answers: " in line(found, "outcomes.market")["what"]
        assert "candles kept in" in line(found, "outcomes.candles")["what"]
        assert state(shell.home) == before
        server.set_faults(["market-451"])
        found = examine(shell, **url)
        assert found["exit_code"] == 0
        assert "does not serve this computer's address" in line(found, "outcomes.market")["what"]
    monkeypatch.setattr("cqs_sheets.doctor.surroundings.extra_is_there", lambda: False)
    assert "pip install 'cqs-sheets[outcomes]'" in line(examine(shell), "outcomes.extra")["mend"]


def test_the_json_keeps_its_shape(shell: Shell) -> None:
    found = examine(shell)
    assert set(found) == {"version", "outcome", "exit_code", "findings"}
    assert found["version"] == 1
    assert all(set(each) == FINDING for each in found["findings"])
    assert all(each["mend"] for each in found["findings"] if each["level"] != "ok")


@pytest.mark.parametrize("width", [80, 120])
def test_the_page_fits_the_terminal_and_a_pipe_gets_no_colour(shell: Shell, width: int) -> None:
    run_inside(shell, "sync")
    shown = run_inside(shell, "doctor", COLUMNS=str(width)).stdout
    paths = str(shell.folder)
    assert all(len(each) <= width or paths in each for each in shown.splitlines())
    assert "\x1b" not in shown


def test_colour_is_for_terminals_that_want_it(shell: Shell) -> None:
    with Terminal(shell, "doctor", columns=80) as terminal:
        terminal.finish()
    assert re.search(r"\x1b\[32m.*ok", terminal.screen)
    with Terminal(shell, "doctor", columns=80, NO_COLOR="1") as terminal:
        terminal.finish()
    assert not re.search(r"\x1b\[\d+m", terminal.screen)


def test_quiet_shows_only_what_fails(shell: Shell) -> None:
    assert run_inside(shell, "doctor", "-q").stdout == ""
    (shell.folder / "signals.xlsx").write_text("no workbook")
    shown = run_inside(shell, "doctor", "-q").stdout
    assert "fail" in shown
    assert "  ok" not in shown


# The config


def test_a_typo_in_the_config_is_told_by_line_and_the_rest_is_still_looked_at(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('timezon = "UTC"\n')
    found = examine(shell)
    assert found["exit_code"] == 2
    (told,) = line(found, "config.file")["details"]
    assert "line 1" in told
    assert "timezone" in told
    assert line(found, "program.version")["level"] == "ok"
    assert line(found, "journal.file")["level"] == "ok"


def test_a_key_file_that_is_not_there_is_told_by_its_line(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nkey_file = "absent"\n')
    found = examine(shell)
    assert found["exit_code"] == 2
    assert "line 2" in line(found, "config.file")["details"][0]


@posix_modes
def test_a_key_file_that_others_can_read_is_hidden_by_fix(shell: Shell) -> None:
    key = shell.folder / "key"
    key.write_text(sandbox.ACTIVE_KEY)
    key.chmod(0o644)
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nkey_file = "key"\n')
    assert line(examine(shell), "config.key_file")["level"] == "warn"
    assert stat.S_IMODE(key.stat().st_mode) == 0o644
    mended = line(examine(shell, "--fix"), "config.key_file")
    assert (mended["level"], mended["fixed"]) == ("ok", True)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_template_that_does_not_exist(shell: Shell) -> None:
    found = examine(shell, "--template", "signal")
    assert found["exit_code"] == 2
    assert "signals" in line(found, "target.template")["what"]


# The API


@pytest.mark.parametrize("key", [sandbox.EXPIRED_KEY, "A" * 32])
def test_a_wrong_key_is_known_by_a_free_request_that_works(shell: Shell, key: str) -> None:
    found = examine(shell, CQS_API_KEY=key)
    assert found["exit_code"] == 77
    assert line(found, "api.answer")["level"] == "fail"
    assert "it is your key" in line(found, "api.free")["what"]
    assert key not in json.dumps(found)


def test_an_api_that_is_away_is_not_the_keys_fault(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nretry_for = "0s"\n')
    found = examine(shell, CQS_API_KEY=sandbox.ACTIVE_KEY, CQS_API_URL="http://127.0.0.1:9")
    assert found["exit_code"] == 69
    assert "not your key" in line(found, "api.free")["mend"]
    assert line(found, "target.file")["level"] == "ok"


def test_a_premium_key_that_works_is_never_shown(shell: Shell) -> None:
    done = run_inside(shell, "doctor", "-v", CQS_API_KEY=sandbox.ACTIVE_KEY)
    assert done.returncode == 0
    assert "a premium key" in done.stdout
    assert sandbox.ACTIVE_KEY not in done.stdout + done.stderr


def test_a_wrong_server_zone_is_seen_in_the_time_stamps(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nserver_timezone = "Asia/Tokyo"\n')
    found = examine(shell)
    assert found["outcome"] == "warn"
    assert "-9 h" in line(found, "api.zone")["what"]
    assert "server_timezone" in line(found, "api.zone")["mend"]


@pytest.mark.parametrize(("minutes", "told"), [(-7, "ahead of"), (7, "behind")])
def test_a_clock_that_is_off_is_seen_by_the_servers(shell: Shell, minutes: int, told: str) -> None:
    with sandbox.start(clock=lambda: datetime.now(UTC) + timedelta(minutes=minutes)) as server:
        found = examine(shell, CQS_API_URL=server.url)
    assert found["outcome"] == "warn"
    assert f"7 min {told}" in line(found, "api.clock")["what"]
    assert "clock" in line(found, "api.clock")["mend"]


# The journal


def test_a_damaged_journal_fails(shell: Shell) -> None:
    shell.home.mkdir()
    (shell.home / "journal.sqlite3").write_bytes(b"SQLite format 3\x00" + os.urandom(5000))
    found = examine(shell)
    assert found["exit_code"] == 65
    assert "move it away" in line(found, "journal.file")["mend"]


def test_who_writes_the_journal_is_told(shell: Shell) -> None:
    run_inside(shell, "sync")
    owner = shell.home / "journal.sqlite3.owner"
    with FileLock(shell.home / "journal.sqlite3.lock"):
        owner.write_text("[]")
        found = examine(shell)
        owner.write_text(json.dumps({"process": 4711, "since": "2026-05-24 12:00"}))
        by_name = examine(shell)
    assert "in use: " in line(found, "journal.lock")["what"]
    assert found["exit_code"] == 0
    assert "in use by process 4711 since 2026-05-24 12:00" in line(by_name, "journal.lock")["what"]


@pytest.mark.parametrize(
    ("free", "level", "told"),
    [
        (1 << 20, "fail", "The disk is full"),
        (100 << 20, "warn", "nearly full"),
        (9 << 30, "ok", "writable, 9"),
    ],
)
def test_what_room_there_is_on_the_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str, told: str
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    [found] = check_folder(tmp_path / "not" / "there yet")
    assert (found.level, found.check) == (Severity(level), "folder.space")
    assert told in found.what
    assert (str(tmp_path) in found.what, "not" in found.what.split()) == (True, False)


def test_a_folder_that_nobody_may_write_into_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may do anything
    [found] = check_folder(tmp_path)
    assert (found.level, found.exit_code) == (Severity.FAIL, 77)
    assert f"The folder {tmp_path} is not writable" in found.what


def test_a_journal_that_has_grown_large_is_told_with_the_mend(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal.open(shell.home / "journal.sqlite3", clock=lambda: datetime.now(UTC)):
        monkeypatch.setattr("cqs_sheets.doctor.journal._LARGE", 1000)
    assert "journal prune" in line(examine(shell), "journal.size")["mend"]


def test_a_shared_journal_that_is_away_fails(shell: Shell) -> None:
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    found = line(examine(shell, CQS_JOURNAL="postgresql://u:secret@127.0.0.1:1/x"), "journal.file")
    assert found["level"] == "fail"
    assert "127.0.0.1" in found["what"]
    assert "secret" not in str(found)


def test_a_log_that_a_killed_run_left_is_folded_in_by_fix(shell: Shell) -> None:
    run_inside(shell, "sync")
    path = shell.home / "journal.sqlite3"
    log = path.with_name(f"{path.name}-wal")
    killed = sqlite3.connect(path)
    killed.execute("CREATE TABLE left_open (x)")
    content = log.read_bytes()
    killed.close()
    log.write_bytes(content)
    assert line(examine(shell), "journal.log")["fixable"]
    examine(shell, "--fix")
    assert not log.exists() or log.stat().st_size == 0
    assert lines(examine(shell), "journal.log") == []


@posix_modes
def test_a_journal_that_others_can_read_is_hidden_by_fix(shell: Shell) -> None:
    run_inside(shell, "sync")
    path = shell.home / "journal.sqlite3"
    path.chmod(0o644)
    assert line(examine(shell), "journal.mode")["level"] == "warn"
    examine(shell, "--fix")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# A workbook


def test_a_workbook_that_is_none(shell: Shell) -> None:
    (shell.folder / "signals.xlsx").write_text("no workbook")
    found = examine(shell)
    assert found["exit_code"] == 65
    assert (shell.folder / "signals.xlsx").read_text() == "no workbook"


@pytest.mark.parametrize("to", ["nowhere/book.xlsx", "book.xlsm"])
def test_a_workbook_that_no_sync_can_make(shell: Shell, to: str) -> None:
    found = examine(shell, "--to", to)
    assert found["exit_code"] == 65
    assert run_inside(shell, "sync", "--to", to).returncode == 65


def test_a_workbook_that_is_read_only(shell: Shell) -> None:
    run_inside(shell, "sync")
    (shell.folder / "signals.xlsx").chmod(0o444)
    found = examine(shell)
    assert found["exit_code"] == 77
    assert "read-only" in line(found, "target.writable")["what"]


def test_a_workbook_that_is_open_in_excel_and_then_closed(shell: Shell) -> None:
    run_inside(shell, "sync")
    lock = shell.folder / "~$signals.xlsx"
    lock.write_bytes(b"\x03Ann".ljust(165, b" "))
    found = examine(shell, "--fix")
    assert found["exit_code"] == 75
    assert "Ann" in line(found, "target.open")["what"]
    assert "Close it" in line(found, "target.open")["mend"]
    assert lock.exists(), "nobody can tell from here that it is stale"
    lock.unlink()
    assert examine(shell)["exit_code"] == 0


def test_the_header_map_follows_what_the_user_did(shell: Shell) -> None:
    run_inside(shell, "sync", "--template", "raw")
    path = shell.folder / "signals.xlsx"
    told = lines(examine(shell, "--template", "raw"), "target.columns")[0]
    assert "19 of 19 columns" in told["what"]
    assert told["details"][0].startswith("A=id, B=timestamp")
    book = openpyxl.load_workbook(path)
    book["Signals"]["A1"] = "Number"
    book["Signals"]["C1"] = None
    del book.defined_names["cqs.Signals.exchange"]
    book.save(path)
    found = examine(shell, "--template", "raw")
    assert "18 of 19 columns" in lines(found, "target.columns")[0]["what"]
    assert "exchange" in lines(found, "target.deleted")[0]["what"]
    assert found["exit_code"] == 0


def test_a_table_made_by_hand_is_bound_by_its_headers(shell: Shell) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    sheet.title = "Signals"
    sheet.append(["coin", "id", "my notes", *RAW[2:12]])
    book.save(shell.folder / "signals.xlsx")
    found = examine(shell, "--template", "raw")
    assert "11 of 19 columns" in line(found, "target.columns")["what"]
    assert "its title and headers" in line(found, "target.columns")["what"]
    assert "B=id" in line(found, "target.columns")["details"][0]
    assert "'Signals' is Signals from now on" in line(found, "target.adopted")["what"]
    assert "not written" in line(found, "target.unbound")["what"]


def test_ids_that_stand_twice_are_told_by_row(shell: Shell) -> None:
    run_inside(shell, "sync", "--template", "raw")
    path = shell.folder / "signals.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book["Signals"]
    key = sheet["A2"].value
    sheet["A4"] = key
    book.save(path)
    told = line(examine(shell, "--template", "raw"), "target.duplicates")
    assert told["level"] == "warn"
    assert told["details"] == [f"{key} in rows 2, 4"]


def test_what_a_stopped_sync_left_is_cleared_by_fix(shell: Shell) -> None:
    run_inside(shell, "sync")
    half = shell.folder / f".signals.xlsx.cqs-{platform.node()}.tmp"
    half.write_text("half a workbook")
    assert line(examine(shell), "target.leftover")["fixable"]
    assert half.exists()
    found = examine(shell, "--fix")
    assert line(found, "target.leftover")["fixed"]
    assert not half.exists()
    assert found["outcome"] == "ok"


class Desk(Disk):
    """A computer on which LibreOffice runs, or does not."""

    def __init__(self, *, office: bool) -> None:
        self._office = office

    def host(self) -> str:
        return "desk"

    def office_runs(self) -> bool:
        return self._office


@pytest.mark.parametrize("office", [True, False])
def test_a_lock_of_libreoffice_is_stale_only_where_none_runs(tmp_path: Path, *, office: bool) -> None:
    lock = tmp_path / ".~lock.signals.xlsx#"
    lock.write_text(",ann,desk,24.05.2026 14:30,file:///home/ann/.config/libreoffice/4;")
    target = TargetSettings(place=place_at("signals.xlsx", tmp_path))
    found = check_workbook(target, tmp_path / "signals.xlsx", load_template("raw"), Desk(office=office))
    stale = [each for each in found if each.check == "target.stale_lock"]
    assert bool(stale) is not office
    for each in stale:
        assert mended(each).fixed
    assert lock.exists() is office


def test_a_file_that_a_live_run_writes_is_not_cleared(shell: Shell) -> None:
    run_inside(shell, "sync")
    half = shell.folder / f".signals.xlsx.cqs-{platform.node()}.tmp"
    half.write_text("half a workbook")
    with sync_at_work(shell.folder / "signals.xlsx", shell.temp):
        told = line(examine(shell, "--fix"), "target.leftover")
    assert half.exists()
    assert (told["level"], told["fixed"]) == ("warn", False)
    assert "could not be mended" in told["details"][0]


def test_a_lock_of_another_computer_is_never_taken_for_stale(shell: Shell) -> None:
    run_inside(shell, "sync")
    lock = shell.folder / ".~lock.signals.xlsx#"
    lock.write_text(",Ann,anns-desk,24.05.2026 14:30,file:///home/ann/.config/libreoffice/4;")
    found = examine(shell, "--fix")
    assert "Ann" in line(found, "target.open")["what"]
    assert lock.exists()


# A Google Sheet


def test_a_sheet_that_is_shared_and_in_order(google: Shell, sheets: RunningSheets) -> None:
    book = sheets.create(locale="de_DE", time_zone="Europe/Berlin")
    before = examine(google, "--to", book)
    assert before["outcome"] == "ok"
    assert "first sync adds" in line(before, "target.columns")["what"]
    run_inside(google, "sync", "--to", book, "--template", "raw")
    with sheets.edit(book) as user:
        user.move_columns("Signals", "A", "D")
        user.rename_tab("Signals", "Mine")
    sheets.forget()
    found = examine(google, "--to", book, "--template", "raw")
    assert sheets.writes == 0
    assert found["outcome"] == "ok"
    assert "de_DE" in line(found, "target.locale")["what"]
    told = lines(found, "target.columns")[0]
    assert "tab Mine" in told["what"]
    assert "C=id" in told["details"][0]
    assert "10,000,000" in line(found, "target.room")["what"]


def test_ids_that_stand_twice_in_a_sheet(google: Shell, sheets: RunningSheets) -> None:
    book = sheets.create()
    run_inside(google, "sync", "--to", book, "--template", "raw")
    key = sheets.tab(book, "Signals").entered[1][0]
    with sheets.edit(book) as user:
        user.put("Signals!A4", key)
    told = line(examine(google, "--to", book, "--template", "raw"), "target.duplicates")
    assert told["details"] == [f"{key} in rows 2, 4"]


def test_a_protection_of_somebody_else_over_our_columns(google: Shell, sheets: RunningSheets) -> None:
    book = sheets.create()
    run_inside(google, "sync", "--to", book, "--template", "raw")
    with sheets.edit(book) as user:
        tab = user.tab("Signals")
        span = {"sheetId": tab.id, "startColumnIndex": 3, "endColumnIndex": 5}
        tab.listed("protectedRanges").append(
            {"protectedRangeId": 77, "range": span, "description": "Ann's", "requestingUserCanEdit": False}
        )
    found = examine(google, "--to", book, "--template", "raw")
    assert found["exit_code"] == 77
    told = line(found, "target.protection")
    assert "Ann's" in told["what"]
    assert "currency, coin" in told["what"]


def test_a_sheet_that_nobody_shared_or_that_is_not_there(google: Shell, sheets: RunningSheets) -> None:
    found = examine(google, "--to", sheets.create(access="none"))
    assert found["exit_code"] == 77
    assert "share" in line(found, "target.sharing")["mend"].lower()
    assert examine(google, "--to", "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789")["exit_code"] == 2


def test_one_bad_target_does_not_hide_the_others(google: Shell, sheets: RunningSheets) -> None:
    (google.folder / "bad.xlsx").write_text("no workbook")
    found = examine(google, "--to", "bad.xlsx", "--to", sheets.create())
    assert found["exit_code"] == 65
    assert line(found, "target.sharing")["level"] == "ok"


def test_an_account_and_its_address_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "federation.json"
    impersonated = (
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/robot@p.iam:generateAccessToken"
    )
    file.write_text(
        json.dumps(
            {
                "type": "external_account",
                "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": "https://sts.googleapis.com/v1/token",
                "service_account_impersonation_url": impersonated,
                "credential_source": {"file": str(tmp_path / "token")},
            }
        )
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "known, so that nobody has to be asked")
    (told,) = check_account(tmp_path, named=file, emulator=None)
    assert told.level is Severity.OK
    assert "Workload Identity Federation" in told.what
    assert "robot@p.iam" in told.what


def test_without_credentials_the_ways_in_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = tmp_path / "absent.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(absent))
    (told,) = check_account(tmp_path, named=absent, emulator=None)
    assert (told.level, told.exit_code) == (Severity.FAIL, 77)
    assert "cqs-sheets init" in told.mend


@posix_modes
def test_a_token_that_others_can_read_is_hidden_by_its_fix(tmp_path: Path) -> None:
    token = tmp_path / "google-token.json"
    token.write_text(json.dumps({"client_id": "i", "client_secret": "s", "refresh_token": "r"}))
    token.chmod(0o644)
    found = {each.check: each for each in check_account(tmp_path, named=None, emulator=None)}
    _fix(found["google.token_mode"])
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert "your own Google account" in found["google.credentials"].what


def _fix(finding: Finding) -> None:
    assert finding.fix
    finding.fix()
