"""A scripted HTTP server for answers no honest API gives, and a time that only passes when told."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

NOW = datetime(2026, 5, 24, 14, 40, tzinfo=UTC)


class FakeTime:
    """A clock, a stopwatch and a sleep that belong together; nothing really waits.

    Each look at the stopwatch costs `tick` seconds.
    """

    def __init__(self, tick: float = 0.0) -> None:
        self.passed = 0.0
        self.slept: list[float] = []
        self._tick = tick

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        self.passed += self._tick
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds


def envelope(*signals: Mapping[str, object], error: int = 0, message: str = "Success") -> bytes:
    """An answer as the guide shows it."""
    return json.dumps(
        {"error": error, "message": message, "count": len(signals), "signals": list(signals)}
    ).encode()


@dataclass(frozen=True)
class Canned:
    """One answer. `promised` is the Content-Length where it lies about the body; `pieces` sends the
    body in chunks; `hang` keeps the connection open without a word until the server stops; `raw` is
    sent in place of everything."""

    status: int = 200
    body: bytes = field(default_factory=envelope)
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int | None = None
    pieces: int = 1
    hang: bool = False
    raw: bytes | None = None
    date: str | None = field(default_factory=lambda: format_datetime(NOW, usegmt=True))


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]


Script = Callable[[Seen], Canned]


class ScriptedServer:
    """Answers each request from a script, the last answer for ever after; `seen` is what arrived."""

    def __init__(self, scheme: str, port: int) -> None:
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.seen: list[Seen] = []
        self.script: list[Canned | Script] = [Canned()]
        self.stopping = threading.Event()

    def answers(self, *script: Canned | Script) -> None:
        self.script = list(script)

    def next_answer(self, seen: Seen) -> Canned:
        self.seen.append(seen)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return step if isinstance(step, Canned) else step(seen)


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[ScriptedServer]:
    """A scripted server on a free port of this computer, until the block ends; https with a certificate."""
    httpd = _QuietServer(("127.0.0.1", 0), _Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True, do_handshake_on_connect=False)
    scripted = ScriptedServer("https" if certificate else "http", httpd.server_port)
    httpd.scripted = scripted  # type: ignore[attr-defined]
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        scripted.stopping.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        scripted: ScriptedServer = self.server.scripted  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        answer = scripted.next_answer(
            Seen(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query)),
                form=dict(parse_qsl(form)),
                headers={name.lower(): value for name, value in self.headers.items()},
            )
        )
        self.close_connection = True
        if answer.hang:
            scripted.stopping.wait(30)
            return
        if answer.raw is not None:
            self.wfile.write(answer.raw)
            return
        self.send_response_only(answer.status)
        if answer.date is not None:
            self.send_header("Date", answer.date)
        self.send_header("Connection", "close")
        length = len(answer.body) if answer.promised is None else answer.promised
        for name, value in {"Content-Length": str(length), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        size = max(1, len(answer.body) // answer.pieces)
        for start in range(0, len(answer.body), size):
            self.wfile.write(answer.body[start : start + size])

    do_GET = do_POST = _serve  # noqa: N815 - the names http.server looks for
