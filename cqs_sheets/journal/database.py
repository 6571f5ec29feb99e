"""The connection to a journal's file: its schema brought up to date, transactions, and failures in words."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cqs_sheets.errors import AccessRefused, CqsError, DataRefused, TargetBusy, UsageError
from cqs_sheets.files import is_held
from cqs_sheets.journal.schema import APPLICATION_ID, MIGRATIONS, Migration
from cqs_sheets.unexpected import out_of_reach

NEWER = "newer"
"""The kind of the refusal of what a newer cqs-sheets wrote."""


def version_of(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """The schema version of an opened file, 0 for an empty one.

    Raises DataRefused if it is another program's database, or a newer version's.
    """
    [[application]] = database.execute("PRAGMA application_id")
    [[version]] = database.execute("PRAGMA user_version")
    if application == 0 and not database.execute("SELECT 1 FROM sqlite_schema LIMIT 1"):
        return 0
    if application != APPLICATION_ID:
        raise DataRefused(
            f"{database.name} is a database of another program, not a journal of cqs-sheets.",
            meaning="Nothing was read or written.",
            hint="Point CQS_HOME at another folder, or move that file away.",
        )
    if version < 1:
        raise DataRefused(
            f"The journal {database.name} is damaged: no cqs-sheets gave it the version {version}.",
            meaning="It was left as it is; spreadsheets are not affected.",
            hint="Put a backup of it there, or move it away: the next sync starts a new one.",
        )
    if version > len(migrations):
        raise newer(database.name, version, len(migrations))
    return int(version)


def newer(name: str, version: int, known: int) -> DataRefused:
    """The refusal of a journal of a version that this program does not know."""
    return DataRefused(
        f"{name} was written by a newer cqs-sheets (journal version {version}, this one knows {known}).",
        meaning="Nothing was read or written.",
        hint="Upgrade with: pip install --upgrade cqs-sheets",
        kind=NEWER,
    )


def migrate(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the file to the newest version in one transaction, all or nothing."""
    version = version_of(database, migrations)
    if version == len(migrations):
        return
    with database.transaction():
        for migration in migrations[version:]:
            for statement in migration:
                database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {len(migrations)}")


Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]

_OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_CHUNK = 1000


class Database:
    """One connection; all methods raise DataRefused, AccessRefused or TargetBusy as the file gives cause.

    `shared`: whether others may write at the same time.
    """

    shared = False

    def __init__(self, address: str, *, name: str) -> None:
        """Open `address` (a `file:` URI or ":memory:"); `name` is what messages call it."""
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise UsageError(
                f"This Python brings SQLite {sqlite3.sqlite_version}, the journal needs 3.37 or newer.",
                meaning="Nothing was asked and nothing was written.",
                hint="Use a Python with a newer SQLite: from python.org, or `uv python install`.",
            )
        self.name = name
        self._reader = address.endswith("mode=ro")
        with self._explained():
            self._connection = sqlite3.connect(
                address, uri=True, isolation_level=None, check_same_thread=False
            )  # one thread at a time: targets are written side by side, see deliver.py

    def close(self) -> None:
        """Close the file; what is not committed is rolled back."""
        self._connection.close()

    def execute(self, sql: str, values: Values = ()) -> list[Row]:
        """Run one statement; all its rows."""
        with self._explained():
            return self._connection.execute(sql, values).fetchall()

    def change(self, sql: str, values: Values = ()) -> int:
        """Run one INSERT, UPDATE or DELETE; the number of rows it touched."""
        with self._explained():
            return self._connection.execute(sql, values).rowcount

    def note(self, sql: str, values: Values) -> None:
        """Run one INSERT, UPDATE or DELETE of which nobody waits for what it did: before whatever is run next."""
        self.change(sql, values)

    def note_many(self, sql: str, rows: Sequence[Values]) -> None:
        """The same once per row of values."""
        self.change_many(sql, rows)

    def insert(self, sql: str, values: Values) -> int:
        """Run one INSERT; the row id it made."""
        with self._explained():
            return self._connection.execute(sql, values).lastrowid or 0

    def change_many(self, sql: str, rows: Iterable[Values]) -> None:
        """Run one statement once per row of values."""
        with self._explained():
            self._connection.executemany(sql, rows)

    def damage(self) -> tuple[list[str], bool]:
        """What the engine itself finds wrong, and whether that leaves nothing to be read."""
        found = [line for (line,) in self.execute("PRAGMA integrity_check") if line != "ok"]
        if found:
            return found, True
        broken = self.execute("PRAGMA foreign_key_check")
        return [
            f"{table}: row {row} points at a row of {parent} that is not there"
            for table, row, parent, _ in broken
        ], False

    def shrink(self) -> None:
        """Give the room of what was deleted back to the disk."""
        with self._explained():
            self._connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")

    def iterate(self, sql: str, values: Values = ()) -> Iterator[Row]:
        """Run one query; its rows, a thousand in memory at a time."""
        with self._explained():
            cursor = self._connection.execute(sql, values)
            while rows := cursor.fetchmany(_CHUNK):
                yield from rows

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; durable on leaving, unless it is inside another transaction."""
        nested = self._connection.in_transaction
        self.execute("SAVEPOINT step" if nested else "BEGIN IMMEDIATE")
        try:
            yield
            self.execute("RELEASE step" if nested else "COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself may have rolled back
                self.execute("ROLLBACK TO step" if nested else "ROLLBACK")
                if nested:
                    self.execute("RELEASE step")
            raise

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """A transaction that is rolled back in any case."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self.execute("ROLLBACK")

    def cautions(self) -> list[tuple[str, str]]:
        """What is unsafe about how it is reached, each with what mends it."""
        return []

    def hold(self, what: int) -> bool:
        """Become the only one who works on the target of that id: so is whoever has the file."""
        del what
        return True

    def release(self, what: int) -> None:
        """Let others work on the target again: they do when the file is closed."""

    def copy_to(self, other: Database) -> None:
        """Copy the whole content into `other`."""
        with self._explained():
            self._connection.backup(other._connection)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            explained = _explain(error, self.name, reader=self._reader)
            if explained is None:
                raise
            raise explained from error
        except OverflowError as error:
            raise _damaged(self.name, "a number in it is past all bounds") from error


