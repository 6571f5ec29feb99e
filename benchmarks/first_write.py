"""A whole journal into a workbook: `python -m benchmarks.first_write [--signals 20000] [--runs 3]`.

Into one that does not exist yet, then again with `--restore`, which looks at every row. Two figures. The peak memory
of the command against that of openpyxl merely loading the result, each above its own start; the CPU time of the first
write against that of XlsxWriter with constant memory, which writes the cells of the very workbook and nothing else.
Ends with 1 if a ratio is above its limit, or the first write of up to 100,000 signals takes more than 150 MB.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.measure import pairs_of, spent, verdict
from cqs_sheets import sandbox

LIMIT = 0.75
MOST_CPU = 1.2
MOST, OF_UP_TO = 150, 100_000  # MB, signals
TEMPLATES = ("raw", "signals")
JOURNAL = "journal.sqlite3"
# In processes of their own, as one that is started counts what its parent had in memory for its own.
FILL = """
import pathlib, sys; from contextlib import ExitStack; from benchmarks.journal_write import filled
with ExitStack() as stack: filled(pathlib.Path(sys.argv[1]), int(sys.argv[2]), 500, stack)
"""
DUMP = """
import pathlib, sys; from benchmarks.many_signals import dump_cells
dump_cells(*map(pathlib.Path, sys.argv[1:]))
"""
LOAD = "import sys, openpyxl; sys.argv[1:] and openpyxl.load_workbook(sys.argv[1])"
FLOOR = "import pathlib, sys; from benchmarks.many_signals import write_cells; write_cells(pathlib.Path(sys.argv[1]))"
OURS = (sys.executable, "-m", "cqs_sheets")


def told(folder: Path, template: str, url: str, signals: int, runs: int) -> Iterator[bool]:
    """Print what writing a journal of so many signals takes; whether each limit is kept."""
    spent([sys.executable, "-c", FILL, str(folder / "filled" / JOURNAL), str(signals)])
    book = folder / "book.xlsx"
    sync = [*OURS, "sync", "--to", str(book), "--template", template]
    env = {**os.environ, "CQS_API_URL": url}

    def at_home(number: int) -> Mapping[str, str]:
        """A home of its own with that journal."""
        home = folder / str(number)
        home.mkdir()
        shutil.copy(folder / "filled" / JOURNAL, home)
        return {**env, "CQS_HOME": str(home)}

    home = at_home(0)
    found = {"first write": spent(sync, env=home).peak, "restore": spent([*sync, "--restore"], env=home).peak}
    start = spent([*sync, "--dry-run"], env=home).peak  # with nothing to write
    loading = spent([sys.executable, "-c", LOAD, str(book)]).peak - spent([sys.executable, "-c", LOAD]).peak
    for name, most in found.items():
        each, ratio = (most - start) * 1024 / signals, (most - start) / loading
        kept = ratio <= LIMIT and (name != "first write" or signals > OF_UP_TO or most <= MOST)
        print(
            f"{template:>8} {name:>12}: {most:6.0f} MB, {each:5.1f} KB a row, ratio {ratio:.2f}"
            f" ({'ok' if kept else 'TOO MUCH'})"
        )
        yield kept
    spent([sys.executable, "-c", DUMP, str(book), str(folder)])
    pairs = []
    for number in range(1, 1 + runs):
        book.unlink()
        ours = spent(sync, env=at_home(number))
        pairs.append((ours, spent([sys.executable, "-c", FLOOR, str(folder)])))
    yield verdict(f"{template:>8}  first write", pairs_of(pairs * 2), MOST_CPU)  # of one turn, too


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, write, print; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--signals", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    kept: list[bool] = []
    for template in TEMPLATES:
        with tempfile.TemporaryDirectory() as folder, sandbox.start() as market:
            kept += told(Path(folder), template, market.url, options.signals, options.runs)
    return int(not all(kept))


if __name__ == "__main__":
    sys.exit(main())
