"""A whole journal into a workbook: `python -m benchmarks.first_write [--signals 20000]`.

Into one that does not exist yet, then again with `--restore`, which looks at every row. The figure is the
peak memory of the command against that of openpyxl merely loading the result, each above its own start.
Ends with 1 if either is above 0.75.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.journal_write import filled
from cqs_sheets import sandbox

LIMIT = 0.75
TEMPLATES = ("raw", "signals")
LOAD = "import sys, openpyxl; sys.argv[1:] and openpyxl.load_workbook(sys.argv[1])"
OURS = (sys.executable, "-m", "cqs_sheets")


def peak(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """MB of memory at most; raises CalledProcessError if it fails."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    return usage.ru_maxrss / 1024


def ratios(folder: Path, template: str, url: str, signals: int) -> list[float]:
    """Of the first write, and of a restore."""
    with ExitStack() as stack:
        filled(folder / template / "journal.sqlite3", signals, 500, stack)
    book = str(folder / f"{template}.xlsx")
    env = {**os.environ, "CQS_HOME": str(folder / template), "CQS_API_URL": url}
    sync = [*OURS, "sync", "--to", book, "--template", template]
    found = {"first write": peak(sync, env), "restore": peak([*sync, "--restore"], env)}
    loading = peak([sys.executable, "-c", LOAD, book]) - peak([sys.executable, "-c", LOAD])
    start = peak([*sync, "--dry-run"], env)  # with nothing to write
    for name, most in found.items():
        each = (most - start) * 1024 / signals
        print(
            f"{template:>8} {name:>12}: {most:6.0f} MB, {each:5.1f} KB a row, ratio {(most - start) / loading:.2f}"
        )
    return [(most - start) / loading for most in found.values()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, write, print; 1 if a ratio is above the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--signals", type=int, default=20_000)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, sandbox.start() as market:
        found = [
            ratio
            for template in TEMPLATES
            for ratio in ratios(Path(folder), template, market.url, options.signals)
        ]
    return int(max(found) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
