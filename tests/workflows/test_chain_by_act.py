"""The workflow that a person pastes, run by `act` as it stands, against the sandbox and a stub of GitHub."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from cqs_sheets import sandbox
from tests.workflows.github import ACT, NAME, GitHub, RestApi, git, served

pytestmark = pytest.mark.skipif(
    ACT is None or os.name != "posix", reason="needs act, on a system like its runner"
)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    api = RestApi()
    with served(api) as url, sandbox.start(seed=5, speed=10) as market:
        yield GitHub(tmp_path, api, url, {"CQS_API_URL": market.url})


def ids(github: GitHub, path: str = "signals.xlsx", branch: str = "cqs-sheets") -> list[object]:
    book = openpyxl.load_workbook(io.BytesIO(github.show(path, branch)))
    sheet = book["Signals"]
    headers = [cell.value for row in sheet.iter_rows(max_row=5) for cell in row]
    [header] = [cell for row in sheet.iter_rows(max_row=5) for cell in row if cell.value in ("ID", "id")]
    assert headers
    column = [sheet.cell(row, header.column).value for row in range(header.row + 1, sheet.max_row + 1)]
    return [value for value in column if value is not None]


def edit(github: GitHub, note: str) -> None:
    """What a person does in the browser: download the workbook, write into it, upload it."""
    clone = github.folder / "person"
    if clone.exists():
        subprocess.run(["rm", "-r", str(clone)], check=True)
    git(github.folder, "clone", "--quiet", "--branch", "cqs-sheets", str(github.remote), str(clone))
    book = openpyxl.load_workbook(clone / "signals.xlsx")
    book.create_sheet("Mine")["A1"] = note
    book.save(clone / "signals.xlsx")
    git(clone, "commit", "--quiet", "--all", "-m", "Add files via upload")
    git(clone, "push", "--quiet")


def notes(github: GitHub) -> object:
    return openpyxl.load_workbook(io.BytesIO(github.show("signals.xlsx")))["Mine"]["A1"].value


def nothing_lost(github: GitHub, before: list[object]) -> list[object]:
    now = ids(github)
    assert set(before) <= set(now)
    assert len(now) == len(set(now))
    return now


def test_a_chain_goes_on_after_a_failure_and_keeps_its_signals_and_what_a_person_uploads(
    github: GitHub,
) -> None:
    github.failing_installs = 9
    failed = github.run()
    assert failed.jobs == {"watch": "failed", "after": "succeeded"}
    [issue] = github.api.issues
    assert issue["state"] == "open"
    assert "/actions/runs/1" in issue["body"]
    assert github.api.runs[-1]["status"] == "queued"

    github.failing_installs = 1
    first = github.run()
    assert first.ok, first.log
    assert issue["state"] == "closed"
    rows = ids(github)
    assert len(rows) > 3
    assert github.branches() == {"cqs-sheets"}
    assert github.api.dispatches() == 2
    assert "| Time | Pair |" in first.log
    assert f"https://github.com/{NAME}/raw/cqs-sheets/signals.xlsx" in first.log
    assert "| Time | Pair |" in github.show("README.md").decode()

    github.api.on_dispatch = lambda: edit(github, "my note")
    second = github.run()
    assert second.ok, second.log
    nothing_lost(github, rows)
    assert notes(github) == "my note"
    assert github.api.runs[-1]["status"] == "queued"
    assert len(github.api.issues) == 1
    assert "s3cret-token" not in failed.log + first.log + second.log
    assert github.api.tokens == {"Bearer s3cret-token"}


@pytest.mark.soak
def test_a_state_that_is_away_once_is_asked_again_and_for_good_nothing_begins_anew(github: GitHub) -> None:
    assert github.run().ok
    rows = ids(github)
    tip = git(github.remote, "rev-parse", "cqs-sheets")
    (github.folder / "away").write_text("x")
    assert github.run().ok
    rows = nothing_lost(github, rows)
    tip = git(github.remote, "rev-parse", "cqs-sheets")
    (github.folder / "away").write_text("x" * 99)
    failed = github.run()
    assert failed.jobs == {"watch": "failed", "after": "succeeded"}
    assert git(github.remote, "rev-parse", "cqs-sheets") == tip
    assert "cannot be reached" in github.api.issues[0]["body"]
    assert github.api.runs[-1]["status"] == "queued"
    (github.folder / "away").write_text("")
    assert github.run().ok
    nothing_lost(github, rows)
    assert github.api.issues[0]["state"] == "closed"


@pytest.mark.soak
def test_a_second_workbook_with_any_name_joins_the_first(github: GitHub) -> None:
    assert github.run().ok
    rows = ids(github)
    name = "mein böok [neu]! 2*: #1.xlsx"
    config = f'[[target]]\nto = "signals.xlsx"\n\n[[target]]\nto = "{name}"\ntemplate = "raw"\n'
    traps = dict.fromkeys(
        ("signal.py", "token.py", "queue.py", "secrets.py"), "raise SystemExit('the wrong module')\n"
    )
    github.variables["CQS_PAGE"] = "true"
    second = github.run(files={"cqs-sheets.toml": config, **traps})
    assert second.ok, second.log
    assert second.jobs == {"watch": "succeeded", "page": "succeeded"}
    nothing_lost(github, rows)
    assert len(ids(github, name)) >= len(rows)


@pytest.mark.soak
def test_a_token_without_rights_is_told_the_line_to_add_and_nothing_repeats(github: GitHub) -> None:
    (github.folder / "refuses").write_text(
        "remote: Permission to me/signals.git denied to github-actions[bot].\nfatal: unable to access: error: 403\n"
    )
    failed = github.run()
    assert failed.jobs == {"watch": "failed", "after": "succeeded"}
    assert "contents&#58; write" in github.api.issues[0]["body"]
    assert github.api.dispatches() == 0


@pytest.mark.soak
def test_on_day_60_a_refused_dispatch_is_told(github: GitHub) -> None:
    github.api.refused = {"dispatches$": 403}
    done = github.run()
    assert done.jobs["watch"] == "failed"
    assert "60 quiet days" in github.api.issues[0]["body"]
    assert len(ids(github)) > 3
    github.api.refused = {}
    assert github.run().ok
    assert github.api.issues[0]["state"] == "closed"


@pytest.mark.soak
def test_the_schedule_starts_a_run_only_where_none_is(github: GitHub) -> None:
    assert github.run(event="schedule").jobs == {"start": "succeeded"}
    assert github.api.dispatches() == 1
    assert github.run(event="schedule").jobs == {"start": "succeeded"}
    assert github.api.dispatches() == 1


@pytest.mark.soak
def test_a_trial_has_a_branch_and_a_workbook_of_its_own_and_no_successor(github: GitHub) -> None:
    assert github.run().ok
    tip = git(github.remote, "rev-parse", "cqs-sheets")
    trial = github.run(sandbox=True)
    assert trial.ok, trial.log
    assert github.branches() == {"cqs-sheets", "cqs-sheets-sandbox"}
    assert git(github.remote, "rev-parse", "cqs-sheets") == tip
    assert len(ids(github, "sandbox.xlsx", "cqs-sheets-sandbox")) > 3
    assert github.api.dispatches() == 1


@pytest.mark.soak
def test_cancelled_in_the_middle_of_a_watch_it_stops_and_keeps_all(github: GitHub) -> None:
    github.variables["CQS_FOR"] = "10m"
    log = github.folder / "children"

    def cancel() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = subprocess.run(
                ["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True
            ).stdout
            mine = [line.split(None, 1) for line in found.splitlines() if "cqs_sheets.github run" in line]
            watching = [line for line in found.splitlines() if "cqs_sheets watch" in line]
            mine = [
                each for each in mine if str(github.folder) in Path(f"/proc/{each[0]}/environ").read_text()
            ]
            if mine and watching and github.branches():
                log.write_text(found)
                os.kill(int(mine[0][0]), signal.SIGINT)
                return
            time.sleep(0.2)

    thread = threading.Thread(target=cancel)
    thread.start()
    done = github.run()
    thread.join()
    assert log.exists()
    assert done.jobs["watch"] == "failed"
    assert len(ids(github)) > 3
    assert github.run(event="schedule").ok


@pytest.mark.soak
def test_two_chains_at_once_end_in_one_state_with_what_both_saw(github: GitHub) -> None:
    """No concurrency group holds them apart here, and each begins before the other has kept anything."""
    assert github.run().ok
    rows = ids(github)
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(github.run().ok)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True, True]
    nothing_lost(github, rows)


@pytest.mark.soak
def test_a_workbook_that_cannot_be_read_is_left_as_it_is_and_told(github: GitHub) -> None:
    assert github.run().ok
    clone = github.folder / "person"
    git(github.folder, "clone", "--quiet", "--branch", "cqs-sheets", str(github.remote), str(clone))
    (clone / "signals.xlsx").write_bytes(b"no workbook")
    git(clone, "commit", "--quiet", "--all", "-m", "Add files via upload")
    git(clone, "push", "--quiet")
    failed = github.run()
    assert failed.jobs["watch"] == "failed"
    assert github.show("signals.xlsx") == b"no workbook"
    assert "signals.xlsx" in github.api.issues[0]["body"]


@pytest.mark.soak
def test_premium_signals_stay_out_of_a_public_repository_unless_the_file_says_so(github: GitHub) -> None:
    github.secrets["CQS_API_KEY"] = "A-PREMIUM-KEY-0001"
    github.api.private = False
    failed = github.run()
    assert failed.jobs["watch"] == "failed"
    assert github.branches() == set()
    assert "premium-in-public" in github.api.issues[0]["body"]
    assert github.api.dispatches() == 0
    github.api.refused = {f"GET /repos/{NAME}$": 500}
    assert github.run().jobs["watch"] == "failed"
