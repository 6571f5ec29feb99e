"""What is wrong with a template's formula as such; the names in it are checking.py's business.

A formula has to mean the same in Excel, Google Sheets and LibreOffice, in any language, whenever it
is worked out: no function that one of them lacks, none that changes by itself, nothing that only an
array formula can do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cqs_sheets.core.signals.vocabulary import nearest
from cqs_sheets.core.templates.formula import references
from cqs_sheets.core.templates.functions import COMPUTE_WITH_COLUMNS, INSTEAD, REASONS, SHARED, TAKE_COLUMNS
from cqs_sheets.core.toml.words import plain

_WORD = re.compile(r'"(?:[^"]|"")*"|\{[^{}]*\}|[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?|[^\W\d][\w.]*|<>|<=|>=|\S')
_LANGUAGE_CODES = re.compile(r"[dmyhs.,]", re.IGNORECASE)  # of dates, and the signs of decimals and thousands
_QUOTED_IN_FORMAT = re.compile(r'""[^"]*""|\\.')

IsColumn = Callable[[str, str], bool]
"""Whether {Tab.name} is more than one cell."""


def complaints(formula: str, is_column: IsColumn) -> Iterator[str]:
    """Sentences about a formula, with what to write instead; `is_column` is asked of a tab and a name."""
    return _Walk(_WORD.findall(formula), is_column).complaints()


@dataclass(slots=True)
class _Walk:
    """A formula's words from the left, knowing which functions are open."""

    words: Sequence[str]
    is_column: IsColumn
    open: list[str] = field(default_factory=list)
    """The functions around the word; "" for mere brackets."""

    def complaints(self) -> Iterator[str]:
        for at, word in enumerate(self.words):
            yield from self._of_word(at, word)
        if self.open:
            yield "a bracket is not closed"

    def _of_word(self, at: int, word: str) -> Iterator[str]:
        if word == "(":
            name = self.words[at - 1].upper() if at else ""
            self.open.append(name if _is_name(name) else "")
            yield from self._of_function(at)
        elif word == ")":
            if not self.open:
                yield "a bracket is closed that was not opened"
            else:
                self.open.pop()
        elif word == '"':
            yield "a quotation mark is not closed"
        elif word == ";":
            yield "arguments are separated by commas here, whatever your app shows"
        elif word.startswith("{"):
            yield from self._of_braces(at, word)

    def _of_function(self, at: int) -> Iterator[str]:
        name = self.open[-1]
        if name and name not in SHARED:
            yield _refusal(name)
        elif name == "TEXT":
            yield from self._of_text(at)

    def _of_text(self, at: int) -> Iterator[str]:
        """TEXT is fine with a format that every language reads alike."""
        last, depth = "", 1
        for word in self.words[at + 1 :]:
            depth += {"(": 1, ")": -1}.get(word, 0)
            if not depth:
                break
            last = word
        if not last.startswith('"'):
            yield 'TEXT needs its format in quotes here, such as TEXT({column},"0%")'
        elif _LANGUAGE_CODES.search(_QUOTED_IN_FORMAT.sub("", last)):
            yield (
                f"TEXT with the format {plain(last)} changes with the language: show the value in a cell of"
                " its own with a `format`, or use ROUND, DAY, MONTH, YEAR"
            )

    def _of_braces(self, at: int, word: str) -> Iterator[str]:
        found = references(word)
        if not found:
            yield f"{plain(word)} is no column, and lists in braces are not written alike in every language"
            return
        [(tab, name)] = found
        if not tab or name.endswith("@") or not self.is_column(tab, name):
            return
        if COMPUTE_WITH_COLUMNS.isdisjoint(self.open) and not self._is_whole_argument(at):
            yield (
                f"{plain(word)} is a whole column: give it to a function that takes one, such as SUM, COUNTIFS or"
                " INDEX; only SUMPRODUCT computes with columns in every app"
            )

    def _is_whole_argument(self, at: int) -> bool:
        after = self.words[at + 1] if at + 1 < len(self.words) else ""
        alone = self.words[at - 1] in ("(", ",") and after in (",", ")")
        return alone and bool(self.open) and self.open[-1] in TAKE_COLUMNS


def _is_name(word: str) -> bool:
    return re.fullmatch(r"[^\W\d][\w.]*", word) is not None


def _refusal(name: str) -> str:
    reason = REASONS.get(name)
    if reason:
        return f"{name} may not be used: {reason}"
    older = name.split(".", maxsplit=1)[0]
    instead = INSTEAD.get(name) or (older if older in SHARED else None)
    if instead:
        return f"{name} is not in Excel 2016, Google Sheets and LibreOffice alike: use {instead}"
    near = nearest(name, SHARED)
    asked = f": did you mean {near}?" if near else ""
    return f"{name} is not a function of Excel 2016, Google Sheets and LibreOffice alike{asked}"
