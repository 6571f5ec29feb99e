"""One run of the action: what it is given, our commands in processes of their own, and what it gives back."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from cqs_sheets.core.toml import duration
from cqs_sheets.errors import UsageError
from cqs_sheets.github.chain import plain, workflow_file
from cqs_sheets.github.state import Owner
from cqs_sheets.values import dataclass

FINAL = (2, 77)
"""Exit codes that repeating cannot mend."""

_SANDBOX_TARGET = "sandbox.xlsx"
_READ_OUT = 5.0  # seconds for the last lines of a child that has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the action was given, and where the run is; times in seconds."""

    to: tuple[str, ...]
    config: str
    template: str
    every: str
    lasting: str
    keep_every: float
    sandbox: bool
    renew: bool
    keeps: bool
    premium_in_public: bool
    page: bool
    branch: str
    owner: Owner
    workspace: Path
    temp: Path

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Inputs:
        """From the action's variables. Raises UsageError."""

        def given(name: str) -> str:
            return environ.get(f"INPUT_{name}", "").strip()

        sandbox = given("SANDBOX") == "true"
        try:
            keep_every = duration(given("KEEP_EVERY") or "5m")
        except ValueError:
            raise UsageError(
                f"{given('KEEP_EVERY')!r} is no duration.",
                meaning="Nothing was asked.",
                hint="Give keep-every: 5m",
            ) from None
        return cls(
            to=(_SANDBOX_TARGET,)
            if sandbox
            else tuple(filter(None, map(str.strip, given("TO").splitlines()))),
            config=given("CONFIG"),
            template=given("TEMPLATE"),
            every=given("EVERY") or "60s",
            lasting=given("FOR") or "55m",
            keep_every=float(keep_every),
            sandbox=sandbox,
            renew=given("RENEW") == "true" and not sandbox,
            keeps=given("STATE") != "none",
            premium_in_public=given("PREMIUM_IN_PUBLIC") == "true",
            page=given("PAGE") == "true" and not sandbox,
            branch=given("BRANCH"),
            owner=Owner(
                workflow=workflow_file(environ),
                name="" if given("NAME") == "default" else given("NAME"),
                sandbox=sandbox,
            ),
            workspace=Path(environ.get("GITHUB_WORKSPACE") or ".").resolve(),
            temp=Path(environ.get("RUNNER_TEMP") or ".").resolve(),
        )

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options of sync and watch."""
        options = [
            ("--config", self.config),
            ("--template", self.template),
            *(("--to", to) for to in self.to),
        ]
        return (*(part for name, value in options if value for part in (name, value)),
                *(["--sandbox"] if self.sandbox else []))  # fmt: skip


@dataclass(slots=True)
class Outputs:
    """What the run's children reported, added up, and their last error."""

    outcome: str = "failed"
    added: int = 0
    updated: int = 0
    gap_seconds: str = "0"
    error: str = ""

    def take(self, output: Path) -> None:
        """Add what a child wrote as GitHub's outputs."""
        values = dict(line.partition("=")[::2] for line in output.read_text(encoding="utf-8").splitlines())
        self.outcome = values.get("outcome", self.outcome)
        self.gap_seconds = values.get("gap_seconds", self.gap_seconds)
        self.added += int(values.get("added") or 0)
        self.updated += int(values.get("updated") or 0)

    def write(self, output: str | None, code: int) -> None:
        """Write it as the run's own outputs, which ended with `code`, to GitHub's file, if there is one."""
        if not output:
            return
        values = {
            "outcome": self.outcome,
            "added": self.added,
            "updated": self.updated,
            "gap_seconds": self.gap_seconds,
            "final": str(code in FINAL).lower(),
            "problem": plain(self.error) if code else "",
        }
        with Path(output).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())


class Child:
    """A command of ours in a process of its own. Its stderr passes through, and its last error is remembered."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", "cqs_sheets", *arguments],
            cwd=folder, env=dict(environ), stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self._last: list[str] = []
        self._reader = threading.Thread(target=self._pass_on, daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        """The exit code if it ends within that time."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(_READ_OUT)
        return code

    def stop(self) -> None:
        """Ask it to finish its step."""
        self._process.terminate()

    @property
    def error(self) -> str:
        """Its last error: what happened, what it means, what to do."""
        return "\n\n".join(self._last)

    def _pass_on(self) -> None:
        with self._process.stderr or BytesIO() as said:
            for line in said:
                text = line.decode(errors="replace")
                sys.stderr.write(text)
                sys.stderr.flush()
                if text.startswith("error: "):
                    self._last = [text.removeprefix("error: ").strip()]
                elif self._last and text.startswith("       "):
                    self._last.append(text.strip())
