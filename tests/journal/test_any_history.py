"""Whatever polls come in whatever order, the journal tells no lie about the market."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.journal import Journal, Poll
from tests.journal.samples import NOON, at, failed_poll, key, poll, signal
from tests.postgres import Server

LAST_MINUTE = 90
FEEDS = ("all", "even")


@dataclass(frozen=True)
class Offer:
    """A signal of the market: its life in minutes after noon, and when its ask changes."""

    number: int
    opened: int
    closed: int
    edited: int

    def shown(self, when: int, look_back: int, feed: str) -> bool:
        in_feed = feed == "all" or self.number % 2 == 0
        return in_feed and when - look_back <= self.opened <= when < self.closed

    def signal(self, when: int) -> Signal:
        return signal(self.number, opened=self.opened, ask=Decimal(2 if when >= self.edited else 1))


@dataclass(frozen=True)
class Step:
    """One minute of the sync: what is polled, how it goes, and whether the target is written after it."""

    when: int
    look_back: int
    feed: str
    kind: str
    write: bool


@dataclass
class Model:
    """What must be so, worked out the slow way."""

    shown_at: dict[int, list[int]] = field(default_factory=dict)
    last_signal: dict[int, Signal] = field(default_factory=dict)
    covered: dict[str, set[int]] = field(default_factory=dict)
    target: dict[str, int] = field(default_factory=dict)
    """The rows of the target: id and revision."""


@st.composite
def markets(draw: st.DrawFn) -> list[Offer]:
    minute = st.integers(0, LAST_MINUTE)
    lives = draw(st.lists(st.tuples(minute, st.integers(1, 60), minute), max_size=8))
    return [
        Offer(number, opened, opened + length, edited)
        for number, (opened, length, edited) in enumerate(lives)
    ]


@st.composite
def schedules(draw: st.DrawFn) -> list[Step]:
    step = st.builds(
        Step,
        when=st.integers(0, LAST_MINUTE),
        look_back=st.integers(1, 20),
        feed=st.sampled_from(FEEDS),
        kind=st.sampled_from(["good", "good", "good", "incomplete", "failed"]),
        write=st.booleans(),
    )
    return sorted(draw(st.lists(step, max_size=20, unique_by=lambda one: one.when)), key=lambda one: one.when)


@contextmanager
def a_journal() -> Iterator[Journal]:
    with (
        tempfile.TemporaryDirectory() as folder,
        Journal.open(Path(folder) / "journal.sqlite3", clock=lambda: at(LAST_MINUTE)) as journal,
    ):
        yield journal


def poll_of(step: Step, market: list[Offer], model: Model) -> Poll:
    """What the API answers truthfully, and what that must leave behind."""
    if step.kind == "failed":
        return failed_poll(step.when)._replace(feed=step.feed)
    shown = [offer for offer in market if offer.shown(step.when, step.look_back, step.feed)]
    for offer in shown:
        model.shown_at.setdefault(offer.number, []).append(step.when)
        model.last_signal[offer.number] = offer.signal(step.when)
    if step.kind == "good":
        seconds = range((step.when - step.look_back) * 60, step.when * 60)
        model.covered.setdefault(step.feed, set()).update(seconds)
    return poll(
        step.when,
        *(offer.signal(step.when) for offer in shown),
        look_back=step.look_back,
        feed=step.feed,
        sure=step.kind == "good",
    )


def write_target(journal: Journal, model: Model, sequence: int) -> None:
    """Deliver all that is wanted, as a sync does; nothing may be offered that the target already has."""
    target, cursor = journal.target("a.xlsx", "raw"), journal.newest_change()
    offered = [(one.record.signal.key, one.record.revision) for one in journal.wanted(target, None)]
    assert len(offered) == journal.pending(target, None)
    for signal_key, revision in offered:
        assert model.target.get(signal_key.id) != revision
        model.target[signal_key.id] = revision
    journal.delivered(
        target, sequence=sequence, version="", rows=offered, cursor=cursor, at=at(sequence), wrote=True
    )


def check_record(record: Record, offer: Offer, model: Model, last: Step) -> None:
    shown_at = model.shown_at[offer.number]
    assert record.first_seen == at(shown_at[0])
    assert record.signal == model.last_signal[offer.number]
    assert record.last_seen == (None if record.status is Status.OPEN else at(shown_at[-1]))
    if shown_at[-1] == last.when:
        assert record.status is Status.OPEN
    if record.status is Status.CLOSED:
        assert offer.closed <= last.when
    if record.status is Status.AGED:
        assert offer.opened < last.when - 1


@settings(max_examples=75, deadline=None)
@given(markets(), schedules())
def test_the_journal_tells_no_lie_about_the_market(market: list[Offer], steps: list[Step]) -> None:
    with a_journal() as journal:
        check_all(journal, market, steps)


@pytest.mark.soak
def test_nor_does_one_in_postgresql(postgres_server: Server) -> None:
    @settings(max_examples=50, deadline=None)
    @given(markets(), schedules())
    def tells_no_lie(market: list[Offer], steps: list[Step]) -> None:
        with Journal.open(postgres_server.place(), clock=lambda: at(LAST_MINUTE)) as journal:
            check_all(journal, market, steps)

    tells_no_lie()


def check_all(journal: Journal, market: list[Offer], steps: list[Step]) -> None:
    model = Model()
    for step in steps:
        journal.record_poll(poll_of(step, market, model))
        if step.write:
            write_target(journal, model, step.when)
    records = {one.signal.key.id: one for one in journal.records()}
    assert records.keys() == {str(number) for number in model.shown_at}
    for number in model.shown_at:
        check_record(records[str(number)], market[number], model, steps[-1])
        history = [one.record.revision for one in journal.revisions(key(number))]
        assert history == list(range(1, records[str(number)].revision + 1))
    write_target(journal, model, LAST_MINUTE + 1)
    assert model.target == {signal_id: one.revision for signal_id, one in records.items()}
    check_coverage(journal, model)
    assert journal.verify() == []


def check_coverage(journal: Journal, model: Model) -> None:
    lost_before = (LAST_MINUTE - 20) * 60
    missed: set[int] = set()
    for seconds in model.covered.values():
        missed |= set(range(min(seconds), max(max(seconds) + 1, lost_before))) - seconds
    seen = journal.coverage()
    assert seen.gap_seconds == len(missed)
    assert seen.covered_seconds == len(set().union(*model.covered.values()) - missed)
    for gap in seen.gaps:
        assert int((gap.start - NOON) / timedelta(seconds=1)) in missed
