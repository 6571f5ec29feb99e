"""A person saves the workbook in the very moment in which the sync replaces it: both are kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.errors import CqsError, TargetChanged
from tests.destinations.users import ExcelUser
from tests.e2e.machines import Story
from tests.e2e.saving import WAYS, memo_in, with_memo

SYNCS = 1000

Save = Callable[[], None]


class Instant(Disk):
    """A disk on which somebody acts before the files change places, after it, or while the folder is flushed."""

    def __init__(self, *, before: list[Save], after: list[Save], flushing: list[Save], able: bool) -> None:
        self.before, self.after, self.flushing, self.able = before, after, flushing, able

    def exchange(self, one: Path, other: Path) -> bool:
        _next(self.before)
        if not self.able:
            return False
        done = super().exchange(one, other)
        _next(self.after)
        return done

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        _next(self.after)

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        _next(self.flushing)


def _next(saves: list[Save]) -> None:
    if saves:
        saves.pop(0)()


class Desk:
    """A workbook with two signals that were written one after the other, and a machine that has a third to write."""

    def __init__(self, folder: Path) -> None:
        self.user = ExcelUser(folder)
        self.path = self.user.path
        story = Story(self.user, 1, together=False)
        story.sync(0, "1")
        self.stale = self.path.read_bytes()
        story.sync(0, "2")
        self.newest = self.path.read_bytes()
        self.machine = story.all[0]
        self.machine.see("3")

    def sync(
        self, *, before: list[Save] | None = None, after: list[Save] | None = None,
        flushing: list[Save] | None = None, able: bool = True,
    ) -> list[str]:  # fmt: skip
        disk = Instant(before=before or [], after=after or [], flushing=flushing or [], able=able)
        self.user.destination = ExcelDestination(self.path, disk=disk)
        return self.machine.sync(self.user).warnings

    def memo(self) -> object:
        return next(row["memo"] for row in self.user.rows() if row["id"] == 1)

    def shown(self) -> int:
        """The number in the memo, however long the program that saves it takes.

        A program that opened the file before we replaced it, and wrote after that, wrote into the backup.
        """
        kept = 0
        with suppress(Exception):  # there may be none
            kept = memo_in(self.kept.read_bytes())
        while True:
            with suppress(Exception):  # in the middle of a save
                return max(kept, memo_in(self.path.read_bytes()))

    def ids(self) -> list[str]:
        return [str(row["id"]) for row in self.user.rows()]

    @property
    def kept(self) -> Path:
        return self.path.with_name("signals.bak.xlsx")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("able", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_save_right_before_we_replace_the_file_is_kept(desk: Desk, way: str, *, able: bool) -> None:
    typed = with_memo(desk.newest, "mine")
    desk.sync(before=[lambda: WAYS[way](desk.path, typed)], able=able)
    assert desk.memo() == "mine"
    assert sorted(desk.ids()) == ["1", "2", "3"]
    assert not [file for file in desk.path.parent.iterdir() if file.name.startswith(".")]


@pytest.mark.parametrize("able", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_stale_copy_put_back_right_after_our_write_is_noticed(desk: Desk, way: str, *, able: bool) -> None:
    desk.sync(after=[lambda: WAYS[way](desk.path, desk.stale)], able=able)
    desk.sync()
    assert sorted(desk.ids()) == ["1", "2", "3"]


def test_a_save_in_place_that_has_begun_is_let_to_its_end(desk: Desk) -> None:
    typed = with_memo(desk.newest, "mine")
    with desk.path.open("r+b") as file:

        def go_on() -> None:
            file.write(typed)
            file.truncate()
            file.flush()

        desk.sync(flushing=[go_on])
    assert desk.memo() == "mine"
    assert sorted(desk.ids()) == ["1", "2", "3"]


def test_of_two_saves_in_one_instant_the_later_stays_and_the_earlier_is_a_backup(desk: Desk) -> None:
    earlier, later = with_memo(desk.newest, "earlier"), with_memo(desk.newest, "later")
    saves: list[Save] = [
        lambda: WAYS["by_rename"](desk.path, earlier),
        lambda: WAYS["by_rename"](desk.path, later),
    ]
    backups: list[bytes] = []
    told = desk.sync(before=saves, flushing=[lambda: None, lambda: backups.append(desk.kept.read_bytes())])
    assert desk.memo() == "later"
    assert sorted(desk.ids()) == ["1", "2", "3"]
    assert backups == [earlier]
    assert told == ["a version of signals.xlsx that was saved during the sync is kept as signals.bak.xlsx"]


def test_a_file_that_somebody_makes_while_we_make_ours_is_not_replaced(tmp_path: Path) -> None:
    user = ExcelUser(tmp_path)
    machine = Story(user, 1, together=False).all[0]
    machine.see("1")
    (tmp_path / "elsewhere").mkdir()
    theirs = Desk(tmp_path / "elsewhere").newest

    class Late(Disk):
        def place(self, source: Path, target: Path) -> None:
            target.write_bytes(theirs)
            super().place(source, target)

    user.destination = ExcelDestination(user.path, disk=Late())
    machine.sync(user)
    assert sorted(str(row["id"]) for row in user.rows()) == ["1", "2"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_syncs_beside_a_program_that_saves_in_every_way(
    desk: Desk, tmp_path: Path, seed: int
) -> None:
    log = tmp_path / "saves"
    log.write_text("0\n")
    saver = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.saving", str(desk.path), str(log), str(seed)],
        cwd=Path(__file__).parents[2],
    )
    refused: list[CqsError] = []
    try:
        for number in range(4, 4 + SYNCS):
            before = int(log.read_text().split()[-1])
            desk.machine.see(str(number))
            try:
                desk.sync()
            except CqsError as error:
                refused.append(error)
                continue
            assert desk.shown() >= before
    finally:
        last = log.read_text().split()[-1]
        log.unlink()
        saver.wait(60)
    desk.sync()
    assert sorted(map(int, desk.ids())) == list(range(1, 4 + SYNCS))
    assert desk.shown() >= int(last)
    others = [str(error) for error in refused if not isinstance(error, TargetChanged)]
    assert all("it is empty" in error for error in others), others  # between the two steps of a save in place
    assert len(refused) < SYNCS
