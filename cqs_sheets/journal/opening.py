"""One writer of the journal at a time, and who it is."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import ModuleType

from filelock import FileLock, Timeout

from cqs_sheets.errors import CqsError, TargetBusy, UsageError
from cqs_sheets.files import let_go
from cqs_sheets.journal.copying import copy_rows
from cqs_sheets.journal.database import (
    Database,
    address_of,
    file_error,
    migrate,
    not_a_journal,
    unsafe_drive,
    version_of,
)
from cqs_sheets.journal.model import JournalPlace, SharedJournal
from cqs_sheets.journal.schema import MIGRATIONS


@contextmanager
def writer_lock(path: Path, *, wait: float, now: datetime) -> Iterator[None]:
    """Be the only writer of the journal `path`; the system frees it if the process is killed.

    Waits up to `wait` seconds, then raises TargetBusy with who holds it. Raises AccessRefused if
    the folder is not writable.
    """
    lock = FileLock(_beside(path, "lock"), mode=0o600)
    owner = _beside(path, "owner")  # beside the lock, for the lock itself is truncated by who waits for it
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise TargetBusy(
            f"The journal {path} is in use{_holder(owner)}.",
            meaning="Nothing was written.",
            hint="Wait until it has finished, or stop it, then run again.",
        ) from None
    except NotImplementedError:
        raise unsafe_drive(str(path), "locks files") from None
    except OSError as error:
        raise file_error(error, str(path)) from error
    try:
        _sign(owner, now)
        yield
    finally:
        with suppress(OSError):
            owner.unlink()
        let_go(lock)


_LONGEST_SIGNATURE = 1000


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _sign(owner: Path, now: datetime) -> None:
    """Say who holds the lock; only a message rests on it, so a disk that refuses is no failure yet."""
    signed = {"process": os.getpid(), "since": f"{now:%Y-%m-%d %H:%M:%S} UTC"}
    with (
        suppress(OSError),
        os.fdopen(os.open(owner, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | _NO_LINK, 0o600), "w") as file,
    ):
        json.dump(signed, file)


def _holder(owner: Path) -> str:
    """`" by process N since ..."`, or nothing while the holder has not signed yet."""
    try:
        with os.fdopen(os.open(owner, os.O_RDONLY | _NO_LINK), "rb") as file:
            signed = json.loads(file.read(_LONGEST_SIGNATURE))
        return f" by process {signed['process']} since {signed['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


_SENDER = -1  # no target: whoever sends the alerts of a shared journal
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""For files of ours beside the journal: somebody may have put a link there, or a pipe that never answers."""

_MAGIC = b"SQLite format 3\0"


@contextmanager
def for_writing(path: JournalPlace, *, now: datetime, wait: float, rehearsal: bool) -> Iterator[Database]:
    """The newest schema, of a file alone with the lock held; all is undone at the end of a rehearsal."""
    if isinstance(path, SharedJournal):
        with _shared(path, copied=rehearsal) as database:
            yield database
        return
    if rehearsal and _absent(path):
        with _memory(path) as database:
            yield database
        return
    _make(path)
    with writer_lock(path, wait=wait, now=now), _connected(path, "rw") as database:
        if version_of(database) == 0:  # which also refuses before the first change
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA foreign_keys = ON")
        [[mode]] = database.execute("PRAGMA journal_mode = WAL")
        if mode != "wal":
            raise unsafe_drive(str(path), "shares memory")
        database.execute("PRAGMA synchronous = FULL")
        if rehearsal:
            with database.rehearsal():
                migrate(database)
                yield database
        else:
            migrate(database)
            yield database


@contextmanager
def for_reading(path: JournalPlace, check: Callable[[Database], None] = lambda _: None) -> Iterator[Database]:
    """The newest schema; in memory if there is no file, or an older version's; `check` sees it first."""
    if isinstance(path, SharedJournal):
        with _shared(path, reading=True) as database:
            check(database)
            yield database
        return
    if _absent(path):
        with _memory(path) as database:
            yield database
        return
    _roll_back(path)
    with _connected(path, "ro") as database:
        check(database)
        if version_of(database) == len(MIGRATIONS):
            yield database
            return
        with _memory(path, copy_of=database) as migrated:
            yield migrated


def _roll_back(path: Path) -> None:
    """Undo what a run that died while it made the file had begun: a reader alone may not."""
    with suppress(CqsError, OSError):
        if path.with_name(f"{path.name}-journal").exists():
            with _connected(path, "rw") as database:
                version_of(database)


