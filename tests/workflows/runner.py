"""A small GitHub runner: the shell steps of action.yml, run as they stand, with GITHUB_* files and a cache.

Steps that use other actions are left out, but for those that carry files from run to run. Of
GitHub's expressions it knows what action.yml uses: names, `always()`, `==`,
`!=`, `&&` and `||`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
ACTION: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
ZIZMOR = shutil.which("zizmor", path=sysconfig.get_path("scripts")) or "zizmor"

_EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+(?: *\|\| *[\w.-]+)*) *\}\}")
_CONDITION = re.compile(r"([\w.-]+) (==|!=) '([^']*)'")


@dataclass
class Done:
    """One run of the action."""

    failed: bool = False
    ran: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""


@dataclass
class Runner:
    """A runner with a cache beside it; each run starts in an empty workspace."""

    folder: Path
    environ: Mapping[str, str]
    runs: int = 0

    @property
    def workspace(self) -> Path:
        return self.folder / "work" / "signals"

    def run(self, inputs: Mapping[str, str], files: Mapping[str, str] | None = None) -> Done:
        """The action's steps in order; after one failed, only those that always run."""
        self.runs += 1
        shutil.rmtree(self.workspace.parent, ignore_errors=True)
        self.workspace.mkdir(parents=True)
        for name, text in (files or {}).items():
            (self.workspace / name).write_text(text)
        given = {name: spec.get("default", "") for name, spec in ACTION["inputs"].items()} | dict(inputs)
        known: dict[str, str] = {f"inputs.{name}": value for name, value in given.items()} | {
            "github.action_path": str(ROOT),
            "github.workspace": str(self.workspace),
            "github.run_id": str(self.runs),
            "github.run_attempt": "1",
        }
        done = Done()
        for step in ACTION["runs"]["steps"]:
            if self._wanted(step.get("if", ""), known, done):
                self._step(step, known, done)
        for name, spec in ACTION["outputs"].items():
            done.outputs[name] = expand(spec["value"], known)
        return done

    def _wanted(self, condition: str, known: Mapping[str, str], done: Done) -> bool:
        parts = [part.strip() for part in condition.split("&&")] if condition else []
        if done.failed and "always()" not in parts:
            return False
        return all(holds(part, known) for part in parts if part != "always()")

    def _step(self, step: Mapping[str, Any], known: dict[str, str], done: Done) -> None:
        if "run" in step:
            self._shell(step, known, done)
        elif step["uses"].startswith("actions/cache/restore@"):
            self._restore(step["with"], known)
        elif step["uses"].startswith("actions/cache/save@"):
            self._save(step["with"], known)
        done.ran.append(step.get("name", step.get("uses")))

    def _shell(self, step: Mapping[str, Any], known: dict[str, str], done: Done) -> None:
        scratch = self.workspace.parent
        output, summary = scratch / f"output{len(done.ran)}", scratch / "summary"
        output.touch()
        environ = {
            **self.environ,
            "PATH": f"{self._python()}:{self.environ['PATH']}",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(scratch),
            **{name: expand(text, known) for name, text in step.get("env", {}).items()},
        }
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace, env=environ, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        done.log += f"{step['name']}: {ran.stdout}{ran.stderr}"
        done.failed = done.failed or ran.returncode != 0
        done.summary = summary.read_text() if summary.exists() else ""
        name = step.get("id", "")
        known[f"steps.{name}.outcome"] = "failure" if ran.returncode else "success"
        for line in output.read_text().splitlines():
            key, _, value = line.partition("=")
            known[f"steps.{name}.outputs.{key}"] = value

    def _python(self) -> Path:
        """A folder whose `python` is this one, and installs nothing: the tests' environment has it all."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "python"
        script.write_text(f'#!/bin/sh\n[ "$2" = pip ] || exec "{sys.executable}" "$@"\n')
        script.chmod(0o755)
        return folder

    def _save(self, given: Mapping[str, str], known: Mapping[str, str]) -> None:
        kept = self.folder / "cache" / expand(given["key"], known)
        kept.mkdir(parents=True)
        patterns = [expand(line, known) for line in given["path"].splitlines()]
        left_out = {path for p in patterns if p.startswith("!") for path in self.workspace.glob(p[1:])}
        for pattern in patterns:
            for path in set() if pattern.startswith("!") else set(self.workspace.glob(pattern)) - left_out:
                copy = shutil.copytree if path.is_dir() else shutil.copy2
                copy(path, kept / path.name)

    def _restore(self, given: Mapping[str, str], known: Mapping[str, str]) -> None:
        entries = sorted(
            self.folder.glob(f"cache/{expand(given['restore-keys'], known)}*"),
            key=lambda p: p.stat().st_ctime,
        )
        if entries:
            shutil.copytree(entries[-1], self.workspace, dirs_exist_ok=True)


def expand(text: str, known: Mapping[str, str]) -> str:
    """GitHub's expressions replaced; what is not known is empty, as there."""

    def value(found: re.Match[str]) -> str:
        return next(filter(None, (known.get(name.strip(), "") for name in found[1].split("||"))), "")

    return _EXPRESSION.sub(value, text)


def holds(condition: str, known: Mapping[str, str]) -> bool:
    """`name == 'text'` or `name != 'text'`."""
    found = _CONDITION.fullmatch(condition)
    assert found, f"the runner of these tests does not understand {condition!r}"
    return (known.get(found[1], "") == found[3]) is (found[2] == "==")
