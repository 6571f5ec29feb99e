"""Everything that can be wrong: the message, the mend, the exit code, and the user's file as it was."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from cqs_sheets import sandbox
from cqs_sheets.journal import opening
from cqs_sheets.journal.opening import writer_lock
from tests.cli.command import Shell


def told(stderr: str) -> list[str]:
    """The lines of the first error: what, what it means, what to do."""
    lines = stderr.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("error: "))
    return [line.strip() for line in lines[start : start + 3]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["sync", "--interval", "21"], "1 to 20"),
        (["sync", "--interval", "soon"], "1 to 20"),
        (["sync", "--type", "SHORT"], "SHORT TERM"),
        (["sync", "--exchange", "binace"], "binance"),
        (["sync", "--currency", "US DT"], "USDT"),
        (["sync", "--template", "signal"], "signals"),
        (["sync", "--config", "absent.toml"], "absent.toml"),
        (["synk"], "sync"),
        (["watch", "--every", "5s"], "30s"),
        (["watch", "--for", "ever"], "5h50m"),
        (["sandbox", "--fault", "http-53"], "http-503"),
        (["journal", "export", "--format", "xlsx"], "-o FILE"),
        (["journal", "show", "999"], "999"),
        (["journal", "import", "absent.json"], "absent.json"),
        (["templates", "show", "sgnals"], "signals"),
    ],
)
def test_unusable_options_are_told_with_what_is_right(
    shell: Shell, arguments: list[str], expected: str
) -> None:
    done = shell.run(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not (shell.folder / "signals.xlsx").exists()


def test_all_mistakes_of_a_config_are_told_at_once_by_line(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text(
        'timezon = "UTC"\n[api]\ninterval = 99\n[[feed]]\nname = 3\n'
    )
    done = shell.run("sync")
    assert done.returncode == 2
    for expected in ("line 1", "timezone", "line 3", "line 5"):
        assert expected in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CQS_API_URL", "http://example.com"),
        ("CQS_API_URL", "nonsense"),
        ("CQS_API_KEY", "two words"),
        ("CQS_CONFIG", "absent.toml"),
        ("CQS_SHEETS_URL", "https://sheets.example.com"),
    ],
)
def test_an_unusable_environment_is_told_before_anything_is_asked(
    shell: Shell, name: str, value: str
) -> None:
    done = shell.run("sync", **{name: value})
    assert done.returncode == 2
    assert name in done.stderr or value in done.stderr
    assert not shell.home.exists()


@pytest.mark.parametrize(
    ("faults", "key", "code"),
    [
        (["signals-down"], "FREE", 69),
        (["billing-down"], sandbox.ACTIVE_KEY, 69),
        (["http-503"], "FREE", 69),
        (["rate-limit"], "FREE", 69),
        (["html"], "FREE", 69),
        (["truncated"], "FREE", 69),
        (["dropped"], "FREE", 69),
        (["not-envelope"], "FREE", 69),
        (["redirect"], sandbox.ACTIVE_KEY, 69),
        (["oversized"], "FREE", 69),
        ([], sandbox.EXPIRED_KEY, 77),
        ([], sandbox.INACTIVE_KEY, 77),
        ([], "A" * 32, 77),
    ],
)
def test_a_failing_api_has_its_own_exit_code(
    shell: Shell, server: sandbox.RunningSandbox, faults: list[str], key: str, code: int
) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nretry_for = "1s"\n')
    server.set_faults(faults)
    report = shell.report(CQS_API_KEY=key)
    assert report["exit_code"] == code
    assert all(error["message"] and error["hint"] for error in report["errors"])


def test_an_api_that_is_not_there(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nretry_for = "1s"\n')
    done = shell.run("sync", CQS_API_URL="http://127.0.0.1:9")
    assert done.returncode == 69
    assert len(told(done.stderr)) == 3


def _folder(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("just text")


def _half(path: Path) -> None:
    openpyxl.Workbook().save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _encrypted(path: Path) -> None:
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(4096))


@pytest.mark.parametrize(
    "make", [_folder, _empty, _text, _half, _encrypted], ids=lambda make: make.__name__[1:]
)
def test_a_target_that_is_no_workbook_is_left_as_it_is(shell: Shell, make: Callable[[Path], None]) -> None:
    path = shell.folder / "mine.xlsx"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    done = shell.run("sync", "--to", "mine.xlsx")
    assert done.returncode == 65, done.stderr
    assert len([line for line in told(done.stderr) if line]) == 3
    assert (path.read_bytes() if path.is_file() else None) == before
    assert "pending in the journal" in done.stdout


def test_a_workbook_open_in_libreoffice_waits_for_the_next_sync(shell: Shell) -> None:
    shell.run("sync", "--type", "SHORT TERM")
    lock = shell.folder / ".~lock.signals.xlsx#"
    lock.write_text(",Ann,anns-desk,24.05.2026 14:30,file:///home/ann/.config/libreoffice/4;")
    (shell.folder / "cqs-sheets.toml").write_text('[[target]]\nto = "signals.xlsx"\nlock_wait = "0s"\n')
    before = (shell.folder / "signals.xlsx").read_bytes()
    done = shell.run("sync", "--type", "MID TERM")
    assert done.returncode == 75
    assert "Ann" in done.stderr
    assert (shell.folder / "signals.xlsx").read_bytes() == before
    lock.unlink()
    assert shell.report("--type", "MID TERM")["targets"][0]["added"] > 0


def test_a_journal_that_another_process_holds(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.run("sync")
    waits: list[float] = []

    def at_once(path: Path, *, wait: float, now: datetime) -> AbstractContextManager[None]:
        waits.append(wait)
        return writer_lock(path, wait=0, now=now)

    monkeypatch.setattr(opening, "writer_lock", at_once)
    with writer_lock(shell.home / "journal.sqlite3", wait=0, now=datetime.now(UTC)):
        done = shell.run("sync")
    assert waits == [10.0], "it waits for the other one, and not forever"
    assert done.returncode == 75
    assert "journal" in told(done.stderr)[0]


def test_a_journal_from_a_newer_version(shell: Shell) -> None:
    shell.run("sync")
    path = shell.home / "journal.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    done = shell.run("sync")
    assert done.returncode == 65
    assert "newer" in done.stderr


def test_a_damaged_journal_is_left_as_it_is(shell: Shell) -> None:
    shell.home.mkdir()
    path = shell.home / "journal.sqlite3"
    path.write_bytes(b"SQLite format 3\x00" + os.urandom(5000))
    before = path.read_bytes()
    done = shell.run("sync")
    assert done.returncode == 65
    assert path.read_bytes() == before
    assert "move it away" in done.stderr


def test_a_template_with_mistakes_tells_them_all(shell: Shell) -> None:
    (shell.folder / "mine.toml").write_text(
        'format = 1\nname = "mine"\n[[tabs]]\nname = "S"\nkind = "table"\nsource = "signals"\nkey = "idd"\n'
        'columns = [{ id = "id", header = "ID", field = "idd" },'
        ' { id = "x", header = "X", colour = "red", calc = "pair" }]\n'
    )
    done = shell.run("templates", "check", "mine.toml")
    assert done.returncode == 65
    for expected in ("line 7", "line 8", "colour"):
        assert expected in done.stderr
    assert shell.run("sync", "--template", "mine.toml").returncode == 65


def test_one_bad_target_never_stops_the_others(shell: Shell) -> None:
    (shell.folder / "bad.xlsx").write_text("no workbook")
    report = shell.report("--to", "bad.xlsx", "--to", "good.xlsx")
    assert report["exit_code"] == 65
    assert report["outcome"] == "degraded"
    assert [target["outcome"] for target in report["targets"]] == ["failed", "ok"]
    assert report["targets"][0]["pending"] > 0
