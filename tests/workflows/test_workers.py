"""What is given for running many workers: it names commands, options and files that are there."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKERS = ROOT / "deploy" / "workers"
COMPOSE = yaml.safe_load((WORKERS / "compose.yaml").read_text(encoding="utf-8"))
UNIT = (WORKERS / "cqs-sheets-worker@.service").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "how-to" / "many-machines.md").read_text(encoding="utf-8")


def understood(words: list[str]) -> None:
    name, *arguments = words
    command: click.Command = getattr(import_module(f"cqs_sheets.cli.commands.{name}"), f"{name}_command")
    if isinstance(command, click.Group):
        name, *arguments = arguments
        found = command.get_command(click.Context(command), name)
        assert found
        command = found
    command.make_context(name, arguments)


def test_the_containers_run_what_there_is() -> None:
    worker = COMPOSE["services"]["worker"]
    understood(worker["command"])
    lock = worker["build"]["args"]["REQUIREMENTS"]
    assert "procrastinate==" in (ROOT / ".github" / "actions" / lock).read_text(encoding="utf-8")
    assert (WORKERS / worker["build"]["context"] / "Dockerfile").exists()
    for service in COMPOSE["services"].values():
        assert "password" not in yaml.safe_dump(service.get("environment", {})).replace("owner_password", "")


def test_the_unit_starts_a_worker_and_lets_it_finish() -> None:
    (line,) = re.findall(r"^ExecStart=\S+ (.*)$", UNIT, re.MULTILINE)
    understood(shlex.split(line.replace("%i", "4")))
    assert "SuccessExitStatus=143" in UNIT
    assert "RestartPreventExitStatus=2 77" in UNIT


@pytest.mark.parametrize("line", re.findall(r"^(?:\S+=\S+ )?cqs-sheets (.*)$", PAGE, re.MULTILINE))
def test_every_command_of_the_page_is_one(line: str) -> None:
    understood(shlex.split(line, comments=True))
