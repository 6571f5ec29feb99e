"""Runs many random cases, each by a number that repeats it: here, or in two processes with limited memory and time."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random


class Hung(Exception):
    """A case that does not end."""


Check = Callable[[Random], str]

_BATCH = 500
_PROCESSES = 2
_SECONDS_A_CASE = 20  # of the processor, far beyond any
_MEMORY = 3 << 30


def findings(check: Check, cases: range) -> tuple[Counter[str], list[str]]:
    """What came of the cases, counted, and the findings: the case's number and the end of its traceback."""
    outcomes: Counter[str] = Counter()
    found: list[str] = []
    for case in cases:
        try:
            outcomes[check(Random(case))] += 1  # noqa: S311 - to be repeatable is the point
        except Exception:  # noqa: BLE001 - any exception is a finding
            found.append(f"case {case}:\n" + "".join(traceback.format_exc(limit=-3)))
    return outcomes, found


def limited_findings(check: Check, cases: range) -> tuple[Counter[str], list[str]]:
    """The same in two processes, each of which a hang or a flood of memory turns into a finding."""
    outcomes: Counter[str] = Counter()
    found: list[str] = []
    with multiprocessing.get_context("spawn").Pool(_PROCESSES, _limit) as pool:
        for some, more in pool.imap_unordered(partial(_timed, check), _batches(cases)):
            outcomes += some
            found += more
    return outcomes, found


def _batches(cases: range) -> Iterator[range]:
    return (cases[start : start + _BATCH] for start in range(0, len(cases), _BATCH))


def _limit() -> None:
    if sys.platform == "linux":  # macOS refuses such a limit, and a pool whose workers fail never ends
        import resource  # noqa: PLC0415 - Windows has none

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _timed(check: Check, cases: range) -> tuple[Counter[str], list[str]]:
    return findings(partial(_within_time, check), cases)


def _within_time(check: Check, random: Random) -> str:
    if sys.platform == "win32":
        return check(random)

    def hung(*_: object) -> None:
        raise Hung

    signal.signal(signal.SIGPROF, hung)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS_A_CASE)
    try:
        return check(random)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
