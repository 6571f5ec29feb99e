"""What a workbook shows, in words that Excel and Google Sheets share, so that two of them can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

from openpyxl.utils import get_column_letter, range_boundaries

Aspects = dict[str, object]
"""Of one cell: `value`, `formula`, `pattern`, `font`, `fill`, …; an aspect that is nothing special is not there."""

_TEXT = re.compile(r'("(?:[^"]|"")*")')


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleForm:
    """A conditional format; `{row}` in its formula is the first row of its ranges that may be looked at."""

    columns: tuple[int, ...]
    rows: tuple[int, int]
    formula: str
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartForm:
    """A chart; ranges are `tab!A1:A9` of the cells it shows, without headers, colours `RRGGBB`."""

    at: str
    kind: str
    stacked: bool
    title: str
    legend: bool
    labels: bool
    categories: str
    series: tuple[tuple[str, str, str], ...]


@dataclass(slots=True, kw_only=True)
class TabForm:
    """A tab; rows and columns count from 1, sizes are in pixels. `names` are of its cells."""

    cells: dict[tuple[int, int], Aspects] = field(default_factory=dict)
    widths: dict[int, int] = field(default_factory=dict)
    heights: dict[int, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    hidden_columns: set[int] = field(default_factory=set)
    merges: set[str] = field(default_factory=set)
    rules: list[RuleForm] = field(default_factory=list)
    charts: list[ChartForm] = field(default_factory=list)
    frozen: tuple[int, int] = (0, 0)
    hidden: bool = False
    gridlines: bool = True
    filter: str = ""

    def seen(self) -> Self:
        """Without what nobody sees: cells under others they are merged with, widths of hidden columns."""
        for name in self.merges:
            left, top, right, bottom = (int(each or 0) for each in range_boundaries(name))
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    if (row, column) != (top, left):
                        self.cells.pop((row, column), None)
        self.widths = {at: width for at, width in self.widths.items() if at not in self.hidden_columns}
        return self


def outside_texts(formula: str, pattern: re.Pattern[str], by: str) -> str:
    """The formula with matches replaced wherever they are not in quotes."""
    parts = _TEXT.split(formula)
    return "".join(part if part.startswith('"') else pattern.sub(by, part) for part in parts)


def font(family: str, size: float, *, bold: bool, underline: bool, color: str) -> str:
    """A font in one line; black is the colour of text that has none."""
    marks = f"{' bold' if bold else ''}{' underlined' if underline else ''}"
    return f"{family} {size:g}{marks} {color or '000000'}"


def span_name(top: int, left: int, bottom: int, right: int) -> str:
    """`B5:D7`, or `B5`; counted from 1."""
    first, last = f"{get_column_letter(left)}{top}", f"{get_column_letter(right)}{bottom}"
    return first if first == last else f"{first}:{last}"
