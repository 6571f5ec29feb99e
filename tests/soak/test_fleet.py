"""Workers are killed, PostgreSQL restarts and is cut off: every signal is once in every sheet that wants it.

The sizes come from the environment: SOAK_SHEETS (of all tenants), SOAK_TENANTS, SOAK_PROJECTS, SOAK_WORKERS,
SOAK_SECONDS (while things break), SOAK_EVERY (seconds between polls), SOAK_SPEED (of the market), SOAK_QUIET (seconds
to catch up afterwards).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from cqs_sheets import sandbox
from cqs_sheets.api.client import utc_now
from cqs_sheets.journal import Journal, SharedJournal
from tests.emulators.google_sheets import Exchange, RunningSheets, start, writes
from tests.postgres import Server
from tests.relay import Relay

pytest.importorskip("procrastinate", reason="the extra `worker` is not installed")


def _sized(name: str, usual: float) -> int:
    return int(float(os.environ.get(f"SOAK_{name}", usual)))


SHEETS, TENANTS, PROJECTS, WORKERS = (
    _sized("SHEETS", 30), _sized("TENANTS", 6), _sized("PROJECTS", 3), _sized("WORKERS", 4),
)  # fmt: skip
SECONDS, EVERY, SPEED, QUIET = (
    _sized("SECONDS", 150), _sized("EVERY", 15), _sized("SPEED", 20), _sized("QUIET", 600),
)  # fmt: skip
KILL_EVERY, CUT = 20, 30.0
TABS = {"Signals": "main", "Scalping": "scalping"}


class Seen:
    """When which signal came into which sheet, told by the emulator's commits."""

    def __init__(self, sheets: RunningSheets) -> None:
        self._sheets = sheets
        self.first: dict[str, dict[str, datetime]] = {}
        sheets.after_commit(self._note, writes, times=0)

    def _note(self, exchange: Exchange) -> None:
        book = exchange.path.removeprefix("/v4/spreadsheets/").partition(":")[0]
        now, known = utc_now(), self.first.setdefault(book, {})
        for key in ids_in(self._sheets, book):
            known.setdefault(key, now)
        exchange.body = exchange.answer = None


class Fleet:
    """Tenants' configs, and worker processes over them."""

    def __init__(self, folder: Path, environ: dict[str, str], sheets: RunningSheets) -> None:
        self._configs = folder / "configs"
        self._configs.mkdir()
        self.log = folder / "workers.log"
        self._environ = {
            name: value for name, value in os.environ.items() if not name.startswith("CQS_")
        } | environ
        self.running: list[subprocess.Popen[bytes]] = []
        self.tenants: dict[str, list[str]] = {}
        for number in range(TENANTS):
            name = f"tenant-{number}-{uuid4().hex[:6]}"
            share = SHEETS // TENANTS + (number < SHEETS % TENANTS)
            self.tenants[name] = [sheets.create() for _ in range(share)]
            self._configure(name, number)

    def _configure(self, name: str, number: int) -> None:
        """Each tenant has a key and a Google account of its own; several share a project."""
        project = f"project-{number % PROJECTS}"
        account = {
            "type": "service_account", "project_id": project,
            "client_email": f"{name}@{project}.iam.gserviceaccount.com",
        }  # fmt: skip
        (self._configs / f"{name}.json").write_text(json.dumps(account))
        targets = "".join(f'[[target]]\nto = "{book}"\ntemplate = "raw"\n' for book in self.tenants[name])
        (self._configs / f"{name}.toml").write_text(
            f'[api]\nkey_env = "KEY_{number}"\ninterval = {look_back()}\n'
            f'[google]\ncredentials_file = "{name}.json"\n{targets}'
        )

    def start(self) -> None:
        """One more worker."""
        words = ["worker", "--configs", str(self._configs), "--every", f"{EVERY}s"]
        with self.log.open("ab") as log:
            self.running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "cqs_sheets", *words], env=self._environ, stderr=log, stdout=log
                )
            )

    def kill_one(self) -> None:
        """The oldest worker, at once."""
        killed = self.running.pop(0)
        killed.kill()
        killed.wait()

    def stop(self) -> list[int]:
        """All of them, when they have finished what they began."""
        for process in self.running:
            process.terminate()
        return [process.wait(180) for process in self.running]


