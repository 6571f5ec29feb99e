"""The file itself: locks, backups, permissions, and what a killed or failing run leaves behind."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from cqs_sheets.core.plan.plan import Plan
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.destinations.excel.filesystem import WorkbookFile
from cqs_sheets.errors import AccessRefused, CqsError, DataRefused, TargetBusy, TargetChanged
from cqs_sheets.run.looking import read_target
from tests.alone import alone_with
from tests.destinations.excel.books import ONLY_SIGNALS, add, grid, read, signals_book, sync
from tests.symlinks import symlink


class Machine(Disk):
    """A machine of the test's choosing."""

    def __init__(
        self, *, host: str = "here", office: bool = True, windows: bool = False,
        on_rename: Callable[[], None] | None = None, on_remove: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self._host, self._office, self._windows = host, office, windows
        self._on_rename, self._on_remove = on_rename, on_remove

    def host(self) -> str:
        return self._host

    def office_runs(self) -> bool:
        return self._office

    def holds_open_files(self) -> bool:
        return self._windows

    def rename(self, source: Path, target: Path) -> None:
        if self._on_rename:
            self._on_rename()
        super().rename(source, target)

    def exchange(self, one: Path, other: Path) -> bool:
        if self._on_rename:
            self._on_rename()
        return super().exchange(one, other)

    def remove(self, file: Path) -> None:
        if self._on_remove:
            self._on_remove()
        super().remove(file)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return signals_book(tmp_path / "signals.xlsx")


def test_the_previous_versions_are_kept_in_turn(book: Path) -> None:
    versions = [book.read_bytes()]
    for number in (7, 8, 9, 10):
        destination = ExcelDestination(book, backups=3, lock_wait=0)
        one_more(destination, number)
        versions.append(book.read_bytes())
    assert (book.parent / "signals.bak.xlsx").read_bytes() == versions[-2]
    assert (book.parent / "signals.bak2.xlsx").read_bytes() == versions[-3]
    assert (book.parent / "signals.bak3.xlsx").read_bytes() == versions[-4]
    assert sorted(path.name for path in book.parent.iterdir()) == [
        "signals.bak.xlsx",
        "signals.bak2.xlsx",
        "signals.bak3.xlsx",
        "signals.xlsx",
    ]


def one_more(destination: ExcelDestination, number: int) -> None:
    table = read_target(destination, ONLY_SIGNALS, {})
    destination.apply(Plan(snapshot=table, sequence=number, adds=(add(str(number)),)))


def test_no_backup_is_kept_where_none_is_wanted(book: Path) -> None:
    sync(book, adds=[add("7")])
    assert [path.name for path in book.parent.iterdir()] == ["signals.xlsx"]


def test_mode_and_link_are_kept(book: Path, tmp_path: Path) -> None:
    book.chmod(0o640)
    link = tmp_path / "folder" / "link.xlsx"
    link.parent.mkdir()
    symlink(link, book)
    sync(link, adds=[add("7")])
    assert link.is_symlink()
    if os.name == "posix":
        assert stat.S_IMODE(book.stat().st_mode) == 0o640
    assert grid(book)[6][1] == 7


def test_a_workbook_open_in_excel_is_waited_for_and_then_busy(book: Path) -> None:
    owner = book.parent / "~$signals.xlsx"
    owner.write_bytes(bytes([5]) + b"Petra" + b" " * 100)
    waits: list[float] = []
    destination = ExcelDestination(book, lock_wait=1, sleep=waits.append)
    with pytest.raises(TargetBusy, match="Petra has it open in Excel"):
        one_more(destination, 7)
    assert sum(wait for wait in waits if wait > 0.01) == pytest.approx(1)
    one_more(ExcelDestination(book, lock_wait=1, sleep=lambda _: owner.unlink()), 7)
    assert grid(book)[6][1] == 7


@pytest.mark.parametrize(
    ("machine", "busy"),
    [
        (Machine(host="here", office=True), True),
        (Machine(host="here", office=False), False),
        (Machine(host="elsewhere", office=False), True),
    ],
)
def test_libreoffices_lock_is_told_apart_from_one_a_crash_left(
    book: Path, machine: Machine, *, busy: bool
) -> None:
    lock = book.parent / ".~lock.signals.xlsx#"
    lock.write_text("Petra Muster,petra,here,23.11.2026 10:00,file:///home/petra/.config;")
    destination = ExcelDestination(book, lock_wait=0, disk=machine)
    if busy:
        with pytest.raises(TargetBusy, match="Petra Muster has it open in LibreOffice on here"):
            one_more(destination, 7)
        one_more(ExcelDestination(book, lock_wait=0, disk=machine, force=True), 7)
    else:
        one_more(destination, 7)
    assert grid(book)[6][1] == 7


def test_another_run_of_ours_makes_it_busy(book: Path) -> None:
    first = ExcelDestination(book, lock_wait=0)
    second = WorkbookFile(book, backups=0, force=False, lock_wait=0, sleep=lambda _: None, disk=Disk())
    with second.locked(), pytest.raises(TargetBusy, match="another run"):
        one_more(first, 7)
    one_more(first, 7)


def test_a_rename_that_windows_refuses_is_busy_and_leaves_everything_as_it_was(book: Path) -> None:
    def refuse() -> None:
        raise PermissionError(errno.EACCES, "used by another process")

    before = book.read_bytes()
    machine = Machine(windows=True, on_rename=refuse)
    with pytest.raises(TargetBusy, match="open in Excel"):
        one_more(ExcelDestination(book, backups=0, lock_wait=0, disk=machine), 7)
    assert book.read_bytes() == before
    assert [path.name for path in book.parent.iterdir()] == ["signals.xlsx"]


def test_renames_that_are_refused_push_no_older_version_out(book: Path) -> None:
    def refuse() -> None:
        raise PermissionError(errno.EACCES, "used by another process")

    versions = [book.read_bytes()]
    one_more(ExcelDestination(book, backups=2, lock_wait=0), 7)
    versions.append(book.read_bytes())
    for _ in range(3):
        with pytest.raises(TargetBusy):
            one_more(
                ExcelDestination(book, backups=2, lock_wait=0, disk=Machine(windows=True, on_rename=refuse)),
                8,
            )
    one_more(ExcelDestination(book, backups=2, lock_wait=0), 8)
    assert (book.parent / "signals.bak.xlsx").read_bytes() == versions[1]
    assert (book.parent / "signals.bak2.xlsx").read_bytes() == versions[0]


def test_a_rename_that_is_refused_elsewhere_is_a_matter_of_permissions(book: Path) -> None:
    def refuse() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(AccessRefused, match="cannot be read or written"):
        one_more(ExcelDestination(book, backups=0, lock_wait=0, disk=Machine(on_rename=refuse)), 7)


class Held(PermissionError):
    """A sharing violation of Windows."""

    winerror = 32


def test_a_file_that_another_program_holds_is_busy_not_refused(book: Path) -> None:
    file = WorkbookFile(book, backups=0, force=False, lock_wait=0, sleep=lambda _: None, disk=Disk())
    assert isinstance(file.explained(Held(errno.EACCES, "Permission denied")), TargetBusy)


@pytest.mark.skipif(os.name != "nt", reason="elsewhere nobody opens a file for himself alone")
def test_a_workbook_that_another_program_opened_for_itself_alone_is_busy(book: Path) -> None:
    before = book.read_bytes()
    with alone_with(book), pytest.raises(TargetBusy, match="held by another program"):
        sync(book, adds=[add("7")])
    assert book.read_bytes() == before
    sync(book, adds=[add("7")])


def test_a_backup_that_is_open_on_windows_is_busy(book: Path) -> None:
    def refuse() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    before = book.read_bytes()
    with pytest.raises(TargetBusy, match="its backup"):
        one_more(ExcelDestination(book, lock_wait=0, disk=Machine(windows=True, on_remove=refuse)), 7)
    assert book.read_bytes() == before


def test_a_full_disk_is_busy_and_leaves_everything_as_it_was(book: Path) -> None:
    def fill(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = WorkbookFile(book, backups=0, force=False, lock_wait=0, sleep=lambda _: None, disk=Disk())
    before = book.read_bytes()
    with pytest.raises(TargetBusy, match="full"):
        file.stage(fill)
    assert book.read_bytes() == before
    assert [path.name for path in book.parent.iterdir()] == ["signals.xlsx"]


@pytest.mark.parametrize(
    ("number", "kind", "told"),
    [
        (errno.EDQUOT, TargetBusy, "full"),
        (errno.EIO, TargetBusy, "out of reach"),
        (errno.EROFS, AccessRefused, "cannot be read or written"),
    ],
)
def test_a_disk_that_fails_is_told_by_what_mends_it(
    book: Path, number: int, kind: type[CqsError], told: str
) -> None:
    def fail(_: object) -> None:
        raise OSError(number, "the system's own words")

    file = WorkbookFile(book, backups=0, force=False, lock_wait=0, sleep=lambda _: None, disk=Disk())
    with pytest.raises(kind, match=told):
        file.stage(fail)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_what_is_written_beside_a_private_workbook_is_private_too(book: Path) -> None:
    modes: list[int] = []
    file = WorkbookFile(book, backups=0, force=False, lock_wait=0, sleep=lambda _: None, disk=Disk())
    for mode in (0o600, 0o640):
        book.chmod(mode)
        file.stage(lambda staged: modes.append(os.fstat(staged.fileno()).st_mode & 0o077))
        file.commit(file.version())
        assert stat.S_IMODE(book.stat().st_mode) == mode
    assert modes == [0, 0]


def test_what_somebody_saved_while_the_new_version_was_written_is_not_replaced(book: Path) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"our version")
        book.write_bytes(b"their version")

    file = WorkbookFile(book, backups=1, force=False, lock_wait=0, sleep=lambda _: None, disk=Disk())
    read = file.version()
    file.stage(write)
    with pytest.raises(TargetChanged, match="saved by somebody else"):
        file.commit(read)
    assert book.read_bytes() == b"their version"
    assert [path.name for path in book.parent.iterdir()] == ["signals.xlsx"]


def test_what_a_killed_run_left_is_swept_by_the_next(book: Path) -> None:
    machine = Machine(host="here")
    left = book.parent / ".signals.xlsx.cqs-here.tmp"
    left.write_bytes(b"half")
    ExcelDestination(book, disk=machine).stamp("")
    assert not left.exists()


def test_what_a_live_run_is_writing_is_not_swept(book: Path) -> None:
    def write(file: BinaryIO) -> None:
        file.write(b"new version")

    file = WorkbookFile(book, backups=0, force=False, lock_wait=0, sleep=lambda _: None, disk=Disk())
    with file.locked():
        file.stage(write)
        ExcelDestination(book).stamp("")
        file.commit(file.version())
    assert book.read_bytes() == b"new version"


def test_a_read_only_workbook_is_refused(book: Path) -> None:
    book.chmod(0o444)
    before = book.stat().st_mtime_ns, book.read_bytes()
    with pytest.raises(AccessRefused, match="read-only"):
        sync(book, adds=[add("7")])
    assert (book.stat().st_mtime_ns, book.read_bytes()) == before


def test_a_folder_is_no_workbook(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="not a file"):
        read(tmp_path)


def test_a_folder_that_is_missing_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="there is no folder"):
        sync(tmp_path / "nowhere" / "signals.xlsx", adds=[add("1")])


def test_a_macro_workbook_cannot_be_made_from_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match=r"only be an \.xlsx"):
        sync(tmp_path / "signals.xlsm", adds=[add("1")])
