"""What a worker has done, in Prometheus' text format, for this machine alone."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from cqs_sheets.core.secret import is_loopback

_HELP = {
    "cqs_polls_total": ("counter", "Polls of a feed, by outcome."),
    "cqs_last_poll_timestamp_seconds": ("gauge", "When a feed of the tenant was last polled by this worker."),
    "cqs_writes_total": ("counter", "Looks at a target that lacked something, by outcome."),
    "cqs_write_seconds_sum": ("counter", "Seconds that these took."),
    "cqs_write_seconds_max": ("gauge", "The longest of them."),
    "cqs_pending_rows": ("gauge", "Rows that the last look at a target left waiting."),
    "cqs_lacking_targets": ("gauge", "Targets that lacked something at the last poll."),
}
_PATIENCE = 10.0  # seconds for a request
_Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counts by tenant; from any thread."""

    def __init__(self) -> None:
        self._values: dict[str, dict[_Labels, float]] = defaultdict(lambda: defaultdict(float))
        self._lock = threading.Lock()

    def polled(self, tenant: str, at: datetime, outcome: str) -> None:
        """A feed was polled."""
        with self._lock:
            self._values["cqs_polls_total"][("tenant", tenant), ("outcome", outcome)] += 1
            self._values["cqs_last_poll_timestamp_seconds"][(("tenant", tenant),)] = at.timestamp()

    def wrote(self, tenant: str, seconds: float, outcome: str, pending: int) -> None:
        """A target was looked at."""
        whose = (("tenant", tenant),)
        with self._lock:
            self._values["cqs_writes_total"][*whose, ("outcome", outcome)] += 1
            self._values["cqs_write_seconds_sum"][whose] += seconds
            longest = self._values["cqs_write_seconds_max"]
            longest[whose] = max(longest[whose], seconds)
            self._values["cqs_pending_rows"][whose] = pending

    def lacking(self, tenant: str, count: int) -> None:
        """So many targets lack something."""
        with self._lock:
            self._values["cqs_lacking_targets"][(("tenant", tenant),)] = count

    def text(self) -> str:
        """All of it as Prometheus reads it."""
        with self._lock:
            return "".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for name, (kind, what) in _HELP.items():
            yield f"# HELP {name} {what}\n# TYPE {name} {kind}\n"
            for labels, value in sorted(self._values[name].items()):
                told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
                yield f"{name}{{{told}}} {value:.15g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _asks_this_machine(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


@contextmanager
def served(metrics: Metrics, port: int) -> Iterator[int]:
    """Answer on http://127.0.0.1:PORT/metrics for as long; the port, which 0 leaves to the system."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE  # who says nothing must not keep a thread

        def do_GET(self) -> None:
            ours = _asks_this_machine(self.headers.get("Host", ""))  # a web page may send others here
            body = metrics.text().encode(errors="replace") if ours else b""
            self.send_response(403 if not ours else 200 if self.path == "/metrics" else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nobody wants to read that."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
