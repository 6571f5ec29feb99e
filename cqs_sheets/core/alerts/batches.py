"""What of an outbox is due now, and in how many messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta, tzinfo

from cqs_sheets.core.alerts.kinds import Kind
from cqs_sheets.core.alerts.news import News
from cqs_sheets.core.signals.exchanges import Symbols
from cqs_sheets.values import dataclass

LATE = timedelta(minutes=15)
"""What is older than this comes with others like it, as one digest."""

GIVEN_UP = timedelta(days=2)
"""What is older than this is not told any more, but by its number."""

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=15)
_DOUBLINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What one alert is to tell and when: `quiet` is a stretch of the day, `digest` the least time between two."""

    on: frozenset[str]
    where: Mapping[str, object]
    digest: timedelta
    quiet: tuple[time, time] | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How sending went: failures in a row and the last try, messages of the last minute, the last one of all."""

    failures: int = 0
    tried: datetime | None = None
    last_minute: int = 0
    last_sent: datetime | None = None


def wanted(habits: Habits, news: News, zone: tzinfo, symbols: Symbols) -> bool:
    """Whether an alert tells this at all."""
    if news.kind is Kind.TEST:
        return True
    if news.kind.value not in habits.on or news.record is None or not habits.where:
        return news.kind.value in habits.on
    from cqs_sheets.core.plan.rows import passes  # noqa: PLC0415 - a sync that has no news imports no template

    return passes(habits.where, news.record, zone, symbols)


def due(
    waiting: Sequence[News], habits: Habits, service: Service, now: datetime, zone: tzinfo
) -> list[Sequence[News]]:
    """What to send now, oldest first, each a message: several together are a digest."""
    if not waiting or _is_quiet(habits, now, zone) or _must_pause(service, now):
        return []
    if habits.digest:
        come = service.last_sent is None or now >= service.last_sent + habits.digest
        return [waiting] if come else []
    room = habits.limit - service.last_minute
    if room <= 0:
        return []
    together = len(waiting) > room or waiting[0].at < now - LATE
    return [waiting] if together else [[one] for one in waiting]


def _is_quiet(habits: Habits, now: datetime, zone: tzinfo) -> bool:
    if habits.quiet is None:
        return False
    begin, end = habits.quiet
    clock = now.astimezone(zone).time()
    return begin <= clock < end if begin < end else clock >= begin or clock < end


def _must_pause(service: Service, now: datetime) -> bool:
    """Every failure in a row doubles the pause, up to a quarter of an hour."""
    if not service.failures or service.tried is None:
        return False
    pause: timedelta = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(service.failures - 1, _DOUBLINGS))
    return bool(now < service.tried + pause)
