"""Prices for people: exact, in one notation a row, aligned in a column."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.render import aligned, computed, plain_price, row_texts

ANY_PRICE = st.decimals("1e-15", "1e12", allow_nan=False, allow_infinity=False, places=15)


@given(st.lists(st.none() | ANY_PRICE, min_size=1, max_size=6), st.booleans())
def test_no_digit_is_lost_and_a_row_has_one_notation(prices: list[Decimal | None], short: bool) -> None:
    texts = row_texts(prices, short=short)
    assert [Decimal(text) if text else None for text in texts] == prices
    assert len({text.partition("e")[2] for text in texts if text}) <= 1


@given(st.lists(ANY_PRICE, min_size=1, max_size=6))
def test_the_points_of_a_column_stand_below_each_other(prices: list[Decimal]) -> None:
    lines = aligned([plain_price(price) for price in prices])
    assert len({len(line) for line in lines}) == 1
    assert len({line.index(".") for line in lines if "." in line}) <= 1
    assert [Decimal(line.strip()) for line in lines] == prices


@pytest.mark.parametrize(
    ("prices", "texts"),
    [
        (["93100.12345678", "94400.50"], ["93100.12345678", "94400.5"]),
        (["0.1101234567891", "0.11"], ["0.1101234567891", "0.11"]),
        (["0.0000000324058", "0.000000031632"], ["3.24058e-8", "3.1632e-8"]),
        (["0.000101", "0.000099"], ["0.000101", "0.000099"]),
    ],
)
def test_only_tiny_prices_are_shortened(prices: list[str], texts: list[str]) -> None:
    assert row_texts([Decimal(price) for price in prices], short=True) == texts


def test_what_we_compute_has_15_digits() -> None:
    assert computed(Decimal("93100.1234567890123")) == Decimal("93100.1234567890")
