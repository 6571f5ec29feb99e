"""The workflow that `init --github` writes for a user's own config."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, PathDistribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from cqs_sheets.github import workflow
from cqs_sheets.github.workflow import pasted_text
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.workflows.github import ROOT, ZIZMOR, git

COMMIT = "0123456789abcdef0123456789abcdef01234567"
USED = f"somebody/cqs-sheets@{COMMIT}"
SHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


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
    (found,) = [step for step in workflow["jobs"]["watch"]["steps"] if step.get("uses") == USED]
    return found


@pytest.mark.parametrize("target", ["signals.xlsx", SHEET], ids=["workbook", "sheet"])
def test_a_checker_finds_nothing_in_it(repository: Shell, target: str) -> None:
    written(repository, "--to", target)
    command = [ZIZMOR, "--offline", "--quiet", "--persona", "pedantic", ".github"]
    done = subprocess.run(command, cwd=repository.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_the_one_that_a_person_pastes_but_for_the_target(repository: Shell) -> None:
    text, _ = written(repository, "--to", "signals.xlsx")
    pasted = pasted_text(USED)
    assert text.replace('to: "" # as the config says', "to: ${{ vars.CQS_SHEET }}") == pasted


PATHS = [
    "conf/cqs.toml",
    "my conf/[a] *b! #c: d.toml",
    "Größe/信号.toml",
    'it\'s "quoted".toml',
    "a ${{ b }}.toml",
    "- x.toml",
    "@y.toml",
]


@pytest.mark.parametrize("config", PATHS)
def test_a_config_with_any_name_is_found(repository: Shell, config: str) -> None:
    _, workflow = written(repository, "--to", "books/[my] trades! #1: *.xlsx", "-c", config)
    given = the_step(workflow)["with"]
    assert given["config"].replace("${{ '${{' }}", "${{") == config
    assert "to" not in given


def test_what_the_version_before_kept_in_a_cache_is_named_as_it_named_it(repository: Shell) -> None:
    path = repository.folder / ".github" / "workflows" / "cqs-sheets.yml"
    path.parent.mkdir(parents=True)
    path.write_text((ROOT / "tests/upgrade/written_by_0_1_0/init/cqs-sheets.yml").read_text())
    for _ in range(2):
        _, workflow = written(repository, "--force")
        assert the_step(workflow)["with"]["workbooks"] == "signals.xlsx\n"


def test_what_has_to_be_done_on_github_is_listed(repository: Shell) -> None:
    done = run_inside(repository, "init", "--yes", "--github", "--action", USED)
    for name in ("CQS_API_KEY", "Run workflow", "cancel a run to stop it"):
        assert name in done.stdout
    assert "GOOGLE" not in done.stdout
    again = run_inside(repository, "init", "--yes", "--github", "--action", USED, "--force", "--to", SHEET)
    assert "GOOGLE_SERVICE_ACCOUNT_KEY" in again.stdout


def test_a_config_that_is_there_is_used_as_it_is(repository: Shell) -> None:
    config = repository.folder / "cqs-sheets.toml"
    config.write_text('[[target]]\nto = "mine.xlsx"\n')
    written(repository)
    assert config.read_text() == '[[target]]\nto = "mine.xlsx"\n'
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
    repository: Shell, arguments: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqs_sheets.github.workflow.installed_action", lambda: None)
    done = run_inside(repository, "init", "--yes", "--github", *arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert not (repository.folder / ".github").exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize(
    ("origin", "pushed", "known"),
    [
        ("https://github.com/my-fork/cqs-sheets.git", True, "my-fork/cqs-sheets"),
        ("git@github.com:my-fork/cqs.sheets", True, "my-fork/cqs.sheets"),
        ("ssh://git@github.com/me/cqs-sheets.git", True, "me/cqs-sheets"),
        ("https://t0ken@github.com/me/cqs-sheets", True, "me/cqs-sheets"),
        ("https://github.com/me/cqs-sheets", False, None),
        ("https://git.example.com/me/cqs-sheets", True, None),
    ],
)
def test_a_clone_or_fork_is_used_as_it_is_on_github(
    tmp_path: Path, origin: str, pushed: bool, known: str | None
) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    assert workflow._of_checkout(tmp_path) is None
    git(tmp_path, "remote", "add", "origin", origin)
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "x")
    if pushed:
        git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    found = workflow._of_checkout(tmp_path)
    assert found == (f"{known}@{git(tmp_path, 'rev-parse', 'HEAD')}" if known else None)


_VCS = {"vcs": "git", "commit_id": COMMIT}


@pytest.mark.parametrize(
    ("metadata", "origin", "known"),
    [
        (
            f"Project-URL: Commit, https://github.com/me/cqs-sheets/tree/{COMMIT}\n",
            None,
            f"me/cqs-sheets@{COMMIT}",
        ),
        ("", {"url": "https://github.com/me/cqs-sheets.git", "vcs_info": _VCS}, f"me/cqs-sheets@{COMMIT}"),
        ("", {"url": "https://git.example.com/me/cqs-sheets", "vcs_info": _VCS}, None),
        ("", {"url": "https://github.com/me/cqs-sheets/archive/main.zip", "archive_info": {}}, None),
        ("", {"url": "FOLDER", "dir_info": {"editable": True}}, None),  # no clone
        ("Project-URL: Homepage, https://github.com/me/cqs-sheets\n", None, None),
    ],
    ids=["a release", "pip's note", "elsewhere", "an archive", "a folder", "nothing"],
)
def test_what_is_installed_says_which_action_it_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metadata: str,
    origin: dict[str, Any] | None,
    known: str | None,
) -> None:
    (tmp_path / "METADATA").write_text(f"Metadata-Version: 2.4\nName: cqs-sheets\n{metadata}")
    if origin:
        (tmp_path / "direct_url.json").write_text(json.dumps(origin).replace("FOLDER", tmp_path.as_uri()))
    monkeypatch.setattr(workflow, "distribution", lambda _: PathDistribution(tmp_path))
    assert workflow._of_package() == known


def test_where_nothing_is_installed_the_checkout_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(workflow, "distribution", absent)
    monkeypatch.setattr(workflow, "_of_checkout", lambda folder: folder.name)
    assert workflow.installed_action() == ROOT.name
