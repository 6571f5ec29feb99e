"""The workflow files themselves: what a checker finds, and what this project promises of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflows.runner import ACTION, ROOT, ZIZMOR

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXAMPLE: dict[Any, Any] = yaml.safe_load(
    (ROOT / ".github" / "workflows" / "sync.yml").read_text(encoding="utf-8")
)
JOB = EXAMPLE["jobs"]["sync"]


def test_zizmor_finds_nothing() -> None:
    command = [ZIZMOR, "--offline", "--quiet", "--persona", "pedantic", "action.yml", ".github"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "action.yml"], ids=lambda path: path.name)
def test_every_action_of_others_is_pinned_by_its_commit(path: Path) -> None:
    for used in re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8")):
        assert used[0] == "./" or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used[0]), used
        assert used[0] == "./" or re.search(r"# v\d+\.\d+\.\d+$", used[1]), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_permissions_are_granted_job_by_job_and_every_job_ends(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"] <= 360


def test_no_input_stands_inside_a_script() -> None:
    assert not [step for step in ACTION["runs"]["steps"] if "${{" in step.get("run", "")]


def test_the_example_is_asleep_until_a_variable_wakes_it() -> None:
    assert JOB["if"] == "vars.CQS_SYNC == 'true'"


def test_the_example_never_runs_twice_at_once_and_never_cancels_itself() -> None:
    assert EXAMPLE["concurrency"] == {"group": "cqs-sheets", "cancel-in-progress": False}


def test_the_example_is_started_at_odd_minutes_and_by_hand() -> None:
    triggers = EXAMPLE[True]  # YAML reads the word `on` so
    assert set(triggers) == {"schedule", "workflow_dispatch"}
    minutes = [int(minute) for minute in triggers["schedule"][0]["cron"].split()[0].split(",")]
    assert all(minute % 5 for minute in minutes)


def test_the_example_gives_the_action_inputs_that_it_has() -> None:
    (step,) = [step for step in JOB["steps"] if step.get("uses") == "./"]
    assert set(step["with"]) <= set(ACTION["inputs"])


def test_a_watch_ends_before_its_job_does() -> None:
    assert ACTION["inputs"]["for"]["default"] == "2h50m"
    assert JOB["timeout-minutes"] >= 2 * 170 + 15
