"""The shell steps of action.yml, as they stand, against the sandbox."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from cqs_sheets import sandbox
from tests.workflows.runner import Runner

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the steps are of a runner with Linux")
KEPT = {"PATH", "HOME", "LANG", "SYSTEMROOT"}


@pytest.fixture
def runner(tmp_path: Path, server: sandbox.RunningSandbox) -> Runner:
    environ = {name: value for name, value in os.environ.items() if name in KEPT}
    return Runner(tmp_path, environ | {"CQS_API_URL": server.url, "CQS_API_KEY": "FREE", "RETRIES": "0"})


class GitHub:
    """GitHub's endpoint for workflow_dispatch."""

    def __init__(self) -> None:
        self.status = 204
        self.asked: list[tuple[str, str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.path, self.headers["Authorization"], json.loads(body)))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def variables(self) -> dict[str, str]:
        return {
            "GITHUB_API_URL": f"http://127.0.0.1:{self.server.server_port}",
            "GITHUB_REPOSITORY": "someone/signals",
            "GITHUB_WORKFLOW_REF": "someone/signals/.github/workflows/sync.yml@refs/heads/main",
            "GITHUB_REF_NAME": "main",
        }


@pytest.fixture
def github(runner: Runner) -> Iterator[GitHub]:
    made = GitHub()
    runner.environ = {**runner.environ, **made.variables()}
    yield made
    made.server.shutdown()
    made.server.server_close()


def ids(path: Path) -> list[object]:
    return [row[0] for row in openpyxl.load_workbook(path)["Signals"].iter_rows(min_row=2, values_only=True)]


WATCH = {"template": "raw", "every": "30s", "for": "1s"}


def test_three_runs_in_a_row_one_of_them_failing_lose_and_double_nothing(
    runner: Runner, server: sandbox.RunningSandbox, github: GitHub
) -> None:
    first = runner.run(WATCH)
    assert not first.failed, first.log
    assert first.outputs["outcome"] == "ok"
    rows = ids(runner.workspace / "signals.xlsx")
    assert int(first.outputs["added"]) >= len(rows) > 3
    assert "### cqs-sheets: ok" in first.summary

    server.set_faults(["signals-down"])
    second = runner.run(WATCH, {"cqs-sheets.toml": '[api]\nretry_for = "1s"\n'})
    assert second.failed
    assert second.outputs == {"outcome": "degraded", "added": "0", "updated": "0", "gap_seconds": "0"}
    assert "::error title=cqs-sheets::" in second.log
    assert ids(runner.workspace / "signals.xlsx") == rows

    server.set_faults([])
    third = runner.run(WATCH)
    assert not third.failed, third.log
    now = ids(runner.workspace / "signals.xlsx")
    assert now[: len(rows)] == rows
    assert len(now) == len(set(now))
    assert (runner.workspace / ".cqs-sheets" / "journal.sqlite3").stat().st_size > 0
    assert len(list((runner.folder / "cache").iterdir())) == 6
    assert github.asked == []  # no successor is started that was not asked for


def test_a_refused_config_ends_the_run_before_it_starts_a_successor(runner: Runner, github: GitHub) -> None:
    done = runner.run({**WATCH, "renew": "true", "token": "t"}, {"cqs-sheets.toml": "nonsense = 1"})
    assert done.failed
    assert github.asked == []
    assert "Watch" not in done.ran
    assert "Keep what this run knows" in done.ran
    assert done.outputs["outcome"] == "failed"


def test_a_successor_is_started_before_the_watch_with_the_token_in_the_header_alone(
    runner: Runner, github: GitHub
) -> None:
    done = runner.run({**WATCH, "renew": "true", "token": "secret-token"})
    assert not done.failed, done.log
    path = "/repos/someone/signals/actions/workflows/sync.yml/dispatches"
    assert github.asked == [(path, "Bearer secret-token", {"ref": "main"})]
    assert done.ran.index("Start the successor") < done.ran.index("Watch")
    assert "secret-token" not in done.log


def test_a_successor_that_could_not_be_started_is_tried_again_after_each_watch(
    runner: Runner, github: GitHub
) -> None:
    github.status = 403
    done = runner.run({**WATCH, "renew": "true", "token": "t"})
    assert not done.failed, done.log
    assert len(github.asked) == 3
    assert done.log.count("::warning title=cqs-sheets::No successor") == 3


def test_several_targets_and_a_config_are_passed_on_as_they_are(runner: Runner) -> None:
    inputs = {**WATCH, "config": "my config.toml", "to": "a book.xlsx\nb.xlsx\n"}
    done = runner.run(inputs, {"my config.toml": 'timezone = "Europe/Berlin"\n'})
    assert not done.failed, done.log
    assert {path.name for path in runner.workspace.glob("*.xlsx")} >= {"a book.xlsx", "b.xlsx"}


def test_it_can_be_tried_with_invented_signals(runner: Runner) -> None:
    runner.environ = {**runner.environ, "CQS_API_URL": "http://127.0.0.1:9"}
    done = runner.run({**WATCH, "sandbox": "true"})
    assert not done.failed, done.log
    assert int(done.outputs["added"]) > 0
