"""The whole truth of a signal of the sandbox, its future too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cqs_sheets.sandbox import Signal
from cqs_sheets.sandbox.market import UNIX_EPOCH


def describe(signal: Signal) -> dict[str, Any]:
    """Times are ISO 8601 UTC; `first` are the fields as published, `final` those after every edit, with leverage.

    A signal is open at t when published <= t < closed.
    """
    leverage = {} if signal.leverage is None else {"leverage": signal.leverage}
    return {
        "table": signal.table.value,
        "pool": signal.pool.value,
        "id": signal.published_fields["id"],
        "published": _iso(signal.published),
        "closed": _iso(signal.closed),
        "outcome": signal.outcome,
        "edits": [{"at": _iso(edit.at), "changes": dict(edit.changes)} for edit in signal.edits],
        "first": signal.published_fields | leverage,
        "final": signal.fields_at(signal.closed) | leverage,
    }


def _iso(instant: int) -> str:
    return (UNIX_EPOCH + timedelta(microseconds=instant)).isoformat()
