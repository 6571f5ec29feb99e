"""A run's own decisions, without a runner: what it refuses, how often it pushes, where it says the spreadsheet is."""

from __future__ import annotations

import os
import shutil
import signal as signals
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import openpyxl
import pytest

from cqs_sheets import sandbox
from cqs_sheets.core.news import Happened
from cqs_sheets.errors import AccessRefused, TargetBusy, UsageError
from cqs_sheets.github.__main__ import main
from cqs_sheets.github.action import Child, Inputs
from cqs_sheets.github.unattended import Unattended
from cqs_sheets.journal import Journal
from tests.cli.command import HANGS, Shell
from tests.journal.samples import at, poll, signal
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
    known = {number: signals.getsignal(number) for number in (signals.SIGINT, signals.SIGTERM)}
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
        signals.signal(number, handler)


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
        signals.raise_signal(signals.SIGTERM)
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


def test_what_another_left_meanwhile_is_synced_into_and_kept(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, clone = repository.folder / f"{NAME}.git", repository.folder / "clone"

    def upload() -> int:
        if not clone.exists():
            subprocess.run(["git", "clone", "-q", "-b", "cqs-sheets", remote, clone], check=True)
            book = openpyxl.load_workbook(clone / "signals.xlsx")
            book.create_sheet("Mine")["A1"] = "my note"
            book.save(clone / "signals.xlsx")
            who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
            subprocess.run(["git", *who, "commit", "-qam", "My notes"], cwd=clone, check=True)
            subprocess.run(["git", "push", "-q"], cwd=clone, check=True)
        return 0

    monkeypatch.setattr(Inside, "ends", {"watch": upload})
    assert repository.run() == 0
    assert Inside.called == ["sync", "watch", "sync", "watch"]
    kept = openpyxl.load_workbook(repository.folder / "checkout" / "signals.xlsx")
    assert kept["Mine"]["A1"].value == "my note"


def test_a_watch_that_ends_with_trouble_is_synced_after_and_its_end_told(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Inside, "ends", {"sync": lambda: 0, "watch": lambda: 75})
    assert repository.run() == 0
    assert Inside.called == ["sync", "watch", "sync", "watch", "sync"]
    monkeypatch.setattr(Inside, "ends", {"sync": lambda: 75, "watch": lambda: 75})
    assert repository.run() == 75
    assert "ended with 75" in repository.outputs()["problem"]


@pytest.mark.parametrize(
    ("trouble", "code", "called"),
    [(TargetBusy, 75, ["sync", "watch", "watch"]), (AccessRefused, 77, ["sync"])],
)
def test_a_branch_that_takes_nothing_for_now_is_tried_again_and_one_that_refuses_ends_the_run(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    trouble: type[TargetBusy | AccessRefused], code: int, called: list[str],
) -> None:  # fmt: skip
    def refuse(_: object) -> None:
        raise trouble("The branch took nothing.", meaning="What is known waits.", hint="Look at the rules.")

    monkeypatch.setattr("cqs_sheets.github.state.Keeper.keep", refuse)
    monkeypatch.setattr(Inside, "ends", {"watch": lambda: 0})
    assert repository.run() == code
    assert Inside.called == called
    assert "::error title=cqs-sheets::The branch took nothing." in capsys.readouterr().out
    told = repository.outputs()
    assert (told["final"], "Look at the rules." in told["problem"]) == (str(code == 77).lower(), True)
    assert "The branch took nothing." in (repository.folder / "summary").read_text()


def test_what_a_run_can_do_without_is_told_and_no_more(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, api: RestApi
) -> None:
    """A workbook too large for GitHub; a successor that cannot be called before the end."""

    def grow() -> int:
        with (repository.folder / "checkout" / "signals.xlsx").open("ab") as book:
            book.truncate(1_000_001)
        return 0

    api.refused["POST .*/dispatches"] = 403
    monkeypatch.setattr("cqs_sheets.github.state.LARGEST", 1_000_000)
    monkeypatch.setattr(Inside, "ends", {"watch": grow})
    assert repository.run() == 77  # at the end it is not done without
    shown = (repository.folder / "summary").read_text()
    assert "takes no file of 100 MB" in shown
    assert "No successor could be started" in shown


def test_the_summary_tells_what_changed_and_closed_since_the_run_began_and_the_track_record(
    run: Make, tmp_path: Path
) -> None:
    (tmp_path / "checkout" / "cqs-sheets.toml").write_text("[outcomes]\n")
    made = run()
    assert isinstance(made._place, Path)
    made._place.parent.mkdir()
    with Journal.open(made._place, clock=lambda: at(9)) as journal:
        journal.record_poll(poll(0, signal(1, opened=-1), signal(2, opened=-1)))
        made._started = at(5)
        assert made._look().news == []
        changed, new = signal(2, opened=-1, stop_loss=Decimal(7)), signal(3, opened=5)
        journal.record_poll(poll(6, changed, new))
    look = made._look()
    found = {one.record.signal.key.id: one for one in look.news}
    assert {id_: one.what for id_, one in found.items()} == {
        "1": Happened.CLOSED, "2": Happened.CHANGED, "3": Happened.NEW,
    }  # fmt: skip
    before = found["2"].before
    assert before
    assert before.signal.stop_loss != Decimal(7)
    assert look.record
    assert look.record.signals == 2  # as of the look before: it is worked out anew after a watch


def test_a_cache_that_cannot_be_asked_for_is_none(run: Make, api: RestApi) -> None:
    api.refused["GET .*/caches"] = 403
    assert not run()._cached()
    api.refused.clear()
    api.caches = ["cqs-sheets-default-17800000001-1-2"]
    assert run()._cached()
    assert not run(INPUT_SANDBOX="true")._cached()


def test_a_cancel_stops_the_child_that_runs(run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sleeping(Watching):
        stopped = 0

        def wait(self, _seconds: float) -> int | None:
            made._stop(signals.SIGTERM, None)
            return 143 if self.stopped else None

        def stop(self) -> None:
            self.stopped += 1

    made = run()
    monkeypatch.setattr("cqs_sheets.github.unattended.Child", Sleeping)
    assert made._call("watch") == 143
    assert made._call("sync") == 143  # one that is started afterwards is stopped at once
    assert made._stopped == signals.SIGTERM


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
