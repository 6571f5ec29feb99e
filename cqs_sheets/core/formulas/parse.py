"""A formula as a tree: what is said, before anything is looked up."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from cqs_sheets.core.formulas.values import Unknowable
from cqs_sheets.core.grid import Span
from cqs_sheets.patterns import regex

# A formula's words, each whole, left to right: texts, tables' columns, cells of this or another sheet, numbers, names.
_WORD = regex(
    r"""\s*(?:
    (?P<text>"(?:[^"]|"")*")
  | (?P<table>[^\W\d][\w.]*)\[(?P<column>(?:[^\[\]']|'.|\[(?:[^\[\]']|'.)*\])*)\]
  | (?:(?P<sheet>'(?:[^']|'')+'|[^\W\d][\w.]*)!)?
    (?P<area>\$?[A-Z]{1,3}\$?[1-9][0-9]{0,6}(?::\$?[A-Z]{1,3}\$?[1-9][0-9]{0,6})?)(?![\w(.])
  | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[^\W\d][\w.]*)
  | (?P<sign><>|<=|>=|[-+*/^&=<>%(),])
    )\s*""",
    re.VERBOSE,
)
OWN_ROW = 9_999_999
"""A row that no sheet has: it stands for a formula's own in what formulas of several rows say alike."""

# A text or a table's column; else a cell of this sheet that is no part of a range.
_TEXT_OR_CELL = regex(
    r"""
    "[^"]*" | \[(?:[^\[\]]|\[[^\[\]]*\])*\]
  | (?<![\w.!$:]) (?P<column>[A-Z]{1,3}) (?P<row>[1-9][0-9]*) (?![\w.(:!])
    """,
    re.VERBOSE,
)
_THIS_ROW = regex(r"\[#This Row\],\[(.*)\]", re.DOTALL)
_ESCAPE = regex(r"'(.)")


class Literal(NamedTuple):
    """A number or a text."""

    value: float | str


class Area(NamedTuple):
    """Cells of a sheet, of the formula's own where it is ""."""

    sheet: str
    span: Span


class TableColumn(NamedTuple):
    """The data of a table's column, or its cell in the formula's row."""

    table: str
    header: str
    this_row: bool


class Name(NamedTuple):
    """A defined name."""

    name: str


class Call(NamedTuple):
    """A function, or an operator by its sign (`neg` and `%` have one argument)."""

    function: str
    arguments: tuple[Node, ...]


Node = Literal | Area | TableColumn | Name | Call

_BINDS = {
    **dict.fromkeys(("=", "<>", "<", ">", "<=", ">="), 1), "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "^": 5,
}  # fmt: skip


@lru_cache(maxsize=20_000)
def parse(formula: str) -> Node:
    """The tree of a formula, without its leading `=`. Raises Unknowable for what templates never say."""
    parser = _Parser(formula)
    tree = parser.level(0)
    if parser.words:
        raise Unknowable(formula)
    return tree


def in_any_row(formula: str, row: int) -> str:
    """A formula of that row with OWN_ROW in place of it; as it is where names of sheets or columns are quoted."""
    own = str(row)

    def alike(match: re.Match[str]) -> str:
        return f"{match['column']}{OWN_ROW}" if match["row"] == own else match[0]

    return formula if "'" in formula else _TEXT_OR_CELL.sub(alike, formula)


class _Parser:
    """Reads words from the left; `words` are those still to come."""

    def __init__(self, formula: str) -> None:
        self.words: list[re.Match[str]] = []
        at = 0
        while at < len(formula):
            match = _WORD.match(formula, at)
            if match is None:
                raise Unknowable(formula)
            self.words.append(match)
            at = match.end()
        self.words.reverse()

    def level(self, least: int) -> Node:
        """What binds at least as closely as operators of this rank."""
        left = self._signed()
        while (rank := _BINDS.get(sign := self._next_sign(), 0)) > least:
            self.words.pop()
            left = Call(sign, (left, self.level(rank)))
        return left

    def _next_sign(self) -> str:
        return self.words[-1]["sign"] or "" if self.words else ""

    def _signed(self) -> Node:
        if self._next_sign() == "-":
            self.words.pop()
            return Call("neg", (self._signed(),))
        held = self._single()
        while self._next_sign() == "%":
            self.words.pop()
            held = Call("%", (held,))
        return held

    def _single(self) -> Node:
        if not self.words:
            raise Unknowable("a formula that ends early")
        word = self.words.pop()
        if word["text"]:
            return Literal(word["text"][1:-1].replace('""', '"'))
        if word["number"]:
            return Literal(float(word["number"]))
        if word["table"]:
            return _table_column(word["table"], word["column"])
        if word["area"]:
            sheet = word["sheet"] or ""
            if sheet.startswith("'"):
                sheet = sheet[1:-1].replace("''", "'")
            return Area(sheet, Span.parse(word["area"].replace("$", "")))
        if word["name"]:
            return self._named(word["name"])
        if word["sign"] == "(":
            inner = self.level(0)
            self._expect(")")
            return inner
        raise Unknowable(word[0])

    def _named(self, name: str) -> Node:
        if self._next_sign() != "(":
            return Name(name)
        self.words.pop()
        arguments: list[Node] = []
        if self._next_sign() == ")":
            self.words.pop()
            return Call(name.upper(), ())
        while True:
            arguments.append(self.level(0))
            if self._next_sign() != ",":
                break
            self.words.pop()
        self._expect(")")
        return Call(name.upper(), tuple(arguments))

    def _expect(self, sign: str) -> None:
        if self._next_sign() != sign:
            raise Unknowable(f"a formula without its {sign}")
        self.words.pop()


def _table_column(table: str, column: str) -> TableColumn:
    match = _THIS_ROW.fullmatch(column)
    header = match[1] if match else column
    if not match and header.startswith("[") and header.endswith("]"):
        header = header[1:-1]
    return TableColumn(table, _ESCAPE.sub(r"\1", header), match is not None)


def shape(formula: str) -> tuple[str, ...]:
    """What a formula says, whatever the places and numbers that it speaks of: its other words, and what no word is."""
    said, at = [], 0
    for match in _WORD.finditer(formula):
        said.append(
            formula[at : match.start()] + (match["text"] or match["sign"] or (match["name"] or "").lower())
        )
        at = match.end()
    return (*said, formula[at:])
