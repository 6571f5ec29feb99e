"""The reminders: procrastinate's tables beside the journal, and what is asked of them.

At most one reminder of a kind waits for a tenant or target (the queueing lock), at most one is worked on (the lock).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from math import inf
from typing import Any

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager

from cqs_sheets.errors import AccessRefused
from cqs_sheets.journal import SharedJournal
from cqs_sheets.journal.dialect import ROLE
from cqs_sheets.journal.postgres import Statements, connected, explain, make_tables, parameters

SCHEMA = "cqs_sheets_jobs"
API_QUEUE, FILES_QUEUE = "api", "files"
_LOCK = 0x43515350
_MADE_FOR = f"procrastinate {version('procrastinate')}, places 2"
_DUE = """SELECT DISTINCT queue_name FROM procrastinate_jobs
    WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"""

_PLACES = """CREATE TABLE places (resource TEXT PRIMARY KEY, next_at DOUBLE PRECISION NOT NULL);
-- Takes the next places of all resources, unless that is longer to wait than `most` seconds: then NULL.
CREATE FUNCTION take(resources TEXT[], pauses FLOAT8[], aheads FLOAT8[], most FLOAT8) RETURNS FLOAT8
LANGUAGE plpgsql AS $$
    DECLARE begun FLOAT8; wait FLOAT8;
    BEGIN
        INSERT INTO places SELECT unnest(resources), 0 ON CONFLICT DO NOTHING;
        PERFORM FROM places WHERE resource = ANY(resources) ORDER BY resource FOR UPDATE;
        begun := extract(epoch FROM clock_timestamp());
        SELECT greatest(0, max(greatest(p.next_at, begun) + a.pause - a.ahead - begun)) INTO wait
            FROM places p JOIN unnest(resources, pauses, aheads) a (resource, pause, ahead) USING (resource);
        IF wait > most THEN
            RETURN NULL;
        END IF;
        UPDATE places p SET next_at = greatest(p.next_at, begun) + a.pause
            FROM unnest(resources, pauses) a (resource, pause) WHERE p.resource = a.resource;
        RETURN wait;
    END
$$"""


def prepare(place: SharedJournal) -> None:
    """Make the tables of the queue; those of another version are made anew, as they hold reminders only.

    Raises AccessRefused where the user may not, and they are missing.
    """
    with connected(place, SCHEMA) as session:
        session.execute(f"SELECT pg_advisory_lock({_LOCK})")  # until the session ends
        found = session.execute(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s", (SCHEMA,)
        )
        if found.fetchone() == (_MADE_FOR,):
            return
        [[may]] = session.execute("SELECT has_database_privilege(current_database(), 'CREATE')").fetchall()
        if not may:
            raise AccessRefused(
                f"{place}: the queue of this version is not there, and this user may not make it.",
                meaning="No worker was started.",
                hint="Start one worker as the owner of the database once.",
            )
        make_tables(place)  # and the role that is given rights here
        with session.transaction():
            session.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            session.execute(f"CREATE SCHEMA {SCHEMA}")
            session.execute(SchemaManager.get_schema())
            session.execute(_PLACES)
            if session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
                for what, kind in (("ALL", "TABLES"), ("ALL", "SEQUENCES"), ("EXECUTE", "FUNCTIONS")):
                    session.execute(f"GRANT {what} ON ALL {kind} IN SCHEMA {SCHEMA} TO {ROLE}")
                session.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {ROLE}")
            session.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{_MADE_FOR}'")


def worker_app(place: SharedJournal) -> App:
    """What takes reminders up, in an event loop."""
    return App(connector=PsycopgConnector(min_size=2, max_size=4, kwargs=parameters(place, SCHEMA)))


async def due_queues(app: App) -> set[str]:
    """The queues in which a reminder's time has come. Raises ConnectorException."""
    return {row["queue_name"] for row in await app.connector.execute_query_all_async(_DUE)}


class Reminders:
    """Leaves reminders, from any thread."""

    def __init__(self, place: SharedJournal) -> None:
        self._place = place
        self._app = App(
            connector=SyncPsycopgConnector(min_size=1, max_size=4, kwargs=parameters(place, SCHEMA))
        )
        self._app.open()

    def close(self) -> None:
        """Give the connections back."""
        self._app.close()

    def poll(self, tenant: str, beat: datetime, *, at: datetime | None = None) -> None:
        """Ask the API for a tenant's feeds at that beat, or later, `at` that time."""
        self._leave("poll", API_QUEUE, f"poll {tenant}", 0, at or beat, tenant=tenant, beat=beat.isoformat())

    def write(
        self,
        tenant: str,
        target: str,
        queue: str,
        *,
        rank: int = 0,
        attempt: int = 0,
        at: datetime | None = None,
    ) -> None:
        """Look what a target (as its config writes it) lacks.

        `rank` counts a tenant's reminders that go before: all tenants' first ones come before any second.
        """
        self._leave(
            "write", queue, f"{tenant}/{target}", -rank, at, tenant=tenant, target=target, attempt=attempt
        )

    def judge(self, tenant: str) -> None:
        """Look what became of a tenant's signals."""
        self._leave("judge", FILES_QUEUE, f"judge {tenant}", -1, None, tenant=tenant)

    def _leave(
        self,
        task: str,
        queue: str,
        lock: str,
        priority: int,
        at: datetime | None,
        **arguments: Any,  # noqa: ANN401
    ) -> None:
        try:
            self._app.configure_task(
                task, queue=queue, lock=lock, queueing_lock=lock, priority=priority, schedule_at=at
            ).defer(**arguments)
        except AlreadyEnqueued:
            pass
        except ConnectorException as error:
            raise explain(error.__cause__, self._place) or error from None


def counts(place: SharedJournal) -> Statements:
    """The session that quotas are counted by."""
    return Statements(place, SCHEMA)


class SharedQuota:
    """Lets at most `limit` requests a minute begin over all workers; like a Quota, but counted in PostgreSQL.

    A tenth of them may come at once, the rest at even distances, so that no 60 seconds see more. A place that is
    more than `patience` seconds away is left to others.
    """

    def __init__(self, counts: Statements, limits: Mapping[str, int], *, patience: float = inf) -> None:
        self._counts = counts
        self._limits = limits
        self._patience = patience

    def delay(self, count: int = 1) -> float:
        """Take the next places of every resource; the seconds to wait until all are free, inf: none was taken."""
        bursts = [max(1, limit // 10) for limit in self._limits.values()]
        pauses = [
            60.0 / max(1, limit - burst) for limit, burst in zip(self._limits.values(), bursts, strict=True)
        ]
        ahead = [pause * (burst + count - 1) for pause, burst in zip(pauses, bursts, strict=True)]
        [[wait]] = self._counts.run(
            "SELECT take(%s::TEXT[], %s::FLOAT8[], %s::FLOAT8[], %s::FLOAT8)",
            (list(self._limits), [pause * count for pause in pauses], ahead, self._patience),
        )
        return inf if wait is None else float(wait)
