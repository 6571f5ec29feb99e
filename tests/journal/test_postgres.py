"""What PostgreSQL adds: tenants, rights, several writers at once, sessions that are cut off, secrets."""

from __future__ import annotations

import re
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cqs_sheets.core.secret import Secret
from cqs_sheets.errors import AccessRefused, CqsError, DataRefused, TargetBusy, UsageError
from cqs_sheets.journal import Journal, SharedJournal, schema
from cqs_sheets.values import replace
from tests.journal.conftest import Clock
from tests.journal.samples import at, key, poll, signal
from tests.postgres import Server

psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")

ROOT = Path(__file__).parents[2]
ROOMS = ("postgres.py", "server.py")


@pytest.fixture
def place(postgres_server: Server) -> SharedJournal:
    return postgres_server.place()


@pytest.fixture
def journal(place: SharedJournal, clock: Clock) -> Iterator[Journal]:
    with Journal.open(place, clock=clock) as opened:
        yield opened


@pytest.fixture
def fresh(postgres_server: Server) -> str:
    """The URL of a database with nothing in it."""
    return postgres_server.url(database=postgres_server.fresh())


@contextmanager
def a_user(server: Server, rights: str) -> Iterator[str]:
    name = f"user_{uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as session:
        session.execute(f"CREATE ROLE {name} LOGIN {rights}")
        yield name


def ids(journal: Journal) -> list[str]:
    return [record.signal.key.id for record in journal.records()]


def in_threads(*tasks: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(tasks)) as pool:
        for done in [pool.submit(task) for task in tasks]:
            done.result()


def test_the_driver_is_imported_in_its_rooms_alone_and_only_when_it_is_entered() -> None:
    for path in (ROOT / "cqs_sheets").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import psycopg" not in text or path.name in ROOMS, path
        assert (
            "fleet" in path.parts
            or path.name in ROOMS
            or not re.search(r"^(from|import) .*journal(\.| import )(postgres|server)", text, re.MULTILINE)
        ), path


def test_tenants_of_equal_feeds_and_ids_see_and_change_nothing_of_each_other(
    postgres_server: Server, clock: Clock
) -> None:
    ours, theirs = postgres_server.place(), postgres_server.place()
    with Journal.open(ours, clock=clock) as mine, Journal.open(theirs, clock=clock) as other:
        mine.record_poll(poll(0, signal(1), signal(2)))
        other.record_poll(poll(1, signal(1, coin="ETH")))
        assert (ids(mine), ids(other)) == (["1", "2"], ["1"])
        assert [record.signal.coin for record in other.records()] == ["ETH"]
        target = mine.target("a.xlsx", "raw")
        mine.delivered(target, sequence=1, version="v", rows=[(key(1), 1)], cursor=1, at=at(2), wrote=True)
        assert other.pending(other.target("a.xlsx", "raw"), None) == 1
        assert other.record_poll(poll(3)).closed == 1
        assert [record.status for record in mine.records()] == ["open", "open"]
        assert len(mine.polls(9)) == 1
        for statement in (
            "UPDATE signals SET status = 'closed'",
            "DELETE FROM delivered",
            "DELETE FROM stamps",
        ):
            other._database.change(statement)
        assert mine.everything(target, None)[0].delivered is not None
        assert mine.verify() == other.verify() == []


def test_every_table_has_its_rows_kept_to_tenants_even_from_its_owner(journal: Journal) -> None:
    bare = journal._database.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'cqs_sheets'::regnamespace AND relkind = 'r'"
        " AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert sorted(bare) == [("schema_version",), ("tenants",)]


