"""Workers that are killed, a PostgreSQL that restarts: every signal is once in every sheet that wants it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest

from cqs_sheets import sandbox
from cqs_sheets.api.client import utc_now
from cqs_sheets.journal import Journal, SharedJournal
from tests.emulators.google_sheets import RunningSheets, start
from tests.postgres import Server

pytest.importorskip("procrastinate", reason="the extra `worker` is not installed")

TENANTS = int(os.environ.get("SOAK_TENANTS", "6"))
SHEETS = int(os.environ.get("SOAK_SHEETS", "5"))
WORKERS = 3
SECONDS = float(os.environ.get("SOAK_SECONDS", "100"))
QUIET = 240.0


@pytest.fixture
def server() -> Iterator[sandbox.RunningSandbox]:
    with sandbox.start(seed=5, speed=20) as running:
        yield running


@pytest.fixture
def sheets() -> Iterator[RunningSheets]:
    with start(quota_clock=time.monotonic) as running:
        yield running


class Fleet:
    """Worker processes over a folder of configs."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.configs = folder / "configs"
        self.configs.mkdir()
        self._log = folder / "workers.log"
        self._environ = {
            name: value for name, value in os.environ.items() if not name.startswith("CQS_")
        } | environ
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        words = [
            sys.executable,
            "-m",
            "cqs_sheets",
            "worker",
            "--configs",
            str(self.configs),
            "--every",
            "15s",
        ]
        with self._log.open("ab") as log:
            self.running.append(subprocess.Popen(words, env=self._environ, stderr=log, stdout=log))

    def kill_one(self) -> None:
        killed = self.running.pop(0)
        killed.kill()
        killed.wait()

    def stop(self) -> list[int]:
        for process in self.running:
            process.terminate()
        return [process.wait(120) for process in self.running]


@pytest.mark.soak
def test_no_signal_is_lost_or_doubled_while_workers_and_database_come_and_go(
    tmp_path: Path, server: sandbox.RunningSandbox, sheets: RunningSheets, postgres_server: Server
) -> None:
    environ = {
        "CQS_JOURNAL": postgres_server.url(), "CQS_API_URL": server.url, "CQS_SHEETS_URL": sheets.url,
        "CQS_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    fleet, tenants = Fleet(tmp_path, environ), {}
    for number in range(TENANTS):
        name = f"tenant-{number}-{uuid4().hex[:6]}"
        tenants[name] = [sheets.create() for _ in range(SHEETS if number else 1)]
        text = "".join(f'[[target]]\nto = "{one}"\ntemplate = "raw"\n' for one in tenants[name])
        (fleet.configs / f"{name}.toml").write_text(text)
    for _ in range(WORKERS):
        fleet.start()
    begun, restarts = time.monotonic(), 2
    while time.monotonic() - begun < SECONDS:
        time.sleep(20)
        fleet.kill_one()
        fleet.start()
        if restarts and time.monotonic() - begun > SECONDS / 3:
            restarts -= 1
            postgres_server.stop()
            postgres_server.start()
    until, ended = time.monotonic() + QUIET, utc_now()
    while time.monotonic() < until and any(behind(postgres_server, name, ended) for name in tenants):
        time.sleep(2)
    assert set(fleet.stop()) <= {143, 0}
    for name, books in tenants.items():
        wanted = known(postgres_server, name, ended)
        assert len(wanted) > 10
        for book in books:
            found = Counter(ids_in(sheets, book))
            assert not [key for key, count in found.items() if count > 1]
            assert not wanted - found.keys()
    assert not [one for one in sheets.exchanges if one.status == 429]


def place(server: Server, tenant: str) -> SharedJournal:
    return SharedJournal(server.place().url, tenant)


def behind(server: Server, tenant: str, until: datetime) -> bool:
    """Whether a target lacks what was known then."""
    with Journal.open_readonly(place(server, tenant), clock=utc_now) as journal:
        return any(one.since <= until for one in journal.behind())


def known(server: Server, tenant: str, until: datetime) -> set[str]:
    """What had been seen by then."""
    with Journal.open_readonly(place(server, tenant), clock=utc_now) as journal:
        return {
            f"{one.signal.key.table} {one.signal.key.id}"
            for one in journal.records()
            if one.first_seen <= until
        }


def ids_in(sheets: RunningSheets, book: str) -> Iterator[str]:
    for title, table in (("Signals", "main"), ("Scalping", "scalping")):
        if title in sheets.titles(book):
            for row in sheets.tab(book, title).entered[1:]:
                if row and row[0] not in (None, ""):
                    yield f"{table} {row[0]:.0f}" if isinstance(row[0], float) else f"{table} {row[0]}"
