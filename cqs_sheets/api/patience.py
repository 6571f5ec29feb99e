"""How long to wait between attempts: exponential back-off with full jitter inside a total budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST = 1.0
_LONGEST = 60.0
_SHORTEST = 0.1  # never a hot loop, whatever the dice say
_DOUBLINGS = 6
_SERVER_YEARS = range(2020, 2120)


class Patience:
    """A budget in seconds for failed attempts and the waits between them, over many requests.

    `random` gives numbers in 0..1.
    """

    def __init__(self, budget: float, random: Callable[[], float]) -> None:
        self.left = budget
        self._random = random

    def spend(self, seconds: float) -> None:
        """Time that went by without success."""
        self.left -= seconds

    def next_wait(self, failures: int, *, at_least: float) -> float | None:
        """Seconds to wait after so many failures in a row, or None if the budget does not allow it."""
        ceiling = min(_LONGEST, _FIRST * 2 ** min(failures - 1, _DOUBLINGS))
        wait = max(_SHORTEST, at_least, self._random() * ceiling)
        return wait if wait <= self.left else None


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock by its Date header (UTC), or None if it sent none that is plausible."""
    moment = _http_date(headers.get("Date", ""))
    return moment if moment and moment.year in _SERVER_YEARS else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that the Retry-After header asks for (a number or a date); 0 without a readable one."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = _http_date(text)
    return max(0.0, (moment - now).total_seconds()) if moment else 0.0


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