def test_a_user_with_the_least_rights_can_do_all_that_a_journal_does(
    postgres_server: Server, journal: Journal, clock: Clock
) -> None:
    with a_user(postgres_server, "IN ROLE cqs_sheets") as user:
        place = postgres_server.place(user=user)
        with Journal.open(place, clock=clock) as opened:
            opened.record_poll(poll(0, signal(1), answers=[opened.keep_answer("swing", {}, at(0), b"x")]))
            assert opened.prune(at(9)).answers == 1
            assert opened.cautions() == []
        with Journal.open_readonly(place, clock=clock) as opened:
            assert ids(opened) == ["1"]
            with pytest.raises(AccessRefused):
                opened.record_poll(poll(1))
        with Journal.open(place, clock=clock) as opened:
            for statement in (
                "DROP TABLE signals", "CREATE TABLE more (id INTEGER)",
                "UPDATE tenants SET role = NULL", "ALTER TABLE signals NO FORCE ROW LEVEL SECURITY",
            ):  # fmt: skip
                with pytest.raises(AccessRefused):
                    opened._database.execute(statement)
    assert "superuser" in journal.cautions()[0][0]


@pytest.mark.usefixtures("journal")
def test_a_user_without_rights_is_refused(postgres_server: Server, clock: Clock) -> None:
    with (
        a_user(postgres_server, "") as user,
        pytest.raises(AccessRefused),
        Journal.open(postgres_server.place(user=user), clock=clock),
    ):
        pass


def test_a_tenant_bound_to_a_role_is_for_its_members(postgres_server: Server, clock: Clock) -> None:
    place = postgres_server.place()
    with Journal.open(place, clock=clock) as opened:
        opened.record_poll(poll(0, signal(1)))
    with (
        a_user(postgres_server, "IN ROLE cqs_sheets") as member,
        a_user(postgres_server, "IN ROLE cqs_sheets") as other,
    ):
        with psycopg.connect(postgres_server.url(), autocommit=True) as session:
            session.execute("UPDATE cqs_sheets.tenants SET role = %s WHERE name = %s", (member, place.tenant))
        with Journal.open(postgres_server.place(place.tenant, member), clock=clock) as opened:
            assert ids(opened) == ["1"]
        with (
            pytest.raises(AccessRefused, match="may not be the tenant"),
            Journal.open(postgres_server.place(place.tenant, other), clock=clock),
        ):
            pass
        with psycopg.connect(postgres_server.url(other), autocommit=True) as session:
            [[number]] = session.execute("SELECT id FROM cqs_sheets.tenants WHERE name = %s", (place.tenant,))
            session.execute("SELECT set_config('cqs.tenant', %s, false)", (str(number),))
            assert session.execute("SELECT 1 FROM cqs_sheets.signals").fetchall() == []


def test_a_cursor_skips_nothing_while_several_machines_write(place: SharedJournal, clock: Clock) -> None:
    turns, writers, done = 6, 3, threading.Event()

    def write(first: int) -> None:
        with Journal.open(place, clock=clock) as journal:
            for turn in range(turns):
                journal.record_poll(poll(0, *(signal(first + 10 * turn + each) for each in range(4))))

    def deliver() -> None:
        with Journal.open(place, clock=clock) as journal:
            for sequence in range(1, 10_000):
                last = done.is_set()
                newest, target = journal.newest_change(), journal.target("a.xlsx", "raw")
                rows = [(row.key, row.revision) for row in journal.wanted(target, None)]
                given.extend(row_key.id for row_key, _ in rows)
                journal.delivered(
                    target, sequence=sequence, version="", rows=rows, cursor=newest, at=at(0), wrote=True
                )
                if last:
                    return

    def write_all() -> None:
        in_threads(*(partial(write, 1000 * number) for number in range(writers)))
        done.set()

    given: list[str] = []
    in_threads(write_all, deliver)
    assert len(given) == len(set(given)) == turns * writers * 4
    with Journal.open_readonly(place, clock=clock) as journal:
        assert journal.verify() == []


