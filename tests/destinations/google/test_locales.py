"""A spreadsheet whose locale has the comma as decimal mark: everything in it means the same as elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.compile.styles import in_any_locale, ratio
from cqs_sheets.template_files import load_template
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.user import GoogleUser
from tests.emulators.sheets.evaluate import evaluate_trivial

NUMBERS = st.decimals(min_value=0, max_value=10**6, places=6, allow_nan=False)


def errors(user: GoogleUser) -> Iterator[str]:
    """Formulas that the spreadsheet cannot read, with their tabs."""
    book = user.sheets.book(user.book)
    for sheet in book.sheets:
        for cell in user.sheets.tab(user.book, sheet.title).cells.values():
            if (
                cell.formula
                and str(getattr(evaluate_trivial(book, sheet, cell.formula), "kind", "")) == "ERROR"
            ):
                yield f"{sheet.title}: {cell.formula}"


@pytest.mark.parametrize("name", ["futures", "dashboard"])
def test_formulas_rules_and_limits_of_a_template_are_understood(user: GoogleUser, name: str) -> None:
    user.book = user.sheets.create(locale="de_DE")
    user.destination = GoogleDestination(user.book, http=user.http)
    template = load_template(name)
    sync(user, row("1", template=template, exchange="binance_futures"), template=template)
    assert list(errors(user)) == []


@pytest.mark.parametrize(
    ("formula", "understood"),
    [
        ("=IF(A1>0.5,1,-1.25)", "=IF(A1>(1/2);1;-(5/4))"),
        ('=A1&", 0.5 of "&B1', '=A1&", 0.5 of "&B1'),
        ("=SUM('Mine, 1.5'!A1:A,C2)", "=SUM('Mine, 1.5'!A1:A;C2)"),
        ("=SUM({1,2},A1)", "=SUM({1,2};A1)"),
        ("=A1/2", "=A1/2"),
    ],
)
def test_only_what_a_locale_changes_is_spelled_anew(formula: str, understood: str) -> None:
    assert in_any_locale(formula) == understood


@given(NUMBERS)
def test_a_decimal_is_the_quotient_it_is_spelled_as(number: object) -> None:
    text = f"{number:f}"
    assert Fraction(ratio(text)) == Fraction(text)
    assert re.fullmatch("[0-9]+(/[0-9]+)?", ratio(text))
