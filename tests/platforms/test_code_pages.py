"""A console that cannot show every character, as on Windows, and files with its line ends."""

from __future__ import annotations

import json
import subprocess

import pytest

from cqs_sheets.sandbox import RunningSandbox
from tests.cli.command import Shell

COMMANDS = [["fetch"], ["fetch", "--format", "csv"], ["journal", "show"]]


@pytest.mark.parametrize("page", ["ascii", pytest.param("cp437", marks=pytest.mark.soak)])
def test_what_a_code_page_lacks_is_replaced(shell: Shell, server: RunningSandbox, page: str) -> None:
    server.set_faults(["unknown-fields"])
    shell.run("sync", "-q")
    for arguments in COMMANDS:
        environ = shell.environ | {"PYTHONIOENCODING": page, "PYTHONUTF8": "0"}
        done = subprocess.run(
            shell.command(*arguments), env=environ, cwd=shell.folder, capture_output=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stderr)
        assert done.stdout


def test_a_report_is_json_in_any_code_page(shell: Shell) -> None:
    done = shell.run_apart("sync", "--json", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 0


def test_json_is_json_in_any_code_page_whatever_is_in_it(shell: Shell) -> None:
    done = shell.run_apart(
        "sync", "--json", "--to", "\U0001f4c8.xlsx", PYTHONIOENCODING="cp437", PYTHONUTF8="0"
    )
    assert json.loads(done.stdout)["targets"][0]["target"] == "\U0001f4c8.xlsx"


def test_a_config_and_a_template_with_windows_line_ends_and_a_byte_order_mark_are_read(shell: Shell) -> None:
    template = shell.folder / "mine.toml"
    shell.run("templates", "copy", "raw", str(template))
    template.write_bytes(_as_notepad_saves(template.read_text(encoding="utf-8")))
    config = 'timezone = "Europe/Berlin"\n[[target]]\nto = "signals.xlsx"\ntemplate = "mine.toml"\n'
    (shell.folder / "cqs-sheets.toml").write_bytes(_as_notepad_saves(config))
    report = shell.report()
    assert report["outcome"] == "ok"
    assert report["targets"][0]["added"] > 0


def _as_notepad_saves(text: str) -> bytes:
    return b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()
