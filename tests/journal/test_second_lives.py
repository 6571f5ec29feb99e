"""An id that had ended and comes back as another signal: both stay, each with an identity of its own."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.core.signals.signal import FeedTable, Reject, Signal, SignalKey, Status
from cqs_sheets.journal import Journal
from tests.journal.conftest import Clock
from tests.journal.samples import at, key, poll, signal

SECOND = SignalKey(FeedTable.MAIN, "1#2")


def held(journal: Journal) -> list[tuple[str, str, Status]]:
    return [(each.signal.key.id, each.signal.coin, each.status) for each in journal.records()]


def ended(journal: Journal) -> None:
    """Signal 1 came at -5, was seen until 0 and is closed since 10."""
    journal.record_poll(poll(0, signal(1)))
    journal.record_poll(poll(10))


@pytest.mark.parametrize(
    "change", [{"coin": "ETH"}, {"exchange": "kucoin"}, {"direction": "SHORT"}, {"currency": "BTC"}]
)
def test_another_coin_side_or_exchange_after_the_end_is_a_second_life(
    journal: Journal, change: dict[str, Any]
) -> None:
    ended(journal)
    result = journal.record_poll(poll(30, signal(1, opened=25, **change)))
    assert (result.new, result.changed, result.seen) == (1, 0, frozenset({SECOND}))
    assert [each.key for each in result.second_lives] == [SECOND]
    first, second = journal.records()
    assert (first.signal.key, first.status, first.signal.coin) == (key(1), Status.CLOSED, "BTC")
    assert (second.signal.key, second.status, second.first_seen) == (SECOND, Status.OPEN, at(30))


@pytest.mark.parametrize(
    "again",
    [
        signal(1, opened=25),  # the same pair: it is open again
        signal(1, opened=25, stop_loss=Decimal(1), ask=Decimal(2), type="MID TERM"),
        signal(1, opened=25, exchange="BINANCE"),
        signal(1, opened=-5, coin="ETH"),  # a time stamp before the end
    ],
)
def test_what_is_the_same_signal_still_is_open_again(journal: Journal, again: Signal) -> None:
    ended(journal)
    result = journal.record_poll(poll(30, again))
    assert (result.new, result.changed, result.second_lives) == (0, 1, ())
    assert [(id_, status) for id_, _, status in held(journal)] == [("1", Status.OPEN)]


def test_another_coin_while_it_is_open_is_an_edit(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1)))
    journal.record_poll(poll(5, signal(1, opened=3, coin="ETH")))
    assert held(journal) == [("1", "ETH", Status.OPEN)]


def test_what_left_the_reach_of_the_api_during_an_outage_had_ended(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1)))
    result = journal.record_poll(poll(600, signal(1, opened=595, coin="ETH")))
    assert [each.key for each in result.second_lives] == [SECOND]
    assert held(journal) == [("1", "BTC", Status.AGED), ("1#2", "ETH", Status.OPEN)]


def test_a_life_goes_on_under_its_own_identity(journal: Journal) -> None:
    ended(journal)
    journal.record_poll(poll(30, signal(1, opened=25, coin="ETH")))
    changed = journal.record_poll(poll(31, signal(1, opened=25, coin="ETH", ask=Decimal(9))))
    assert (changed.new, changed.changed) == (0, 1)
    journal.record_poll(poll(40))
    journal.record_poll(poll(60, signal(1, opened=58)))
    assert held(journal) == [
        ("1", "BTC", Status.CLOSED), ("1#2", "ETH", Status.CLOSED), ("1#3", "BTC", Status.OPEN),
    ]  # fmt: skip
    assert len(journal.revisions(SECOND)) == 3
    assert journal.verify() == []


def test_more_than_nine_lives_are_told_apart(journal: Journal) -> None:
    for number in range(12):
        journal.record_poll(poll(60 * number, signal(1, opened=60 * number - 5, coin=f"C{number}")))
        journal.record_poll(poll(60 * number + 10))
    assert [id_ for id_, _, _ in held(journal)] == ["1", *(f"1#{number}" for number in range(2, 13))]


def test_ids_that_only_begin_alike_are_no_lives(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(12), signal(1, table=FeedTable.SCALPING)))
    journal.record_poll(poll(10))
    journal.record_poll(poll(30, signal(1, opened=25, coin="ETH")))
    assert [id_ for id_, _, _ in held(journal)] == ["1", "12", "1", "1#2"]


def test_an_older_answer_that_is_imported_is_of_the_life_it_shows(journal: Journal) -> None:
    ended(journal)
    journal.record_poll(poll(30, signal(1, opened=25, coin="ETH")))
    before = held(journal)
    journal.record_poll(poll(-2, signal(1)))
    assert held(journal) == before


def test_an_older_answer_of_a_life_that_nobody_saw_is_one_of_its_own(journal: Journal) -> None:
    journal.record_poll(poll(30, signal(1, opened=25, coin="ETH")))
    result = journal.record_poll(poll(-2, signal(1)))
    assert [(each.key, each.coin) for each in result.second_lives] == [(SECOND, "BTC")]
    assert {coin for _, coin, _ in held(journal)} == {"BTC", "ETH"}
    assert journal.record_poll(poll(31, signal(1, opened=25, coin="ETH"))).new == 0
    assert journal.record_poll(poll(-1, signal(1))).new == 0


def test_an_answer_that_comes_late_is_no_life_of_what_was_edited_since(journal: Journal) -> None:
    """Of two machines that share a journal, the slower one still shows the coin from before the edit."""
    journal.record_poll(poll(0, signal(1)))
    journal.record_poll(poll(5, signal(1, opened=4, coin="ETH")))
    result = journal.record_poll(poll(3, signal(1)))
    assert (result.new, held(journal)) == (0, [("1", "ETH", Status.OPEN)])


def test_a_reject_with_the_id_closes_no_life_of_it(journal: Journal) -> None:
    ended(journal)
    journal.record_poll(poll(30, signal(1, opened=25, coin="ETH")))
    journal.record_poll(poll(40, rejects=[Reject(id="1", reason="odd", raw="{}")]))
    assert held(journal)[1] == ("1#2", "ETH", Status.OPEN)


@pytest.mark.parametrize("twice", [False, True])
def test_lives_that_another_machine_saw_stay_apart(
    journal: Journal, tmp_path: Path, clock: Clock, *, twice: bool
) -> None:
    """The other saw the first one and both; this one only the first, or only the second."""
    other = tmp_path / "laptop" / "journal.sqlite3"
    with Journal.open(other, clock=clock) as laptop:
        ended(laptop)
        laptop.record_poll(poll(30, signal(1, opened=25, coin="ETH")))
    if twice:
        journal.record_poll(poll(31, signal(1, opened=25, coin="ETH")))
    else:
        journal.record_poll(poll(-1, signal(1)))
    assert [each.coin for each in journal.take_in(other).second_lives] == ["BTC" if twice else "ETH"]
    coins = {coin: (id_, status) for id_, coin, status in held(journal)}
    assert coins == {
        "BTC": ("1#2" if twice else "1", Status.CLOSED),
        "ETH": ("1" if twice else "1#2", Status.OPEN),
    }
    assert journal.verify() == []
    before = held(journal)
    again = journal.take_in(other)
    assert (again.new, again.changed, held(journal)) == (0, 0, before)
    assert journal.record_poll(poll(32, signal(1, opened=25, coin="ETH"))).new == 0
    journal.record_poll(poll(60, signal(1, opened=58)))
    assert {id_ for id_, _, _ in held(journal)} == {"1", "1#2", "1#3"}


def test_an_id_that_is_sent_like_that_of_a_second_life_is_taken_up_poll_after_poll(journal: Journal) -> None:
    sent = replace(signal(7), key=SignalKey(FeedTable.MAIN, "7#2"))
    assert [journal.record_poll(poll(when, sent)).new for when in (0, 5)] == [1, 0]
    assert journal.record_poll(poll(10, signal(7, coin="ETH"), sent)).new == 0
    assert held(journal) == [("7", "BTC", Status.OPEN)]
