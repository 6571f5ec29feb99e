"""References inside formulas: moved where they must be, everything else left as written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.templates.formula import references, resolve
from cqs_sheets.destinations.excel.parts.references import filled, has_cell_references, map_references
from cqs_sheets.destinations.excel.parts.refs import column_number, quoted_sheet, split_sheet, table_column


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A5+LOG10(B6)", "A15+LOG10(B16)"),
        ("SUM($A$3:B9)+'My ''s'!C7", "SUM($A$3:B19)+'My ''s'!C17"),
        ("T[[#This Row],[Q5]]*Q5", "T[[#This Row],[Q5]]*Q15"),
        ("[1]Sheet1!A9+'[1]x'!A9", "[1]Sheet1!A9+'[1]x'!A9"),
        ('"A9"&A9', '"A9"&A19'),
        ("5:9+A:A", "15:19+A:A"),
        ("_xlfn.XLOOKUP(A9,B:B,C1:C9)", "_xlfn.XLOOKUP(A19,B:B,C1:C19)"),
        ("Table1[Q5]+AB12345678+x.A9+A9.x", "Table1[Q5]+AB12345678+x.A9+A9.x"),
        ("B9:A1", "B19:A1"),
        ("1E5+A5%", "1E5+A15%"),
        ("{1,2;3,5}*A5", "{1,2;3,5}*A15"),
        ("Über!A5+_x!A5", "Über!A15+_x!A15"),
    ],
)
def test_rows_from_the_fifth_on_move_by_ten(before: str, after: str) -> None:
    def moved(row: int) -> int:
        return row + 10 if row >= 5 else row

    assert map_references(before, lambda found: (moved(found.top), moved(found.bottom))) == after


def test_what_falls_off_the_sheet_is_no_reference_any_more() -> None:
    assert (
        map_references("A1048576+Sheet1!B2", lambda found: (found.top + 1, found.bottom + 1))
        == "#REF!+Sheet1!B3"
    )


def test_a_formula_copied_down_keeps_what_is_fixed() -> None:
    assert filled("A5*$B5+C$5+$D$5+SUM(A$1:A5)", 3) == "A8*$B8+C$5+$D$5+SUM(A$1:A8)"


def test_table_references_and_names_are_no_addresses() -> None:
    assert not has_cell_references("Signals[[#This Row],[A1]]*Equity+LOG10(5)")
    assert has_cell_references("Equity*A1")


@given(st.integers(1, 16_384))
def test_columns_have_letters(number: int) -> None:
    assert column_number(column_letters(number)) == number


@given(
    st.text(min_size=1, max_size=31).filter(
        lambda name: not set(name) & set("[]:*?/\\!'") and name.strip() == name
    )
)
def test_a_sheets_name_survives_a_formula(name: str) -> None:
    assert split_sheet(f"{quoted_sheet(name)}!$A$1") == (name, "$A$1")


def test_a_templates_formula_is_resolved_outside_of_texts_and_constants() -> None:
    formula = '={a}+{1.5,2}+{^cum}&"{x}"""+{_equity.eq.dd}+SUM({My Tab.col})'
    resolved = resolve(formula, cell=lambda name: f"<{name}>", column=lambda tab, name: f"[{tab}|{name}]")
    assert resolved == '=<a>+{1.5,2}+<^cum>&"{x}"""+[_equity|eq.dd]+SUM([My Tab|col])'
    assert references(formula) == (("", "a"), ("", "^cum"), ("_equity", "eq.dd"), ("My Tab", "col"))


def test_headers_with_special_characters_are_quoted_as_excel_wants() -> None:
    assert table_column("Signals", "Ask") == "Signals[Ask]"
    assert table_column("Signals", "R:R 1") == "Signals[[R:R 1]]"
    assert table_column("Signals", "a[b]#'c") == "Signals[[a'[b']'#''c]]"
