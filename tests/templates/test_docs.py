"""docs/templates.md: its lists are made from the code, every template in it loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cqs_sheets.config import load
from cqs_sheets.template_files import built_in, load_template, problems_of
from docs.make_templates import PAGE, lists, written
from tests.cli.command import Shell

_TEXT = PAGE.read_text(encoding="utf-8")
_BLOCKS = re.findall(r"(?:<!-- in ([^\n]+) -->\n)?```toml\n(.*?)```", _TEXT, re.DOTALL)
_HOST = """\
format = 1
include = ["_base"]
MORE
[[tabs]]
name = "Signals"
kind = "table"
source = "signals"
key = "id"
TAB
columns = [
  { id = "id", header = "ID", field = "id" },
  { id = "side", header = "Side", field = "direction" },
  { id = "entry", header = "Entry", calc = "entry_mid" },
  { id = "stop", header = "Stop", field = "stop_loss" },
  { id = "target1", header = "TP1", field = "target1" },
  { id = "target2", header = "TP2", field = "target2" },
  COLUMNS
]
"""
_PLACES = {"the tab": "TAB", "columns": "COLUMNS", "the template": "MORE"}


def hosted(place: str, block: str) -> str:
    """A part of a template in a template that it fits."""
    if not place:
        return block
    if "[[tabs]]" in block:  # it may speak of the tab before it
        return _filled() + block
    return _filled(**{_PLACES[place]: block})


def _filled(**parts: str) -> str:
    text = _HOST
    for name in _PLACES.values():
        text = text.replace(name, parts.get(name, ""), 1)
    return text


def test_the_lists_are_up_to_date() -> None:
    assert written(_TEXT) == _TEXT, "run: python docs/make_templates.py"
    assert set(re.findall(r"<!-- made: ([\w ]+) -->", _TEXT)) == set(lists())


@pytest.mark.parametrize(("place", "block"), _BLOCKS, ids=range(len(_BLOCKS)))
def test_every_example_loads(place: str, block: str, tmp_path: Path) -> None:
    if place == "cqs-sheets.toml":
        path = tmp_path / place
        path.write_text(block, encoding="utf-8")
        load(config=path, environ={"CQS_HOME": str(tmp_path)}, cwd=tmp_path)
        return
    path = tmp_path / "example.toml"
    path.write_text(hosted(place, block), encoding="utf-8")
    assert problems_of(path) == ()
    assert load_template(str(path)).tabs


def test_no_example_escapes() -> None:
    assert len(_BLOCKS) == _TEXT.count("```toml") > 10


def test_every_built_in_template_is_named() -> None:
    assert [name for name in built_in() if f"| `{name}` |" not in _TEXT] == []


def test_the_commands_on_the_page_work(shell: Shell) -> None:
    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", _TEXT, re.DOTALL) for line in block.splitlines()
    ]
    for line in lines:
        program, *arguments = line.split()
        assert program == "cqs-sheets"
        assert shell.run(*arguments).returncode == 0, line
    assert (shell.folder / "preview.xlsx").exists()
