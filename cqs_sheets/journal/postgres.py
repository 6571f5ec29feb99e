"""A journal in PostgreSQL, for several machines: the same tables and statements as in SQLite.

What is the server's own, whoever asks it, is in server.py; this module is imported only where a URL names a journal.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

import psycopg
from psycopg.pq import TransactionStatus

from cqs_sheets.core.secret import is_loopback
from cqs_sheets.errors import AccessRefused, UsageError
from cqs_sheets.journal import dialect, server
from cqs_sheets.journal.database import Database, Row, Values, newer
from cqs_sheets.journal.model import SharedJournal
from cqs_sheets.journal.schema import APPLICATION_ID, MIGRATIONS

_OLDEST = 150000
_CHUNK = 1000
_BATCH = 200  # statements sent at once
_TARGETS = APPLICATION_ID + 1  # a second space of locks beside that of tenants


class Postgres(Database):
    """A session of one tenant; one that was cut off is opened anew by the next statement outside a transaction.

    Raises UsageError, AccessRefused, DataRefused or TargetBusy, none of which shows the password.
    """

    shared = True

    def __init__(self, place: SharedJournal, *, reading: bool = False) -> None:
        self.name = str(place)
        self._parameters, self._password = server.asked_for(place)
        self._tenant_name = place.tenant
        self._kept = place.kept
        self._reading = reading
        self._names = 0
        self._noted: list[str] = []
        self.tenant = 0
        with self._explained():
            self._session = self._connect()

    @property
    def empty(self) -> bool:
        """Whether there are no tables, or none of this tenant's rows: for a reader there is nothing to read."""
        return not self.tenant

    def close(self) -> None:
        """End the session, or keep it for the next one; what is not committed is rolled back."""
        idle = self._session.info.transaction_status is TransactionStatus.IDLE
        if self._kept is not None and idle and not self._reading:
            with suppress(psycopg.Error):
                self._session.execute("CLOSE ALL; SELECT pg_advisory_unlock_all()")
                self._kept.append(self._session)
                return
        self._session.close()

    def execute(self, sql: str, values: Values = ()) -> list[Row]:
        """Run one statement; all its rows."""
        with self._explained():
            cursor = self._run(dialect.translated(sql), values)
            return cursor.fetchall() if cursor.description else []

    def change(self, sql: str, values: Values = ()) -> int:
        """Run one INSERT, UPDATE or DELETE; the number of rows it touched."""
        with self._explained():
            return self._run(dialect.translated(sql), values).rowcount

    def note(self, sql: str, values: Values) -> None:
        """Run one statement before whatever is run next in the transaction: it goes there in the same message."""
        with self._explained():
            if self._alive().info.transaction_status is TransactionStatus.IDLE:
                self._run(dialect.translated(sql), values)
            else:
                self._noted.append(self._filled(dialect.translated(sql), values))

    def note_many(self, sql: str, rows: Sequence[Values]) -> None:
        """The same once per row of values; many have messages of their own."""
        if len(rows) > _BATCH:
            self.change_many(sql, rows)
        else:
            for row in rows:
                self.note(sql, row)

    def insert(self, sql: str, values: Values) -> int:
        """Run one INSERT; the row id it made."""
        rows = self.execute(f"{sql} RETURNING *", values)
        return rows[0][0] if rows and isinstance(rows[0][0], int) else 0

    def change_many(self, sql: str, rows: Iterable[Values]) -> None:
        """Run one statement once per row of values, many in one message."""
        statement, waiting = dialect.translated(sql), iter(rows)
        with self._explained():
            while batch := [self._filled(statement, row) for row in islice(waiting, _BATCH)]:
                self._send(batch)

    def iterate(self, sql: str, values: Values = ()) -> Iterator[Row]:
        """Run one query; its rows, a thousand in memory at a time."""
        self._names += 1
        name = f"rows_{self._names}"
        fetch = f"FETCH {_CHUNK} FROM {name}"
        with self._explained():
            query = dialect.translated(sql)
            cursor = self._run(f"DECLARE {name} NO SCROLL CURSOR WITH HOLD FOR {query}; {fetch}", values)
            rows = cursor.fetchall()
        yield from rows
        while len(rows) == _CHUNK:
            rows = self.execute(fetch)
            yield from rows
        self.execute(f"CLOSE {name}")

    def damage(self) -> tuple[list[str], bool]:
        """Nothing: the server keeps its pages and references whole itself."""
        return [], False

    def shrink(self) -> None:
        """Nothing: the server's autovacuum uses the room again."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time in a tenant, so that numbers are given in the order of commits."""
        with self._explained():
            nested = self._alive().info.transaction_status is not TransactionStatus.IDLE
            begin = f"BEGIN; SELECT pg_advisory_xact_lock({APPLICATION_ID}, {self.tenant})"
            self._run("SAVEPOINT step" if nested else begin, ())
        try:
            yield
            self.execute("RELEASE step" if nested else "COMMIT")
        except BaseException:
            self._noted.clear()
            if not self._session.broken and not self._session.closed:
                self.execute("ROLLBACK TO step" if nested else "ROLLBACK")
            raise

    def cautions(self) -> list[tuple[str, str]]:
        """A connection that others could read, a user who may do more than a journal needs."""
        found = []
        remote = not self._session.info.host.startswith("/") and not is_loopback(self._session.info.host)
        if remote and not self._session.pgconn.ssl_in_use:
            found.append((
                "What goes to PostgreSQL is not encrypted: others on the network could read premium signals.",
                "Leave sslmode out of its URL, or make it verify-full.",
            ))  # fmt: skip
        if self.execute("SELECT rolsuper FROM pg_roles WHERE rolname = session_user") == [(True,)]:
            found.append((
                "The journal is reached as a superuser, who may do anything in PostgreSQL.",
                f"Make a user of its own: CREATE ROLE name LOGIN PASSWORD '...' IN ROLE {dialect.ROLE}",
            ))  # fmt: skip
        return found

    def hold(self, what: int) -> bool:
        """Become the only one who works on the target of that id; whether nobody else does.

        It ends with the session at the latest; the target's own stamp tells of whoever wrote meanwhile.
        """
        return bool(self.execute(f"SELECT pg_try_advisory_lock({_TARGETS}, {self._lock_of(what)})")[0][0])

    def release(self, what: int) -> None:
        """Let others work on the target again."""
        self.execute(f"SELECT pg_advisory_unlock({_TARGETS}, {self._lock_of(what)})")

    def _lock_of(self, what: int) -> int:
        return zlib.crc32(f"{self.tenant}/{what}".encode()) - (1 << 31)

    def _run(self, statement: str, values: Values) -> psycopg.Cursor[Row]:
        """The cursor at the result of the statement, which may be several; what was noted goes before it."""
        return self._send([self._filled(statement, values)])

    def _filled(self, statement: str, values: Values) -> str:
        return psycopg.ClientCursor(self._alive()).mogrify(statement, _fitting(values))

    def _send(self, statements: Sequence[str]) -> psycopg.Cursor[Row]:
        noted, self._noted = self._noted, []
        cursor = self._alive().execute(";".join((*noted, *statements)))
        while cursor.nextset():
            """The last one's is asked for."""
        return cursor

    def _alive(self) -> psycopg.Connection[Row]:
        if self._session.closed:
            self._session = self._connect()
        return self._session

    def _connect(self) -> psycopg.Connection[Row]:
        return self._kept_session() or self._new_session()

    def _kept_session(self) -> psycopg.Connection[Row] | None:
        kept = [] if self._kept is None or self._reading else self._kept
        try:
            session: psycopg.Connection[Row] = kept.pop()
        except IndexError:  # none, or another thread was faster
            return None
        try:
            self._enter(session)
        except psycopg.OperationalError:  # it was cut off, and so were the others
            server.close_all([session, *kept])
            kept.clear()
            return None
        except BaseException:
            session.close()
            raise
        return session

    def _new_session(self) -> psycopg.Connection[Row]:
        session = psycopg.connect(
            **self._parameters, autocommit=True, cursor_factory=psycopg.ClientCursor, prepare_threshold=None
        )
        try:
            self._enter(session)
        except BaseException:
            session.close()
            raise
        return session

    def _enter(self, session: psycopg.Connection[Row]) -> None:
        """Bring the tables up to date, put aside rights that see everybody's rows, and become the tenant."""
        if session.info.server_version < _OLDEST:
            raise UsageError(
                f"{self.name} is on PostgreSQL {session.info.server_version // 10000}; a journal needs 15 or newer.",
                meaning="Nothing was read or written.",
                hint="Upgrade the server, or name another one.",
            )
        version = server.version_of(session)
        if version > len(MIGRATIONS):
            raise newer(self.name, version, len(MIGRATIONS))
        if version < len(MIGRATIONS):
            if self._reading and not version:
                return
            server.migrate(session, MIGRATIONS)
        [[sees_all, found]] = session.execute(
            "SELECT rolsuper OR rolbypassrls, (SELECT id FROM tenants WHERE name = %s)"
            " FROM pg_roles WHERE rolname = current_user",
            (self._tenant_name,),
        )
        if sees_all:
            session.execute(f"SET ROLE {dialect.ROLE}")
        if found is None and not self._reading:
            session.execute(
                "INSERT INTO tenants (name) VALUES (%s) ON CONFLICT DO NOTHING", (self._tenant_name,)
            )
            [[found]] = session.execute("SELECT id FROM tenants WHERE name = %s", (self._tenant_name,))
        self.tenant = found or 0
        become = "SELECT set_config(%s, %s, false); SELECT allowed_tenant()"
        cursor = session.execute(become, (dialect.TENANT_SETTING, str(self.tenant)))
        cursor.nextset()
        if self.tenant and cursor.fetchone() == (None,):
            raise AccessRefused(
                f"{self.name}: this user may not be the tenant {self._tenant_name}.",
                meaning="Nothing was read or written.",
                hint="Name your own tenant, or have its role granted to your user.",
            )
        if self._reading:
            session.execute("SET default_transaction_read_only = on")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with server.explained(self.name, self._password):
            yield


def _fitting(values: Values) -> Values:
    """Values as both engines keep them: truth as a number, and no NUL in a text, which PostgreSQL refuses."""
    if isinstance(values, Mapping):
        return {name: _fit(value) for name, value in values.items()}
    return [_fit(value) for value in values]


def _fit(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return str.replace(value, "\0", "\ufffd")
    return value
