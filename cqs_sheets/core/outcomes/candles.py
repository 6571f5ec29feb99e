"""Exact prices, one market's finished one-minute candles in them, and the search for the next one that touches a level.

A price is a whole number of 1e-18; one that is none (a third of three fills) is a fraction. Comparisons and sums of
them are exact, and far faster than those of decimals. Results are decimals.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, MutableSequence, Sequence
from contextlib import suppress
from copy import copy
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

Price = int | Fraction

DECIMALS = 18
ONE = 10**DECIMALS
_PLACES = 8
_WIDE = Context(prec=80, rounding=ROUND_HALF_EVEN)
_DIGITS = Context(prec=16, rounding=ROUND_HALF_EVEN)


def units(price: Decimal) -> Price:
    """A price as a number of 1e-18."""
    numerator, denominator = price.as_integer_ratio()
    whole, rest = divmod(numerator * ONE, denominator)
    return Fraction(numerator * ONE, denominator) if rest else whole


def unsigned(price: Price) -> Price:
    """A price as the market knows it, whichever side looked at it."""
    return price if price >= 0 else -price


def divided(price: Price, by: int) -> Price:
    """A price shared by a whole number, as a whole number where it is one."""
    whole, rest = divmod(price, by)
    return Fraction(price) / by if rest else whole


def price_decimal(price: Price) -> Decimal:
    """A price as a decimal: exact, but of an endless fraction the first 16 digits."""
    if isinstance(price, int):
        return Decimal(price).scaleb(-DECIMALS, _WIDE).normalize(_WIDE)
    exact = price / ONE
    rest = exact.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    context = _WIDE if rest == 1 else _DIGITS
    return context.divide(Decimal(exact.numerator), Decimal(exact.denominator))


def to_eight_places(number: Price) -> Decimal:
    """A ratio as a decimal of 8 places, half-even."""
    whole, rest = divmod(number.numerator * 10**_PLACES, number.denominator)
    twice = 2 * rest - number.denominator
    return Decimal(whole + (twice > 0 or (twice == 0 and whole % 2))).scaleb(-_PLACES, _WIDE)


HOUR = 60
_WIDTH = 16  # how many nodes of one level stand under one of the next
_INFINITE = float("inf")
_FAR = 10  # times: no signal is so far from its market


class Bar(NamedTuple):
    """A candle as one side sees it: for a SHORT the prices are negative, and high and low change places.

    `minutes` is how long it lasts: 1, but for the hours of which no minute was asked for.
    """

    minute: int
    open: Price
    high: Price
    low: Price
    close: Price
    minutes: int = 1


class Touch(NamedTuple):
    """Where something happens: at or below `low`, or at or above `high`; None for nowhere."""

    low: Price | None
    high: Price | None


class Candles:
    """Candles in ascending order of their minutes, each minute at most once.

    Prices are whole numbers of 10^-`decimals`. `until` is the end of what was asked for, in minutes: where
    nothing is there to its end, nothing traded. Without it the market ends with its last candle. `hours` are
    the minutes of candles that last an hour: their own minutes are not among the candles. Such an hour
    is good for passing over, as its high and low enclose all that was traded, however few its minutes.
    """

    def __init__(
        self,
        minutes: Iterable[int],
        opens: Iterable[int],
        highs: Iterable[int],
        lows: Iterable[int],
        closes: Iterable[int],
        *,
        decimals: int,
        until: int | None = None,
        hours: Iterable[int] = (),
    ) -> None:
        self.minutes = packed(minutes)
        self._opens, self._closes = packed(opens), packed(closes)
        self._highs, self._lows = packed(highs), packed(lows)
        finer = decimals - DECIMALS
        self._factor: Price = Fraction(1, 10**finer) if finer > 0 else 10**-finer
        self._hours = frozenset(hours)
        last = self.end_of(len(self.minutes) - 1) if self.minutes else None
        self.as_of = until if until is not None else last

    def in_units_of(self, price: Price, units: int) -> Candles | None:
        """The same in the units that `price` is in: of one, or of `units` together; None where that is unclear.

        A price is near the market when a signal speaks of it, and the two are a factor of `units` apart.
        """
        if units == 1 or not self.minutes:
            return self
        market = self.bar(0, 1).open
        if market < _FAR * price and price < _FAR * market:
            return self
        if market < _FAR * units * price and units * price < _FAR * market:
            other = copy(self)
            other._factor = divided(self._factor, units)  # noqa: SLF001 - its own
            return other
        return None

    def index(self, minute: int) -> int:
        """The first candle at that minute or later."""
        return bisect_left(self.minutes, minute)

    def bar(self, index: int, side: int) -> Bar:
        """One candle as `side` (1 or -1) sees it."""
        factor = self._factor * side
        first, last = self._opens[index] * factor, self._closes[index] * factor
        high, low = self._highs[index] * factor, self._lows[index] * factor
        minute = self.minutes[index]
        return Bar(minute, first, max(high, low), min(high, low), last, self.end_of(index) - minute)

    def end_of(self, index: int) -> int:
        """The minute after a candle."""
        minute = self.minutes[index]
        return minute + (HOUR if minute in self._hours else 1)

    def is_hour(self, index: int) -> bool:
        """Whether a candle lasts an hour."""
        return self.minutes[index] in self._hours

    def hour_around(self, minute: int) -> int | None:
        """The start of the hour in one candle that a minute lies within, but not at its start; None: in none."""
        start = minute - minute % HOUR
        return start if start in self._hours and start < minute else None

    def next_touch(self, first: int, end: int, touch: Touch, side: int) -> int:
        """The first candle of [first, end) that reaches one of the two levels, else `end`."""
        floor, ceiling = self._bounds(touch, side)
        level, index, top = 0, first, len(self._tree) - 1
        while index < len(self._tree[level][0]):
            lows, highs = self._tree[level]
            stop = len(lows) if level == top else min(len(lows), (index // _WIDTH + 1) * _WIDTH)
            while index < stop and lows[index] > floor and highs[index] < ceiling:
                index += 1
            if index * _WIDTH**level >= end:
                return end
            if index < stop:
                if level == 0:
                    return index
                level, index = level - 1, index * _WIDTH
            elif index == len(lows):
                return end
            else:
                level, index = level + 1, index // _WIDTH
        return end

    def extremes(self, first: int, end: int, side: int) -> tuple[Price, Price]:
        """The highest and the lowest price of the candles [first, end), at least one, as `side` sees them."""
        high, low = self._highs[first], self._lows[first]
        for lows, highs in self._tree:
            # what does not fill a node of the next level is looked at here
            head = min(end, -(-first // _WIDTH) * _WIDTH)
            tail = max(head, end // _WIDTH * _WIDTH)
            if len(lows) <= _WIDTH:
                head = tail = end
            for begin, stop in ((first, head), (tail, end)):
                if begin < stop:
                    high, low = max(high, *highs[begin:stop]), min(low, *lows[begin:stop])
            first, end = head // _WIDTH, tail // _WIDTH
            if first >= end:
                break
        factor = self._factor * side
        return max(high * factor, low * factor), min(high * factor, low * factor)

    def first_hole(self, longest: int, first: int, end: int) -> int:
        """The first candle of (first, end) with more than `longest` minutes missing before it, else `end`."""
        holes = self._holes(longest)
        place = bisect_left(holes, first + 1)
        return min(end, holes[place]) if place < len(holes) else end

    def _holes(self, longest: int) -> list[int]:
        if longest not in self._known_holes:
            known, minutes = self._steps, self.minutes
            self._known_holes[longest] = [at for at in known if minutes[at] - self.end_of(at - 1) > longest]
        return self._known_holes[longest]

    @cached_property
    def _known_holes(self) -> dict[int, list[int]]:
        return {}

    @cached_property
    def _steps(self) -> list[int]:
        """The candles before which at least a minute is missing."""
        minutes = self.minutes
        return [at for at in range(1, len(minutes)) if minutes[at] - minutes[at - 1] != 1]  # hours are, too

    @cached_property
    def _tree(self) -> list[tuple[Sequence[int], Sequence[int]]]:
        """Lows and highs of the candles, then of groups of them, of groups of groups, up to one short level."""
        tree: list[tuple[Sequence[int], Sequence[int]]] = [(self._lows, self._highs)]
        while len(tree[-1][0]) > _WIDTH:
            lows, highs = tree[-1]
            groups = range(0, len(lows), _WIDTH)
            tree.append(
                (
                    packed(min(lows[at : at + _WIDTH]) for at in groups),
                    packed(max(highs[at : at + _WIDTH]) for at in groups),
                )
            )
        return tree

    def _bounds(self, touch: Touch, side: int) -> tuple[float, float]:
        """The highest low and the lowest high that touch, as whole numbers of this market."""
        low, high = touch if side > 0 else (_negative(touch.high), _negative(touch.low))
        floor = -_INFINITE if low is None else low // self._factor
        ceiling = _INFINITE if high is None else -(-high // self._factor)
        return floor, ceiling


def packed(numbers: Iterable[int]) -> MutableSequence[int]:
    """Whole numbers in four bytes each, or in eight, where they fit."""
    listed = numbers if isinstance(numbers, array | list) else list(numbers)
    for width in ("i", "q"):
        with suppress(OverflowError):
            return array(width, listed)
    return list(listed)


def _negative(price: Price | None) -> Price | None:
    return None if price is None else -price
