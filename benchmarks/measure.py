"""Whole commands timed in pairs: A B A B ..., so that a ratio holds when the machine's speed drifts."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def seconds(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> float:
    """The wall time of one run; raises CalledProcessError if it fails."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=env, cwd=cwd)
    return time.perf_counter() - begun


def paired_ratio(
    ours: Sequence[str],
    other: Sequence[str],
    *,
    runs: int = 15,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> tuple[float, float, float]:
    """Median seconds of `ours` and of `other`, and the median of their ratios pair by pair."""
    for command in (ours, other):
        seconds(command, env=env, cwd=cwd)  # warms the caches
    pairs = [(seconds(ours, env=env, cwd=cwd), seconds(other, env=env, cwd=cwd)) for _ in range(runs)]
    ratio = statistics.median(a / b for a, b in pairs)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio


def verdict(name: str, ratio: float, limit: float) -> bool:
    """Print one line; whether the limit holds."""
    kept = ratio <= limit
    print(f"{name}: ratio {ratio:.2f} (at most {limit}) {'ok' if kept else 'TOO SLOW'}")
    return kept
