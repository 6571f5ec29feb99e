"""The sandbox on a socket: HTTP/1.1 over loopback, and the faults of delivery."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Final

from cqs_sheets.sandbox import answers, faults
from cqs_sheets.sandbox.market_data import MARKETS_PREFIX
from cqs_sheets.sandbox.service import API_PATHS, Service

HOST: Final = "127.0.0.1"

_IDLE_SECONDS = 60.0
_BODY_SECONDS = 2.0
_LINGER_SECONDS = 0.5
_STOP_SECONDS = 5.0
_MOST_LINE_BYTES = 65_536
_MOST_DRAINED_BYTES = 8 * 1024 * 1024

_log = logging.getLogger(__name__)


class SandboxServer(ThreadingHTTPServer):
    """One listening sandbox; a thread for each connection."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name != "nt"  # there it would let two servers have one port
    request_queue_size = 128

    def __init__(
        self,
        *,
        port: int,
        service: Service,
        clock: Callable[[], datetime],
        plan: faults.FaultPlan,
        settings: faults.FaultSettings,
        seen: answers.RequestLog,
        on_request: Callable[[answers.SeenRequest], None] | None,
    ) -> None:
        self.service = service
        self.clock = clock
        self.faults = plan
        self.settings = settings
        self.seen = seen
        self.on_request = on_request
        self.stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's name lookup of the host, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name = HOST
        self.server_port = int(self.server_address[1])

    def opened(self, connection: socket.socket) -> None:
        """Note a connection that the current thread serves."""
        with self._connections_lock:
            self._connections[connection] = threading.current_thread()
        if self.stopping.is_set():
            _shut(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection that is about to be closed."""
        with self._connections_lock:
            self._connections.pop(connection, None)

    def close_connections(self) -> None:
        """Wake every thread that waits on a client or in a fault, and wait for them to end."""
        self.stopping.set()
        with self._connections_lock:
            open_now = dict(self._connections)
        for connection in open_now:
            _shut(connection)
        for thread in open_now.values():
            if thread is not threading.current_thread():
                thread.join(_STOP_SECONDS)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away; log what else went wrong."""
        del request, client_address
        error = sys.exception()
        if not isinstance(error, OSError):
            _log.error("the sandbox failed on a connection", exc_info=error)

    def now(self) -> datetime:
        """Return the sandbox's time, in UTC; ValueError when its clock names no zone."""
        now = self.clock()
        if now.tzinfo is None:
            raise ValueError("the sandbox's clock must give times with a zone, such as datetime.now(UTC)")
        return now.astimezone(UTC)


def _shut(connection: socket.socket) -> None:
    # An OSError says that the other side went first, which is as good.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests, has the service answer, and sends the answers as the faults would have it."""

    server: SandboxServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def setup(self) -> None:
        """Take a connection on."""
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        """Let go of the connection."""
        self.server.closed(self.connection)
        super().finish()

    def handle_one_request(self) -> None:
        """Serve one request; on anything that cannot be read the connection ends."""
        try:
            self.raw_requestline = self.rfile.readline(_MOST_LINE_BYTES + 1)
            if len(self.raw_requestline) > _MOST_LINE_BYTES:
                self.request_version = self.command = ""
                self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
            elif not self.raw_requestline:
                self.close_connection = True
            elif self.parse_request():
                self._serve()
        except OSError:  # timeouts are of this kind too
            self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself refuses in the API's envelope."""
        del explain
        self.close_connection = True
        text = message or HTTPStatus(code).phrase
        self._send(answers.failure(answers.ErrorCode.BAD_REQUEST, text, code), self.server.now())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Print nothing: query strings hold keys."""

    def _serve(self) -> None:
        now = self.server.now()
        try:
            self._check_caller()
            path, query = answers.split_target(self.path)
            form = self._form()
        except answers.RefusedError as refused:
            self.close_connection = True
            self._send(answers.failure(answers.ErrorCode.BAD_REQUEST, str(refused), refused.status), now)
            self._linger()
            return
        names: tuple[str, ...] = ()
        market = path.startswith(MARKETS_PREFIX)
        if market or (path in API_PATHS and self.command in ("GET", "POST")):
            names = self.server.faults.draw(market=market)
        request = self._seen(now, path, query, form, names)
        outages = [name for name in names if market or name in faults.OUTAGES]
        answer = self.server.service.answer(self.command, path, request.params, now, outages=outages)
        self._deliver(faults.spoil(answer, names, self.server.settings), now, names)

    def _check_caller(self) -> None:
        """Refuse a page in a browser: one of another site, or one that had a name of its own lead here."""
        name = self.headers.get("Host", HOST).partition(":")[0].lower()
        if name not in (HOST, "localhost") or self.headers.get("Sec-Fetch-Site") == "cross-site":
            raise answers.RefusedError(HTTPStatus.FORBIDDEN, "The sandbox answers this computer only")

    def _form(self) -> answers.Pairs:
        """Read the body, and its fields if it is a form."""
        length = answers.body_length(self.headers["Content-Length"], self.headers["Transfer-Encoding"])
        self.connection.settimeout(_BODY_SECONDS)
        try:
            body = self.rfile.read(length)
        except TimeoutError:
            raise answers.RefusedError(HTTPStatus.REQUEST_TIMEOUT, "The body did not come") from None
        self.connection.settimeout(self.timeout)
        if len(body) < length:
            raise answers.RefusedError(HTTPStatus.BAD_REQUEST, "The body is shorter than its Content-Length")
        if self.command == "GET" or not answers.is_form(self.headers["Content-Type"]):
            return ()
        return answers.fields_of(body)

    def _linger(self) -> None:
        """Read on for a moment: closing on a client that still sends would lose it the answer."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_LINGER_SECONDS)
        left = _MOST_DRAINED_BYTES
        while left > 0 and (chunk := self.connection.recv(65_536)):
            left -= len(chunk)

    def _seen(
        self, now: datetime, path: str, query: answers.Pairs, form: answers.Pairs, names: tuple[str, ...]
    ) -> answers.SeenRequest:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = answers.SeenRequest(now, self.command, path, query, form, headers, names)
        self.server.seen.add(request)
        if self.server.on_request is not None:
            self.server.on_request(request)
        return request

    def _deliver(self, answer: answers.Answer, now: datetime, names: tuple[str, ...]) -> None:
        settings = self.server.settings
        if faults.SLOW in names:
            self.server.stopping.wait(settings.slow_seconds)
        if faults.HANG in names:
            self.server.stopping.wait(settings.hang_seconds)
        if faults.RESET in names:
            self._reset()
        elif faults.HANG in names or faults.DROPPED in names:
            self.close_connection = True
        else:
            self._send(answer, now, cut=faults.TRUNCATED in names)

    def _reset(self) -> None:
        """End the connection by an RST, as a crashed peer or a middlebox does."""
        self.close_connection = True
        # Linger of zero seconds; two shorts on Windows, two ints elsewhere.
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # The socket closes when its last reader does; http.server's own closing would send a FIN first.
        self.rfile.close()
        self.connection.close()

    def _send(self, answer: answers.Answer, now: datetime, *, cut: bool = False) -> None:
        """Send an answer in one write; `cut` sends half of the body and ends the connection."""
        if cut:
            self.close_connection = True
        head = [
            f"{self.protocol_version} {int(answer.status)} {HTTPStatus(answer.status).phrase}",
            f"Date: {format_datetime(now, usegmt=True)}",
            *(f"{name}: {value}" for name, value in answer.headers.items()),
            f"Content-Length: {len(answer.body)}",
            "Cache-Control: no-store",
            f"Connection: {'close' if self.close_connection else 'keep-alive'}",
        ]
        body = b"" if self.command == "HEAD" else answer.body
        if cut:
            body = body[: len(body) // 2]
        self.wfile.write("\r\n".join((*head, "\r\n")).encode("latin-1") + body)
