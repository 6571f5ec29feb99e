"""How much a chain on GitHub pushes in a day: the real sync, journal, workbook and state branch, an invented clock.

Run: python benchmarks/github_pushes.py [--hours 24] [--every 60] [--template signals]

The market is the sandbox's with its free signals, the branch one of a bare repository on this disk, and what a push
sends is what git packs for it. Pushed is as a run does it: with news after five minutes, without after twenty, later
if that would exceed a day's bound.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from freezegun import freeze_time

import cqs_sheets
from cqs_sheets import sandbox
from cqs_sheets.github.unattended import Unattended
from cqs_sheets.journal import Journal

BEGIN = datetime(2026, 5, 24, tzinfo=UTC)
MOST = 200e6  # bytes a day


def measured(folder: Path, hours: float, every: float, template: str) -> list[tuple[float, int]]:
    """The pushes: hours after the beginning, and bytes."""
    (folder / "me").mkdir()
    remote = folder / "me" / "signals.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    checkout, temp = folder / "checkout", folder / "temp"
    checkout.mkdir()
    temp.mkdir()
    (checkout / "cqs-sheets.toml").write_text(f'[[target]]\nto = "signals.xlsx"\ntemplate = "{template}"\n')
    pushes: list[tuple[float, int]] = []
    with freeze_time(BEGIN) as clock, sandbox.start(seed=3, requests_kept=10) as market:
        os.environ.update(CQS_API_URL=market.url, CQS_HOME=str(checkout / ".cqs-sheets"))
        run = Unattended(
            {
                **os.environ,
                "GITHUB_REPOSITORY": "me/signals",
                "GITHUB_SERVER_URL": folder.as_uri(),
                "GITHUB_API_URL": "http://127.0.0.1:1",
                "GITHUB_WORKSPACE": str(checkout),
                "RUNNER_TEMP": str(temp),
                "INPUT_STATE": "branch",
            }
        )
        keeper, pause = run._keeper, run._pause  # noqa: SLF001 - it is these that are measured
        last, known = BEGIN, None
        while (now := datetime.now(UTC)) < BEGIN + timedelta(hours=hours):
            cqs_sheets.sync(config=checkout / "cqs-sheets.toml")
            with Journal.open_readonly(
                checkout / ".cqs-sheets" / "journal.sqlite3", clock=lambda: now
            ) as journal:
                news = journal.changes()
            passed = (now - last).total_seconds()
            if known is None or (passed >= pause() and news != known) or passed > 4 * pause():
                if keeper.keep().pushed:
                    pushes.append(((now - BEGIN).total_seconds() / 3600, keeper.branch.last_bytes))
                last, known = now, news
            clock.tick(timedelta(seconds=every))  # type: ignore[attr-defined]
    return pushes


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--every", type=float, default=60.0)
    parser.add_argument("--template", default="signals")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        found = measured(Path(made), given.hours, given.every, given.template)
        sizes = [size for _, size in found]
        a_day = sum(sizes) * 24 / given.hours
        sys.stdout.write(
            f"{len(found)} pushes in {given.hours:g} h, {sum(sizes) / 1e6:,.1f} MB: {a_day / 1e6:,.1f} MB a day;"
            f" the largest {max(sizes) / 1e3:,.0f} kB, the last {sizes[-1] / 1e3:,.0f} kB\n"
        )
        for name in ("checkout/signals.xlsx", "checkout/.cqs-sheets/journal.sqlite3"):
            sys.stdout.write(f"{name.rpartition('/')[2]}: {Path(made, name).stat().st_size / 1e6:,.2f} MB\n")
    sys.exit(a_day > MOST)
