"""What the README says works: its commands, its config, its promises about names."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cqs_sheets import config
from cqs_sheets.errors import PRECEDENCE
from tests.cli.command import Shell

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def lines(language: str) -> list[str]:
    blocks = [text for name, text in BLOCKS if name == language]
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_the_test_command_is_the_one_ci_runs() -> None:
    assert ".venv/bin/python -m pytest" in lines("sh")
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert '[ -z "${CI:-}" ] || venv=.venv' in steps
    assert steps[-1] == '"$venv/bin/python" -m pytest'


def test_the_first_command_makes_the_workbook(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqs_sheets.run.journals._DAYS", 1)
    last = lines("sh")[0].rsplit("&&", 1)[1].split("cqs-sheets", 1)[1]
    done = shell.run(*shlex.split(last))
    assert done.returncode == 0, done.stderr
    assert (shell.folder / "signals.xlsx").exists()


def test_the_config_is_taken_as_it_stands(tmp_path: Path) -> None:
    (block,) = [text for name, text in BLOCKS if name == "toml"]
    path = tmp_path / "cqs-sheets.toml"
    path.write_text(block, encoding="utf-8")
    settings = config.load(config=path, environ={}, cwd=tmp_path, overrides=config.Overrides())
    assert settings.feeds[0].name == "swing"
    assert settings.targets[0].where


@pytest.mark.parametrize("code", PRECEDENCE)
def test_every_exit_code_is_told(code: int) -> None:
    assert re.search(rf"^\|[^|\n]*\b{code}\b[^|\n]*\|", README, re.MULTILINE)
