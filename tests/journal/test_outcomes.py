"""What became of signals is kept exactly, offered to the targets that show it, and merged."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.outcomes.judge import State
from cqs_sheets.core.outcomes.keeping import Kept
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import Journal
from tests.journal.conftest import Clock
from tests.journal.samples import NOON, at, key, poll, signal

FIXED, TRAILING = Rules(), Rules(stop="trailing")


def kept(word: str = "open", *, until: int = 100, done: bool = False, clock: int = 60) -> Kept:
    shown: dict[str, CellValue] = {"outcome": word, "r_net": Decimal("1.50"), "exit_at": at(until)}
    return Kept(clock=clock, state=State(until=until), shown=shown, done=done)


def arrivals(journal: Journal) -> list[int]:
    return [record.arrival for record in journal.records()]


def test_outcomes_are_kept_by_rules(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    first, second = arrivals(journal)
    assert journal.last_judged(FIXED) is None
    assert journal.keep_outcomes(FIXED, {first: kept(done=True)}, at=NOON) == 1
    journal.keep_outcomes(TRAILING, {first: kept("won")}, at=NOON)
    assert journal.outcomes(FIXED) == {first: kept(done=True)}
    assert journal.shown_outcomes(TRAILING, [first, second]) == {first: kept("won").shown}
    assert [record.arrival for record in journal.undone(FIXED)] == [second]
    assert journal.last_judged(FIXED) == NOON
    assert journal.verify() == []


def test_only_news_is_offered_and_only_to_targets_that_show_it(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1), signal(2)))
    first, _ = arrivals(journal)
    for name in ("paper", "plain"):
        journal.delivered(
            journal.target(name, ""), sequence=1, version="", rows=[(key(1), 1), (key(2), 1)],
            cursor=journal.newest_change(), at=NOON, wrote=True,
        )  # fmt: skip
    paper = journal.target("paper", "").id
    assert journal.keep_outcomes(FIXED, {first: kept()}, at=NOON, targets=[paper]) == 1
    [offered] = journal.wanted(journal.target("paper", ""), None)
    assert offered.record.signal.key == key(1)
    assert offered.delivered is not None
    assert journal.wanted(journal.target("plain", ""), None) == []
    journal.delivered(
        journal.target("paper", ""), sequence=2, version="", rows=[(key(1), 1)],
        cursor=journal.newest_change(), at=NOON, wrote=True,
    )  # fmt: skip
    assert journal.keep_outcomes(FIXED, {first: kept(done=True)}, at=NOON, targets=[paper]) == 0
    assert journal.wanted(journal.target("paper", ""), None) == []


@pytest.mark.parametrize(("seen", "word"), [(10, "ours"), (0, "theirs"), (-2, "theirs")])
def test_of_two_journals_the_outcome_from_the_first_sight_counts_then_the_longer_one(
    journal: Journal, tmp_path: Path, clock: Clock, seen: float, word: str
) -> None:
    other = tmp_path / "laptop" / "journal.sqlite3"
    journal.record_poll(poll(0, signal(1)))
    [ours] = arrivals(journal)
    journal.keep_outcomes(FIXED, {ours: kept("ours", until=100)}, at=NOON)
    with Journal.open(other, clock=clock) as laptop:
        laptop.record_poll(poll(seen, signal(1), signal(2, opened=-3)))
        found = {arrival: kept("theirs", until=101 if seen >= 0 else 50) for arrival in arrivals(laptop)}
        laptop.keep_outcomes(FIXED, found, at=at(20))
    journal.take_in(other)
    words = [shown["outcome"] for _, shown in sorted(journal.shown_outcomes(FIXED).items())]
    assert sorted(map(str, words)) == sorted([word, "theirs"])


def test_a_damaged_outcome_is_told(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1)))
    journal.keep_outcomes(FIXED, {arrivals(journal)[0]: kept()}, at=NOON)
    journal._database.execute("UPDATE outcomes SET state = '{}'")
    with pytest.raises(DataRefused, match="damaged"):
        journal.outcomes(FIXED)
