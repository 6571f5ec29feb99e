"""The rules a signal is judged by, as data; their defaults are those of docs/how-to/outcomes.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from cqs_sheets.core.signals.exchanges import TYPES, is_futures
from cqs_sheets.core.toml import DURATION_WORDS, Finding, check, duration, duration_text
from cqs_sheets.values import dataclass, field

_DEFAULT = "default"
_MINUTE = 60
_HORIZONS = MappingProxyType(
    {"SCALPING": "1d", "SHORT TERM": "7d", "SHORT/MID TERM": "14d", "MID TERM": "30d", "LONG TERM": "90d"}
)
_RATE = {
    "anyOf": [
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "required": [_DEFAULT],
        },
    ]
}
_LENGTH = {"type": ["string", "integer"], "title": DURATION_WORDS}

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "entry": {"enum": ["near", "steps"]},
        "stop": {"enum": ["fixed", "breakeven", "trailing"]},
        "split": {
            "type": "array",
            "minItems": 3,
            "maxItems": 3,
            "items": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "fee": _RATE,
        "funding_8h": _RATE,
        "clock": {"enum": ["seen", "published"]},
        "values": {"enum": ["first", "revised"]},
        "horizon": {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(TYPES, _LENGTH),
        },
        "max_hole": _LENGTH,
    },
}
"""What a table of rules may hold, as JSON Schema; `broken_rules` knows what that cannot say."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of a price, the same everywhere or by exchange code (lower case)."""

    default: Decimal
    by_exchange: Mapping[str, Decimal] = field(default_factory=dict)

    def at(self, exchange: str) -> Decimal:
        """The rate at an exchange code, in any casing."""
        return self.by_exchange.get(exchange.strip().lower(), self.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One set of rules.

    `split` None: equal parts. `fee` is a share of the price a side, `funding` one of the entry price every
    eight hours. `horizon` in minutes by signal type, `max_hole` in minutes.

    Two things are no key of a file, only figures to hold beside: `through` 1 fills entries and targets only
    where the price goes beyond them, and `until_closed` ends a trade where the provider closed the signal.
    """

    entry: str = "near"
    stop: str = "fixed"
    split: tuple[Decimal, ...] | None = None
    fee: Rate = Rate(Decimal("0.0005"))
    funding: Rate = Rate(Decimal(0))
    clock: str = "seen"
    values: str = "first"
    horizon: Mapping[str, int] = field(
        default_factory=lambda: {name: duration(text) // _MINUTE for name, text in _HORIZONS.items()}
    )
    max_hole: int = 60
    through: int = 0
    until_closed: bool = False

    def funding_at(self, exchange: str) -> Decimal:
        """What a position pays each eight hours: nothing on a spot exchange."""
        return self.funding.at(exchange) if is_futures(exchange.strip()) else Decimal(0)


def order_count(rules: Rules) -> int:
    """Into how many equal entry orders a position is cut."""
    return 1 if rules.entry == "near" else 3


def read_rules(text: str) -> Rules:
    """The rules of a TOML file; raises toml.TomlProblems with everything that is wrong, by line."""
    return rules_of(check(text, SCHEMA, broken_rules))


def rules_of(table: Mapping[str, Any]) -> Rules:
    """The rules of a table that keeps SCHEMA and `broken_rules`."""
    read: dict[str, Any] = {
        name: table[name] for name in ("entry", "stop", "clock", "values") if name in table
    }
    if "split" in table:
        read["split"] = tuple(_number(share) for share in table["split"])
    for name, key in (("fee", "fee"), ("funding", "funding_8h")):
        if key in table:
            read[name] = _rate(table[key])
    if "max_hole" in table:
        read["max_hole"] = duration(table["max_hole"]) // _MINUTE
    own = {name: duration(text) // _MINUTE for name, text in table.get("horizon", {}).items()}
    return Rules(**read, horizon={**Rules().horizon, **own})


def broken_rules(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[Finding]:
    """What a schema cannot say: shares that do not add up, durations that are none."""
    split = table.get("split")
    if split is not None and sum(map(_number, split)) != 1:
        yield (*path, "split"), f"the three shares add up to {sum(map(_number, split))}: they must make 1"
    if "max_hole" in table:
        yield from _length_findings(table["max_hole"], (*path, "max_hole"), least=0)
    for name, text in table.get("horizon", {}).items():
        yield from _length_findings(text, (*path, "horizon", name), least=_MINUTE)


def as_json(rules: Rules) -> dict[str, Any]:
    """The rules under the keys of their file; decimals as text, None for equal parts."""
    return {
        "entry": rules.entry,
        "stop": rules.stop,
        "split": None if rules.split is None else [str(share) for share in rules.split],
        "fee": _rate_json(rules.fee),
        "funding_8h": _rate_json(rules.funding),
        "clock": rules.clock,
        "values": rules.values,
        "horizon": {name: duration_text(minutes * _MINUTE) for name, minutes in rules.horizon.items()},
        "max_hole": duration_text(rules.max_hole * _MINUTE),
    }


def _length_findings(text: str | int, path: tuple[str, ...], *, least: int) -> Iterator[Finding]:
    try:
        seconds = duration(text)
    except ValueError as error:
        yield path, str(error)
    else:
        if seconds < least:
            yield path, "a horizon is at least one minute"


def _rate(value: Any) -> Rate:  # noqa: ANN401 - a number or a table
    if isinstance(value, Mapping):
        own = {name.strip().lower(): _number(rate) for name, rate in value.items() if name != _DEFAULT}
        return Rate(_number(value[_DEFAULT]), own)
    return Rate(_number(value))


def _rate_json(rate: Rate) -> str | dict[str, str]:
    if not rate.by_exchange:
        return str(rate.default)
    return {**{name: str(own) for name, own in rate.by_exchange.items()}, _DEFAULT: str(rate.default)}


def _number(value: float) -> Decimal:
    return Decimal(str(value))
