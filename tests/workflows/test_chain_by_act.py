"""The workflow that a person pastes, run by `act` as it stands, against the sandbox and a stub of GitHub."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import openpyxl
import pytest

from cqs_sheets import sandbox
from cqs_sheets.github.workflow import pasted_text
from cqs_sheets.journal import Journal
from cqs_sheets.sandbox import RunningSandbox, utc_now
from cqs_sheets.sandbox.signals import Pool, Table
from tests.workflows.github import ACT, ACTION, NAME, Done, GitHub, RestApi, git, served

pytestmark = pytest.mark.skipif(
    ACT is None or os.name != "posix", reason="needs act, on a system like its runner"
)


@pytest.fixture
def market() -> Iterator[RunningSandbox]:
    with sandbox.start(seed=5, speed=10) as running:
        yield running


@pytest.fixture
def github(tmp_path: Path, market: RunningSandbox) -> Iterator[GitHub]:
    api = RestApi()
    with served(api) as url:
        yield GitHub(tmp_path, api, url, {"CQS_API_URL": market.url})


def answered(market: RunningSandbox) -> set[int]:
    """The ids of all signals that the API has shown to anybody, without leverage asked for again, or scalping."""
    asked = [request.at for request in market.requests if not {"type", "exchange"} & request.params.keys()]
    shown = [
        market.market.open_signals(moment, minutes=20, table=Table.MAIN, pools={Pool.FREE, Pool.FREEMIUM})
        for moment in asked
    ]
    assert any(shown)
    return {int(signal.published_fields["id"] or 0) for signals in shown for signal in signals}


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


def nothing_lost(
    github: GitHub, before: list[object], *markets: RunningSandbox, branch: str = "cqs-sheets"
) -> list[object]:
    """What was in the sheet is, once; and so is all that the API showed in these markets; the journal agrees."""
    now = ids(github, branch=branch)
    assert set(before) <= set(now)
    assert len(now) == len(set(now))
    for market in markets:
        assert answered(market) <= set(now)
    assert set(now) <= known(github, branch)
    return now


def known(github: GitHub, branch: str = "cqs-sheets") -> set[object]:
    """The ids in the branch's journal, which is whole."""
    file = github.folder / "journal.sqlite3"
    file.write_bytes(github.show("journal.sqlite3", branch))
    with Journal.open_readonly(file, clock=utc_now) as journal:
        assert journal.verify() == []
        return {int(record.signal.key.id) for record in journal.records()}


def cut_off(github: GitHub, *signals: int) -> threading.Thread:
    """Once a run watches and has kept something, do to it what GitHub does: a signal, 7.5 s, the next, 2.5 s."""

    def ours() -> dict[int, str]:
        """The processes of this repository's runners, act among them, with their command lines."""
        listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        found = {}
        for line in listed.splitlines()[1:]:
            pid, _, command = line.strip().partition(" ")
            with suppress(OSError):
                if f"{github.folder}/".encode() in Path(f"/proc/{pid}/environ").read_bytes():
                    found[int(pid)] = command
        return found

    def wait() -> None:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            mine = ours()
            running = [pid for pid, command in mine.items() if "cqs_sheets.github run" in command]
            watching = any("cqs_sheets watch" in command for command in mine.values())
            if running and watching and github.branches():
                for number, pause in zip(signals, (7.5, 2.5, 0.0), strict=False):
                    for pid in mine if number == signal.SIGKILL and len(signals) == 1 else running:
                        with suppress(ProcessLookupError):
                            os.kill(pid, number)
                    time.sleep(pause)
                return
            time.sleep(0.2)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


CANCELLED = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
LOST = (signal.SIGKILL,)


def cut_in_a_watch(
    github: GitHub, signals: tuple[int, ...], cancelled_after: int | None = None
) -> tuple[list[object], Done]:
    """A chain with a person's note in its sheet whose second run is cut off; the ids it had, and that run."""
    assert github.run().ok
    edit(github, "my note")
    github.variables["CQS_FOR"] = "10m"
    rows = ids(github)
    thread = cut_off(github, *signals)
    done = github.run(cancelled_after=cancelled_after)
    thread.join()
    return rows, done


