"""Anything can be killed at any moment and run again: no signal lost, no row doubled, nothing left lying about."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqs_sheets import sandbox
from tests.e2e.killing import Scene, run_with_kills, utc_now, violations

FAULTS = [
    "http-503:0.05", "http-429:0.03", "rate-limit:0.03", "signals-down:0.03", "truncated:0.05", "html:0.03",
    "dropped:0.05", "reset:0.03", "wrong-count:0.05", "unknown-fields:0.2", "wrong-content-type:0.05",
    "duplicate-id:0.1",
]  # fmt: skip


def _tried(folder: Path, *, polls: int, kills: int, seed: int) -> None:
    started = utc_now()
    with sandbox.start(seed=seed, speed=60, faults=FAULTS) as server:
        scene = Scene(folder=folder, sandbox=server)
        died = run_with_kills(scene, polls=polls, kills=kills, seed=seed)
        server.set_faults([])
        last = scene.sync("--json")
        assert last.returncode == 0, last.stderr
        assert died > kills / 2, "too few syncs were killed while they ran: the harness kills too late"
        assert violations(scene, started) == []
        left = {path.name for path in folder.iterdir()} - {
            "signals.xlsx",
            "signals.bak.xlsx",
            "home",
            "cqs-sheets.toml",
        }
        assert left == set()


def test_a_few_syncs_killed_at_random_moments(tmp_path: Path) -> None:
    _tried(tmp_path, polls=5, kills=3, seed=7)


@pytest.mark.soak
def test_five_hundred_polls_with_two_hundred_kills(tmp_path: Path) -> None:
    _tried(tmp_path, polls=500, kills=200, seed=11)
