"""Exact prices as whole numbers, results as decimals.

A price is a whole number of 1e-18; one that is none (a third of three fills) is a fraction. Comparisons
and sums of them are exact, and far faster than those of decimals.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

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
