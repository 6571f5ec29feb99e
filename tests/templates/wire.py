"""Signals as the API sends them, drawn from a seed: ordinary ones, and every oddity that is known of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

NOW = datetime(2026, 5, 24, 14, 0, tzinfo=UTC)
"""When the last sync was."""

_MARKETS = (
    ("binance", "USDT"), ("BINANCE_FUTURES", "USDT"), ("binance_futures", "USDC"), ("bitget", "USDT"),
    ("bitget_futures", "USDT"), ("bitmex", "USD"), ("bitmex", "USDT"), ("bybit", "USDT"), ("bybit", "USD"),
    ("deribit", "USD"), ("gateio", "USDT"), ("htx", "USDT"), ("htx_futures", "USDT"), ("kucoin", "BTC"),
    ("kucoin_futures", "USDT"), ("okx", "USDC"), ("okx_futures", "USDT"), ("okx_futures", "USD"),
    ("coinbase", "USD"), ("newdex", "USDT"),
)  # fmt: skip
_COINS = ("BTC", "ETH", "SOL", "DOGE", "1000SATS", "PEPE", "weird$")
_TYPES = ("SCALPING", "SHORT TERM", "SHORT/MID TERM", "MID TERM", "LONG TERM")
_NONE: tuple[Any, ...] = ("", "0", None)  # what the API sends for "no target"


@dataclass(frozen=True, slots=True)
class Sent:
    """One object of the API, the provider's table it is from, and when a run first saw it."""

    fields: dict[str, Any]
    table: str
    first_seen: datetime
    status: str = "open"

    @property
    def published(self) -> datetime:
        """The time stamp, aware."""
        return datetime.fromisoformat(self.fields["timestamp"]).replace(tzinfo=UTC)


def sent(count: int, *, scalps: int, seed: int = 7) -> list[Sent]:
    """So many signals of the main table, and `scalps` of the free scalping one with the same ids."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    main = [_drawn(draw, 1_800_000 + number, "main") for number in range(count)]
    free = [_drawn(draw, 1_800_000 + number, "scalping") for number in range(scalps)]
    return sorted([*main, *free], key=lambda each: each.first_seen)


def _drawn(draw: random.Random, number: int, table: str) -> Sent:
    exchange, currency = draw.choice(_MARKETS)
    price = 10 ** draw.uniform(-8, 5)
    side = draw.choice(("LONG", "SHORT"))
    minutes = draw.uniform(0, 3000) * (20 if number % 2 else 1)  # of the last two days, or of six weeks
    published = NOW - timedelta(minutes=minutes, seconds=draw.randrange(60))
    published = published.replace(microsecond=0)
    fields: dict[str, Any] = {
        "id": str(number) if draw.random() < 0.97 else f"a{number}x",
        "timestamp": published.strftime("%Y-%m-%d %H:%M:%S"),
        "exchange": exchange,
        "currency": currency,
        "coin": draw.choice(_COINS),
        "direction": side if draw.random() < 0.98 else "",
        "type": "SCALPING" if table == "scalping" else draw.choice(_TYPES),
        "ask": _text(price),
        "risk_level": str(draw.randint(1, 5)),
        **_levels(draw, price, 1 if side == "LONG" else -1, single=table == "scalping"),
    }
    if draw.random() < 0.7:
        fields["leverage"] = draw.choice(("1", "3", "5", "7.5", "20", "50", "125"))
    seen = published + timedelta(seconds=draw.choice((0, 5, 61, 200, 725)))
    return Sent(fields, table, seen, draw.choice(("open", "aged", "closed")))


def _levels(draw: random.Random, price: float, side: int, *, single: bool) -> dict[str, Any]:
    zone = [price * (1 + draw.uniform(0, 0.004)), price * (1 - draw.uniform(0, 0.004))]
    draw.shuffle(zone)
    stop = price * (1 - side * draw.choice((0.0062, 0.02, 0.045, 0.13, 0.6)))
    targets: list[Any] = [
        _text(price * (1 + side * share)) for share in (0.011, 0.03, draw.uniform(0.05, 0.5))
    ]
    if single:
        targets = [targets[0], *draw.choices(_NONE, k=2)]
    for at in range(3):
        if draw.random() < 0.15:
            targets[at] = draw.choice(_NONE)
        elif draw.random() < 0.05 and targets[at]:
            targets[at] = _text(price * (1 - side * 0.02))  # on the wrong side
    levels: dict[str, Any] = {"buy_start": _text(zone[0]), "buy_end": _text(zone[1])}
    chance = draw.random()
    if chance < 0.04:
        levels = {}
    elif chance < 0.08:
        levels["buy_end"] = ""
    elif chance < 0.12:
        levels["buy_end"] = levels["buy_start"]
    chance = draw.random()
    if chance < 0.05:
        stop = price * (1 + side * 0.03)  # on the wrong side
    stop_text: Any = _text(stop) if chance > 0.1 else draw.choice(_NONE) if chance > 0.05 else _text(stop)
    if draw.random() < 0.02 and levels.get("buy_start") == levels.get("buy_end"):
        stop_text = levels.get("buy_start", "")  # no distance at all
    numbered = {f"target{number}": target for number, target in enumerate(targets, start=1)}
    return {**levels, **numbered, "stop_loss": stop_text}


def _text(price: float) -> str:
    """A price as the API writes it: plain digits, six of them that count."""
    return format(Decimal(f"{price:.6g}"), "f")
