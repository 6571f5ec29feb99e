"""What a cell holds, and when two hold the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.cells import CellValue, id_cell, key_text, number_text, rounded, same

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**9), max_value=10**9)


@pytest.mark.parametrize("held", [Decimal(94400), Decimal("94400.0"), "94400", " 94400.00 "])
def test_one_number_is_the_same_however_it_is_written(held: CellValue) -> None:
    assert same(Decimal(94400), held)


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        (Decimal(1), True),
        (Decimal(1), None),
        ("LONG", "long"),
        ("LONG", None),
        (Decimal(46000), datetime(2025, 12, 9)),  # noqa: DTZ001 - a cell's wall time
        (None, "x"),
        (Decimal("0.1"), "NaN"),
    ],
)
def test_different_contents_differ(wanted: CellValue, held: CellValue) -> None:
    assert not same(wanted, held)


def test_a_blank_cell_and_an_empty_text_are_the_same() -> None:
    assert same(None, "")
    assert same("", None)


def test_times_are_the_same_within_the_rounding_of_a_serial_number() -> None:
    moment = datetime(2026, 5, 24, 14, 32, 5)  # noqa: DTZ001 - a cell's wall time
    assert same(moment, moment + timedelta(milliseconds=3))
    assert not same(moment, moment + timedelta(seconds=1))


@pytest.mark.parametrize("text", ["007", "1e5", "+1", "-1", "1.0", "", "1234567890123456", "१२"])
def test_an_id_that_is_no_short_canonical_integer_stays_text(text: str) -> None:
    assert id_cell(text) == text


@given(st.integers(min_value=0, max_value=10**15 - 1))
def test_an_id_survives_as_a_number(number: int) -> None:
    cell = id_cell(str(number))
    assert isinstance(cell, Decimal)
    assert key_text(cell) == str(number)
    assert float(cell) == number


@pytest.mark.parametrize(
    "held", [Decimal(1847291), Decimal("1847291.0"), "1847291", " 1847291 ", Decimal("1.847291E+6")]
)
def test_a_key_is_found_however_the_spreadsheet_kept_it(held: CellValue) -> None:
    assert key_text(held) == "1847291"


@given(DECIMALS)
def test_a_number_cell_shows_the_number_to_fifteen_digits(number: Decimal) -> None:
    shown = number_text(number)
    assert shown is not None
    assert Decimal(repr(float(shown))) == rounded(number)
    assert same(number, Decimal(shown))
    assert number_text(Decimal(shown)) == shown


def test_what_is_longer_than_a_cell_holds_is_rounded_to_it() -> None:
    assert number_text(Decimal("93100.000000000001")) == "93100"
    assert number_text(Decimal("0.12345678901234567")) == "0.123456789012346"
    assert same(Decimal("0.12345678901234567"), Decimal("0.123456789012346"))
    assert not same(Decimal("0.12345678901234567"), Decimal("0.123456789012347"))


@pytest.mark.parametrize(
    "number", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+400"), Decimal("1E-400")]
)
def test_what_a_double_cannot_hold_is_no_number_cell(number: Decimal) -> None:
    assert number_text(number) is None


@given(DECIMALS, DECIMALS)
def test_sameness_of_numbers_is_equality_to_fifteen_digits(left: Decimal, right: Decimal) -> None:
    assert same(left, right) == (rounded(left) == rounded(right))
    assert same(left, format(right, "f")) == same(left, right)
