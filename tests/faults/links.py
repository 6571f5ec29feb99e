"""A sync from the sandbox into a spreadsheet on the emulator, each over a link that faults can strike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cqs_sheets import config, sandbox
from cqs_sheets.api import ApiClient
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.core.report import Report
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.wire.auth import open_wire
from cqs_sheets.destinations.google.wire.exchange import Wire
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.journal import Journal
from cqs_sheets.run.deliver import Deliverer
from cqs_sheets.run.looking import Target
from cqs_sheets.run.poll import FeedPoller
from cqs_sheets.run.sync import Run, run_once
from tests.api.fakes import NOW, FakeTime
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import writes
from tests.faults.faulty_server import BIGGEST
from tests.faults.network import Fault, Link
from tests.make import TEMPLATE

API_BUDGET, GOOGLE_BUDGET = 10.0, 200.0
_PATIENCE = 0.1  # real seconds without a byte: servers on the loopback answer at once or not at all


class Links:
    """One market, one spreadsheet and one journal; `time` passes only when somebody waits."""

    def __init__(self, folder: Path, market: sandbox.RunningSandbox, user: GoogleUser) -> None:
        self._folder = folder
        self._market = market
        self._user = user
        self._kept = user.sheets.book(user.book)
        self._now = NOW
        self.waited_for_api = 0.0
        self.waited_for_google = 0.0

    @property
    def clock(self) -> datetime:
        return self._now

    def move_on(self) -> None:
        """Five minutes pass, so that the market has news."""
        self._now += timedelta(minutes=5)

    def save(self) -> None:
        """Remember journal and spreadsheet as they are."""
        self._kept = self._user.sheets.book(self._user.book).copy()
        shutil.copy(self._journal, self._folder / "kept")

    def restore(self) -> None:
        """Put both back."""
        with self._user.sheets.desk.store.lock:
            self._user.sheets.desk.store.books[self._user.book] = self._kept.copy()
        shutil.copy(self._folder / "kept", self._journal)

    @property
    def _journal(self) -> Path:
        return self._folder / "journal.sqlite3"

    def rows(self) -> list[dict[str, Any]]:
        """Of the spreadsheet."""
        return self._user.rows()

    def writes_seen(self) -> int:
        return sum(writes(exchange) for exchange in self._user.sheets.exchanges)

    def sync(self, api: Sequence[Fault | None] = (), google: Sequence[Fault | None] = ()) -> Report:
        """One sync whose requests meet these faults in turn."""
        time, google_time = FakeTime(), FakeTime()
        link, google_link = Link(), Link()
        link.script, google_link.script = list(api), list(google)
        http = SheetsHttp(
            lambda: (self._wire(google_link), ""), retry_for=GOOGLE_BUDGET, clock=google_time.monotonic,
            sleep=google_time.sleep, dice=lambda: 0.5,
        )  # fmt: skip
        try:
            with (
                self._client(time, link) as client,
                Journal.open(self._journal, clock=lambda: self._now) as journal,
            ):
                return run_once(self._run(client, journal, http)).report
        finally:
            http.close()
            link.close()
            self.waited_for_api, self.waited_for_google = time.passed, google_time.passed

    def _client(self, time: FakeTime, link: Link) -> ApiClient:
        client = ApiClient(
            url=self._market.url, key=self._settings.api.key, clock=lambda: self._now, monotonic=time.monotonic,
            sleep=time.sleep, random=lambda: 0.5, retry_for=API_BUDGET, read_timeout=_PATIENCE, max_body=BIGGEST,
        )  # fmt: skip
        for scheme in ("http://", "https://"):
            client._transport._session.mount(scheme, link)
        return client

    def _wire(self, link: Link) -> Wire:
        wire, _ = open_wire(root=self._user.sheets.url, config_folder=Path("nowhere"))
        wire.timeout = (10.0, _PATIENCE * 5)
        wire.session.most_bytes = BIGGEST
        for scheme in ("http://", "https://"):
            wire.session.mount(scheme, link)
        return wire

    @property
    def _settings(self) -> config.Settings:
        return config.load(
            config=self._folder / "cqs-sheets.toml",
            environ={"CQS_API_URL": self._market.url, "CQS_HOME": str(self._folder)},
            cwd=self._folder,
            overrides=config.Overrides(),
        )

    def _run(self, client: ApiClient, journal: Journal, http: SheetsHttp) -> Run:
        settings = self._settings
        return Run(
            settings=settings,
            poller=FeedPoller(
                client, journal, free=True, server_zone=settings.api.server_zone, interval=settings.api.interval
            ),
            deliverer=lambda: Deliverer(
                journal=journal, choices=Choices(), dry_run=False, clock=lambda: self._now
            ),
            dry_run=False,
            at_rest=lambda _: None,
            journal=journal,
            open_target=lambda target: Target(
                settings=target, template=TEMPLATE, zone=settings.zone,
                destination=GoogleDestination(self._user.book, http=http),
            ),
            clock=lambda: self._now,
            progress=lambda _: None,
            stop=lambda: None,
        )  # fmt: skip


@contextmanager
def linked(folder: Path) -> Iterator[Links]:
    """Links with one sync behind them and news to bring, saved."""
    user = GoogleUser(folder)
    (folder / "cqs-sheets.toml").write_text(_CONFIG.format(user.book), encoding="utf-8")
    now = [NOW]
    try:
        with sandbox.start(seed=5, speed=10, clock=lambda: now[0]) as market:
            made = Links(folder, market, user)
            assert made.sync().exit_code == 0
            made.move_on()
            now[0] = made.clock
            made.save()
            yield made
    finally:
        user.close()


_CONFIG = """\
[api]
interval = 20

[[feed]]
name = "all"
leverage = false

[[target]]
to = "{}"
"""
