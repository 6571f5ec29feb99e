"""Requests per minute, for the project and for each user, reads and writes apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import rate_limited


@dataclass(slots=True)
class Quota:
    """`clock` gives seconds; a window is the last 60 of them. A refused request is not counted.

    A user is a token; its project is what follows the @ of the account in it, else the one project of all.
    """

    clock: Callable[[], float]
    per_user: int = 60
    per_project: int = 300
    _past: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def take(self, user: str, *, read: bool) -> None:
        """Raises ApiError 429."""
        kind, now = "Read" if read else "Write", self.clock()
        windows = [(self._window(kind, user, now), self.per_user, " per user")]
        windows.append((self._window(kind, user.partition("@")[2], now), self.per_project, ""))
        for window, limit, scope in windows:
            if len(window) >= limit:
                raise rate_limited(kind, scope, limit)
        for window, _, _ in windows:
            window.append(now)

    def _window(self, kind: str, user: str, now: float) -> deque[float]:
        window = self._past.setdefault((kind, user), deque())
        while window and window[0] <= now - 60:
            window.popleft()
        return window
