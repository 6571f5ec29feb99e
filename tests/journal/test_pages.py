"""Records are made of a journal's rows when they are asked for, and are what those rows were when they were read."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from cqs_sheets.config import TargetSettings
from cqs_sheets.config.settings import place_at
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Choices, Facts
from cqs_sheets.core.plan.plan import Snapshot
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import Journal, JournalPlace
from cqs_sheets.journal.pages import Pages
from cqs_sheets.run.deliver import Deliverer
from cqs_sheets.run.looking import Target
from tests.journal.conftest import Clock
from tests.journal.samples import at, poll, signal
from tests.make import TEMPLATE

MANY = 250  # more than two pages


@pytest.mark.parametrize("latest", [False, True])
def test_records_are_the_same_in_whatever_order_they_are_asked_for(
    place: JournalPlace, clock: Clock, *, latest: bool
) -> None:
    with Journal.open(place, clock=clock) as journal:
        journal.record_poll(poll(0, *(signal(number, ask=Decimal(number) / 8) for number in range(1, MANY))))
        if latest:
            wanted = journal.wanted(journal.target("a.xlsx", ""), None)
    if not latest:
        with Journal.open(place, clock=clock) as journal:
            wanted = journal.wanted(journal.target("a.xlsx", ""), None)
    with Journal.open_readonly(place, clock=clock) as journal:
        recorded = list(journal.records())
    assert [one.record for one in wanted] == recorded
    assert [one.record for one in reversed(wanted)] == recorded[::-1]
    mixed = list(zip(wanted, recorded, strict=True))
    random.Random(7).shuffle(mixed)  # noqa: S311 - no secret
    assert all(one.record == record for one, record in mixed)
    keys = [(one.key, one.arrival, one.revision) for one in wanted]
    assert keys == [(each.signal.key, each.arrival, each.revision) for each in recorded]


def test_records_at_hand_and_rows_stand_on_one_page(journal: Journal) -> None:
    journal.record_poll(poll(0, *(signal(number) for number in range(1, MANY))))
    recorded = list(journal.records())
    rows = journal._database.execute(
        "SELECT s.arrival, s.feed_table, s.id, s.first_seen, s.status, s.last_seen, s.revision, r.content"
        " FROM signals s JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision ORDER BY s.arrival"
    )
    pages = Pages()
    places = [
        pages.add(record if record.arrival % 3 else row) for record, row in zip(recorded, rows, strict=True)
    ]
    assert [pages[each] for each in places] == recorded


def test_a_row_that_makes_no_sense_is_refused_when_it_is_asked_for() -> None:
    pages = Pages()
    places = [pages.add((1, "main", str(number), 0, "open", None, 1, "{}")) for number in range(MANY)]
    for place in (places[0], places[-1]):
        with pytest.raises(DataRefused, match="journal is damaged"):
            pages[place]


class Meanwhile(ExcelDestination):
    """Something happens between the look at a workbook and the write."""

    act: Callable[[], None] = staticmethod(lambda: None)

    def read(self, facts: Facts, bindings: Bindings, keys: Mapping[str, Collection[str]]) -> Snapshot:
        found = super().read(facts, bindings, keys)
        self.act()
        return found


def test_what_is_written_is_the_revision_that_is_noted_whatever_the_journal_learns_meanwhile(
    place: JournalPlace, clock: Clock, tmp_path: Path
) -> None:
    """By the same process, and by another one of those who share a journal."""
    before = [signal(number) for number in range(1, MANY)]
    after = [signal(number, stop_loss=Decimal("0.5")) for number in range(1, MANY)]
    with Journal.open(place, clock=clock) as journal:
        journal.record_poll(poll(0, *before))
    book = tmp_path / "book.xlsx"
    destination = Meanwhile(book)
    target = Target(
        settings=TargetSettings(place=place_at(str(book), tmp_path), heartbeat=0),
        template=TEMPLATE, destination=destination, zone=ZoneInfo("UTC"),
    )  # fmt: skip

    def stops() -> set[object]:
        columns = openpyxl.load_workbook(book)["Signals"].iter_cols(values_only=True)
        [stops] = [column for column in columns if "Stop" in column]
        return {each for each in stops if each not in ("Stop", None)}

    with Journal.open(place, clock=clock) as journal:
        deliverer = Deliverer(journal=journal, choices=Choices(), dry_run=False, clock=clock)

        def learn() -> None:
            clock.now = at(1)
            if not journal.shared:
                journal.record_poll(poll(1, *after))
                return
            with Journal.open(place, clock=clock) as other:
                other.record_poll(poll(1, *after))

        destination.act = learn
        first = deliverer.deliver(target, {}, make_empty=True)
        assert first.error is None
        assert stops() == {float(before[0].stop_loss or 0)}
        destination.act = lambda: None
        clock.now += timedelta(minutes=1)
        state = journal.target(*journal._database.execute("SELECT name, selection FROM targets")[0])
        assert {one.delivered and one.delivered.revision for one in journal.everything(state, None)} == {1}
        deliverer = Deliverer(journal=journal, choices=Choices(force=True), dry_run=False, clock=clock)
        assert deliverer.deliver(target, {}, make_empty=True).error is None
        assert stops() == {0.5}
        assert {one.delivered and one.delivered.revision for one in journal.everything(state, None)} == {2}
