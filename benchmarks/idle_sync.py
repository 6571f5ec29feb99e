"""A sync with nothing new, on 10,000 rows against the same on none.

Run: python benchmarks/idle_sync.py
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from measure import paired_ratio, seconds, verdict

LIMIT = 1.5
ROWS = 10_000


class Quiet(BaseHTTPRequestHandler):
    """The API on a day without news."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """No open signals."""
        body = json.dumps(
            {"error": 0, "message": "No new signals available", "count": 0, "signals": []}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


def saved_answer(count: int) -> bytes:
    """An answer with so many signals, to be imported."""
    signal = {
        "timestamp": "2026-01-01 12:00:00", "exchange": "binance", "currency": "USDT", "coin": "BTC",
        "direction": "LONG", "buy_start": "94250.5", "buy_end": "94400", "target1": "95500",
        "stop_loss": "93100", "type": "SHORT TERM", "ask": "94325", "risk_level": "3",
    }  # fmt: skip
    signals = [{"id": str(number), **signal} for number in range(1, count + 1)]
    return json.dumps({"error": 0, "message": "Success", "count": count, "signals": signals}).encode()


def main() -> int:
    """Exit code 1 if the ratio is over the limit."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        commands = []
        for label, rows in (("full", ROWS), ("empty", 0)):
            folder = Path(name) / label
            folder.mkdir()
            commands.append(prepared(folder, rows, server.server_port))
        full, empty, ratio = paired_ratio(*commands)
    server.shutdown()
    print(f"nothing new, {ROWS:,} rows: {full * 1000:.0f} ms; no rows: {empty * 1000:.0f} ms")
    return 0 if verdict("idle sync", ratio, LIMIT) else 1


def prepared(folder: Path, rows: int, port: int) -> list[str]:
    """A command that syncs a workbook which holds `rows` rows already."""
    cqs_sheets = [sys.executable, "-m", "cqs_sheets"]
    environ = {**os.environ, "CQS_HOME": str(folder), "CQS_API_URL": f"http://127.0.0.1:{port}"}
    if rows:
        answer = folder / "answer.json"
        answer.write_bytes(saved_answer(rows))
        seconds([*cqs_sheets, "journal", "import", str(answer)], env=environ)
    sync = [*cqs_sheets, "sync", "--to", str(folder / "book.xlsx"), "--template", "raw"]
    seconds(sync, env=environ)
    given = [f"{name}={environ[name]}" for name in ("CQS_HOME", "CQS_API_URL")]
    return ["env", *given, *sync]


if __name__ == "__main__":
    sys.exit(main())
