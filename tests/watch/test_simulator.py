"""The coverage simulator: the order of its figures, and the target of the renewing watch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
ONCE_15, ONCE_5 = "one sync, */15", "one sync, */5"
BOUNDED, RENEWING = "schedule + watch of 2 x 2h50m", "renewing watch of 2 x 55m"
OWN = "watch on a machine of one's own"


def simulated(delays: str, *, days: int) -> tuple[int, dict[str, Any]]:
    """The exit code, and each way's figures."""
    done = subprocess.run(
        [sys.executable, "coverage_simulator.py", f"delays/{delays}.json", "--json", "--days", str(days)],
        cwd=BENCHMARKS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, {one["way"]: one for one in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def pessimistic() -> dict[str, Any]:
    code, ways = simulated("pessimistic", days=12)
    assert code == 0
    return ways


def test_with_the_delays_that_users_measured_the_renewing_watch_catches_999_of_1000(
    pessimistic: dict[str, Any],
) -> None:
    assert pessimistic[RENEWING]["caught"] >= 0.999


def test_single_syncs_on_a_schedule_catch_next_to_nothing(pessimistic: dict[str, Any]) -> None:
    assert pessimistic[ONCE_5]["caught"] < 0.1
    assert pessimistic[ONCE_15]["caught"] < 0.1
    assert pessimistic[ONCE_5]["longest_gap_seconds"] > 4 * 3600


def test_the_more_a_way_watches_the_more_it_catches(pessimistic: dict[str, Any]) -> None:
    caught = [pessimistic[way]["caught"] for way in (ONCE_5, BOUNDED, RENEWING, OWN)]
    assert caught == sorted(caught)
    minutes = [pessimistic[way]["job_minutes_a_month"] for way in (OWN, ONCE_5, RENEWING)]
    assert minutes == sorted(minutes)
    assert minutes[0] == 0


def test_no_second_that_was_missed_goes_unreported(pessimistic: dict[str, Any]) -> None:
    assert {one["unreported_seconds"] for one in pessimistic.values()} == {0}
    assert pessimistic[ONCE_5]["gap_seconds"] > 10 * 86_400


def test_were_the_schedule_what_its_documentation_says_single_syncs_would_still_lose_many() -> None:
    _, ways = simulated("documented", days=5)
    assert 0.5 < ways[ONCE_5]["caught"] < 0.95
    assert ways[RENEWING]["caught"] > 0.99
