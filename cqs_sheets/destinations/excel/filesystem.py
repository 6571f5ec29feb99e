"""The workbook's file: who else has it open, and replacing it in one step."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from cqs_sheets.destinations.excel import synced
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.errors import ROWS_WAIT, AccessRefused, CqsError, DataRefused, TargetBusy, TargetChanged
from cqs_sheets.files import HELD, let_go, opened

_WAIT_STEP = 0.25
_TICK = 0.01  # two saves within one may leave the same time
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NOT_THERE = (errno.EISDIR, errno.ENOTDIR, errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP)
_NO_NAME = 123  # Windows: no file can be called so

_EXPORTS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
}
_LONGEST_OWNER = 4096  # bytes
_OTHER_SHEETS = (".xls", ".xlsb", ".ods", ".fods", ".numbers")


def check_place(path: Path) -> None:
    """Raise DataRefused, without opening anything, where no workbook can ever be written."""
    suffix, missing = path.suffix.lower(), not path.exists()
    if suffix in _EXPORTS:
        what = f"{path} is no workbook: a target is an .xlsx file, or a Google Sheet."
        hint = f"For such a file: cqs-sheets journal export --format {_EXPORTS[suffix]} -o {path.name}"
    elif suffix in _OTHER_SHEETS:
        what = f"{path} is a workbook of another kind ({suffix}): only .xlsx and .xlsm are written."
        hint = "Save it as .xlsx in the program it is from, or name another target."
    elif missing and not path.parent.is_dir():
        what = f"{path} cannot be made: there is no folder {path.parent}."
        hint = "Make the folder, or name a target in one that exists."
    elif missing and suffix != ".xlsx":
        what = f"{path.name} does not exist, and a new workbook can only be an .xlsx."
        hint = "Name the target something.xlsx, or save a macro workbook (.xlsm) there first."
    else:
        return
    raise DataRefused(what, meaning="Nothing was written.", hint=hint, kind="target")


class WorkbookFile:
    """The file behind a path, links followed.

    Every method raises errors.AccessRefused (permission), errors.DataRefused (not a file) or
    errors.TargetBusy (locked, disk full; nothing was written).
    """

    def __init__(
        self,
        path: Path,
        *,
        backups: int,
        force: bool,
        lock_wait: float,
        sleep: Callable[[float], None],
        disk: Disk,
    ) -> None:
        self.path = path.resolve()
        self._backups = backups
        self._force = force
        self._lock_wait = lock_wait
        self._sleep = sleep
        self._disk = disk
        self._temp = self.path.with_name(f".{self.path.name}.cqs-{disk.host()}.tmp")
        self.told: list[str] = []
        self._aside = self._temp.with_suffix(".old")  # it changes places with the file

    def version(self) -> str | None:
        """A word that changes with every save, None if there is no file."""
        found = self._looked_at()
        return _version(found) if found else None

    def settled_version(self) -> str | None:
        """The same, waited for until no save to come can leave the same word: for a look at the content."""
        found = self._looked_at()
        if found and 0 <= (age := self._disk.now() - found.st_mtime) < _TICK:
            self._sleep(_TICK - age)
            return self.version()
        return _version(found) if found else None

    def rests_at(self, version: str | None) -> bool:
        """Whether the file is that version and, if it was saved just now, still is so in a moment."""
        found = self._looked_at()
        if found and 0 <= self._disk.now() - found.st_mtime < 1:
            self._sleep(2 * _TICK)
        return self.version() == version

    def _looked_at(self) -> os.stat_result | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            if synced.placeholder(self.path).exists():
                raise self._busy(
                    "iCloud Drive has taken it off this Mac",
                    "Open its folder in the Finder and have it downloaded (Keep Downloaded makes that last).",
                ) from None
            return None
        except OSError as error:
            raise self.explained(error) from error
        if not stat.S_ISREG(found.st_mode):
            raise DataRefused(
                f"{self.path} is not a file.",
                meaning="Nothing was written.",
                hint="Name a workbook (.xlsx) as the target.",
            )
        return found

    def half_synced(self) -> TargetBusy | None:
        """Why a workbook that cannot be read may be whole in a while, or None: a service may be bringing it."""
        service, found = synced.service_of(self.path), self._looked_at()
        if service is None or found is None or self._disk.now() - found.st_mtime > synced.HALF_SYNCED:
            return None
        return self._busy(
            f"it is not whole, and {service} may still be bringing it", "Nothing to do: it is tried again."
        )

    def conflicts(self) -> list[str]:
        """What to tell of copies beside it that a service made where two computers saved at once."""
        service = (
            synced.service_of(self.path) or "a service that keeps this folder the same on several computers"
        )
        with suppress(OSError):
            names = [entry.name for entry in self.path.parent.iterdir()]
            return [
                f"{name} is a copy that {service} made, as two computers saved at once: the sync's rows are all in"
                f" {self.path.name}; see whether you typed something there, then delete it."
                for name in synced.conflict_copies(self.path, names)
            ]
        return []

    def sweep(self) -> None:
        """Remove what a killed run left behind, unless a live one is at work; what it had replaced is a backup."""
        if self.is_littered:
            with suppress(CqsError, OSError), self._own_lock(wait=0):
                self._tidy()

    @property
    def is_littered(self) -> bool:
        """Whether a killed run, or one at work, has files beside it."""
        return self._temp.exists() or self._aside.exists()

    def _tidy(self) -> None:
        self._temp.unlink(missing_ok=True)
        if self._aside.exists():
            self._keep_aside()

    @property
    def leftover(self) -> Path:
        """Where a killed run left what it was writing, if it is there."""
        return self._temp

    def open_elsewhere(self) -> TargetBusy | None:
        """The failure that an editor's lock would be to a write now, or None."""
        try:
            self._check_editors()
        except TargetBusy as busy:
            return busy
        return None

    def stale_lock(self) -> Path | None:
        """LibreOffice's lock of this machine while none runs here: left behind by a crash."""
        office = self.path.with_name(f".~lock.{self.path.name}#")
        here = office.exists() and _office_owner(office)[1] == self._disk.host()
        return office if here and not self._disk.office_runs() else None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else of ours writes, and no editor has the file open; TargetBusy after a while."""
        with self._own_lock(wait=self._lock_wait):
            if not self._force:
                self._wait(self._check_editors, self._lock_wait)
            try:
                self._check_writable()
                self._tidy()
                yield
            except OSError as error:
                raise self.explained(error) from error

    @contextmanager
    def _own_lock(self, *, wait: float) -> Iterator[None]:
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:20]
        user = os.getuid() if hasattr(os, "getuid") else "user"

        def acquire() -> None:
            try:
                lock.acquire()
            except Timeout:
                raise self._busy("another run of cqs-sheets is writing it", "Wait for it to end.") from None

        try:
            lock = FileLock(Path(tempfile.gettempdir()) / f"cqs-sheets-{user}-{digest}.lock", timeout=0)
            self._wait(acquire, wait)
        except OSError as error:
            raise _without_lock(error) from error
        try:
            yield
        finally:
            let_go(lock)

    def _wait(self, attempt: Callable[[], None], seconds: float) -> None:
        while True:
            try:
                return attempt()
            except TargetBusy:
                if seconds <= 0:
                    raise
                self._sleep(min(_WAIT_STEP, seconds))
                seconds -= _WAIT_STEP

    def _check_editors(self) -> None:
        excel = self.path.with_name(f"~${self.path.name}")
        if excel.exists():
            raise self._busy(
                f"{_excel_user(excel)} has it open in Excel",
                f"Close it there. If nobody has, delete {excel.name} or run with --force.",
            )
        office = self.path.with_name(f".~lock.{self.path.name}#")
        if office.exists():
            user, host = _office_owner(office)
            if host == self._disk.host() and not self._disk.office_runs():
                return  # left behind by a crash
            raise self._busy(
                f"{user or 'somebody'} has it open in LibreOffice on {host or 'another machine'}",
                f"Close it there. If nobody has, delete {office.name} or run with --force.",
            )

    def _check_writable(self) -> None:
        """A rename would replace a read-only file; whoever made it so does not want that."""
        if self.path.exists() and not self.path.stat().st_mode & 0o222:
            raise AccessRefused(
                f"{self.path} is read-only.",
                meaning=ROWS_WAIT,
                hint="Allow writing to it, or name another target.",
            )

    def _busy(self, who: str, hint: str) -> TargetBusy:
        return TargetBusy(f"{self.path.name} is busy: {who}.", meaning=ROWS_WAIT, hint=hint)

    def check(self, expected: str | None) -> None:
        """Raise errors.TargetChanged if the file is no longer the version `expected` (None: no file)."""
        if self.version() != expected:
            raise self.changed()

    def changed(self) -> TargetChanged:
        """The failure that a person's save in the middle of a sync is."""
        return TargetChanged(
            f"{self.path.name} was saved by somebody else in the meantime.",
            meaning=ROWS_WAIT,
            hint="Run again.",
        )

    def stage(self, write: Callable[[BinaryIO], None]) -> None:
        """Write the new content beside the file, safely on disk."""
        try:
            mode = 0o600 if self.path.exists() else 0o666  # the file's own mode comes with its place
            with open(self._temp, "wb+", 1 << 18, opener=partial(os.open, mode=mode)) as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
        except BaseException as error:
            self._drop_staged()
            if isinstance(error, OSError):
                raise self.explained(error) from error
            raise

    def commit(self, expected: str | None) -> str:
        """Put the staged content in the file's place, keep the old one as backup; returns the version of ours.

        Raises errors.TargetChanged, with everything as it was, if the file is no longer `expected`. What is
        put there in the next moment has another version.
        """
        try:
            self.check(expected)
            staged = _version(self._temp.stat())
            self._swap(expected, staged)
        except OSError as error:
            raise self.explained(error) from error
        finally:
            self._drop_staged()
        return staged

    def _drop_staged(self) -> None:
        with suppress(OSError):
            self._temp.unlink(missing_ok=True)

    def _swap(self, expected: str | None, staged: str) -> None:
        try:
            if expected is None:
                self._disk.place(self._temp, self.path)
            else:
                self._like(self.path.stat())
                if self._exchanged(expected, staged):
                    return
                self._keep_backup()
                self.check(expected)
                self._disk.rename(self._temp, self.path)
        except (FileExistsError, FileNotFoundError) as error:
            if self.version() == expected:
                raise
            raise self.changed() from error
        except PermissionError as error:
            if expected is None or not self._disk.holds_open_files():
                raise
            raise self._held() from error
        self._disk.sync_folder(self.path.parent)

    def _like(self, found: os.stat_result) -> None:
        """Give the staged content the mode and owner of the file."""
        self._temp.chmod(stat.S_IMODE(found.st_mode))
        if hasattr(os, "chown"):
            with suppress(PermissionError):
                os.chown(self._temp, found.st_uid, found.st_gid)

    def _exchanged(self, expected: str, staged: str) -> bool:
        """Replace the file so that what was replaced can be looked at; False where the system cannot.

        It waits under a name of its own: a run that is killed leaves it to the next one, as a backup.
        """
        if self._disk.holds_open_files():
            return False
        try:
            os.link(self._temp, self._aside)
            done = self._disk.exchange(self._aside, self.path)
        except FileNotFoundError:
            self._aside.unlink(missing_ok=True)
            raise
        except OSError:  # a file system without hard links
            done = False
        if not done:
            self._aside.unlink(missing_ok=True)
            return False
        self._check_replaced(expected, staged)
        self._disk.sync_folder(self.path.parent)
        self._check_replaced(expected, staged)  # a save in place may have been under way
        with suppress(OSError):  # the next run keeps it
            if self._backups:
                self._keep_aside()
            else:
                self._disk.remove(self._aside)
        return True

    def _check_replaced(self, expected: str, staged: str) -> None:
        if _version(self._aside.stat()) != expected:
            self._put_back(staged)
            raise self.changed()

    def _put_back(self, staged: str) -> None:
        """A person's save was replaced: it gets its place again, and nothing but our own version is dropped."""
        with suppress(FileNotFoundError):  # the file was deleted meanwhile: the save stays as a backup
            self._disk.exchange(self._aside, self.path)
            self._disk.sync_folder(self.path.parent)  # time for a save into our version to begin
            if _version(self._aside.stat()) == staged:
                self._disk.remove(self._aside)
                return
            self._disk.exchange(
                self._aside, self.path
            )  # it was saved once more: the newer one stays in place
        self._keep_aside()
        kept = self._backup(1).name
        self.told.append(f"a version of {self.path.name} that was saved during the sync is kept as {kept}")

    def _keep_aside(self) -> None:
        kept = self._backup(1)
        if not (kept.exists() and kept.samefile(self._aside)):  # else made by a run whose rename failed
            self._rotate()
            self._disk.remove(kept)
            os.link(self._aside, kept)
        self._disk.remove(self._aside)

    def _held(self) -> TargetBusy:
        return self._busy("it, or its backup, is open in Excel or held by another program", "Close it there.")

    def _keep_backup(self) -> None:
        if not self._backups:
            return
        kept = [self._backup(number) for number in range(1, self._backups + 1)]
        if kept[0].exists() and kept[0].samefile(self.path):
            return  # made by a run whose rename failed; once more would push an older version out
        self._rotate()
        self._disk.remove(kept[0])
        try:
            os.link(self.path, kept[0])
        except OSError:  # a file system without hard links
            shutil.copy2(self.path, kept[0])

    def _rotate(self) -> None:
        """Make room for one more backup; the oldest one goes when it comes."""
        for number in range(self._backups, 1, -1):
            if self._backup(number - 1).exists():
                self._backup(number - 1).replace(self._backup(number))

    def _backup(self, number: int) -> Path:
        mark = "bak" if number == 1 else f"bak{number}"
        return self.path.with_name(f"{self.path.stem}.{mark}{self.path.suffix}")

    def explained(self, error: OSError) -> CqsError:
        """A failure of the operating system as one of ours."""
        code = getattr(error, "winerror", None)
        if code in HELD or (error.errno == errno.EACCES and code is None and self._disk.is_held(self.path)):
            return self._held()
        if error.errno in _FULL:
            return TargetBusy(
                f"The disk of {self.path} is full.",
                meaning=ROWS_WAIT,
                hint="Free some space, then run again.",
            )
        if error.errno in _NOT_THERE or code == _NO_NAME:
            return DataRefused(
                f"{self.path} cannot be used: {error.strerror}.",
                meaning="Nothing was written.",
                hint="Make the folder, or name a workbook (.xlsx) in a folder that exists.",
            )
        if error.errno in _REFUSED:
            return AccessRefused(
                f"{self.path} cannot be read or written: {error.strerror}.",
                meaning=ROWS_WAIT,
                hint="Check the permissions of the file and of its folder.",
            )
        return TargetBusy(
            f"{self.path} is out of reach: {error.strerror or error}.", meaning=ROWS_WAIT, hint="Run again."
        )


