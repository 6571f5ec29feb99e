"""A clock that tests set, and the instant they start from."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 5, 24, 12, 0, 0, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)
