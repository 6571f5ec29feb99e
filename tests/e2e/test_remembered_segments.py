"""What is remembered of a workbook's rows saves time and nothing else: whatever befalls the file, a sync that
remembers leaves the same cells as one that does not.
"""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.config import TargetSettings
from cqs_sheets.config.settings import place_at
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Choices, Facts
from cqs_sheets.core.plan.plan import Snapshot
from cqs_sheets.destinations.excel import ExcelDestination, destination
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.excel.edit import results
from cqs_sheets.destinations.excel.parts import sealing
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.segments import Sealed
from cqs_sheets.destinations.excel.read.scan import Scan
from cqs_sheets.journal import Journal, Poll
from cqs_sheets.journal.database import Database, migrate
from cqs_sheets.run.deliver import Deliverer
from cqs_sheets.run.looking import Target
from tests.e2e.machines import START
from tests.make import TEMPLATE, signal

SHEET = "xl/worksheets/sheet1.xml"
BEFALLS = ("typed", "sorted", "cut", "truncated", "restored", "clock", "altered", "lost")
HAPPENS = BEFALLS + ("nothing",) * len(BEFALLS)  # where nothing happened, the memory is used


class Forgetful(ExcelDestination):
    """It looks at the whole file each time, and once more to write it."""

    def recall(self, memory: bytes) -> None:
        del memory

    def read(self, facts: Facts, bindings: Bindings, keys: Mapping[str, Collection[str]]) -> Snapshot:
        snapshot = super().read(facts, bindings, keys)
        for scan in cast("Mapping[str, Scan]", snapshot.seen or {}).values():
            scan.resealed = None
        return snapshot


