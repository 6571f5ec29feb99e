"""What docs/unattended.md says can be done as it says."""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatch
from importlib import import_module

import click
import pytest
import yaml

from cqs_sheets.github.workflow import pasted_text
from tests.workflows.github import ACTION, ROOT

DOCS = (ROOT / "docs" / "unattended.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(
    r"cqs-sheets(?:\.exe)? ((?:watch|sync|status|journal)\b[^\n\"]*)", "".join(t for _, t in BLOCKS)
)
PASTED = pasted_text(ACTION)
INPUTS = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line: str) -> None:
    name, *arguments = shlex.split(line)
    command: click.Command = getattr(import_module(f"cqs_sheets.cli.commands.{name}"), f"{name}_command")
    command.make_context(name, arguments)


def test_there_are_commands_for_every_kind_of_scheduler() -> None:
    assert len(COMMANDS) >= 4
    assert all(word in DOCS for word in ("service install", "systemd", "cron", "docker run", "self-hosted"))


def test_the_six_lines_use_inputs_that_the_action_has() -> None:
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    assert len(text.splitlines()) == 6
    (step,) = yaml.safe_load(text)
    assert set(step["with"]) <= set(INPUTS)


def test_the_variables_and_permissions_named_are_those_of_the_workflow() -> None:
    table = "".join(line for line in DOCS.splitlines() if line.startswith("| `CQS_"))
    assert set(re.findall(r"vars\.(CQS_[A-Z_]+)", PASTED)) == set(re.findall(r"`(CQS_[A-Z_]+)`", table))
    for granted in ("contents: write", "actions: write", "issues: write"):
        assert granted in PASTED
        assert f"`{granted}`" in DOCS


def test_the_page_of_two_minutes_has_three_steps_and_names_what_is_there() -> None:
    page = (ROOT / "docs" / "start-github.md").read_text(encoding="utf-8")
    first = page.partition("## A workbook")[2].partition("## A Google Sheet")[0]
    assert len(re.findall(r"^\d\. \*\*", first, re.MULTILINE)) == 3
    assert "name: cqs-sheets\n" in PASTED
    for name in re.findall(r"`((?:CQS|GOOGLE)_[A-Z_]+)`", page):
        assert name in PASTED
    (linked,) = re.findall(r"\(([\w/.-]+\.yml)\)", page)
    template = (ROOT / "docs" / linked).read_text(encoding="utf-8")
    assert len(re.findall(r"uses: OWNER/cqs-sheets", template)) in (
        0,
        3,
    )  # the page says three; a pinned one has none


def test_the_container_watches_as_the_docs_do() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert 'CMD ["watch", "--every", "60s"]' in dockerfile
    assert re.findall(r"docker build .*", DOCS) == re.findall(r"docker build .*", dockerfile)


def test_no_key_workbook_or_journal_gets_into_an_image_and_compose_runs_it_as_a_service() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "*"
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE)
    copied = {path for line in lines for path in line.split() if "$" not in path}
    locks = {
        ".github/actions/requirements.txt",
        ".github/actions/requirements-worker.txt",
    }  # REQUIREMENTS names one
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    for path in copied | locks:
        assert (ROOT / path).exists()
        assert any(fnmatch(path, pattern) for pattern in allowed), path
    service = yaml.safe_load((ROOT / "compose.yml").read_text(encoding="utf-8"))["services"]["cqs-sheets"]
    assert (service["restart"], service["stop_grace_period"]) == ("unless-stopped", "90s")
    assert "environment" not in service
