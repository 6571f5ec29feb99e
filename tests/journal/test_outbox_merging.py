"""Two runners raced, and the one that lost takes in what it knew itself: each thing is told once, and none is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from cqs_sheets.core.outcomes.keeping import Kept
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.errors import DataRefused, TargetBusy
from cqs_sheets.journal import Journal, JournalPlace, OutboxEntry, Trouble, rest_on
from tests.journal.conftest import Clock
from tests.journal.samples import at, poll, signal

AWAY = {"the API": Trouble(message="no answer", hint="", final=True)}
Does = Callable[[Journal], object]


@pytest.fixture
def loser(tmp_path: Path) -> Path:
    return tmp_path / "loser" / "journal.sqlite3"


@contextmanager
def opened(place: JournalPlace, clock: Clock) -> Iterator[Journal]:
    with Journal.open(place, clock=clock) as journal:
        journal.register_alerts("a.toml", ["phone"], at(0))
        yield journal


def send(journal: Journal, moment: float = 60) -> None:
    """All that waits."""
    [alert] = journal.alerts("a.toml")
    ids = [notice.id for notice in journal.waiting(alert.id)]
    journal.begin_sending(alert.id, ids, at(moment))
    journal.sending_ended(alert.id, ids, at(moment))


def entries(journal: Journal) -> list[OutboxEntry]:
    [alert] = journal.alerts("a.toml")
    return journal.last_alerts(alert.id, 99)


@pytest.fixture
def told(place: JournalPlace, loser: Path, clock: Clock) -> Callable[..., list[tuple[str, str]]]:
    """Of the merged journal's entries the kind and the state."""

    def told(winner_does: Does, loser_does: Does, after: Does = lambda _: None) -> list[tuple[str, str]]:
        for each, does in ((place, winner_does), (loser, loser_does)):
            with opened(each, clock) as journal:
                journal.record_poll(poll(0))
                does(journal)
        with opened(place, clock) as journal:
            for _ in range(2):  # the second time changes nothing
                journal.take_in(loser, own=True)
            after(journal)
            assert journal.verify() == []
            return [(entry.notice.kind.value, entry.state) for entry in entries(journal)]

    return told


def both(*does: Does) -> Does:
    return lambda journal: [each(journal) for each in does]


def fails(moment: float) -> Does:
    return lambda journal: journal.note_troubles(at(moment), AWAY, ())


def works(moment: float) -> Does:
    return lambda journal: journal.note_troubles(at(moment), {}, ["the API"])


def polls(moment: float) -> Does:
    return lambda journal: journal.record_poll(poll(moment))


Told = Callable[..., list[tuple[str, str]]]


@pytest.mark.parametrize("who", [0, 1])
def test_a_gap_that_both_saw_is_told_once(told: Told, who: int) -> None:
    saw, told_it = polls(60), both(polls(60.2), send)
    assert told(*(saw, told_it) if who else (told_it, saw)) == [("gap", "sent")]


def test_a_gap_that_nobody_told_yet_is_told_once(told: Told) -> None:
    assert told(polls(60), polls(60.5)) == [("gap", "waiting")]


def test_a_gap_that_the_loser_alone_saw_is_none_if_the_winner_asked_meanwhile(told: Told) -> None:
    assert told(both(*map(polls, (15, 30, 45, 60))), polls(60)) == []


def test_of_a_gap_is_told_what_is_left_of_it(told: Told, place: JournalPlace, clock: Clock) -> None:
    assert told(both(polls(40), send), polls(90)) == [("gap", "sent"), ("gap", "waiting")]
    with opened(place, clock) as journal:
        [sent, waits] = (entry.notice.detail for entry in entries(journal))
    assert (sent["from"], sent["to"]) == ("2026-05-24T12:00:00Z", "2026-05-24T12:20:00Z")
    assert (waits["from"], waits["to"]) == ("2026-05-24T12:40:00Z", "2026-05-24T13:10:00Z")


@pytest.mark.parametrize("who", [0, 1])
def test_a_failure_that_both_saw_is_told_once_and_so_is_its_end(told: Told, who: int) -> None:
    saw, told_it = both(fails(1), works(5)), both(fails(2), send, works(6), send)
    assert told(*(saw, told_it) if who else (told_it, saw)) == [("failing", "sent"), ("recovered", "sent")]


def test_a_failure_that_the_loser_told_goes_on_and_its_end_is_told(told: Told) -> None:
    assert told(lambda _: None, both(fails(1), send), both(fails(3), works(4))) == [
        ("failing", "sent"),
        ("recovered", "waiting"),
    ]


def test_a_failure_whose_end_the_winner_told_does_not_end_once_more(told: Told) -> None:
    assert told(both(fails(1), works(5), send), both(fails(1), send), works(7)) == [
        ("failing", "sent"),
        ("recovered", "sent"),
    ]


