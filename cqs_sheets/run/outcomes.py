"""What the journal holds, judged on candles."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from cqs_sheets.core.outcomes.candles import Candles
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Story
from cqs_sheets.core.outcomes.verdict import Outcome, judge
from cqs_sheets.core.signals.exchanges import pair
from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.journal import Journal
from cqs_sheets.market.candle_files import MarketName, market_name
from cqs_sheets.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which signals: of these feeds (names), published from `since` on, of these values; empty and None: all."""

    feeds: Collection[str] = ()
    since: datetime | None = None
    exchange: Collection[str] = ()
    currency: Collection[str] = ()
    type: Collection[str] = ()

    def takes(self, signal: Signal) -> bool:
        """Whether a signal has the values; casing does not matter."""
        return all(
            not allowed or value.casefold() in (one.strip().casefold() for one in allowed)
            for value, allowed in (
                (signal.exchange, self.exchange),
                (signal.currency, self.currency),
                (signal.type, self.type),
            )
        )


def stories(journal: Journal, chosen: Chosen) -> Iterator[Story]:
    """The chosen signals with what they were over time, by arrival."""
    for record in journal.records(chosen.feeds or None, since=chosen.since):
        if chosen.takes(record.signal):
            yield _story(journal, record)


def judged(told: Sequence[Story], rules: Rules, markets: Mapping[MarketName, Candles]) -> list[Outcome]:
    """What became of each signal by these rules, on its own market's candles."""
    return [judge(one, rules, markets.get(_market(one.signal))) for one in told]


def without_candles(told: Sequence[Story], markets: Mapping[MarketName, Candles]) -> list[MarketName]:
    """The markets of these signals that have no candle."""
    return sorted({_market(one.signal) for one in told} - set(markets))


def _story(journal: Journal, record: Record) -> Story:
    revisions = journal.revisions(record.signal.key) if record.revision > 1 else []
    versions = [(one.at, one.record.signal) for one in revisions]
    return Story(
        first_seen=record.first_seen,
        versions=versions or [(record.first_seen, record.signal)],
        closed=record.last_seen if record.status is Status.CLOSED else None,
    )


def _market(signal: Signal) -> MarketName:
    return market_name(signal.exchange, pair(signal))
