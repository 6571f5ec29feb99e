"""A journal in PostgreSQL, for several machines: the same tables and statements as in SQLite.

psycopg is imported here alone, and this module only where a journal is named by a URL.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from itertools import islice
from threading import Lock
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.pq import version as libpq_version

from cqs_sheets.core.secret import is_loopback
from cqs_sheets.errors import AccessRefused, CqsError, DataRefused, TargetBusy, UsageError
from cqs_sheets.journal import dialect
from cqs_sheets.journal.database import Database, Row, Values, newer
from cqs_sheets.journal.model import SharedJournal
from cqs_sheets.journal.schema import APPLICATION_ID, MIGRATIONS, Migration
from cqs_sheets.patterns import regex

_OLDEST = 150000
_CHUNK = 1000
_BATCH = 200  # statements sent at once
_TARGETS = APPLICATION_ID + 1  # a second space of locks beside that of tenants
_SYSTEM_ROOTS = 160000  # the libpq that knows the certificates of the system

_SESSION = (
    f"-c search_path={dialect.SCHEMA} -c lock_timeout=30s -c idle_in_transaction_session_timeout=5min"
    " -c client_min_messages=warning"
    # the server, too, notices that we are gone, and frees what we held
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=20000"
)
_AWAY = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def parameters(place: SharedJournal, schema: str) -> dict[str, Any]:
    """How psycopg connects to the server of a journal, in another schema of its database. Raises UsageError."""
    found, _ = _parameters(place)
    return {**found, "options": f"{found['options']} -c search_path={schema}"}


@contextmanager
def connected(place: SharedJournal, schema: str) -> Iterator[psycopg.Connection[Row]]:
    """A plain session there, each statement a transaction of its own. Raises CqsError as Postgres does."""
    with (
        _explained(str(place), _parameters(place)[1]),
        psycopg.connect(**parameters(place, schema), autocommit=True) as session,
    ):
        yield session


def explain(error: BaseException | None, place: SharedJournal) -> CqsError | None:
    """What a failure of the driver means to the person; None if it is a bug of ours."""
    return _explain(error, str(place), _parameters(place)[1]) if isinstance(error, psycopg.Error) else None


@contextmanager
def _explained(name: str, password: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        explained = _explain(error, name, password)
        if explained is None:
            raise
        raise explained from None


class Statements:
    """A plain session in a schema of that server, from any thread; one that was cut off is opened anew.

    Raises CqsError as Postgres does.
    """

    def __init__(self, place: SharedJournal, schema: str) -> None:
        self._place = place
        self._schema = schema
        self._session: psycopg.Connection[Row] | None = None
        self._turn = Lock()

    def run(self, statement: str, values: Values) -> list[Row]:
        """Run one statement, a transaction of its own; all its rows."""
        with self._turn, _explained(str(self._place), _parameters(self._place)[1]):
            if self._session is None or self._session.closed:
                self._session = psycopg.connect(**parameters(self._place, self._schema), autocommit=True)
            return self._session.execute(statement, values).fetchall()

    def close(self) -> None:
        """End the session."""
        if self._session:
            self._session.close()


class Postgres(Database):
    """A session of one tenant; one that was cut off is opened anew by the next statement outside a transaction.

    Raises UsageError, AccessRefused, DataRefused or TargetBusy, none of which shows the password.
    """

    shared = True

    def __init__(self, place: SharedJournal, *, reading: bool = False) -> None:
        self.name = str(place)
        self._parameters, self._password = _parameters(place)
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
            close_all([session, *kept])
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
        version = _version(session)
        if version > len(MIGRATIONS):
            raise newer(self.name, version, len(MIGRATIONS))
        if version < len(MIGRATIONS):
            if self._reading and not version:
                return
            migrate(session, MIGRATIONS)
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
        with _explained(self.name, self._password):
            yield


def close_all(kept: Iterable[psycopg.Connection[Row]]) -> None:
    """End sessions that were kept."""
    for session in kept:
        session.close()


def tenants(place: SharedJournal) -> list[str]:
    """The names of all tenants that this user may be. Raises CqsError."""
    sql = "SELECT name FROM tenants WHERE role IS NULL OR pg_has_role(session_user, role, 'member') ORDER BY name"
    with connected(place, dialect.SCHEMA) as session:
        return [name for (name,) in session.execute(sql)] if _version(session) else []


def make_tables(place: SharedJournal) -> None:
    """Make the journal's tables and the role, or bring them up to date. Raises CqsError."""
    with connected(place, dialect.SCHEMA) as session:
        if _version(session) < len(MIGRATIONS):
            migrate(session, MIGRATIONS)


def migrate(session: psycopg.Connection[Row], migrations: Sequence[Migration]) -> None:
    """Bring the tables to the newest version in one transaction; several who try take turns."""
    with session.transaction():
        session.execute("SELECT pg_advisory_xact_lock(%s, 0)", (APPLICATION_ID,))
        version = _version(session)
        if not version:
            session.execute(dialect.PRELUDE.read_text(encoding="utf-8"))
        tenants = [one for (one,) in session.execute("SELECT id FROM tenants")]
        for migration in migrations[version:]:
            for statement in migration:
                if dialect.changes_rows(statement):
                    _for_each(session, tenants, statement)
                else:
                    session.execute(dialect.definition(statement))
        _protect(session)
        session.execute("UPDATE schema_version SET version = %s", (len(migrations),))


