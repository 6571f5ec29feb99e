"""Signals, polls and a clock to try the journal with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.signal import FeedTable, Reject, Signal, SignalKey
from cqs_sheets.journal import Poll
from tests import make

NOON = make.NOON


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def at(count: float) -> datetime:
    """That many minutes after noon."""
    return NOON + minutes(count)


def key(number: int, table: FeedTable = FeedTable.MAIN) -> SignalKey:
    return SignalKey(table, str(number))


def signal(
    number: int = 1, *, opened: float = -5, table: FeedTable = FeedTable.MAIN, **values: Any
) -> Signal:
    """A signal opened that many minutes after noon."""
    usual = {"timestamp": at(opened), "target2": None, "target3": None, "ask": Decimal("0.000012345")}
    return make.signal(str(number), table=table, **(usual | values))


def poll(
    when: float = 0,
    *signals: Signal,
    look_back: float = 20,
    feed: str = "swing",
    selection: str = "all/free",
    rejects: Sequence[Reject] = (),
    answers: Sequence[int] = (),
    sure: bool = True,
) -> Poll:
    """A good poll that many minutes after noon."""
    return Poll(
        feed=feed,
        selection=selection,
        at=at(when),
        window=Window(at(when - look_back), at(when)),
        signals=signals,
        rejects=rejects,
        answers=answers,
        sure=sure,
    )


def failed_poll(when: float, outcome: str = "api") -> Poll:
    return Poll(feed="swing", selection="all/free", at=at(when), window=None, outcome=outcome)
