"""The chain of runs against a stub of GitHub: who starts whom, when somebody is told, and what a cancel stops."""

from __future__ import annotations

import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cqs_sheets.core.secret import Secret
from cqs_sheets.errors import AccessRefused, TargetBusy, UsageError
from cqs_sheets.github.api import GitHubApi
from cqs_sheets.github.chain import Chain, Here, plain, workflow_file
from tests.workflows.github import END, NAME, ROOT, RestApi, served

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class Trial:
    """A chain that asks a stub, and the seconds it slept."""

    def __init__(self, api: RestApi, url: str) -> None:
        self.api, self.url = api, url
        self.slept: list[float] = []

    def chain(self, run: int = 1) -> Chain:
        api = GitHubApi(self.url, NAME, Secret("t0ken"), sleep=self.slept.append)
        here = Here(workflow="cqs-sheets.yml", ref="main", run_id=run, page=f"https://github.com/{NAME}/actions/runs/{run}",
                    timeout_minutes=350)  # fmt: skip
        return Chain(api, here, now=lambda: NOON, sleep=self.slept.append)

    def ran(self, conclusion: str, *, minutes: float | None = None, title: str = "Signals") -> int:
        """A run that has ended; its job that watched ran for so long, if at all."""
        number = self.api.begin_run("completed", title)
        self.api.runs[-1].update(END(conclusion))
        steps: list[Any] = [] if minutes is None else [{}]
        ended = NOON.replace(hour=12 + int((minutes or 0) // 60), minute=int((minutes or 0) % 60))
        self.api.jobs[number] = [
            {
                "conclusion": conclusion,
                "steps": steps,
                "started_at": NOON.isoformat(),
                "completed_at": ended.isoformat(),
            }
        ]
        return number

    @property
    def body(self) -> str:
        [issue] = self.api.issues
        return str(issue["body"])


@pytest.fixture
def trial() -> Iterator[Trial]:
    api = RestApi()
    with served(api) as url:
        yield Trial(api, url)


def test_a_run_starts_a_successor_unless_one_waits(trial: Trial) -> None:
    trial.api.begin_run("in_progress")
    trial.chain().go_on()
    trial.chain().go_on()
    assert trial.api.dispatches() == 1
    assert trial.api.asked[-1][0] == "GET"
    assert (
        "POST",
        f"/repos/{NAME}/actions/workflows/cqs-sheets.yml/dispatches",
        {"ref": "main"},
    ) in trial.api.asked


def test_the_schedule_starts_one_where_none_is_and_a_trial_counts_for_none(trial: Trial) -> None:
    trial.api.begin_run("in_progress", "Look whether a run is there", "schedule")
    trial.api.begin_run("in_progress", "Trial in the sandbox")
    trial.ran("failure", minutes=3)
    assert "started" in trial.chain().start_if_none()
    assert "nothing to do" in trial.chain().start_if_none()
    assert trial.api.dispatches() == 1


@pytest.mark.parametrize(
    ("conclusion", "minutes", "starts"),
    [
        ("cancelled", 20, False),  # by somebody
        ("cancelled", 350, True),  # it ran out of its time
        ("cancelled", None, True),  # a newer one took its place while it waited
        ("failure", 20, True),
        ("success", 110, True),
    ],
)
def test_the_schedule_begins_nothing_that_somebody_stopped(
    trial: Trial, conclusion: str, minutes: float | None, starts: bool
) -> None:
    trial.ran(conclusion, minutes=minutes)
    trial.chain(9).start_if_none()
    assert trial.api.dispatches() == int(starts)


def test_a_cancel_stops_the_one_that_waits_as_well_and_is_told(trial: Trial) -> None:
    cancelled = trial.ran("cancelled", minutes=20)
    waiting = trial.api.begin_run("queued")
    trial.chain(cancelled).after("cancelled", final=False, problem="")
    assert trial.api.runs[waiting - 1]["conclusion"] == "cancelled"
    assert "Somebody stopped" in trial.chain(9).start_if_none()
    assert "was cancelled" in trial.body
    assert trial.api.dispatches() == 0


def test_a_run_that_was_replaced_while_it_waited_is_nobodys_business(trial: Trial) -> None:
    replaced = trial.ran("cancelled")
    waiting = trial.api.begin_run("queued")
    trial.chain(replaced).after("cancelled", final=False, problem="")
    assert trial.api.runs[waiting - 1]["status"] == "queued"
    assert trial.api.issues == []


@pytest.mark.parametrize(("result", "minutes"), [("failure", 3), ("cancelled", 350), ("failure", None)])
def test_what_ended_by_itself_is_told_and_goes_on(trial: Trial, result: str, minutes: float | None) -> None:
    ended = trial.ran(result, minutes=minutes)
    trial.chain(ended).after(result, final=False, problem="")
    assert trial.api.dispatches() == 1
    assert f"actions/runs/{ended}" in trial.body


def test_what_repeating_cannot_mend_is_told_and_ends(trial: Trial) -> None:
    ended = trial.ran("failure", minutes=1)
    trial.chain(ended).after("failure", final=True, problem="The key was refused")
    assert "The key was refused" in trial.body
    assert trial.api.dispatches() == 0


def test_a_failed_trial_tells_nobody(trial: Trial) -> None:
    ended = trial.ran("failure", minutes=1, title="Trial in the sandbox")
    trial.chain(ended).after("failure", final=False, problem="x")
    assert (trial.api.issues, trial.api.dispatches()) == ([], 0)


def test_failures_in_a_row_come_more_and_more_seldom_and_are_left_to_the_schedule_in_the_end(
    trial: Trial,
) -> None:
    for _ in range(30):
        trial.chain(trial.ran("failure", minutes=1)).after("failure", final=False, problem="x")
        trial.api.runs[:] = [run for run in trial.api.runs if run["status"] != "queued"]
    waits = list(trial.slept)
    assert waits[:6] == [0.0, 30.0, 120.0, 300.0, 600.0, 600.0]
    assert trial.api.dispatches() == 24
    assert len(trial.api.issues) == 1


def test_the_issue_is_opened_once_brought_up_to_date_closed_and_opened_again(trial: Trial) -> None:
    trial.api.issues.append(
        {"number": 1, "state": "open", "body": "somebody else's", "labels": ["cqs-sheets"]}
    )
    chain = trial.chain(7)
    assert not chain.works_again()
    chain.tell("first")
    chain.tell("second")
    assert len(trial.api.issues) == 2
    assert "second" in trial.api.issues[1]["body"]
    assert "first" not in trial.api.issues[1]["body"]
    assert chain.works_again()
    assert not chain.works_again()
    assert trial.api.issues[1]["state"] == "closed"
    chain.tell("third")
    assert (len(trial.api.issues), trial.api.issues[1]["state"]) == (2, "open")
    assert trial.api.issues[0]["body"] == "somebody else's"


@pytest.mark.parametrize(
    ("private", "status", "public"),
    [(True, 200, False), (False, 200, True), (True, 500, True), (True, 403, True)],
)
def test_what_is_not_surely_private_counts_as_public(
    trial: Trial, private: bool, status: int, public: bool
) -> None:
    trial.api.private = private
    if status != 200:
        trial.api.refused = {f"GET /repos/{NAME}$": status}
    assert trial.chain().is_public() is public


def test_a_refused_dispatch_names_the_line_and_the_60_days(trial: Trial) -> None:
    trial.api.refused = {"dispatches$": 403}
    with pytest.raises(AccessRefused, match="No successor") as caught:
        trial.chain().go_on()
    assert "actions: write" in caught.value.hint
    assert "60 quiet days" in caught.value.hint


def test_an_api_that_is_away_is_asked_again_for_a_while(trial: Trial) -> None:
    trial.api.refused = {"GET .*runs$": 502}
    with pytest.raises(TargetBusy):
        trial.chain().go_on()
    assert trial.slept == [1.0, 4.0, 15.0, 45.0]


def test_a_server_that_is_not_there_is_asked_again_and_told(trial: Trial) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        trial.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(TargetBusy, match="GitHub's API is away"):
            trial.chain().go_on()
    assert trial.slept == [1.0, 4.0, 15.0, 45.0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n", "302 Found"),
        (b"HTTP/1.0 422 No\r\nContent-Length: 1\r\n\r\n[", "422 No"),
        (b'HTTP/1.0 403 No\r\n\r\n{"message": "API rate limit exceeded"}', "rate limit"),
    ],
    ids=["elsewhere", "no JSON", "limited"],
)
def test_an_answer_that_is_none_of_the_usual_ones(trial: Trial, answer: bytes, told: str) -> None:
    """The token is not led elsewhere, a limit is waited for, what is no JSON is told by its status."""

    class Server(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        trial.url = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(TargetBusy if told == "rate limit" else AccessRefused, match=told):
            trial.chain().go_on()
        server.shutdown()
    assert len(trial.slept) == (4 if told == "rate limit" else 0)


def test_the_job_that_comes_after_tries_for_minutes_as_nobody_comes_after_it(trial: Trial) -> None:
    ended = trial.ran("failure", minutes=1)
    trial.api.refused = {"dispatches$": 502}
    with pytest.raises(TargetBusy):
        trial.chain(ended).after("failure", final=False, problem="x")
    assert {60.0, 300.0} <= set(trial.slept)


@pytest.mark.parametrize("refused", [{"/issues$": 410}, {"/issues$": 403}, {"POST .*/issues$": 502}])
def test_where_no_issue_can_be_opened_the_chain_goes_on_and_the_run_says_what_the_issue_would_have(
    trial: Trial, refused: dict[str, int]
) -> None:
    ended = trial.ran("failure", minutes=1)
    trial.api.refused = refused
    with pytest.raises(AccessRefused, match="No issue") as caught:
        trial.chain(ended).after("failure", final=False, problem="The disk is full")
    assert "The disk is full" in caught.value.meaning
    assert trial.api.dispatches() == 1


def test_an_issue_whose_label_github_dropped_is_found_again(trial: Trial) -> None:
    trial.chain(7).tell("first")
    trial.api.issues[0]["labels"] = []
    trial.chain(7).tell("second")
    assert len(trial.api.issues) == 1


def test_it_needs_nothing_but_python_itself() -> None:
    """What looks after a run works where an install failed."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import cqs_sheets.github.__main__"
    subprocess.run([sys.executable, "-S", "-I", "-c", program], check=True)


def test_the_token_goes_over_https_alone() -> None:
    with pytest.raises(UsageError, match="https"):
        GitHubApi("http://api.github.com", NAME, Secret("t"))


def test_the_workflow_is_known_by_its_file() -> None:
    environ = {
        "GITHUB_REPOSITORY": NAME, "GITHUB_RUN_ID": "5", "GITHUB_REF_NAME": "main",
        "GITHUB_WORKFLOW_REF": f"{NAME}/.github/workflows/my signals.yml@refs/heads/a@b",
    }  # fmt: skip
    assert workflow_file(environ) == ".github/workflows/my signals.yml"


HOSTILE: list[tuple[str, Callable[[str], bool]]] = [
    ("@everyone #1 [a](http://b) ![c](d)", lambda text: not set("@#[](!") & set(text.replace("&#", ""))),
    (
        "<img src=x> `code` | cell\n::error::x",
        lambda text: "<" not in text and "\n" not in text and "|" not in text,
    ),
    ("\x1b[2J \x00 \u202e \u2066 \x9b", lambda text: text.isprintable() and "u202e" in text),
]


@pytest.mark.parametrize(("text", "holds"), HOSTILE)
def test_anybodys_text_is_no_markup_on_a_page(text: str, holds: Callable[[str], bool]) -> None:
    assert holds(plain(text))
