"""A sync over real HTTP into a target in memory: everything but the command line and the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from cqs_sheets import config, sandbox
from cqs_sheets.api import ApiClient
from cqs_sheets.api.client import utc_now
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations import Destination
from cqs_sheets.journal import Journal
from cqs_sheets.run.deliver import Deliverer
from cqs_sheets.run.looking import Target
from cqs_sheets.run.poll import FeedPoller
from cqs_sheets.run.sync import Run, SyncResult, run_once
from tests.destinations.memory import MemoryDestination
from tests.make import TEMPLATE

BEGIN = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)


class Clock:
    """The time of this process, which stands still until it is moved: for market and client alike."""

    def __init__(self, frozen: FrozenDateTimeFactory) -> None:
        self._frozen = frozen

    def __call__(self) -> datetime:
        return utc_now()

    def pass_(self, **time: float) -> None:
        self._frozen.tick(timedelta(**time))


@contextmanager
def stopped_time() -> Iterator[Clock]:
    """The time stands still, at an instant of its own, until the block ends."""
    with freeze_time(BEGIN) as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield Clock(frozen)


class World:
    """A market, a journal and targets, in a time that stands still until it is moved."""

    def __init__(self, folder: Path, server: sandbox.RunningSandbox, clock: Clock) -> None:
        self.folder = folder
        self.server = server
        self.clock = clock
        self.targets: dict[str, Destination] = {"first.xlsx": MemoryDestination()}
        self.template: Template = TEMPLATE
        self.config_text = 'timezone = "UTC"\n'
        self.environ: dict[str, str] = {}

    @property
    def memory(self) -> MemoryDestination:
        target = self.targets["first.xlsx"]
        assert isinstance(target, MemoryDestination)
        return target

    def settings(self) -> config.Settings:
        file = self.folder / "cqs-sheets.toml"
        file.write_text(self.config_text, encoding="utf-8")
        return config.load(
            config=file,
            environ={"CQS_API_URL": self.server.url, "CQS_HOME": str(self.folder / "home"), **self.environ},
            cwd=self.folder,
            overrides=config.Overrides(to=() if "[[target]]" in self.config_text else tuple(self.targets)),
        )

    def sync(self, **options: Any) -> SyncResult:
        settings = self.settings()
        dry_run = options.pop("dry_run", False)
        key = settings.api.key
        with (
            ApiClient(
                url=settings.api.url,
                key=key,
                clock=utc_now,
                sleep=lambda _: None,
                random=lambda: 0.5,
                retry_for=3,
            ) as api,
            Journal.open(self.folder / "journal.sqlite3", clock=utc_now, rehearsal=dry_run) as journal,
        ):
            deliverer = Deliverer(journal=journal, choices=Choices(**options), dry_run=dry_run, clock=utc_now)
            return run_once(
                Run(
                    settings=settings,
                    poller=FeedPoller(
                        api, journal, free=key.is_free,
                        server_zone=settings.api.server_zone, interval=settings.api.interval,
                    ),
                    deliverer=lambda: deliverer,
                    dry_run=dry_run,
                    at_rest=lambda _: None,
                    journal=journal,
                    open_target=lambda target: Target(
                        settings=target, template=self.template, zone=settings.zone,
                        destination=self.targets[target.name],
                    ),
                    clock=utc_now,
                    progress=lambda _: None,
                    stop=lambda: None,
                )
            )  # fmt: skip


@contextmanager
def world(folder: Path, **market: Any) -> Iterator[World]:
    with stopped_time() as clock, sandbox.start(**market) as server:
        yield World(folder, server, clock)
