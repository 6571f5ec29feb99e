"""The reminders: procrastinate's tables beside the journal, and what is asked of them.

At most one reminder of a kind waits for a tenant or target (the queueing lock), at most one is worked on (the lock).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from math import inf
from threading import local
from typing import Any, NamedTuple

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job
from procrastinate.schema import SchemaManager

from cqs_sheets.errors import AccessRefused, DataRefused
from cqs_sheets.journal import SharedJournal
from cqs_sheets.journal.database import NEWER, newer
from cqs_sheets.journal.dialect import ROLE
from cqs_sheets.journal.schema import MIGRATIONS
from cqs_sheets.journal.server import Statements, connected, explain, make_tables, parameters

SCHEMA = "cqs_sheets_jobs"
API_QUEUE, FILES_QUEUE = "api", "files"
_LOCK = 0x43515350
_MADE_FOR = f"procrastinate {version_of('procrastinate')}, places 3"
_MADE = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s"
_WAITING = """SELECT queueing_lock FROM procrastinate_jobs
    WHERE status = 'todo' AND task_name = 'write' AND args->>'tenant' = %(tenant)s"""
_BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
# Seconds that a tenant's next target waits behind: more than one takes that its account may write.
_APART = 3.0

_PLACES = """CREATE TABLE places (resource TEXT PRIMARY KEY, next_at DOUBLE PRECISION NOT NULL);
-- Seconds until all places are free; they are taken unless that is more than `most`.
CREATE FUNCTION take(resources TEXT[], pauses FLOAT8[], aheads FLOAT8[], most FLOAT8) RETURNS FLOAT8
LANGUAGE plpgsql AS $$
    DECLARE begun FLOAT8; wait FLOAT8;
    BEGIN
        INSERT INTO places SELECT unnest(resources), 0 ON CONFLICT DO NOTHING;
        PERFORM FROM places WHERE resource = ANY(resources) ORDER BY resource FOR UPDATE;
        begun := extract(epoch FROM clock_timestamp());
        SELECT greatest(0, max(greatest(p.next_at, begun) + a.pause - a.ahead - begun)) INTO wait
            FROM places p JOIN unnest(resources, pauses, aheads) a (resource, pause, ahead) USING (resource);
        UPDATE places p SET next_at = greatest(p.next_at, begun) + a.pause
            FROM unnest(resources, pauses) a (resource, pause) WHERE p.resource = a.resource AND wait <= most;
        RETURN wait;
    END
