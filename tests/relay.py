"""A network between workers and PostgreSQL that can be cut: bytes wait, connections die, nobody is told."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Self


class Relay:
    """Passes TCP connections of a loopback port on to a server's socket, in a process of its own."""

    def __init__(self, server: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.relay", server],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.port = int(self._said())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def cut(self, seconds: float) -> None:
        """Let nothing through for so long."""
        assert self._process.stdin
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        self._said()

    def _said(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


class _Lines:
    def __init__(self, server: Path) -> None:
        self._server = server
        self._whole = threading.Event()
        self._whole.set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []

        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, seconds: float) -> None:
        """After 20 s clients are told that their connections are dead, as by a kernel; the server is not."""
        self._whole.clear()
        cut, left = list(self._pairs), min(20.0, seconds)
        time.sleep(left)
        for client, _ in cut:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        time.sleep(seconds - left)
        self._whole.set()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._whole.wait()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._server))
        except OSError:  # it restarts
            _end(client, server)
            return
        pair = (client, server)
        self._pairs.append(pair)
        back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
        back.start()
        self._pass(client, server)
        back.join()
        self._pairs.remove(pair)
        _end(*pair)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self._whole.wait()
                sink.sendall(data)
        self._whole.wait()
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        one.close()


if __name__ == "__main__":
    lines = _Lines(Path(sys.argv[1]))
    sys.stdout.write(f"{lines.port}\n")
    sys.stdout.flush()
    for asked in sys.stdin:
        lines.cut(float(asked))
        sys.stdout.write("whole again\n")
        sys.stdout.flush()
