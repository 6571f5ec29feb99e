"""References inside formulas: moved where they must be, everything else left as written."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openpyxl.formula.tokenizer import Token, Tokenizer
from openpyxl.formula.translate import Translator

from cqs_sheets.core.grid import column_letters, column_number
from cqs_sheets.core.templates.formulas import references, resolve
from cqs_sheets.destinations.excel.parts.references import (
    Reference,
    filled,
    has_cell_references,
    map_references,
    quoted_sheet,
    split_sheet,
    table_column,
)


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


END = st.tuples(
    st.sampled_from(("", "$")),
    st.sampled_from(("A", "Z", "AB", "XFD", "wzz", "XFE", "XRP", "ZZZ")),
    st.sampled_from(("", "$")),
    st.sampled_from((1, 9, 15, 104, 1_048_576, 1_048_577, 9_999_999)),
).map(lambda parts: "".join(map(str, parts)))
WHOLE = st.sampled_from(("A:C", "$B:$XFD", "2:9", "$1:$1048576"))
NAMED = st.sampled_from(
    ("XLM15", "Total", "a.b", "T[Q5]", "T[[#This Row],[A1]]", "LOG10(5)", "1.5E5", "#REF!", "x_A1")
)
REFERENCE = st.one_of(END, st.tuples(END, END).map(":".join), WHOLE)
SHEET = st.sampled_from(("", "Data!", "'It''s A1'!", "'2026'!"))
EXTERNAL = st.sampled_from(("[1]Data!A1", "'[1]My data'!$B$2:C9", "[1]Data!A:C", "[1]Data!2:9", "[1]!Total"))
OPERAND = st.one_of(
    st.tuples(SHEET, REFERENCE).map("".join), NAMED, EXTERNAL, st.sampled_from(('"A1:B2"', "'A1'!$A$1"))
)
FORMULA = st.lists(OPERAND, min_size=1, max_size=5).map(
    lambda parts: f"SUM({','.join(parts)})+" + "&".join(parts)
)


def in_grid(end: str) -> bool:
    column, row = re.fullmatch(r"\$?([A-Za-z]+)\$?([0-9]+)", end).groups()  # type: ignore[union-attr]
    return column_number(column) <= 16_384 and int(row) <= 1_048_576


def seen_by_openpyxl(formula: str) -> list[str]:
    """The rectangles of this workbook that openpyxl's tokenizer finds in a formula, as written, without their sheet."""
    found = []
    for token in Tokenizer("=" + formula).items:
        sheet, _, area = token.value.rpartition("!")
        if token.subtype != Token.RANGE or "[" in token.value or "[" in sheet:
            continue
        for end in re.findall(r"[^:]+", area) if ":" in area and not whole(area) else [area]:
            cells = re.fullmatch(r"\$?[A-Za-z]{1,3}\$?[0-9]{1,7}", end)
            found += [end] if (cells and in_grid(end)) or whole(end) else []
    return found


def whole(area: str) -> bool:
    return re.fullmatch(r"\$?[A-Z]+:\$?[A-Z]+|\$?[0-9]+:\$?[0-9]+", area) is not None


@given(FORMULA)
def test_what_openpyxls_tokenizer_takes_for_cells_we_do(formula: str) -> None:
    found: list[str] = []

    def seen(reference: Reference) -> tuple[int, int]:
        left, right = map(column_letters, (reference.left, reference.right))
        found.append(f"{left}{reference.top or ''}:{right}{reference.bottom or ''}")
        return reference.top, reference.bottom

    assert map_references(formula, seen) == formula
    ours = sorted(end for each in found for end in ends(each))
    assert set(ours) == {
        end for each in seen_by_openpyxl(formula) for end in ends(each.replace("$", "").upper())
    }


def ends(area: str) -> list[str]:
    """The columns and rows that a rectangle is told by, whichever corners it is written with."""
    return re.findall(r"[A-Z]+|[0-9]+", area)


@given(FORMULA, st.integers(-3, 60), st.integers(-3, 60))
def test_a_formula_is_copied_as_openpyxl_copies_it(formula: str, down: int, right: int) -> None:
    origin = "E9"
    target = f"{column_letters(5 + right)}{9 + down}"
    try:
        theirs = Translator("=" + formula, origin).translate_formula(target)[1:]
    except Exception:  # noqa: BLE001 - it cannot say what falls off the sheet
        return
    assume(
        not {"#REF!", "[", "XFE", "ZZZ", "XRP", "XLM", "x_A1", "1048576", "1048577", "9999999"}
        & set(OFF.findall(formula))
    )
    ours = filled(formula, down, right)
    assume("#REF!" not in ours)
    assert in_order(ours) == in_order(theirs)


OFF = re.compile(r"#REF!|\[|XFE|ZZZ|XRP|XLM|x_A1|1048576|1048577|9999999|XFD")


def in_order(formula: str) -> str:
    """Without `$`, corners put in order: openpyxl leaves them crossed."""

    def ordered(match: re.Match[str]) -> str:
        columns, rows = (
            sorted((match[1], match[3]), key=column_number),
            sorted((int(match[2]), int(match[4]))),
        )
        return f"{columns[0]}{rows[0]}:{columns[1]}{rows[1]}"

    return re.sub(r"\b([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)\b", ordered, formula.replace("$", "").upper())


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
