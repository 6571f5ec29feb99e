"""`Take? = yes` makes the Journal's row, once, in a workbook as in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from cqs_sheets.config import TargetSettings
from cqs_sheets.config.settings import place_at
from cqs_sheets.core.changes import counted, plan_lines
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.core.templates.reading import read_document, template_of
from cqs_sheets.journal import Journal, Poll
from cqs_sheets.journal.database import Database, migrate
from cqs_sheets.run.deliver import Deliverer
from cqs_sheets.run.looking import Target
from cqs_sheets.run.rest import Delivery
from tests.destinations.persons import ExcelPerson, GooglePerson
from tests.emulators.google_sheets import RunningSheets, start
from tests.make import signal

SMALL = """
[[tabs]]
name = "Signals"
kind = "table"
source = "signals"
key = "id"
columns = [
  { id = "id", header = "ID", field = "id" },
  { id = "pair", header = "Pair", calc = "pair" },
  { id = "stop", header = "Stop", field = "stop_loss" },
  { id = "take", header = "Take?", input = true, choices = ["yes", "no", "watch"] },
  { id = "journaled", header = "Journaled", calc = "journaled" },
]

[[tabs]]
name = "Scalping"
kind = "table"
like = "Signals"
tables = ["scalping"]

[[tabs]]
name = "Journal"
kind = "table"
source = ""
key = "sig"
spare_rows = 5
takes = { choice = "yes", from = { Signals = "take", Scalping = "take" }, table = "table" }
columns = [
  { id = "sig", header = "Signal ID", input = true },
  { id = "table", header = "Table", input = true },
  { id = "pair", header = "Pair" },
  { id = "stop", header = "Plan stop" },
  { id = "note", header = "Notes", input = true },
]
formulas.pair = '=IF({sig}="","",IFERROR(INDEX({Signals.pair},MATCH({sig}*1,{Signals.id},0)),"not found"))'
formulas.stop = '=IF({sig}="","",IFERROR(INDEX({Signals.stop},MATCH({sig}*1,{Signals.id},0)),""))'
"""
INCLUDED: dict[str, Any] = {}
TEMPLATE = template_of(read_document(SMALL, include=INCLUDED.__getitem__, schema=None), name="small")
MAIN, SCALPING = FeedTable.MAIN, FeedTable.SCALPING
_SHEETS = "https://docs.google.com/spreadsheets/d/"
START = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)


class Trader:
    """A target, its user, and the machine that syncs it."""

    def __init__(self, person: ExcelPerson | GooglePerson) -> None:
        self.person = person
        self._minutes = count()
        self._words = count(1)
        self.forget()

    def forget(self) -> None:
        """Go on with another machine, whose journal is empty."""
        database = Database(":memory:", name="journal")
        migrate(database)
        self.journal = Journal(database, self.clock)

    def clock(self) -> datetime:
        return START + timedelta(minutes=next(self._minutes))

    def see(self, *ids: str, table: FeedTable = MAIN) -> None:
        signals = [signal(id_, table=table) for id_ in ids]
        self.journal.record_poll(
            Poll(feed="all", selection="", at=self.clock(), window=None, signals=signals)
        )

    def sync(self, *, dry_run: bool = False) -> Delivery:
        deliverer = Deliverer(
            journal=self.journal, choices=Choices(), dry_run=dry_run, clock=self.clock,
            random=lambda: f"{next(self._words):012x}",
        )  # fmt: skip
        named = "book.xlsx" if isinstance(self.person, ExcelPerson) else f"{_SHEETS}{self.person.book}/edit"
        settings = TargetSettings(place=place_at(named, Path("/nowhere")), heartbeat=0)
        target = Target(
            settings=settings,
            template=TEMPLATE,
            destination=self.person.destination(),
            zone=ZoneInfo("UTC"),
        )
        delivery = deliverer.deliver(target, {}, make_empty=True)
        if delivery.error:
            raise delivery.error
        return delivery

    def cell(self, title: str, row: int, header: str) -> Any:
        return self.person.look()[title].get((row, self.columns(title)[header]))

    def columns(self, title: str) -> dict[str, int]:
        grid = self.person.look()[title]
        key = "Signal ID" if "Signal ID" in grid.values() else "ID"
        (top,) = [row for (row, _), value in grid.items() if value == key]
        return {str(value): column for (row, column), value in grid.items() if row == top}

    def rows(self, title: str, key: str) -> list[tuple[str, int]]:
        """The keys below the header and their rows."""
        grid, at = self.person.look()[title], self.columns(title)[key]
        below = sorted((row, value) for (row, column), value in grid.items() if column == at)
        top = next(row for row, value in below if value == key)
        return [(str(value).removesuffix(".0"), row) for row, value in below if row > top]

    def entries(self, title: str = "Journal") -> list[tuple[str, str]]:
        """The user's own rows: ids and tables."""
        rows = self.rows(title, "Signal ID")
        return [(id_, str(self.cell(title, row, "Table") or "")) for id_, row in rows]

    def take(self, id_: str, word: str = "yes", title: str = "Signals") -> None:
        row = dict(self.rows(title, "ID"))[id_]
        self.person.put(title, row, self.columns(title)["Take?"], word)

    def enter(self, row: int, header: str, text: str, title: str = "Journal") -> None:
        self.person.put(title, row, self.columns(title)[header], text)


