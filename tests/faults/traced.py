"""The command line run under the tracer, from a test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.faults.calls import Point
from tests.faults.tracer import Order, Outcome

_PROJECT = Path(__file__).parents[2]


class Tracer:
    """Runs commands one after the other; see tracer.Order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, order: Order) -> Outcome:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        points = [Point.read(point) for point in answer.pop("points")]
        return Outcome(points=points, **answer)


@contextmanager
def tracing() -> Iterator[Tracer]:
    """A tracer until the block ends."""
    command = [sys.executable, "-m", "tests.faults.tracer"]
    with subprocess.Popen(
        command, cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Tracer(process)
        finally:
            assert process.stdin
            process.stdin.close()
