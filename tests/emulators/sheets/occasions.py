"""Which requests a fault or a hook is for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import Json


@dataclass(slots=True)
class Exchange:
    """One request and, once answered, its answer. Sizes are bytes on the wire, headers included."""

    number: int
    verb: str
    path: str
    query: str
    method_id: str
    is_read: bool
    body: Any = None
    token: str = ""
    status: int = 0
    answer: Json | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    body_in: int = 0
    body_out: int = 0
    committed: bool = False
    fault: str = ""

    @property
    def requests(self) -> list[str]:
        """The kinds of a batchUpdate, in order."""
        items = self.body.get("requests", []) if isinstance(self.body, dict) else []
        return [kind for item in items for kind in item]


When = Callable[[Exchange], bool]


def any_request(_exchange: Exchange) -> bool:
    return True


def reads(exchange: Exchange) -> bool:
    return exchange.is_read


def writes(exchange: Exchange) -> bool:
    return not exchange.is_read and exchange.method_id.startswith("sheets.")


@dataclass(slots=True)
class Occasion:
    """The `nth` and following `times - 1` of the requests that fit `when`, counted from now; times 0 is for ever."""

    when: When = any_request
    nth: int = 1
    times: int = 1
    _seen: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def is_now(self, exchange: Exchange) -> bool:
        """Asked once for every request."""
        if not self.when(exchange):
            return False
        with self._lock:
            self._seen += 1
            return self._seen >= self.nth and (self.times == 0 or self._seen < self.nth + self.times)
