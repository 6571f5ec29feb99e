"""Opening, locking, refusing: the file as it was."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cqs_sheets.errors import AccessRefused, CqsError, DataRefused, TargetBusy
from cqs_sheets.journal import Journal
from cqs_sheets.journal.database import Database, Row, Values, file_error
from tests.alone import alone_with
from tests.journal.conftest import Clock
from tests.journal.samples import key, poll, signal

as_user = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")


def fill(path: Path, clock: Clock, count: int = 3) -> None:
    with Journal.open(path, clock=clock) as journal:
        journal.keep_answer("swing", {"interval": "20"}, clock(), b"kept")
        journal.record_poll(poll(0, *(signal(number) for number in range(count))))


def refusal(path: Path, clock: Clock) -> CqsError:
    """The error of opening and using the journal, which must have three lines."""

    def use() -> None:
        with Journal.open(path, clock=clock, wait=0) as journal:
            journal.record_poll(poll(0, signal(1)))
            list(journal.records())

    with pytest.raises(CqsError) as caught:
        use()
    assert all((caught.value.message, caught.value.meaning, caught.value.hint))
    return caught.value


def test_what_was_written_is_there_when_opened_again(path: Path, clock: Clock) -> None:
    fill(path, clock)
    with Journal.open(path, clock=clock) as journal:
        assert len(list(journal.records())) == 3
        assert len(journal.undigested()) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_file_and_folder_are_for_the_user_alone(path: Path, clock: Clock) -> None:
    with Journal.open(path, clock=clock) as journal:
        journal.record_poll(poll(0, signal(1)))
        files = list(path.parent.iterdir())
        assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_only_the_journal_and_its_lock_stay_behind(path: Path, clock: Clock) -> None:
    fill(path, clock)
    assert {one.name for one in path.parent.iterdir()} <= {path.name, f"{path.name}.lock"}


def test_a_second_writer_is_told_who_holds_it(path: Path, clock: Clock) -> None:
    with (
        Journal.open(path, clock=clock),
        pytest.raises(TargetBusy, match=rf"in use by process {os.getpid()} since 2026-05-24 12:00:00 UTC"),
        Journal.open(path, clock=clock, wait=0),
    ):
        pass


def test_a_writer_follows_one_that_has_finished(path: Path, clock: Clock) -> None:
    for _ in range(2):
        fill(path, clock)
    with Journal.open(path, clock=clock) as journal:
        assert len(journal.polls(9)) == 2


def test_readers_see_what_is_committed_while_another_writes(path: Path, clock: Clock) -> None:
    with Journal.open(path, clock=clock) as writer, Journal.open_readonly(path, clock=clock) as reader:
        writer.record_poll(poll(0, signal(1)))
        assert [one.signal.key for one in reader.records()] == [key(1)]
        target = reader.target("a.xlsx", "raw")
        assert reader.pending(target, None) == 1
        writer.record_poll(poll(1, signal(1), signal(2)))
        assert reader.pending(target, None) == 2
        assert reader.coverage().covered_seconds > 0


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX end when any handle of the file is closed")
def test_a_process_that_comes_and_goes_does_not_take_away_what_another_still_writes_to(
    path: Path, clock: Clock
) -> None:
    comes_and_goes = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM signals')"
    with Journal.open(path, clock=clock) as journal:
        with Journal.open_outbox(path, clock=clock), Journal.open_readonly(path, clock=clock):
            pass  # as a thread of this process does
        subprocess.run([sys.executable, "-S", "-c", comes_and_goes, str(path)], check=True)
        assert path.with_name(f"{path.name}-wal").exists()
        journal.record_poll(poll(0, signal(1)))


def test_a_reader_cannot_write(path: Path, clock: Clock) -> None:
    fill(path, clock)
    with Journal.open_readonly(path, clock=clock) as reader, pytest.raises(AccessRefused):
        reader.record_poll(poll(1, signal(9)))


def test_a_reader_leaves_the_file_as_it_was(path: Path, clock: Clock) -> None:
    fill(path, clock)
    before = path.read_bytes()
    with Journal.open_readonly(path, clock=clock) as reader:
        assert len(list(reader.records())) == 3
    assert path.read_bytes() == before


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.touch()])
def test_no_journal_yet_reads_as_an_empty_one(path: Path, clock: Clock, make: Callable[[Path], None]) -> None:
    path.parent.mkdir()
    make(path)
    before = sorted(path.parent.iterdir())
    with Journal.open_readonly(path, clock=clock) as reader:
        assert (list(reader.records()), reader.polls(9), reader.coverage().since) == ([], [], None)
        assert reader.target("a.xlsx", "raw").cursor == 0
    assert sorted(path.parent.iterdir()) == before


def test_a_rehearsal_leaves_the_bytes_of_the_file_identical(path: Path, clock: Clock) -> None:
    fill(path, clock)
    before = path.read_bytes()
    with Journal.open(path, clock=clock, rehearsal=True) as journal:
        answer = journal.keep_answer("swing", {}, clock(), b"x" * 5_000_000)
        journal.record_poll(poll(1, *(signal(number) for number in range(9)), answers=[answer]))
        target = journal.target("a.xlsx", "raw")
        journal.delivered(
            target, sequence=1, version="v", rows=[(key(8), 1)], cursor=0, at=clock(), wrote=True
        )
        assert journal.pending(target, None) == 8
    assert path.read_bytes() == before
    assert {one.name for one in path.parent.iterdir()} <= {path.name, f"{path.name}.lock"}


def test_a_rehearsal_that_fails_leaves_no_trace_either(path: Path, clock: Clock) -> None:
    fill(path, clock)
    before = path.read_bytes()

    def rehearse() -> None:
        with Journal.open(path, clock=clock, rehearsal=True) as journal:
            journal.record_poll(poll(1, signal(9)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rehearse()
    assert path.read_bytes() == before


def test_a_rehearsal_without_a_journal_makes_none(path: Path, clock: Clock) -> None:
    with Journal.open(path, clock=clock, rehearsal=True) as journal:
        assert journal.record_poll(poll(0, signal(1))).new == 1
    assert not path.parent.exists()


def test_a_step_that_fails_inside_a_rehearsal_is_undone_alone(path: Path, clock: Clock) -> None:
    fill(path, clock)
    with Journal.open(path, clock=clock, rehearsal=True) as journal:
        journal.record_poll(poll(1, signal(7)))
        with pytest.raises(TypeError):
            journal.record_poll(poll(2, signal(8), signal(9, coin=b"no text")))
        assert [one.signal.key.id for one in journal.records()] == ["0", "1", "2", "7"]


@pytest.mark.parametrize("content", [b"PK\x03\x04 a workbook", b"{}", b"SQLite format 2\0" * 99])
def test_a_file_that_is_no_database_is_refused_as_it_is(path: Path, clock: Clock, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert isinstance(refusal(path, clock), DataRefused)
    assert path.read_bytes() == content


def test_a_folder_in_its_place_is_refused(path: Path, clock: Clock) -> None:
    path.mkdir(parents=True)
    assert isinstance(refusal(path, clock), DataRefused)


@pytest.mark.skipif(os.name != "nt", reason="elsewhere nobody opens a file for himself alone")
def test_a_journal_that_another_program_opened_for_itself_alone_is_busy(path: Path, clock: Clock) -> None:
    fill(path, clock)
    with alone_with(path):
        assert isinstance(refusal(path, clock), TargetBusy)
    fill(path, clock)


def test_a_file_in_the_place_of_its_folder_is_refused(path: Path, clock: Clock) -> None:
    path.parent.write_text("a file")
    assert isinstance(refusal(path, clock), AccessRefused)


def test_another_programs_database_is_refused_as_it_is(path: Path, clock: Clock) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = path.read_bytes()
    assert "another program" in refusal(path, clock).message
    assert path.read_bytes() == before


def test_a_newer_versions_journal_is_refused_as_it_is(path: Path, clock: Clock) -> None:
    fill(path, clock)
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = path.read_bytes()
    assert "newer cqs-sheets" in refusal(path, clock).message
    with pytest.raises(DataRefused, match="newer"), Journal.open_readonly(path, clock=clock):
        pass
    assert path.read_bytes() == before


def test_half_a_journal_is_refused_as_it_is(path: Path, clock: Clock) -> None:
    fill(path, clock, count=500)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    error = refusal(path, clock)
    assert isinstance(error, DataRefused)
    assert "damaged" in error.message
    assert path.read_bytes() == whole[: len(whole) // 2]


def test_a_journal_overwritten_in_the_middle_is_refused(path: Path, clock: Clock) -> None:
    fill(path, clock, count=500)
    whole = bytearray(path.read_bytes())
    whole[4096:-4096] = b"\xa5" * (len(whole) - 8192)
    path.write_bytes(whole)
    assert isinstance(refusal(path, clock), DataRefused)


def test_values_that_make_no_sense_are_refused_by_name(path: Path, clock: Clock) -> None:
    fill(path, clock)
    with Journal.open(path, clock=clock) as journal:
        journal._database.change(
            "UPDATE revisions SET content = '{}' WHERE arrival = (SELECT max(arrival) FROM signals)"
        )
        journal._database.change("UPDATE answers SET body = x'00'")
        with pytest.raises(DataRefused, match="signal 2 cannot be read"):
            list(journal.records())
        with pytest.raises(DataRefused, match="answer 1 cannot be read"):
            journal.undigested()


def test_a_full_disk_loses_nothing_that_was_recorded(path: Path, clock: Clock) -> None:
    with Journal.open(path, clock=clock) as journal:
        journal.record_poll(poll(0, signal(1)))
        [[pages]] = journal._database.execute("PRAGMA page_count")
        journal._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(TargetBusy, match="disk is full"):
            journal.record_poll(poll(1, *(signal(number) for number in range(500))))
        assert [one.signal.key for one in journal.records()] == [key(1)]
        journal._database.execute("PRAGMA max_page_count = 100000")
        journal.record_poll(poll(1, signal(2)))
        assert journal.verify() == []


def test_a_foreign_lock_on_the_file_is_told(path: Path, clock: Clock) -> None:
    with Journal.open(path, clock=clock) as journal:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        journal._database.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(TargetBusy, match="another program"):
            journal.record_poll(poll(0, signal(1)))
        other.close()
        assert journal.record_poll(poll(0, signal(1))).new == 1


@as_user
def test_an_unwritable_folder_is_refused(path: Path, clock: Clock) -> None:
    fill(path, clock)
    path.parent.chmod(0o500)
    assert isinstance(refusal(path, clock), AccessRefused)
    path.parent.chmod(0o700)


@as_user
def test_a_read_only_file_is_refused(path: Path, clock: Clock) -> None:
    fill(path, clock)
    path.chmod(0o400)
    assert isinstance(refusal(path, clock), AccessRefused)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, TargetBusy),
        (errno.EIO, TargetBusy),
        (errno.EACCES, AccessRefused),
        (errno.EROFS, AccessRefused),
    ],
)
def test_failures_of_the_file_system_are_told_apart(number: int, kind: type[CqsError]) -> None:
    error = file_error(OSError(number, os.strerror(number)), "journal.sqlite3")
    assert type(error) is kind
    assert all((error.message, error.meaning, error.hint))


def test_a_bug_in_our_sql_is_not_dressed_up(path: Path, clock: Clock) -> None:
    with Journal.open(path, clock=clock) as journal:
        database: Database = journal._database
        with pytest.raises(sqlite3.OperationalError, match="syntax error"):
            database.execute("SELEKT 1")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP])
def test_a_drive_without_locks_is_named_with_the_way_out(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    refused_by = refusal(path, clock)
    assert refused_by.exit_code == 2
    assert f"kept on the drive {path.drive or '/'}" in refused_by.message
    assert "CQS_HOME" in refused_by.hint


def test_a_drive_without_shared_memory_is_named(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = Database.execute

    def no_wal(self: Database, sql: str, values: Values = ()) -> list[Row]:
        return [("delete",)] if sql == "PRAGMA journal_mode = WAL" else execute(self, sql, values)

    monkeypatch.setattr(Database, "execute", no_wal)
    assert "no program shares memory there" in refusal(path, clock).message