def test_a_session_that_is_cut_off_loses_only_its_step(postgres_server: Server, journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1)))

    def cut() -> None:
        [[number]] = journal._database.execute("SELECT pg_backend_pid()")
        with psycopg.connect(postgres_server.url(), autocommit=True) as session:
            session.execute("SELECT pg_terminate_backend(%s, 5000)", (number,))

    cut()
    with pytest.raises(TargetBusy, match="is away"):
        journal.record_poll(poll(1, signal(2)))
    assert journal.record_poll(poll(1, signal(2))).new == 1

    def half() -> None:
        with journal._database.transaction():
            journal._database.change("DELETE FROM members")
            cut()
            journal._database.change("DELETE FROM members")

    with pytest.raises(TargetBusy):
        half()
    assert ids(journal) == ["1", "2"]
    assert journal.verify() == []


def test_a_session_that_is_used_again_is_of_one_tenant_at_a_time_and_may_have_been_cut_off(
    postgres_server: Server, clock: Clock
) -> None:
    kept: list[Any] = []
    mine, theirs = (replace(postgres_server.place(), kept=kept) for _ in range(2))
    with Journal.open(mine, clock=clock) as journal:
        journal.record_poll(poll(0, signal(1)))
        target = journal.target("a.xlsx", "raw")
        assert journal.hold(target)
    [session] = kept
    with Journal.open(theirs, clock=clock) as journal:
        assert not kept
        assert not list(journal.records())
        journal.record_poll(poll(0, signal(2)))
    assert kept == [session]
    with Journal.open(mine, clock=clock) as journal, Journal.open(mine, clock=clock) as other:
        assert [record.signal.key for record in journal.records()] == [key(1)]
        assert other.hold(target)  # nobody holds what a session before did
    with psycopg.connect(postgres_server.url(), autocommit=True) as owner:
        for each in kept:
            owner.execute("SELECT pg_terminate_backend(%s)", (each.info.backend_pid,))
    with Journal.open(mine, clock=clock) as journal:
        assert journal.newest_change()
    assert len(kept) == 1
    for each in kept:
        each.close()


def test_one_machine_at_a_time_works_on_a_target(place: SharedJournal, clock: Clock) -> None:
    with Journal.open(place, clock=clock) as second:
        with Journal.open(place, clock=clock) as first:
            target, other = first.target("a.xlsx", "raw"), first.target("b.xlsx", "raw")
            assert first.hold(target)
            assert not second.hold(target)
            assert second.hold(other)
            first.release(target)
            assert second.hold(target)
            second.release(target)
            assert first.hold(target)
        assert any(second.hold(target) for _ in range(100_000))  # a machine that is gone holds nothing


def test_answers_of_a_poll_under_way_elsewhere_are_left_to_it(place: SharedJournal, clock: Clock) -> None:
    with Journal.open(place, clock=clock) as first, Journal.open(place, clock=clock) as second:
        first.keep_answer("swing", {}, at(0), b"x")
        assert second.undigested() == []
        clock.now = at(6)
        assert len(second.undigested()) == 1


def test_a_rehearsal_sees_all_and_leaves_no_trace(place: SharedJournal, clock: Clock) -> None:
    with Journal.open(place, clock=clock) as journal:
        journal.record_poll(poll(0, signal(1)))
    with Journal.open(place, clock=clock, rehearsal=True) as rehearsed:
        assert rehearsed.record_poll(poll(1, signal(1), signal(2))).new == 1
        assert ids(rehearsed) == ["1", "2"]
    with Journal.open_readonly(place, clock=clock) as journal:
        assert ids(journal) == ["1"]
        assert len(journal.polls(9)) == 1


def test_texts_that_postgresql_does_not_take_are_kept_as_far_as_they_can_be(journal: Journal) -> None:
    journal.record_poll(poll(0, signal(1, coin="a\0b", extra={"note": "50% ? :x \0"}), feed="50% ?\0 :x"))
    [record] = journal.records(["50% ?\ufffd :x"])
    assert (record.signal.coin, record.signal.extra) == ("a\0b", {"note": "50% ? :x \0"})
    assert len(list(journal.recent(None, at(-9), alike=True))) == 1