def address_of(path: Path, mode: str) -> str:
    """The URI that opens `path` in SQLite's mode "ro" or "rw" (neither makes a file)."""
    address = path.absolute().as_uri()
    if not address.startswith("file:///"):  # a share of Windows: SQLite takes its server as part of the path
        address = address.replace("file://", "file:////", 1)
    return f"{address}?mode={mode}"


def file_error(error: OSError, name: str) -> CqsError:
    """What a failure of the file system around the journal means to the person."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full(name)
    if error.errno == errno.EIO:
        return _disk_failed(name, error)
    if error.errno in _NO_LOCKS:
        return unsafe_drive(name, "locks files")
    if os.name == "nt" and error.errno == errno.EACCES and is_held(Path(name)):
        return _held(name)
    return out_of_reach(error, f"The journal {name}") or _not_writable(name, error)


_NOT_AS_MADE = (
    "no such table", "no such column", "no such index", "malformed database schema", "Could not decode",
    "cannot store REAL value",
)  # fmt: skip
"""How SQLite begins what it says of tables, texts or (the last) counters that are not as we made them."""


def _explain(error: sqlite3.Error, name: str, *, reader: bool = False) -> CqsError | None:
    """What SQLite's error means to the person; None if it is a bug of ours."""
    word = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_")
    no_locks = word == "PROTOCOL" or (word.startswith("IOERR_") and word.endswith(_DRIVE_WORDS))
    code = "CORRUPT" if str(error).startswith(_NOT_AS_MADE) else word.split("_")[0]
    if (no_locks or word == "CORRUPT") and _disk_is_why(Path(name), thorough=not no_locks):
        code = "IOERR"
    elif no_locks and "SHM" not in word and _locks_files(Path(name).parent):
        code = "IOERR"  # a lock that could not be let go, for once
    elif no_locks:
        return unsafe_drive(name, "shares memory" if "SHM" in word else "locks files")
    if (code == "CANTOPEN" or (code == "READONLY" and not reader)) and _may_write(Path(name)):
        code = "IOERR"  # SQLite opens a file only to read it, or not at all, whatever was wrong
    match code:
        case "NOTADB" | "CORRUPT" | "MISMATCH" | "TOOBIG":
            return not_a_journal(name) if code == "NOTADB" else _damaged(name, _printable(error))
        case "READONLY" | "CANTOPEN" | "PERM" | "AUTH":
            return _not_writable(name, error)
        case "IOERR":
            return _disk_failed(name, "it could not be read" if word == "CORRUPT" else error)
        case "FULL" | "BUSY" | "LOCKED":
            return _disk_full(name) if code == "FULL" else _held(name)
    return None


