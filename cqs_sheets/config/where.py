"""`where`: which signals pass, from a target's table in the config or from texts like `direction=LONG`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path as Folder
from typing import Any

from cqs_sheets.config.document import schema
from cqs_sheets.config.rules import BOUNDS, broken_rules, listed
from cqs_sheets.core.cells import CellType, key_text
from cqs_sheets.core.signals.fields import SOURCES
from cqs_sheets.core.toml import explain
from cqs_sheets.errors import UsageError

_BOUNDS = frozenset(f"{side}_{name}" for side in ("min", "max") for name in BOUNDS)
_OPTION = "--where"


def where_values(table: Mapping[str, Any]) -> dict[str, object]:
    """A checked `where` as `core.plan.rows.passes` takes it."""
    return {
        name: Decimal(str(value)) if name in _BOUNDS else tuple(_text(item) for item in listed(value))
        for name, value in table.items()
    }


def where_of(texts: Sequence[str]) -> dict[str, object]:
    """The same from texts FIELD=VALUE; a field given twice may have either value.

    Raises UsageError with everything that a config's `where` may not say either.
    """
    table: dict[str, Any] = {}
    problems = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            problems.append(f"{_OPTION} {text}: expected FIELD=VALUE, such as direction=LONG")
        else:
            table.setdefault(name, []).append(_value(name, value))
    table = {name: values[0] if len(values) == 1 else values for name, values in table.items()}
    problems += [f"{_OPTION} {problem}" for problem in _broken(table)]
    if problems:
        raise UsageError(
            "\n".join(problems),
            meaning="Nothing was asked and nothing was written.",
            hint="Correct the option, and run again.",
        )
    return where_values(table)


def _broken(table: Mapping[str, Any]) -> list[str]:
    """What is wrong with it, by the rules of a config with such a target."""
    found = dict(explain(_config(table), schema()))
    kept = {name: value for name, value in table.items() if not any(name in path for path in found)}
    found |= dict(broken_rules(_config(kept), Folder()))
    return [f"{path[3]}: {sentence}" for path, sentence in found.items()]


def _config(table: Mapping[str, Any]) -> dict[str, Any]:
    return {"target": [{"to": "signals.xlsx", "where": table}]}


def _value(name: str, text: str) -> str | int | float:
    """A number where the field has numbers, as TOML would have it; else, or if it is none, the text."""
    if name in _BOUNDS or (name in SOURCES and SOURCES[name].type is CellType.NUMBER):
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    return text


def _text(item: str | float) -> str:
    return item.strip() if isinstance(item, str) else key_text(Decimal(str(item))) or ""
