"""`--version` says how the program was installed, and what upgrades it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cqs_sheets import __version__
from cqs_sheets.installed import found
from tests.cli.command import Shell

COPY: dict[str, Any] = {"url": "file:///home/ann/copy%20of%20it", "dir_info": {}}


@pytest.mark.parametrize(
    ("mark", "origin", "container", "upgrade"),
    [
        ("uv-receipt.toml", {}, False, "uv tool upgrade cqs-sheets"),
        ("uv-receipt.toml", COPY, False, "uv tool install --force /home/ann/copy of it"),
        ("pipx_metadata.json", {}, False, "pipx upgrade cqs-sheets"),
        ("", {}, True, "image"),
        ("", {}, False, 'python" -m pip install --upgrade "cqs-sheets"'),
        ("", COPY, False, '-m pip install --upgrade "/home/ann/copy of it"'),
        ("", {**COPY, "dir_info": {"editable": True}}, False, "git -C /home/ann/copy of it pull"),
    ],
)
def test_the_upgrade_is_that_of_the_installer(
    tmp_path: Path, mark: str, origin: dict[str, Any], container: bool, upgrade: str
) -> None:
    if mark:
        (tmp_path / mark).write_text("")
    told = str(found(tmp_path, Path("/usr/bin/python"), origin, container=container)).replace("\\", "/")
    assert upgrade in told


def test_of_uvx_nothing_is_installed() -> None:
    told = found(Path("/home/ann/.cache/uv/archive-v0/x1"), Path("python"), {}, container=False)
    assert told.upgrade == "uvx cqs-sheets@latest"


def test_the_command_tells_it(tmp_path: Path) -> None:
    done = Shell(tmp_path).run("--version")
    first, second = done.stdout.splitlines()
    assert first == f"cqs-sheets, version {__version__}"
    assert "to upgrade: " in second
