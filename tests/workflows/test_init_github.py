"""The workflow that `init --github` writes for a user's own config."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.workflows.runner import ACTION, ROOT, ZIZMOR

COMMIT = "0123456789abcdef0123456789abcdef01234567"
USED = f"somebody/cqs-sheets@{COMMIT}"
SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
EXAMPLE = (ROOT / ".github" / "workflows" / "sync.yml").read_text(encoding="utf-8")
PINNED = re.compile(r"uses: ([\w./-]+@[0-9a-f]{40})")


@pytest.fixture
def repository(shell: Shell) -> Shell:
    (shell.folder / ".git").mkdir()
    return shell


def written(repository: Shell, *arguments: str) -> tuple[str, Any]:
    """The workflow as text and as YAML."""
    done = run_inside(repository, "init", "--yes", "--github", "--action", USED, *arguments)
    assert done.returncode == 0, done.stderr
    text = (repository.folder / ".github" / "workflows" / "cqs-sheets.yml").read_text(encoding="utf-8")
    return text, yaml.safe_load(text)


def the_step(workflow: Any) -> Any:
    (found,) = [step for step in workflow["jobs"]["sync"]["steps"] if step.get("uses") == USED]
    return found


@pytest.mark.parametrize("target", ["signals.xlsx", SHEET], ids=["workbook", "sheet"])
def test_a_checker_finds_nothing_in_it(repository: Shell, target: str) -> None:
    written(repository, "--to", target)
    command = [ZIZMOR, "--offline", "--quiet", "--persona", "pedantic", ".github"]
    done = subprocess.run(command, cwd=repository.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("target", ["signals.xlsx", SHEET], ids=["workbook", "sheet"])
def test_it_keeps_what_the_projects_own_example_keeps(repository: Shell, target: str) -> None:
    text, workflow = written(repository, "--to", target)
    example = yaml.safe_load(EXAMPLE)
    assert set(PINNED.findall(text)) - {USED} <= set(PINNED.findall(EXAMPLE))
    for part in ("permissions", "concurrency"):
        assert workflow[part] == example[part]
    for part in ("if", "timeout-minutes", "runs-on"):
        assert workflow["jobs"]["sync"][part] == example["jobs"]["sync"][part]
    least = {} if target == SHEET else {"id-token": "write"}
    assert workflow["jobs"]["sync"]["permissions"] | least == example["jobs"]["sync"]["permissions"]
    assert "id-token" not in workflow["jobs"]["sync"]["permissions"] or target == SHEET
    assert workflow[True]["schedule"] == example[True]["schedule"]  # YAML reads the word `on` so
    assert "@" not in re.sub(r"\S+@[0-9a-f]{40}", "", text)


def test_it_names_the_config_and_the_workbooks_and_only_inputs_that_there_are(repository: Shell) -> None:
    _, workflow = written(repository, "--to", "books/my trades.xlsx", "-c", "conf/cqs.toml")
    given = the_step(workflow)["with"]
    assert given["config"] == "conf/cqs.toml"
    assert given["workbooks"].strip() == "conf/books/my trades.xlsx"
    assert set(given) <= set(ACTION["inputs"])


def test_a_google_sheet_brings_both_ways_to_sign_in(repository: Shell) -> None:
    text, workflow = written(repository, "--to", SHEET)
    assert "CQS_GOOGLE == 'keyless'" in text
    assert "secrets.GOOGLE_SERVICE_ACCOUNT_KEY" in text
    assert the_step(workflow)["with"]["artifact"] == "false"


def test_what_has_to_be_set_on_github_is_listed(repository: Shell) -> None:
    done = run_inside(repository, "init", "--yes", "--github", "--action", USED)
    text = (repository.folder / ".github" / "workflows" / "cqs-sheets.yml").read_text(encoding="utf-8")
    for name in ("CQS_SYNC", "CQS_RENEW", "CQS_API_KEY"):
        assert name in done.stdout
    assert "GOOGLE" not in done.stdout + text


def test_a_config_that_is_there_is_used_as_it_is(repository: Shell) -> None:
    config = repository.folder / "cqs-sheets.toml"
    config.write_text('[[target]]\nto = "mine.xlsx"\n')
    _, workflow = written(repository)
    assert config.read_text() == '[[target]]\nto = "mine.xlsx"\n'
    assert the_step(workflow)["with"]["workbooks"].strip() == "mine.xlsx"
    again = run_inside(repository, "init", "--yes", "--github", "--action", USED)
    assert again.returncode == 2
    assert "--force" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "--action OWNER/REPO@COMMIT"),
        (["--action", "somebody/cqs-sheets@v1"], "40 digits"),
        (["--action", USED, "--to", "/elsewhere/book.xlsx"], "inside the repository"),
    ],
)
def test_what_cannot_work_on_github_is_refused(
    repository: Shell, arguments: list[str], expected: str
) -> None:
    done = run_inside(repository, "init", "--yes", "--github", *arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert not (repository.folder / ".github").exists()