$$"""


def prepare(place: SharedJournal) -> None:
    """Make the tables of the queue; those of an older version are made anew, as they hold reminders only.

    Raises AccessRefused where the user may not, and they are missing; DataRefused where a newer cqs-sheets made them.
    """
    with connected(place, SCHEMA) as session:
        session.execute(f"SELECT pg_advisory_lock({_LOCK})")  # until the session ends
        made_for = next((comment for (comment,) in session.execute(_MADE, (SCHEMA,))), None)
        if made_for == _MADE_FOR:
            return
        _refuse_newer(place, made_for)
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


def require_current(counts: Statements, place: SharedJournal) -> None:
    """Raises DataRefused, of kind "newer", if a newer cqs-sheets has brought the tables up to date meanwhile."""
    if (version := counts.journal_version()) > len(MIGRATIONS):
        raise newer(str(place), version, len(MIGRATIONS))
    for (made_for,) in counts.run(_MADE, (SCHEMA,)):
        _refuse_newer(place, made_for)


def _refuse_newer(place: SharedJournal, made_for: str | None) -> None:
    if made_for is not None and _numbers(made_for) > _numbers(_MADE_FOR):
        raise DataRefused(
            f"The workers' queue of {place} was made by a newer cqs-sheets ({made_for}).",
            meaning="Nothing was changed; newer workers go on with it.",
            hint="Upgrade with: pip install --upgrade 'cqs-sheets[worker]'",
            kind=NEWER,
        )


def _numbers(made_for: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", made_for)]


def worker_app(place: SharedJournal) -> App:
    """What takes reminders up, in an event loop."""
    return App(connector=PsycopgConnector(min_size=2, max_size=4, kwargs=parameters(place, SCHEMA)))


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
        arguments = {"tenant": tenant, "beat": beat.isoformat()}
        self._leave_all([self._job("poll", API_QUEUE, f"poll {tenant}", 1, at or beat, arguments)])

    def write(
        self, tenant: str, target: str, queue: str, *, attempt: int = 0, at: datetime | None = None
    ) -> None:
        """Look what a target (as its config writes it) lacks."""
        self._leave_all([self._of_target(tenant, target, queue, attempt=attempt, at=at)])

    def writes(self, tenant: str, targets: Sequence[tuple[str, str]]) -> None:
        """Look what these targets lack, each with its queue, unless somebody is reminded already.

        Each steps back behind what others are reminded of within the next 3 seconds, and none for ever.
        """
        with self._explained():
            waiting = self._app.connector.get_sync_connector().execute_query_all(_WAITING, tenant=tenant)
        known = {row["queueing_lock"] for row in waiting}
        jobs = [
            self._of_target(tenant, target, queue, rank=rank) for rank, (target, queue) in enumerate(targets)
        ]
        self._leave_all([job for job in jobs if job.queueing_lock not in known])

    def judge(self, tenant: str) -> None:
        """Look what became of a tenant's signals."""
        self._leave_all([self._job("judge", FILES_QUEUE, f"judge {tenant}", 0, None, {"tenant": tenant})])

    def _of_target(
        self, tenant: str, target: str, queue: str, *, rank: int = 0, attempt: int = 0, at: datetime | None = None
    ) -> Job:  # fmt: skip
        priority = -int((datetime.now(UTC) - _BEGAN).total_seconds() + rank * _APART)
        arguments = {"tenant": tenant, "target": target, "attempt": attempt}
        return self._job("write", queue, f"{tenant}/{target}", priority, at, arguments)

    def _job(
        self, task: str, queue: str, lock: str, priority: int, at: datetime | None, arguments: Mapping[str, Any]
    ) -> Job:  # fmt: skip
        return self._app.configure_task(
            task, queue=queue, lock=lock, queueing_lock=lock, priority=priority, schedule_at=at
        ).make_new_job(**arguments)

    def _leave_all(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        try:
            with self._explained():
                self._app.job_manager.batch_defer_jobs(jobs)
        except AlreadyEnqueued:
            if len(jobs) > 1:
                for job in jobs:
                    self._leave_all([job])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ConnectorException as error:
            raise explain(error.__cause__, self._place) or error from None


def counts(place: SharedJournal) -> Statements:
    """The session that quotas are counted by."""
    return Statements(place, SCHEMA)


class Quota(NamedTuple):
    """So many requests a minute may begin, over all workers; so many are asked for together."""

    limit: int
    together: int


def take_places(counts: Statements, wanted: Mapping[str, Quota], patience: float = inf) -> float:
    """Take the next places of every resource; returns the seconds to wait until all are free.

    A tenth of a minute's places may be taken at once, the rest at even distances, so that no 60 seconds see more.
    None is taken if that is longer than `patience` seconds.
    """
    bursts = [max(1, quota.limit // 10) for quota in wanted.values()]
    pauses = [60 / max(1, quota.limit - burst) for quota, burst in zip(wanted.values(), bursts, strict=True)]
    asked = [
        (pause * quota.together, pause * (burst + quota.together - 1))
        for quota, pause, burst in zip(wanted.values(), pauses, bursts, strict=True)
    ]
    [[wait]] = counts.run(
        "SELECT take(%s::TEXT[], %s::FLOAT8[], %s::FLOAT8[], %s::FLOAT8)",
        (list(wanted), [pause for pause, _ in asked], [ahead for _, ahead in asked], patience),
    )
    return float(wait)


class AccountPlaces:
    """The places of one Google account's requests of a kind: first those that this thread has taken before."""

    def __init__(self, counts: Statements, limits: Mapping[str, int]) -> None:
        self._counts = counts
        self._limits = limits
        self._mine = local()

    def wanted(self, count: int) -> dict[str, Quota]:
        """What so many requests take."""
        return {resource: Quota(limit, count) for resource, limit in self._limits.items()}

    def have(self, count: int) -> None:
        """So many places are this thread's, none that it had before."""
        self._mine.left = count

    def delay(self) -> float:
        """Take the next place; returns the seconds to wait until it is free."""
        left = getattr(self._mine, "left", 0)
        if left:
            self._mine.left = left - 1
            return 0.0
        return take_places(self._counts, self.wanted(1))
