"""Proving a journal whole, and keeping it small."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from cqs_sheets.core.signals.signal import Reject
from cqs_sheets.journal import Delivered, Journal, Pruned
from tests.journal.conftest import Clock
from tests.journal.samples import at, failed_poll, key, poll, signal


@pytest.fixture
def used(journal: Journal) -> Journal:
    """Three polls an hour apart: signal 1 edited and delivered, signal 2 aged, one reject."""
    for hour, price in enumerate((1, 2, 3)):
        answer = journal.keep_answer("swing", {}, at(hour * 60), os.urandom(20_000))
        journal.record_poll(
            poll(
                hour * 60,
                signal(1, opened=hour * 60 - 5, ask=Decimal(price)),
                *([signal(2)] if hour == 0 else []),
                rejects=[Reject(id=None, reason="no id", raw="{}")] if hour == 0 else [],
                answers=[answer],
            )
        )
    journal.delivered(
        journal.target("a.xlsx", "raw"),
        sequence=4, version="v", rows=[(key(1), 3)], cursor=0, at=at(120), wrote=True,
    )  # fmt: skip
    return journal


def test_a_used_journal_is_whole(used: Journal) -> None:
    assert used.verify() == []


def test_pruning_drops_what_is_old_and_superseded(used: Journal) -> None:
    assert used.prune(at(100)) == Pruned(answers=2, polls=2, revisions=3, rejects=1)
    assert [one.record.revision for one in used.revisions(key(1))] == [3]
    assert len(used.polls(9)) == 1
    assert used.rejects(9) == []


def test_pruning_forgets_no_signal_no_delivery_and_no_coverage(used: Journal, clock: Clock) -> None:
    clock.now = at(120)
    records, coverage = list(used.records()), used.coverage()
    target = used.target("a.xlsx", "raw")
    pending = used.pending(target, None)
    used.prune(at(1000))
    assert (list(used.records()), used.coverage()) == (records, coverage)
    assert used.target("a.xlsx", "raw") == target
    assert used.pending(target, None) == pending == 1
    assert used.everything(target, None)[0].delivered == Delivered(revision=3, added=4, last=4)
    assert used.verify() == []


def test_pruning_adds_nothing_again_when_a_signal_reappears(used: Journal) -> None:
    used.prune(at(1000))
    result = used.record_poll(poll(121, signal(1, opened=115, ask=Decimal(3))))
    assert (result.new, result.changed) == (0, 0)


def test_pruning_keeps_answers_that_were_never_digested(journal: Journal, clock: Clock) -> None:
    kept = journal.keep_answer("swing", {}, at(0), b"still to be read")
    clock.now = at(9)
    assert journal.prune(at(1000)).answers == 0
    assert [one.id for one in journal.undigested()] == [kept]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_pruning_shrinks_the_file(used: Journal, path: Path) -> None:
    for _ in range(20):
        used.record_poll(poll(130, answers=[used.keep_answer("swing", {}, at(130), os.urandom(50_000))]))
    used.record_poll(failed_poll(131))
    used._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.stat().st_size
    used.prune(at(1000))
    assert path.stat().st_size < before / 5


DAMAGE = {
    "DELETE FROM revisions WHERE revision = 3": "signal 1: its current revision 3 is missing",
    'DELETE FROM revisions WHERE content LIKE \'%"ask":"2"%\'': "signal 1: a revision before 3 is missing",
    "UPDATE revisions SET revision = 9 WHERE revision = 3": (
        "signal 1: revision 9 is newer than the current one"
    ),
    "DELETE FROM members": "signal 2: no feed ever showed it",
    "UPDATE delivered SET revision = 9": (
        "target a.xlsx: signal 1 was delivered at revision 9, which never was"
    ),
    "DELETE FROM targets": "delivered: row None points at a row of targets that is not there",
    "INSERT INTO coverage (feed, end_at, start_at) SELECT feed, end_at + 9, end_at - 9 FROM coverage": (
        "feed swing: covered stretches overlap"
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named(used: Journal, damage: str) -> None:
    if not used._database.shared:
        used._database.execute("PRAGMA foreign_keys = OFF")
    elif "targets" in damage:
        pytest.skip("PostgreSQL lets nobody delete a row that others point at")
    used._database.change(damage)
    assert DAMAGE[damage] in used.verify()
