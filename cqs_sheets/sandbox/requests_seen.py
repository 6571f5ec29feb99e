"""What clients sent, kept for tests to look at."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cqs_sheets.sandbox.accounts import FREE_KEY

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it was sent.

    `query` and `form` keep order and repeats; header names are lower case; `at` is the sandbox's
    clock; `faults` are the faults that struck it.
    """

    at: datetime
    method: str
    path: str
    query: Pairs
    form: Pairs
    headers: Mapping[str, str] = field(repr=False)
    faults: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, str]:
        """Parameters as the service takes them: the form goes before the query, the last counts."""
        return {**dict(self.query), **dict(self.form)}

    def describe(self) -> str:
        """One line for a person, with any key but FREE hidden."""
        shown = [f"{name}={_hidden(name, value)}" for name, value in self.params.items()]
        struck = f"  [{', '.join(self.faults)}]" if self.faults else ""
        return f"{self.at:%H:%M:%S} {self.method} {self.path} {' '.join(shown)}{struck}".rstrip()


def _hidden(name: str, value: str) -> str:
    if name != "api_key" or value == FREE_KEY:
        return repr(value) if " " in value or not value.isprintable() else value
    return "***"


class RequestLog:
    """The latest requests, at most `most` of them. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._seen: deque[SeenRequest] = deque(maxlen=most)
        self._lock = threading.Lock()

    def add(self, request: SeenRequest) -> None:
        """Keep `request`, dropping the oldest when full."""
        with self._lock:
            self._seen.append(request)

    def latest(self) -> list[SeenRequest]:
        """Return the requests kept, oldest first."""
        with self._lock:
            return list(self._seen)

    def clear(self) -> None:
        """Forget every request."""
        with self._lock:
            self._seen.clear()
