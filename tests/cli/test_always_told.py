"""Whatever happens, and to whichever target: a sync is told, and the others have their turn."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets import unexpected
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import AccessRefused, TargetBusy, UsageError
from tests.cli.command import Shell


def _journal_is_none(shell: Shell) -> int:
    shell.home.mkdir()
    (shell.home / "journal.sqlite3").write_text("just text")
    return 65


def _home_is_a_file(shell: Shell) -> int:
    shell.home.write_text("just text")
    return 2


def _config_is_wrong(shell: Shell) -> int:
    (shell.folder / "cqs-sheets.toml").write_text("timezon = 1")
    return 2


@pytest.mark.parametrize("spoil", [_journal_is_none, _home_is_a_file, _config_is_wrong])
@pytest.mark.parametrize("command", [("sync",), ("watch", "--for", "1s")])
def test_a_run_that_cannot_begin_reports_all_the_same(
    shell: Shell, spoil: Any, command: tuple[str, ...]
) -> None:
    code = spoil(shell)
    done = shell.run(*command, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["exit_code"], report["outcome"]) == (code, code, "failed")
    [error] = report["errors"]
    assert error["message"].split(".")[0] in done.stderr


def test_github_hears_of_a_run_that_cannot_begin(shell: Shell) -> None:
    summary, output = shell.folder / "summary.md", shell.folder / "output"
    _journal_is_none(shell)
    done = shell.run(
        "sync", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary), GITHUB_OUTPUT=str(output)
    )
    assert done.returncode == 65
    assert "::error" in done.stderr
    assert "not a journal" in summary.read_text()
    assert "outcome=failed" in output.read_text()


@pytest.mark.parametrize(
    ("error", "code"), [(RuntimeError("a bug"), 1), (OSError(errno.ESTALE, "Stale file handle"), 75)]
)
def test_what_nobody_foresaw_of_one_target_ends_no_others_turn(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    looked = ExcelDestination.stamp

    def stamp(self: ExcelDestination, known: str, **options: bool) -> Any:
        if "bad" in self._file.path.name:
            raise error.with_traceback(None)
        return looked(self, known, **options)

    monkeypatch.setattr(ExcelDestination, "stamp", stamp)
    monkeypatch.setattr(unexpected, "_written", {})
    report = shell.report("--to", "bad.xlsx", "--to", "good.xlsx")
    assert [target["outcome"] for target in report["targets"]] == ["failed", "ok"]
    assert report["targets"][0]["pending"] > 0
    assert (report["exit_code"], report["outcome"]) == (code, "degraded")
    assert "bad.xlsx" in report["errors"][0]["message"]
    assert shell.report("--to", "bad.xlsx")["exit_code"] == code
    assert len(list(shell.temp.glob("cqs-sheets-crash-*"))) == (code == 1)  # one, however often it happens


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PermissionError(errno.EACCES, "no", "a"), AccessRefused),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a" * 300), UsageError),
        (OSError(errno.ELOOP, "Too many levels of symbolic links", b"\xff"), UsageError),
        (MemoryError(), TargetBusy),
    ],
)
def test_what_the_system_refuses_is_no_bug(error: Exception, kind: type[Exception]) -> None:
    assert type(unexpected.explained(error)) is kind


def test_a_crash_file_that_is_there_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("time.strftime", lambda _: "now")
    first, second = unexpected._write("one"), unexpected._write("two")
    assert first
    assert second
    assert (first.read_text(), second.read_text()) == ("one", "two")
