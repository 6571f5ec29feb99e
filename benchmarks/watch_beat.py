"""What a beat of watch with nothing new costs beside its requests.

Run: python benchmarks/watch_beat.py
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from http.server import ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread

import requests
from idle_sync import Api, prepared
from measure import Ratio, spent

from cqs_sheets.cli.commands.watch import Watching
from cqs_sheets.cli.options import SyncOptions
from cqs_sheets.cli.session import session_of

LIMIT, MOST_MEGABYTES = 15.0, 60
ROWS, BEATS, WARM_UP = 10_000, 60, 5


def main() -> int:
    """Exit code 1 if it takes more than the limit."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/idle"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared(folder, "raw", ROWS, url)
        environ = {**os.environ, "CQS_HOME": str(folder), "CQS_API_URL": url}
        told = spent([sys.executable, __file__, str(folder / "book.xlsx"), url], env=environ).output
    server.shutdown()
    print(told, end="")
    return 1 if "TOO" in told else 0


def beats(book: str, url: str) -> None:
    """Beats in this process, as `watch` has them, and two bare requests after each."""
    options = SyncOptions(to=(book,), template="raw")
    with session_of(options) as session:
        watching = Watching(session, options)
        pairs = []
        for _ in range(WARM_UP + BEATS):
            with redirect_stdout(StringIO()):
                beat = milliseconds(lambda: watching.step(60))
            pairs.append((beat, milliseconds(lambda: ask(url))))
    beside = Ratio.of([beat - asking for beat, asking in pairs[WARM_UP:]])
    asking = statistics.median(asking for _, asking in pairs[WARM_UP:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kept = beside.middle <= LIMIT and peak <= MOST_MEGABYTES
    print(
        f"a beat with nothing new, beside {asking:.1f} ms for its two requests: {beside} ms of CPU, {peak:.0f} MB"
        f" (at most {LIMIT:.0f} ms, {MOST_MEGABYTES} MB: {'ok' if kept else 'TOO MUCH'})"
    )


def ask(url: str) -> None:
    """The two requests of a beat, on one connection."""
    with requests.Session() as asked:
        for params in ({}, {"type": "SCALPING"}):
            asked.get(url, params={"api_key": "FREE", "interval": "20", **params}, timeout=30).json()


def milliseconds(work: Callable[[], object]) -> float:
    """CPU time of this process."""
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


if __name__ == "__main__":
    sys.exit(beats(*sys.argv[1:]) if sys.argv[1:] else main())
