"""What polls leave in the journal."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.signal import FeedTable, Record, Reject, SignalKey, Status
from cqs_sheets.journal import Journal, PastPoll, PastReject, PollResult
from tests import postgres
from tests.journal.conftest import Clock
from tests.journal.samples import at, failed_poll, key, poll, signal


def record(journal: Journal, number: int = 1) -> Record:
    [found] = [one for one in journal.records() if one.signal.key == key(number)]
    return found


def state(journal: Journal, number: int = 1) -> tuple[Status, datetime | None, int]:
    found = record(journal, number)
    return found.status, found.last_seen, found.revision


def counts(result: PollResult) -> tuple[int, int, int, int]:
    return result.new, result.changed, result.closed, result.aged


def test_a_signal_comes_back_exactly_as_it_went_in(journal: Journal) -> None:
    odd = signal(
        leverage=Decimal("12.5"),
        extra={"note": "=1+1 ✓", "empty": ""},
        flags=("target2 below target1",),
        target2=None,
    )
    result = journal.record_poll(poll(0, odd))
    assert (counts(result), result.seen) == ((1, 0, 0, 0), frozenset({key(1)}))
    assert record(journal).signal == odd
    assert str(record(journal).signal.ask) == "0.000012345"
    assert state(journal) == (Status.OPEN, None, 1)


def test_the_same_id_in_the_scalping_table_is_another_signal(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(1, table=FeedTable.SCALPING)))
    assert [one.signal.key.table for one in journal.records()] == [FeedTable.MAIN, FeedTable.SCALPING]


def test_a_signal_seen_again_unchanged_counts_as_nothing(journal: Journal) -> None:
    journal.record_poll(poll(0, signal()))
    assert counts(journal.record_poll(poll(1, signal()))) == (0, 0, 0, 0)
    assert state(journal) == (Status.OPEN, None, 1)


def test_an_edit_keeps_the_values_of_every_revision(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(target1=Decimal(1))))
    assert counts(journal.record_poll(poll(1, signal(target1=Decimal(2))))) == (0, 1, 0, 0)
    history = journal.revisions(key(1))
    assert [(one.at, one.record.revision, one.record.signal.target1) for one in history] == [
        (at(0), 1, Decimal(1)),
        (at(1), 2, Decimal(2)),
    ]
    assert history[-1].record == record(journal)


def test_an_unknown_signal_has_no_revisions(journal: Journal) -> None:
    assert journal.revisions(key(404)) == []


def test_a_signal_missing_from_a_sure_answer_is_closed_as_of_when_it_was_last_seen(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(opened=-5)))
    journal.record_poll(poll(1, signal(opened=-5)))
    assert counts(journal.record_poll(poll(2))) == (0, 0, 1, 0)
    assert state(journal) == (Status.CLOSED, at(1), 2)


def test_a_short_look_back_says_nothing_a_wider_one_closes_and_what_is_seen_again_is_open_until_it_ages(
    journal: Journal,
) -> None:
    journal.record_poll(poll(0, signal(opened=-5)))
    assert counts(journal.record_poll(poll(1, look_back=3))) == (0, 0, 0, 0)
    assert state(journal) == (Status.OPEN, None, 1)
    assert counts(journal.record_poll(poll(2, look_back=20))) == (0, 0, 1, 0)
    assert state(journal) == (Status.CLOSED, at(0), 2)
    again = journal.record_poll(poll(3, signal(opened=-5)))
    assert counts(again) == (0, 1, 0, 0)
    [news] = again.news
    assert (news.what, news.record.status, news.changes) == ("changed", Status.OPEN, "open again, was closed")
    aged = journal.record_poll(poll(16, look_back=3))
    assert (counts(aged), aged.news) == ((0, 0, 0, 1), ())
    assert state(journal) == (Status.AGED, at(3), 4)


@pytest.mark.parametrize("reject", [Reject(id="1", reason="no ask", raw="{}")])
def test_a_rejected_signal_was_in_the_answer_so_it_is_not_closed(journal: Journal, reject: Reject) -> None:
    journal.record_poll(poll(0, signal(opened=-5)))
    result = journal.record_poll(poll(2, rejects=[reject]))
    assert (counts(result), result.rejected) == ((0, 0, 0, 0), 1)
    assert state(journal)[0] is Status.OPEN


def test_an_incomplete_answer_closes_nothing_and_covers_nothing(journal: Journal, clock: Clock) -> None:
    journal.record_poll(poll(0, signal(opened=-5)))
    assert counts(journal.record_poll(poll(5, sure=False))) == (0, 0, 0, 0)
    clock.now = at(30)
    assert journal.coverage().gaps == (Window(at(0), at(10)),)
    assert journal.last_good_poll("swing", "all/free") == at(0)


def test_a_failed_poll_changes_no_signal_and_is_not_good(journal: Journal) -> None:
    journal.record_poll(poll(0, signal()))
    assert counts(journal.record_poll(failed_poll(60))) == (0, 0, 0, 0)
    assert state(journal)[0] is Status.OPEN
    assert journal.last_good_poll("swing", "all/free") == at(0)


def test_another_feed_does_not_judge_what_it_was_not_the_last_to_see(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(opened=-5), feed="swing"))
    journal.record_poll(poll(1, feed="narrow", selection="okx/free"))
    assert state(journal)[0] is Status.OPEN


def test_a_signal_that_moved_to_another_feed_is_judged_there(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(opened=-5), feed="swing"))
    journal.record_poll(poll(1, signal(opened=-5, type="MID TERM"), feed="mid"))
    assert counts(journal.record_poll(poll(2, feed="swing"))) == (0, 0, 0, 0)
    assert counts(journal.record_poll(poll(3, feed="mid"))) == (0, 0, 1, 0)


def test_signals_of_a_feed_that_nobody_polls_any_more_age_when_the_api_can_no_longer_show_them(
    journal: Journal,
) -> None:
    journal.record_poll(poll(0, signal(opened=-5), selection="old"))
    assert counts(journal.record_poll(poll(20, selection="new"))) == (0, 0, 0, 0)
    assert counts(journal.record_poll(poll(21, selection="new"))) == (0, 0, 0, 1)
    assert state(journal) == (Status.AGED, at(0), 2)


def test_an_older_answer_taken_up_late_adds_signals_but_overrules_nothing(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1, opened=-5)))
    journal.record_poll(poll(9, signal(3, opened=-5)))
    assert state(journal)[0] is Status.CLOSED
    late = poll(5, signal(1, opened=-5, ask=Decimal(1)), signal(2, opened=-4))
    assert counts(journal.record_poll(late)) == (1, 0, 0, 0)
    assert (state(journal, 1)[0], state(journal, 3)[0]) == (Status.CLOSED, Status.OPEN)
    assert journal.verify() == []


def test_an_older_answer_taken_up_late_closes_nothing_that_a_later_one_told_of(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(opened=-5)))
    journal.record_poll(poll(21, look_back=3))
    assert counts(journal.record_poll(poll(5))) == (0, 0, 0, 0)
    assert state(journal)[0] is Status.AGED


def test_arrivals_grow_with_first_sight(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    journal.record_poll(poll(1, signal(1), signal(2), signal(3)))
    first, second, third = (one.arrival for one in journal.records())
    assert second == first + 1
    assert third == first + 60_000


def test_the_last_good_poll_is_the_one_with_the_same_selection(journal: Journal) -> None:
    journal.record_poll(poll(0, selection="old"))
    assert journal.last_good_poll("swing", "old") == at(0)
    assert journal.last_good_poll("swing", "new") is None


def test_coverage_merges_polls_in_any_order_and_shows_gaps(journal: Journal, clock: Clock) -> None:
    for when in (0, 60, 61, 15):
        journal.record_poll(poll(when))
    clock.now = at(61)
    seen = journal.coverage([("swing", "all/free")])
    assert (seen.since, seen.covered_seconds, seen.gaps) == (at(-20), 56 * 60, (Window(at(15), at(40)),))
    assert journal.coverage(since=at(50)).gap_seconds == 0


def test_a_changed_selection_starts_coverage_anew(journal: Journal, clock: Clock) -> None:
    journal.record_poll(poll(0, selection="old"))
    journal.record_poll(poll(300, selection="new"))
    clock.now = at(300)
    assert journal.coverage([("swing", "new")]).since == at(280)
    assert journal.coverage() == journal.coverage([("swing", "new")])
    assert journal.coverage([("swing", "never polled")]).since is None


def test_polls_are_remembered_newest_last(journal: Journal) -> None:
    journal.record_poll(poll(0, signal()))
    journal.record_poll(failed_poll(1, "api"))
    journal.record_poll(poll(2, sure=False, look_back=5))
    assert [(one.at, one.window, one.outcome, one.sure, one.new) for one in journal.polls(2)] == [
        (at(1), None, "api", False, 0),
        (at(2), Window(at(-3), at(2)), "ok", False, 0),
    ]
    first: PastPoll = journal.polls(9)[0]
    assert (first.feed, first.selection, first.new) == ("swing", "all/free", 1)


def test_rejects_are_remembered_newest_last(journal: Journal) -> None:
    for when in range(3):
        journal.record_poll(
            poll(when, rejects=[Reject(id=None, reason=f"reason {when}", raw="[]")], sure=False)
        )
    assert journal.rejects(1) == [
        PastReject(feed="swing", at=at(2), reject=Reject(id=None, reason="reason 2", raw="[]"))
    ]


def test_records_are_filtered_by_feed_time_stamp_and_status(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1, opened=-15), signal(2, opened=-5)))
    journal.record_poll(poll(0, signal(2, opened=-5), signal(3, opened=-4), feed="mid"))
    journal.record_poll(poll(2, signal(2, opened=-5)))

    def ids(*feeds: str, **limits: object) -> str:
        found = journal.records(feeds or None, **limits)  # type: ignore[arg-type]
        return " ".join(one.signal.key.id for one in found)

    assert ids() == "1 2 3"
    assert ids("mid") == "2 3"
    assert ids("swing", "mid") == "1 2 3"
    assert ids("unknown") == ""
    assert ids(since=at(-5)) == "2 3"
    assert ids(until=at(-5)) == "1"
    assert ids(status=Status.CLOSED) == "1"


def test_an_answer_is_undigested_until_its_poll_is_recorded(journal: Journal, clock: Clock) -> None:
    clock.now = at(9)
    first = journal.keep_answer("swing", {"interval": "20"}, at(0), b'{"error": 0}')
    second = journal.keep_answer("swing", {"interval": "20", "exchange": "okx_futures"}, at(0), b"\xff\x00")
    [one, other] = journal.undigested()
    assert (one.id, one.feed, one.request, one.at, one.body) == (
        first,
        "swing",
        {"interval": "20"},
        at(0),
        b'{"error": 0}',
    )
    assert (other.id, other.body) == (second, b"\xff\x00")
    journal.record_poll(poll(0, answers=[first, second]))
    assert journal.undigested() == []


def test_a_request_with_the_key_is_never_kept(journal: Journal) -> None:
    with pytest.raises(ValueError, match="never"):
        journal.keep_answer("swing", {"api_key": "SECRET"}, at(0), b"")
    assert journal.undigested() == []


def test_a_poll_that_fails_half_way_leaves_nothing(journal: Journal) -> None:
    unreadable = signal(2, ask=Decimal(1), coin=b"bytes are no text")
    with pytest.raises(TypeError):
        journal.record_poll(poll(0, signal(1), unreadable))
    assert (list(journal.records()), journal.polls(9)) == ([], [])
    assert SignalKey(FeedTable.MAIN, "1") not in {one.signal.key for one in journal.records()}


def test_a_poll_whose_last_step_fails_leaves_nothing_either(journal: Journal) -> None:
    unreadable: Any = object()
    with pytest.raises(postgres.ENGINE_ERRORS):
        journal.record_poll(poll(0, signal(1), rejects=[Reject(id="2", reason="no coin", raw=unreadable)]))
    assert (list(journal.records()), journal.polls(9)) == ([], [])
    assert journal.coverage().since is None
