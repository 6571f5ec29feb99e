"""Help and README: every command is told of, with an example, and answers at once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cqs_sheets import __version__
from cqs_sheets.cli import COMMANDS, group

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS_PAGE = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", found) for sub, found in command.commands.items())
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in commands()])
def test_every_command_has_help_an_example_and_a_place_in_the_docs(name: str, command: click.Command) -> None:
    assert command.help
    assert "Example" in command.help
    assert f"cqs-sheets {name}" in command.help
    assert f"`cqs-sheets {name.split(maxsplit=1)[0]}`" in README
    assert re.search(rf"^##+ {name}$", COMMANDS_PAGE, re.MULTILINE)


def test_the_short_help_says_what_the_commands_say() -> None:
    context = click.Context(group)
    for name, text in COMMANDS.items():
        command = group.get_command(context, name)
        assert command
        assert command.help
        assert command.help.split("\n")[0] == text


def test_help_and_version_import_nothing_but_click() -> None:
    heavy = [
        "requests",
        "openpyxl",
        "rich",
        "sqlite3",
        "cqs_sheets.core",
        "cqs_sheets.config",
        "cqs_sheets.cli.terminal.output",
    ]
    for option in ("--help", "--version"):
        code = (
            "import sys; from cqs_sheets.cli import group\n"
            f"try: group.main([{option!r}])\n"
            f"except SystemExit: pass\nprint([name for name in {heavy!r} if name in sys.modules])"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert out.splitlines()[-1] == "[]"


def test_the_version_is_the_packages() -> None:
    out = subprocess.run(
        [sys.executable, "-m", "cqs_sheets", "--version"], capture_output=True, text=True, check=True
    )
    assert out.stdout.splitlines()[0].split() == ["cqs-sheets,", "version", __version__]


@pytest.mark.parametrize("name", ["journal", "templates", "alerts", "service"])
def test_a_groups_commands_are_told_in_full_on_a_narrow_terminal(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert isinstance(command, click.Group)
    listed = click.Context(command, info_name=name, terminal_width=80)
    assert "..." not in command.get_help(listed).partition("Commands:")[2]
