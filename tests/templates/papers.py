"""Invented outcomes for signals: enough of every kind, spread over days and weeks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from cqs_sheets.core.outcomes.judge import Leg, Outcome
from cqs_sheets.core.outcomes.keeping import shown
from cqs_sheets.core.signals.signal import Record
from tests.templates.wire import NOW

_ENTERED = ("won", "partial", "stopped", "expired")
_OTHERS = ("missed", "unfilled", "invalidated", "unknown", "waiting", "open")


def outcome_of(record: Record) -> Outcome:
    """What became of a signal; the same for the same arrival."""
    dice = Random(record.arrival)  # noqa: S311 - no secret
    word = dice.choice((*_ENTERED * 4, *_OTHERS))
    clock = NOW.replace(hour=dice.randrange(24), minute=0) - timedelta(days=dice.randrange(16, 60))
    ends = clock + timedelta(days=dice.choice((1, 7, 14, 100) if word in ("waiting", "open") else (1, 7, 14)))
    if word in ("waiting", "open"):
        ends = NOW + timedelta(days=1)
    targets, entered = dice.randrange(1, 4), word in _ENTERED
    exit_at = clock + timedelta(minutes=dice.randrange(1, 5000))
    paid = Decimal(dice.randrange(-120, 260)) / 100 if entered else None
    return Outcome(
        signal=record.signal, outcome=word, clock=clock, clock_by="seen", ends=ends, targets=targets,
        targets_hit=dice.randrange(targets + 1) if entered else 0, entered_at=clock if entered else None,
        entry=Decimal(100) if entered else None, r_gross=paid, r_net=paid, r_worst=paid, r_best=paid,
        legs=(Leg(at=exit_at, price=Decimal(101), share=Decimal(1), why="horizon"),) if entered else (),
        ambiguous=False, as_of=NOW,
    )  # fmt: skip


def judged(records: Iterable[Record]) -> Iterator[Record]:
    """The records with what became of them."""
    return (replace(record, judged=shown(outcome_of(record))) for record in records)
