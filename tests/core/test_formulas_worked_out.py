"""What a formula shows is worked out as spreadsheets do, or said to be unknown: never a guess."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cqs_sheets.core.formulas.evaluate import Evaluator
from cqs_sheets.core.formulas.parse import OWN_ROW, Area, Name, TableColumn, in_any_row, parse, shape
from cqs_sheets.core.formulas.values import UNKNOWN, Failed, FormulaError, Held, Unknowable
from cqs_sheets.core.grid import Span

_COLUMNS: dict[str, list[Held]] = {
    "Side": ["LONG", "short", "LONG", None],
    "R": [1.5, -1.0, 0.25, ""],
    "Id": [7.0, "a18x", "9", None],
    "Odd": [1.0, UNKNOWN, 2.0, 3.0],
}


class Cells:
    """A table T of four rows in rows 2 to 5, and the name Equity."""

    def held(self, sheet: str, row: int, column: int) -> Held:
        if sheet == "Settings":
            return 10000.0
        return list(_COLUMNS.values())[column - 1][row - 2] if row > 1 else Failed("#N/A")

    def column(self, area: Area) -> Sequence[Held]:
        return [self.held(area.sheet, row, area.span.left) for row in area.span.rows]

    def area(self, node: TableColumn | Name, sheet: str, row: int) -> Area:
        if isinstance(node, Name):
            if node.name != "Equity":
                raise Unknowable(node.name)
            return Area("Settings", Span(1, 1, 1, 1))
        at = list(_COLUMNS).index(node.header) + 1
        return Area(sheet, Span(row, at, row, at) if node.this_row else Span(2, at, 5, at))


def shown(formula: str) -> Any:
    return Evaluator(Cells()).value(parse(formula), "T", 3)


@pytest.mark.parametrize(
    ("formula", "alike"),
    [
        ("IF(B3>A30,$B$3,B$3)", f"IF(B{OWN_ROW}>A30,$B$3,B$3)"),
        ('A3&" B3 "&A33', f'A{OWN_ROW}&" B3 "&A33'),
        ("INDEX(T[TP3],T[[#This Row],[TP3]])+TP3", f"INDEX(T[TP3],T[[#This Row],[TP3]])+TP{OWN_ROW}"),
        ("SUM(A3:B3)+Other!A3+LOG3(B3)+Q3.x", f"SUM(A3:B3)+Other!A3+LOG3(B{OWN_ROW})+Q3.x"),
        ("'a sheet'!A3+A3", "'a sheet'!A3+A3"),
    ],
)
def test_rows_that_say_the_same_have_one_formula(formula: str, alike: str) -> None:
    assert in_any_row(formula, 3) == alike


def test_a_formula_of_any_row_shows_what_that_of_its_row_does() -> None:
    for row in (2, 3, 4, 5):
        formula = f'IF(A{row}="x",2,B{row}&"{row}")'
        general = parse(in_any_row(formula, row))
        assert Evaluator(Cells()).value(general, "T", row) == Evaluator(Cells()).value(
            parse(formula), "T", row
        )


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("1+2*3-4/2", 5.0),
        ("-2^2", None),
        ("2^3*2", 16.0),
        ('"a"&1/4&TRUE_', None),
        ('IF(T[[#This Row],[R]]<0,"loss","win")', "loss"),
        ('COUNTIFS(T[Side],"SHORT",T[R],"<0")', 1.0),
        ('SUMIFS(T[R],T[Side],"long")', 1.75),
        ('IFERROR(AVERAGEIFS(T[R],T[Side],"FLAT"),"-")', "-"),
        ("LARGE(T[R],2)", 0.25),
        ('MATCH("A18X",T[Id],0)', 2.0),
        ('IFERROR(MATCH("a18x"*1,T[Id],0),MATCH("a18x"&"",T[Id],0))', 2.0),
        ("INDEX(T[Side],2)", "short"),
        ("ROW()-ROW(INDEX(T[Side],1))+1", 2.0),
        ('B2=""', False),
        ('B5=""', True),
        ('MAX(0,N("x"),Equity)', 10000.0),
        ("ROUND(-0.5,0)", -1.0),
        ("ROUND(2.675,2)", 2.68),
        ('TEXT(0.125,"+0%;-0%;0%")', "+13%"),
        ("DAY(46171)&CHOOSE(MONTH(46171),1,2,3,4,5)", "295"),
        ("DATE(2026,14,1)", 46419.0),
        ('TRIM("  a   b ")', "a b"),
        ("MOD(-7,3)", 2.0),
        ("DAY(10)", None),  # before Excel's day that never was
        ("DATE(1800,1,1)", None),
        ('UPPER("ä")', None),
        ('LEN("\N{GRINNING FACE}")', None),  # one character, or two
        ('TEXT(-0.5,"0%")', None),
        ('COUNTIFS(T[R],"<>1")', None),
    ],
)
def test_a_formula_shows(formula: str, value: Any) -> None:
    if value is None:
        with pytest.raises(Unknowable):
            shown(formula)
    else:
        assert shown(formula) == value


@pytest.mark.parametrize(
    "formula",
    [
        "IFERROR(XLOOKUP(1,T[R],T[R]),0)",  # a function that is not known is no error
        'IFERROR(COUNTIFS(T[Side],"L*"),0)',  # nor is a wildcard
        'IFERROR(COUNTIFS(T[Id],"9"),0)',  # nor a text that some take for a number
        'IFERROR(SUMIFS(T[R],T[Side],""),0)',
        'IFERROR("1/2"*1,0)',  # half, a date, or an error
        'IFERROR("12 Mai"*1,0)',
        "IFERROR(SUM(T[Odd]),0)",  # rests on what is not known
        'IFERROR(1/3/1000000&"",0)',  # written with an exponent, which the apps do not do alike
        "IFERROR(Elsewhere+1,0)",
        "T[R]*2",
        "1+",
        "[Book]Sheet!A1",
    ],
)
def test_what_is_not_sure_is_unknown_and_no_iferror_hides_it(formula: str) -> None:
    with pytest.raises(Unknowable):
        shown(formula)


@pytest.mark.parametrize(
    "formula",
    [
        "1/0", "A1+1", 'FIND("x","abc")', "LARGE(T[R],9)", "INDEX(T[R],5)", 'MID("abc",0,1)', 'REPT("a",-1)',
        "CHOOSE(3,1,2)", "MOD(1,0)", "SQRT(-1)", "10^64*10^64*10^64*10^64*10^64",
    ],
)  # fmt: skip
def test_an_error_is_an_error(formula: str) -> None:
    with pytest.raises(FormulaError):
        shown(formula)


def test_formulas_that_say_the_same_have_one_shape_wherever_they_stand() -> None:
    assert shape('IF(A5="","",A5*2)') == shape('IF(T[[#This Row],[R]]="","",$B$9*3)')
    assert shape('IF(A5="","",A5*2)') != shape('IF(A5="","",A5+2)')
    assert shape('IF(A5="x",1,2)') != shape('IF(A5="y",1,2)')
