"""The formulas of a sheet's cells rewritten as its rows stream by, those that cells share included."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from cqs_sheets.destinations.excel.parts.malformed import Malformed
from cqs_sheets.destinations.excel.parts.references import filled
from cqs_sheets.destinations.excel.parts.refs import column_number
from cqs_sheets.destinations.excel.parts.rowstream import Piece, addressed
from cqs_sheets.destinations.excel.parts.xmltext import attributes, escape, unescape

# Matches a cell up to the end of its formula, then the formula's tag and text: a cell that a program wrote with
# attributes in any order, blanks or a formula without text. A parser would be forty times as slow.
_FORMULA_CELL = re.compile(rb'<c r="([A-Z]+)(\d+)"[^>]*>\s*<f(?:\s[^>]*?)?(?:/>|>.*?</f>)', re.DOTALL)
_FORMULA = re.compile(rb"<f((?:\s[^>]*?)?)(?:/>|>(.*?)</f>)", re.DOTALL)

Change = Callable[[str, int, int], str]
"""From a cell's formula, its row and its column to what the formula shall be."""


class CellFormulas:
    """Rewrites the formulas of one sheet, its pieces of rows in order.

    A formula that cells share is written out where it is not the same for all of them any more, with
    `write_out` everywhere: a cell's own formula is the first one's, moved by rows and columns.
    `own_tag` may rewrite the tag of a formula that fills several cells (an array's). With
    `ranges_only` formulas without a range are not changed, which saves looking at each.
    """

    def __init__(
        self,
        change: Change,
        *,
        write_out: bool = False,
        ranges_only: bool = False,
        own_tag: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._change = change
        self._write_out = write_out
        self._ranges_only = ranges_only
        self._own_tag = own_tag
        self._masters: dict[str, tuple[int, int, str]] = {}
        self._written_out: set[str] = set()

    def rows(self, piece: Piece) -> bytes:
        """A stretch of rows with its formulas changed."""
        if b"<f" not in piece.text:
            return piece.text
        return _FORMULA_CELL.sub(self._cell, addressed(piece).text)

    def _cell(self, match: re.Match[bytes]) -> bytes:
        row, column = int(match[2]), column_number(match[1].decode())
        return _FORMULA.sub(lambda formula: self._formula(formula, row, column), match[0])

    def _formula(self, match: re.Match[bytes], row: int, column: int) -> bytes:
        values = attributes(match[1])
        text = unescape(match[2] or b"")
        if values.get("t") == "shared":
            return self._shared(match[0], values.get("si", ""), text, row, column)
        tag = b"<f" + match[1] + b">"
        if self._own_tag and "ref" in values:
            tag = self._own_tag(tag)
        after = self._change(text, row, column)
        if after == text and tag == b"<f" + match[1] + b">":
            return match[0]
        return tag + escape(after) + b"</f>"

    def _shared(self, written: bytes, index: str, text: str, row: int, column: int) -> bytes:
        if text:
            self._masters[index] = (row, column, text)
            self._written_out.discard(index)
        plain = self._write_out or index in self._written_out
        if not plain and index not in self._masters:
            return written  # no program can tell what it says
        first_row, first_column, first = self._masters.get(index) or _unknown(index)
        if not plain and self._ranges_only and ":" not in first:
            return written
        text = filled(first, row - first_row, column - first_column)
        after = self._change(text, row, column)
        if after == text and not plain:
            return written
        if (row, column) == (first_row, first_column):
            self._written_out.add(index)
        return b"<f>" + escape(after) + b"</f>"


def _unknown(index: str) -> NoReturn:
    raise Malformed("the formula that cells share", index)
