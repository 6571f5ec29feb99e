"""Outcomes and the track record as JSON and as rows: every key always there, decimals as text, unknown null."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from cqs_sheets.core.outcomes.rules import Rules, as_json
from cqs_sheets.core.outcomes.statistics import Share, Summary
from cqs_sheets.core.outcomes.verdict import Leg, Outcome

VERSION = 1


def document(outcomes: Sequence[Outcome], summaries: Sequence[Summary], rules: Rules) -> dict[str, Any]:
    """Everything, as the contract says."""
    return {
        "version": VERSION,
        "rules": as_json(rules),
        "signals": [signal_json(one) for one in outcomes],
        "summary": [_summary_json(one) for one in summaries],
    }


def signal_json(one: Outcome) -> dict[str, Any]:
    """One signal's outcome. An exit that closed nothing is none; one that was only touched has no share."""
    return {
        "table": one.signal.key.table.value,
        "id": one.signal.key.id,
        "outcome": one.outcome,
        "targets_hit": one.targets_hit,
        "clock": moment_text(one.clock),
        "entered_at": moment_text(one.entered_at),
        "entry": decimal_text(one.entry),
        "exits": [_leg_json(leg) for leg in one.legs if leg.share != 0],
        "r_gross": decimal_text(one.r_gross),
        "r_net": decimal_text(one.r_net),
        "r_worst": decimal_text(one.r_worst),
        "r_best": decimal_text(one.r_best),
        "mfe_r": decimal_text(one.mfe_r),
        "mae_r": decimal_text(one.mae_r),
        "ambiguous": one.ambiguous,
        "liquidation_first": one.liquidation_first,
        "as_of": moment_text(one.as_of),
    }


TEXT_COLUMNS = ("exchange", "coin", "currency", "direction", "type", "table", "id", "reason")
"""What comes from the provider as text."""

COLUMNS = (
    "table", "id", "published", "exchange", "coin", "currency", "direction", "type", "outcome", "reason",
    "targets_hit", "clock", "clock_by", "entered_at", "entry", "exits", "r_gross", "r_net", "r_worst", "r_best",
    "mfe_r", "mae_r", "ambiguous", "liquidation_first", "as_of",
)  # fmt: skip
"""The columns of `signal_row`."""


def signal_row(one: Outcome) -> dict[str, str]:
    """One signal's outcome as a row of a file: what it was, and what became of it; unknown is blank."""
    signal = one.signal
    row: dict[str, object] = signal_json(one) | {
        "published": moment_text(signal.timestamp),
        "exchange": signal.exchange,
        "coin": signal.coin,
        "currency": signal.currency,
        "direction": signal.direction,
        "type": signal.type,
        "reason": one.reason,
        "clock_by": one.clock_by,
        "exits": "; ".join(
            f"{moment_text(leg.at)} {leg.why} at {decimal_text(leg.price)}" for leg in one.legs
        ),
    }
    return {name: _cell(row[name]) for name in COLUMNS}


def moment_text(moment: datetime | None) -> str | None:
    """A moment in UTC: `2026-05-24T12:00:00Z`."""
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def decimal_text(number: Decimal | None) -> str | None:
    """A decimal without exponent; results keep their 8 places."""
    return None if number is None else f"{number:f}"


def _leg_json(leg: Leg) -> dict[str, Any]:
    return {
        "at": moment_text(leg.at),
        "price": decimal_text(leg.price),
        "share": decimal_text(leg.share),
        "why": leg.why,
    }


def _summary_json(one: Summary) -> dict[str, Any]:
    return {
        "by": one.by,
        "value": one.value,
        "signals": one.signals,
        "entered": one.entered,
        "excluded": dict(one.excluded),
        **{f"hit{rank}": _share_json(share) for rank, share in enumerate(one.hits, 1)},
        "expectancy_r": decimal_text(one.expectancy_r),
        "stderr_r": decimal_text(one.stderr_r),
        "profit_factor": decimal_text(one.profit_factor),
        "max_drawdown_r": decimal_text(one.max_drawdown_r),
    }


def _share_json(share: Share) -> dict[str, str | None]:
    return {
        "share": decimal_text(share.share),
        "low": decimal_text(share.low),
        "high": decimal_text(share.high),
    }


def _cell(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
