"""The formulas of templates: the names in them, the functions they may use, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from cqs_sheets.core.signals.exchanges import nearest
from cqs_sheets.core.toml import plain
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

_REFERENCE = regex(r"\{(?:([^\W\d][^{}\".]*)\.([^{}\"]+)|(\^?[^\W\d]\w*))\}")
_TEXT_LITERAL = regex(r'("(?:[^"]|"")*")')


def resolve(formula: str, *, cell: Callable[[str], str], column: Callable[[str, str], str]) -> str:
    """The formula with every reference replaced, its leading `=` kept; text in quotes is left alone.

    `cell` gets what stands between braces (`rr1`, `^cum`, `i`), `column` the tab and the rest
    (`{_equity.eq.dd}` -> `"_equity", "eq.dd"`). A LookupError of theirs passes through: the
    formula refers to a column that is gone. Array constants such as `{1,2}` are left as they are.
    """

    def replaced(match: re.Match[str]) -> str:
        tab, rest, name = match.groups()
        return column(tab, rest) if tab else cell(name)

    parts = _TEXT_LITERAL.split(formula)
    return "".join(part if part.startswith('"') else _REFERENCE.sub(replaced, part) for part in parts)


def references(formula: str) -> tuple[tuple[str, str], ...]:
    """What a formula refers to, as (tab, column id); the tab is "" for the same row."""
    found: list[tuple[str, str]] = []

    def cell(name: str) -> str:
        found.append(("", name))
        return ""

    def column(tab: str, name: str) -> str:
        found.append((tab, name))
        return ""

    resolve(formula, cell=cell, column=column)
    return tuple(found)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHARED = _names(
    "ABS ADDRESS AND AVEDEV AVERAGE AVERAGEA AVERAGEIF AVERAGEIFS CEILING CHAR CHOOSE CLEAN CODE COLUMN"
    " COLUMNS COMBIN CONCATENATE CORREL COUNT COUNTA COUNTBLANK COUNTIF COUNTIFS COVAR DATE DAY DAYS360"
    " DEVSQ EDATE EOMONTH EVEN EXACT EXP FACT FALSE FIND FLOOR FORECAST FV GCD GEOMEAN HARMEAN HLOOKUP"
    " HOUR HYPERLINK IF IFERROR INDEX INT INTERCEPT IRR ISBLANK ISERR ISERROR ISEVEN ISLOGICAL ISNA"
    " ISNONTEXT ISNUMBER ISODD ISTEXT KURT LARGE LCM LEFT LEN LN LOG LOG10 LOOKUP LOWER MATCH MAX MAXA"
    " MEDIAN MID MIN MINA MINUTE MOD MODE MONTH MROUND N NA NETWORKDAYS NORMSDIST NORMSINV NOT NPER NPV"
    " ODD OR PERCENTILE PERCENTRANK PI PMT POWER PRODUCT PROPER PV QUARTILE QUOTIENT RANK RATE REPLACE"
    " REPT RIGHT ROUND ROUNDDOWN ROUNDUP ROW ROWS RSQ SEARCH SECOND SIGN SKEW SLOPE SMALL SQRT"
    " STANDARDIZE STDEV STDEVP SUBSTITUTE SUBTOTAL SUM SUMIF SUMIFS SUMPRODUCT SUMSQ T TEXT TIME TRIM"
    " TRIMMEAN TRUE TRUNC UPPER VAR VARP VLOOKUP WEEKDAY WEEKNUM WORKDAY YEAR YEARFRAC"
)

TAKE_COLUMNS = _names(
    "AVEDEV AVERAGE AVERAGEA AVERAGEIF AVERAGEIFS COLUMNS CORREL COUNT COUNTA COUNTBLANK COUNTIF COUNTIFS"
    " COVAR DEVSQ FORECAST GEOMEAN HARMEAN HLOOKUP INDEX INTERCEPT IRR KURT LARGE LOOKUP MATCH MAX MAXA"
    " MEDIAN MIN MINA MODE NPV PERCENTILE PERCENTRANK PRODUCT QUARTILE RANK ROWS RSQ SKEW SLOPE SMALL"
    " STDEV STDEVP SUBTOTAL SUM SUMIF SUMIFS SUMPRODUCT SUMSQ TRIMMEAN VAR VARP VLOOKUP"
)
"""Functions that take a whole column as it stands, and give one value."""

COMPUTE_WITH_COLUMNS = frozenset({"SUMPRODUCT"})
"""Functions inside which one can compute with whole columns, in every app."""

_CLOCK = "it changes with the clock, so a sheet would never stand still: compare with Last_sync"
_CHANCE = "it shows something else at every change"
_POSITIONS = "it is worked out anew at every change and speaks of positions: use INDEX({Tab.column},n)"
_SPILLS = "it fills more cells than its own, and not in every app"
_LANGUAGE = "it reads and writes by the language of the computer"
_ONE_APP = "only one app has it"
_SURROUNDINGS = "it tells of the computer, not of the data"

REASONS: Mapping[str, str] = {
    **dict.fromkeys(("NOW", "TODAY"), _CLOCK),
    **dict.fromkeys(("RAND", "RANDBETWEEN", "RANDARRAY"), _CHANCE),
    **dict.fromkeys(("OFFSET", "INDIRECT"), _POSITIONS),
    **dict.fromkeys(("CELL", "INFO"), _SURROUNDINGS),
    **dict.fromkeys(
        ("ARRAYFORMULA", "FILTER", "SORT", "SORTBY", "SEQUENCE", "SPLIT", "TRANSPOSE", "UNIQUE", "QUERY"), _SPILLS
    ),
    **dict.fromkeys(("DATEVALUE", "TIMEVALUE", "VALUE", "NUMBERVALUE", "FIXED", "DOLLAR"), _LANGUAGE),
    **dict.fromkeys(
        ("GOOGLEFINANCE", "IMAGE", "IMPORTDATA", "IMPORTHTML", "IMPORTRANGE", "SPARKLINE", "WEBSERVICE"), _ONE_APP
    ),
}  # fmt: skip
"""Why a function may not be used, where it is more than that one of the apps lacks it."""

INSTEAD: Mapping[str, str] = {
    "CONCAT": "&",
    "IFNA": "IFERROR",
    "IFS": "IF inside IF",
    "JOIN": "&",
    "LAMBDA": "a formula column of its own, perhaps hidden",
    "LET": "a formula column of its own, perhaps hidden",
    "MAXIFS": "SUMPRODUCT",
    "MINIFS": "SUMPRODUCT",
    "SWITCH": "IF inside IF, or CHOOSE",
    "TEXTJOIN": "&",
    "XLOOKUP": "INDEX({Tab.column},MATCH(value,{Tab.other},0))",
    "XMATCH": "MATCH",
}
"""What to write instead of a function that one of the apps lacks."""


_WORD = regex(r'"(?:[^"]|"")*"|\{[^{}]*\}|[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?|[^\W\d][\w.]*|<>|<=|>=|\S')
_LANGUAGE_CODES = regex(r"[dmyhs.,]", re.IGNORECASE)  # of dates, and the signs of decimals and thousands
_QUOTED_IN_FORMAT = regex(r'""[^"]*""|\\.')

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


class OtherTables(Protocol):
    """Tables that are not drawn: how formulas speak of their columns. LookupError for what is not there."""

    def data(self, tab: str, column_id: str) -> str:
        """A column's data; it grows with the table."""
        ...

    def cells(self, tab: str, column_id: str) -> str:
        """The same by addresses, as rules must have it."""
        ...


class _NoOthers:
    def data(self, tab: str, column_id: str) -> str:
        raise LookupError(f"{tab}.{column_id}")

    cells = data


NO_OTHERS: OtherTables = _NoOthers()
