"""What can go wrong between us and a server: each fault strikes one request of a real HTTP session.

A fault is a place that the request is sent to instead: a port where nobody listens, a name that does not
exist, somebody who does not speak TLS, a path of the faulty server. So the HTTP library meets the real thing.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from tests.faults.faulty_server import FaultyServer, answer, bodies, impostor, serving

PASSING = 0
"""The code of a fault that asking again mends."""

STRAY = "/stray"
"""Where redirects to another origin lead; nobody may ever ask there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`code`: the exit code it ends a sync with, PASSING if asking again helps.

    `url` is where the request goes instead; `after_commit`: the real server has carried it out all the same.
    """

    name: str
    code: int
    url: str
    after_commit: bool = False

    def __str__(self) -> str:
        return self.name


class Net:
    """The faults there are, by name."""

    def __init__(self, server: FaultyServer, impostor_port: int, closed_port: int) -> None:
        self.server = server
        self._impostor_port = impostor_port
        self._closed_port = closed_port

    def unreachable(self) -> Iterator[Fault]:
        """No conversation comes about."""
        yield Fault("refused", PASSING, f"http://127.0.0.1:{self._closed_port}/")
        yield Fault("no such name", PASSING, "http://[fe80::1%25nowhere]/")  # fails without asking anybody
        yield Fault("no TLS", PASSING, f"https://127.0.0.1:{self.server.port}/")

    def untrusted(self, code: int) -> Fault:
        """TLS with somebody who cannot prove who he is."""
        return Fault("untrusted certificate", code, f"https://127.0.0.1:{self._impostor_port}/")

    def broken(self, codes: dict[str, int]) -> Iterator[Fault]:
        """A conversation that breaks off or makes no sense; `codes` of those that do not pass."""
        for path in bodies():
            yield Fault(path[1:], codes.get(path[1:], PASSING), self._at(path))

    def lost(self) -> Iterator[Fault]:
        """The request is carried out, and its answer does not come."""
        for path in ("/silence", "/reset", "/close", "/truncated", "/html", "/status-503"):
            yield Fault(f"done, then {path[1:]}", PASSING, self._at(path), after_commit=True)

    def says(self, name: str, code: int, reply: bytes) -> Fault:
        """A whole answer."""
        self.server.manners = {**self.server.manners, f"/{name}": reply}
        return Fault(name, code, self._at(f"/{name}"))

    def _at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.port}{path}"


@contextmanager
def network() -> Iterator[Net]:
    """A faulty neighbourhood on the loopback until the block ends."""
    manners = {**bodies(), "/status-503": answer(503, b"<h1>503</h1>")}
    with serving(manners) as server, impostor() as stranger, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # so that no one else gets the port; not listening
        yield Net(server, stranger.port, nobody.getsockname()[1])


class Link(HTTPAdapter):
    """Carries requests where they should go, but for those that the script has a fault for."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Fault | None] = []

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        fault = self.script.pop(0) if self.script else None
        if fault is None:
            return super().send(request, *args, **options)
        if fault.after_commit:
            super().send(request, *args, **options).close()
        detour = request.copy()
        detour.url = fault.url
        response = super().send(detour, *args, **options)
        response.url = request.url or ""
        return response


def api_faults(net: Net) -> list[Fault]:
    """All that can be wrong with an answer of the signals API."""
    final = {"oversized": 69, "bomb": 69}
    faults = [*net.unreachable(), net.untrusted(69), *net.broken(final)]
    faults += (fault for fault in net.lost() if "silence" in fault.name or "503" in fault.name)
    for status in (400, 401, 403, 405, 410, 418, 451):
        faults.append(net.says(f"api-{status}", 69, answer(status, b"<h1>no</h1>")))
    for status in (404, 408, 425, 429, 500, 501, 502, 503, 504, 507):
        faults.append(net.says(f"api-{status}", PASSING, answer(status, b"<h1>not now</h1>")))
    faults.append(net.says("api-429-wait", PASSING, answer(429, b"", Retry_After="2")))
    faults.append(net.says("api-503-wait", PASSING, answer(503, b"", Retry_After="2")))
    faults.append(net.says("api-429-wait-long", 69, answer(429, b"", Retry_After="86400")))
    faults.append(net.says("api-302-here", PASSING, answer(302, b"", Location="/getSignal/")))
    for status in (301, 302, 307, 308):
        elsewhere = f"http://127.0.0.1:{net.server.port}{STRAY}"
        faults.append(net.says(f"api-{status}-elsewhere", 69, answer(status, b"", Location=elsewhere)))
    for error, message, code in (
        (1, "Missing key", 2), (1, "Bad parameter", 2), (4, "Unable to validate API Key", PASSING),
        (5, "Invalid API Key", 77), (5, "System unavailable", PASSING), (6, "Rate limit exceeded", PASSING),
        (2, "What is this", PASSING), (-1, "", PASSING),
    ):  # fmt: skip
        said = {"error": error, "message": message, "count": 0, "signals": []}
        faults.append(
            net.says(f"api-error-{error}-{message[:3].strip()}", code, answer(200, json.dumps(said).encode()))
        )
    return faults


def google_faults(net: Net) -> list[Fault]:
    """All that can be wrong with an answer of Google Sheets."""
    faults = [*net.unreachable(), net.untrusted(PASSING), *net.broken({}), *net.lost()]
    for status, word, code in (
        (400, "INVALID_ARGUMENT", 1), (401, "UNAUTHENTICATED", 77), (403, "PERMISSION_DENIED", 77),
        (404, "NOT_FOUND", 2), (405, "", PASSING), (408, "", PASSING), (409, "ABORTED", PASSING),
        (410, "", PASSING), (413, "", PASSING), (429, "RESOURCE_EXHAUSTED", PASSING), (500, "INTERNAL", PASSING),
        (501, "UNIMPLEMENTED", PASSING), (502, "", PASSING), (503, "UNAVAILABLE", PASSING), (504, "", PASSING),
    ):  # fmt: skip
        body = json.dumps({"error": {"code": status, "message": f"{word} it says", "status": word}}).encode()
        faults.append(net.says(f"google-{status}", code, answer(status, body)))
    page = b"<h1>no</h1>"
    faults += (net.says(f"google-{status}-html", PASSING, answer(status, page)) for status in (429, 503))
    faults.append(net.says("google-403-html", 77, answer(403, page)))
    faults.append(net.says("google-429-wait", PASSING, answer(429, b"", Retry_After="2")))
    for status in (301, 302, 307, 308):
        elsewhere = f"http://127.0.0.1:{net.server.port}{STRAY}"
        faults.append(
            net.says(f"google-{status}-elsewhere", PASSING, answer(status, b"", Location=elsewhere))
        )
    return faults
