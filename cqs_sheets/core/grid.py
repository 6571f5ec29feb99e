"""Columns, rectangles of cells, and how a formula spells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import Self

from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass

_CELL = regex(r"([A-Z]{1,3})([1-9][0-9]{0,6})")


@cache
def column_letters(column: int) -> str:
    """1 -> A, 27 -> AA."""
    text = ""
    while column:
        column, digit = divmod(column - 1, 26)
        text = chr(65 + digit) + text
    return text


@cache
def column_number(letters: str) -> int:
    """A -> 1, AA -> 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def runs(positions: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring positions as (first, last)."""
    for _, run in groupby(enumerate(sorted(positions)), key=lambda item: item[1] - item[0]):
        found = [position for _, position in run]
        yield found[0], found[-1]


@dataclass(frozen=True, slots=True)
class Span:
    """A rectangle of cells, all four bounds included, counted from 1."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`B5` or `B5:D7`; ValueError for anything else."""
        first, colon, last = text.partition(":")
        (top, left), (bottom, right) = _cell(first), _cell(last if colon else first)
        return cls(min(top, bottom), min(left, right), max(top, bottom), max(left, right))

    @property
    def rows(self) -> range:
        """The numbers of its rows."""
        return range(self.top, self.bottom + 1)

    @property
    def columns(self) -> range:
        """The numbers of its columns."""
        return range(self.left, self.right + 1)

    @property
    def single(self) -> bool:
        """Whether it is one cell."""
        return len(self.rows) == len(self.columns) == 1

    def row(self, index: int) -> Span:
        """Its row of that index, counted from 1; LookupError beyond its end."""
        at = self.rows[index - 1]
        return Span(at, self.left, at, self.right)

    def meets(self, other: Span) -> bool:
        """Whether the two share a cell."""
        rows = self.top <= other.bottom and other.top <= self.bottom
        return rows and self.left <= other.right and other.left <= self.right

    def __str__(self) -> str:
        first, last = f"{column_letters(self.left)}{self.top}", f"{column_letters(self.right)}{self.bottom}"
        return first if first == last else f"{first}:{last}"

    @property
    def absolute(self) -> str:
        """`$B$5:$D$7`."""
        first, last = (
            f"${column_letters(self.left)}${self.top}",
            f"${column_letters(self.right)}${self.bottom}",
        )
        return first if first == last else f"{first}:{last}"


def _cell(text: str) -> tuple[int, int]:
    match = _CELL.fullmatch(text)
    if match is None:
        raise ValueError(f"no cell: {text!r}")
    return int(match[2]), column_number(match[1])
