"""A journal copied whole to the other engine and back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cqs_sheets.core.plan.facts import Write
from cqs_sheets.core.signals.signal import Reject
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import Journal, JournalPlace
from cqs_sheets.journal.copying import tables
from tests.journal.conftest import Clock
from tests.journal.samples import at, key, poll, signal
from tests.postgres import Server


def fill(place: JournalPlace, clock: Clock) -> None:
    with Journal.open(place, clock=clock) as journal:
        answer = journal.keep_answer("swing", {"interval": "20"}, at(0), bytes(range(256)))
        reject = Reject(id=None, reason="no id", raw='{"x": "%s ? :y"}')
        journal.record_poll(poll(0, signal(1), signal(2, coin="Ünï€"), answers=[answer], rejects=[reject]))
        journal.record_poll(poll(9, signal(1, ask=Decimal("0.10"))))
        journal.keep_answer("swing", {}, at(9), b"undigested")
        target = journal.target("laptop:/home/signals.xlsx as signals", "raw")
        journal.delivered(
            target, sequence=3, version="v", rows=[(key(1), 2)], cursor=2, at=at(9), wrote=True,
            stamp=Write(3, "abcd12345678"),
        )  # fmt: skip


def told(place: JournalPlace, clock: Clock) -> tuple[object, ...]:
    with Journal.open_readonly(place, clock=clock) as journal:
        undigested = journal.undigested()
        name = journal._database.execute("SELECT name FROM targets")[0][0]
        state = journal.target(name, "raw")
        return (
            list(journal.records()), journal.polls(9), journal.rejects(9), journal.coverage(), undigested,
            state.stamp, state.writer, [(one.record, one.delivered) for one in journal.wanted(state, None)],
            journal.verify(),
        )  # fmt: skip


def test_a_journal_goes_to_postgresql_and_back_and_is_the_same(
    path: Path, postgres_server: Server, clock: Clock
) -> None:
    fill(path, clock)
    shared, back = postgres_server.place(), path.with_name("back.sqlite3")
    clock.now = at(60)
    for source, goal in ((path, shared), (shared, back)):
        with Journal.open(goal, clock=clock) as journal:
            counts = journal.copy_from(source, here="laptop")
            assert counts["signals"] == 2
            assert counts.keys() == tables().keys()
        assert told(goal, clock) == told(path, clock)
        with Journal.open(goal, clock=clock) as journal:
            assert journal.record_poll(poll(61, signal(3, opened=55), feed="new")).new == 1  # ids go on
            assert journal.verify() == []
        break
    with Journal.open(back, clock=clock) as journal:
        journal.copy_from(shared, here="laptop")
        [[name]] = journal._database.execute("SELECT name FROM targets")
        assert name == "/home/signals.xlsx as signals"
        assert len(list(journal.records())) == 3


def test_only_an_empty_journal_is_copied_into(path: Path, place: JournalPlace, clock: Clock) -> None:
    fill(path.with_name("other.sqlite3"), clock)
    fill(place, clock)
    with Journal.open(place, clock=clock) as journal:
        before = list(journal.records())
        with pytest.raises(DataRefused, match="holds a journal already"):
            journal.copy_from(path.with_name("other.sqlite3"), here="laptop")
        assert list(journal.records()) == before


def test_a_copy_that_differs_is_undone(
    path: Path, place: JournalPlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = path.with_name("other.sqlite3")
    fill(other, clock)
    with Journal.open(place, clock=clock) as journal:
        whole = journal._database.change_many
        monkeypatch.setattr(
            journal._database, "change_many",
            lambda sql, rows: whole(sql, list(rows)[: -1 if "members" in sql else None]),
        )  # fmt: skip
        with pytest.raises(DataRefused, match="members differs"):
            journal.copy_from(other, here="laptop")
        assert list(journal.records()) == []
        assert journal.polls(9) == []
