"""The command line run as a user runs it: a folder, an environment, streams and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.inside import run_inside

HANGS = 300.0
"""Seconds that no command takes, however busy the machine: after these it hangs."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder to work in, with a home of its own and nothing inherited that matters."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environ(self) -> dict[str, str]:
        kept = {
            n: v for n, v in os.environ.items() if not n.startswith(("CQS_", "GITHUB_", "GOOGLE_", "COLUMNS"))
        }
        return kept | {"CQS_HOME": str(self.home), "TMPDIR": str(self.temp)} | self.variables

    @property
    def temp(self) -> Path:
        path = self.folder / "tmp"
        path.mkdir(exist_ok=True)
        return path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "cqs_sheets", *arguments]

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """What a command ends with, run inside this process: without the second of starting Python."""
        return run_inside(self, *arguments, **variables)

    def run_apart(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The same in a process of its own, where that is what is tested."""
        return subprocess.run(
            self.command(*arguments), env=self.environ | variables, cwd=self.folder,
            capture_output=True, text=True, check=False, timeout=HANGS,
        )  # fmt: skip

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments), env=self.environ | variables, cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def report(self, *arguments: str, **variables: str) -> dict[str, Any]:
        """The report of a sync; its exit code is in it."""
        done = self.run("sync", "--json", *arguments, **variables)
        report: dict[str, Any] = json.loads(done.stdout)
        assert report["exit_code"] == done.returncode
        return report