def is_undisturbed(path: Path, version: str) -> bool:
    """Whether a workbook is that version, and no killed run left anything beside it; nothing is read."""
    file = WorkbookFile(path, backups=0, force=False, lock_wait=0, sleep=time.sleep, disk=Disk())
    try:
        return file.version() == version and not file.is_littered
    except CqsError:
        return False


def _version(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"


def _without_lock(error: OSError) -> CqsError:
    kind: type[CqsError] = AccessRefused if error.errno in _REFUSED else TargetBusy
    return kind(
        f"No lock can be made in the folder for temporary files: {error.strerror}.",
        meaning=ROWS_WAIT,
        hint="Make that folder writable and free some space there, or set TMPDIR to another, then run again.",
    )


def _excel_user(owner_file: Path) -> str:
    """Who Excel's owner file names: one byte of length, then the name."""
    try:
        with opened(owner_file) as file:
            content = file.read(_LONGEST_OWNER)
    except OSError:
        return "somebody"
    return content[1 : 1 + content[0]].decode("cp1252", "replace").strip() if content else "somebody"


def _office_owner(lock_file: Path) -> tuple[str, str]:
    """User and host of LibreOffice's lock file: `name,login,host,time,profile;`."""
    try:
        with opened(lock_file) as file:
            fields = file.read(_LONGEST_OWNER).decode("utf-8", "replace").split(",")
    except OSError:
        return "", ""
    name, login, host = (*fields, "", "", "")[:3]
    return name.strip() or login.strip(), host.strip()
