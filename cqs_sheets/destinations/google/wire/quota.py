"""Google's requests per minute, kept on our side: better to wait a little than to be refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

PER_MINUTE = 60
"""What Google allows one user, reads and writes each; a project may have five such users at once."""
WINDOW = 60.0


class Quota:
    """Lets at most `limit` requests of one kind begin in any 60 seconds; `clock` gives seconds.

    One object serves all targets of a run, from any thread.
    """

    def __init__(self, *, clock: Callable[[], float], limit: int = PER_MINUTE) -> None:
        self._clock = clock
        self._limit = limit
        self._begun: deque[float] = deque()
        self._lock = Lock()

    def delay(self) -> float:
        """Take the next place; returns the seconds to wait until it is free."""
        with self._lock:
            now = self._clock()
            while self._begun and self._begun[0] <= now - WINDOW:
                self._begun.popleft()
            start = now if len(self._begun) < self._limit else max(now, self._begun[-self._limit] + WINDOW)
            self._begun.append(start)
            return start - now
