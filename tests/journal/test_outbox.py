"""The outbox of alerts, in both homes of a journal; what is told when: tests/alerts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cqs_sheets.errors import TargetBusy
from cqs_sheets.journal import Journal, JournalPlace, Trouble
from tests.journal.conftest import Clock
from tests.journal.samples import at, poll, signal


def test_entries_go_from_waiting_to_sent(place: JournalPlace, clock: Clock) -> None:
    with Journal.open(place, clock=clock) as journal:
        journal.record_poll(poll(1, signal(1)))  # before there is an alert
        journal.register_alerts("a.toml", ["phone", "mail"], at(1))
        journal.record_poll(poll(2, signal(1, stop_loss=Decimal(93000)), signal(2, opened=1)))
        journal.record_poll(poll(50, signal(3, opened=49)))
        journal.note_troubles(at(50), {"x.xlsx": Trouble(message="no", hint="", final=True)}, ())
    with Journal.open_outbox(place, clock=clock) as journal:
        phone, mail = journal.alerts("a.toml")
        entries = journal.waiting(phone.id)
        assert [entry.kind for entry in entries] == ["changed", "new", "gap", "new", "failing"]
        assert entries[0].before is not None
        assert entries[0].before.signal.stop_loss == Decimal(93100)
        ids = [entry.id for entry in entries]
        journal.begin_sending(phone.id, ids[:2], at(51))
        assert [entry.again for entry in journal.waiting(phone.id)] == [True, True, False, False, False]
        journal.sending_ended(phone.id, ids[:2], at(51))
        journal.begin_sending(phone.id, ids[2:3], at(51))
        journal.sending_ended(phone.id, ids[2:3], at(51), reason="away")
        journal.drop(ids[3:4])
        journal.drop(ids[4:], give_up=True)
        assert [entry.id for entry in journal.waiting(phone.id)] == ids[2:3]
        state = journal.send_state(phone.id, at(51.5))
        assert (state.failures, state.last_minute, state.last_sent) == (1, 1, at(51))
        assert journal.given_up(phone.id) == 1
        assert [entry.state for entry in journal.last_alerts(phone.id, 2)] == ["waiting", "given up"]
        assert len(journal.waiting(mail.id)) == 5
        assert journal.verify() == []


def test_one_process_sends_beside_one_that_writes(place: JournalPlace, clock: Clock) -> None:
    with Journal.open(place, clock=clock) as journal:
        journal.register_alerts("a.toml", ["phone"], at(1))
        with Journal.open_outbox(place, clock=clock) as outbox:
            journal.record_poll(poll(2, signal(1, opened=1)))
            [alert] = outbox.alerts("a.toml")
            assert alert.waiting == 1
            with pytest.raises(TargetBusy), Journal.open_outbox(place, clock=clock):
                pass


def test_of_two_machines_what_one_has_sent_the_other_does_not_send(
    place: JournalPlace, clock: Clock, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "journal.sqlite3"
    for each, only in ((place, 2), (other, 3)):
        with Journal.open(each, clock=clock) as journal:
            journal.register_alerts("a.toml", ["phone"], at(1))
            journal.record_poll(poll(2, signal(1, opened=1)))
            journal.record_poll(poll(only + 1, signal(1, opened=1), signal(only, opened=only)))
    with Journal.open_outbox(other, clock=clock) as journal:
        [alert] = journal.alerts("a.toml")
        first = journal.waiting(alert.id)[0]
        journal.begin_sending(alert.id, [first.id], at(5))
        journal.sending_ended(alert.id, [first.id], at(5))
    with Journal.open(place, clock=clock) as journal:
        for _ in range(2):
            journal.take_in(other)
        [alert] = journal.alerts("a.toml")
        told = [entry.record.signal.key.id for entry in journal.waiting(alert.id) if entry.record]
        assert sorted(told) == ["2", "3"]
        assert alert.last_sent == at(5)
        assert journal.verify() == []
