"""Whatever clocks, outages and restarts do: a signal that a poll could have shown is caught, or told as a gap."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cqs_sheets.api import Answer, ApiClient
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.exchanges import SCALPING
from cqs_sheets.core.signals.parse import parse_envelope
from cqs_sheets.core.signals.query import Feed, Query
from cqs_sheets.errors import ApiUnavailable
from cqs_sheets.journal import Journal
from cqs_sheets.run.poll import FeedPoller

NOON = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
NOWHERE = Path("no-such-folder", "journal.sqlite3")
FEED = Feed("all")


def after_noon(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Offer:
    """A signal of the market, published so many seconds after noon; it outlasts the API's memory."""

    number: int
    opened: int

    def shown(self, now: int, minutes: int) -> bool:
        return now - 60 * minutes <= self.opened <= now

    def fields(self) -> dict[str, str]:
        stamp = f"{after_noon(self.opened):%Y-%m-%d %H:%M:%S}"
        return {"id": str(self.number), "timestamp": stamp, "coin": "BTC", "exchange": "binance"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """A poll: seconds since the last, how far this computer's clock jumped, how long the API is away then."""

    pause: int
    jump: int = 0
    away: int = 0
    miscounting: bool = False


class Api(ApiClient):
    """The API with a market, in a time of its own: each answer takes a second, or what the step says."""

    def __init__(self, offers: Sequence[Offer], patience: int) -> None:
        super().__init__(key=Secret("FREE"))
        self.offers = offers
        self.patience = patience
        self.now = 0
        self.ahead = 0
        self.step = Step(pause=0)

    def clock(self) -> datetime:
        """This computer's clock."""
        return after_noon(self.now + self.ahead)

    def begin(self, step: Step) -> None:
        self.now += step.pause
        self.ahead += step.jump
        self.step = step

    def ask(self, query: Query) -> Answer:
        away, self.step = self.step.away, replace(self.step, away=0)
        self.now += min(away, self.patience) + 1
        if away > self.patience:
            raise ApiUnavailable("The API is away.")
        shown = [] if query.type == SCALPING else [
            offer.fields() for offer in self.offers if offer.shown(self.now, query.interval)
        ]  # fmt: skip
        count = len(shown) + self.step.miscounting
        body = json.dumps({"error": 0, "message": "", "count": count, "signals": shown}).encode()
        return Answer(query, body, parse_envelope(body), after_noon(self.now), timedelta(0), 1)


@contextmanager
def watched(
    offers: Sequence[Offer], steps: Sequence[Step], *, interval: int | None = None, patience: int
) -> Iterator[tuple[Api, Journal]]:
    """The world after these polls, each by a run of its own."""
    api = Api(offers, patience)
    with Journal.open(NOWHERE, clock=lambda: after_noon(api.now), rehearsal=True) as journal:
        for step in steps:
            api.begin(step)
            FeedPoller(api, journal, free=True, server_zone=UTC, interval=interval).poll(FEED, api.clock())
        yield api, journal


def untold(api: Api, journal: Journal) -> list[Offer]:
    """The signals that were promised, and are neither caught nor told as missed."""
    seen = journal.coverage()
    caught = {record.signal.key.id for record in journal.records()}
    return [
        offer
        for offer in api.offers
        if seen.since and seen.since < after_noon(offer.opened) < after_noon(api.now - 20 * 60)
        and str(offer.number) not in caught
        and not any(gap.start <= after_noon(offer.opened) <= gap.end for gap in seen.gaps)
    ]  # fmt: skip


markets = st.lists(st.integers(-1200, 3 * 3600), max_size=40).map(
    lambda moments: [Offer(number, opened) for number, opened in enumerate(moments, 1)]
)
jumps = st.sampled_from([0, 0, 0, -200, 200, -3600, 3600, 90_000, -90_000])


@settings(max_examples=50, deadline=None)
@given(
    offers=markets,
    steps=st.lists(
        st.builds(
            Step,
            pause=st.integers(30, 1080) | st.sampled_from([60, 300, 1080, 1320, 4000]),
            jump=jumps,
            away=st.sampled_from([0, 0, 0, 20, 150, 600, 1500]),
            miscounting=st.sampled_from([False, False, False, True]),
        ),
        max_size=14,
    ),
    interval=st.none() | st.integers(1, 20),
    patience=st.sampled_from([0, 30, 1080]),
)
def test_a_signal_is_caught_or_told_as_a_gap(
    offers: list[Offer], steps: list[Step], interval: int | None, patience: int
) -> None:
    with watched(offers, steps, interval=interval, patience=patience) as (api, journal):
        assert untold(api, journal) == []


@settings(max_examples=50, deadline=None)
@given(
    offers=markets,
    steps=st.lists(
        st.builds(Step, pause=st.integers(30, 600), jump=jumps, away=st.integers(0, 500)), max_size=14
    ),
)
@example(offers=[Offer(1, 70)], steps=[Step(pause=0), Step(pause=300, away=240)])
@example(offers=[Offer(1, 70)], steps=[Step(pause=0, jump=-200), Step(pause=400)])
def test_nothing_is_missed_that_the_api_can_still_show(offers: list[Offer], steps: list[Step]) -> None:
    with watched(offers, steps, patience=1080) as (api, journal):
        assert journal.coverage().gap_seconds == 0
        assert untold(api, journal) == []
