"""The sandbox's own endpoint for tests: what the market really published. Not part of the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from cqs_sheets.sandbox.answers import Answer, as_json
from cqs_sheets.sandbox.drafting import UNIX_EPOCH
from cqs_sheets.sandbox.market import Market
from cqs_sheets.sandbox.signals import Signal

SANDBOX_PREFIX: Final = "/_sandbox/"
HISTORY_PATH: Final = "/_sandbox/history"

_NOTE = "For tests of the sandbox's clients; not part of the signals API."
_DEFAULT_SPAN = timedelta(minutes=20)


def history_answer(market: Market, params: Mapping[str, str], now: datetime) -> Answer:
    """Answer with every signal published in [since, until] (epoch seconds), whatever its state.

    `until` defaults to now and `since` to 20 minutes before it; a bad or too long span is a 400.
    """
    try:
        until = _instant(params["until"]) if "until" in params else now
        since = _instant(params["since"]) if "since" in params else until - _DEFAULT_SPAN
        signals = market.history(since, until)
    except (ValueError, OverflowError) as error:
        return as_json({"note": _NOTE, "error": str(error)}, HTTPStatus.BAD_REQUEST)
    return as_json(
        {
            "note": _NOTE,
            "seed": market.seed,
            "speed": market.speed,
            "now": _iso(now),
            "since": _iso(since),
            "until": _iso(until),
            "count": len(signals),
            "signals": [describe(signal) for signal in signals],
        }
    )


def describe(signal: Signal) -> dict[str, object]:
    """Return the whole truth of a signal, its future too, ready for JSON; times are ISO 8601 UTC.

    `first` are the fields as published and `final` those after every edit, both with leverage if
    the signal is a futures one. A signal is open at t when published <= t < closed.
    """
    leverage = {} if signal.leverage is None else {"leverage": signal.leverage}
    return {
        "table": signal.table,
        "pool": signal.pool,
        "id": signal.published_fields["id"],
        "published": _iso_micros(signal.published),
        "closed": _iso_micros(signal.closed),
        "outcome": signal.outcome,
        "edits": [{"at": _iso_micros(edit.at), "changes": dict(edit.changes)} for edit in signal.edits],
        "first": signal.published_fields | leverage,
        "final": signal.fields_at(signal.closed) | leverage,
    }


def _instant(text: str) -> datetime:
    try:
        return UNIX_EPOCH + timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        message = f"since and until must be seconds since 1970 UTC, not {text[:40]!r}"
        raise ValueError(message) from None


def _iso_micros(instant: int) -> str:
    return _iso(UNIX_EPOCH + timedelta(microseconds=instant))


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
