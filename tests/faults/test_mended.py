"""What the trials of this folder found once, each pinned down by a test of its own."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from cqs_sheets.api import ApiClient
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.query import Feed
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.google.wire.auth import open_wire
from cqs_sheets.destinations.google.wire.exchange import NoAnswer
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy, UsageError
from cqs_sheets.journal import Journal
from cqs_sheets.journal.database import _explain
from cqs_sheets.run.poll import FeedPoller
from cqs_sheets.template_files import load_template
from tests.api.fakes import NOW, Canned, Seen, envelope, serving
from tests.cli.command import HANGS, Shell
from tests.destinations.excel.books import add, sync
from tests.e2e.runs import world
from tests.faults.faulty_server import BIGGEST
from tests.faults.links import Links, linked
from tests.faults.network import Fault, Link, Net, google_faults, network
from tests.faults.test_network import violations

_FULL_DEVICE = Path("/dev/full")


def signal(id_: str, time: str) -> dict[str, str]:
    return {
        "id": id_, "timestamp": f"2026-05-24 {time}", "exchange": "binance", "currency": "USDT", "coin": "BTC",
        "direction": "LONG", "ask": "1", "buy_start": "1", "buy_end": "1", "target1": "2",
    }  # fmt: skip


def test_an_answer_that_a_killed_run_kept_brings_its_rows_in_the_order_of_their_time(tmp_path: Path) -> None:
    newest_first = envelope(signal("43", "11:59:00"), signal("42", "11:58:00"), signal("41", "11:57:00"))
    with world(tmp_path, seed=3, speed=20) as market:
        with Journal.open(tmp_path / "journal.sqlite3", clock=market.clock) as journal:
            journal.keep_answer("all", {"interval": "20"}, market.clock(), newest_first)
        market.sync()
        ids = [str(row["id"]) for row in market.memory.tabs["Signals"]]
    assert [id_ for id_ in ids if id_ in ("41", "42", "43")] == ["41", "42", "43"]


def test_signals_of_a_poll_that_broke_off_are_first_seen_by_the_servers_clock(tmp_path: Path) -> None:
    ours = NOW + timedelta(hours=3)
    with (
        serving() as server,
        ApiClient(url=server.url, key=Secret("FREE"), clock=lambda: ours, retry_for=0) as api,
        Journal.open(tmp_path / "journal.sqlite3", clock=lambda: ours) as journal,
    ):
        server.answers(Canned(body=envelope(signal("1", "14:39:00"))), Canned(403))
        poller = FeedPoller(api, journal, free=True, server_zone=UTC, interval=20)
        assert poller.poll(Feed("all"), ours).error
        assert [record.first_seen for record in journal.records()] == [NOW]


def test_a_wider_look_that_failed_is_made_good_by_the_next_poll(tmp_path: Path) -> None:
    ours, theirs = NOW, NOW

    def answer(seen: Seen) -> Canned:
        away = seen.query["interval"] == "20" and theirs == NOW + timedelta(minutes=10)
        return Canned(403) if away else Canned(date=format_datetime(theirs, usegmt=True))

    with (
        serving() as server,
        ApiClient(url=server.url, key=Secret("FREE"), clock=lambda: ours, retry_for=0) as api,
        Journal.open(tmp_path / "journal.sqlite3", clock=lambda: theirs) as journal,
    ):
        server.answers(answer)
        poller = FeedPoller(api, journal, free=True, server_zone=UTC, interval=None)
        outcomes = []
        for our_minutes, their_minutes in ((0, 0), (1, 10), (11, 11)):  # our clock lags for one poll
            ours, theirs = NOW + timedelta(minutes=our_minutes), NOW + timedelta(minutes=their_minutes)
            outcomes.append(poller.poll(Feed("all"), ours).error is None)
        assert outcomes == [True, False, True]
        assert journal.coverage().gap_seconds == 0


@pytest.fixture
def no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file" / "folder"))


@pytest.mark.usefixtures("no_temporary_folder")
def test_a_new_workbook_is_drawn_without_temporary_files() -> None:
    assert build_workbook(load_template("signals"))[:2] == b"PK"


@pytest.mark.usefixtures("no_temporary_folder")
def test_a_folder_that_takes_no_lock_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(TargetBusy, match="folder for temporary files"):
        sync(tmp_path / "signals.xlsx", [add("1")])


@pytest.mark.skipif(not _FULL_DEVICE.exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("streams", [["stdout"], ["stdout", "stderr"]])
def test_an_output_that_is_full_is_no_bug(shell: Shell, streams: list[str]) -> None:
    with _FULL_DEVICE.open("wb") as full:
        places: dict[str, Any] = {"stdout": full, "stderr": full if "stderr" in streams else subprocess.PIPE}
        done = subprocess.run(
            shell.command("status"), env=shell.environ, cwd=shell.folder, check=False, timeout=HANGS, **places
        )
    assert done.returncode == 75
    assert list(shell.temp.glob("*crash*")) == []
    if "stderr" not in streams:
        assert b"The output cannot be used: No space left on device." in done.stderr


@pytest.mark.parametrize("name", ["SQLITE_CANTOPEN", "SQLITE_READONLY"])
def test_a_journal_that_cannot_be_opened_though_it_may_be_is_no_matter_of_permissions(
    tmp_path: Path, name: str
) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorname = name
    assert isinstance(_explain(error, str(tmp_path / "journal.sqlite3")), TargetBusy)
    assert isinstance(_explain(error, str(tmp_path / "absent" / "journal.sqlite3")), AccessRefused)


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    with linked(tmp_path_factory.mktemp("links")) as made:
        yield made


@pytest.fixture(scope="module")
def wanted(links: Links) -> list[dict[str, Any]]:
    assert links.sync().exit_code == 0
    return links.rows()


def fault_named(net: Net, name: str) -> Fault:
    return next(fault for fault in google_faults(net) if fault.name == name)


@pytest.mark.parametrize("name", ["bomb", "oversized"])
def test_an_answer_of_google_that_fills_the_memory_is_not_read_to_its_end(net: Net, name: str) -> None:
    wire, _ = open_wire(root="http://127.0.0.1:1", config_folder=Path("nowhere"))
    wire.session.most_bytes = BIGGEST
    link = Link()
    link.script = [fault_named(net, name)]
    wire.session.mount("http://", link)
    with pytest.raises(NoAnswer, match="larger than"):
        wire.exchange("GET", "https://sheets.googleapis.com/v4/spreadsheets/1", params={})
    wire.close()


@pytest.mark.parametrize(
    "name", ["list", "deep", "bad-length", "google-302-elsewhere", "google-307-elsewhere"]
)
def test_what_is_no_answer_of_google_is_not_taken_for_one(
    links: Links, net: Net, wanted: list[dict[str, Any]], name: str
) -> None:
    fault = fault_named(net, name)
    for before in (0, 2):  # a question and the write
        assert list(violations(links, net, wanted, (), [*[None] * before, fault])) == []


def test_a_journal_whose_first_run_died_half_way_is_read_by_the_next(tmp_path: Path) -> None:
    made, path = tmp_path / "made.sqlite3", tmp_path / "journal.sqlite3"
    with closing(sqlite3.connect(made, isolation_level=None)) as dying:
        dying.executescript("CREATE TABLE some (text); DROP TABLE some; PRAGMA cache_size = 1; BEGIN;")
        dying.execute("CREATE TABLE some (text TEXT)")
        dying.executemany("INSERT INTO some VALUES (?)", [("x" * 500,)] * 200)
        for suffix in ("", "-journal"):
            shutil.copy(f"{made}{suffix}", f"{path}{suffix}")
    with Journal.open_readonly(path, clock=lambda: NOW) as journal:
        assert list(journal.records()) == []


@pytest.mark.parametrize("what", ["SHMSIZE", "SHMOPEN"])
def test_a_full_disk_beside_the_journal_is_not_taken_for_a_drive_that_shares_no_memory(what: str) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = f"SQLITE_IOERR_{what}"
    assert isinstance(_explain(error, "journal.sqlite3"), TargetBusy)


@pytest.mark.parametrize("name", ["SQLITE_CORRUPT", "SQLITE_IOERR_LOCK"])
def test_a_disk_that_failed_for_once_is_neither_damage_nor_a_drive_without_locks(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "journal.sqlite3"
    with Journal.open(path, clock=lambda: NOW):
        pass
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorname = name
    assert isinstance(_explain(error, str(path)), TargetBusy)


@pytest.mark.parametrize(("locks", "kind"), [(True, TargetBusy), (False, UsageError)])
def test_whether_a_drive_locks_files_is_tried_before_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, locks: bool, kind: type[CqsError]
) -> None:
    def lockf(*_: object) -> None:
        if not locks:
            raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(pytest.importorskip("fcntl"), "lockf", lockf)
    error = sqlite3.OperationalError("locking protocol")
    error.sqlite_errorname = "SQLITE_PROTOCOL"
    assert isinstance(_explain(error, str(tmp_path / "journal.sqlite3")), kind)


def test_a_lock_that_cannot_be_let_go_at_once_is_let_go_and_undoes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = FileLock.release
    faults = [OSError(errno.EIO, "Input/output error")]

    def fails_once(lock: FileLock, *options: Any, **named: Any) -> None:
        if faults:
            raise faults.pop()
        release(lock, *options, **named)

    monkeypatch.setattr(FileLock, "release", fails_once)
    for _ in range(2):
        with Journal.open(tmp_path / "journal.sqlite3", clock=lambda: NOW, wait=0):
            pass


def test_a_mount_that_is_gone_under_the_journal_is_no_matter_of_permissions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: Path, **_: object) -> bool:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected", str(path))

    monkeypatch.setattr(Path, "exists", gone)
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorname = "SQLITE_CANTOPEN"
    assert isinstance(_explain(error, str(tmp_path / "journal.sqlite3")), TargetBusy)