def look_back() -> int:
    """Minutes that a poll looks back: so short that an outage tears gaps."""
    return max(1, round(3 * EVERY / 60))


def key_of(number: int) -> str:
    return f"soakTenant{number:022d}"


@pytest.mark.soak
def test_no_signal_is_lost_or_doubled_while_workers_and_database_come_and_go(
    tmp_path: Path, postgres_server: Server
) -> None:
    subscriptions = [sandbox.Subscription(key_of(number)) for number in range(TENANTS)]
    with (
        sandbox.start(seed=5, speed=SPEED, subscriptions=subscriptions, requests_kept=10**6) as server,
        start(quota_clock=time.monotonic) as sheets,
        Relay(postgres_server.socket) as relay,
    ):
        environ = {
            "CQS_JOURNAL": f"postgresql://postgres@127.0.0.1:{relay.port}/postgres?sslmode=disable",
            "CQS_API_URL": server.url, "CQS_SHEETS_URL": sheets.url, "CQS_HOME": str(tmp_path / "home"),
            **{f"KEY_{number}": key_of(number) for number in range(TENANTS)},
        }  # fmt: skip
        fleet, seen = Fleet(tmp_path, environ, sheets), Seen(sheets)
        for _ in range(WORKERS):
            fleet.start()
        begun = utc_now()
        with told_progress(seen, sheets):
            break_things(fleet, postgres_server, relay)
            ended = utc_now()
            until = time.monotonic() + QUIET
            wanted = {name: known(postgres_server, name, ended) for name in fleet.tenants}
            while time.monotonic() < until and any(
                wanted[name].keys() - seen.first.get(book, {}).keys()
                for name, books in fleet.tenants.items()
                for book in books
            ):
                time.sleep(2)
        caught_up = utc_now()
        codes = fleet.stop()
        asked = answered_polls(server, len(fleet.tenants))
        slowest = figures(fleet, seen, sheets, wanted, caught_up - ended)
        assert set(codes) == {143}
        assert slowest <= 2
        for number, (name, books) in enumerate(fleet.tenants.items()):
            assert wanted[name]
            for book in books:
                found = Counter(ids_in(sheets, book))
                assert not [key for key, count in found.items() if count > 1], (name, book)
                assert not wanted[name].keys() - found.keys(), (name, book)
            assert_gaps_told(postgres_server, name, [at for at in asked[number] if begun <= at <= ended])
        assert not [one for one in sheets.exchanges if one.status == 429]


def break_things(fleet: Fleet, server: Server, relay: Relay) -> None:
    """A worker dies every 20 s; PostgreSQL restarts after a quarter and a half, is cut off after three quarters."""
    begun = time.monotonic()
    plan = [(0.25, "restart"), (0.5, "restart"), (0.75, "cut")]
    while (passed := time.monotonic() - begun) < SECONDS:
        time.sleep(min(KILL_EVERY, max(0.1, SECONDS - passed)))
        fleet.kill_one()
        fleet.start()
        if plan and time.monotonic() - begun > SECONDS * plan[0][0]:
            what = plan.pop(0)[1]
            if what == "cut":
                relay.cut(CUT)
            else:
                server.stop()
                time.sleep(3)
                server.start()
    assert not plan


