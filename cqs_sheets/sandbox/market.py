"""The sandbox's market: a pure function of seed, speed and absolute time.

Time is cut into slots of two market minutes since the market opened; each slot draws its signals from a
generator of its own, so two markets with the same seed and speed agree at every instant, nothing
has to be remembered, and only the slots near a window are ever worked out. `speed` is market
seconds per second: events come more often and lives are shorter, time stamps stay real.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Final

from cqs_sheets.sandbox.prices import EXCHANGES, Exchange, Pair, Prices, between, pick, plain, seeded
from cqs_sheets.sandbox.signals import Birth, Edit, Fields, Horizon, Pool, Signal, Table, live

UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_REACH = {
    Horizon.SCALPING: (0.006, 0.015),
    Horizon.SHORT: (0.02, 0.06),
    Horizon.SHORT_MID: (0.04, 0.1),
    Horizon.MID: (0.08, 0.2),
    Horizon.LONG: (0.15, 0.55),
}
_RISK_PER_REACH = (0.4, 0.9)
_ZONE_WIDTH = (0.0004, 0.004)
_TARGET_COUNTS = (1, 2, 2, 3, 3, 3, 3)
_LEVERAGES = ((1, 3), (2, 5), (3, 5), (3, 10), (5, 10), (5, 20), (10, 20), (20, 50))
_RISKS = ("1", "2", "2", "3", "3", "3", "4", "4", "5")
_OTHER_CASING = 0.08
_SPOT_SHORT = 0.04
_FUTURES_SHORT = 0.45
_REVERSED_ZONE = 0.35
_TARGETS_OUT_OF_ORDER = 0.015
_NO_RISK_LEVEL = 0.02
_SCALP_ZONE = (999, 1001, 3)
"""Ask -/+ 0.1 %, in units of 10**-3 of the ask's own unit."""

_ALL = tuple(exchange for exchange in EXCHANGES for _ in range(exchange.weight))
_SCALPED = tuple(exchange for exchange in _ALL if exchange.code != "bitmex")


@dataclass(frozen=True, slots=True)
class _Setup:
    """The price levels of a signal, in ticks; `sign` is +1 for LONG and -1 for SHORT."""

    pair: Pair
    sign: int
    ask: int
    reach: int
    risk: int
    low: int
    high: int
    targets: tuple[int, ...]

    def price_at(self, level: float) -> str:
        """Price of a level of `lives`: -1 is the first stop, +1 the last target."""
        distance = self.reach if level >= 0 else self.risk
        return self.pair.price(self.ask + self.sign * round(level * distance))


def draft(birth: Birth, rng: Random, price: Callable[[Exchange, Pair, int], int], speed: float) -> Signal:
    """Write out the signal of `birth`.

    `price` gives what a pair costs at an exchange at a second since 1970, in ticks; `speed` is market
    seconds per second.
    """
    scalp = birth.table is Table.SCALPING
    exchange = pick(rng, _SCALPED if scalp else _ALL)
    pair = pick(rng, exchange.pairs)
    setup = _setup(birth, rng, exchange, pair, price(exchange, pair, birth.published // 1_000_000))
    number_of_targets = len(setup.targets)
    fields: Fields = {
        "id": str(birth.number),
        "timestamp": f"{UNIX_EPOCH + timedelta(microseconds=birth.published):%Y-%m-%d %H:%M:%S}",
        "exchange": _casing(rng, exchange),
        "currency": pair.currency,
        "coin": pair.coin,
        "direction": "LONG" if setup.sign > 0 else "SHORT",
        **_zone(rng, setup, scalp=scalp),
        **_targets(rng, setup),
        "stop_loss": setup.price_at(-1.0) if birth.has_stop else "",
        "type": birth.horizon.value,
        "ask": pair.price(setup.ask),
        "risk_level": "3" if scalp else pick(rng, _RISKS),
    }
    if not scalp and rng.random() < _NO_RISK_LEVEL:
        del fields["risk_level"]
    low, high = pick(rng, _LEVERAGES)
    return Signal(
        table=birth.table,
        pool=birth.pool,
        published=birth.published,
        closed=birth.closed,
        outcome=birth.life.outcome,
        published_fields=fields,
        leverage=plain((low + high) * 5, 1) if exchange.futures else None,
        edits=_edits(birth, setup, fields, f"target{number_of_targets}", speed),
    )


def _setup(birth: Birth, rng: Random, exchange: Exchange, pair: Pair, ask: int) -> _Setup:
    sign = -1 if rng.random() < (_FUTURES_SHORT if exchange.futures else _SPOT_SHORT) else 1
    zone = ask * between(rng, *_ZONE_WIDTH)
    below = round(zone * rng.random())
    above = round(zone) - below
    count = 1 if birth.horizon is Horizon.SCALPING else pick(rng, _TARGET_COUNTS)
    part = between(rng, *_REACH[birth.horizon])
    # Low-priced pairs have few ticks: levels must still stand apart, and clear of the entry zone.
    edge = above if sign > 0 else below
    reach = max(edge + count, round(ask * part))
    risk = max((below if sign > 0 else above) + 1, round(ask * part * between(rng, *_RISK_PER_REACH)))
    distances = [max(edge + n, round(reach * n / count)) for n in range(1, count)]
    targets = tuple(ask + sign * distance for distance in (*distances, reach))
    return _Setup(pair, sign, ask, reach, risk, ask - below, ask + above, targets)


def _casing(rng: Random, exchange: Exchange) -> str:
    if exchange.casings and rng.random() < _OTHER_CASING:
        return pick(rng, exchange.casings)
    return exchange.code


def _zone(rng: Random, setup: _Setup, *, scalp: bool) -> Fields:
    pair = setup.pair
    if scalp:
        low, high, decimals = _SCALP_ZONE
        units = setup.ask * pair.tick
        return {
            "buy_start": plain(units * low, pair.decimals + decimals),
            "buy_end": plain(units * high, pair.decimals + decimals),
        }
    start, end = pair.price(setup.low), pair.price(setup.high)
    if setup.sign < 0 and rng.random() < _REVERSED_ZONE:
        start, end = end, start
    return {"buy_start": start, "buy_end": end}


def _targets(rng: Random, setup: _Setup) -> Fields:
    """Fields of the used targets, and of unused ones in one of the ways they are left out."""
    prices = [setup.pair.price(target) for target in setup.targets]
    if len(prices) > 2 and rng.random() < _TARGETS_OUT_OF_ORDER:  # noqa: PLR2004 - the last stays
        prices[0], prices[1] = prices[1], prices[0]
    fields: Fields = {f"target{n}": price for n, price in enumerate(prices, 1)}
    for n in range(len(prices) + 1, 4):
        way = pick(rng, ("missing", "", "0", None))
        if way != "missing":
            fields[f"target{n}"] = way
    return fields


def _edits(birth: Birth, setup: _Setup, fields: Fields, last_target: str, speed: float) -> tuple[Edit, ...]:
    edits: list[Edit] = []
    current = dict(fields)
    for move in birth.life.moves:
        name = "stop_loss" if move.what == "stop" else last_target
        price = setup.price_at(move.level)
        at = birth.published + round(move.after / speed * 1_000_000)
        if price != current[name] and at < birth.closed:
            edits.append(Edit(at, {name: price}))
            current[name] = price
    return tuple(edits)


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


class Simulation:
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
