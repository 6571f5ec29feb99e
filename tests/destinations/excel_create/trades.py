"""Trades as people type them into a Journal, and what each of its columns must then show.

Worked out in plain Python from what the columns' notes say; nothing of the product's formulas is used.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]
"""Column id -> value; what is blank is None or not there."""

SETUPS = ("Signal as-is", "Breakout", "Pullback", "Range", "News")
FEE, BAND = 0.0006, 0.05  # the settings Fee_pct and BE_band
START = datetime(2026, 5, 20, 8, 0)  # noqa: DTZ001 - as naive as a sheet's times
_PLAN = {"p_entry": "entry", "p_stop": "stop", "p_tp1": "tp1", "p_tp2": "tp2", "p_tp3": "tp3"}


def typed(signals: Sequence[Row], count: int, seed: int = 3) -> list[Row]:
    """So many trades on these signals, some of them odd; the last but a few are closed."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    return [_typed(draw, draw.choice(signals), number) for number in range(count)]


def _typed(draw: random.Random, signal: Row, number: int) -> Row:
    planned = signal["entry"] or signal["ask"] or 1.0
    price = planned * draw.uniform(0.98, 1.02)
    opened = START + timedelta(minutes=draw.randint(0, 5000))
    trade: Row = {
        "sig": signal["id"],
        "table": signal["table"],
        "opened": opened,
        "entry": price,
        "qty": 1000 / price,
    }
    if isinstance(signal["id"], int) and draw.random() < 0.1:
        trade["sig"] = str(signal["id"])
    shares = draw.choice(((1,), (1,), (0.5, 0.5), (0.7, 0.2, 0.1), (0.5,), (), (0.5, 0.3, 0.2)))
    for at, share in enumerate(shares, start=1):
        trade |= {f"x{at}p": price * draw.uniform(0.9, 1.12), f"x{at}q": share}
    if sum(shares) > 0.99 and draw.random() < 0.9:
        trade["closed"] = opened + timedelta(minutes=draw.randint(1, 3000))
    for column, chance, value in (
        ("stop0", 0.2, price * 0.97),
        ("stop_now", 0.2, price * draw.choice((0.99, 1.01))),
        ("fees", 0.2, 1.25),
        ("setup", 0.9, draw.choice(SETUPS)),
        ("x3p", 0.05, price),  # a price without a share
        ("x3q", 0.05, 0.5),  # a share, maybe without a price
        ("opened", 0.03, None),
        ("entry", 0.03, None),
        ("qty", 0.03, None),
        ("sig", 0.03, "nobody's"),
    ):
        if draw.random() < chance:
            trade[column] = value
    return trade | {"number": number}


@dataclass(frozen=True, slots=True)
class Exit:
    price: float
    share: float


def expected(trade: Row, signals: Mapping[tuple[str, str], Row]) -> Row:
    """What the formula columns of a trade's row show, but for its number among the closed ones."""
    signal = signals.get((trade["table"], str(trade["sig"])))
    if signal is None:
        return {"pair": "not found", "done": _done(_exits(trade))}
    plan = {column: signal[source] for column, source in _PLAN.items()}
    about = {column: signal[column] for column in ("pair", "side")}
    shown = {**about, **plan, "exch": signal["exchange"], "horizon": signal["type"]}
    return {**shown, "done": _done(_exits(trade)), **_result(trade, plan, signal["side"])}


def _exits(trade: Row) -> list[Exit]:
    """An exit counts when it has a price and a share."""
    pairs = [(trade.get(f"x{at}p"), trade.get(f"x{at}q")) for at in (1, 2, 3)]
    return [Exit(price, share) for price, share in pairs if price and share]


def _done(exits: Sequence[Exit]) -> float:
    return round(sum(each.share for each in exits), 6)


def _result(trade: Row, plan: Row, side: str | None) -> Row:
    entry, exits = trade.get("entry"), _exits(trade)
    if side is None or entry is None:
        return {}
    done, sign, quantity = _done(exits), -1 if side == "SHORT" else 1, trade.get("qty") or 0
    status = "Closed" if done >= 1 else "Partial" if done > 0 else "Open"
    found: Row = {"status": status}
    first_stop = trade.get("stop0") or plan["p_stop"]
    if first_stop:
        found["risk"] = quantity * abs(entry - first_stop)
    if done > 0:
        gross = sum(sign * quantity * each.share * (each.price - entry) for each in exits)
        turnover = quantity * (entry * done + sum(each.share * each.price for each in exits))
        found["pnl"] = gross - (trade["fees"] if trade.get("fees") is not None else FEE * turnover)
    if found.get("risk") and "pnl" in found:
        found["r"] = _shown(found["pnl"] / found["risk"])
    if status == "Closed" and "r" in found:
        found["result"] = "Win" if found["r"] > BAND else "Loss" if found["r"] < -BAND else "Even"
    stop = trade.get("stop_now") or first_stop
    if status != "Closed" and stop:
        found["open_risk"] = quantity * (1 - done) * max(0, sign * (entry - stop))
    if found.get("risk") and plan["p_entry"]:
        found["slip"] = _shown(sign * (entry - plan["p_entry"]) * quantity / found["risk"])
    return found


def _shown(r: float) -> float:
    """What would show as -0.00R is none."""
    return r if abs(r) >= 0.005 else 0.0


def in_order(rows: Sequence[Row]) -> list[Row]:
    """The closed trades by when they were closed, else opened; ties stay as they stand."""
    closed = [row for row in rows if row.get("status") == "Closed"]
    never = START - timedelta(days=9999)
    return sorted(closed, key=lambda row: row.get("closed") or row.get("opened") or never)
