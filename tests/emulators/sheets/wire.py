"""HTTP: sockets to Exchanges and back, faults included."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from .faults import Fault
from .occasions import Exchange

GZIP_FROM = 200


class Reply:
    """An answer ready to be sent."""

    def __init__(
        self, status: int, body: bytes, content_type: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers


class Desk(Protocol):
    """What the handler asks of the emulator."""

    def receive(
        self, verb: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[Exchange, Reply, Fault | None]:
        """Answer one request; the fault, if any, is for the way back."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as the server closes."""
        ...


class Server(ThreadingHTTPServer):
    """Threads end with the server; `desk` does the work."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], desk: Desk) -> None:
        super().__init__(address, Handler)
        self.desk = desk

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are none of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    server_version = "ESF"
    sys_version = ""
    disable_nagle_algorithm = True
    server: Server
    raw_requestline: bytes

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        plain = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        exchange, reply, fault = self.server.desk.receive(self.command, self.path, headers, plain)
        exchange.bytes_in = len(self.raw_requestline) + len(bytes(self.headers)) + len(body)
        exchange.body_in = len(body)
        try:
            self._send(exchange, reply, fault)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle  # noqa: N815 - the names http.server looks for

    def _send(self, exchange: Exchange, reply: Reply, fault: Fault | None) -> None:
        if fault and fault.kind == "timeout":
            self.server.desk.wait(fault.seconds)
            self.close_connection = True
            return
        if fault and fault.kind == "reset":
            self._reset()
            return
        if fault and fault.kind == "slow":
            self.server.desk.wait(fault.seconds)
        self._write(exchange, reply, cut=fault is not None and fault.kind == "truncate")

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _write(self, exchange: Exchange, reply: Reply, *, cut: bool) -> None:
        body = reply.body
        zipped = len(body) > GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", "")
        if zipped:
            body = gzip.compress(body, compresslevel=6, mtime=0)
        head = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('',))[0]}"]
        head += [f"{name}: {value}" for name, value in self._headers(reply, len(body), zipped=zipped)]
        start = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        exchange.bytes_out, exchange.body_out = len(start) + len(body), len(body)
        self.wfile.write(start + (body[: len(body) // 2] if cut else body))
        self.wfile.flush()
        self.close_connection = self.close_connection or cut

    def _headers(self, reply: Reply, length: int, *, zipped: bool) -> list[tuple[str, str]]:
        fields = [("Server", "ESF"), ("Date", self.date_time_string()), ("Vary", "Origin, X-Origin, Referer")]
        if reply.status != 204:
            fields += [("Content-Type", reply.content_type), ("Content-Length", str(length))]
        if zipped:
            fields.append(("Content-Encoding", "gzip"))
        return [*fields, *reply.headers]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Silent: Exchanges are the log."""


def encode(answer: object, *, pretty: bool) -> bytes:
    """JSON as the service writes it: indented by two unless prettyPrint=false."""
    if not pretty:
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    return (_indented(answer, "\n") + "\n").encode()


def _indented(value: object, line: str) -> str:
    """What json.dumps(indent=2) writes, in a third of the time."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    inner = line + "  "
    if isinstance(value, dict):
        if not value:
            return "{}"
        members = [f'{inner}"{key}": {_indented(item, inner)}' for key, item in value.items()]
        return "{" + ",".join(members) + line + "}"
    if isinstance(value, list):
        return (
            "[" + ",".join([inner + _indented(item, inner) for item in value]) + line + "]" if value else "[]"
        )
    return json.dumps(value)
