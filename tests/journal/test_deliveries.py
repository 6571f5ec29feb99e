"""What targets still have to get."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.plan.facts import Write
from cqs_sheets.journal import Delivered, Journal, TargetState
from tests import postgres
from tests.journal.samples import at, key, poll, signal


def ids(journal: Journal, feeds: list[str] | None = None, after_stamp: int | None = None) -> str:
    target = journal.target("a.xlsx", "raw")
    offered = journal.wanted(target, feeds, after_stamp=after_stamp)
    if after_stamp is None:
        assert len(offered) == journal.pending(target, feeds)
    return " ".join(one.record.signal.key.id for one in offered)


def deliver(
    journal: Journal, sequence: int, *rows: tuple[int, int], wrote: bool = True, cursor: int | None = None
) -> TargetState:
    """Deliver rows of (id, revision) to a.xlsx."""
    journal.delivered(
        journal.target("a.xlsx", "raw"),
        sequence=sequence,
        version=f"v{sequence}",
        rows=[(key(number), revision) for number, revision in rows],
        cursor=journal.newest_change() if cursor is None else cursor,
        at=at(sequence),
        wrote=wrote,
    )
    return journal.target("a.xlsx", "raw")


def test_a_new_target_has_no_write_behind_it(journal: Journal) -> None:
    target = journal.target("a.xlsx", "raw")
    assert target == TargetState(id=target.id, name="a.xlsx")
    assert journal.target("a.xlsx", "raw") == target
    assert journal.target("b.xlsx", "raw").id != target.id


def test_a_new_target_wants_everything(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    assert ids(journal) == "1 2"


def test_what_was_delivered_is_wanted_no_more_until_it_changes(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    target = deliver(journal, 7, (1, 1), (2, 1))
    assert (target.sequence, target.version, target.cursor) == (7, "v7", 2)
    assert ids(journal) == ""
    journal.record_poll(poll(1, signal(1), signal(2, ask=Decimal(5))))
    assert ids(journal) == "2"
    [offered] = journal.wanted(target, None)
    assert offered.delivered == Delivered(revision=1, added=7, last=7)
    assert (offered.key, offered.revision) == (key(2), 2)
    assert offered.record.signal.ask == Decimal(5)


@pytest.mark.parametrize(("revision", "version"), [(b"no number", "v7"), (1, object())])
def test_a_delivery_that_cannot_be_noted_whole_is_not_noted_at_all(
    journal: Journal, revision: Any, version: Any
) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    target = journal.target("a.xlsx", "raw")
    rows = [(key(1), 1), (key(2), revision)]
    with pytest.raises(postgres.ENGINE_ERRORS):
        journal.delivered(target, sequence=7, version=version, rows=rows, cursor=2, at=at(0), wrote=True)
    assert journal.target("a.xlsx", "raw") == target
    assert [one.delivered for one in journal.everything(target, None)] == [None, None]


def test_rows_left_over_are_offered_again_while_the_cursor_stays(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    deliver(journal, 1, (1, 1), cursor=0)
    assert ids(journal) == "2"


def test_rows_declined_are_not_offered_again_until_they_change(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    deliver(journal, 1, (1, 1))
    assert ids(journal) == ""
    journal.record_poll(poll(1, signal(1), signal(2, ask=Decimal(5))))
    assert ids(journal) == "2"


def test_a_changed_selection_offers_what_was_declined(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    before = deliver(journal, 1, (1, 1))
    after = journal.target("a.xlsx", "another selection")
    assert (after.cursor, after.sequence, after.id) == (0, before.sequence, before.id)
    assert [one.record.signal.key for one in journal.wanted(after, None)] == [key(2)]


def test_a_target_wants_the_signals_of_its_feeds(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2), feed="swing"))
    journal.record_poll(poll(0, signal(2), signal(3), feed="mid"))
    assert ids(journal, ["mid"]) == "2 3"
    assert ids(journal, ["mid", "swing"]) == "1 2 3"
    assert ids(journal, []) == ""


def test_a_signal_that_another_feed_shows_later_is_offered_to_that_feeds_targets(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), feed="swing"))
    deliver(journal, 1)
    assert ids(journal, ["mid"]) == ""
    journal.record_poll(poll(1, signal(1), feed="mid"))
    assert ids(journal, ["mid"]) == "1"


def test_a_signal_that_another_feed_shows_later_is_not_delivered_twice(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), feed="swing"))
    deliver(journal, 1, (1, 1))
    journal.record_poll(poll(1, signal(1), feed="mid"))
    assert ids(journal) == ""


def test_a_rolled_back_target_wants_what_came_after_its_stamp(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    deliver(journal, 1, (1, 1))
    deliver(journal, 2, (2, 1))
    journal.record_poll(poll(1, signal(1, ask=Decimal(5)), signal(2), signal(3)))
    deliver(journal, 3, (1, 2))
    assert ids(journal, after_stamp=3) == ""
    assert ids(journal, after_stamp=2) == "1"
    assert ids(journal, after_stamp=1) == "1 2"
    rows = journal.wanted(journal.target("a.xlsx", "raw"), None, after_stamp=1)
    assert [one.delivered for one in rows] == [
        Delivered(revision=2, added=1, last=3),
        Delivered(revision=1, added=2, last=2),
    ]


def test_a_row_put_back_remembers_when_it_was_first_delivered(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1)))
    deliver(journal, 5, (1, 1))
    deliver(journal, 9, (1, 1))
    [row] = journal.everything(journal.target("a.xlsx", "raw"), None)
    assert row.delivered == Delivered(revision=1, added=5, last=9)


def test_everything_holds_delivered_and_undelivered_rows_of_the_feeds(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2), feed="swing"))
    journal.record_poll(poll(0, signal(3), feed="mid"))
    target = deliver(journal, 1, (1, 1))
    assert [
        (one.record.signal.key.id, one.delivered is None) for one in journal.everything(target, ["swing"])
    ] == [
        ("1", False),
        ("2", True),
    ]
    assert len(journal.everything(target, None)) == 3


def test_one_target_knows_nothing_of_another(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1)))
    other = journal.target("b.xlsx", "raw")
    deliver(journal, 1, (1, 1))
    assert journal.pending(other, None) == 1
    assert [one.delivered for one in journal.everything(other, None)] == [None]


def test_a_write_is_a_heartbeat_and_one_with_rows_a_last_write(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1)))
    looked = deliver(journal, 1, wrote=False)
    assert (looked.last_write, looked.last_heartbeat) == (None, None)
    wrote = deliver(journal, 2, (1, 1))
    assert (wrote.last_write, wrote.last_heartbeat) == (at(2), at(2))
    beat = deliver(journal, 3)
    assert (beat.last_write, beat.last_heartbeat) == (at(2), at(3))


def test_rows_found_in_the_target_are_noted_without_a_write(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1)))
    noted = deliver(journal, 4, (1, 1), wrote=False)
    assert (noted.sequence, noted.last_write) == (4, None)
    assert ids(journal) == ""


def counts(journal: Journal, since: int, feeds: list[str] | None = None, *, alike: bool) -> dict[str, int]:
    found: Counter[str] = Counter()
    for record, number in journal.recent(feeds, at(since), alike=alike):
        found[record.signal.coin] += number
    return dict(found)


@pytest.mark.parametrize("alike", [True, False])
def test_recent_signals_are_counted_by_their_own_time_stamps(journal: Journal, *, alike: bool) -> None:
    journal.record_poll(poll(6, signal(1, opened=0), signal(2, opened=5), signal(3, opened=5)))
    journal.record_poll(poll(7, signal(4, opened=5, coin="ETH"), signal(2, opened=5)))
    assert counts(journal, 5, alike=alike) == {"BTC": 2, "ETH": 1}
    assert counts(journal, 0, alike=alike) == {"BTC": 3, "ETH": 1}


@pytest.mark.parametrize("alike", [True, False])
def test_recent_signals_are_those_of_the_feeds(journal: Journal, *, alike: bool) -> None:
    journal.record_poll(poll(0, signal(1)))
    assert counts(journal, -60, ["another"], alike=alike) == {}


def test_signals_of_the_same_words_are_one_with_a_count(journal: Journal) -> None:
    journal.record_poll(
        poll(
            0,
            signal(1),
            signal(2, ask=Decimal(7)),
            signal(3, direction="SHORT"),
            signal(4, leverage=Decimal(9)),
        )
    )
    alike = [number for _, number in journal.recent(None, at(-60), alike=True)]
    assert sorted(alike) == [1, 1, 2]
    assert len(list(journal.recent(None, at(-60), alike=False))) == 4


def test_the_shape_of_the_template_is_remembered_until_another_was_looked_at(journal: Journal) -> None:
    target = journal.target("a.xlsx", "raw")
    assert target.shape == ""

    def note(shape: str | None) -> str:
        journal.delivered(
            target, sequence=1, version="", rows=(), cursor=0, at=at(0), wrote=False, shape=shape
        )
        return journal.target("a.xlsx", "raw").shape

    assert note("one") == "one"
    assert note(None) == "one"
    assert note("two") == "two"


def test_stamps_of_long_ago_are_forgotten(journal: Journal) -> None:
    target = journal.target("a.xlsx", "raw")
    lineage = tuple(Write(number, f"word{number}") for number in (1, 2, 2001, 2002))
    for stamp in lineage:
        journal.delivered(
            target, sequence=stamp.number, version="", rows=(), cursor=0, at=at(0), wrote=True, stamp=stamp
        )
    assert journal.stamps(target, lineage) == set(lineage[2:])