@pytest.fixture(scope="module")
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


@pytest.fixture(params=["excel", "google"])
def trader(request: pytest.FixtureRequest, tmp_path: Path, sheets: RunningSheets) -> Trader:
    excel = request.param == "excel"
    trader = Trader(ExcelPerson(tmp_path / "book.xlsx") if excel else GooglePerson(sheets))
    trader.see("1", "2", "3")
    trader.sync()
    return trader


def test_yes_makes_the_row_once_and_touches_nothing_else(trader: Trader) -> None:
    trader.take("2")
    trader.take("3", "watch")
    before = trader.person.look()
    dry = trader.sync(dry_run=True)
    assert trader.person.look() == before
    done = trader.sync()
    assert dry.told == done.told == ["1 in Journal, as you took it"]
    assert done.plan is not None
    assert dry.plan is not None
    assert counted([done.plan], new_file=True)[:3] == (1, 0, 0)
    assert list(plan_lines(dry.plan)) == ["+ Journal 2 main", "~ Signals 2 Journaled: (blank) -> yes"]
    assert trader.entries() == [("2", "main")]
    (row,) = [at for id_, at in trader.rows("Journal", "Signal ID") if id_ == "2"]
    assert str(trader.cell("Journal", row, "Plan stop")).startswith("=")
    after = trader.person.look()
    note = trader.columns("Signals")["Journaled"]
    changed = {at for at in after["Signals"] if after["Signals"].get(at) != before["Signals"].get(at)}
    assert {column for _, column in changed} == {note}
    assert trader.sync().plan is None
    assert trader.entries() == [("2", "main")]


def test_a_row_that_the_user_deleted_does_not_come_back(trader: Trader) -> None:
    trader.take("2")
    trader.sync()
    trader.person.clear_row("Journal", trader.rows("Journal", "Signal ID")[0][1])
    trader.see("4")
    trader.sync()
    trader.forget()  # nor by a machine that knows nothing of it
    trader.see("1", "2", "3", "4")
    trader.sync()
    assert trader.entries() == []
    row = dict(trader.rows("Signals", "ID"))["2"]
    trader.enter(row, "Journaled", "", title="Signals")
    trader.sync()
    assert trader.entries() == [("2", "main")]


