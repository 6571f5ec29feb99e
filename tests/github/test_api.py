"""What GitHub's API, or somebody in between, may answer a run."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqs_sheets.core.secret import Secret
from cqs_sheets.errors import TargetBusy
from cqs_sheets.github.__main__ import main
from cqs_sheets.github.api import GitHubApi
from tests.api.fakes import Canned, ScriptedServer, serving


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as running:
        yield running


def api_at(url: str, longest: float = 60.0) -> GitHubApi:
    return GitHubApi(url, "me/signals", Secret("t0ken"), sleep=lambda _: None, longest=longest)


def test_a_server_that_holds_its_answer_back_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        with pytest.raises(TargetBusy, match="did not answer in time"):
            api_at(f"http://{host}:{port}", longest=0.02).get("")


@pytest.mark.parametrize("body", [b"<html>", b"[" * 100_000, b"\xff\xfe", b'"' + b"x" * 9_000_000 + b'"'])
def test_an_answer_that_is_no_json_is_a_server_that_is_away(server: ScriptedServer, body: bytes) -> None:
    server.answers(Canned(body=body))
    with pytest.raises(TargetBusy, match="GitHub's API is away"):
        api_at(server.url).get("")


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"1", b'{"runs": 1}', b'{"runs": [1, null]}', b'{"runs": {"id": 1}}']
)
def test_an_answer_of_another_shape_holds_nothing(server: ScriptedServer, body: bytes) -> None:
    server.answers(Canned(body=body))
    assert api_at(server.url).listed("/runs", "runs") == []


def test_what_nobody_foresaw_is_told_in_one_line(
    server: ScriptedServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {"GITHUB_API_URL": server.url, "GITHUB_REPOSITORY": "me/signals"}
    odd = {"conclusion": "cancelled", "status": "completed", "steps": [1], "started_at": 5}
    server.answers(Canned(body=json.dumps({"workflow_runs": [odd], "jobs": [odd]}).encode()))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main("start", environ) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("::error title=cqs-sheets::A bug in cqs-sheets (TypeError")
