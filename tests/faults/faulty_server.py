"""A server on the loopback that does wrong what its callers ask for by path, once for each request."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

BIGGEST = 1 << 20
"""What clients of these tests accept of a body, in bytes."""

_CERTIFICATE = Path(__file__).parents[1] / "api" / "self_signed.pem"


def answer(status: int, body: bytes, **headers: str) -> bytes:
    """A whole HTTP answer; `_` in a header's name stands for `-`."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {fields[name]}" for name in fields)]
    return "\r\n".join([*head, "", ""]).encode() + body


class FaultyServer(ThreadingTCPServer):
    """`visits` are the paths asked for; `manners` what is sent for a path, None for not a word."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, manners: Mapping[str, bytes | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manners = manners
        self.visits: list[str] = []
        self.stopping = threading.Event()
        self.port: int = self.server_address[1]

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what the tests are about."""


class _Handler(StreamRequestHandler):
    server: FaultyServer

    def handle(self) -> None:
        first = self.rfile.readline()
        if not first.startswith((b"GET ", b"POST ")):
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # somebody who speaks TLS
            return
        path = first.split()[1].decode()
        self.server.visits.append(path)
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        wanted = path.partition("?")[0]
        if wanted == "/reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif (reply := self.server.manners.get(wanted, b"")) is None:
            self.server.stopping.wait(30)
        else:
            with suppress(OSError):
                self.wfile.write(reply)


class _Impostor(FaultyServer):
    """Speaks TLS with a certificate that nobody trusts."""

    def get_request(self) -> tuple[socket.socket, object]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_CERTIFICATE)
        connection, address = super().get_request()
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address


@contextmanager
def serving(
    manners: Mapping[str, bytes | None],
    kind: Callable[[Mapping[str, bytes | None]], FaultyServer] = FaultyServer,
) -> Iterator[FaultyServer]:
    """A faulty server until the block ends."""
    server = kind(manners)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def impostor() -> Iterator[FaultyServer]:
    """A server with a certificate that nobody trusts, until the block ends."""
    with serving({}, _Impostor) as server:
        yield server


def bodies() -> dict[str, bytes | None]:
    """Answers that are no answers, by path."""
    whole = json.dumps({"status": "ok", "data": []}).encode()
    bomb = gzip.compress(b" " * (BIGGEST * 32) + whole, 9, mtime=0)
    return {
        "/silence": None,
        "/close": b"",
        "/reset": b"",
        "/garbage": b"\x00\x01 what is this\r\n\r\n",
        "/endless-header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        "/truncated": answer(200, whole[:20], Content_Length=str(len(whole))),
        "/truncated-json": answer(200, whole[:20]),
        "/cut-gzip": answer(200, gzip.compress(whole, mtime=0)[:-12], Content_Encoding="gzip"),
        "/damaged-gzip": answer(200, b"\x1f\x8b" + whole, Content_Encoding="gzip"),
        "/unknown-encoding": answer(200, whole, Content_Encoding="br"),
        "/bomb": answer(200, bomb, Content_Encoding="gzip"),
        "/oversized": answer(200, whole + b" " * (BIGGEST * 2)),
        "/bad-length": answer(200, whole, Content_Length="many"),
        "/bad-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "/html": answer(
            200, b"<html><h1>Sign in to the hotel's network</h1></html>", Content_Type="text/html"
        ),
        "/empty": answer(200, b""),
        "/no-content": answer(204, b""),
        "/null": answer(200, b"null"),
        "/list": answer(200, b"[]"),
        "/text": answer(200, b'"ok"'),
        "/number": answer(200, b"1e999999"),
        "/deep": answer(200, b"[" * 100_000),
        "/bad-utf8": answer(200, b'{"error": 0, "message": "\xff\xfe'),
    }
