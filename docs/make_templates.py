"""Writes the lists in docs/templates.md from the code, so that they cannot drift: python docs/make_templates.py."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cqs_sheets.core.signals.exchanges import EXCHANGES, SPELLINGS, PairSpelling
from cqs_sheets.core.signals.fields import SOURCES
from cqs_sheets.core.templates.formulas import REASONS, SHARED
from cqs_sheets.template_files import schema

PAGE = Path(__file__).parent / "templates.md"
_LIST = re.compile(r"(<!-- made: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_DEFINITIONS = {
    "keys of a template": (),
    "keys of theme": ("properties", "theme"),
    "keys of a style": ("properties", "styles", "additionalProperties"),
    "keys of a format": ("properties", "formats", "additionalProperties"),
    "keys of a table": ("$defs", "table"),
    "keys of a column": ("$defs", "table", "properties", "columns", "items"),
    "keys of a rule": ("$defs", "table", "properties", "rules", "items"),
    "keys of a settings tab": ("$defs", "settings_tab"),
    "keys of a section": ("$defs", "settings_tab", "properties", "sections", "items"),
    "keys of a setting": (
        "$defs", "settings_tab", "properties", "sections", "items", "properties", "rows", "items",
    ),
    "keys of a blocks tab": ("$defs", "blocks"),
    "keys of a block": ("$defs", "blocks", "properties", "blocks", "items"),
    "keys of a block column": (
        "$defs", "blocks", "properties", "blocks", "items", "properties", "columns", "items",
    ),
    "keys of a report": ("$defs", "report"),
    "keys of a card": ("$defs", "report", "properties", "cards", "items"),
    "keys of a chart": ("$defs", "report", "properties", "charts", "items"),
    "keys of a series": (
        "$defs", "report", "properties", "charts", "items", "properties", "series", "items",
    ),
    "keys of a list": ("$defs", "report", "properties", "lists", "items"),
    "keys of a list column": (
        "$defs", "report", "properties", "lists", "items", "properties", "columns", "items",
    ),
}  # fmt: skip


def lists() -> dict[str, str]:
    """Every list by its name, as Markdown."""
    made = {name: "\n".join(_keys(path)) for name, path in _DEFINITIONS.items()}
    return {
        **made,
        "fields": "\n".join(_sources("field")),
        "calcs": "\n".join(_sources("calc")),
        "functions": _functions(),
        "refused functions": "\n".join(_refused()),
        "symbols": "\n".join(_symbols()),
    }


def written(page: str) -> str:
    """The page with its lists made anew."""
    made = lists()
    return _LIST.sub(lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}", page)


def _keys(path: tuple[str, ...]) -> Iterator[str]:
    node: Mapping[str, Any] = schema()
    for step in path:
        node = node[step]
    needed = node.get("required", ())
    yield "| key | meaning |"
    yield "|---|---|"
    for name, rule in node["properties"].items():
        must = " (needed)" if name in needed else ""
        yield f"| `{name}`{must} | {_told(rule)} |"


def _told(rule: Mapping[str, Any]) -> str:
    words: str = rule["description"].replace("|", "&#124;")
    choices = [f"`{each}`" for each in rule.get("enum", ())]
    return f"{words} One of {', '.join(choices)}." if choices else words


def _sources(kind: str) -> Iterator[str]:
    yield "| name | what | type |"
    yield "|---|---|---|"
    for source in SOURCES.values():
        if source.kind == kind:
            kept = "; the first value stays" if source.once else "; never blanked" if source.sticky else ""
            yield f"| `{source.name}` | {source.about}{kept} | {source.type} |"


def _functions() -> str:
    return ", ".join(f"`{name}`" for name in sorted(SHARED))


def _refused() -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for name, reason in REASONS.items():
        reasons.setdefault(reason, []).append(f"`{name}`")
    for reason, names in reasons.items():
        yield f"- {', '.join(names)}: {reason}."


def _symbols() -> Iterator[str]:
    yield "| code | pairs | TradingView | ccxt | ccxt id | page |"
    yield "|---|---|---|---|---|---|"
    for code in EXCHANGES:
        for market in SPELLINGS.get(code, ()):
            cells = (market.tradingview, market.ccxt, market.ccxt_id, market.url)
            shown = " | ".join(f"`{cell}`" if cell else "" for cell in cells)
            yield f"| `{code}` | {_pairs(market)} | {shown} |"


def _pairs(market: PairSpelling) -> str:
    parts = [
        *([", ".join(market.coins)] if market.coins else []),
        *([f"in {', '.join(market.quotes)}"] if market.quotes else []),
    ]
    return " ".join(parts) or "all"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
