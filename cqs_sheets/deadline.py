"""One deadline for a whole exchange: connection, status line, headers, chunks, trailers and body.

The HTTP libraries bound only the wait for the next byte, so that a server that drips holds them for ever.
Here a timer cuts the connection, whatever is being read; it works through TLS and proxies alike.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from http.client import HTTPResponse, parse_headers
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

GRACE = 3.0
"""Seconds that an exchange may still take once a stop was asked for."""
_GLANCE = 0.25  # seconds between two looks at whether one was
_NEVER = float("inf")
_current = threading.local()
_stop = {"asked": _NEVER}


def hurry() -> None:
    """A stop was asked for: what runs, and what still begins, has the grace. A signal handler may call it."""
    _stop["asked"] = min(_stop["asked"], time.monotonic())


def at_leisure() -> None:
    """No stop is asked for (any more)."""
    _stop["asked"] = _NEVER


def stop_asked() -> bool:
    """Whether a stop is asked for."""
    return _stop["asked"] < _NEVER


class Deadline:
    """Cuts the connections of this thread's exchange after so many seconds; `passed` tells that it did."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._begun = time.monotonic()
        self._seconds = seconds
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._outer: Deadline | None = getattr(_current, "deadline", None)
        _current.deadline = self
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        _current.deadline = self._outer
        with self._lock:
            while self._lines:
                self._lines.pop().close()

    def take(self, connection: socket.socket) -> None:
        """Cut this connection, too. A handle of its own stays good when TLS takes the socket over."""
        with self._lock:
            self._lines.append(socket.fromfd(connection.fileno(), connection.family, connection.type))
        if self.passed:
            self._cut()

    def connected(self, connect: Callable[[], socket.socket]) -> socket.socket | None:
        """What `connect` opens, None if it takes too long: nothing else ends a wait for the name of a server."""
        found: list[socket.socket | Exception] = []
        late = threading.Event()

        def work() -> None:
            try:
                found.append(connect())
            except Exception as error:  # noqa: BLE001 - raised again below
                found.append(error)
            if late.is_set() and isinstance(found[0], socket.socket):
                found[0].close()

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        while worker.is_alive() and self._left() > 0:
            worker.join(max(0.0, min(_GLANCE, self._left())))
        if not found:
            self.passed = True
            late.set()
            return None
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def _left(self) -> float:
        until = min(self._begun + self._seconds, max(self._begun, _stop["asked"]) + GRACE)
        return until - time.monotonic()

    def _watch(self) -> None:
        while not self._over.wait(max(0.0, min(_GLANCE, self._left()))):
            if self._left() <= 0:
                self.passed = True
                self._cut()
                return

    def _cut(self) -> None:
        with self._lock:
            for line in self._lines:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)


def _take(connection: socket.socket | None) -> None:
    deadline: Deadline | None = getattr(_current, "deadline", None)
    if deadline is not None and connection is not None:
        deadline.take(connection)


class _Response(HTTPResponse):
    """Passes over every interim answer, not only 100."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 101 < status < 200:  # noqa: PLR2004 - 101 ends HTTP, 100 the library passes over
                return version, status, reason
            parse_headers(self.fp)


class _Plain(HTTPConnection):
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        deadline: Deadline | None = getattr(_current, "deadline", None)
        if deadline is None:
            return super()._new_conn()
        made = deadline.connected(super()._new_conn)
        if made is None:
            raise ConnectTimeoutError(self, "no connection in time")
        deadline.take(made)
        return made

    def request(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the library's
        _take(self.sock)  # a connection that was kept
        super().request(*args, **options)


class _Secure(_Plain, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class DeadlineAdapter(HTTPAdapter):
    """What a requests session is mounted with so that a Deadline around a request holds."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the library's
        """Pools whose connections a deadline can cut."""
        super().init_poolmanager(*args, **options)  # type: ignore[no-untyped-call,unused-ignore]
        _ours(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **options: Any) -> ProxyManager:  # noqa: ANN401 - the library's
        """The same by way of a proxy."""
        manager: ProxyManager = super().proxy_manager_for(*args, **options)  # type: ignore[no-untyped-call,unused-ignore]
        _ours(manager)
        return manager


def _ours(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
