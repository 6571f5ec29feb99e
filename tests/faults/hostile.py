"""A server that plays at the level of bytes: so far an exchange goes well, from there on it is hostile."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

BODY = b'{"error":false}'
PARTS = {
    "nothing": b"",
    "status line": b"HTTP/1.1 20",
    "header": b"HTTP/1.1 200 OK\r\nX-Some: th",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
    "chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{",
    "trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Some: th",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
    "endless body": b"HTTP/1.1 200 OK\r\n\r\n{",
}
"""How far the answer goes before the trouble."""
KINDS = ("silence", "drip", "endless", "reset", "garbage")
_PAUSE = 0.05  # seconds between two drips: well within any timeout for one read


class HostileServer:
    """Answers every connection with the part, and then with the kind of trouble, until it is closed."""

    def __init__(self, part: str, kind: str) -> None:
        self._part, self._kind = part, kind
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heard = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def close(self) -> None:
        """Let go of everything."""
        self._closing.set()
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname()).close()
        for thread in list(self._threads):
            thread.join()
        self._listener.close()

    def _listen(self) -> None:
        while not self._closing.is_set():
            visitor, _ = self._listener.accept()
            thread = threading.Thread(target=self._play, args=(visitor,))
            self._threads.append(thread)
            thread.start()

    def _play(self, visitor: socket.socket) -> None:
        with visitor, contextlib.suppress(OSError):
            visitor.settimeout(1)
            if not visitor.recv(1 << 16):
                return
            self.heard.set()
            visitor.sendall(PARTS[self._part])
            self._trouble(visitor)

    def _trouble(self, visitor: socket.socket) -> None:
        again = PARTS[self._part] if self._part in ("interim", "early hints") else b"1"
        if self._kind == "reset":
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self._kind == "garbage":
            visitor.sendall(b"\x00\xff\r\n\r\n\x1b[2J" * 100)
        elif self._kind == "silence":
            self._closing.wait()
        else:
            while not self._closing.wait(_PAUSE if self._kind == "drip" else 0.001):
                visitor.sendall(again if self._kind == "drip" else again + b"\r\nX: y")


@contextlib.contextmanager
def hostile(part: str, kind: str) -> Iterator[HostileServer]:
    """Such a server, while it is wanted."""
    server = HostileServer(part, kind)
    try:
        yield server
    finally:
        server.close()