def _disk_is_why(path: Path, *, thorough: bool) -> bool:
    """Whether a connection of its own finds nothing wrong there, or cannot read it at all.

    SQLite says "malformed" where a disk or a mount failed to read (EIO), and "lock" where a mount dropped out.
    """
    look = "PRAGMA integrity_check(1)" if thorough else "SELECT 'ok', count(*) FROM sqlite_schema"
    try:
        path.stat()
        with closing(sqlite3.connect(address_of(path, "ro"), uri=True, timeout=0)) as database:
            return bool(database.execute(look).fetchone()[0] == "ok")
    except sqlite3.Error as error:
        word = getattr(error, "sqlite_errorname", "")  # busy: who holds it could lock it
        return word.startswith("SQLITE_BUSY") or (thorough and word.startswith("SQLITE_IOERR"))
    except OSError as error:
        return out_of_reach(error, str(path)) is not None


def _locks_files(folder: Path) -> bool:
    """Whether a file of ours can be locked there; Windows is not asked."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows

        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_DRIVE_WORDS = ("_LOCK", "_RDLOCK", "_UNLOCK", "RESERVEDLOCK", "_SHMMAP", "_SHMLOCK")


def unsafe_drive(name: str, what: str) -> UsageError:
    """A drive that lacks what keeps several programs apart: a network drive, or a folder that is synced."""
    folder = Path(name).absolute().parent
    drive = folder.drive or next(str(each) for each in (folder, *folder.parents) if each.is_mount())
    return UsageError(
        f"The journal {name} cannot be kept on the drive {drive}: no program {what} there, as a journal needs it"
        " (a network drive, or a folder that is synced?).",
        meaning="Nothing was changed.",
        hint="Set CQS_HOME to a folder on a disk of this computer; `cqs-sheets journal import` takes over what an old"
        " journal holds.",
        kind="journal",
    )


def _damaged(name: str, how: str) -> DataRefused:
    return DataRefused(
        f"The journal {name} is damaged or not a database: {how}.",
        meaning="It was left as it is; spreadsheets are not affected.",
        hint="Put a backup of it there, or move it away: the next sync starts a new one and "
        "takes up what the spreadsheets hold.",
    )


def not_a_journal(name: str) -> DataRefused:
    """The refusal of what another program made, or of what is no file."""
    return DataRefused(
        f"{name} is not a journal of cqs-sheets, or is damaged from its first bytes on.",
        meaning="It was left as it is; nothing was read or written.",
        hint="Put a backup of it there, move it away, or point CQS_HOME at another folder.",
    )


def _printable(error: Exception) -> str:
    """SQLite quotes texts that it cannot decode, bytes that no text has included."""
    return str(error).split(" with text ")[0]


def _may_write(path: Path) -> bool:
    """Whether permissions are not what is wrong."""
    try:
        existing = [place for place in (path, path.parent) if place.exists()]
    except OSError as error:
        return out_of_reach(error, str(path)) is not None
    return bool(existing) and all(os.access(place, os.W_OK) for place in existing)


def _not_writable(name: str, error: Exception) -> CqsError:
    return AccessRefused(
        f"The journal {name}, or its folder, is not writable: {_reason(error)}.",
        meaning="Nothing was changed.",
        hint="Make both writable for you (reading needs it too), or set CQS_HOME to a folder that is.",
    )


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _held(name: str) -> CqsError:
    return TargetBusy(
        f"The journal {name} is held by another program.",
        meaning="Nothing was changed.",
        hint="Close the program that has it open, then run again.",
    )


def _disk_full(name: str) -> CqsError:
    return TargetBusy(
        f"The disk is full: the journal {name} cannot grow.",
        meaning="What it holds is intact; this step was not recorded.",
        hint="Free some space (`cqs-sheets journal prune` helps), then run again.",
    )


def _disk_failed(name: str, error: Exception | str) -> CqsError:
    return TargetBusy(
        f"The disk failed while the journal {name} was in use: {error}.",
        meaning="What was recorded before is intact; this step was not recorded.",
        hint="Check the disk and its free space, then run again.",
    )
