"""One voice: every failure says what happened, what it means for the data, and what to do."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqs_sheets import errors
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.cli.test_failures import told

PACKAGE = Path(errors.__file__).parent
KINDS = {
    name
    for name, each in vars(errors).items()
    if inspect.isclass(each) and issubclass(each, errors.CqsError) and each is not errors.Interrupted
}
FOR_TESTS = PACKAGE / "destinations" / "memory.py"


def incomplete(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            lacking = {"meaning", "hint"} - {keyword.arg for keyword in node.keywords}
            if lacking:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno} lacks {' and '.join(sorted(lacking))}"


def test_every_failure_says_what_it_means_and_what_to_do() -> None:
    paths = [path for path in PACKAGE.rglob("*.py") if path != FOR_TESTS]
    assert [line for path in paths for line in incomplete(path)] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["sync", "--nope"],
        ["synk"],
        ["watch", "--every", "5s"],
        ["sync", "--exchange", "binace"],
        ["sync", "--config", "absent.toml"],
        ["sandbox", "--fault", "http-53"],
        ["templates", "show", "sgnals"],
        ["journal", "show", "999"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_told_in_three_lines(shell: Shell, arguments: list[str]) -> None:
    done = run_inside(shell, *arguments)
    assert done.returncode == 2
    lines = told(done.stderr)
    assert lines[0].startswith("error: ")
    assert all(lines)
    assert "Nothing" in lines[1]


def test_a_command_group_alone_shows_its_help(shell: Shell) -> None:
    done = run_inside(shell)
    assert "Usage:" in done.stdout + done.stderr
    assert "error:" not in done.stderr
