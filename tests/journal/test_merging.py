"""Two machines watched the same market; one takes in the other's journal."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cqs_sheets.core.signals.signal import Record, SignalKey, Status
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import Journal, Merged
from tests.journal.conftest import Clock
from tests.journal.samples import NOON, at, key, poll, signal
from tests.journal.test_any_history import Offer

DAY = 90


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return tmp_path / "laptop" / "journal.sqlite3"


def record_of(journal: Journal, number: int) -> Status:
    [found] = [record for record in journal.records() if record.signal.key == key(number)]
    return found.status


def test_what_only_the_other_saw_is_there_and_offered_to_targets(
    journal: Journal, other: Path, clock: Clock
) -> None:
    journal.record_poll(poll(0, signal(1)))
    with Journal.open(other, clock=clock) as laptop:
        laptop.record_poll(poll(30, signal(2, opened=20)))
        laptop.record_poll(poll(35, signal(2, opened=20, ask=Decimal(7))))
    target = journal.target("sheet", "")
    journal.delivered(
        target, sequence=1, version="", rows=[], cursor=journal.newest_change(), at=NOON, wrote=True
    )
    assert journal.take_in(other) == Merged(new=1, changed=0, polls=2)
    wanted = journal.wanted(journal.target("sheet", ""), None)
    assert [row.record.signal.key for row in wanted] == [key(2)]
    assert [revision.record.signal.ask for revision in journal.revisions(key(2))][-1] == Decimal(7)
    assert len(journal.revisions(key(2))) == 2


def test_the_later_word_counts(journal: Journal, other: Path, clock: Clock) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    with Journal.open(other, clock=clock) as laptop:
        laptop.record_poll(poll(-2, signal(1, ask=Decimal(5)), signal(2)))
        laptop.record_poll(poll(5, signal(1, ask=Decimal(6))))
    assert journal.take_in(other).changed == 2
    records = {record.signal.key: record for record in journal.records()}
    assert records[key(1)].signal.ask == Decimal(6)
    assert records[key(2)].status is Status.CLOSED
    assert records[key(2)].first_seen == at(-2)


def test_an_older_word_does_not(journal: Journal, other: Path, clock: Clock) -> None:
    with Journal.open(other, clock=clock) as laptop:
        laptop.record_poll(poll(0, signal(1)))
    journal.record_poll(poll(1, signal(1)))
    journal.record_poll(poll(3))
    assert journal.take_in(other).changed == 0
    assert record_of(journal, 1) is Status.CLOSED


def test_polls_taken_in_stand_where_they_belong_in_time(journal: Journal, other: Path, clock: Clock) -> None:
    journal.record_poll(poll(0))
    journal.record_poll(poll(10))
    with Journal.open(other, clock=clock) as laptop:
        laptop.record_poll(poll(5))
        laptop.record_poll(poll(10, feed="mid"))
    assert journal.take_in(other).polls == 2
    assert [past.at for past in journal.polls(9)] == [at(0), at(5), at(10), at(10)]


def test_a_later_word_taken_in_stands_after_what_it_overrules_so_that_pruning_leaves_no_hole(
    journal: Journal, other: Path, clock: Clock
) -> None:
    with Journal.open(other, clock=clock) as laptop:
        laptop.record_poll(poll(5, signal(1, ask=Decimal(1))))
        laptop.record_poll(poll(12, signal(1, ask=Decimal(1))))
    journal.record_poll(poll(4, signal(1, ask=Decimal(9))))
    journal.record_poll(poll(10, signal(1, ask=Decimal(2))))
    journal.take_in(other)
    journal.record_poll(poll(14, signal(1, ask=Decimal(7))))
    journal.prune(at(7))
    assert journal.verify() == []
    moments = [revision.at for revision in journal.revisions(key(1))]
    assert moments == sorted(moments)


def test_a_leverage_once_known_is_not_blanked(journal: Journal, other: Path, clock: Clock) -> None:
    journal.record_poll(poll(0, signal(1, leverage=Decimal(10))))
    with Journal.open(other, clock=clock) as laptop:
        laptop.record_poll(poll(5, signal(1, ask=Decimal(6))))
    journal.take_in(other)
    [record] = journal.records()
    assert (record.signal.leverage, record.signal.ask) == (Decimal(10), Decimal(6))


def test_what_the_other_covered_is_no_gap_any_more(journal: Journal, other: Path, clock: Clock) -> None:
    journal.record_poll(poll(0))
    journal.record_poll(poll(60))
    clock.now = at(60)
    assert journal.coverage().gap_seconds == 40 * 60
    with Journal.open(other, clock=clock) as laptop:
        laptop.record_poll(poll(20))
        laptop.record_poll(poll(38))
    journal.take_in(other)
    assert journal.coverage().gap_seconds == 2 * 60


def test_a_file_that_is_no_journal_is_refused_and_nothing_changes(journal: Journal, tmp_path: Path) -> None:
    journal.record_poll(poll(0, signal(1)))
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"SQLite format 3\0" + bytes(4096))
    with pytest.raises(DataRefused):
        journal.take_in(broken)
    assert [record.signal.key for record in journal.records()] == [key(1)]


offers = st.lists(
    st.builds(
        Offer,
        number=st.integers(1, 6),
        opened=st.integers(0, DAY),
        closed=st.integers(5, DAY + 20),
        edited=st.integers(0, DAY),
    ),
    max_size=6,
    unique_by=lambda offer: offer.number,
)
moments = st.lists(st.integers(0, DAY), max_size=8, unique=True).map(sorted)


def watched(path: Path, market: Sequence[Offer], when: Sequence[int]) -> None:
    with Journal.open(path, clock=lambda: NOON) as journal:
        for minute in when:
            shown = [offer.signal(minute) for offer in market if offer.shown(minute, 20, "all")]
            journal.record_poll(poll(minute, *shown, feed="all"))


def check_truth(record: Record, offer: Offer, polled: Collection[int]) -> None:
    shown_at = [minute for minute in polled if offer.shown(minute, 20, "all")]
    assert record.first_seen == at(min(shown_at))
    assert record.signal == offer.signal(max(shown_at))
    if record.status is Status.CLOSED:
        assert offer.closed <= max(polled)


@example(market=[Offer(number=1, opened=0, closed=5, edited=1)], mine=[0, 5], theirs=[1])
@given(market=offers, mine=moments, theirs=moments)
@settings(max_examples=30, deadline=None)
def test_together_they_know_what_either_knew(
    market: Sequence[Offer], mine: Sequence[int], theirs: Sequence[int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        here, there = Path(name) / "here.sqlite3", Path(name) / "there.sqlite3"
        watched(here, market, mine)
        watched(there, market, theirs)
        with Journal.open_readonly(there, clock=lambda: NOON) as other:
            known: dict[SignalKey, object] = {record.signal.key: record.status for record in other.records()}
            covered = other.coverage().covered_seconds
        with Journal.open(here, clock=lambda: at(DAY)) as journal:
            before = {record.signal.key for record in journal.records()}
            journal.take_in(there)
            records = list(journal.records())
            assert {record.signal.key for record in records} == before | set(known)
            lives = {key(offer.number): offer for offer in market}
            for record in records:
                check_truth(record, lives[record.signal.key], {*mine, *theirs})
            assert journal.coverage().covered_seconds >= covered
            assert journal.verify() == []
            again = journal.take_in(there)
            assert (again.new, again.changed, again.polls) == (0, 0, 0)
            assert [replace(record) for record in journal.records()] == records
