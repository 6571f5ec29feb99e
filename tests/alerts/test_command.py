"""`cqs-sheets alerts`, and a sync with alerts, as a user runs them; the address is nowhere to be found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from cqs_sheets import sandbox
from tests.alerts.servers import Service, http_service
from tests.cli.command import Shell
from tests.secrets.leftovers import left_behind

pytest.importorskip("apprise")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # of modules that apprise's plug-ins import
TOKEN = "token-that-nobody-may-see"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/alert.schema.json").read_text("utf-8"))
CONFIG = '[[alert]]\nname = "phone"\nto_env = "PHONE"\non = ["new", "failing", "recovered"]\n'


@pytest.fixture
def service() -> Iterator[Service]:
    with http_service() as found:
        yield found


@pytest.fixture
def shell(tmp_path: Path, service: Service) -> Shell:
    (tmp_path / "cqs-sheets.toml").write_text(CONFIG)
    return Shell(tmp_path, {"PHONE": f"http://127.0.0.1:{service.port}/{TOKEN}"})


def test_a_test_arrives_and_a_failure_says_why(shell: Shell, service: Service) -> None:
    done = shell.run("alerts", "test")
    assert (done.returncode, done.stdout) == (0, "phone: sent.\n")
    assert service.posts[0].json["events"][0]["kind"] == "test"
    service.answers.append(401)
    refused = shell.run("alerts", "test", "phone")
    assert refused.returncode == 75
    assert "HTTP 401" in refused.stderr
    assert TOKEN not in refused.stderr
    assert shell.run("alerts", "test", PHONE="").returncode == 2
    unknown = shell.run("alerts", "test", "mail")
    assert unknown.returncode == 2
    assert "phone" in unknown.stderr


def test_a_sync_tells_what_fails_and_list_shows_it(
    shell: Shell, service: Service, server: sandbox.RunningSandbox
) -> None:
    first = shell.run("sync", "--template", "raw", CQS_API_URL=server.url)
    assert first.returncode == 0, first.stderr
    listed = json.loads(shell.run("alerts", "list", "--json").stdout)
    assert [alert["name"] for alert in listed["alerts"]] == ["phone"]
    (shell.folder / "signals.xlsx").write_bytes(b"no workbook")
    shell.run("sync", "--template", "raw", CQS_API_URL=server.url)  # 65: only a person mends that
    [post] = service.posts
    Draft202012Validator(SCHEMA).validate(post.json)
    [event] = post.json["events"]
    assert event["title"] == "Failing: signals.xlsx"
    table = shell.run("alerts", "list")
    assert "Failing: signals.xlsx (sent)" in table.stdout
    for where, content in left_behind(shell.folder):
        assert TOKEN.encode() not in content, where


def test_without_alerts_it_says_how_to_have_some(tmp_path: Path) -> None:
    for words in (["alerts", "list"], ["alerts", "test"]):
        done = Shell(tmp_path).run(*words)
        assert done.returncode == 2
        assert "[[alert]]" in done.stderr


@pytest.mark.parametrize(
    "line", ['to = "tgram://TOKEN1"', 'to_env = "tgram://TOKEN1"', 'key = "x"', "limit = 0", 'quiet = "22-7"']
)
def test_a_mistake_in_the_config_is_told_without_showing_an_address(tmp_path: Path, line: str) -> None:
    (tmp_path / "cqs-sheets.toml").write_text(f'[[alert]]\nname = "x"\n{line}\n')
    done = Shell(tmp_path).run("alerts", "list")
    assert done.returncode == 2
    assert "alert 1" in done.stderr
    assert "TOKEN1" not in done.stderr
