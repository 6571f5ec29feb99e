"""What is kept of a judged signal: where judging it stands, exactly, and what a sheet shows of it.

Prices are texts, `n` or `n/d`, so that a sitting takes up exactly where the last one ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.outcomes.candles import Bar, Price, price_decimal, to_eight_places, unsigned
from cqs_sheets.core.outcomes.judge import Outcome, State
from cqs_sheets.core.outcomes.rules import Rules, as_json
from cqs_sheets.core.outcomes.setup import Setup, moment_of
from cqs_sheets.core.outcomes.statistics import cluster_name, fate
from cqs_sheets.core.outcomes.trade import Exit, Fill, Reading
from cqs_sheets.values import dataclass

_FIRST_DAY = date(1899, 12, 30)
_PRICES = ("risk", "moved", "reached", "high", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One signal by one set of rules: `clock` and `state` (None: not judged), and what sheets show.

    `shown` has a value for each source of the outcome's columns, times aware. `done`: neither candles nor
    time can change anything any more.
    """

    clock: int | None
    state: State | None
    shown: Mapping[str, CellValue]
    done: bool = False


def rules_text(rules: Rules) -> str:
    """A set of rules as one text: equal for equal rules."""
    beside = {"through": rules.through, "until_closed": rules.until_closed}
    return json.dumps({**as_json(rules), **{name: on for name, on in beside.items() if on}}, sort_keys=True)


def rules_hash(rules: Rules) -> str:
    """A short name of a set of rules."""
    return hashlib.sha256(rules_text(rules).encode()).hexdigest()[:16]


def state_text(state: State) -> str:
    """A state as JSON."""
    bar = state.last
    prices = () if bar is None else map(_text, (bar.open, bar.high, bar.low, bar.close))
    last = None if bar is None else [bar.minute, *prices, bar.minutes]
    return json.dumps(
        {
            "readings": [_reading_json(one) for one in state.readings],
            "last": last,
            "until": state.until,
            "unknown": state.unknown,
        },
        separators=(",", ":"),
    )


def state_from(text: str) -> State:
    """The state of such a text; raises ValueError, KeyError or TypeError for any other."""
    kept = json.loads(text)
    last = kept["last"]
    return State(
        readings=tuple(map(_reading_from, kept["readings"])),
        last=None if last is None else _bar_from(last),
        until=kept["until"],
        unknown=kept["unknown"],
    )


def _bar_from(row: Sequence[Any]) -> Bar:
    minute, opened, high, low, close, minutes = row
    return Bar(minute, _exactly(opened), _exactly(high), _exactly(low), _exactly(close), minutes)


def shown_text(shown: Mapping[str, CellValue]) -> str:
    """What sheets show, as JSON: decimals as {"n": "…"}, times as {"t": "…"}, what is blank left out."""
    return json.dumps({name: _cell_json(value) for name, value in shown.items() if value is not None})


def shown_from(text: str) -> dict[str, CellValue]:
    """What sheets show; raises ValueError, KeyError or TypeError for another text."""
    return {name: _cell_from(value) for name, value in json.loads(text).items()}