class Desk:
    """A workbook, its journal, and what happens to both; `kind` is who writes it."""

    def __init__(self, folder: Path, kind: type[ExcelDestination]) -> None:
        folder.mkdir()
        self.path = folder / "signals.xlsx"
        self._kind = kind
        self._saved: list[bytes] = []
        self._now = START
        self._words = count(1)
        self.lose_the_journal()

    def lose_the_journal(self) -> None:
        database = Database(":memory:", name="journal")
        migrate(database)
        self._journal = Journal(database, lambda: self._now)

    def see(self, **prices: Decimal) -> None:
        self._now += timedelta(minutes=1)
        signals = [signal(id_, timestamp=START, stop_loss=price) for id_, price in prices.items()]
        self._journal.record_poll(Poll(feed="all", selection="", at=self._now, window=None, signals=signals))

    def sync(self) -> str:
        """What went wrong, "" if nothing did."""
        destination = self._kind(self.path, sleep=lambda _: None)
        target = Target(
            settings=TargetSettings(place=place_at("book.xlsx", Path("/nowhere")), heartbeat=0),
            template=TEMPLATE, destination=destination, zone=ZoneInfo("UTC"),
        )  # fmt: skip
        deliverer = Deliverer(
            journal=self._journal, choices=Choices(), dry_run=False, clock=lambda: self._now,
            random=lambda: f"{next(self._words) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFF:012x}",
        )  # fmt: skip
        error = deliverer.deliver(target, {}, make_empty=True).error
        if not error:
            self._saved.append(self.path.read_bytes())
        return type(error).__name__ if error else ""

    def parts(self) -> dict[str, bytes]:
        """Each part whole, its check sum looked at; but what says when it was saved."""
        with zipfile.ZipFile(self.path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if "docProps" not in name}

    def cells(self, *, shown: bool = False) -> list[tuple[object, ...]]:
        """With what formulas say, or with what is stored that they show."""
        sheet = openpyxl.load_workbook(self.path, data_only=shown)["Signals"]
        return [tuple(row) for row in sheet.iter_rows(values_only=True)]

    def edit(self, change: Callable[[Worksheet], object]) -> None:
        book = openpyxl.load_workbook(self.path)
        change(book["Signals"])
        book.save(self.path)

    def truncate(self) -> None:
        self.path.write_bytes(self.path.read_bytes()[: self.path.stat().st_size // 2])

    def restore(self, back: int) -> None:
        """An earlier version, by copying its bytes into the file that is there."""
        self.path.write_bytes(self._saved[max(0, len(self._saved) - 1 - back)])

    def turn_back_the_clock(self) -> None:
        os.utime(self.path, ns=(1, 1))

    def alter_in_place(self) -> None:
        """Another content of the same size, time and place on the disk."""
        before, whole = self.path.stat(), self.path.read_bytes()
        with Package.open(whole) as package:
            text = package.read(SHEET)
            draft = Draft(package)
            draft.put(SHEET, text.replace(b">BTC<", b">B<"))
            staged = self.path.with_name("staged")
            with staged.open("wb+") as file:
                draft.write(file)
        made = staged.read_bytes()
        staged.unlink()
        room = len(whole) - len(made)
        if room < 0:
            return
        end = made.rindex(b"PK\5\6")
        made = made[: end + 20] + room.to_bytes(2, "little") + b" " * room
        with self.path.open("r+b") as file:
            file.write(made)
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert self.path.stat().st_size == before.st_size
        assert self.path.stat().st_ino == before.st_ino

    def befall(self, what: str, row: int, back: int) -> None:
        match what:
            case "typed":
                self.edit(lambda sheet: sheet.cell(row, 30, "mine"))
            case "sorted":
                self.edit(_turned_over)
            case "cut":
                self.edit(lambda sheet: sheet.delete_rows(row))
            case "truncated":
                self.truncate()
                assert self.sync()
                self.restore(0)
            case "restored":
                self.restore(back)
            case "clock":
                self.turn_back_the_clock()
            case "altered":
                self.alter_in_place()
            case "lost":
                self.lose_the_journal()

    def rot(self) -> None:
        """A byte of the rows changes on the disk, nothing else."""
        before = self.path.stat()
        with Package.open(self.path) as package:
            member = package.member(SHEET)
        with self.path.open("r+b") as file:
            file.seek(member.data + member.packed // 2)
            [byte] = file.read(1)
            file.seek(member.data + member.packed // 2)
            file.write(bytes([byte ^ 0x55]))
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "ENOUGH", 1500)  # a few rows, so that a small workbook has many


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No history waits for a disk, and all begin with the same new workbook."""

    @cache
    def drawn(tabs: tuple[str, ...]) -> bytes:
        return build_workbook(TEMPLATE, tabs=tabs)

    monkeypatch.setattr(destination, "build_workbook", lambda _, tabs: drawn(tuple(tabs)))
    monkeypatch.setattr(os, "fsync", lambda _: None)


def story(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One history, lived through twice: by a sync that remembers, and by one that does not."""
    dice = random.Random(seed)  # noqa: S311 - a history that can be told again
    if seed % 2:
        large_sheet(monkeypatch)
    desks = [Desk(folder / name, kind) for name, kind in (("a", ExcelDestination), ("b", Forgetful))]
    known: list[str] = []

    def all_sync() -> None:
        one, other = (desk.sync() for desk in desks)
        assert one == other
        one_parts, other_parts = ({} if one else desk.parts() for desk in desks)
        if one_parts != other_parts:
            for shown in (False, True):
                one_cells, other_cells = (desk.cells(shown=shown) for desk in desks)
                assert one_cells == other_cells

    def news(new: int, changed: int) -> None:
        ids = [str(1_000_000 + len(known) + at) for at in range(new)]
        prices = {id_: Decimal(dice.randint(1, 99_999)) / 100 for id_ in ids}
        some = dice.sample(known, min(changed, len(known)))
        prices |= {id_: Decimal(dice.randint(1, 99_999)) / 100 for id_ in some}
        known.extend(ids)
        for desk in desks:
            desk.see(**prices)

    news(dice.randint(20, 60), 0)
    all_sync()
    for _ in range(dice.randint(3, 8)):
        at = dice.randint(3, 20)
        back = dice.randint(0, 3)
        happens = dice.choice(HAPPENS)
        for desk in desks:
            desk.befall(happens, at, back)
        news(dice.randint(0, 5), dice.randint(0, 5))
        all_sync()


def _turned_over(sheet: Worksheet) -> None:
    first = next(row for row in range(1, 10) if sheet.cell(row, 1).value == "ID") + 1
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=first)]
    for number, values in enumerate(reversed(rows), first):
        for column, value in enumerate(values, 1):
            sheet.cell(number, column).value = value


def large_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a large one, no results are stored: then few segments are inflated."""
    monkeypatch.setattr(results, "_MOST_BYTES", 0)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("seed", range(6))
def test_a_sync_that_remembers_leaves_what_one_without_a_memory_leaves(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(seed, tmp_path, monkeypatch)


@pytest.mark.soak
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("thousand", range(10))
def test_ten_thousand_histories(thousand: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(100 + 1_000 * thousand, 1_100 + 1_000 * thousand):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with monkeypatch.context() as patches:
            story(seed, folder, patches)
        shutil.rmtree(folder)


def grown(folder: Path) -> Desk:
    desk = Desk(folder / "a", ExcelDestination)
    desk.see(**{str(1_000_000 + at): Decimal(at + 1) for at in range(60)})
    assert not desk.sync()
    return desk


@pytest.mark.parametrize("large", [True, False], ids=["large", "with results"])
def test_rows_that_do_not_change_are_not_inflated(
    large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        large_sheet(monkeypatch)
    desk = grown(tmp_path)
    looked: list[int] = []
    inflate = vars(Sealed)["text"].fget

    def looked_at(sealed: Sealed) -> bytes:
        looked.append(sealed.segment.last)
        text: bytes = inflate(sealed)
        return text

    monkeypatch.setattr(Sealed, "text", property(looked_at))
    desk.see(**{"1000030": Decimal(7), "2000000": Decimal(8)})
    assert not desk.sync()
    assert len(set(looked)) <= 4, (
        "the changed row's, the header's, and two before the new row, which has their look"
    )
    [row] = [row for row in desk.cells() if row[0] == 1000030]
    assert 7 in row
    assert desk.cells()[-1][0] == 2000000
    if not large:
        header, *rows = (row for row in desk.cells(shown=True) if row[0] is not None)
        stop, double = header.index("Stop"), header.index("Double")
        assert [row[double] for row in rows] == [2 * cast("float", row[stop]) for row in rows]


def test_a_workbook_that_somebody_saved_is_inflated_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = grown(tmp_path)
    desk.befall("typed", 12, 0)
    inflated: list[str] = []
    chunks = Package.chunks

    def noted(package: Package, name: str) -> Iterator[bytes]:
        inflated.append(name)
        return chunks(package, name)

    monkeypatch.setattr(Package, "chunks", noted)
    desk.see(**{"1000030": Decimal(7), "2000000": Decimal(8)})
    assert not desk.sync()
    headers = 1  # the look for marks and headers ends with the first rows
    assert inflated.count(SHEET) <= 1 + headers
    monkeypatch.undo()
    [row] = [row for row in desk.cells() if row[0] == 1000030]
    assert 7 in row
    assert desk.cells()[-1][0] == 2000000


def test_what_a_look_sealed_is_written_into_that_very_file_only(tmp_path: Path) -> None:
    desk = grown(tmp_path)
    with Package.open(desk.path) as package:
        resealed = Draft(package).resealed(SHEET, package.stretches(SHEET), "A", ())
        before = package.read(SHEET)
        package.take(resealed)
        assert Draft(package).read(SHEET) == before
    desk.alter_in_place()
    with Package.open(desk.path) as package:
        package.take(resealed)
        assert Draft(package).read(SHEET) == package.read(SHEET) != before


def test_a_byte_that_rots_is_never_copied(tmp_path: Path) -> None:
    desk = grown(tmp_path)
    desk.rot()
    rotten = desk.path.read_bytes()
    desk.see(**{"2000000": Decimal(8)})
    assert desk.sync() == "DataRefused"
    assert desk.path.read_bytes() == rotten


def test_a_memory_of_another_content_is_not_believed_though_size_and_time_are_the_same(
    tmp_path: Path,
) -> None:
    desk = grown(tmp_path)
    desk.alter_in_place()
    desk.see(**{"1000001": Decimal(7), "2000000": Decimal(8)})
    assert not desk.sync()
    assert sum("B" in row for row in desk.cells()) >= 58