@contextmanager
def told_progress(seen: Seen, sheets: RunningSheets) -> Iterator[None]:
    """A line every half minute, and nothing kept of requests but their status."""
    done = threading.Event()

    def watch() -> None:
        last, begun = 0, time.monotonic()
        while not done.wait(30):
            exchanges = sheets.exchanges[last:]
            for one in exchanges[:-100]:
                one.body = one.answer = None
            last += max(0, len(exchanges) - 100)
            rows = sum(map(len, list(seen.first.values())))
            tell(f"{time.monotonic() - begun:5.0f} s: {len(sheets.exchanges):,} requests, {len(seen.first):,} sheets,"
                  f" {rows:,} rows")  # fmt: skip

    teller = threading.Thread(target=watch, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def figures(
    fleet: Fleet,
    seen: Seen,
    sheets: RunningSheets,
    wanted: dict[str, dict[str, datetime]],
    behind_for: timedelta,
) -> float:
    """The slowest tenant's p95 of the seconds from news in the journal to its row in a sheet, by the median's."""
    tell(
        f"\n{SHEETS:,} sheets of {TENANTS} tenants in {PROJECTS} projects, {WORKERS} workers, {SECONDS} s of trouble"
    )
    slow: dict[str, float] = {}
    rows = 0
    for name, books in fleet.tenants.items():
        since = wanted[name]
        taken = [
            (at - since[key]).total_seconds()
            for book in books
            for key, at in seen.first.get(book, {}).items()
            if key in since
        ]
        rows += len(taken)
        slow[name] = statistics.quantiles(taken, n=20)[-1] if len(taken) > 1 else 0.0
    middle = statistics.median(slow.values())
    refused = sum(one.status == 429 for one in sheets.exchanges)
    tell(f"{rows:,} rows, {sheets.reads:,} reads, {sheets.writes:,} writes, {refused} answered by 429")
    tell(f"caught up {behind_for.total_seconds():.0f} s after the trouble")
    tell(f"p95 from news to sheet: median tenant {middle:.1f} s, fastest {min(slow.values()):.1f} s,"
          f" slowest {max(slow.values()):.1f} s = {max(slow.values()) / middle:.2f} of the median")  # fmt: skip
    last = sorted(slow.items(), key=lambda one: -one[1])[:5]
    tell("the slowest: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in last))
    return max(slow.values()) / middle


def tell(line: str) -> None:
    """A figure for whoever runs it with -s."""
    print(line, flush=True)  # noqa: T201 - the figures of docs/reliability.md


def answered_polls(server: sandbox.RunningSandbox, tenants: int) -> list[list[datetime]]:
    """When each tenant's key was asked for, whatever became of the answer."""
    number = {key_of(one): one for one in range(tenants)}
    found: list[list[datetime]] = [[] for _ in range(tenants)]
    for one in server.requests:
        if (key := one.params.get("api_key", "")) in number:
            found[number[key]].append(one.at)
    return found


def assert_gaps_told(server: Server, tenant: str, asked: list[datetime]) -> None:
    """What no request looked back on is a gap that the journal tells."""
    span = timedelta(minutes=look_back())
    holes = [(one, other - span) for one, other in pairwise(asked) if other - one > span]
    with Journal.open_readonly(place(server, tenant), clock=utc_now) as journal:
        selections = [(name, poll.selection) for name, poll in journal.last_polls().items()]
        gaps = journal.coverage(selections, since=asked[0]).gaps
    for begin, end in holes:
        middle = begin + (end - begin) / 2
        assert any(gap.start <= middle <= gap.end for gap in gaps), (tenant, begin, end, gaps)


def place(server: Server, tenant: str) -> SharedJournal:
    return SharedJournal(server.place().url, tenant)


def known(server: Server, tenant: str, until: datetime) -> dict[str, datetime]:
    """What had been seen by then, and since when."""
    with Journal.open_readonly(place(server, tenant), clock=utc_now) as journal:
        return {
            f"{one.signal.key.table} {one.signal.key.id}": one.first_seen
            for one in journal.records()
            if one.first_seen <= until
        }


def ids_in(sheets: RunningSheets, book: str) -> Iterator[str]:
    """The keys of a sheet's rows: the first column below the headers."""
    for title, table in TABS.items():
        if tab := sheets.book(book).tab(title):
            for row in range(1, len(tab.grid.rows)):
                value = tab.grid.cell(row, 0).value
                if value not in (None, ""):
                    yield f"{table} {value:.0f}" if isinstance(value, float) else f"{table} {value}"
