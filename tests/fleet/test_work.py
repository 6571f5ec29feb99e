"""What a worker does when it is reminded, and what it reminds of."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cqs_sheets import sandbox
from cqs_sheets.api.client import utc_now
from cqs_sheets.core.alerts import Message, Sent
from cqs_sheets.core.secret import Secret
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.destinations.excel.filesystem import WorkbookFile
from cqs_sheets.destinations.google.wire.auth import account_of as email_of
from cqs_sheets.destinations.google.wire.auth import find_credentials
from cqs_sheets.errors import AccessRefused, DataRefused, Interrupted, TargetBusy
from cqs_sheets.journal import Journal, SharedJournal, tenants_of
from cqs_sheets.run import alerts
from tests.emulators.google_sheets import RunningSheets, start
from tests.postgres import Server

pytest.importorskip("procrastinate", reason="the extra `worker` is not installed")

from procrastinate import App
from procrastinate.exceptions import ConnectorException

from cqs_sheets.fleet.metrics import Metrics, served
from cqs_sheets.fleet.queue import (
    SCHEMA,
    AccountPlaces,
    Quota,
    Reminders,
    counts,
    prepare,
    take_places,
    worker_app,
)
from cqs_sheets.fleet.steps import Work, account_of, queue_of
from cqs_sheets.fleet.tenants import Tenants
from cqs_sheets.fleet.worker import _take_over, _told, run_worker
from cqs_sheets.journal.server import Statements, connected


@dataclass
class Noted:
    """Reminders that are only noted, the latest of each kind last."""

    polls: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)
    written: list[tuple[str, str, int, datetime | None]] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)

    def poll(self, tenant: str, beat: datetime, *, at: datetime | None = None) -> None:
        self.polls.append((tenant, beat, at))

    def write(
        self, tenant: str, target: str, queue: str, *, attempt: int = 0, at: datetime | None = None
    ) -> None:
        del queue
        self.written.append((tenant, target, attempt, at))

    def writes(self, tenant: str, targets: Sequence[tuple[str, str]]) -> None:
        self.written += [(tenant, target, 0, None) for target, _ in targets]

    def judge(self, tenant: str) -> None:
        self.judged.append(tenant)


@dataclass
class Fleet:
    folder: Path
    environ: dict[str, str]
    sheets: RunningSheets
    place: SharedJournal
    stack: ExitStack
    noted: Noted = field(default_factory=Noted)

    def tenant(self, name: str, *targets: str, more: str = "") -> str:
        """A tenant's config; its name is its own in every test."""
        name = f"{name}-{uuid4().hex[:8]}"
        written = "".join(f'[[target]]\nto = "{target}"\ntemplate = "raw"\n' for target in targets)
        (self.folder / f"{name}.toml").write_text(f'{more}[api]\nkey_env = "KEY"\n{written}')
        return name

    def account(self, name: str) -> str:
        """A service account's key without a key, as a config names it: an emulator asks for none."""
        email = f"{name}@{uuid4().hex}.example"
        document = {"type": "service_account", "project_id": uuid4().hex, "client_email": email}
        (self.folder / f"{name}.json").write_text(json.dumps(document))
        return f'[google]\ncredentials_file = "{name}.json"\n'

    def work(self, reminders: object = None) -> Work:
        tenants = Tenants(self.folder, self.environ, stop=lambda: None, sleep=lambda _: None)
        given = cast("Reminders", reminders or self.noted)
        work = Work(self.place, tenants, given, Metrics(), every=60, dice=lambda: 1.0)
        self.stack.callback(work.close)
        return work

    def counts(self) -> Statements:
        counted = counts(self.place)
        self.stack.callback(counted.close)
        return counted


@pytest.fixture
def database() -> str:
    """Where the journal is; all tests of a run have this one."""
    return "postgres"


