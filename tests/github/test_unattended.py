"""A run's own decisions, without a runner: what it refuses, how often it pushes, where it says the spreadsheet is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from cqs_sheets import sandbox
from cqs_sheets.errors import AccessRefused, TargetBusy, UsageError
from cqs_sheets.github.__main__ import main
from cqs_sheets.github.action import Child, Inputs
from cqs_sheets.github.unattended import Unattended
from tests.cli.command import HANGS, Shell
from tests.workflows.github import NAME, WORKFLOW, RestApi, served

pytestmark = pytest.mark.skipif(
    os.name != "posix" or shutil.which("git") is None, reason="needs git, on a runner's system"
)
SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
Make = Callable[..., Unattended]


@pytest.fixture
def api() -> RestApi:
    return RestApi()


@pytest.fixture
def run(tmp_path: Path, api: RestApi) -> Iterator[Make]:
    """A run with these variables, in a checkout of a repository that has no state yet."""
    (tmp_path / "checkout").mkdir()
    (tmp_path / "temp").mkdir()
    with served(api) as url:
        usual = {
            "PATH": os.environ["PATH"], "GITHUB_API_URL": url, "GITHUB_REPOSITORY": NAME,
            "GITHUB_SERVER_URL": tmp_path.as_uri(), "GITHUB_WORKFLOW_REF": f"{NAME}/{WORKFLOW}@refs/heads/main",
            "GITHUB_RUN_ID": "1", "GITHUB_REF_NAME": "main", "GITHUB_WORKSPACE": str(tmp_path / "checkout"),
            "RUNNER_TEMP": str(tmp_path / "temp"),
        }  # fmt: skip
        yield lambda **more: Unattended({**usual, **more})


@pytest.mark.parametrize(
    ("key", "private", "more", "refused"),
    [
        ("FREE", False, {}, False),
        ("A-PREMIUM-KEY-0001", True, {}, False),
        ("A-PREMIUM-KEY-0001", False, {}, True),
        ("A-PREMIUM-KEY-0001", False, {"INPUT_SANDBOX": "true"}, False),
        ("A-PREMIUM-KEY-0001", False, {"INPUT_PREMIUM_IN_PUBLIC": "true"}, False),
        ("A-PREMIUM-KEY-0001", True, {"INPUT_PAGE": "true"}, True),
        ("A-PREMIUM-KEY-0001", True, {"INPUT_STATE": "none"}, False),
    ],
)
def test_premium_signals_are_shown_to_nobody_unawares(
    run: Make, api: RestApi, key: str, private: bool, more: dict[str, str], refused: bool
) -> None:
    api.private = private
    made = run(CQS_API_KEY=key, **more)
    if refused:
        with pytest.raises(AccessRefused, match="premium"):
            made._refuse_to_publish()
    else:
        made._refuse_to_publish()


def test_a_days_pushes_stay_within_their_bound(run: Make) -> None:
    made = run(INPUT_KEEP_EVERY="5m")
    assert made._pause() == 300
    made._keeper.branch.last_bytes = 50_000_000
    assert 86_400 / made._pause() * 50_000_000 <= 200_000_000
    made._keeper.branch.appends = True
    assert made._pause() >= 86_400


def test_a_public_page_names_no_google_sheet(run: Make, api: RestApi) -> None:
    assert SHEET in "".join(run(INPUT_TO=SHEET)._places())
    api.private = False
    public = "".join(run(INPUT_TO=f"{SHEET}\nmein böok [1].xlsx")._places())
    assert SHEET not in public
    assert "/raw/cqs-sheets/mein%20b%C3%B6ok%20%5B1%5D.xlsx" in public


def test_where_nothing_is_kept_in_a_branch_no_link_leads_there(run: Make) -> None:
    assert "http" not in "".join(run(INPUT_STATE="none")._places())


def test_a_trial_has_a_target_a_branch_and_a_journal_of_its_own(run: Make) -> None:
    real, trial = (
        run(INPUT_TO=SHEET, INPUT_NAME="swing"),
        run(INPUT_TO=SHEET, INPUT_NAME="swing", INPUT_SANDBOX="true"),
    )
    assert trial._inputs.arguments == ("--to", "sandbox.xlsx", "--sandbox")
    assert (real._keeper.branch.branch, trial._keeper.branch.branch) == (
        "cqs-sheets-swing",
        "cqs-sheets-swing-sandbox",
    )
    assert real._keeper.journal != trial._keeper.journal


def test_a_cache_of_the_version_before_that_did_not_come_is_no_beginning(
    run: Make, api: RestApi, tmp_path: Path
) -> None:
    (tmp_path / "me").mkdir()
    made = run()
    made._keeper.branch.look = lambda: None  # type: ignore[method-assign]
    api.caches = ["cqs-sheets-default-swing-17800000001-1-2"]  # of a sync called default-swing
    made._begin()
    api.caches.append("cqs-sheets-default-17800000001-1-2")
    with pytest.raises(TargetBusy, match="cache"):
        made._begin()
    made._keeper.journal.parent.mkdir()
    made._keeper.journal.touch()
    made._begin()


def test_a_workbooks_folder_is_made_as_git_keeps_no_empty_one(run: Make, tmp_path: Path) -> None:
    run(INPUT_TO="my böoks [1]/2026/signals.xlsx", INPUT_STATE="none")._begin()
    assert (tmp_path / "checkout" / "my böoks [1]" / "2026").is_dir()


def test_a_google_key_goes_into_a_file_of_ones_own_and_on_to_no_child(run: Make, tmp_path: Path) -> None:
    made = run(GOOGLE_SERVICE_ACCOUNT_KEY='{"type": "service_account"}')
    file = tmp_path / "temp" / "cqs-google-key.json"
    assert made._environ["GOOGLE_APPLICATION_CREDENTIALS"] == str(file)
    assert (file.read_text(), file.stat().st_mode & 0o77) == ('{"type": "service_account"}', 0)
    assert made._environ["GOOGLE_SERVICE_ACCOUNT_KEY"] == ""


@pytest.mark.parametrize(
    "environ", [{"INPUT_KEEP_EVERY": "often"}, {"INPUT_NAME": "a b"}, {"INPUT_NAME": "x-sandbox"}]
)
def test_inputs_that_cannot_be_used_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Inputs.read(environ)


def test_a_workbook_outside_of_the_repository_is_refused(run: Make) -> None:
    with pytest.raises(UsageError, match="outside"):
        run(INPUT_TO="../elsewhere.xlsx")


def test_a_config_that_cannot_be_used_is_told_as_final(tmp_path: Path, run: Make) -> None:
    del run
    checkout, output = tmp_path / "checkout", tmp_path / "output"
    (checkout / "cqs-sheets.toml").write_text("nonsense = 1")
    environ = {"GITHUB_WORKSPACE": str(checkout), "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(output)}
    assert main("run", environ) == 2
    told = dict(line.partition("=")[::2] for line in output.read_text().splitlines())
    assert told["final"] == "true"
    assert "nonsense" in told["problem"]


class Inside:
    """A command of ours that ran in this process, told what it was given; `ends` decides for some what comes of it."""

    ends: ClassVar[Mapping[str, Callable[[], int]]] = {}
    called: ClassVar[list[str]] = []

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self.called.append(arguments[0])
        if arguments[0] in self.ends:
            self._code, self.error = self.ends[arguments[0]](), ""
            return
        done = Shell(folder, dict(environ)).run(*arguments)
        self._code, self.error = done.returncode, done.stderr.partition("error: ")[2]

    def wait(self, _seconds: float) -> int:
        return self._code

    def stop(self) -> None: ...


@dataclass
class Repository:
    """What a run is given, and what it leaves."""

    folder: Path
    environ: dict[str, str]

    def run(self, **more: str) -> int:
        Inside.called = []
        return main("run", self.environ | more)

    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def branch(self) -> list[str]:
        command = ["git", "ls-tree", "-r", "--name-only", "cqs-sheets"]
        return subprocess.run(
            command, cwd=self.folder / f"{NAME}.git", capture_output=True, text=True, check=True
        ).stdout.split()


@pytest.fixture
def repository(
    tmp_path: Path, api: RestApi, server: sandbox.RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Repository]:
    for folder in ("checkout", "temp"):
        (tmp_path / folder).mkdir()
    subprocess.run(["git", "init", "--bare", "-q", tmp_path / f"{NAME}.git"], check=True)
    monkeypatch.setattr("cqs_sheets.github.unattended.Child", Inside)
    monkeypatch.setattr(Inside, "ends", {})
    known = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with served(api) as url:
        yield Repository(
            tmp_path,
            {
                "PATH": os.environ["PATH"], "GITHUB_API_URL": url, "GITHUB_REPOSITORY": NAME,
                "GITHUB_SERVER_URL": tmp_path.as_uri(), "GITHUB_WORKFLOW_REF": f"{NAME}/{WORKFLOW}@refs/heads/main",
                "GITHUB_RUN_ID": "1", "GITHUB_REF_NAME": "main", "GITHUB_WORKSPACE": str(tmp_path / "checkout"),
                "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
                "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(tmp_path / "temp"), "INPUT_TEMPLATE": "raw",
                "INPUT_FOR": "1s", "INPUT_RENEW": "true", "INPUT_PAGE": "true", "CQS_API_URL": server.url,
                "TMPDIR": str(tmp_path),
            },
        )  # fmt: skip
    for number, handler in known.items():
        signal.signal(number, handler)


def test_a_run_syncs_watches_keeps_and_calls_the_next(repository: Repository, api: RestApi) -> None:
    assert repository.run() == 0
    assert Inside.called == ["sync", "watch", "watch"]
    told = repository.outputs()
    assert (told["outcome"], told["final"], told["problem"]) == ("ok", "false", "")
    assert int(told["added"]) > 5
    assert {"signals.xlsx", "README.md"} <= set(repository.branch())
    assert "signals.xlsx" in (repository.folder / "summary").read_text()
    assert "<html" in (repository.folder / "temp" / "cqs-page" / "index.html").read_text()
    assert api.dispatches() > 0


def test_a_run_whose_key_is_refused_ends_at_once_and_for_good(repository: Repository, api: RestApi) -> None:
    assert repository.run(CQS_API_KEY=sandbox.INACTIVE_KEY, INPUT_PREMIUM_IN_PUBLIC="true") == 77
    assert Inside.called == ["sync"]
    told = repository.outputs()
    assert told["final"] == "true"
    assert "subscription" in told["problem"]
    assert api.dispatches() == 0


def test_a_run_that_is_cancelled_keeps_what_it_learnt_and_calls_nobody(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, api: RestApi
) -> None:
    def cancelled() -> int:
        signal.raise_signal(signal.SIGTERM)
        return 143

    monkeypatch.setattr(Inside, "ends", {"watch": cancelled})
    assert repository.run() == 143
    assert Inside.called == ["sync", "watch"]
    assert "signals.xlsx" in repository.branch()
    before = api.dispatches()
    assert (
        main("keep", repository.environ) == 0
    )  # the step that always runs finds nothing left to do, or does it
    assert api.dispatches() == before


def test_the_chain_starts_a_run_where_none_is_and_tells_of_one_that_failed(
    repository: Repository, api: RestApi
) -> None:
    assert main("start", repository.environ) == 0
    assert api.dispatches() == 1
    failed = {"RESULT": "failure", "FINAL": "true", "PROBLEM": "The key was refused."}
    assert main("after", repository.environ | failed) == 0
    assert "The key was refused." in str(api.issues)
    api.refused["POST .*/dispatches"] = 403
    api.runs.clear()
    assert main("start", repository.environ) == 77


def test_the_last_error_of_a_child_is_remembered_and_all_it_says_passes_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child = Child(["sync", "--template", "absent"], {**os.environ, "CQS_HOME": str(tmp_path)}, tmp_path)
    assert child.wait(HANGS) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "absent" in child.error
    assert child.error.split() == said.split()[1:]


class Watching:
    """A child that watches for so many minutes; the time passes as it is waited for."""

    minutes = 0
    error = ""

    def __init__(self, *_given: object) -> None:
        Watching.minutes = 0

    def wait(self, _seconds: float) -> int | None:
        Watching.minutes += 1
        return None if Watching.minutes < 60 else 0

    def stop(self) -> None: ...


@pytest.mark.parametrize(
    ("news_at", "pushed_at"),
    [((), [21, 42]), ((7, 8, 30), [7, 12, 30, 51]), (range(60), [*range(5, 60, 5)])],
)
def test_a_watch_pushes_news_within_minutes_and_without_any_more_seldom(
    run: Make, monkeypatch: pytest.MonkeyPatch, news_at: Sequence[int], pushed_at: list[int]
) -> None:
    made = run(INPUT_KEEP_EVERY="5m")
    pushed: list[int] = []
    monkeypatch.setattr("cqs_sheets.github.unattended.Child", Watching)
    monkeypatch.setattr("cqs_sheets.github.unattended.monotonic", lambda: Watching.minutes * 60.0)
    monkeypatch.setattr(made, "_news", lambda: (sum(at <= Watching.minutes for at in news_at),))
    monkeypatch.setattr(made, "_keep", lambda: pushed.append(Watching.minutes))
    assert made._call("watch") == 0
    assert pushed == pushed_at
