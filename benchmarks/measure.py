"""Whole commands measured in pairs: A B A B ..., so that a ratio holds when the machine's speed drifts.

The figure is CPU time (user and system, with all threads and children): what others do on the machine hardly moves
it. Wall time stands beside it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody's ordinary run compiles its modules anew


class Spent(NamedTuple):
    """What one run of a command took: seconds of CPU and on the clock, MB of memory at most, what it printed."""

    cpu: float
    wall: float
    peak: float
    output: str = ""


class Ratio(NamedTuple):
    """The middle of ratios pair by pair, and the quarters around it."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> Ratio:
        """Of some measured one after the other."""
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return cls(middle, low, high)

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"


class Pairs(NamedTuple):
    """Two commands: the middle one of what each spent, and their ratios."""

    ours: Spent
    other: Spent
    cpu: Ratio
    wall: Ratio


def spent(command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Spent:
    """One run; raises CalledProcessError if it fails."""
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, cwd=cwd
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output=said)
    wall = time.perf_counter() - begun
    return Spent(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, said)


def paired(
    ours: Sequence[str],
    other: Sequence[str],
    *,
    runs: int = 15,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Pairs:
    """Both, in turn."""
    for command in (ours, other):
        spent(command, env=env, cwd=cwd)  # warms the caches
    return pairs_of([(spent(ours, env=env, cwd=cwd), spent(other, env=env, cwd=cwd)) for _ in range(runs)])


def pairs_of(pairs: Sequence[tuple[Spent, Spent]]) -> Pairs:
    """What pairs of runs come to."""
    return Pairs(
        middle([one for one, _ in pairs]),
        middle([other for _, other in pairs]),
        Ratio.of([one.cpu / other.cpu for one, other in pairs]),
        Ratio.of([one.wall / other.wall for one, other in pairs]),
    )


def middle(runs: Sequence[Spent]) -> Spent:
    """The median of each figure; the memory of the one that took most."""
    cpu, wall, peak, _ = zip(*runs, strict=True)
    return Spent(statistics.median(cpu), statistics.median(wall), max(peak))


def verdict(name: str, pairs: Pairs, limit: float) -> bool:
    """Print one line; whether the limit holds, which is one of CPU time."""
    kept = pairs.cpu.middle <= limit
    print(
        f"{name}: CPU {pairs.ours.cpu * 1000:.0f} ms : {pairs.other.cpu * 1000:.0f} ms = {pairs.cpu}"
        f" (at most {limit}: {'ok' if kept else 'TOO SLOW'}), clock {pairs.wall}, {pairs.ours.peak:.0f} MB"
    )
    return kept
