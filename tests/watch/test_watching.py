"""The steps of a watch as the command line makes them."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pytest

from cqs_sheets import config, sandbox
from cqs_sheets.cli.commands.watch import Watching
from cqs_sheets.cli.options import SyncOptions
from cqs_sheets.run import Session
from cqs_sheets.run.sync import GOES_ON, Step
from tests.e2e.runs import Clock

OPTIONS = SyncOptions(quiet=True)


def watching(folder: Path, url: str, **environ: str) -> Watching:
    variables = {"CQS_API_URL": url, "CQS_HOME": str(folder / "home"), **environ}
    settings = config.load(
        config=None, environ=variables, cwd=folder, overrides=config.Overrides(template="raw", interval=20)
    )
    environment = config.Environment.read(variables)
    return Watching(Session(settings=settings, environment=environment), OPTIONS)


def test_a_good_step_says_so(tmp_path: Path, server: sandbox.RunningSandbox) -> None:
    made = watching(tmp_path, server.url)
    assert made.step(1) == Step(exit_code=0, good=True)
    assert (tmp_path / "signals.xlsx").exists()


def test_a_step_without_news_leaves_the_workbook_alone(tmp_path: Path, clock: Clock) -> None:
    with sandbox.start(seed=5) as server:
        made = watching(tmp_path, server.url)
        made.step(1)
        before = (tmp_path / "signals.xlsx").stat()
        clock.pass_(seconds=1)
        assert made.step(1).good
        after = (tmp_path / "signals.xlsx").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_each_step_has_a_budget_of_its_own(tmp_path: Path, server: sandbox.RunningSandbox) -> None:
    made = watching(tmp_path, server.url)
    server.set_faults(["http-503"])
    assert made.step(0) == Step(exit_code=69, good=False)
    server.set_faults([])
    assert made.step(0).good


@pytest.mark.parametrize("fault", ["rate-limit@1", "http-429@1"])
def test_a_limit_that_was_waited_out_is_still_told(
    tmp_path: Path, server: sandbox.RunningSandbox, fault: str
) -> None:
    server.set_faults([fault])
    assert watching(tmp_path, server.url).step(30) == Step(exit_code=0, good=True, limited=True)


def test_a_failing_target_does_not_make_the_poll_a_bad_one(
    tmp_path: Path, server: sandbox.RunningSandbox
) -> None:
    (tmp_path / "signals.xlsx").write_text("not a workbook")
    step = watching(tmp_path, server.url).step(1)
    assert (step.exit_code, step.good) == (65, True)


def test_a_journal_that_cannot_be_used_now_does_not_end_the_watch(
    tmp_path: Path, server: sandbox.RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "journal.sqlite3").write_text("not a journal, for this one step")
    made = watching(tmp_path, server.url)
    assert made.step(1) == Step(exit_code=65, good=False)
    assert "not a journal" in capsys.readouterr().err
    (tmp_path / "home" / "journal.sqlite3").unlink()
    assert made.step(1).good


def test_what_no_later_step_can_mend_ends_the_watch(
    tmp_path: Path, server: sandbox.RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watching(tmp_path, server.url, CQS_API_KEY="free").step(1).exit_code == 2
    assert "capitals" in capsys.readouterr().err
    assert 2 not in GOES_ON


def test_github_is_told_once_and_in_total(tmp_path: Path, server: sandbox.RunningSandbox) -> None:
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    made = watching(
        tmp_path, server.url, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary), GITHUB_OUTPUT=str(output),
    )  # fmt: skip
    for _ in range(3):
        made.step(1)
    assert not summary.exists()
    made.conclude()
    assert summary.read_text().count("### cqs-sheets") == 1
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert int(outputs["added"]) > 0
    assert outputs["outcome"] == "ok"


def test_a_watch_that_never_got_to_a_sync_tells_github_nothing(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    watching(
        tmp_path, "http://127.0.0.1:9", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary)
    ).conclude()
    assert not summary.exists()


@pytest.mark.parametrize(
    ("error", "code"), [(OSError(errno.ENOTCONN, "gone", "signals.xlsx"), 75), (RuntimeError("a bug"), 1)]
)
def test_what_nobody_expected_ends_no_watch(
    tmp_path: Path,
    server: sandbox.RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the crash file's place
    monkeypatch.setattr("cqs_sheets.cli.commands.watch.run_once", fails)
    step = watching(tmp_path, server.url).step(1)
    assert (step.exit_code, step.good) == (code, False)
    assert code in GOES_ON
