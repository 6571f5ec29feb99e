"""The tables `[symbols.CODE]`: how the pairs of an exchange are spelt, said by the user."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cqs_sheets.core.signals.query import currency_problem, exchange_problem
from cqs_sheets.core.signals.symbols import PLACEHOLDERS, Symbols
from cqs_sheets.core.signals.venues import Market
from cqs_sheets.core.toml.lines import Path
from cqs_sheets.core.toml.words import Finding, not_one_of

_PATTERNS = ("tradingview", "ccxt", "url")
_BRACED = re.compile(r"\{([^{}]*)\}")


def symbols_of(tables: Mapping[str, Mapping[str, Any]]) -> Symbols:
    """What checked tables say, by exchange code in lower case."""
    return Symbols(
        own={code.lower(): _market(table) for code, table in tables.items()},
        names={code.lower(): table["name"] for code, table in tables.items() if "name" in table},
    )


def symbol_findings(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """What is wrong with the tables beyond what the schema says."""
    seen: dict[str, str] = {}
    for code, table in tables.items():
        path: Path = ("symbols", code)
        other = seen.setdefault(code.lower(), code)
        if other != code:
            yield path, f"the same exchange as symbols > {other}: the casing of a code does not count"
        slip = exchange_problem(code)
        if slip:
            yield path, slip
        for name in _PATTERNS:
            if name in table:
                yield from _pattern_findings((*path, name), table[name])
        for position, quote in enumerate(table.get("quotes", ())):
            problem = currency_problem(quote)
            if problem:
                yield (*path, "quotes", position), problem


def _market(table: Mapping[str, Any]) -> Market:
    said = {name: table[name] for name in (*_PATTERNS, "ccxt_id") if name in table}
    return Market(**said, quotes=tuple(table.get("quotes", ())))


def _pattern_findings(path: Path, pattern: str) -> Iterator[Finding]:
    for name in _BRACED.findall(pattern):
        if name not in PLACEHOLDERS:
            yield path, not_one_of(f"{{{name}}}", [f"{{{each}}}" for each in PLACEHOLDERS])
    if re.search(r"[{}]", _BRACED.sub("", pattern)):
        yield path, "a brace stands alone: write {COIN}, {QUOTE}, {coin} or {quote}"