@pytest.fixture
def fleet(
    tmp_path: Path, server: sandbox.RunningSandbox, postgres_server: Server, database: str
) -> Iterator[Fleet]:
    url = postgres_server.url(database=database)
    with start() as sheets, ExitStack() as stack:
        place = SharedJournal(Secret(url), "default")
        prepare(place)
        environ = {
            "CQS_JOURNAL": url, "CQS_API_URL": server.url, "CQS_SHEETS_URL": sheets.url,
            "CQS_HOME": str(tmp_path / "home"), "KEY": "FREE",
        }  # fmt: skip
        folder = tmp_path / "configs"
        folder.mkdir()
        yield Fleet(folder, environ, sheets, place, stack)


def polls_of(fleet: Fleet, tenant: str) -> int:
    with Journal.open_readonly(SharedJournal(fleet.place.url, tenant), clock=utc_now) as journal:
        return len(journal.polls(99))


def test_a_beat_is_polled_once_whoever_is_reminded(fleet: Fleet) -> None:
    name = fleet.tenant("desk", fleet.sheets.create())
    one, other, beat = fleet.work(), fleet.work(), utc_now() - timedelta(minutes=1)
    for worker in (one, other, one):
        worker.poll(name, beat)
    assert polls_of(fleet, name) == 1
    [next_beat] = {one.next_beat(name, beat), other.next_beat(name, beat)}
    assert beat < next_beat <= beat + timedelta(seconds=60)
    assert all(next_beat < again <= utc_now() + timedelta(seconds=60) for _, again, _ in fleet.noted.polls)


def test_only_targets_that_lack_something_are_reminded_of_and_ranked(fleet: Fleet) -> None:
    first, second = fleet.sheets.create(), fleet.sheets.create()
    name = fleet.tenant("desk", first, second)
    worker = fleet.work()
    worker.poll(name, utc_now())
    assert [target for _, target, _, _ in fleet.noted.written] == [first, second]
    worker.write(name, first, 0)
    before = len(fleet.sheets.exchanges)
    fleet.noted.written.clear()
    worker.poll(name, utc_now() - timedelta(hours=1))
    assert [target for _, target, _, _ in fleet.noted.written] == [second]
    assert len(fleet.sheets.exchanges) == before


def test_a_target_that_is_away_is_looked_at_again_later_and_later(fleet: Fleet) -> None:
    bad, good = fleet.sheets.create(), fleet.sheets.create()
    name, other = fleet.tenant("desk", bad), fleet.tenant("other", good)
    worker = fleet.work()
    for tenant in (name, other):
        worker.poll(tenant, utc_now())
    fleet.noted.written.clear()
    fleet.sheets.share(bad, "none")
    for attempt in (0, 3):
        worker.write(name, bad, attempt)
    worker.write(other, good, 0)
    again = [
        (attempt, at - utc_now()) for _, target, attempt, at in fleet.noted.written if target == bad and at
    ]
    assert [attempt for attempt, _ in again] == [1, 4]
    assert again[0][1] < timedelta(seconds=2) < again[1][1] < timedelta(seconds=9)
    assert len(fleet.noted.written) == 2
    assert f'tenant="{other}",outcome="ok"}} 1' in worker.metrics.text()


