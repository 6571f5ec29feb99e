"""The rules once more, written straight from their text for one price at a time: slow, literal, and sure.

Where the judge sees candles, this sees every price. Nothing is taken from the judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

Tick = tuple[int, int]
"""A price and the minute (from the clock) in which it was."""


@dataclass
class Truth:
    outcome: str = "waiting"
    hits: int = 0
    entered: int | None = None
    exits: list[tuple[int, Fraction, Fraction, str]] = field(default_factory=list)
    gross: Fraction | None = None
    net: Fraction | None = None
    best: Fraction = Fraction(0)
    worst: Fraction = Fraction(0)


@dataclass(frozen=True)
class Plan:
    """A usable signal: the zone, the stop and the targets on their right sides."""

    long: bool
    near: int
    far: int
    stop: int
    targets: tuple[int, ...]
    entry: str = "near"
    stops: str = "fixed"
    split: tuple[Fraction, ...] | None = None
    fee: Fraction = Fraction(0)
    horizon: int = 60


class Trader:
    """Somebody who sits in front of the screen and keeps to the rules."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.truth = Truth()
        edges = [Fraction(plan.near)]
        if plan.entry == "steps":
            edges += [Fraction(plan.near + plan.far, 2), Fraction(plan.far)]
        self.count = len(edges)
        self.orders = [edge for edge in edges if self.gain(edge, Fraction(plan.stop)) < 0]
        self.risk = sum((abs(order - plan.stop) for order in self.orders), Fraction(0)) / self.count
        self.fills: list[Fraction] = []
        self.open_share = Fraction(1)
        self.stop, self.why = Fraction(plan.stop), "stop"
        self.next_stop: Fraction | None = None
        self.seen: list[Fraction] = []

    def gain(self, entry: Fraction, price: Fraction) -> Fraction:
        """What a price is worth to who entered there."""
        return price - entry if self.plan.long else entry - price

    def watch(self, ticks: Sequence[Tick]) -> Truth:
        truth, last, minute = self.truth, None, None
        for place, (price, now) in enumerate(ticks):
            if now >= self.plan.horizon:
                break
            opens = now != minute
            if opens and self.next_stop is not None:
                self.stop, self.why, self.next_stop = self.next_stop, self.plan.stops, None
            minute = now
            last = (Fraction(price), now)
            self.see(Fraction(price), now, first=place == 0, opens=opens)
            if truth.outcome not in ("waiting", "open"):
                return self.told()
        if ticks[-1][1] >= self.plan.horizon - 1:
            self.time_is_up(last)
        return self.told()

    def see(self, price: Fraction, now: int, *, first: bool, opens: bool) -> None:
        truth, plan = self.truth, self.plan
        if not self.fills:
            if first and self.gain(self.stop, price) <= 0:
                truth.outcome = "invalidated"
                return
            if self.gain(Fraction(plan.targets[0]), price) >= 0:
                truth.outcome = "missed"
                return
        while truth.hits == 0 and self.orders and self.gain(self.orders[0], price) <= 0:
            order = self.orders.pop(0)
            self.fills.append(price if first else order)
            truth.outcome = "open"
            truth.entered = now if truth.entered is None else truth.entered
        if not self.fills:
            return
        if self.gain(self.stop, price) <= 0:
            # inside a minute the price goes by every level, also by one between two ticks
            self.close(now, price if opens else self.stop, self.open_share, self.why)
            truth.outcome = "partial" if truth.hits else "stopped"
            return
        while truth.outcome == "open" and self.gain(Fraction(plan.targets[truth.hits]), price) >= 0:
            self.target(now)
        self.seen.append(price)

    def target(self, now: int) -> None:
        truth, plan = self.truth, self.plan
        price = Fraction(plan.targets[truth.hits])
        if plan.split is None:
            share = Fraction(1, len(plan.targets))
        else:
            shares = plan.split[: len(plan.targets)]
            if sum(shares) == 0:
                share = Fraction(int(truth.hits == len(plan.targets) - 1))
            else:
                share = shares[truth.hits] / sum(shares)
        truth.hits += 1
        self.close(now, price, share, f"target{truth.hits}")
        if self.open_share == 0:
            truth.outcome = "won"
        if plan.stops == "breakeven" or (plan.stops == "trailing" and truth.hits == 1):
            self.next_stop = sum(self.fills, Fraction(0)) / len(self.fills)
        elif plan.stops == "trailing":
            self.next_stop = Fraction(plan.targets[truth.hits - 2])

    def close(self, now: int, price: Fraction, share: Fraction, why: str) -> None:
        self.open_share -= share
        if share:
            self.truth.exits.append((now, price, share, why))

    def time_is_up(self, last: tuple[Fraction, int] | None) -> None:
        if not self.fills:
            self.truth.outcome = "unfilled"
        elif last is not None:
            self.close(last[1], last[0], self.open_share, "horizon")
            self.truth.outcome = "partial" if self.truth.hits else "expired"

    def told(self) -> Truth:
        truth = self.truth
        if truth.outcome in ("won", "partial", "stopped", "expired"):
            gross = net = Fraction(0)
            for fill in self.fills:
                for _, price, share, _ in truth.exits:
                    gross += self.gain(fill, price) * share
                    net += (self.gain(fill, price) - self.plan.fee * (fill + price)) * share
            truth.gross = gross / self.count / self.risk
            truth.net = net / self.count / self.risk
            prices = [*self.seen, *(price for _, price, _, _ in truth.exits)]
            average = sum(self.fills, Fraction(0)) / len(self.fills)
            scale = Fraction(len(self.fills), self.count) / self.risk
            gains = [Fraction(0), *(self.gain(average, price) * scale for price in prices)]
            truth.best, truth.worst = max(gains), min(gains)
        elif truth.outcome == "missed":
            truth.gross = truth.net = Fraction(0)
        return truth


def truth_of(plan: Plan, ticks: Sequence[Tick]) -> Truth:
    return Trader(plan).watch(ticks)
