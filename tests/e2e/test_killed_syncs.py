"""Anything can be killed at any moment and run again: no signal lost, no row doubled, nothing left lying about."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from cqs_sheets.sandbox import SeenRequest
from tests.e2e.killing import Scene, run_with_kills, utc_now, violations

FAULTS = [
    "http-503:0.05", "http-429:0.03", "rate-limit:0.03", "signals-down:0.03", "truncated:0.05", "html:0.03",
    "dropped:0.05", "reset:0.03", "wrong-count:0.05", "unknown-fields:0.2", "wrong-content-type:0.05",
    "duplicate-id:0.1",
]  # fmt: skip


LEFT = {"signals.xlsx", "signals.bak.xlsx", "home", "cqs-sheets.toml"}


def check(scene: Scene, started: datetime) -> None:
    """A last sync, undisturbed, makes good for all."""
    scene.sandbox.set_faults([])
    last = scene.sync("--json")
    assert last.returncode == 0, last.stderr
    assert violations(scene, started) == []
    assert {path.name for path in scene.folder.iterdir()} - LEFT == set()


@dataclass
class Doom:
    """Kills a process as it asks its `left`-th question."""

    process: subprocess.Popen[bytes] | None = None
    left: int = 0

    def __call__(self, _: SeenRequest) -> None:
        self.left -= 1
        if self.process and self.left == 0:
            self.process.kill()


def test_syncs_that_are_killed_as_they_ask_are_made_good_by_the_next(tmp_path: Path) -> None:
    started, doom = utc_now(), Doom()
    with sandbox.start(seed=7, speed=60, on_request=doom) as server:
        scene = Scene(folder=tmp_path, sandbox=server)
        for question in (1, 2):
            with scene.start("-q") as process:
                doom.process, doom.left = process, question
                assert process.wait() != 0, "it was over before it was killed"
        check(scene, started)


@pytest.mark.soak
def test_five_hundred_polls_with_two_hundred_kills(tmp_path: Path) -> None:
    started = utc_now()
    with sandbox.start(seed=11, speed=60, faults=FAULTS) as server:
        scene = Scene(folder=tmp_path, sandbox=server)
        died = run_with_kills(scene, polls=500, kills=200, seed=11)
        assert died > 100, "too few syncs were killed while they ran: the harness kills too late"
        check(scene, started)