def test_what_fails_again_after_it_worked_is_told_again(told: Told) -> None:
    assert told(both(fails(1), works(5), fails(9), send), both(fails(2), works(6), send)) == [
        ("failing", "sent"),
        ("recovered", "sent"),
        ("failing", "sent"),
    ]


def judged(moment: float, *levels: str) -> Does:
    def keep(journal: Journal) -> None:
        [record] = journal.records()
        shown = {f"{level}_at": at(moment - 1) for level in levels}
        kept = Kept(clock=None, state=None, shown=shown)
        journal.keep_outcomes(Rules(), {record.arrival: kept}, at=at(moment))

    return keep


def sees(moment: float, *, stop: int = 93100) -> Does:
    return lambda journal: journal.record_poll(poll(moment, signal(1, opened=0.5, stop_loss=Decimal(stop))))


def test_what_a_signal_reached_is_told_once(told: Told) -> None:
    begins = both(sees(1), judged(1), send)
    assert told(
        both(begins, judged(5, "target1"), send),
        both(begins, judged(6, "target1"), judged(8, "target1", "target2")),
    ) == [("new", "sent"), ("target", "sent"), ("target", "waiting")]


def test_an_end_is_told_once_though_the_loser_knew_more_revisions(told: Told) -> None:
    assert told(both(sees(1), polls(4), send), both(sees(1), sees(2, stop=9), polls(5))) == [
        ("new", "sent"),
        ("closed", "sent"),
        ("changed", "waiting"),
    ]


def test_an_alert_that_the_winner_does_not_know_yet_goes_on(
    tmp_path: Path, clock: Clock, loser: Path
) -> None:
    """The config that names it was committed between the beginnings of both."""
    winner = tmp_path / "winner" / "journal.sqlite3"
    with Journal.open(winner, clock=clock) as journal:
        journal.record_poll(poll(0))
    with opened(loser, clock) as journal:
        journal.record_poll(poll(1, signal(1, opened=0.5)))
    rest_on(loser, winner, clock=clock)
    with opened(loser, clock) as journal:
        [entry] = entries(journal)
        assert (entry.notice.kind, entry.state) == ("new", "waiting")
        assert [alert.since for alert in journal.alerts("a.toml")] == [at(0)]


def test_a_journal_that_would_stop_later_commands_takes_nobodys_place(tmp_path: Path, clock: Clock) -> None:
    ours, theirs = tmp_path / "ours" / "journal.sqlite3", tmp_path / "theirs" / "journal.sqlite3"
    with opened(theirs, clock) as journal:
        journal.record_poll(poll(1, signal(1, opened=0.5)))
    with closing(sqlite3.connect(theirs, isolation_level=None)) as spoilt:
        spoilt.execute("UPDATE signals SET first_seen = 1 << 62")
    with pytest.raises(DataRefused):
        rest_on(ours, theirs, clock=clock)
    assert not ours.exists()


def test_what_is_being_sent_while_the_winners_journal_comes_is_noted_in_it(
    tmp_path: Path, clock: Clock, loser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = tmp_path / "winner" / "journal.sqlite3"
    for each in (winner, loser):
        with opened(each, clock) as journal:
            journal.record_poll(poll(1, signal(1, opened=0.5)))
    monkeypatch.setattr("cqs_sheets.journal._LONGEST_WAIT", 0.01)
    with Journal.open_outbox(loser, clock=clock) as outbox:
        [alert] = outbox.alerts("a.toml")
        ids = [notice.id for notice in outbox.waiting(alert.id)]
        outbox.begin_sending(alert.id, ids, at(2))
        with pytest.raises(TargetBusy):
            rest_on(loser, winner, clock=clock)
        outbox.sending_ended(alert.id, ids, at(2))
    rest_on(loser, winner, clock=clock)
    with opened(loser, clock) as journal:
        assert [entry.state for entry in entries(journal)] == ["sent"]


def test_what_fails_on_another_machine_does_not_fail_here(
    journal: Journal, loser: Path, clock: Clock
) -> None:
    with opened(loser, clock) as laptop:
        fails(1)(laptop)
    journal.take_in(loser)
    assert journal.troubles() == []


STRANGE = [
    ("gap", "{}"),
    ("gap", "[]"),
    ("gap", '{"feed": "swing", "from": "0001-01-01", "to": "9999-12-31"}'),
    ("failing", "{"),
    ("failing", ""),
    ("new", ""),
    ("nonsense", ""),
]


def test_an_entry_that_no_version_made_is_not_taken(told: Told) -> None:
    def plant(journal: Journal) -> None:
        journal._database.change_many(
            "INSERT INTO outbox (alert, at, kind, detail) VALUES (1, 1800000000000000, ?, ?)", STRANGE
        )

    assert told(lambda _: None, plant) == []
