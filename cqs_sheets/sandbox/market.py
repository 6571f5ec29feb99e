"""The sandbox's market: a pure function of seed, speed and absolute time.

Time is cut into slots of two market minutes since the market opened; each slot draws its signals from a
generator of its own, so two markets with the same seed and speed agree at every instant, nothing
has to be remembered, and only the slots near a window are ever worked out. `speed` is market
seconds per second: events come more often and lives are shorter, time stamps stay real.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cqs_sheets.sandbox.drafting import UNIX_EPOCH, draft
from cqs_sheets.sandbox.instruments import between, pick, seeded
from cqs_sheets.sandbox.prices import Prices
from cqs_sheets.sandbox.signals import Birth, Horizon, Pool, Table, live

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from random import Random

    from cqs_sheets.sandbox.signals import Signal

EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""The market opens here; there are no signals before."""

SLOWEST: Final = 0.01
FASTEST: Final = 3600.0
LONGEST_HISTORY: Final = 10_000
"""The most slots that `history` reads at once: 13 days at speed 1, half an hour at speed 600."""

_SLOT_SECONDS = 120.0
_IDS_PER_SLOT = 16
_FIRST_ID = 1_000_000
_SECOND = 1_000_000

_FREE_PER_SLOT = 1.25
_VIP_PER_SLOT = 4.1
_SCALPS_PER_SLOT = 1.35
_NO_STOP = 0.06

_LIFE_MINUTES = {
    Horizon.SCALPING: (4.0, 25.0),
    Horizon.SHORT: (15.0, 90.0),
    Horizon.SHORT_MID: (30.0, 150.0),
    Horizon.MID: (40.0, 200.0),
    Horizon.LONG: (60.0, 240.0),
}
_LONGEST_LIFE_SECONDS = 60 * max(longest for _, longest in _LIFE_MINUTES.values())
_SWING = (*(Horizon.SHORT,) * 9, *(Horizon.SHORT_MID,) * 4, *(Horizon.MID,) * 5, *(Horizon.LONG,) * 2)
_HORIZONS = {
    Pool.FREE: _SWING,
    Pool.FREEMIUM: _SWING,
    Pool.VIP: (*_SWING, *(Horizon.SCALPING,) * 4),
}


