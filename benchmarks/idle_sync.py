"""A sync with nothing new on 10,000 rows, and one with 20 new signals on 1,000, against bare imports.

The latter with a template of values alone (`raw`), with formulas in each row (`signals`), and with figures and charts
over all rows (`dashboard`), which are worked out anew each time.

Run: python benchmarks/idle_sync.py
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from measure import paired, spent, verdict

IDLE, NEWS = "nothing new", "20 new signals"
RUNS = 15
BARE = [sys.executable, "-c", "import requests, click"]


class Case(NamedTuple):
    """What is measured, and how many times what importing takes it may take."""

    work: str
    template: str
    rows: int
    limit: float


CASES = (
    Case(IDLE, "raw", 10_000, 1.6),
    Case(NEWS, "raw", 1_000, 2.2),
    Case(NEWS, "signals", 1_000, 2.2),
    Case(NEWS, "dashboard", 1_000, 8),
)


class Api(BaseHTTPRequestHandler):
    """The API: nothing below /idle; elsewhere 20 new signals each time, none of them a scalp.

    They are stamped ahead: an answer without one whose time it covers would close it, in one run and not in another.
    """

    protocol_version = "HTTP/1.1"
    ids = count(10**6)

    def do_GET(self) -> None:
        """No open signals, or 20."""
        none = self.path.startswith("/idle") or "SCALP" in self.path.upper()
        fresh = [next(self.ids) for _ in range(0 if none else 20)]
        body = saved_answer(fresh, datetime.now(UTC) + timedelta(minutes=5))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


def saved_answer(ids: Sequence[int], at: datetime) -> bytes:
    """An answer with these signals."""
    signal = {
        "timestamp": f"{at:%Y-%m-%d %H:%M:%S}", "exchange": "binance", "currency": "USDT", "coin": "BTC",
        "direction": "LONG", "buy_start": "94250.5", "buy_end": "94400", "target1": "95500",
        "stop_loss": "93100", "type": "SHORT TERM", "ask": "94325", "risk_level": "3",
    }  # fmt: skip
    signals = [{"id": str(number), **signal} for number in ids]
    return json.dumps({"error": 0, "message": "Success", "count": len(signals), "signals": signals}).encode()


def main() -> int:
    """Exit code 1 if a ratio is over its limit."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=server.serve_forever, daemon=True).start()
    kept = True
    with tempfile.TemporaryDirectory() as name:
        for number, case in enumerate(CASES):
            folder = Path(name) / str(number)
            folder.mkdir()
            path = "idle" if case.work == IDLE else "getSignal/"
            command = prepared(
                folder, case.template, case.rows, f"http://127.0.0.1:{server.server_port}/{path}"
            )
            said = f"{case.work}, {case.rows:,} rows of {case.template} : import requests, click"
            kept &= verdict(said, paired(command, BARE, runs=RUNS), case.limit)
    server.shutdown()
    return 0 if kept else 1


def prepared(folder: Path, template: str, rows: int, url: str) -> list[str]:
    """A command that syncs a workbook which holds so many rows already."""
    cqs_sheets = [sys.executable, "-m", "cqs_sheets"]
    environ = {**os.environ, "CQS_HOME": str(folder), "CQS_API_URL": url}
    answer = folder / "answer.json"
    answer.write_bytes(saved_answer(range(1, rows + 1), datetime(2026, 1, 1, tzinfo=UTC)))
    spent([*cqs_sheets, "journal", "import", str(answer)], env=environ)
    sync = [*cqs_sheets, "sync", "--to", str(folder / "book.xlsx"), "--template", template]
    spent(sync, env=environ)
    spent(sync, env=environ)  # from now on it knows the workbook to be its own
    return ["env", f"CQS_HOME={folder}", f"CQS_API_URL={url}", *sync]


if __name__ == "__main__":
    sys.exit(main())
