"""The PostgreSQL server of shared journals: how it is reached, what its failures mean, its tables made.

psycopg is imported here and in postgres.py alone, and both only where a journal is named by a URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.pq import version as libpq_version

from cqs_sheets.core.secret import is_loopback
from cqs_sheets.errors import AccessRefused, CqsError, DataRefused, TargetBusy, UsageError
from cqs_sheets.journal import dialect
from cqs_sheets.journal.database import Row, Values
from cqs_sheets.journal.model import SharedJournal
from cqs_sheets.journal.schema import APPLICATION_ID, MIGRATIONS, Migration
from cqs_sheets.patterns import regex

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
    found, _ = asked_for(place)
    return {**found, "options": f"{found['options']} -c search_path={schema}"}


@contextmanager
def connected(place: SharedJournal, schema: str) -> Iterator[psycopg.Connection[Row]]:
    """A plain session there, each statement a transaction of its own. Raises CqsError as Postgres does."""
    with (
        explained(str(place), asked_for(place)[1]),
        psycopg.connect(**parameters(place, schema), autocommit=True) as session,
    ):
        yield session


def explain(error: BaseException | None, place: SharedJournal) -> CqsError | None:
    """What a failure of the driver means to the person; None if it is a bug of ours."""
    return _explain(error, str(place), asked_for(place)[1]) if isinstance(error, psycopg.Error) else None


@contextmanager
def explained(name: str, password: str) -> Iterator[None]:
    """The driver's errors as CqsError, by what they mean to the person; the password is in none."""
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
        with self._opened() as session:
            return session.execute(statement, values).fetchall()

    def journal_version(self) -> int:
        """The version of the journal's tables, 0 if there are none."""
        with self._opened() as session:
            return version_of(session)

    @contextmanager
    def _opened(self) -> Iterator[psycopg.Connection[Row]]:
        with self._turn, explained(str(self._place), asked_for(self._place)[1]):
            if self._session is None or self._session.closed:
                self._session = psycopg.connect(**parameters(self._place, self._schema), autocommit=True)
            yield self._session

    def close(self) -> None:
        """End the session."""
        if self._session:
            self._session.close()


def close_all(kept: Iterable[psycopg.Connection[Row]]) -> None:
    """End sessions that were kept."""
    for session in kept:
        session.close()


def tenants(place: SharedJournal) -> list[str]:
    """The names of all tenants that this user may be. Raises CqsError."""
    sql = "SELECT name FROM tenants WHERE role IS NULL OR pg_has_role(session_user, role, 'member') ORDER BY name"
    with connected(place, dialect.SCHEMA) as session:
        return [name for (name,) in session.execute(sql)] if version_of(session) else []


def make_tables(place: SharedJournal) -> None:
    """Make the journal's tables and the role, or bring them up to date. Raises CqsError."""
    with connected(place, dialect.SCHEMA) as session:
        if version_of(session) < len(MIGRATIONS):
            migrate(session, MIGRATIONS)


def migrate(session: psycopg.Connection[Row], migrations: Sequence[Migration]) -> None:
    """Bring the tables to the newest version in one transaction; several who try take turns."""
    with session.transaction():
        session.execute("SELECT pg_advisory_xact_lock(%s, 0)", (APPLICATION_ID,))
        version = version_of(session)
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


def version_of(session: psycopg.Connection[Row]) -> int:
    """The version of the tables, 0 if there are none."""
    idle = session.info.transaction_status is TransactionStatus.IDLE
    with suppress(psycopg.errors.UndefinedTable), nullcontext() if idle else session.transaction():
        [[version]] = session.execute("SELECT version FROM cqs_sheets.schema_version")
        return int(version)
    return 0


def asked_for(place: SharedJournal) -> tuple[dict[str, Any], str]:
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
