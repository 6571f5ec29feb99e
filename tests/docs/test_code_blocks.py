"""Every code block of README and docs does what it says, in its page's order, on sandbox and emulator."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from cqs_sheets import config
from tests.cli.command import HANGS, Shell
from tests.cli.inside import called_inside
from tests.docs.blocks import PAGES, ROOT, Block, blocks
from tests.emulators.google_sheets import start

SHOWN = {"", "text", "ini"}  # a screen, a file for another program: other tests look at those
TEMPLATES = "docs/templates.md"  # its blocks are parts of templates: a test of its own loads them


@pytest.fixture
def reader(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Somebody who follows a page: the command installed, a sheet of their own, a sandbox with a past of a few days."""
    monkeypatch.setattr("cqs_sheets.run.journals._DAYS", 3)
    with start() as sheets:
        yield Shell(
            shell.folder,
            {
                **shell.variables,
                "CQS_SHEETS_URL": sheets.url,
                "HOME": str(shell.folder),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "SHEET": sheets.create(),
            },
        )


COMMAND = re.compile(r"((?:\w+=\S+ )*)cqs-sheets( [^|&;<>$`()*?~{}]*)(?:> (\S+))?")


def run_commands(block: Block, reader: Shell) -> None:
    """Our commands, with at most variables before them and a file behind, in this process; bash runs the rest."""
    script = block.text.replace("YOUR-SHEET", reader.variables["SHEET"])
    script = re.sub(
        r"--github$", f"--github --action OWNER/cqs-sheets@{40 * '0'}", script, flags=re.MULTILINE
    )  # of a release
    script = re.sub(r"cqs-sheets watch\b", "cqs-sheets watch --for 1s", script).replace("\\\n", "")
    for ours, lines in groupby(script.splitlines(), lambda line: bool(COMMAND.fullmatch(line))):
        for each in lines if ours else ["\n".join(lines)]:
            done = run_command(each, reader) if ours else run_bash(each, reader)
            assert done.returncode == 0, f"{block}:\n{each}\n{done.stdout}{done.stderr}"


def run_command(line: str, reader: Shell) -> subprocess.CompletedProcess[str]:
    plain = COMMAND.fullmatch(line)
    assert plain
    before, arguments, file = plain.groups()
    variables = dict(each.split("=", 1) for each in before.split())
    done = reader.run(*shlex.split(arguments, comments=True), **variables)
    if file:
        (reader.folder / file).write_text(done.stdout, encoding="utf-8")
    return done


def run_bash(script: str, reader: Shell) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euc", script], env=reader.environ, cwd=reader.folder, capture_output=True, text=True,
        check=False, timeout=HANGS, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def run_program(block: Block, reader: Shell) -> None:
    if ".stream(" in block.text:
        run_without_end(block, reader)
        return
    code = compile(block.text, str(block), "exec")
    done = called_inside(lambda: exec(code, {"__name__": "__main__"}), reader)  # noqa: S102 - the page's own
    assert (done.returncode, done.stderr) == (0, ""), f"{block}:\n{done.stderr}"
    assert done.stdout, f"{block} prints nothing"


def run_without_end(block: Block, reader: Shell) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-c", block.text], env=reader.environ, cwd=reader.folder,
        stdout=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout
        assert running.stdout.readline().strip(), f"{block}: no signal came"
        running.terminate()


def take_config(block: Block, reader: Shell) -> None:
    path = reader.folder / "cqs-sheets.toml"
    path.write_text(block.text.replace("YOUR-SHEET", reader.variables["SHEET"]), encoding="utf-8")
    config.load(config=path, environ={}, cwd=reader.folder)


RUN: dict[str, Callable[[Block, Shell], object]] = {
    "sh": run_commands,
    "python": run_program,
    "toml": take_config,
    "json": lambda block, _: json.loads(block.text),
    "yaml": lambda block, _: yaml.safe_load(block.text),
}


@pytest.mark.skipif(os.name != "posix", reason="the commands are for a POSIX shell")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_can_be_followed(page: Path, reader: Shell) -> None:
    for block in blocks(page):
        if not block.not_run and block.language not in SHOWN and block.page != TEMPLATES:
            RUN[block.language](block, reader)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_block_escapes(page: Path) -> None:
    """Every fence is one of a block that is found, and nothing is left out without saying why."""
    found = list(blocks(page))
    assert 2 * len(found) == len(re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert {block.language for block in found} <= SHOWN | set(RUN)