@pytest.mark.parametrize(
    ("id_", "table"), [("2", ""), ("2", "main"), ("'2", "MAIN"), ("main:2", "")], ids=str
)
def test_what_the_user_entered_is_not_entered_again(trader: Trader, id_: str, table: str) -> None:
    first = trader.columns("Journal")
    top = min(row for row, column in trader.person.look()["Journal"] if column == first["Pair"]) + 1
    trader.enter(top, "Signal ID", id_)
    trader.enter(top, "Table", table)
    before = trader.person.look()["Journal"]
    trader.take("2")
    trader.take("3")
    trader.sync()
    assert [id_ for id_, _ in trader.entries()][1:] == ["3"]
    after = trader.person.look()["Journal"]
    typed = {first[header] for header in ("Signal ID", "Table")}
    assert {at: after.get(at) for at in before if at[1] in typed} == {
        at: value for at, value in before.items() if at[1] in typed
    }
    trader.person.clear_row("Journal", top)
    trader.sync()
    assert [id_ for id_, _ in trader.entries()] == ["3"]


def test_an_id_of_both_tables_is_taken_as_the_one_that_was_meant(trader: Trader) -> None:
    trader.see("2", table=SCALPING)
    trader.sync()
    trader.take("2", title="Scalping")
    trader.sync()
    assert trader.entries() == [("2", "scalping")]
    trader.take("2", " YES ")
    trader.sync()
    assert sorted(trader.entries()) == [("2", "main"), ("2", "scalping")]


def test_it_is_found_wherever_the_user_moved_things(trader: Trader) -> None:
    trader.person.rename("Journal", "My book")
    trader.person.rename("Signals", "Feed")
    trader.person.insert_column("Feed", 2)
    header = max(row for row, _ in trader.person.look()["Feed"]) - 3
    trader.person.reverse("Feed", header)
    trader.take("3", title="Feed")
    trader.take("1", title="Feed")
    trader.sync()
    assert sorted(trader.entries("My book")) == [("1", "main"), ("3", "main")]


def test_what_is_typed_without_an_id_stays(trader: Trader) -> None:
    columns = trader.columns("Journal")
    top = min(row for row, column in trader.person.look()["Journal"] if column == columns["Pair"]) + 1
    trader.enter(top, "Notes", "an idea of mine")
    trader.take("1")
    trader.sync()
    notes = [value for value in trader.person.look()["Journal"].values() if value == "an idea of mine"]
    assert notes == ["an idea of mine"]
    (row,) = [at for _, at in trader.rows("Journal", "Signal ID")]
    assert trader.cell("Journal", row, "Notes") is None


def test_without_a_journal_or_the_column_for_the_note_nothing_is_taken(trader: Trader) -> None:
    trader.take("1")
    trader.person.delete_column("Signals", trader.columns("Signals")["Journaled"])
    trader.see("4")
    trader.sync()
    assert trader.entries() == []
    trader.person.delete("Journal")
    trader.take("2")
    trader.see("5")
    assert not trader.sync().told
    assert [id_ for id_, _ in trader.rows("Signals", "ID")] == ["1", "2", "3", "4", "5"]
    assert "Journal" not in trader.person.look()


def test_a_workbook_shows_the_plan_and_grows_when_it_is_full(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    trader = Trader(ExcelPerson(path))
    trader.see("1", "2")
    trader.sync()
    book = openpyxl.load_workbook(path)
    (table,) = book["Journal"].tables.values()
    last = int(table.ref.rpartition(":")[2].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    for row in range(3, last + 1):
        book["Journal"].cell(row, 1).value = f"old {row}"
    book.save(path)
    trader.take("2")
    trader.sync()
    assert trader.entries()[-1] == ("2", "main")
    seen = openpyxl.load_workbook(path, data_only=True)["Journal"]
    columns = trader.columns("Journal")
    shown = {header: seen.cell(last + 1, columns[header]).value for header in ("Pair", "Plan stop")}
    assert shown == {"Pair": "BTC/USDT", "Plan stop": 93100}
    (grown,) = seen.tables.values()
    assert int(grown.ref.rpartition(":")[2].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) > last