def test_many_rows_are_read_in_parts(journal: Journal) -> None:
    database, sql = journal._database, "SELECT selection FROM feeds ORDER BY id"
    names = [(str(number),) for number in range(2500)]
    with database.transaction():
        database.change_many("INSERT INTO feeds (name, selection) VALUES ('one', ?)", names)
        assert list(database.iterate(sql)) == names
    assert list(database.iterate(sql)) == names
    assert list(database.iterate(f"{sql} LIMIT 2")) == names[:2]


def test_an_older_journal_is_brought_up_to_date_once_whoever_comes_first(
    fresh: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cqs_sheets.journal import postgres  # noqa: PLC0415 - where the driver is installed only

    place = SharedJournal(Secret(fresh), "desk")
    monkeypatch.setattr(postgres, "MIGRATIONS", schema.MIGRATIONS[:3])
    with Journal.open(place, clock=clock) as journal:
        journal._database.change("INSERT INTO targets (name, selection, sequence) VALUES ('a', 'raw', 7)")
    monkeypatch.setattr(postgres, "MIGRATIONS", schema.MIGRATIONS)

    def use() -> None:
        with Journal.open(place, clock=clock) as opened:
            assert (opened.target("a", "raw").sequence, opened.target("a", "raw").stamp.number) == (7, 7)

    in_threads(use, use, use)
    with psycopg.connect(fresh) as session:
        session.execute("UPDATE cqs_sheets.schema_version SET version = 99")
    with pytest.raises(DataRefused, match="newer cqs-sheets"), Journal.open(place, clock=clock):
        pass


def test_a_database_without_a_journal_reads_as_an_empty_one(fresh: str, clock: Clock) -> None:
    with Journal.open_readonly(SharedJournal(Secret(fresh)), clock=clock) as journal:
        assert (ids(journal), journal.polls(9)) == ([], [])
    with psycopg.connect(fresh) as session:
        assert session.execute("SELECT to_regnamespace('cqs_sheets')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://trader:hunter2@127.0.0.1:1/journal", TargetBusy),
        ("postgresql://trader:hunter2@127.0.0.1:1/journal?sslmode=never", UsageError),
        ("postgresql://trader:hunter2@[::1/journal", UsageError),
        ("postgresql://trader:hunter2@/journal?host=/nowhere/hunter2", TargetBusy),
    ],
)
def test_no_failure_shows_the_password(url: str, kind: type[CqsError], clock: Clock) -> None:
    place = SharedJournal(Secret(url), "desk")
    with pytest.raises(CqsError) as caught, Journal.open(place, clock=clock):
        pass
    assert isinstance(caught.value, kind)
    assert all((caught.value.message, caught.value.meaning, caught.value.hint))
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in f"{caught.value} {place} {place!r}{shown.replace(url, '')}"


def test_a_wrong_password_is_an_access_that_was_refused(postgres_server: Server, clock: Clock) -> None:
    url = postgres_server.url(user="nobody_at_all").replace("@", ":hunter2@")
    with pytest.raises(AccessRefused) as caught, Journal.open(SharedJournal(Secret(url)), clock=clock):
        pass
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://u@db.example.org/j", "verify-full"),
        ("postgresql://u@db.example.org/j?sslmode=require", "require"),
        ("postgresql://u@127.0.0.1/j", None),
        ("postgresql:///j", None),
        ("postgresql://u@/j?host=/run/postgresql", None),
    ],
)
def test_other_machines_are_spoken_to_over_tls_with_their_names_checked(url: str, mode: str | None) -> None:
    from cqs_sheets.journal import server  # noqa: PLC0415

    parameters, _ = server.asked_for(SharedJournal(Secret(url)))
    assert parameters.get("sslmode") == mode
