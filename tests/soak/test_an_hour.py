"""A watch that goes on for an hour with little memory to have, while everything around it fails in turn.

`pytest -n0 -m soak -s tests/soak/test_an_hour.py`; CQS_SOAK_MINUTES for another length.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from tests.cli.command import HANGS, Shell
from tests.emulators.google_sheets import RunningSheets, reset, start, status, truncate
from tests.soak.test_eight_at_once import check, ids_of, ids_on

MINUTES = float(os.environ.get("CQS_SOAK_MINUTES", "60"))
MEMORY = 400 << 20
"""Bytes of addresses, as `ulimit -v` gives them; what is really used is much less."""
EVERY = 20.0
API: tuple[list[str], ...] = (
    ["http-503"], [], ["dropped@1"], ["truncated"], [], ["html"], ["oversized"], [], ["malformed-signal"],
    ["wrong-count"], [], ["bad-encoding"], ["rate-limit@1"],
)  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def server() -> Iterator[sandbox.RunningSandbox]:
    with sandbox.start(seed=5, speed=20) as running:
        yield running


@pytest.fixture
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


def sizes(process: int) -> dict[str, int]:
    """Kilobytes of memory (addresses, resident), threads and descriptors."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    found = {name: int(lines[name].split()[0]) for name in ("VmSize", "VmRSS", "Threads")}
    return found | {"files": len(list(Path(f"/proc/{process}/fd").iterdir()))}


def troubles(shell: Shell, server: sandbox.RunningSandbox, sheets: RunningSheets) -> Iterator[None]:
    """One after the other: at the API, at Google, a workbook that is none, and one that is away."""
    at_google = itertools.cycle((reset(), status(503), truncate(), reset(after_commit=True)))
    book, aside = shell.folder / "signals.xlsx", shell.folder / "aside"
    for number, faults in enumerate(itertools.cycle(API)):
        server.set_faults(faults)
        if number % 3 == 0:
            sheets.inject(next(at_google))
        if number % 5 == 4 and book.exists():
            book.rename(aside)
            book.write_text("no workbook")
            yield
            aside.rename(book)
        yield


@pytest.mark.soak
def test_a_watch_for_an_hour_grows_no_further(
    shell: Shell, server: sandbox.RunningSandbox, sheets: RunningSheets
) -> None:
    target = sheets.create()
    shell = Shell(shell.folder, shell.variables | {"CQS_SHEETS_URL": sheets.url})
    (shell.folder / "cqs-sheets.toml").write_text(
        f'[[target]]\nto = "signals.xlsx"\ntemplate = "raw"\n[[target]]\nto = "{target}"\ntemplate = "raw"\n'
    )
    limited = ["sh", "-c", f'ulimit -v {MEMORY >> 10}; exec "$@" >out.json 2>said.txt', "sh"]
    seen: list[dict[str, int]] = []
    trouble = troubles(shell, server, sheets)
    command = [*limited, *shell.command("watch", "--every", "30s", "--json")]
    watching = subprocess.Popen(command, env=shell.environ, cwd=shell.folder)
    until = time.monotonic() + 60 * MINUTES
    while time.monotonic() < until and watching.poll() is None:
        next(trouble)
        time.sleep(EVERY)
        seen.append(sizes(watching.pid))
    assert watching.poll() is None, (shell.folder / "said.txt").read_text()[-3000:]
    asked = time.monotonic()
    watching.send_signal(signal.SIGTERM)
    assert watching.wait(HANGS) == 143
    stopped = time.monotonic() - asked
    codes = Counter(report["exit_code"] for report in reports(shell.folder / "out.json"))
    half, whole = (
        {name: max(one[name] for one in part) for name in seen[0]} for part in (seen[: len(seen) // 2], seen)
    )
    print(f"\nexit codes {dict(codes)}; first half {half}, whole {whole}; stopped in {stopped:.1f} s")  # noqa: T201
    assert set(codes) <= {0, 65, 69, 75, 143}
    assert whole["files"] <= half["files"] + 2
    assert whole["VmRSS"] <= 1.1 * half["VmRSS"]
    server.set_faults([])
    aside = shell.folder / "aside"
    if aside.exists():
        aside.rename(shell.folder / "signals.xlsx")
    sheets.calm()
    check(shell, "signals.xlsx", lambda: ids_of(shell.folder / "signals.xlsx"))
    check(shell, target, lambda: ids_on(sheets, target))


def reports(path: Path) -> Iterator[dict[str, int]]:
    decoder, text = json.JSONDecoder(), path.read_text().strip()
    while text:
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:].strip()
