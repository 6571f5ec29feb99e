"""Sheets written a second by one, two and four workers, each answer of Google's emulator 200 ms late.

    python -m benchmarks.fleet_throughput [--sheets 40] [--at-once 2]

Prints ratios in one run: how far n workers are from n times one. Quotas are out of the way; how many targets a worker
writes side by side is kept low, so that the machine is not what is measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cqs_sheets import sandbox
from cqs_sheets.cli.commands.worker import work_until_stopped
from cqs_sheets.fleet import steps, worker
from tests import postgres
from tests.emulators.google_sheets import Exchange, RunningSheets, slow, start, writes

_LATE = 0.2  # seconds
_WORKERS = (1, 2, 4)
_LEAST = 0.8  # of linear


def main() -> int:
    """Measure and print; 1 if it falls short."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sheets", type=int, default=40, help="for each worker")
    parser.add_argument("--at-once", type=int, default=2, help="targets that a worker writes side by side")
    parser.add_argument("--work", metavar="CONFIGS", help="be one of the workers")
    options = parser.parse_args()
    if options.work:
        steps._PER_PROJECT = steps._PER_USER = 10**6  # noqa: SLF001
        worker._SIDE_BY_SIDE = options.at_once  # noqa: SLF001
        return work_until_stopped(Path(options.work), 3600, None)
    with (
        postgres.running() as server, sandbox.start() as market, start() as sheets,
        tempfile.TemporaryDirectory() as folder,
    ):  # fmt: skip
        sheets.inject(slow(_LATE), times=0)
        (Path(folder) / "nobody.toml").write_text('[[target]]\nto = "nobody.xlsx"\n')
        environ = {
            **os.environ, "CQS_JOURNAL": server.url(), "CQS_API_URL": market.url, "CQS_SHEETS_URL": sheets.url,
            "CQS_HOME": f"{folder}/home",
        }  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.fleet_throughput", "--work", folder]
        command += ["--at-once", str(options.at_once)]
        running: list[subprocess.Popen[bytes]] = []
        found: dict[int, float] = {}
        try:
            for count in _WORKERS:
                while len(running) < count:
                    running.append(subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL))
                time.sleep(10)  # until all are at work
                found[count] = rate(sheets, Path(folder), options.sheets * count)
                share = found[count] / (count * found[1])
                print(f"{count} workers: {found[count]:5.2f} sheets a second, {share:.2f} of linear")
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
    return int(any(found[count] < _LEAST * count * found[1] for count in _WORKERS))


def rate(sheets: RunningSheets, folder: Path, count: int) -> float:
    """Sheets a second, from the first to the last of so many new ones of a new tenant."""
    books = {sheets.create() for _ in range(count)}
    done: dict[str, float] = {}

    def note(exchange: Exchange) -> None:
        done.setdefault(exchange.path.removeprefix("/v4/spreadsheets/").partition(":")[0], time.monotonic())

    sheets.after_commit(note, writes, times=0)
    config = "".join(f'[[target]]\nto = "{book}"\ntemplate = "raw"\n' for book in books)
    staged = folder / "staged"
    staged.write_text(config)
    staged.rename(folder / f"tenant-{count}.toml")
    while not books <= done.keys():
        time.sleep(0.2)
    sheets.desk.after.clear()
    times = sorted(done[book] for book in books)
    return (count - 1) / (times[-1] - times[0])


if __name__ == "__main__":
    raise SystemExit(main())
