"""A template's formulas: `{column}` is the same row's cell, `{Tab.column}` a whole data column.

Where columns stand is the caller's knowledge; nothing here holds a position.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_REFERENCE = re.compile(r"\{(?:([^\W\d][^{}\".]*)\.([^{}\"]+)|(\^?[^\W\d]\w*))\}")
_TEXT_LITERAL = re.compile(r'("(?:[^"]|"")*")')


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