def test_configs_come_change_and_go_and_a_broken_one_stops_nobody(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    name = fleet.tenant("desk", "one.xlsx")
    broken = fleet.folder / "broken.toml"
    broken.write_text('[api]\nkey_env = "NOT_THERE"\n')
    worker = fleet.work()
    with caplog.at_level(logging.ERROR):
        assert set(worker.tenants.all()) == set(worker.tenants.all()) == {name}
    assert caplog.text.count("broken.toml is left to other workers") == 1
    broken.write_text('[[target]]\nto = "a-longer-name.xlsx"\n[journal]\ntenant = "mended"\n')
    assert set(worker.tenants.all()) == {name, "mended"}
    (fleet.folder / "second.toml").write_text('[[target]]\nto = "2.xlsx"\n[journal]\ntenant = "mended"\n')
    with caplog.at_level(logging.ERROR):
        [target] = worker.tenants.all()["mended"].targets
    assert target.to == "a-longer-name.xlsx"
    assert "second.toml is left out: broken.toml is of the tenant mended, too" in caplog.text
    (fleet.folder / f"{name}.toml").unlink()
    assert worker.tenants.session(name) is None
    worker.poll(name, utc_now())
    [(_, _, at)] = fleet.noted.polls
    assert at is not None


def test_the_machines_own_key_reaches_no_tenant(fleet: Fleet) -> None:
    fleet.environ |= {"CQS_API_KEY": "SECRET-OF-THE-MACHINE", "KEY_A": "PREMIUM-OF-A"}
    mine = fleet.folder / "a.toml"
    mine.write_text('[api]\nkey_env = "KEY_A"\n')
    (fleet.folder / "b.toml").write_text('timezone = "UTC"\n')
    keys = {name: settings.api.key.reveal() for name, settings in fleet.work().tenants.all().items()}
    assert keys == {"a": "PREMIUM-OF-A", "b": "FREE"}


def test_no_minute_sees_more_than_the_limit_over_all_workers(fleet: Fleet) -> None:
    resource, limit = uuid4().hex, 20
    limits = {resource: limit, f"{resource} of one": limit * 9}
    workers = [AccountPlaces(counted, limits) for counted in (fleet.counts(), fleet.counts())]
    begun = sorted(time.monotonic() + worker.delay() for _ in range(limit) for worker in workers)
    most = max(sum(start <= moment < start + 60 for moment in begun) for start in begun)
    assert limit * 0.9 <= most <= limit
    assert begun[-1] - begun[0] < 150
    [wait, again] = [take_places(fleet.counts(), workers[0].wanted(1), 1) for _ in range(2)]
    assert wait > again > 1  # nobody took it
    workers[0].have(2)
    assert [workers[0].delay(), workers[0].delay()] == [0, 0]
    assert workers[0].delay() > 1


def test_a_target_whose_account_is_used_up_is_left_until_it_is_not(fleet: Fleet) -> None:
    book = fleet.sheets.create()
    name = fleet.tenant("desk", book, more=fleet.account("used-up"))
    worker = fleet.work()
    worker.poll(name, utc_now())
    fleet.noted.written.clear()
    [settings] = fleet.work().tenants.all().values()
    project, user = account_of(settings)
    used = {f"google read {project} {user}": Quota(60, 30)}
    take_places(fleet.counts(), used)
    worker.write(name, book, 5)
    [(_, target, attempt, at)] = fleet.noted.written
    assert (target, attempt) == (book, 5)
    assert at
    assert timedelta(seconds=10) < at - utc_now() < timedelta(seconds=60)
    assert worker.rests[queue_of(settings, settings.targets[0])] > time.monotonic() + 10
    assert not fleet.sheets.exchanges


def test_at_most_one_reminder_of_a_kind_waits(fleet: Fleet) -> None:
    reminders = Reminders(fleet.place)
    name = uuid4().hex
    try:
        for _ in range(2):
            reminders.poll(name, utc_now() + timedelta(hours=1))
            reminders.write(name, "one.xlsx", "later", at=utc_now() + timedelta(hours=1))
            reminders.writes(name, [(f"{each}.xlsx", "later") for each in ("one", "two", "three", "four")])
    finally:
        reminders.close()
    from cqs_sheets.journal.server import connected  # noqa: PLC0415

    with connected(fleet.place, "cqs_sheets_jobs") as session:
        found = session.execute(
            "SELECT task_name, priority FROM procrastinate_jobs WHERE args->>'tenant' = %s ORDER BY id",
            (name,),
        ).fetchall()
        assert [task for task, _ in found] == ["poll", "write", "write", "write", "write"]
        poll, _, second, _, fourth = (priority for _, priority in found)
        assert poll > second
        assert second - fourth in (6, 7)
        session.execute("DELETE FROM procrastinate_jobs")
        session.execute("COMMENT ON SCHEMA cqs_sheets_jobs IS 'procrastinate 1.0'")
    prepare(fleet.place)
    with connected(fleet.place, "cqs_sheets_jobs") as session:
        assert session.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (0,)


def test_a_tenant_with_many_sheets_does_not_hold_up_one_with_one(fleet: Fleet) -> None:
    reminders, many, one = Reminders(fleet.place), f"many-{uuid4().hex}", f"one-{uuid4().hex}"
    queue = uuid4().hex
    try:
        reminders.writes(many, [(f"{number}.xlsx", queue) for number in range(20)])
        reminders.writes(one, [("only.xlsx", queue)])
    finally:
        reminders.close()

    async def first_two() -> list[str]:
        async with worker_app(fleet.place).open_async() as app:
            number = await app.job_manager.register_worker()
            jobs = [await app.job_manager.fetch_job([queue], number) for _ in range(2)]
            return [str(job.task_kwargs["tenant"]) for job in jobs if job]

    assert asyncio.run(first_two()) == [many, one]


def test_metrics_are_served_to_this_machine() -> None:
    import requests  # noqa: PLC0415

    metrics = Metrics()
    metrics.wrote('a"b', 0.5, "busy", 7)
    with served(metrics, 0) as port:
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
        elsewhere = {"Host": f"attacker.example:{port}"}  # whose name server says 127.0.0.1
        assert requests.get(f"http://127.0.0.1:{port}/metrics", headers=elsewhere, timeout=5).text == ""
        assert requests.get(f"http://127.0.0.1:{port}/other", timeout=5).status_code == 404
    assert 'cqs_writes_total{tenant="a\\"b",outcome="busy"} 1\n' in text
    assert 'cqs_pending_rows{tenant="a\\"b"} 7\n' in text


def test_a_worker_polls_and_writes_until_it_is_stopped(fleet: Fleet) -> None:
    tenants = [fleet.tenant("desk", fleet.sheets.create(), f"{number}.xlsx") for number in range(2)]
    reminders = Reminders(fleet.place)
    worker = fleet.work(reminders)
    until = time.monotonic() + 60

    def stopped() -> bool:
        text = worker.metrics.text()
        return time.monotonic() > until or all(f'"{name}",outcome="ok"}} 2' in text for name in tenants)

    try:
        asyncio.run(run_worker(worker, stopped))
    finally:
        reminders.close()
        worker.close()
    assert stopped()
    assert time.monotonic() < until
    for number, name in enumerate(tenants):
        assert polls_of(fleet, name) in (1, 2)  # at once, and at its beat, which may be any moment
        assert (fleet.folder / f"{number}.xlsx").exists()


def test_each_project_has_a_queue_and_credentials_of_its_own(fleet: Fleet) -> None:
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    document = {
        "type": "service_account", "project_id": "desk-project", "private_key": key.decode(),
        "client_email": "desk@desk-project.example", "token_uri": "https://oauth2.example/token",
    }  # fmt: skip
    (fleet.folder / "desk.json").write_text(json.dumps(document))
    name = fleet.tenant("desk", fleet.sheets.create(), more='[google]\ncredentials_file = "desk.json"\n')
    other = fleet.tenant("other", fleet.sheets.create(), "one.xlsx")
    found = fleet.work().tenants.all()
    queues = [queue_of(found[each], target) for each in (name, other) for target in found[each].targets]
    assert len(set(queues)) == 3
    assert queues[2] == "files"
    assert account_of(found[name]) == ("desk-project", "desk@desk-project.example")
    assert found[name].google_file
    used = find_credentials(fleet.folder, file=found[name].google_file)
    assert email_of(used) == "desk@desk-project.example"
    (fleet.folder / "desk.json").write_text("{}")
    assert account_of(found[name]) == ("default", "")
    with pytest.raises(AccessRefused):
        find_credentials(fleet.folder, file=found[name].google_file)


def test_a_tenants_alerts_are_told_once_whichever_worker_sends(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trouble that only a person mends is told at once."""
    came: list[str] = []

    def send(message: Message) -> Sent:
        came.append(message.title)
        return Sent()

    monkeypatch.setattr(alerts, "sender", lambda *_: send)
    monkeypatch.setattr(Work, "_start_telling", lambda *_: None)
    bad = fleet.sheets.create()
    name = fleet.tenant("desk", bad, more='[[alert]]\nto = "desktop"\non = ["failing", "recovered"]\n')
    one, other = fleet.work(), fleet.work()
    one.poll(name, utc_now())
    fleet.sheets.share(bad, "none")
    other.write(name, bad, 0)
    fleet.sheets.share(bad, "writer")
    one.write(name, bad, 1)
    for worker in (one, other, one):
        worker.tell(name)
    assert [title.partition(":")[0] for title in came] == ["Failing", "Works again"]


def test_a_config_that_names_another_journal_is_not_written_into_that_of_the_others(
    fleet: Fleet, postgres_server: Server
) -> None:
    fleet.environ |= {
        "HERE": fleet.environ.pop("CQS_JOURNAL"),
        "THERE": postgres_server.url(database=postgres_server.fresh()),
    }
    here, there = (
        fleet.tenant(name, more=f'[journal]\nurl_env = "{name.upper()}"\n') for name in ("here", "there")
    )
    work = fleet.work()
    for tenant in (here, there):
        work.poll(tenant, utc_now() - timedelta(seconds=1))
    elsewhere = SharedJournal(Secret(fleet.environ["THERE"]), there)
    assert (tenants_of(elsewhere), polls_of(fleet, here)) == ([there], 1)
    assert there not in tenants_of(fleet.place)


class TestBesideANewerVersion:
    """What it leaves in the database would end the workers of other tests."""

    @pytest.fixture
    def database(self, postgres_server: Server) -> str:
        return postgres_server.fresh()

    def test_a_worker_ends_and_leaves_the_newer_ones_queue_alone(self, fleet: Fleet) -> None:
        fleet.tenant("desk", "signals.xlsx")
        reminders = Reminders(fleet.place)
        worker = fleet.work(reminders)
        with connected(fleet.place, SCHEMA) as session:
            [[ours]] = session.execute(f"SELECT obj_description('{SCHEMA}'::regnamespace, 'pg_namespace')")
            session.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{ours.replace('places ', 'places 1')}'")
            try:
                with pytest.raises(DataRefused, match="made by a newer cqs-sheets"):
                    asyncio.run(run_worker(worker, lambda: False))
                with pytest.raises(DataRefused, match="made by a newer cqs-sheets"):
                    prepare(fleet.place)
            finally:
                session.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{ours}'")
                reminders.close()
            session.execute("UPDATE cqs_sheets.schema_version SET version = version + 1")
            try:
                with pytest.raises(DataRefused, match="written by a newer cqs-sheets"):
                    worker.require_current()
            finally:
                session.execute("UPDATE cqs_sheets.schema_version SET version = version - 1")
            session.execute(
                "ALTER SCHEMA cqs_sheets RENAME TO away"
            )  # as while a back-up of the journal is restored
            try:
                worker.require_current()
            finally:
                session.execute("ALTER SCHEMA away RENAME TO cqs_sheets")


def test_what_a_poll_finds_wrong_is_told_with_the_tenants_name(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    name = fleet.tenant("desk", "one.xlsx")
    fleet.environ["KEY"] = sandbox.INACTIVE_KEY
    worker = fleet.work()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            worker.poll(name, utc_now())
    assert caplog.text.count(f"tenant {name}: ") == 1  # not once a minute
    assert "subscription" in caplog.text
    assert sandbox.INACTIVE_KEY not in caplog.text
    assert f'cqs_polls_total{{tenant="{name}",outcome="key"}} 2' in worker.metrics.text()


def test_signals_that_are_due_are_judged_when_reminded(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    name = fleet.tenant("desk", "one.xlsx", more="[outcomes]\n")
    worker = fleet.work()
    worker.poll(name, utc_now())
    assert fleet.noted.judged == [name]
    fleet.noted.written.clear()
    judged: list[str] = []
    monkeypatch.setattr("cqs_sheets.fleet.steps.judge", lambda run: judged.append(run.settings.tenant))
    worker.judge(name)
    worker.judge("nobody")
    assert judged == [name]
    assert [target for _, target, _, _ in fleet.noted.written] == ["one.xlsx"]


def test_a_write_that_is_stopped_is_reminded_of_at_once(fleet: Fleet) -> None:
    name = fleet.tenant("desk", "one.xlsx")
    worker = fleet.work()
    worker.poll(name, utc_now())
    fleet.noted.written.clear()

    def stopped(_seconds: float) -> None:
        raise Interrupted(signal.SIGTERM)

    worker.tenants = Tenants(fleet.folder, fleet.environ, stop=lambda: None, sleep=stopped)
    other = WorkbookFile(
        fleet.folder / "one.xlsx", backups=0, force=False, lock_wait=0, sleep=stopped, disk=Disk()
    )
    with other.locked():  # which is waited for
        worker.write(name, "one.xlsx", 7)
    [(_, target, attempt, at)] = fleet.noted.written
    assert at
    assert (target, attempt, at <= utc_now()) == ("one.xlsx", 8, True)
    worker.write(name, "no target of theirs.xlsx", 0)
    assert len(fleet.noted.written) == 1


def test_alerts_are_sent_beside_the_poll(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    told: Queue[str] = Queue()
    monkeypatch.setattr(Work, "tell", lambda _, tenant: told.put(tenant))
    name = fleet.tenant("desk", more='[[alert]]\nto = "desktop"\non = ["failing"]\n')
    fleet.work().poll(name, utc_now())
    assert told.get(timeout=300) == name


def test_a_server_that_is_away_is_told_once_and_again_when_it_is_back(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = iter([TargetBusy("Away.", meaning="It waits.", hint="Wait.")] * 3)

    def look(*_: object) -> set[str]:
        for trouble in looks:
            raise trouble
        return set()

    monkeypatch.setattr("cqs_sheets.fleet.worker._LOOK", 0.0)
    monkeypatch.setattr("cqs_sheets.fleet.worker._look_for_tenants", look)
    until = time.monotonic() + 60
    with caplog.at_level(logging.WARNING):
        asyncio.run(run_worker(fleet.work(), lambda: "is back" in caplog.text or time.monotonic() > until))
    assert "is back" in caplog.text
    assert caplog.text.count("is tried again: Away.") == 1


def test_a_step_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    for trouble in (Interrupted(signal.SIGTERM), TargetBusy("Full.", meaning="It waits.", hint="Wait.")):
        with _told("desk, target one.xlsx"):
            raise trouble
    assert [record.getMessage().splitlines()[0] for record in caplog.records] == [
        "tenant desk, target one.xlsx: Full."
    ]


@pytest.mark.parametrize("fails", [(), ("retry",), ("retry", "finish")])
def test_what_a_dead_worker_had_begun_is_taken_over_or_dropped(fails: tuple[str, ...]) -> None:
    done: list[str] = []

    def does(word: str) -> Callable[..., Awaitable[None]]:
        async def call(*_: object, **__: object) -> None:
            done.append(word)
            if word in fails:
                raise ConnectorException

        return call

    async def stalled(**_: object) -> list[object]:
        return [SimpleNamespace(task_name="write")]

    manager = SimpleNamespace(get_stalled_jobs=stalled, retry_job=does("retry"), finish_job=does("finish"))
    asyncio.run(_take_over(cast("App", SimpleNamespace(job_manager=manager))))
    assert done == (["retry", "finish"] if fails else ["retry"])
