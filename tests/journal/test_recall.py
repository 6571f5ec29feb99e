"""What is asked of a journal again and again is answered without reading its whole history."""

from __future__ import annotations

from cqs_sheets.journal import Journal
from tests.journal.samples import poll, signal


def test_the_newest_signals_come_in_the_order_of_arrival(journal: Journal) -> None:
    journal.record_poll(poll(0, *(signal(number) for number in range(1, 8))))
    assert [record.signal.key.id for record in journal.newest(3)] == ["5", "6", "7"]
    assert len(journal.newest(100)) == 7


def test_open_signals_are_counted_for_each_feed_that_showed_them(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    journal.record_poll(poll(1, signal(2), feed="other"))
    assert (journal.open_signals("swing"), journal.open_signals("other")) == (2, 1)
    journal.record_poll(poll(2, signal(2), selection="binance/free"))
    journal.record_poll(poll(3, signal(2)))
    assert (journal.open_signals("swing"), journal.open_signals("none")) == (1, 0)
