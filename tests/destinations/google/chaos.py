"""One spreadsheet, one sync and one restless person, driven by a seed; and what must hold in the end."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cqs_sheets.core.cells import CellValue, same
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.read.layout import column_letters
from cqs_sheets.errors import TargetBusy
from cqs_sheets.run.looking import read_target
from tests.destinations.google.user import Clock, KilledError, connect, moment, shown
from tests.emulators.google_sheets import (
    Exchange,
    Fault,
    RunningSheets,
    any_request,
    reads,
    reset,
    status,
    timeout,
    truncate,
    writes,
)
from tests.emulators.google_sheets import User as Hand
from tests.emulators.sheets.grid import Grid
from tests.make import SIGNALS_TAB, TEMPLATE, record, wanted_rows

SYNCED = tuple(column.id for column in SIGNALS_TAB.columns if column.synced)
_NOW = datetime(2026, 5, 24, 12, 5)  # noqa: DTZ001 - a cell's wall time
_FAULTS: tuple[Callable[[], Fault], ...] = (
    lambda: status(500),
    lambda: status(503, after_commit=True),
    lambda: status(502),
    lambda: status(429),
    reset,
    lambda: reset(after_commit=True),
    lambda: timeout(seconds=0.01),
    lambda: timeout(after_commit=True, seconds=0.01),
    truncate,
)


class Chaos:
    """A run. `seed` decides everything; `story` tells what happened, for a failing test.

    With `kills` the syncing process dies now and then. As a real sync it is asked for news only: a row
    that nobody asks for is not put right by being written again.
    """

    def __init__(self, sheets: RunningSheets, seed: int, *, kills: bool = False) -> None:
        self.sheets = sheets
        self.kills = kills
        self.dice = random.Random(seed)  # noqa: S311
        self.book = sheets.create()
        self.clock = Clock()
        self.http = connect(sheets, self.clock)
        self.version = ""
        self.pending: set[str] = set()
        self.records: dict[str, dict[str, Any]] = {}
        self.delivered: dict[str, int] = {}
        self.deleted_rows: set[str] = set()
        self.deleted_unseen: set[str] = set()  # before any run had learnt that the row was there
        self.deleted_columns: set[str] = set()
        self.title = "Signals"
        self.texts: Counter[str] = Counter()
        self.own_rows = 0
        self.own_columns = 0
        self.story: list[str] = []

    # The sync -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """A few syncs with edits and faults, then a quiet one."""
        for _ in range(self.dice.randint(2, 4)):
            self.news()
            self.trouble()
            for _ in range(4):
                if self.sync():
                    break
            self.sheets.calm()
            self.http.dies_after = self.http.dies_before = 0
        self.story.append("quiet sync")
        for _ in range(3):
            assert self.sync(), "a quiet sync failed"
            self.story.append("quiet sync done")
        self.http.close()

    def news(self) -> None:
        for _ in range(self.dice.randint(0, 4)):
            key = str(1000 + len(self.records))
            self.records[key] = {"coin": "NEW", "status": Status.OPEN}
            self.pending.add(key)
        for key in self.dice.sample(sorted(self.records), min(len(self.records), self.dice.randint(0, 3))):
            self.pending.add(key)
            changes = self.records[key]
            changes["coin"] = f"C{self.dice.randint(1, 999)}"
            if self.dice.random() < 0.5:
                changes["stop_loss"] = Decimal(self.dice.randint(1, 10**6)) / 100
            if self.dice.random() < 0.3:
                changes["status"] = Status.CLOSED
        self.story.append(f"news: {len(self.records)} records")

    def wanted(self, keys: Iterable[str]) -> list[WantedRow]:
        rows: list[WantedRow] = []
        for key in keys:
            changes = self.records[key]
            rows += wanted_rows(TEMPLATE, record(key, **changes), UTC, added=self.delivered.get(key))
        return rows

    def sync(self) -> bool:
        destination = GoogleDestination(self.book, http=self.http)
        rows = self.wanted(sorted(self.pending))
        try:
            keys = {"Signals": {row.key for row in rows}}
            table = read_target(destination, TEMPLATE, keys, known_version=self.version)
            settings: dict[str, CellValue] = {
                "Last_sync": _NOW + timedelta(minutes=len(self.story)),
                "Feed_status": "ok",
            }
            plan = make_plan(
                rows,
                table,
                sequence=(table.sequence or 0) + 1,
                settings=settings,
                refresh_settings=True,
            )
            self.version = table.version
            if not plan.empty:
                applied = destination.apply(plan)
                self.version = applied.version
                self.story.append(f"wrote {len(plan.adds)} + {len(plan.updates)}: {applied.warnings}")
        except KilledError:
            self.story.append("killed")
            self.http.close()
            self.http = connect(self.sheets, self.clock)
            return False
        except TargetBusy as error:
            self.story.append(f"{type(error).__name__}: {error.message}")
            return False
        sequence = plan.snapshot.sequence or 0 if plan.empty else plan.sequence
        for row in rows:
            self.delivered.setdefault(row.key, sequence)
        self.pending.clear()
        return True

    # The person, and the network ------------------------------------------------------------------------

    def trouble(self) -> None:
        for _ in range(self.dice.randint(0, 2)):
            when = self.dice.choice([reads, writes, writes])
            nth = self.dice.randint(1, 2)
            self.sheets.before_request(self.edit, when, nth=nth)
        if self.dice.random() < 0.2:
            self.sheets.after_commit(self.edit, writes)
        if self.kills and self.dice.random() < 0.5:
            self.http.dies_after = self.dice.choice([1, 1, 1, 2])
        elif self.kills and self.dice.random() < 0.2:
            self.http.dies_before = self.dice.choice([1, 2, 2])
        for _ in range(self.dice.choice([0, 0, 1, 1, 2])):
            fault = self.dice.choice(_FAULTS)()
            self.sheets.inject(fault, self.dice.choice([any_request, writes]), nth=self.dice.randint(1, 3))
            self.story.append(f"fault {fault}")

    def edit(self, exchange: Exchange) -> None:
        if self.sheets.book(self.book).tab(self.title) is None:
            return
        deeds = [
            self.sort, self.sort, self.insert_row, self.insert_row, self.delete_row, self.move_row,
            self.insert_column, self.move_column, self.delete_column, self.rename_tab, self.filter,
            self.memo, self.memo, self.settings_row,
        ]  # fmt: skip
        deed = self.dice.choice(deeds)
        with self.sheets.edit(self.book) as hand:
            told = deed(hand)
        self.story.append(f"before {'read' if exchange.is_read else 'write'}: {deed.__name__} {told or ''}")

    def grid(self) -> Grid:
        tab = self.sheets.book(self.book).tab(self.title)
        assert tab
        return tab.grid

    def columns(self) -> dict[str, int]:
        line = [shown(self.grid().cell(self.header(), at)) for at in range(self.grid().column_count)]
        places = {text: at for at, text in enumerate(line) if text is not None}
        return {column.id: places[column.header] for column in SIGNALS_TAB.columns if column.header in places}

    def header(self) -> int:
        for row in range(self.grid().row_count):
            texts = {shown(self.grid().cell(row, at)) for at in range(self.grid().column_count)}
            if {"ID", "Memo"} <= texts:
                return row
        raise AssertionError("the header is gone")

    def data_rows(self) -> range:
        return range(self.header() + 1, self.grid().row_count)

    def keys(self) -> dict[int, str]:
        at = self.columns()["id"]
        cells = {row: shown(self.grid().cell(row, at)) for row in self.data_rows()}
        return {row: str(value) for row, value in cells.items() if value is not None}

    def sort(self, hand: Hand) -> str:
        column = self.dice.choice(sorted(self.columns().values()))
        hand.sort(
            self.title,
            column_letters(column),
            descending=self.dice.random() < 0.7,
            header_rows=self.header() + 1,
        )
        return column_letters(column)

    def insert_row(self, hand: Hand) -> str:
        row = self.dice.randint(self.header() + 1, self.grid().row_count - 1)
        hand.insert_rows(self.title, row + 1)
        if self.dice.random() < 0.5:
            self.own_rows += 1
            text = f"user:row {self.own_rows}"
            column = self.dice.choice([id_ for id_ in self.columns() if id_ not in ("id", "double")])
            hand.put(f"'{self.title}'!{column_letters(self.columns()[column])}{row + 1}", text)
            self.texts[text] += 1
        return str(row + 1)

    def delete_row(self, hand: Hand) -> str:
        keys = self.keys()
        if not keys:
            return "nothing"
        row = self.dice.choice(sorted(keys))
        for at in range(self.grid().column_count):
            self.texts.pop(str(shown(self.grid().cell(row, at))), None)
        self.deleted_rows.add(keys[row])
        if keys[row] not in self.delivered:
            self.deleted_unseen.add(keys[row])
        hand.delete_rows(self.title, row + 1)
        return keys[row]

    def move_row(self, hand: Hand) -> str:
        row = self.dice.choice(self.data_rows())
        before = self.dice.choice(self.data_rows())
        hand.move_rows(self.title, row + 1, 1, before + 1)
        return f"{row + 1} before {before + 1}"

    def insert_column(self, hand: Hand) -> str:
        at = self.dice.randint(0, self.grid().column_count)
        at = min(at, self.grid().column_count - 1)
        header, keys = self.header(), self.keys()
        hand.insert_columns(self.title, column_letters(at))
        self.own_columns += 1
        hand.put(f"'{self.title}'!{column_letters(at)}{header + 1}", f"user:column {self.own_columns}")
        self.texts[f"user:column {self.own_columns}"] += 1
        for row, key in keys.items():
            text = f"user:{key} column {self.own_columns}"
            hand.put(f"'{self.title}'!{column_letters(at)}{row + 1}", text)
            self.texts[text] += 1
        return column_letters(at)

    def move_column(self, hand: Hand) -> str:
        first, before = (self.dice.randrange(self.grid().column_count) for _ in range(2))
        hand.move_columns(self.title, column_letters(first), column_letters(before))
        return f"{column_letters(first)} before {column_letters(before)}"

    def delete_column(self, hand: Hand) -> str:
        gone = [id_ for id_ in ("lev", "seen", "time") if id_ in self.columns()]
        if not gone or self.deleted_columns:
            return "nothing"
        id_ = self.dice.choice(gone)
        at = self.columns()[id_]
        for row in self.data_rows():
            self.texts.pop(str(shown(self.grid().cell(row, at))), None)
        self.deleted_columns.add(id_)
        hand.delete_columns(self.title, column_letters(at))
        return id_

    def rename_tab(self, hand: Hand) -> str:
        new = f"Mine {self.dice.randint(1, 10**6)}"
        hand.rename_tab(self.title, new)
        self.title = new
        return new

    def filter(self, hand: Hand) -> None:
        hand.filter(self.title, column_letters(self.columns()["coin"]), ["NEW"], self.header() + 1)

    def memo(self, hand: Hand) -> str:
        keys = self.keys()
        if not keys:
            return "nothing"
        row = self.dice.choice(sorted(keys))
        at = self.columns()["memo"]
        self.texts.pop(str(shown(self.grid().cell(row, at))), None)
        text = f"user:{keys[row]} memo {self.dice.random()}"
        hand.put(f"'{self.title}'!{column_letters(at)}{row + 1}", text)
        self.texts[text] += 1
        return text

    def settings_row(self, hand: Hand) -> None:
        if self.sheets.book(self.book).tab("Settings"):
            hand.insert_rows("Settings", self.dice.randint(2, 8))

    # What must hold -------------------------------------------------------------------------------------

    def check(self) -> None:
        self._check_keys()
        self._check_rows()
        self._check_user()
        self._check_settings()

    def _check_keys(self) -> None:
        """A row that a dying run wrote, and a person deleted before the next one came, may come back."""
        held = Counter(self.keys().values())
        assert not [key for key, count in held.items() if count > 1], "doubled"
        wanted = {key for key in self.records if key not in self.deleted_rows}
        assert wanted <= held.keys(), f"lost: {wanted - held.keys()}"
        back = held.keys() - wanted
        assert back <= (self.deleted_unseen if self.kills else set()), f"came back: {back}"

    def _check_rows(self) -> None:
        columns, wanted = self.columns(), {row.key: row for row in self.wanted(self.records)}
        assert set(SYNCED) - columns.keys() == self.deleted_columns
        keys = self.keys()
        for row in self.data_rows():
            for id_ in (id_ for id_ in SYNCED if id_ in columns):
                value = shown(self.grid().cell(row, columns[id_]))
                if row in keys:
                    expected = wanted[keys[row]].values[id_]
                    value = moment(value) if isinstance(expected, datetime) else value
                    assert same(expected, value), f"{keys[row]}.{id_}: {value!r} for {expected!r}"
                else:
                    assert value is None or str(value).startswith("user:"), f"row {row + 1}.{id_}: {value!r}"
            double = shown(self.grid().cell(row, columns["double"]))
            if row in keys:
                assert double == f"={column_letters(columns['stop'])}{row + 1}*2", keys[row]
            else:
                assert double is None, double

    def _check_user(self) -> None:
        found: Counter[str] = Counter()
        keys = self.keys()
        for row in range(self.grid().row_count):
            for at in range(self.grid().column_count):
                text = shown(self.grid().cell(row, at))
                if isinstance(text, str) and text.startswith("user:"):
                    found[text] += 1
                    owner = text.removeprefix("user:").split()[0]
                    assert not owner.isdigit() or keys[row] == owner, f"{text} in the row of {keys.get(row)}"
        assert found == self.texts, f"{found - self.texts} came, {self.texts - found} went"

    def _check_settings(self) -> None:
        book = self.sheets.book(self.book)
        texts = {}
        tab = book.tab("Settings")
        assert tab
        for row in range(tab.grid.row_count):
            label = shown(tab.grid.cell(row, 0))
            texts[label] = shown(tab.grid.cell(row, 1))
        assert texts["Equity"] == 10000
        assert texts["Feed"] == "ok"
        assert isinstance(texts["Last sync"], datetime)