def _for_each(session: psycopg.Connection[Row], tenants: Sequence[int], statement: str) -> None:
    for tenant in tenants:
        session.execute("SELECT set_config(%s, %s, true)", (dialect.TENANT_SETTING, str(tenant)))
        session.execute(dialect.translated(statement), ())


def _protect(session: psycopg.Connection[Row]) -> None:
    """Keep the rows of new tables to their tenants, and give the role what it needs, if it is there or can be made."""
    bare = session.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'"
        " AND NOT relrowsecurity AND relname NOT IN ('tenants', 'schema_version')",
        (dialect.SCHEMA,),
    ).fetchall()
    for (table,) in bare:
        for statement in dialect.protection(table):
            session.execute(statement)
    if session.execute("SELECT to_regclass('stamps')").fetchone() != (None,):
        session.execute(dialect.WORDS)
    if not session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (dialect.ROLE,)).fetchone():
        can = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        if session.execute(can).fetchone() != (True,):
            return
        session.execute(f"CREATE ROLE {dialect.ROLE} NOLOGIN")
    for right in (
        f"USAGE ON SCHEMA {dialect.SCHEMA}",
        f"SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {dialect.SCHEMA}",
    ):
        session.execute(f"GRANT {right} TO {dialect.ROLE}")
    for table, rights in (("schema_version", "INSERT, UPDATE, DELETE"), ("tenants", "UPDATE, DELETE")):
        session.execute(f"REVOKE {rights} ON {table} FROM {dialect.ROLE}")
    session.execute(f"REVOKE INSERT ON tenants FROM {dialect.ROLE}")
    session.execute(f"GRANT INSERT (name) ON tenants TO {dialect.ROLE}")


def _version(session: psycopg.Connection[Row]) -> int:
    """The version of the tables, 0 if there are none."""
    idle = session.info.transaction_status is TransactionStatus.IDLE
    with suppress(psycopg.errors.UndefinedTable), nullcontext() if idle else session.transaction():
        [[version]] = session.execute("SELECT version FROM cqs_sheets.schema_version")
        return int(version)
    return 0


def _parameters(place: SharedJournal) -> tuple[dict[str, Any], str]:
    """How to connect, and the password: to be hidden. Other machines are spoken to over TLS, their names checked."""
    given: dict[str, Any] = {}
    with suppress(psycopg.Error):  # whose message shows the URL
        given.update(conninfo_to_dict(place.url.reveal()))
    if not given:
        raise UsageError(
            "The journal's URL cannot be read (it is not shown).",
            meaning="Nothing was asked and nothing was written.",
            hint="It looks like postgresql://USER:PASSWORD@HOST/DATABASE; escape @ : / % in a password (%40 for @).",
        )
    hosts = str(given.get("host") or "localhost").split(",")
    if not all(host.startswith("/") or is_loopback(host) for host in hosts):
        given.setdefault("sslmode", "verify-full")
        if libpq_version() >= _SYSTEM_ROOTS and given["sslmode"] == "verify-full":
            given.setdefault("sslrootcert", "system")
    options = f"{_SESSION} {given.get('options') or ''}".strip()
    password = str(given.get("password") or "")
    return {"application_name": "cqs-sheets", **_AWAY, **given, "options": options}, password


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


_REFUSED = regex(
    r"authentication failed|no password supplied|pg_hba|does not exist|permission denied|not permitted",
    re.IGNORECASE,
)
_TLS = regex(r"\bSSL\b|certificate|root\.crt", re.IGNORECASE)


def _explain(error: psycopg.Error, name: str, password: str) -> CqsError | None:
    """What the server's or the network's error means to the person; None if it is a bug of ours."""
    reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "no answer"
    reason = reason.replace(password, "***") if password else reason
    state = error.sqlstate or ""
    if (
        state in ("42501", "42704", "25006")
        or state.startswith("28")
        or (not state and _REFUSED.search(reason))
    ):
        return AccessRefused(
            f"{name} refused us: {reason}.",
            meaning="Nothing was changed.",
            hint="Check user, password and database of its URL; docs/how-to/many-machines.md has the rights it takes.",
        )
    if not state and "invalid" in reason and "value" in reason:
        return UsageError(
            f"{name}: {reason}.",
            meaning="Nothing was asked and nothing was written.",
            hint="Correct that option in the journal's URL.",
        )
    if not state and _TLS.search(reason):
        return AccessRefused(
            f"{name} is not spoken to: {reason}.",
            meaning="Nothing was sent; over a network a journal is written by TLS, with the server's name checked.",
            hint="Name its root certificate in the URL (sslrootcert=FILE), or choose another sslmode there.",
        )
    if state in ("22P05", "22021"):
        return DataRefused(
            f"{name} cannot keep a text: {reason}.",
            meaning="This step was not recorded.",
            hint="Make the database with the encoding UTF8.",
        )
    away = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if away or state[:2] in ("08", "53", "55", "57", "58", "40", "25"):
        return TargetBusy(
            f"{name} is away: {reason}.",
            meaning="What it holds is intact; this step was not recorded.",
            hint="Run again once it is back: what the API still shows by then is caught up.",
        )
    return None