class Market:
    """Signals of every table and pool, at any instant. Safe to share between threads."""

    def __init__(self, *, seed: int = 1, speed: float = 1.0, opened: datetime = EPOCH) -> None:
        """Set the market up; ValueError when `speed` is outside SLOWEST..FASTEST.

        One that `opened` at another time (aware) lives through the same, that much later; its prices to the hour.
        """
        if not SLOWEST <= speed <= FASTEST:
            message = f"speed must be a number from {SLOWEST:g} to {FASTEST:g}, not {speed!r}"
            raise ValueError(message)
        self.seed = seed
        self.speed = speed
        self._epoch = microseconds(opened)
        # The caches only save work: a slot or signal that fell out is drawn again, the same.
        self._slot = lru_cache(maxsize=1024)(self._draw_slot)
        self._signal = lru_cache(maxsize=4096)(self._draw_signal)
        self.prices = Prices(seed, (opened - EPOCH) // timedelta(hours=1))

    def open_signals(
        self,
        now: datetime,
        *,
        minutes: int,
        table: Table,
        pools: Collection[Pool],
        horizon: Horizon | None = None,
    ) -> list[Signal]:
        """Return the signals open at `now` and published in [now - minutes, now], newest first."""
        until = microseconds(now)
        longest = math.ceil(_LONGEST_LIFE_SECONDS / self.speed * _SECOND)
        since = until - min(minutes * 60 * _SECOND, longest)
        births = [
            birth
            for birth in self._births(table, since, until)
            if birth.closed > until and birth.pool in pools and horizon in (None, birth.horizon)
        ]
        births.reverse()
        return [self._signal(birth) for birth in births]

    def history(self, since: datetime, until: datetime) -> list[Signal]:
        """Return every signal published in [since, until], open or closed, by table and id.

        ValueError when that spans more than LONGEST_HISTORY slots.
        """
        first, last = microseconds(since), microseconds(until)
        slots = (last - first) / _SECOND * self.speed / _SLOT_SECONDS
        if slots > LONGEST_HISTORY:
            span = timedelta(seconds=LONGEST_HISTORY * _SLOT_SECONDS / self.speed)
            message = f"at speed {self.speed:g} at most {span} of history can be asked at once"
            raise ValueError(message)
        return [self._signal(birth) for table in Table for birth in self._births(table, first, last)]

    def sample(self, table: Table, since: datetime, until: datetime, count: int) -> list[Signal]:
        """Return about `count` of the signals of a table published in [since, until], evenly spread."""
        births = list(self._births(table, microseconds(since), microseconds(until)))
        return [self._signal(birth) for birth in births[:: max(1, len(births) // count)]]

    def _births(self, table: Table, since: int, until: int) -> Iterator[Birth]:
        """Yield the births published in [since, until], in order."""
        # Publication is rounded up to a whole second, so it may fall just after its slot.
        first = max(0, self._slot_at(since - _SECOND))
        for slot in range(first, self._slot_at(until) + 1):
            for birth in self._slot(table, slot):
                if since <= birth.published <= until:
                    yield birth

    def _slot_at(self, instant: int) -> int:
        return math.floor(self._market_seconds(instant) / _SLOT_SECONDS)

    def _market_seconds(self, instant: int) -> float:
        return (instant - self._epoch) / _SECOND * self.speed

    def _draw_slot(self, table: Table, slot: int) -> tuple[Birth, ...]:
        rng = seeded(self.seed, table.value, slot)
        pools = _pools(rng, table)
        moments = sorted(slot * _SLOT_SECONDS + rng.random() * _SLOT_SECONDS for _ in pools)
        first = _FIRST_ID + slot * _IDS_PER_SLOT
        return tuple(
            self._birth(rng, table, pool, number, moment)
            for number, (pool, moment) in enumerate(zip(pools, moments, strict=True), first)
        )

    def _birth(self, rng: Random, table: Table, pool: Pool, number: int, moment: float) -> Birth:
        horizon = Horizon.SCALPING if table is Table.SCALPING else pick(rng, _HORIZONS[pool])
        has_stop = horizon is not Horizon.LONG or rng.random() >= _NO_STOP
        life = live(rng, 60 * between(rng, *_LIFE_MINUTES[horizon]), has_stop=has_stop)
        published = self._epoch + math.ceil(moment / self.speed) * _SECOND
        closed = published + max(1, round(life.seconds / self.speed * _SECOND))
        return Birth(table, pool, number, horizon, has_stop, published, closed, life)

    def _draw_signal(self, birth: Birth) -> Signal:
        rng = seeded(self.seed, birth.table.value, "signal", birth.number)
        return draft(birth, rng, self.prices.at, self.speed)


def microseconds(instant: datetime) -> int:
    """Return whole microseconds since 1970 UTC of an aware `instant`; ValueError when it is naive."""
    if instant.tzinfo is None:
        message = "the sandbox's clock must give times with a zone, such as datetime.now(UTC)"
        raise ValueError(message)
    return (instant - UNIX_EPOCH) // timedelta(microseconds=1)


def _pools(rng: Random, table: Table) -> list[Pool]:
    """Pools of one slot's signals, shuffled; counts vary by one, so that no hour is empty."""
    if table is Table.SCALPING:
        return [Pool.FREE] * int(_SCALPS_PER_SLOT + rng.random())
    free = [pick(rng, (Pool.FREE, Pool.FREEMIUM)) for _ in range(int(_FREE_PER_SLOT + rng.random()))]
    vip = [Pool.VIP] * int(_VIP_PER_SLOT + rng.random())
    keyed = [(rng.random(), pool) for pool in (*free, *vip)]
    return [pool for _, pool in sorted(keyed)]
