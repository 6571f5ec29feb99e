"""A template's formulas mean the same in every app and language, or are refused with what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.templates.formulas import (
    COMPUTE_WITH_COLUMNS,
    INSTEAD,
    REASONS,
    SHARED,
    TAKE_COLUMNS,
    complaints,
)


def told(formula: str) -> list[str]:
    """What is said of a formula where every {T.…} but {T.cell} is a whole column."""
    return list(complaints(formula, lambda _, name: name != "cell"))


@pytest.mark.parametrize(
    "formula",
    [
        '=IF({a}="","",{a}*2)',
        '=TEXT({a},"+0%;-0%;0%")&TEXT({a},"0")&TEXT({a},"0 ""days, or so""")',
        '=SUM({T.x})/COUNTIFS({T.x},">="&({a}+1),{T.y},"LONG")',
        "=SUMPRODUCT(({T.x}>1)*{T.y})",
        "=INDEX({T.x}, MATCH({a}, {T.y}, 0))+{T.cell}*2+{T.x@}",
        "=-(1+2)*1E5",
        '="; NOW() { ("&{i}&{^above}',
        "=if(true,Sum(1,2),Pi())",
    ],
)
def test_what_every_app_understands_is_fine(formula: str) -> None:
    assert told(formula) == []


@pytest.mark.parametrize(
    "name", ["NOW", "TODAY", "RAND", "RANDBETWEEN", "OFFSET", "INDIRECT", "CELL", "INFO"]
)
def test_a_function_that_changes_by_itself_is_refused_with_the_reason(name: str) -> None:
    [said] = told(f"={name.lower()}()")
    assert said == f"{name} may not be used: {REASONS[name]}"


@pytest.mark.parametrize(
    ("formula", "instead"),
    [
        ("=IFS({a},1)", "use IF inside IF"),
        ("=STDEV.S({T.x})", "use STDEV"),
        ('=TEXTJOIN(",",{a})', "use &"),
        ("=COUTNIFS({T.x},1)", "did you mean COUNTIFS?"),
        ('=GOOGLEFINANCE("BTC")', "only one app has it"),
        ("=UNIQUE({a})", "it fills more cells than its own"),
        ('=DATEVALUE("1.2.2026")', "by the language of the computer"),
    ],
)
def test_a_function_that_one_app_lacks_is_refused_with_what_to_write(formula: str, instead: str) -> None:
    assert any(instead in said for said in told(formula))


@pytest.mark.parametrize("code", ["dd mmm", "yyyy-mm-dd", "hh:mm", "0.00", "#,##0", "s"])
def test_text_by_the_language_of_the_computer_is_refused(code: str) -> None:
    [said] = told(f'=TEXT({{a}},"{code}")')
    assert "changes with the language" in said


def test_a_format_that_cannot_be_seen_is_refused() -> None:
    assert told("=TEXT({a},{b})") == ['TEXT needs its format in quotes here, such as TEXT({column},"0%")']


@pytest.mark.parametrize(
    "formula", ["={T.x}", "=ABS({T.x})", "=SUM({T.x}*2)", "=IF({T.x}>1,1,0)", "=({T.x})"]
)
def test_what_only_an_array_formula_could_do_is_refused(formula: str) -> None:
    [said] = told(formula)
    assert said.startswith("{T.x} is a whole column: give it to a function")


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("=IF({a};1;2)", "separated by commas"),
        ("=SUM({1,2})", "lists in braces"),
        ("=SUM({a}", "a bracket is not closed"),
        ("={a})", "a bracket is closed that was not opened"),
        ('="abc', "a quotation mark is not closed"),
    ],
)
def test_what_would_spoil_the_workbook_is_refused(formula: str, said: str) -> None:
    assert any(said in each for each in told(formula))


@given(st.text(alphabet='=AZ1.,;(){}" &>T_xé', max_size=30))
def test_whatever_is_written_it_is_looked_at_to_the_end(formula: str) -> None:
    assert all(isinstance(said, str) for said in told(formula))


def test_the_lists_fit_together() -> None:
    assert TAKE_COLUMNS <= SHARED
    assert COMPUTE_WITH_COLUMNS <= TAKE_COLUMNS
    assert not SHARED & (set(REASONS) | set(INSTEAD))