@contextmanager
def for_sending(path: JournalPlace) -> Iterator[Database]:
    """The outbox, for short steps beside whoever writes the rest; only one process sends at a time."""
    if isinstance(path, SharedJournal):
        with _shared(path) as database:
            if not database.hold(_SENDER):
                raise _sent_elsewhere(path)
            yield database
        return
    with sender_lock(path, wait=0), _connected(path, "rw") as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA synchronous = FULL")
        yield database


@contextmanager
def sender_lock(path: Path, *, wait: float) -> Iterator[None]:
    """Be the only one that sends the alerts of a file. Raises TargetBusy if another does for longer than `wait`."""
    lock = FileLock(_beside(path, "sender"), mode=0o600)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise _sent_elsewhere(path) from None
    except OSError as error:
        raise file_error(error, str(path)) from error
    try:
        yield
    finally:
        let_go(lock)


def _sent_elsewhere(path: JournalPlace) -> TargetBusy:
    return TargetBusy(
        f"Another process sends the alerts of the journal {path}.",
        meaning="Nothing was sent by this one.",
        hint="Nothing to do: they are sent by that one.",
    )


def is_journal(path: Path) -> bool:
    """Whether a file begins as a journal does; False for one that cannot be read."""
    try:
        if not path.is_file():  # a pipe may never begin
            return False
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def tenants_of(place: SharedJournal) -> list[str]:
    """The names of all tenants of that journal that this user may be. Raises CqsError."""
    names: list[str] = _postgres().server.tenants(place)
    return names


def _postgres() -> ModuleType:
    try:
        from cqs_sheets.journal import postgres  # noqa: PLC0415 - the driver, for a shared journal only
    except ImportError:
        raise UsageError(
            "A journal in PostgreSQL needs a driver that is not installed.",
            meaning="Nothing was asked and nothing was written.",
            hint="Install it with: pip install 'cqs-sheets[postgres]'",
        ) from None
    return postgres


@contextmanager
def _shared(place: SharedJournal, *, reading: bool = False, copied: bool = False) -> Iterator[Database]:
    """A session with PostgreSQL; of nothing to read, and for a rehearsal, a copy in memory."""
    database = _postgres().Postgres(place, reading=reading or copied)
    try:
        if not copied and not database.empty:
            yield database
            return
        with _memory(place) as memory:
            memory.shared = True
            if not database.empty:
                copy_rows(database, memory, leave_out=("answers",))
            yield memory
    finally:
        database.close()


@contextmanager
def _memory(path: JournalPlace, copy_of: Database | None = None) -> Iterator[Database]:
    database = Database(":memory:", name=str(path))
    try:
        if copy_of is not None:
            copy_of.copy_to(database)
        migrate(database)
        yield database
    finally:
        database.close()


@contextmanager
def _connected(path: Path, mode: str) -> Iterator[Database]:
    _check_kind(path)
    database = Database(address_of(path, mode), name=str(path))
    try:
        yield database
    finally:
        database.close()


def _absent(path: Path) -> bool:
    """Whether there is nothing yet: no file, or the empty one of a run killed while making it.

    Raises UsageError where there can never be one.
    """
    try:
        there = next((each for each in path.parents if each.exists()), None)
        if there is not None and not there.is_dir():
            raise UsageError(
                f"{there} is no folder, so no journal can be in it.",
                meaning="Nothing was read or written.",
                hint="Point CQS_HOME at a folder.",
            )
        return not path.exists() or (path.is_file() and path.stat().st_size == 0)
    except OSError as error:
        raise file_error(error, str(path)) from error


def _make(path: Path) -> None:
    """Make folder and file, for the user's eyes only, where they are absent."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():  # see _check_kind
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NONBLOCK", 0), 0o600))
    except OSError as error:
        raise _unusable(path, error) from error


def _check_kind(path: Path) -> None:
    """SQLite reads it: to close a file drops all locks that this process has on it, those of SQLite's included."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)  # a pipe may never begin
    except OSError as error:
        raise _unusable(path, error) from error
    if not regular:
        raise not_a_journal(str(path))


def _unusable(path: Path, error: OSError) -> CqsError:
    """Windows does not tell a folder from a file that is not ours to open."""
    folder = isinstance(error, IsADirectoryError) or (os.name == "nt" and path.is_dir())
    return not_a_journal(str(path)) if folder else file_error(error, str(path))
