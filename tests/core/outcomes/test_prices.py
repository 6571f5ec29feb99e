"""Prices as whole numbers and back, results to eight places."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.outcomes.candles import divided, price_decimal, to_eight_places, units


@given(st.decimals(min_value="1e-28", max_value="1e15", allow_nan=False, places=28))
def test_a_price_comes_back_exactly(price: Decimal) -> None:
    assert price_decimal(units(price)) == price


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1.00000000"),
        (Fraction(-1, 3), "-0.33333333"),
        (Fraction(2, 3), "0.66666667"),
        (Fraction(1, 2 * 10**8), "0E-8"),
        (Fraction(3, 2 * 10**8), "2E-8"),
        (Fraction(5, 2 * 10**8), "2E-8"),
        (Fraction(-3, 2 * 10**8), "-2E-8"),
        (Fraction(-5, 2 * 10**8), "-2E-8"),
    ],
)
def test_results_have_eight_places_half_even(number: Fraction, text: str) -> None:
    assert str(to_eight_places(number)) == text


def test_an_average_stays_whole_where_it_can() -> None:
    assert (divided(12, 3), divided(10, 4)) == (4, Fraction(5, 2))
    assert price_decimal(divided(units(Decimal(100)), 3)) == Decimal("33.33333333333333")
