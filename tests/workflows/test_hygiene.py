"""The workflow files themselves: what a checker finds, and what this project promises of them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from cqs_sheets.github.workflow import pasted_text
from tests.workflows.github import ACTION, ROOT, ZIZMOR

FILES = [
    *sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    ROOT / "action.yml",
    ROOT / ".github" / "actions" / "chain" / "action.yml",
    ROOT / "docs" / "github-template" / ".github" / "workflows" / "cqs-sheets.yml",
]
WORKFLOWS = [path for path in FILES if path.name != "action.yml"]
PASTED: dict[Any, Any] = yaml.safe_load(pasted_text(ACTION))
JOBS = PASTED["jobs"]
INPUTS = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]


def test_zizmor_finds_nothing() -> None:
    command = [
        ZIZMOR,
        "--offline",
        "--quiet",
        "--persona",
        "pedantic",
        "action.yml",
        ".github",
        "docs/github-template",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_action_of_others_is_pinned_by_its_commit(path: Path) -> None:
    for used in re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8")):
        if not used[0].startswith("OWNER/cqs-sheets"):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used[0]), used
            assert re.search(r"# v\d+\.\d+\.\d+$", used[1]), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=str)
def test_permissions_are_granted_job_by_job_and_every_job_ends(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"] <= 360


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "action.yml"], ids=str)
def test_no_input_stands_inside_a_script(path: Path) -> None:
    action = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert not [step for step in action["runs"]["steps"] if "${{" in step.get("run", "")]


def test_the_published_workflow_is_the_one_that_init_writes() -> None:
    published = FILES[-1].read_text(encoding="utf-8")
    (action,) = re.findall(r"uses: (\S+/cqs-sheets@[0-9a-f]{40})$", published, re.MULTILINE)
    assert published == pasted_text(action)


def test_the_watch_never_runs_twice_at_once_and_never_cancels_itself() -> None:
    groups = [job["concurrency"]["group"] for job in JOBS.values()]
    assert len(set(groups)) == len(groups)
    assert not any(job["concurrency"]["cancel-in-progress"] for job in JOBS.values())
    assert all("github.workflow_ref" in group for group in groups)


def test_the_schedule_strikes_at_odd_minutes_and_only_looks() -> None:
    minutes = [int(minute) for minute in PASTED[True]["schedule"][0]["cron"].split()[0].split(",")]
    assert all(minute % 5 for minute in minutes)  # YAML reads the word `on` as true
    assert JOBS["start"]["if"] == "github.event_name == 'schedule'"
    assert "github.event_name != 'schedule'" in JOBS["watch"]["if"]


def test_it_gives_the_actions_inputs_that_they_have() -> None:
    chain = yaml.safe_load(FILES[-2].read_text(encoding="utf-8"))["inputs"]
    for job in JOBS.values():
        for step in job["steps"]:
            known = chain if "/chain@" in step.get("uses", "") else INPUTS
            assert "somebody/" not in step.get("uses", "") or set(step["with"]) <= set(known)


def test_a_watch_ends_before_its_job_does_and_the_chain_knows_that_limit() -> None:
    limit = JOBS["watch"]["timeout-minutes"]
    assert limit >= 2 * 55 + 30
    assert JOBS["after"]["steps"][0]["with"]["timeout-minutes"] == str(limit)


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-extras.txt", "requirements-worker.txt"])
def test_what_is_installed_is_locked_with_hashes(lock: str) -> None:
    text = (ROOT / ".github" / "actions" / lock).read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z]\S*==\S+", text, re.MULTILINE)
    assert len(packages) > 20
    assert "--hash=sha256:" in text
    assert "://" not in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for needed in project["dependencies"]:
        name = re.split(r"[<>=; ]", needed)[0]
        assert any(package.startswith(f"{name}==") for package in packages), f"the lock lacks {name}"