def test_a_chain_goes_on_after_a_failure_and_keeps_its_signals_and_what_a_person_uploads(
    github: GitHub, market: RunningSandbox
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
    assert f"https://github.com/{NAME}/raw/cqs-sheets/signals.xlsx" in first.log
    assert "| Time | Pair |" in github.show("README.md").decode()

    github.api.on_dispatch = lambda: edit(github, "my note")
    second = github.run()
    assert second.ok, second.log
    nothing_lost(github, rows, market)
    assert notes(github) == "my note"
    assert github.api.runs[-1]["status"] == "queued"
    assert len(github.api.issues) == 1
    assert "s3cret-token" not in failed.log + first.log + second.log
    assert github.api.tokens == {"Bearer s3cret-token"}


@pytest.mark.soak
def test_a_state_that_is_away_once_is_asked_again_and_for_good_nothing_begins_anew(
    github: GitHub, market: RunningSandbox
) -> None:
    assert github.run().ok
    rows = ids(github)
    tip = git(github.remote, "rev-parse", "cqs-sheets")
    (github.folder / "away").write_text("x")
    assert github.run().ok
    rows = nothing_lost(github, rows, market)
    tip = git(github.remote, "rev-parse", "cqs-sheets")
    (github.folder / "away").write_text("x" * 99)
    failed = github.run()
    assert failed.jobs == {"watch": "failed", "after": "succeeded"}
    assert git(github.remote, "rev-parse", "cqs-sheets") == tip
    assert "cannot be reached" in github.api.issues[0]["body"]
    assert github.api.runs[-1]["status"] == "queued"
    (github.folder / "away").write_text("")
    assert github.run().ok
    nothing_lost(github, rows, market)
    assert github.api.issues[0]["state"] == "closed"


@pytest.mark.soak
def test_a_second_workbook_with_any_name_joins_the_first(github: GitHub, market: RunningSandbox) -> None:
    assert github.run().ok
    rows = ids(github)
    name = "mein Ordner [1]/böok! 2*: #1.xlsx"
    config = f'[[target]]\nto = "signals.xlsx"\n\n[[target]]\nto = "{name}"\ntemplate = "raw"\n'
    traps = dict.fromkeys(
        ("signal.py", "token.py", "queue.py", "secrets.py"), "raise SystemExit('the wrong module')\n"
    )
    github.variables["CQS_PAGE"] = "true"
    second = github.run(files={"cqs-sheets.toml": config, **traps})
    assert second.ok, second.log
    assert second.jobs == {"watch": "succeeded", "page": "succeeded"}
    nothing_lost(github, rows, market)
    assert answered(market) <= set(ids(github, name))


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
def test_on_day_60_a_refused_dispatch_is_told(github: GitHub, market: RunningSandbox) -> None:
    github.api.refused = {"dispatches$": 403}
    done = github.run()
    assert done.jobs["watch"] == "failed"
    assert "60 quiet days" in github.api.issues[0]["body"]
    assert len(ids(github)) > 3
    github.api.refused = {}
    assert github.run().ok
    assert github.api.issues[0]["state"] == "closed"
    nothing_lost(github, [], market)


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
def test_cancelled_in_the_middle_of_a_watch_it_stops_keeps_all_and_stays_so_until_run_is_pressed(
    github: GitHub, market: RunningSandbox
) -> None:
    rows, done = cut_in_a_watch(github, CANCELLED, cancelled_after=1)
    assert done.jobs == {"watch": "failed", "after": "succeeded"}
    rows = nothing_lost(github, rows, market)
    assert notes(github) == "my note"
    assert "was cancelled, and with it the run that waited" in github.api.issues[0]["body"]
    assert all(run["status"] == "completed" for run in github.api.runs)
    begun = github.api.dispatches()
    assert github.run(event="schedule").ok
    assert github.api.dispatches() == begun
    github.variables["CQS_FOR"] = "1s"
    assert github.run().ok
    nothing_lost(github, rows, market)
    assert github.api.issues[0]["state"] == "closed"
    assert len(github.api.issues) == 1


@pytest.mark.soak
def test_a_job_that_runs_out_of_its_time_is_told_keeps_all_and_the_chain_goes_on(
    github: GitHub, market: RunningSandbox
) -> None:
    rows, done = cut_in_a_watch(github, CANCELLED, cancelled_after=350)
    assert done.jobs == {"watch": "failed", "after": "succeeded"}
    rows = nothing_lost(github, rows, market)
    [issue] = github.api.issues
    assert "ran out of its time" in issue["body"]
    assert "This run was stopped" in done.log
    assert github.api.runs[-1]["status"] == "queued"
    github.variables["CQS_FOR"] = "1s"
    assert github.run().ok
    nothing_lost(github, rows, market)
    assert notes(github) == "my note"
    assert issue["state"] == "closed"


@pytest.mark.soak
def test_a_runner_that_is_lost_is_told_and_what_it_had_pushed_is_there(github: GitHub) -> None:
    rows, done = cut_in_a_watch(github, LOST)
    assert done.jobs == {}
    lost = next(run["id"] for run in github.api.runs if run["conclusion"] == "failure")
    assert github.after(lost, "failure").jobs == {"after": "succeeded"}
    [issue] = github.api.issues
    assert "its runner was lost" in issue["body"]
    assert github.api.runs[-1]["status"] == "queued"
    github.variables["CQS_FOR"] = "1s"
    assert github.run().ok
    nothing_lost(github, rows)
    assert notes(github) == "my note"
    assert issue["state"] == "closed"


@pytest.mark.soak
def test_a_run_that_is_replaced_while_it_waits_takes_nothing_along(
    github: GitHub, market: RunningSandbox
) -> None:
    """Somebody presses Run while a successor waits: GitHub lets one wait, and cancels the one before."""
    assert github.run().ok
    edit(github, "my note")
    rows = ids(github)
    successor = github.api.runs[-1]["id"]
    github.api.on_dispatch = lambda: press(github)
    assert github.run().ok
    replaced, pressed = (run["id"] for run in github.api.runs if run["id"] > successor)
    assert github.api.runs[replaced - 1]["conclusion"] == "cancelled"
    done = github.after(replaced, "cancelled")
    assert done.jobs == {"after": "succeeded"}
    assert "cancelled while it waited" in done.log
    assert github.api.issues == []
    assert github.api.runs[pressed - 1]["status"] == "queued"
    assert github.run(event="schedule").ok
    assert github.api.runs[-1]["event"] == "schedule"  # which started none
    github.api.on_dispatch = lambda: None
    assert github.run().ok
    assert github.api.runs[pressed - 1]["conclusion"] == "success"
    nothing_lost(github, rows, market)
    assert notes(github) == "my note"


def press(github: GitHub) -> None:
    github.api.press_run()


def named(name: str) -> str:
    line = "          to: ${{ vars.CQS_SHEET }}\n"
    assert line in pasted_text(ACTION)
    return pasted_text(ACTION).replace(line, f"{line}          name: {name}\n")


@pytest.mark.soak
def test_workflows_one_of_whose_names_begins_as_the_other_never_meet(
    github: GitHub, market: RunningSandbox
) -> None:
    short, long = (f".github/workflows/{name}.yml" for name in ("swing", "swing-usdt"))
    github.texts = {short: named("swing"), long: named("swing-usdt")}
    github.api.caches = ["cqs-sheets-swing-usdt-17800000001-1-2"]
    assert github.run(workflow=short).ok
    assert github.branches() == {"cqs-sheets-swing"}
    rows, tip = ids(github, branch="cqs-sheets-swing"), git(github.remote, "rev-parse", "cqs-sheets-swing")
    github.api.caches = []
    assert github.run(workflow=long).ok
    assert github.branches() == {"cqs-sheets-swing", "cqs-sheets-swing-usdt"}
    assert git(github.remote, "rev-parse", "cqs-sheets-swing") == tip
    assert [run["path"] for run in github.api.runs if run["status"] == "queued"] == [short, long]
    others = ids(github, branch="cqs-sheets-swing-usdt")

    github.failing_installs = 9
    assert github.run(workflow=short).jobs == {"watch": "failed", "after": "succeeded"}
    github.failing_installs = 0
    [issue] = github.api.issues
    assert github.run(workflow=long).ok  # which works, and closes no issue of another
    assert issue["state"] == "open"
    tip = git(github.remote, "rev-parse", "cqs-sheets-swing-usdt")
    assert github.run(workflow=short).ok
    assert issue["state"] == "closed"
    assert git(github.remote, "rev-parse", "cqs-sheets-swing-usdt") == tip
    assert github.run(workflow=short, sandbox=True).ok
    assert github.branches() == {"cqs-sheets-swing", "cqs-sheets-swing-usdt", "cqs-sheets-swing-sandbox"}
    nothing_lost(github, rows, branch="cqs-sheets-swing")
    nothing_lost(github, others, branch="cqs-sheets-swing-usdt")
    both = {*ids(github, branch="cqs-sheets-swing"), *ids(github, branch="cqs-sheets-swing-usdt")}
    assert answered(market) <= both

    copied = ".github/workflows/swing-copy.yml"
    github.texts[copied] = named("swing")
    refused = github.run(workflow=copied)
    assert refused.jobs == {"watch": "failed", "after": "succeeded"}
    assert "Give one of the two" in github.api.issues[-1]["body"]
    nothing_lost(github, rows, branch="cqs-sheets-swing")


@pytest.mark.soak
def test_two_chains_at_once_end_in_one_state_with_what_both_saw(
    github: GitHub, market: RunningSandbox
) -> None:
    """No concurrency group holds them apart, each begins before the other has kept anything, and each sees others."""
    config = '[[target]]\nto = "signals.xlsx"\n\n[[alert]]\nto_env = "CQS_ALERT_URL"\non = ["new", "gap"]\n'
    assert github.run(files={"cqs-sheets.toml": config}).ok
    edit(github, "my note")
    rows = ids(github)
    told: list[str] = []
    with sandbox.start(seed=6, speed=11) as another, listener(told) as url:
        github.secrets["CQS_ALERT_URL"] = url
        found: list[bool] = []
        threads = [
            threading.Thread(target=lambda url=each.url: found.append(github.run(CQS_API_URL=url).ok))
            for each in (market, another)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True, True]
        shown = answered(market) | answered(another)
        nothing_lost(github, rows)
        assert shown <= known(github)
        assert github.run().ok  # who pushed last may have left something to the next run's first sync
        assert shown <= set(nothing_lost(github, rows, market))
    assert notes(github) == "my note"
    assert told
    assert len(told) == len(set(told))


@contextmanager
def listener(told: list[str]) -> Iterator[str]:
    """An address that alerts are sent to; which signal each tells of, and what."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.extend(f"{event['kind']} {(event['signal'] or {}).get('id')}" for event in body["events"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


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
