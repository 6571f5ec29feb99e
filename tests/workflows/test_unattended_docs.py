"""What docs/unattended.md says can be done as it says."""

from __future__ import annotations

import re
import shlex
from importlib import import_module

import click
import pytest
import yaml

from tests.workflows.runner import ACTION, ROOT

DOCS = (ROOT / "docs" / "unattended.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", DOCS, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(
    r"cqs-sheets(?:\.exe)? ((?:watch|sync|status|journal)\b[^\n\"]*)", "".join(t for _, t in BLOCKS)
)
EXAMPLE = (ROOT / ".github" / "workflows" / "sync.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line: str) -> None:
    name, *arguments = shlex.split(line)
    command: click.Command = getattr(import_module(f"cqs_sheets.cli.commands.{name}"), f"{name}_command")
    command.make_context(name, arguments)


def test_there_are_commands_for_every_kind_of_scheduler() -> None:
    assert len(COMMANDS) >= 6
    assert all(word in DOCS for word in ("systemd", "cron", "schtasks", "docker run", "self-hosted"))


def test_the_six_lines_use_inputs_that_the_action_has() -> None:
    (text,) = [text for language, text in BLOCKS if language == "yaml"]
    assert len(text.splitlines()) == 6
    (step,) = yaml.safe_load(text)
    assert set(step["with"]) <= set(ACTION["inputs"])


def test_the_variables_named_are_those_of_the_example() -> None:
    named = set(re.findall(r"`(CQS_[A-Z_]+)`", DOCS))
    assert set(re.findall(r"vars\.(CQS_[A-Z_]+)", EXAMPLE)) == named


def test_the_container_watches_as_the_docs_do() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert 'CMD ["watch", "--every", "60s"]' in dockerfile
    assert re.findall(r"docker build .*", DOCS) == re.findall(r"docker build .*", dockerfile)
