"""The rules once more, written straight from their text for one price at a time: slow, literal, and sure.

Where the judge sees candles, this sees every price. Nothing is taken from the judge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

_OVER = ("won", "partial", "stopped", "expired")

Price = int | Fraction
Tick = tuple[Price, int]
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
    """A signal: the zone, the stop (None: there is none) and the targets on their right sides."""

    long: bool
    near: int
    far: int
    stop: int | None
    targets: tuple[int, ...]
    entry: str = "near"
    stops: str = "fixed"
    split: tuple[Fraction, ...] | None = None
    fee: Fraction = Fraction(0)
    horizon: int = 60


def divided(price: Price, by: int) -> Price:
    """A whole number where it is one, as those are so much faster."""
    whole = Fraction(price, by)
    return whole.numerator if whole.denominator == 1 else whole


class Trader:
    """Somebody who sits in front of the screen and keeps to the rules."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.truth = Truth()
        edges: list[Price] = [plan.near]
        if plan.entry == "steps":
            edges += [divided(plan.near + plan.far, 2), plan.far]
        self.count = len(edges)
        # without a stop it is one that no price reaches
        self.stop: Price = plan.stop or (0 if plan.long else 10**30)
        self.why = "stop"
        self.orders = [edge for edge in edges if self.gain(edge, self.stop) < 0]
        planned = [self.gain(self.stop, edge) for edge in self.orders]
        self.risk = Fraction(sum(planned)) / self.count
        self.fills: list[Price] = []
        self.open_share = Fraction(1)
        self.next_stop: Price | None = None
        self.seen: list[Price] = []

    def gain(self, entry: Price, price: Price) -> Price:
        """What a price is worth to who entered there."""
        return price - entry if self.plan.long else entry - price

    def watch(self, ticks: Iterable[Tick]) -> Truth:
        truth, last, minute, now = self.truth, None, None, 0
        for place, (price, now) in enumerate(ticks):
            if now >= self.plan.horizon:
                break
            opens = now != minute
            if opens and self.next_stop is not None:
                self.stop, self.why, self.next_stop = self.next_stop, self.plan.stops, None
            minute = now
            last = (price, now)
            self.see(price, now, first=place == 0, opens=opens)
            if truth.outcome not in ("waiting", "open"):
                return self.told()
        if now >= self.plan.horizon - 1:
            self.time_is_up(last)
        return self.told()

    def see(self, price: Price, now: int, *, first: bool, opens: bool) -> None:
        truth, plan = self.truth, self.plan
        if not self.fills:
            if first and self.gain(self.stop, price) <= 0:
                truth.outcome = "invalidated"
                return
            if self.gain(plan.targets[0], price) >= 0:
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
        while truth.outcome == "open" and self.gain(plan.targets[truth.hits], price) >= 0:
            self.target(now)
        self.seen.append(price)

    def target(self, now: int) -> None:
        truth, plan = self.truth, self.plan
        price = plan.targets[truth.hits]
        if plan.split is None or plan.stop is None:  # what is only touched is not sold in parts
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
            self.next_stop = divided(sum(self.fills), len(self.fills))
        elif plan.stops == "trailing":
            self.next_stop = plan.targets[truth.hits - 2]

    def close(self, now: int, price: Price, share: Fraction, why: str) -> None:
        self.open_share -= share
        if share:
            self.truth.exits.append((now, Fraction(price), share, why))

    def time_is_up(self, last: tuple[Price, int] | None) -> None:
        if not self.fills:
            self.truth.outcome = "unfilled"
        elif last is not None:
            self.close(last[1], last[0], self.open_share, "horizon")
            self.truth.outcome = "partial" if self.truth.hits else "expired"

    def told(self) -> Truth:
        truth = self.truth
        if truth.outcome in _OVER and self.plan.stop is None:
            truth.outcome = "touched"  # without a planned risk there is no R
        elif truth.outcome in _OVER:
            gross = net = Fraction(0)
            for fill in self.fills:
                for _, price, share, _ in truth.exits:
                    gross += self.gain(fill, price) * share
                    net += (self.gain(fill, price) - self.plan.fee * (fill + price)) * share
            truth.gross = gross / self.count / self.risk
            truth.net = net / self.count / self.risk
            prices = [*self.seen, *(price for _, price, _, _ in truth.exits)]
            average = divided(sum(self.fills), len(self.fills))
            scale = Fraction(len(self.fills), self.count) / self.risk
            gains = [self.gain(average, price) * scale for price in (min(prices), max(prices))]
            truth.best, truth.worst = max(*gains, Fraction(0)), min(*gains, Fraction(0))
        elif truth.outcome == "missed":
            truth.gross = truth.net = Fraction(0)
        return truth


def truth_of(plan: Plan, ticks: Iterable[Tick]) -> Truth:
    return Trader(plan).watch(ticks)