def shown(one: Outcome, setup: Setup | None = None, state: State | None = None) -> dict[str, CellValue]:
    """What sheets show of an outcome, by the names of the columns' sources; times aware, blank is absent."""
    hit = {leg.why: leg.at for leg in one.legs if leg.why.startswith("target")}
    stopped = next((leg.at for leg in one.legs if leg.why in ("stop", "breakeven", "trailing")), None)
    over = one.legs[-1] if one.legs and one.outcome not in ("open", "unknown") else None
    held = over.at - one.entered_at if over and one.entered_at else None
    values: dict[str, CellValue] = {
        "outcome": one.outcome or "not judged",
        "outcome_note": one.reason or None,
        "counted": fate(one, None),
        "entered_at": one.entered_at,
        "entry_price": one.entry,
        "valid_targets": _whole(one.targets),
        "targets_hit": _whole(one.targets_hit),
        **{f"target{rank}_at": hit.get(f"target{rank}") for rank in (1, 2, 3)},
        "stop_at": stopped,
        "exit_at": over.at if over else None,
        "exit_price": over.price if over else None,
        "minutes_held": None if held is None else _whole(held // timedelta(minutes=1)),
        "ambiguous": "yes" if one.ambiguous else None,
        "liquidation_first": "yes" if one.liquidation_first else None,
        "judged_until": one.as_of,
        "outcome_day": _day_number(one),
    }
    values |= {
        name: getattr(one, name) for name in ("r_gross", "r_net", "r_worst", "r_best", "mfe_r", "mae_r")
    }
    if setup is not None and state is not None and state.last is not None and not state.over:
        values |= _where_it_stands(one, setup, state.last)
    return {name: value for name, value in values.items() if value is not None}


def _day_number(one: Outcome) -> Decimal | None:
    """The day (UTC) of an outcome as spreadsheets count days; of a week the Monday, and a half to tell it apart."""
    if one.clock is None:
        return None
    name = cluster_name(one)
    if "W" in name:
        return (date.fromisoformat(f"{name}-1") - _FIRST_DAY).days + Decimal("0.5")
    return Decimal((date.fromisoformat(name) - _FIRST_DAY).days)


def _where_it_stands(one: Outcome, setup: Setup, last: Bar) -> dict[str, CellValue]:
    """The last price of a signal that is not over, and how far its next levels are, as shares of that price."""
    levels, _ = setup.levels_at(last.minute)
    ahead = levels.targets[one.targets_hit or 0 :]
    return {
        "last_price": price_decimal(unsigned(last.close)),
        "last_price_at": moment_of(last.minute + last.minutes),
        "to_stop_pct": None if levels.stop is None else _share(last.close - levels.stop, last.close),
        "to_target_pct": _share(ahead[0] - last.close, last.close) if ahead else None,
    }


def _share(distance: Price, price: Price) -> Decimal:
    return to_eight_places(Fraction(distance, unsigned(price)))


def _whole(number: int | None) -> Decimal | None:
    return None if number is None else Decimal(number)


def _text(price: Price | None) -> str | None:
    return None if price is None else str(price)


def _exactly(text: str) -> Price:
    return Fraction(text) if "/" in text else int(text)


def _maybe(text: str | None) -> Price | None:
    return None if text is None else _exactly(text)


def _reading_json(one: Reading) -> dict[str, Any]:
    return {
        "fills": [[fill.minute, _text(fill.price), fill.at_open] for fill in one.fills],
        "exits": [[gone.minute, _text(gone.price), _text(gone.share), gone.why] for gone in one.exits],
        "hits": one.hits,
        "end": one.end,
        "left": _text(one.left),
        **{name: _text(getattr(one, name)) for name in _PRICES},
    }


def _reading_from(kept: Mapping[str, Any]) -> Reading:
    return Reading(
        fills=tuple(Fill(minute, _exactly(price), at_open) for minute, price, at_open in kept["fills"]),
        exits=tuple(_exit_from(row) for row in kept["exits"]),
        hits=kept["hits"],
        end=kept["end"],
        left=_exactly(kept["left"]),
        **{name: _maybe(kept[name]) for name in _PRICES},
    )


def _exit_from(row: Sequence[Any]) -> Exit:
    minute, price, share, why = row
    return Exit(minute, _exactly(price), _maybe(share), why)


def _cell_json(value: CellValue) -> str | dict[str, str]:
    if isinstance(value, Decimal):
        return {"n": str(value)}
    return {"t": value.isoformat()} if isinstance(value, datetime) else str(value)


def _cell_from(value: str | Mapping[str, str]) -> CellValue:
    if isinstance(value, str):
        return value
    return Decimal(value["n"]) if "n" in value else datetime.fromisoformat(value["t"])
