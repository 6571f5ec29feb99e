"""Writes a signal out: pair, entry zone, targets, stop and edits, as exact decimal strings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Final

from cqs_sheets.sandbox.instruments import EXCHANGES, between, pick, plain
from cqs_sheets.sandbox.signals import Edit, Horizon, Signal, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from cqs_sheets.sandbox.instruments import Exchange, Pair
    from cqs_sheets.sandbox.signals import Birth, Fields

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
