"""Rows on top: what is worked out once for many formulas, or done to a row at once, is what is done to each."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import example, given
from hypothesis import strategies as st

from cqs_sheets.destinations.excel.edit.insertion import Insertion
from cqs_sheets.destinations.excel.edit.shift import moved_rows
from cqs_sheets.destinations.excel.parts.references import Area
from cqs_sheets.destinations.excel.parts.rowstream import Part, Piece
from cqs_sheets.destinations.excel.parts.workbook import Sheet
from cqs_sheets.errors import DataRefused

FIRST, LAST = 4, 40
SHEET = Sheet("Signals", "sheet1.xml")
INSERTIONS = (
    Insertion(sheet=SHEET, at=FIRST, by=10, absorbing=Area(FIRST, 1, LAST, 6)),
    Insertion(sheet=SHEET, at=LAST + 1, by=7),
)
# {0} is the formula's own row, {1} and {2} those beside it, {3} and {4} others, which may be the same
SHAPES = (
    "$A{0}*B{0}", "SUM(B{0}:D{0})", "SUM(B${3}:B{0})", "SUM(B{0}:B${3})", "SUM($B{1}:$B{0})", "A{1}+A{2}", "B{3}:B{4}",
    "SUM(B${3}:B${4})*C{0}", "SUM($B${3}:$B${4},$G${3}:$G${4})", "Other!A{0}+'Sig nals'!B{3}",
    "Signals!C{3}+signals!D{0}", '"row {0}"&A{0}', "LOG{3}(A{0})*{0}", "{3}.{0}*A{0}", "{0}:{0}", "SUM({3}:{0})", "F:F",
    "1E{0}+A{0}", "T[[#This Row],[{0}]]", "B{0}:A{3}", "SUM(B{0}:B{3})", "SUM(A{4}:A{0},A{0}:A{4})",
    'IF(A{0}="{3}",{3},A{3})', "A0{0}", "One:Three!A{0}",
)  # fmt: skip
NUMBERS = st.integers(1, LAST + 12)
PARTS = st.lists(st.tuples(st.sampled_from(SHAPES), NUMBERS, NUMBERS), min_size=1, max_size=3)


def told(change: Callable[..., str], *what: object) -> str:
    try:
        return change(*what)
    except DataRefused as refused:
        return refused.message


@given(
    shape=PARTS,
    rows=st.lists(st.tuples(NUMBERS, st.sampled_from((2, 9))), min_size=2, max_size=12),
    insertion=st.sampled_from(INSERTIONS),
    home=st.sampled_from(("Signals", "Other")),
)
@example([("$A{0}*{3}", 5, 5)], [(7, 2), (5, 2), (9, 2), (FIRST, 2)], INSERTIONS[0], "Signals")
@example([("$A{0}*{3}", 17, 17)], [(7, 2), (8, 2)], INSERTIONS[0], "Signals")
@example([("SUM(B${3}:B{0})", 20, 20)], [(7, 2), (30, 2), (8, 2), (31, 2)], INSERTIONS[0], "Signals")
@example([("SUM(B{0}:B{3})", LAST, LAST)], [(FIRST, 2), (FIRST, 9)], INSERTIONS[0], "Signals")
def test_formulas_that_differ_in_their_row_alone_move_as_each_would(
    shape: list[tuple[str, int, int]], rows: list[tuple[int, int]], insertion: Insertion, home: str
) -> None:
    change = insertion.in_cells_of(home)
    for row, column in rows:
        formula = "+".join(part.format(row, row - 1, row + 1, one, other) for part, one, other in shape)
        at = (row, column) if home == "Signals" else None
        expected = told(insertion.formula, formula, home, at)
        assert told(change, formula, row, column) == expected, (formula, row, column)


CELLS = st.lists(
    st.tuples(
        st.sampled_from(("A", "B", "AB", "XFD")),
        st.sampled_from((
            "/>", ' s="7"/>', "><v>7</v></c>", "><v>12</v></c>", ' t="s" s="12"><v>12</v></c>',
            ' t="inlineStr"><is><t>A7"12"</t></is></c>', "><f>A7+B12</f><v>7</v></c>",
        )),
    ),
    max_size=4,
)  # fmt: skip


@given(st.lists(CELLS, min_size=1, max_size=20), st.sampled_from(INSERTIONS), st.integers(1, 5))
def test_a_row_gets_its_number_in_each_of_its_cells_and_nowhere_else(
    rows: list[list[tuple[str, str]]], insertion: Insertion, spans: int
) -> None:
    def all_rows(number_of: Callable[[int], int] = int) -> str:
        return "".join(
            f'<row r="{number_of(row)}" spans="1:{row + spans}">'
            + "".join(f'<c r="{letters}{number_of(row)}"{rest}' for letters, rest in cells)
            + "</row>"
            for row, cells in enumerate(rows, start=FIRST)
        )

    piece = Piece(Part.ROWS, all_rows().encode(), FIRST - 1, FIRST + len(rows) - 1)
    assert moved_rows(piece, insertion).decode() == all_rows(insertion.row)


def test_a_cell_that_says_another_row_than_its_own_moves_as_it_says() -> None:
    piece = Piece(Part.ROWS, b'<row r="12"><c r="B13" s="12"/></row>', 11, 12)
    assert moved_rows(piece, INSERTIONS[0]) == b'<row r="22"><c r="B23" s="12"/></row>'
